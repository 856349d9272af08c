// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/plan"
)

// TestStarted: an object that removes itself once it has ended, and that nobody has seen ending: the daemon was not there.
func TestStarted(t *testing.T) {
	job := object("Job a/migrate", "1")
	started := plan.Finished{}.With(digestOf(job), plan.Started)
	there := func(change ...func(*plan.Observed)) []plan.Observed {
		return all(seenAs(job, func(o *plan.Observed) {
			o.Ending = plan.Started
			for _, f := range change {
				f(o)
			}
		}))
	}
	const create = "create Job.batch a/migrate (missing)"
	cases := map[string]struct {
		reason string
		in     plan.Input
		want   []string
		done   bool
	}{
		"Gone":    {"It is gone, and was there: it has ended.", plan.Input{Finished: started}, nil, true},
		"Never":   {"It was never there: the daemon ended before it was created.", plan.Input{}, []string{create}, false},
		"There":   {"It is there still.", plan.Input{Finished: started, Observed: there()}, nil, false},
		"Deleted": {"Someone was seen to delete it.", plan.Input{Finished: started, Vanished: map[plan.Ref]plan.Vanished{ref("Job a/migrate"): {UID: "1"}}}, []string{create}, false},
		"Deleting": {
			"Someone is deleting it.",
			plan.Input{Finished: started, Observed: there(deleting)},
			[]string{"blocked Job.batch a/migrate (being deleted)"},
			false,
		},
		"Unseen": {"It was applied just now, and no watch has shown it yet.", plan.Input{
			Finished: started, Applied: map[plan.Ref]plan.Applied{ref("Job a/migrate"): {Digest: digestOf(job), Version: "9"}},
		}, nil, false},
		"Pruned":     {"A newer commit had it deleted before it had ended.", plan.Input{Finished: started.WithPruned(digestOf(job), plan.Started)}, []string{create}, false},
		"Changed":    {"Declared differently it is another one.", plan.Input{Finished: plan.Finished{}.With(digestOf(object("Job a/migrate", "0")), plan.Started)}, []string{create}, false},
		"Everything": {"Applying everything again is no wish to run it again.", plan.Input{Finished: started, Everything: true}, nil, true},
		"Another":    {"Another object that was deleted says nothing of it.", plan.Input{Finished: started, Vanished: map[plan.Ref]plan.Vanished{ref("Job a/b"): {UID: "1"}}}, nil, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			tc.in.Desired = objects(job)
			p, err := plan.Compute(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, text(p)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if done := len(p.Done) == 1; done != tc.done {
				t.Errorf("%s\ndone: %v", tc.reason, p.Done)
			}
		})
	}
}

// TestWhatIsKnownOfAnEnding: whichever way what was seen of one object is put together, what is sure stays.
func TestWhatIsKnownOfAnEnding(t *testing.T) {
	digest := strings.Repeat("d", 16)
	end := func(change func(*plan.End)) plan.Finished {
		e := plan.End{Digest: digest}
		change(&e)
		return plan.Finished{e}
	}
	started, completed, failed := end(func(e *plan.End) { e.Started = true }), end(func(*plan.End) {}), end(func(e *plan.End) { e.Failed = true })
	pruned := end(func(e *plan.End) { e.Pruned = true })
	cut := end(func(e *plan.End) { e.Pruned, e.Started = true, true })
	for _, tc := range []struct {
		reason          string
		known, is, want plan.Finished
	}{
		{"it begins", nil, started, started},
		{"it ends", started, completed, completed},
		{"it fails", started, failed, failed},
		{"a run that began before knows less", completed, started, completed},
		{"nor does it undo a failure", failed, started, failed},
		{"it is deleted before it has ended", started, cut, cut},
		{"it is deleted afterwards", completed, pruned, pruned},
		{"that it had ended was seen by others", failed, cut, end(func(e *plan.End) { e.Pruned, e.Failed = true, true })},
		{"it is declared again, and begins", pruned, started, started},
		{"it is declared again after it was cut off", cut, started, started},
	} {
		if diff := cmp.Diff(tc.want, tc.known.Merge(tc.is)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
		}
	}
	var many plan.Finished
	for i := range 100 {
		many = many.With(fmt.Sprintf("%016d", i), plan.Started)
	}
	if again := many.With(fmt.Sprintf("%016d", 99), plan.Started); len(many) != 64 || !cmp.Equal(many, again) {
		t.Error("of more that have begun than are remembered, another set is remembered each time")
	}
	if got := many.With(digest, plan.Completed); got[0].Digest != digest {
		t.Error("what has begun is in the way of what has ended")
	}
}
