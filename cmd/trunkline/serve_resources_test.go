// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/resources"
	"trunkline.dev/trunkline/reconciler/status"
)

// TestResourceEvents: what a commit asked for was done by who made it, and what was put right by the daemon.
func TestResourceEvents(t *testing.T) {
	release := catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "one"}
	commit := &status.Commit{Hash: "abc", Author: "ann"}
	for act, want := range map[resources.Act]history.Event{
		resources.Made:      {Kind: history.ResourceMade, By: "ann"},
		resources.Changed:   {Kind: history.ResourceChanged, By: "ann"},
		resources.Corrected: {Kind: history.ResourceCorrected},
		resources.Removed:   {Kind: history.ResourceRemoved, By: "ann"},
	} {
		want.Release, want.Object, want.Commit, want.Fields = release, "bucket b", "abc", []string{"tags"}
		got := resourceEvent(resources.Event{Act: act, Release: release, ID: "bucket b", Fields: []string{"tags"}}, commit)
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", act, diff)
		}
	}
}

// TestResourcesByRelease: they are summed up for each release, with why the first one failed.
func TestResourcesByRelease(t *testing.T) {
	a, b := catalog.ReleaseID{Project: "a"}, catalog.ReleaseID{Project: "b"}
	got := resourcesByRelease([]resources.State{
		{Release: a, ID: "bucket x", Made: true}, {Release: a, ID: "bucket y", Err: "no"}, {Release: a, ID: "bucket z", Err: "never"}, {Release: b, ID: "database d"},
	})
	want := map[catalog.ReleaseID]status.Resources{a: {Made: 1, Failed: 2, Message: "no"}, b: {Waiting: 1}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
