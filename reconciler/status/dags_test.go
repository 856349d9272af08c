// SPDX-License-Identifier: Apache-2.0

package status_test

import (
	"testing"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
)

// TestSetDags: how DAGs are doing is said of releases that are on the board, and one that failed needs attention.
func TestSetDags(t *testing.T) {
	b := status.NewBoard(newClock().Now)
	a := id("a", "dev", "one")
	b.SetRelease(a, func(r *status.Release) { r.Result, r.Health = status.Applied, status.Healthy })
	failed := map[catalog.ReleaseID]status.Dags{a: {Dags: 2, Failed: 1, Message: "daily: the task load failed"}}
	b.SetDags(failed)
	if r, _ := b.Release(a); r.Fine() || r.Dags == nil || r.Dags.String() != "DAGs: 1 failed: daily: the task load failed" {
		t.Errorf("the release is %+v", r)
	}
	before := b.Snapshot().Revision
	if b.SetDags(failed); b.Snapshot().Revision != before {
		t.Error("nothing changed, and there is another revision")
	}
	b.SetDags(map[catalog.ReleaseID]status.Dags{a: {Unknown: true}})
	if r, _ := b.Release(a); !r.Fine() {
		t.Errorf("an Airflow that does not answer is the release's fault: %+v", r)
	}
	b.SetDags(nil)
	if r, _ := b.Release(a); r.Dags != nil {
		t.Errorf("the release still has DAGs: %+v", r.Dags)
	}
}
