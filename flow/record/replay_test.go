// SPDX-License-Identifier: Apache-2.0

package record_test

import (
	"maps"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/record"
)

// TestReplays: a replay begins once, at the time that the store says, whoever writes that down again, and names of datasets and
// workloads do not meet.
func TestReplays(t *testing.T) {
	address := "file://" + t.TempDir() + "/records/"
	do := func(do func(bucket.Folder) error) {
		t.Helper()
		if err := bucket.With(t.Context(), address, bucket.Options{}, do); err != nil {
			t.Fatal(err)
		}
	}
	var none, first, second map[string]time.Time
	list := func(into *map[string]time.Time) {
		do(func(f bucket.Folder) (err error) { *into, err = record.Replays(t.Context(), f); return err })
	}
	begin := func(r plan.Replay) {
		do(func(f bucket.Folder) error { return record.Begin(t.Context(), f, r) })
	}
	list(&none)
	if len(none) > 0 {
		t.Errorf("nothing has begun, and there is %v", none)
	}
	all := []string{"mend of orders/clean", "mend of orders/clean@1", "other of orders/clean@1"}
	for _, id := range all {
		begin(plan.Replay{ID: id, Of: id[len(id)-len("orders/clean"):]})
	}
	list(&first)
	begin(plan.Replay{ID: all[0], Of: "orders/clean", Reason: "another"})
	do(func(f bucket.Folder) error { return f.Create(t.Context(), "replays/notes.txt", []byte("by hand")) })
	list(&second)
	if diff := cmp.Diff(all, slices.Sorted(maps.Keys(second))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if diff := cmp.Diff(first, second); diff != "" {
		t.Errorf("what has begun began again: -want +got:\n%s", diff)
	}
	if first[all[0]].IsZero() {
		t.Error("the store does not say when it began")
	}
	got := record.Begun([]plan.Replay{{ID: "new of orders/clean"}, {ID: all[1]}}, first)
	if diff := cmp.Diff([]plan.Replay{{ID: all[1], Marked: first[all[1]]}}, got); diff != "" {
		t.Errorf("of those that are declared have begun: -want +got:\n%s", diff)
	}
}
