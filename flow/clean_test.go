// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"errors"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/jobs"
)

// TestJobsThatStay: that a Job cannot be removed is said once, and it is tried again after longer and longer pauses.
func TestJobsThatStay(t *testing.T) {
	w := newWorld(t)
	s := planned(t, w)
	now := time.Now()
	j := jobs.Job{
		Namespace: "orders-dev", Name: "land-1", UID: "1", Cluster: "one", Environment: "dev", Workload: "orders/land", Lot: w.at(0), Attempt: "r1", Outcome: "failed: x",
		Ended: now.Add(-2 * keepFailed), Failed: true,
	}
	put(s.fleets[0].jobs, "dev", arcLot{j.Workload, j.Lot}, j.Name, j)
	said := w.logged()
	l := &loop{Keeper: w.replica(time.Second), ctx: t.Context()}
	var waits []time.Duration
	l.opts.Now = func() time.Time { return now }
	for range 9 {
		if got := s.old(now); len(got) != 1 {
			t.Fatalf("to be removed are %v", got)
		}
		l.cleaned(cleaned{s, j, errors.New("you may not")})
		if got := s.old(now); len(got) > 0 {
			t.Fatalf("it is tried again at once")
		}
		next := s.removals[j.UID].next
		waits = append(waits, next.Sub(now))
		now = next
	}
	want := []time.Duration{1, 2, 4, 8, 16, 32, 60, 60, 60}
	for i := range want {
		want[i] *= time.Minute
	}
	if diff := cmp.Diff(want, waits); diff != "" {
		t.Errorf("pauses: -want +got:\n%s", diff)
	}
	if n := said("cannot remove a run that has ended"); n != 1 {
		t.Errorf("it is said %d times", n)
	}
	delete(s.fleets[0].jobs["dev"], arcLot{j.Workload, j.Lot})
	if s.old(now); len(s.removals) > 0 {
		t.Error("what is gone is remembered")
	}
}
