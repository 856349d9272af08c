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
	"trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/logs"
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
	if !errors.Is(err, asking.ErrCannot) || !strings.Contains(err.Error(), "the node is away") {
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
	if _, err := log(other, 4, ""); !errors.Is(err, asking.ErrNotYet) {
		t.Errorf("of what is not kept, another replica says %v", err)
	}
	if _, err := log(w.keeper, 5, "none"); !errors.Is(err, asking.ErrNotFound) {
		t.Errorf("of no attempt it is said %v", err)
	}
	if _, err := w.keeper.Log(t.Context(), "dev", "orders/raww@1", w.at(5), ""); !errors.Is(err, asking.ErrNotFound) {
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
			w.cluster.say(jobs.Event{Kind: jobs.Has, Other: &j})
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
