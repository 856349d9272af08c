// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"fmt"
	"maps"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/release"
)

// TestWhatIsGoneIsTold: an object that someone has deleted is put back, and the run that does so knows of the deletion, whatever
// became of the runs before.
func TestWhatIsGoneIsTold(t *testing.T) {
	ref := plan.Ref{Namespace: "orders-prod", Name: "a"}
	ref.Kind = "ConfigMap"
	other := ref
	other.Name = "b"
	third := ref
	third.Name = "c"
	// end ends the run under way.
	end := func(w *world, change func(*release.Ended)) {
		ended := w.ran(w.op.(release.Run))
		change(&ended)
		w.op = nil
		w.step(ended)
	}
	vanished := func(w *world, refs ...plan.Ref) map[plan.Ref]plan.Vanished {
		out := map[plan.Ref]plan.Vanished{}
		for _, ref := range refs {
			out[ref] = plan.Vanished{UID: "1", At: w.now}
		}
		return out
	}
	cases := map[string]struct {
		reason string
		// do comes while a run is under way that was told of the deletion.
		do   func(w *world)
		want []plan.Ref // that the next run is told of
	}{
		"Done": {"What was put back is over.", func(w *world) {
			end(w, func(e *release.Ended) { e.Sights = map[plan.Ref]release.Sight{ref: {}} })
		}, nil},
		"Dropped": {"What a run did not want back is, too.", func(w *world) { end(w, func(*release.Ended) {}) }, nil},
		"Canceled": {"A newer commit ends the run before it has come to it.", func(w *world) {
			w.declare(w.target("c2", "d2", 2), settings())
			w.answer()
		}, []plan.Ref{ref}},
		"CanceledAfterwards": {"Or after it.", func(w *world) {
			w.declare(w.target("c2", "d2", 2), settings())
			end(w, func(e *release.Ended) { e.Sights = map[plan.Ref]release.Sight{ref: {}} })
		}, nil},
		"Failed": {"The API server was away.", func(w *world) {
			w.fail(errBoom, false)
		}, []plan.Ref{ref}},
		"FailedOften": {"For longer than one attempt.", func(w *world) {
			w.fail(errBoom, false)
			w.now = w.wake
			w.step(release.Timer{})
			w.fail(errBoom, false)
		}, []plan.Ref{ref}},
		"FailedAfterwards": {"Something else has failed.", func(w *world) {
			end(w, func(e *release.Ended) { e.Err, e.Sights = errBoom, map[plan.Ref]release.Sight{ref: {}} })
		}, nil},
		"Waiting": {"Its namespace has to be gone first.", func(w *world) {
			end(w, func(e *release.Ended) { e.Waiting = "waiting for it to be gone" })
		}, []plan.Ref{ref}},
		"Suspended": {"A person has suspended the release, and resumes it later.", func(w *world) {
			w.act(release.Suspend)
			end(w, func(e *release.Ended) { e.Canceled = true })
			w.settle()
			w.act(release.Resume)
		}, []plan.Ref{ref}},
		"Another": {"A second one is deleted meanwhile.", func(w *world) {
			w.step(release.MemberGone{Ref: other, UID: "1"})
			w.fail(errBoom, false)
		}, []plan.Ref{ref, other}},
		"Again": {"It is made and deleted again meanwhile.", func(w *world) {
			w.step(release.MemberGone{Ref: ref, UID: "1"})
			end(w, func(e *release.Ended) { e.Sights = map[plan.Ref]release.Sight{ref: {}} })
		}, []plan.Ref{ref}},
		"Taken": {"What a run has made is gone before it says so, and a newer commit does not want it.", func(w *world) {
			end(w, func(*release.Ended) {}) // what was deleted is back
			w.declare(w.target("c2", "d2", 3), settings())
			w.declare(release.Target{Commit: "c3", Remove: true}, settings())
			w.step(release.MemberGone{Ref: third, UID: "1"})
			end(w, func(e *release.Ended) {
				e.Canceled, e.Sights = true, map[plan.Ref]release.Sight{ref: {}, third: {}}
			})
		}, []plan.Ref{third}},
		"Elsewhere": {"Who gets the release from another replica has seen nothing of it.", func(w *world) {
			w.step(release.Lost{Owner: "r2"})
			w.fail(errBoom, false)
			w.step(release.Gained{})
			w.answer()
		}, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			w := kept(t)
			w.step(release.MemberGone{Ref: ref, UID: "1"})
			first := w.op.(release.Run)
			if diff := cmp.Diff(vanished(w, ref), first.Gone); diff != "" {
				t.Fatalf("the first run is told of (-want +got):\n%s", diff)
			}
			want := vanished(w, tc.want...)
			tc.do(w)
			if _, ok := w.op.(release.Run); !ok {
				if w.op != nil {
					w.settle()
				}
				w.step(release.Nudged{})
			}
			run, ok := w.op.(release.Run)
			if !ok {
				t.Fatalf("%T is under way", w.op)
			}
			if diff := cmp.Diff(want, maps.Clone(run.Gone), cmp.Comparer(sameUID)); diff != "" && len(want)+len(run.Gone) > 0 {
				t.Errorf("%s\nThe next run is told of (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// sameUID leaves the time out.
func sameUID(a, b plan.Vanished) bool { return a.UID == b.UID }

// TestMissed: of what was deleted while nobody watched, only what removes itself once it has ended is taken to have done so.
func TestMissed(t *testing.T) {
	const digest = "0123456789abcdef0123"
	for _, tc := range []struct {
		reason string
		gone   release.MemberGone
		told   bool
		want   plan.Finished
	}{
		{"someone has deleted it", release.MemberGone{Digest: digest}, true, nil},
		{"nobody watched, and it stays by itself", release.MemberGone{Digest: digest, Missed: true}, true, nil},
		{"it had not ended when it was deleted", release.MemberGone{Digest: digest, Ending: plan.Started}, true, plan.Finished{{Digest: digest[:16], Started: true}}},
		{"nobody watched when it ended", release.MemberGone{Digest: digest, Ending: plan.Started, Missed: true}, false, plan.Finished{{Digest: digest[:16], Started: true}}},
		{"it had ended before", release.MemberGone{Digest: digest, Ending: plan.Completed, Missed: true}, true, plan.Finished{{Digest: digest[:16]}}},
		{"and badly", release.MemberGone{Digest: digest, Ending: plan.FailedForGood}, true, plan.Finished{{Digest: digest[:16], Failed: true}}},
	} {
		w := kept(t)
		tc.gone.Ref = plan.Ref{Namespace: "orders-prod", Name: "a"}
		tc.gone.Ref.Kind = "ConfigMap"
		w.step(tc.gone)
		run, ok := w.op.(release.Run)
		if !ok {
			t.Fatalf("%s: %T is under way", tc.reason, w.op)
		}
		if told := len(run.Gone) == 1; told != tc.told {
			t.Errorf("%s: the run is told of %v", tc.reason, run.Gone)
		}
		if diff := cmp.Diff(tc.want, run.Memory.Finished); diff != "" {
			t.Errorf("%s: remembered (-want +got):\n%s", tc.reason, diff)
		}
	}
}

// TestWhatIsNotDoneDoesNotGrow: a release to which nothing is done, for months perhaps, does not remember what happens to any number
// of objects meanwhile.
func TestWhatIsNotDoneDoesNotGrow(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		begin  func(w *world)
	}{
		"Standby":          {"Another replica keeps it.", func(w *world) { w.step(release.Lost{Owner: "r2"}) }},
		"Nobody":           {"No replica keeps it.", func(w *world) { w.step(release.Lost{}) }},
		"Suspended":        {"A person has suspended it.", func(w *world) { w.act(release.Suspend); w.settle() }},
		"ProjectSuspended": {"Its project is.", func(w *world) { w.step(release.Paused{}) }},
		"Running":          {"A run takes long.", func(w *world) { w.step(release.Nudged{}) }},
		"Away":             {"Its cluster does not answer.", func(w *world) { w.step(release.Nudged{}); w.fail(errBoom, true) }},
	} {
		t.Run(name, func(t *testing.T) {
			w := kept(t)
			tc.begin(w)
			for i := range 1000 {
				ref := plan.Ref{Namespace: "orders-prod", Name: fmt.Sprint("run-", i)}
				ref.Group, ref.Kind = "batch", "Job"
				w.step(release.MemberChanged{Ref: ref, Leaving: true})
				w.step(release.MemberGone{Ref: ref})
			}
			if n := w.state.Remembered(); n > 10 {
				t.Errorf("%s It remembers %d objects.", tc.reason, n)
			}
		})
	}
}
