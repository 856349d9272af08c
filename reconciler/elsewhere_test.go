package reconciler

import (
	"testing"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/terms"
)

// TestNobodyElseToAsk: once what a release waits for is this replica's, no time is left to wake up at, which would be over
// and waited for again and again.
func TestNobodyElseToAsk(t *testing.T) {
	now := time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)
	r := &Reconciler{opts: Options{Now: func() time.Time { return now }, Sharing: alone{}}}
	w := newWorker(r, catalog.ReleaseID{Project: "a", Environment: "dev", Cluster: "one"})
	w.settings = settings{Terms: terms.Terms{Needs: []catalog.ReleaseID{{Project: "b", Environment: "dev", Cluster: "one"}}}}
	w.verdict = gate.Verdict{Hold: gate.Depends}
	w.askAt = now.Add(-time.Second)
	w.askOthers(t.Context(), t.Context())
	if !w.askAt.IsZero() {
		t.Errorf("it wakes up at %s, and it is %s", w.askAt, now)
	}
}

// TestFollowing: a worker is woken for what it waits for now, and for nothing that it did before.
func TestFollowing(t *testing.T) {
	one, two := catalog.ReleaseID{Project: "one"}, catalog.ReleaseID{Project: "two"}
	var p progress
	w := newWorker(nil, catalog.ReleaseID{Project: "w"})
	woken := func() bool {
		select {
		case <-w.wake:
			return true
		default:
			return false
		}
	}
	p.follow(w, []catalog.ReleaseID{one})
	p.set(one, true, time.Time{})
	if !woken() {
		t.Error("it is not woken for what it waits for")
	}
	p.follow(w, []catalog.ReleaseID{two})
	p.set(one, false, time.Time{})
	if woken() {
		t.Error("it is woken for what it does not wait for any more")
	}
	p.set(two, true, time.Time{})
	if !woken() {
		t.Error("it is not woken for what it waits for since")
	}
	p.follow(w, nil)
	p.set(two, false, time.Time{})
	if woken() {
		t.Error("it is woken although it waits for nobody")
	}
}
