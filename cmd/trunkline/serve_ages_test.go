// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// pages is a history of some pages.
type pages []history.Page

func (p pages) Query(_ context.Context, f history.Filter) (history.Page, error) {
	return p[f.Before], nil
}

func TestAgesOf(t *testing.T) {
	a, b, c := catalog.ReleaseID{Project: "a"}, catalog.ReleaseID{Project: "b"}, catalog.ReleaseID{Project: "c"}
	d, e, f := catalog.ReleaseID{Project: "d"}, catalog.ReleaseID{Project: "a", Cluster: "two"}, catalog.ReleaseID{Project: "f"}
	at := func(minute int) time.Time { return time.Date(2026, 1, 1, 12, minute, 0, 0, time.UTC) }
	past := pages{
		{Next: 1, Events: []history.Event{
			{Release: a, Kind: history.Healthy, Commit: "2", Time: at(9)},
			{Release: b, Kind: history.Unhealthy, Commit: "2", Time: at(8)}, // whatever it was before, it is not healthy
			{Release: d, Kind: history.Healthy, Commit: "3", Time: at(8)},   // again, after it was not
			{Release: d, Kind: history.Unhealthy, Commit: "3", Time: at(7)},
			{Release: f, Kind: history.Unhealthy, Commit: "1", Time: at(7)}, // and never was
		}},
		{Events: []history.Event{
			{Release: b, Kind: history.Healthy, Commit: "1", Time: at(7)},
			{Release: a, Kind: history.Healthy, Commit: "1", Time: at(6)},
			{Release: c, Kind: history.Healthy, Commit: "1", Time: at(5)}, // on another page
			{Release: d, Kind: history.Healthy, Commit: "2", Time: at(5)},
			{Release: e, Kind: history.Healthy, Commit: "1", Time: at(4)}, // the same project elsewhere
		}},
	}
	got, err := agesOf(t.Context(), past, "acme")
	want := map[catalog.ReleaseID]status.Age{a: {Commit: "2", Since: at(9)}, c: {Commit: "1", Since: at(5)}, d: {Commit: "3", Since: at(8)}, e: {Commit: "1", Since: at(4)}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}
