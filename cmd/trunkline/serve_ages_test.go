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
	at := func(minute int) time.Time { return time.Date(2026, 1, 1, 12, minute, 0, 0, time.UTC) }
	past := pages{
		{Next: 1, Events: []history.Event{
			{Release: a, Kind: history.Healthy, Commit: "2", Time: at(9)},
			{Release: b, Kind: history.Unhealthy, Commit: "2", Time: at(8)},
		}},
		{Events: []history.Event{
			{Release: b, Kind: history.Healthy, Commit: "1", Time: at(7)},
			{Release: a, Kind: history.Healthy, Commit: "1", Time: at(6)},
			{Release: c, Kind: history.Healthy, Commit: "1", Time: at(5)},
		}},
	}
	got, err := agesOf(t.Context(), past, "acme")
	want := map[catalog.ReleaseID]status.Age{a: {Commit: "2", Since: at(9)}, c: {Commit: "1", Since: at(5)}}
	if diff := cmp.Diff(want, got); diff != "" || err != nil {
		t.Errorf("%v, -want +got:\n%s", err, diff)
	}
}
