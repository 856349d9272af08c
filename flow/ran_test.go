// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"errors"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/flow/asking"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/logs"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
)

// TestRan: what is known of an attempt is gathered from its Job and from the store, by its name or that of its Job, and the store still has it
// once the Job is gone.
func TestRan(t *testing.T) {
	w := newWorld(t)
	w.failing(5)
	w.keep()
	w.failed(5)
	w.await("its log", func() bool { return len(w.keptLogs()) == 1 })
	all, err := w.keeper.Runs(t.Context(), "dev", "orders/raw@1", w.at(5))
	if err != nil || len(all) != 1 {
		t.Fatalf("got %v, %v", all, err)
	}
	of := RunOf{Environment: "dev", Workload: "orders/land", Lot: w.at(5), Attempt: all[0].Attempt}
	byJob := RunOf{Environment: "dev", Workload: "orders/land", Job: run.JobName("land", w.at(5), all[0].Attempt)}
	there := func(got Ran) bool {
		return got.There && got.Failed && got.Logged && !got.Kept && got.Cluster == "one" && got.Job == byJob.Job && strings.Contains(got.Manifest, "kind: Job") &&
			len(got.Wrote) == 1 && got.Wrote[0].Own && got.Wrote[0].Manifest.State == manifest.Partial && !got.Started.IsZero() && !got.Ended.IsZero()
	}
	for _, id := range []RunOf{of, byJob} {
		if got, err := w.keeper.Ran(t.Context(), id); err != nil || !there(got) {
			t.Errorf("of %+v it is known %+v, %v", id, got, err)
		}
		if log, err := w.keeper.RunLog(t.Context(), id); err != nil || !log.Kept || log.Outcome != "failed" || !strings.HasPrefix(log.Text, "the log of land-") {
			t.Errorf("the log of %+v is %+v, %v", id, log, err)
		}
	}
	gone := func(got Ran) bool {
		return !got.There && got.Failed && got.Logged && got.Kept && strings.Contains(got.Manifest, "kind: Job") && got.Job == byJob.Job && !got.Ended.IsZero() && len(got.Wrote) == 1
	}
	w.cluster.remove(func(j jobs.Job) bool { return j.Name == byJob.Job })
	w.await("the Job to be gone", func() bool {
		got, err := w.keeper.Ran(t.Context(), of)
		return err == nil && gone(got)
	})
	if got, err := w.replica(time.Second).Ran(t.Context(), of); err != nil || !gone(got) || len(got.Troubles) == 0 {
		t.Errorf("another replica knows %+v, %v", got, err)
	}
	made := RunOf{Environment: "dev", Workload: "orders/land", Lot: w.at(4)}
	some, err := w.keeper.Runs(t.Context(), "dev", "orders/raw@1", w.at(4))
	if err != nil || len(some) != 1 {
		t.Fatalf("got %v, %v", some, err)
	}
	made.Attempt = some[0].Attempt
	w.await("one that went well", func() bool {
		got, err := w.keeper.Ran(t.Context(), made)
		return err == nil && !got.Failed && !got.Logged && len(got.Wrote) == 1 && got.Wrote[0].Own && got.Wrote[0].Manifest.State == manifest.Complete
	})
}

// TestRanOfOtherJobs: a Job that was made for no lot is known as long as it is there, and then by its log; that of another workload is not told
// of, whatever its labels say.
func TestRanOfOtherJobs(t *testing.T) {
	w := newWorld(t)
	w.keep()
	w.await("all lots", w.made)
	job := func(name, workload string) jobs.Looked {
		return jobs.Looked{Job: jobs.Job{Namespace: "orders-dev", Name: name, UID: types.UID(name), Environment: "dev", Workload: workload, Created: time.Now()}, Manifest: "kind: Job\n", Doing: "it waits for a node"}
	}
	w.cluster.mu.Lock()
	w.cluster.others = map[string]jobs.Looked{"orders-dev/nightly-1": job("nightly-1", "orders/land"), "orders-dev/others": job("others", "orders/other")}
	w.cluster.mu.Unlock()
	of := func(name string) RunOf { return RunOf{Environment: "dev", Workload: "orders/land", Job: name} }
	if got, err := w.keeper.Ran(t.Context(), of("nightly-1")); err != nil || !got.There || got.Doing != "it waits for a node" || !got.Ended.IsZero() || got.Namespace != "orders-dev" || len(got.Wrote) > 0 {
		t.Errorf("of one that is under way it is known %+v, %v", got, err)
	}
	if got, err := w.keeper.RunLog(t.Context(), of("nightly-1")); err != nil || got.Kept || got.Text != "the log of nightly-1\n" {
		t.Errorf("its log is %+v, %v", got, err)
	}
	if got, err := w.keeper.Ran(t.Context(), of("others")); !errors.Is(err, asking.ErrNotFound) {
		t.Errorf("of a Job of another workload it is known %+v, %v", got, err)
	}
	if got, err := w.keeper.RunLog(t.Context(), of("others")); !errors.Is(err, asking.ErrNotFound) {
		t.Errorf("the log of a Job of another workload is %+v, %v", got, err)
	}
	records := "file://" + w.dir + "/manifests/trunkline-lots/acme/dev/"
	r := logs.Run{Workload: "orders/land", Job: "nightly-0", Outcome: "failed"}
	err := bucket.With(t.Context(), records, bucket.Options{}, func(f bucket.Folder) error {
		return errors.Join(logs.Keep(t.Context(), f, r, "kept\n"), logs.KeepManifest(t.Context(), f, r, "kind: Job\n"))
	})
	if err != nil {
		t.Fatal(err)
	}
	if got, err := w.keeper.Ran(t.Context(), of("nightly-0")); err != nil || got.There || !got.Failed || !got.Logged || got.Manifest != "kind: Job\n" || !got.Kept {
		t.Errorf("of one that is gone it is known %+v, %v", got, err)
	}
	if got, err := w.replica(time.Second).RunLog(t.Context(), of("nightly-0")); err != nil || !got.Kept || got.Outcome != "failed" || got.Text != "kept\n" {
		t.Errorf("its log is %+v, %v", got, err)
	}
	w.cluster.cut()
	if got, err := w.keeper.Ran(t.Context(), of("nightly-1")); err != nil || len(got.Troubles) != 1 || !strings.Contains(got.Troubles[0], "connection refused") {
		t.Errorf("while the cluster does not answer it is said %+v, %v", got, err)
	}
}

// TestRanOfNothing: what is no run is not looked for, and no name leads anywhere else in the store.
func TestRanOfNothing(t *testing.T) {
	w := newWorld(t)
	w.keep()
	w.await("all lots", w.made)
	secret := filepath.Join(w.dir, "manifests/trunkline-lots/acme/dev/logs/sales/clean/job=x")
	if err := os.MkdirAll(secret, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(secret, "failed.log.gz"), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	for reason, of := range map[string]RunOf{
		"the environment is none":         {Environment: "prod", Workload: "orders/land", Job: "x"},
		"the workload is not declared":    {Environment: "dev", Workload: "orders/other", Job: "x"},
		"the project is none":             {Environment: "dev", Workload: "nothing/land", Job: "x"},
		"the workload is a path":          {Environment: "dev", Workload: "orders/land/../../sales/clean", Job: "x"},
		"the Job is a path":               {Environment: "dev", Workload: "orders/land", Job: "../../../sales/clean/job=x"},
		"the Job has letters that no has": {Environment: "dev", Workload: "orders/land", Job: "X y"},
		"the attempt is a path":           {Environment: "dev", Workload: "orders/land", Lot: w.at(1), Attempt: "../x"},
		"there is no such attempt":        {Environment: "dev", Workload: "orders/land", Lot: w.at(1), Attempt: "r9"},
		"there is no such Job":            {Environment: "dev", Workload: "orders/land", Job: "land-1"},
		"nothing is named":                {Environment: "dev", Workload: "orders/land"},
	} {
		if got, err := w.keeper.Ran(t.Context(), of); !errors.Is(err, asking.ErrNotFound) {
			t.Errorf("%s: got %+v, %v", reason, got, err)
		}
		if got, err := w.keeper.RunLog(t.Context(), of); !errors.Is(err, asking.ErrNotFound) {
			t.Errorf("%s: got the log %+v, %v", reason, got, err)
		}
	}
}
