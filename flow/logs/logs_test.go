// SPDX-License-Identifier: Apache-2.0

package logs_test

import (
	"bytes"
	"compress/gzip"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/bucket/buckettest"
	"trunkline.dev/trunkline/flow/logs"
)

func day(n int) lot.Lot {
	return lot.Daily.At(time.Date(2026, 1, n, 0, 0, 0, 0, time.UTC))
}

// stores are folders of each kind.
func stores(t *testing.T) map[string]bucket.Folder {
	t.Helper()
	out := map[string]bucket.Folder{}
	s3 := buckettest.New(t, "lake")
	for name, of := range map[string]struct{ address, endpoint string }{"S3": {"s3://lake/records/", s3.URL}, "Folder": {"file://" + t.TempDir() + "/records/", ""}} {
		f, err := bucket.Open(t.Context(), of.address, bucket.Options{Endpoint: of.endpoint})
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = f.Close() })
		out[name] = f
	}
	return out
}

// TestLogs: what is kept is found by its lot, read as it was, kept once, and deleted when it is old.
func TestLogs(t *testing.T) {
	for name, f := range stores(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			if all, err := logs.List(ctx, f, "orders/clean", day(1)); err != nil || len(all) > 0 {
				t.Fatalf("before anything is kept there is %v, %v", all, err)
			}
			if n, err := logs.Sweep(ctx, f, time.Now()); n != 0 || err != nil {
				t.Fatalf("before anything is kept %d are deleted, %v", n, err)
			}
			first := logs.Run{Workload: "orders/clean", Lot: day(1), Attempt: "r1", Outcome: "failed"}
			second := logs.Run{Workload: "orders/clean", Lot: day(1), Attempt: "r2", Outcome: "made"}
			long := strings.Repeat("a line\n", 100_000)
			for _, one := range []struct {
				run  logs.Run
				text string
			}{{first, "one\n"}, {second, long}, {first, "another\n"}, {logs.Run{Workload: "orders/clean", Lot: day(11), Attempt: "r1", Outcome: "failed"}, "x"}} {
				if err := logs.Keep(ctx, f, one.run, one.text); err != nil {
					t.Fatal(err)
				}
			}
			if err := f.Create(ctx, "logs/orders/clean/lot="+day(1).ID()+"/notes.txt", []byte("by hand")); err != nil {
				t.Fatal(err)
			}
			all, err := logs.List(ctx, f, "orders/clean", day(1))
			if err != nil {
				t.Fatal(err)
			}
			var runs []logs.Run
			for _, k := range all {
				runs = append(runs, k.Run)
				if k.Size > 10_000 {
					t.Errorf("it takes %d bytes", k.Size)
				}
			}
			if diff := cmp.Diff([]logs.Run{first, second}, runs); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			for run, want := range map[logs.Run]string{first: "one\n", second: long} {
				if got, err := logs.Read(ctx, f, run); got != want || err != nil {
					t.Errorf("%s: %.20q, %v", run.Attempt, got, err)
				}
			}
			written := all[0].Written // a store has a clock of its own
			if n, err := logs.Sweep(ctx, f, written.Add(-time.Hour)); n != 0 || err != nil {
				t.Errorf("%d are deleted that are kept still, %v", n, err)
			}
			if n, err := logs.Sweep(ctx, f, written.Add(time.Hour)); n != 3 || err != nil {
				t.Errorf("%d are deleted, want 3, %v", n, err)
			}
			if all, err := logs.List(ctx, f, "orders/clean", day(1)); err != nil || len(all) > 0 {
				t.Errorf("then there is %v, %v", all, err)
			}
			if _, err := logs.Read(ctx, f, first); bucket.ClassOf(err) != bucket.NotFound {
				t.Errorf("reading one that is deleted: %v", err)
			}
		})
	}
}

// TestStrangeLogs: what others have put in the place of a log ends nothing, and is read no further than a log goes.
func TestStrangeLogs(t *testing.T) {
	var bomb bytes.Buffer
	w := gzip.NewWriter(&bomb)
	for range 64 {
		_, _ = w.Write(make([]byte, 1<<20))
	}
	_ = w.Close()
	f := stores(t)["Folder"]
	run := func(attempt string) logs.Run {
		return logs.Run{Workload: "orders/clean", Lot: day(1), Attempt: attempt, Outcome: "failed"}
	}
	for attempt, data := range map[string][]byte{"bomb": bomb.Bytes(), "plain": []byte("no gzip"), "cut": bomb.Bytes()[:100], "empty": nil} {
		if err := f.Create(t.Context(), run(attempt).Key(), data); err != nil {
			t.Fatal(err)
		}
	}
	if text, err := logs.Read(t.Context(), f, run("bomb")); err != nil || len(text) > logs.MaxText {
		t.Errorf("%d bytes are read, %v", len(text), err)
	}
	for _, attempt := range []string{"plain", "empty"} {
		if _, err := logs.Read(t.Context(), f, run(attempt)); err == nil || !strings.Contains(err.Error(), "is damaged") {
			t.Errorf("%s: %v", attempt, err)
		}
	}
	if text, err := logs.Read(t.Context(), f, run("cut")); err != nil && !strings.Contains(err.Error(), "is damaged") {
		t.Errorf("of what was cut, %d bytes are read, %v", len(text), err)
	}
}

// TestManifests: the manifest of a Job is kept beside its log, found with it, no log itself, and deleted when it is old.
func TestManifests(t *testing.T) {
	for name, f := range stores(t) {
		t.Run(name, func(t *testing.T) {
			ctx := t.Context()
			attempt := logs.Run{Workload: "orders/clean", Lot: day(1), Attempt: "r1", Outcome: "failed"}
			for _, r := range []logs.Run{attempt, {Workload: "orders/clean", Job: "nightly", Outcome: "complete"}} {
				if got, err := logs.ReadManifest(ctx, f, r); got != "" || err != nil {
					t.Fatalf("before it is kept there is %q, %v", got, err)
				}
				if err := logs.KeepManifest(ctx, f, r, "kind: Job\n"); err != nil {
					t.Fatal(err)
				}
				asked := r
				asked.Outcome = ""
				if all, err := logs.Of(ctx, f, asked); len(all) > 0 || err != nil {
					t.Errorf("of a run whose log is not kept there is %v, %v", all, err)
				}
				if err := logs.Keep(ctx, f, r, "a line\n"); err != nil {
					t.Fatal(err)
				}
				all, err := logs.Of(ctx, f, asked)
				if err != nil || len(all) != 1 || all[0].Run != r {
					t.Errorf("of a run there is %v, %v", all, err)
				}
				if got, err := logs.ReadManifest(ctx, f, r); got != "kind: Job\n" || err != nil {
					t.Errorf("its manifest is %q, %v", got, err)
				}
			}
			if all, err := logs.List(ctx, f, "orders/clean", day(1)); len(all) != 1 || err != nil {
				t.Errorf("of its lot there is %v, %v", all, err)
			}
			if n, err := logs.Sweep(ctx, f, time.Now().Add(time.Hour)); n != 4 || err != nil {
				t.Errorf("%d are deleted, %v", n, err)
			}
			if got, err := logs.ReadManifest(ctx, f, attempt); got != "" || err != nil {
				t.Errorf("what was deleted is %q, %v", got, err)
			}
		})
	}
}
