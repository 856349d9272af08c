// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"errors"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/logs"
	"trunkline.dev/trunkline/flow/manifest"
)

// keptLogs are the logs that the store has, as "workload lot outcome".
func (w *world) keptLogs() (all []string) {
	root := filepath.Join(w.dir, "manifests/trunkline-lots/acme/dev/logs")
	found, _ := filepath.Glob(filepath.Join(root, "*/*/lot=*/attempt=*/*.log.gz"))
	for _, at := range found {
		at, _ = filepath.Rel(root, at)
		parts := strings.Split(filepath.ToSlash(at), "/")
		all = append(all, parts[0]+"/"+parts[1]+" "+strings.TrimPrefix(parts[2], "lot=")+" "+strings.TrimSuffix(parts[4], ".log.gz"))
	}
	return all
}

// logged has what is said be seen.
func (w *world) logged() (said func(string) int) {
	var mu sync.Mutex
	var all strings.Builder
	w.log = writerFunc(func(p []byte) (int, error) {
		mu.Lock()
		defer mu.Unlock()
		return all.Write(p)
	})
	return func(text string) int {
		mu.Lock()
		defer mu.Unlock()
		return strings.Count(all.String(), text)
	}
}

// TestWhichLogsAreKept: the logs of the runs are kept that the environment says, and of no others.
func TestWhichLogsAreKept(t *testing.T) {
	for name, of := range map[string]v1alpha1.LotLogs{"default": "", "none": v1alpha1.LogsNone, "failed": v1alpha1.LogsFailed, "all": v1alpha1.LogsAll} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.catalog.Load().Environments["dev"].Spec.Lots.Logs = of
			mend := w.failing(5)
			w.keep()
			w.failed(5)
			mend()
			said(t, "orders/land: 1 lot that failed is tried again")(w.keeper.Retry(t.Context(), "dev", "orders/land", time.Time{}, time.Time{}, askedNow()))
			w.await("all lots", w.made)
			failed := "orders/land " + w.at(5).ID() + " failed"
			want := map[string][]string{"default": {failed}, "none": nil, "failed": {failed}, "all": {failed}}[name]
			if of == v1alpha1.LogsAll {
				for made := range w.once(nil) {
					want = append(want, made+" made")
				}
			}
			w.await("the logs", func() bool { return len(w.keptLogs()) >= len(want) })
			got := w.keptLogs()
			slices.Sort(got)
			slices.Sort(want)
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestALogHoldsUpNothing: a log that cannot be read, or never ends, holds up no lot and no other run, and it is said why it is not kept.
func TestALogHoldsUpNothing(t *testing.T) {
	w := newWorld(t)
	w.catalog.Load().Environments["dev"].Spec.Lots.Logs = v1alpha1.LogsAll
	told := w.logged()
	w.cluster.logs = func(jobs.Job) (string, error) { return "", errors.New("the node is away") }
	w.keep()
	w.await("all lots", w.made)
	w.await("that to be said of each run", func() bool { return told("the log of a run is not kept") == 2*hours })
	if got := w.keptLogs(); len(got) > 0 || told("the node is away") != 2*hours {
		t.Errorf("kept are %v, and it is said %d times why", got, told("the node is away"))
	}
	all, err := w.keeper.Runs(t.Context(), "dev", "orders/raw@1", w.at(3))
	if err != nil || len(all) != 1 || all[0].NoLog != "the node is away" {
		t.Errorf("of its runs it is known %+v, %v", all, err)
	}
	_, err = w.keeper.Log(t.Context(), "dev", "orders/raw@1", w.at(3), "")
	if !errors.Is(err, ErrCannot) || !strings.Contains(err.Error(), "the node is away") {
		t.Errorf("asked for the log it is said: %v", err)
	}
}

// TestALogThatHangs: a node that does not answer holds up no lot either, and its log is kept once it does.
func TestALogThatHangs(t *testing.T) {
	w := newWorld(t)
	w.catalog.Load().Environments["dev"].Spec.Lots.Logs = v1alpha1.LogsAll
	hang := make(chan struct{})
	w.cluster.logs = func(jobs.Job) (string, error) { <-hang; return "late\n", nil }
	stop := w.keep()
	w.await("all lots", w.made)
	if got := w.keptLogs(); len(got) > 0 {
		t.Errorf("kept are %v", got)
	}
	close(hang)
	w.await("all logs", func() bool { return len(w.keptLogs()) == 2*hours })
	stop()
}

// TestLogOf: the log of a run is read from the store where it is kept, and from the cluster otherwise; of several runs, that of the last one.
func TestLogOf(t *testing.T) {
	w := newWorld(t)
	mend := w.failing(5)
	w.keep()
	w.failed(5)
	w.await("its log", func() bool { return len(w.keptLogs()) == 1 })
	log := func(k *Keeper, n int, attempt string) (Log, error) {
		return k.Log(t.Context(), "dev", "orders/raw@1", w.at(n), attempt)
	}
	failed, err := log(w.keeper, 5, "")
	if err != nil || !failed.Kept || failed.Outcome != "failed" || !strings.HasPrefix(failed.Text, "the log of land-") {
		t.Fatalf("the log of a run that failed is %+v, %v", failed, err)
	}
	mend()
	said(t, "orders/land: 1 lot that failed is tried again")(w.keeper.Retry(t.Context(), "dev", "orders/land", time.Time{}, time.Time{}, askedNow()))
	w.await("all lots", w.made)
	if got, err := log(w.keeper, 4, ""); err != nil || got.Kept || got.Outcome != "made" || !strings.HasPrefix(got.Text, "the log of land-") {
		t.Errorf("the log of a run that is not kept is %+v, %v", got, err)
	}
	w.await("the second run to be known", func() bool {
		all, err := w.keeper.Runs(t.Context(), "dev", "orders/raw@1", w.at(5))
		return err == nil && len(all) == 2 && all[1].Outcome == "made"
	})
	if got, err := log(w.keeper, 5, ""); err != nil || got.Kept || got.Outcome != "made" || got.Attempt == failed.Attempt {
		t.Errorf("the log of the last run, before which one is kept, is %+v, %v", got, err)
	}
	w.cluster.mu.Lock()
	w.cluster.logs = func(jobs.Job) (string, error) { return "", jobs.ErrNoLog }
	w.cluster.mu.Unlock()
	if got, err := log(w.keeper, 5, ""); err != nil || got != failed {
		t.Errorf("the last log that there is still is %+v, %v", got, err)
	}
	w.cluster.mu.Lock()
	w.cluster.logs = nil
	w.cluster.mu.Unlock()
	other := w.replica(time.Second)
	if got, err := log(other, 5, failed.Attempt); err != nil || got != failed {
		t.Errorf("another replica has %+v, %v", got, err)
	}
	if _, err := log(other, 4, ""); !errors.Is(err, ErrNotYet) {
		t.Errorf("of what is not kept, another replica says %v", err)
	}
	if _, err := log(w.keeper, 5, "none"); !errors.Is(err, ErrNotFound) {
		t.Errorf("of no attempt it is said %v", err)
	}
	if _, err := w.keeper.Log(t.Context(), "dev", "orders/raww@1", w.at(5), ""); !errors.Is(err, ErrNotFound) {
		t.Errorf("of no dataset it is said %v", err)
	}
}

// TestALogIsKeptBeforeItsJobGoes: what a daemon that ended did not keep is kept by the next one, before it removes the Job; and it is removed
// also if its log cannot be kept.
func TestALogIsKeptBeforeItsJobGoes(t *testing.T) {
	for name, broken := range map[string]error{"kept": nil, "not kept": errors.New("the node is away")} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.failing(5)
			w.cluster.logs = func(jobs.Job) (string, error) { return "", errors.New("the daemon ends") }
			stop := w.keep()
			w.failed(5)
			stop()
			if got := w.keptLogs(); len(got) > 0 {
				t.Fatalf("kept are %v", got)
			}
			w.cluster.mu.Lock()
			for key, j := range w.cluster.jobs {
				if j.Failed {
					j.Ended = j.Ended.Add(-2 * keepFailed)
				}
				w.cluster.jobs[key] = j
			}
			w.cluster.logs = func(j jobs.Job) (string, error) { return "late, of " + j.Name, broken }
			removed := make(chan int, 100)
			w.cluster.deleting = func(j jobs.Job) error {
				found, _ := filepath.Glob(filepath.Join(w.dir, "manifests/trunkline-lots/acme/dev/logs/*/*/*/attempt="+j.Attempt+"/failed.log.gz"))
				removed <- len(found)
				return nil
			}
			w.cluster.mu.Unlock()
			w.keep()
			if n := <-removed; (n == 1) != (broken == nil) {
				t.Errorf("when the Job is removed, %d logs of it are kept", n)
			}
		})
	}
}

// TestOldLogsGo: logs are deleted once they are older than they are kept.
func TestOldLogsGo(t *testing.T) {
	w := newWorld(t)
	w.catalog.Load().Environments["dev"].Spec.Lots.LogsKept = 7
	root := "file://" + w.dir + "/manifests/trunkline-lots/acme/dev/"
	for n, days := range []int{8, 6} {
		r := logs.Run{Workload: "orders/land", Lot: w.at(n), Attempt: "r1", Outcome: "failed"}
		err := bucket.With(t.Context(), root, bucket.Options{}, func(f bucket.Folder) error { return logs.Keep(t.Context(), f, r, "x") })
		if err != nil {
			t.Fatal(err)
		}
		at := time.Now().AddDate(0, 0, -days)
		if err := os.Chtimes(filepath.Join(strings.TrimPrefix(root, "file://"), r.Key()), at, at); err != nil {
			t.Fatal(err)
		}
	}
	w.keep()
	w.await("the old one to go", func() bool { return len(w.keptLogs()) == 1 })
	w.await("all lots", w.made)
	if got, want := w.keptLogs(), "orders/land "+w.at(1).ID()+" failed"; len(got) != 1 || got[0] != want {
		t.Errorf("kept are %v, want %s", got, want)
	}
}

// TestJobsThatStay: that a Job cannot be removed is said once, and it is tried again after longer and longer pauses.
func TestJobsThatStay(t *testing.T) {
	w := newWorld(t)
	s := planned(t, w)
	now := time.Now()
	j := jobs.Job{
		Namespace: "orders-dev", Name: "land-1", UID: "1", Environment: "dev", Workload: "orders/land", Lot: w.at(0), Attempt: "r1", Outcome: "failed: x",
		Ended: now.Add(-2 * keepFailed), Failed: true,
	}
	put(s.cluster.jobs, "dev", arcLot{j.Workload, j.Lot}, j.Name, j)
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
	delete(s.cluster.jobs["dev"], arcLot{j.Workload, j.Lot})
	if s.old(now); len(s.removals) > 0 {
		t.Error("what is gone is remembered")
	}
}

// TestRemoveLots: the lots of a range count no longer once it is said how many they are, with their data if that is asked for, and are made
// again.
func TestRemoveLots(t *testing.T) {
	for name, data := range map[string]bool{"manifests": false, "data too": true} {
		t.Run(name, func(t *testing.T) {
			w := newWorld(t)
			w.keep()
			w.await("all lots", w.made)
			said(t, "sales/clean makes no lots until it is enabled; what runs just now goes on")(w.keeper.Disable(t.Context(), "dev", "sales/clean", ann))
			r := Removing{From: w.at(2).Start, Until: w.at(5).Start, Data: data, Dry: true}
			remove := func(r Removing) (Removed, error) {
				return w.keeper.RemoveLots(t.Context(), "dev", "sales/clean@1", r, ann)
			}
			objects := func() int {
				found, _ := filepath.Glob(filepath.Join(w.dir, "lake/clean/*/*/part"))
				more, _ := filepath.Glob(filepath.Join(w.dir, "lake/clean/*/part"))
				return len(found) + len(more)
			}
			before := objects()
			would, err := remove(r)
			bounds := w.at(2).ID() + " to " + w.at(4).ID()
			want := "3 lots of sales/clean@1 would be removed, " + bounds
			if data {
				want += ", and with them 3 objects of data that no other lists"
			}
			if would.Said != want || would.Lots != 3 || err != nil || before != hours {
				t.Fatalf("it says %+v, %v, want %q, with %d objects", would, err, want, before)
			}
			r.Dry, r.Confirmed = false, 2
			if _, err := remove(r); !errors.Is(err, ErrCannot) || len(w.lots("clean", manifest.Complete)) != hours || objects() != before {
				t.Fatalf("of 2 lots that are 3, it says %v", err)
			}
			r.Confirmed = 3
			done, err := remove(r)
			want = "3 lots of sales/clean@1 are removed, " + bounds
			if data {
				want += ", with the data that no other lists"
			}
			if want += "; sales/clean makes them again, unless it is disabled"; done.Said != want || done.Lots != 3 || err != nil {
				t.Errorf("it says %+v, %v, want %q", done, err, want)
			}
			if got := len(w.lots("clean", manifest.Complete)); got != hours-3 {
				t.Errorf("%d lots count, want %d", got, hours-3)
			}
			left := map[bool]int{false: before, true: before - 3}[data]
			if got := objects(); got != left {
				t.Errorf("%d objects are left, want %d", got, left)
			}
			if all := strings.Join(removals(t, w, "clean"), "\n"); strings.Count(all, `"comment":"removed by ann: it was repaired"`) != 3 {
				t.Errorf("the records are %s", all)
			}
			if _, err := remove(r); !errors.Is(err, ErrCannot) || !strings.Contains(err.Error(), "there is nothing to remove") {
				t.Errorf("once more, it says %v", err)
			}
			if _, err := w.keeper.Enable(t.Context(), "dev", "sales/clean", askedNow()); err != nil {
				t.Fatal(err)
			}
			w.await("all lots again", w.made)
		})
	}
}

// TestDataStays: data are not removed that a run reads just now, by a replica that does not know what runs, or where others have theirs.
func TestDataStays(t *testing.T) {
	w := newWorld(t)
	w.cluster.program = func(o jobs.Order, _ string) (bool, bool) {
		return false, o.Template.Workload == "sales/clean" && o.Lot == w.at(2)
	}
	w.keep()
	w.await("a run to begin", func() bool {
		return w.cluster.starts()["sales/clean "+w.at(2).ID()] == 1 && len(w.lots("raw", manifest.Complete)) == hours
	})
	w.await("it to be known", func() bool { return w.why("sales/clean@1", 2).Status == "running" })
	refuses := func(k *Keeper, n int, dataset string, kind error, why string) {
		t.Helper()
		r := Removing{From: w.at(n).Start, Until: w.at(n).End(), Data: true, Confirmed: 1}
		if _, err := k.RemoveLots(t.Context(), "dev", dataset, r, ann); !errors.Is(err, kind) || !strings.Contains(err.Error(), why) {
			t.Errorf("it says %v, want %q", err, why)
		}
	}
	refuses(w.keeper, 2, "orders/raw@1", ErrCannot, "sales/clean is reading "+w.at(2).ID())
	refuses(w.replica(time.Second), 3, "orders/raw@1", ErrNotYet, "ask the one that leads")
	refuses(w.keeper, 2, "sales/clean@1", ErrCannot, "there is nothing to remove")
	refuses(w.keeper, 2, "sales/clan@1", ErrNotFound, `there is no dataset with lots "sales/clan@1"`)
	w.declare(`path: "lake://raw/", lots`, `path: "lake://raw/", external: true, lots`, "writes: {main: raw@1}}]", "writes: {}}]")
	refuses(w.keeper, 3, "orders/raw@1", ErrCannot, "the data of orders/raw@1 are not removed: its dataset is external; without them, its lots can be")
	if got := len(w.lots("raw", manifest.Complete)); got != hours {
		t.Errorf("%d lots count, want %d", got, hours)
	}
}

// TestLogsOfOtherJobs: the log of a Job that was not made for a lot is kept as that of a run, once, also if the next daemon sees it again, and
// only where its workload is.
func TestLogsOfOtherJobs(t *testing.T) {
	w := newWorld(t)
	stop := w.keep()
	w.await("all lots", w.made)
	var mu sync.Mutex
	read := map[string]int{}
	w.cluster.mu.Lock()
	w.cluster.logs = func(j jobs.Job) (string, error) {
		mu.Lock()
		defer mu.Unlock()
		read[j.Namespace+"/"+j.Name]++
		return "nightly\n", nil
	}
	w.cluster.mu.Unlock()
	tell := func(namespace, name, workload string, failed bool) {
		j := jobs.Job{Namespace: namespace, Name: name, UID: types.UID(namespace + name), Environment: "dev", Workload: workload, Ended: time.Now(), Failed: failed}
		w.cluster.mu.Lock()
		defer w.cluster.mu.Unlock()
		for range 2 {
			w.cluster.tell(jobs.Event{Cluster: "one", Kind: jobs.Has, Other: &j})
		}
	}
	kept := func() (all []string) {
		found, _ := filepath.Glob(filepath.Join(w.dir, "manifests/trunkline-lots/acme/dev/logs/*/*/job=*/*.log.gz"))
		for _, at := range found {
			_, at, _ = strings.Cut(at, "/logs/")
			all = append(all, at)
		}
		return all
	}
	all := func() {
		tell("sales-dev", "forged", "orders/land", true)
		tell("orders-dev", "nobodys", "orders/none", true)
		tell("orders-dev", "made", "orders/land", false)
		tell("orders-dev", "failed", "orders/land", true)
	}
	all()
	want := []string{"orders/land/job=failed/failed.log.gz"}
	w.await("the log", func() bool { return len(kept()) == 1 })
	stop()
	w.keep()
	w.looked()
	all()
	w.looked()
	if diff := cmp.Diff(want, kept()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(map[string]int{"orders-dev/failed": 1}, read); diff != "" {
		t.Errorf("read were: -want +got:\n%s", diff)
	}
}
