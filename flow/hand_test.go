// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"errors"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/acts"
	"trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/report"
)

var ann = acts.By{By: "ann", Why: "it was repaired", At: time.Date(2026, 3, 1, 12, 0, 0, 0, time.UTC)}

// now is ann, who asks at this moment.
func askedNow() acts.By {
	by := ann
	by.At = time.Now()
	return by
}

// said is what comes of an act, in words.
func said(t *testing.T, want string) func(string, error) {
	return func(got string, err error) {
		t.Helper()
		if err != nil {
			got = err.Error()
		}
		if got != want {
			t.Errorf("said is %q, want %q", got, want)
		}
	}
}

// failing has a run of a lot fail for as long as the function that it returns says.
func (w *world) failing(n int) (mend func()) {
	broken := true
	w.cluster.program = func(o jobs.Order, _ string) (bool, bool) {
		return broken && o.Lot == w.at(n) && o.Template.Workload == "orders/land", false
	}
	return func() {
		w.cluster.mu.Lock()
		defer w.cluster.mu.Unlock()
		broken = false
	}
}

// failed waits until it is known that a run has failed.
func (w *world) failed(n int) {
	w.t.Helper()
	w.await("the failure", func() bool { return w.why("orders/raw@1", n).Status == "failed" })
}

// why is what is said of a lot.
func (w *world) why(dataset string, n int) (out report.Lot) {
	_ = w.keeper.View(w.t.Context(), "dev", func(v report.View) error {
		out = v.Lot(dataset, w.at(n))
		return nil
	})
	return out
}

// looked waits until the stores have been listed again, and all that is to be made then is.
func (w *world) looked() {
	w.t.Helper()
	there := func() bool { _, err := os.Stat(w.path("clean", w.at(0))); return err == nil }
	w.await("the first lot", there)
	for range 2 {
		if err := os.Remove(w.path("clean", w.at(0))); err != nil {
			w.t.Fatal(err)
		}
		w.await("a lot that someone deleted", there)
	}
}

// TestRetry: a lot that failed is tried again at once when someone asks, whichever replica is asked, and once.
func TestRetry(t *testing.T) {
	for name, here := range map[string]bool{"by the replica that keeps the lots": true, "by another": false} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			mend := w.failing(5)
			stop := w.keep()
			w.failed(5)
			replica, want := w.keeper, "orders/land: 1 lot that failed is tried again"
			if !here {
				replica, want = w.replica(50*time.Millisecond), "orders/land: the lots that have failed are tried again within a minute, by the replica that keeps them"
			}
			tries := func() int { return w.cluster.starts()["orders/land "+w.at(5).ID()] }
			said(t, want)(replica.Retry(t.Context(), "dev", "orders/land", w.at(5).Start, w.at(5).End(), askedNow()))
			w.await("the second try", func() bool { return tries() == 2 })
			w.failed(5)
			w.looked()
			stop()
			w.keep() // who goes on sees the request too
			w.failed(5)
			w.looked()
			if got := tries(); got != 2 {
				t.Errorf("it was tried %d times, want once more for a request", got)
			}
			mend()
			said(t, "orders/land: 1 lot that failed is tried again")(w.keeper.Retry(t.Context(), "dev", "orders/raw", time.Time{}, time.Time{}, askedNow()))
			w.await("all lots", w.made)
			if got := tries(); got != 3 {
				t.Errorf("it was tried %d times, want 3", got)
			}
		})
	}
}

// TestRuns: what is known of the runs of a lot is told, also of one whose Job is gone.
func TestRuns(t *testing.T) {
	w := newWorld(t)
	mend := w.failing(5)
	w.keep()
	w.failed(5)
	runs := func() (out []Run) {
		out, err := w.keeper.Runs(t.Context(), "dev", "orders/raw@1", w.at(5))
		if err != nil {
			t.Fatal(err)
		}
		return out
	}
	if got := runs(); len(got) != 1 || !got[0].Failed || got[0].Namespace != "orders-dev" || got[0].Job == "" || got[0].Started.IsZero() {
		t.Errorf("of the run that failed it is known %+v", got)
	}
	w.cluster.remove(func(j jobs.Job) bool { return j.Failed })
	mend()
	if _, err := w.keeper.Retry(t.Context(), "dev", "orders/land", time.Time{}, time.Time{}, askedNow()); err != nil {
		t.Fatal(err)
	}
	w.await("all lots", w.made)
	w.await("it to be noted", func() bool { got := runs(); return len(got) == 2 && got[1].Outcome == "made" })
	if got := runs(); got[0].Job != "" || got[0].Outcome != "see its partial manifest" || !got[0].Failed || got[1].Failed || got[1].Ended.IsZero() {
		t.Errorf("of both runs it is known %+v", got)
	}
}

// TestRetryNothing: other lots than those that are asked for are not tried again, and none of a workload that is disabled.
func TestRetryNothing(t *testing.T) {
	w := newWorld(t)
	w.failing(5)
	w.keep()
	w.failed(5)
	for name, tc := range map[string]struct {
		of          string
		from, until time.Time
	}{
		"another workload": {"sales/clean", time.Time{}, time.Time{}},
		"later lots":       {"orders/land", w.at(6).Start, time.Time{}},
		"earlier lots":     {"orders/land", time.Time{}, w.at(5).Start},
	} {
		t.Run(name, func(t *testing.T) {
			said(t, tc.of+": no such lot has failed: there is nothing to try again")(w.keeper.Retry(t.Context(), "dev", tc.of, tc.from, tc.until, askedNow()))
		})
	}
	said(t, "orders/land makes no lots until it is enabled; what runs just now goes on")(w.keeper.Disable(t.Context(), "dev", "orders/land", ann))
	said(t, "orders/land: what has failed is tried again once it is enabled: it is disabled by ann since 2026-03-01T12:00:00Z: it was repaired")(
		w.keeper.Retry(t.Context(), "dev", "orders/land", time.Time{}, time.Time{}, askedNow()))
	w.looked()
	if got := w.cluster.starts()["orders/land "+w.at(5).ID()]; got != 1 {
		t.Errorf("it was tried %d times", got)
	}
}

// TestDisable: a workload that is disabled makes no lots, whoever keeps them, until it is enabled, and it is said why.
func TestDisable(t *testing.T) {
	w := newWorld(t)
	const disabled = "sales/clean makes no lots until it is enabled; what runs just now goes on"
	said(t, disabled)(w.replica(50*time.Millisecond).Disable(t.Context(), "dev", "sales/clean@1", ann)) // who makes the dataset
	for range 2 {
		stop := w.keep()
		w.await("all raw lots", func() bool { return len(w.lots("raw", manifest.Complete)) == hours })
		w.await("the reason", func() bool { return w.why("sales/clean@1", 3).Status == "disabled" })
		if want, got := "sales/clean is disabled by ann since 2026-03-01T12:00:00Z: it was repaired", w.why("sales/clean@1", 3).Why; got != want {
			t.Errorf("why: got %q, want %q", got, want)
		}
		stop()
	}
	w.keep()
	w.await("the reason", func() bool { return w.why("sales/clean@1", 3).Status == "disabled" })
	said(t, "sales/clean is disabled already, by ann since 2026-03-01T12:00:00Z: it was repaired")(w.keeper.Disable(t.Context(), "dev", "sales/clean", askedNow()))
	if got := w.lots("clean", manifest.Complete); len(got) > 0 {
		t.Fatalf("it made %v", got)
	}
	said(t, "sales/clean makes lots again; it was disabled by ann since 2026-03-01T12:00:00Z: it was repaired")(w.keeper.Enable(t.Context(), "dev", "sales/clean", askedNow()))
	w.await("all lots", w.made)
	said(t, "sales/clean makes lots: it is not disabled")(w.keeper.Enable(t.Context(), "dev", "sales/clean", askedNow()))
	said(t, disabled)(w.keeper.Disable(t.Context(), "dev", "sales/clean", ann))
	said(t, w.at(2).ID()+" of sales/clean@1 counts no longer; it is made again once sales/clean is enabled")(
		w.keeper.Remove(t.Context(), "dev", "sales/clean@1", w.at(2), ann))
	w.await("it to be gone", func() bool { return w.why("sales/clean@1", 2).State == "removed" })
}

// TestNothingIsStartedUnasked: while it is not known which workloads are disabled, no run is started.
func TestNothingIsStartedUnasked(t *testing.T) {
	w := newWorld(t)
	said(t, "sales/clean makes no lots until it is enabled; what runs just now goes on")(w.replica(50*time.Millisecond).Disable(t.Context(), "dev", "sales/clean", ann))
	records, away := filepath.Join(w.dir, "manifests/trunkline-lots"), filepath.Join(w.dir, "away")
	if err := errors.Join(os.Rename(records, away), os.WriteFile(records, nil, 0o644)); err != nil {
		t.Fatal(err)
	}
	var mu sync.Mutex
	var log strings.Builder
	w.log = writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return log.Write(p)
	})
	w.keep()
	w.await("a listing", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return strings.Count(log.String(), "cannot read what is written down about lots") > 0
	})
	err := w.keeper.View(t.Context(), "dev", nil)
	if !errors.Is(err, asking.ErrNotYet) || !strings.HasPrefix(err.Error(), "what dev has is not known, and nothing is started: ") || !strings.Contains(err.Error(), records) {
		t.Errorf("said is %v", err)
	}
	if got := w.cluster.starts(); len(got) > 0 {
		t.Errorf("what is known of requests cannot be read, and there are started %v", got)
	}
	if at, is := w.keeper.Listed()["dev"]; is {
		t.Errorf("what cannot be listed was listed at %v", at)
	}
	if err := errors.Join(os.Remove(records), os.Rename(away, records)); err != nil {
		t.Fatal(err)
	}
	w.await("all raw lots", func() bool { return len(w.lots("raw", manifest.Complete)) == hours })
	w.await("the reason", func() bool { return w.why("sales/clean@1", 3).Status == "disabled" })
	w.await("a whole listing", func() bool { return !w.keeper.Listed()["dev"].IsZero() })
	if got := w.lots("clean", manifest.Complete); len(got) > 0 {
		t.Errorf("what is disabled made %v", got)
	}
}

// writerFunc is a function as a writer.
type writerFunc func([]byte) (int, error)

func (f writerFunc) Write(p []byte) (int, error) { return f(p) }

// TestRemove: a lot that someone removes counts no longer, with who did it and why, and is made again.
func TestRemove(t *testing.T) {
	w := newWorld(t)
	w.keep()
	w.await("all lots", w.made)
	for _, replica := range []*Keeper{w.keeper, w.replica(50 * time.Millisecond)} {
		said(t, w.at(2).ID()+" of orders/raw@1 counts no longer; orders/land makes it again; disable that first if it is not to")(
			replica.Remove(t.Context(), "dev", "orders/raw@1", w.at(2), ann))
		w.await("it to be made again", w.made)
	}
	all := strings.Join(removals(t, w, "raw"), "\n")
	if !strings.Contains(all, `"comment":"removed by ann: it was repaired"`) {
		t.Errorf("the records are %s", all)
	}
}

// removals are the records of lots that were removed.
func removals(t *testing.T, w *world, dataset string) (out []string) {
	t.Helper()
	for _, at := range w.files(dataset, manifest.Removed) {
		data, err := os.ReadFile(at)
		if err != nil {
			t.Fatal(err)
		}
		out = append(out, string(data))
	}
	return out
}

// TestRefused is what cannot be done, and why.
func TestRefused(t *testing.T) {
	w := newWorld(t)
	k := w.replica(50 * time.Millisecond)
	clock := newWorld(t, func(_ time.Time, tree fstest.MapFS) {
		file := tree["orders/project.yaml"]
		file.Data = []byte(strings.Replace(string(file.Data), "blueprint: container-job", `blueprint: cron-job, schedule: "0 * * * *"`, 1))
	}).replica(50 * time.Millisecond)
	act := func(do func(context.Context, string, string, acts.By) (string, error), environment, id string) error {
		_, err := do(t.Context(), environment, id, ann)
		return err
	}
	remove := func(dataset string, l lot.Lot) error {
		_, err := k.Remove(t.Context(), "dev", dataset, l, ann)
		return err
	}
	for name, tc := range map[string]struct {
		err  error
		kind error
		text string
	}{
		"no environment":  {act(k.Disable, "prod", "orders/land"), asking.ErrNotFound, `there is no environment "prod" that keeps lots`},
		"no workload":     {act(k.Disable, "dev", "orders/lard"), asking.ErrNotFound, `there is no workload "orders/lard" that makes lots in dev: did you mean "orders/land"?`},
		"never was":       {act(k.Enable, "dev", "orders/lard"), asking.ErrNotFound, `there is no workload "orders/lard" that makes lots in dev: did you mean "orders/land"?`},
		"by the clock":    {act(clock.Disable, "dev", "orders/land"), asking.ErrCannot, "orders/land is scheduled, and writes its lots by itself: suspend it where it is declared"},
		"no dataset":      {remove("orders/row@1", w.at(1)), asking.ErrNotFound, `there is no dataset with lots "orders/row@1" in dev: did you mean "orders/raw@1"?`},
		"of another unit": {remove("orders/raw@1", lot.Daily.At(w.now)), asking.ErrNotFound, lot.Daily.At(w.now).ID() + " is no lot of orders/raw@1, whose lots are hourly"},
		"nothing there":   {remove("orders/raw@1", w.at(1)), asking.ErrCannot, w.at(1).ID() + " of orders/raw@1 is not there: there is nothing to remove"},
		"not here":        {k.View(t.Context(), "dev", nil), asking.ErrNotYet, "this replica does not keep lots at the moment: ask the one that leads"},
	} {
		if tc.err == nil || !errors.Is(tc.err, tc.kind) || tc.err.Error() != tc.text {
			t.Errorf("%s: got %v, want %s", name, tc.err, tc.text)
		}
	}
}

// TestTold: what there is of each dataset is told, and when one is late and when it no longer is, once each.
func TestTold(t *testing.T) {
	w := newWorld(t)
	var mu sync.Mutex
	facts := map[string][]bool{}
	w.facts = func(f Lateness) {
		mu.Lock()
		defer mu.Unlock()
		facts[f.Dataset] = append(facts[f.Dataset], f.Late)
	}
	mend := w.failing(7) // the newest
	stop := w.keep()
	w.failed(7)
	told := func(fits func(Dataset) bool) func() bool {
		return func() bool {
			for _, d := range w.keeper.Datasets() {
				if d.Dataset == "orders/raw@1" {
					return fits(d)
				}
			}
			return false
		}
	}
	w.await("the failure to be told", told(func(d Dataset) bool {
		return d.Known && d.Due == hours && d.There == hours-1 && d.Missing() == 1 && d.Failed == 1 && d.Running == 0 && d.Workload == "orders/land" &&
			d.Cluster == "one" && d.Oldest == w.at(0) && d.Newest == w.at(6)
	}))
	mend()
	if _, err := w.keeper.Retry(t.Context(), "dev", "orders/land", time.Time{}, time.Time{}, askedNow()); err != nil {
		t.Fatal(err)
	}
	w.await("all to be told", told(func(d Dataset) bool { return d.There == hours && d.Failed == 0 && d.Late.IsZero() }))
	w.await("all lots", w.made)
	w.await("both to be in time", func() bool {
		mu.Lock()
		defer mu.Unlock()
		return len(facts["orders/raw@1"]) == 2 && len(facts["sales/clean@1"]) == 2
	})
	stop()
	want := map[string][]bool{"orders/raw@1": {true, false}, "sales/clean@1": {true, false}}
	if diff := cmp.Diff(want, facts); diff != "" {
		t.Errorf("late: -want +got:\n%s", diff)
	}
	if got := w.keeper.Datasets(); got != nil {
		t.Errorf("a keeper that has ended tells of %+v", got)
	}
}
