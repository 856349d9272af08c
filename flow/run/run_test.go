// SPDX-License-Identifier: Apache-2.0

package run_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/run"
)

func TestOf(t *testing.T) {
	r := of(t, platformOf(t, rates, orders), "clean")
	type row struct {
		Role, Store, Location, Attempt string
		Triggers                       bool
		Lots                           int
	}
	var got []row
	for _, in := range r.Inputs {
		got = append(got, row{in.Role, in.Store, in.Location, "", in.Triggers, len(in.Lots)})
	}
	for _, s := range r.Sinks {
		got = append(got, row{Role: s.Role, Store: s.Store, Location: s.Location, Attempt: s.Attempt})
	}
	want := []row{
		{Role: "fx", Store: "s3://manifests/prod/rates/", Location: "s3://lake/rates/fx/", Lots: 1},
		{Role: "names", Location: "s3://lake/rates/names/"},
		{Role: "raw", Store: "s3://manifests/prod/orders/", Location: "s3://lake/orders/raw", Triggers: true, Lots: 24},
		{Role: "bad-rows", Store: "s3://manifests/prod/orders/", Location: "s3://lake/orders/bad/", Attempt: "s3://lake/orders/bad/lot=20260102P1D000/attempt=7/"},
		{Role: "log", Location: "s3://lake/orders/log/", Attempt: "s3://lake/orders/log/"},
		{Role: "main", Store: "s3://manifests/prod/orders/", Location: "s3://lake/orders/clean/", Attempt: "s3://lake/orders/clean/lot=20260102P1D000/attempt=7/"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	if r.Need != 1 {
		t.Errorf("it waits for %d inputs; one triggers it", r.Need)
	}
}

func TestCannotBe(t *testing.T) {
	cat := platformOf(t, rates, orders)
	cases := map[string]struct {
		reason, env, workload, lot, attempt, want string
	}{
		"Unit":    {"a lot of another unit is none of the workload's", "prod", "clean", "20260102PT1H005", "1", "makes daily lots, and 20260102PT1H005 is one of hourly; one of its own is 20260102P1D000"},
		"Before":  {"the declaration says where lots begin", "prod", "clean", "20251231P1D000", "1", "begin with 20260101P1D000"},
		"NoLots":  {"what it writes is one whole", "prod", "whole", "20260102P1D000", "1", "orders/whole has no lots"},
		"NoStore": {"nobody says where manifests are", "bare", "clean", "20260102P1D000", "1", `the environment "bare" keeps no lots`},
		"Attempt": {"it becomes a part of names", "prod", "clean", "20260102P1D000", "../1", `"../1" is not an attempt`},
		"Unknown": {"there is no such workload", "prod", "cleen", "20260102P1D000", "1", "orders/cleen does not run"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			id := catalog.ReleaseID{Project: "orders", Environment: tc.env, Cluster: "one"}
			_, err := run.Of(cat, plan.Of(cat, tc.env), id, tc.workload, lotOf(t, tc.lot), tc.attempt)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\nwant %s\ngot  %v", tc.reason, tc.want, err)
			}
		})
	}
}

func TestWaits(t *testing.T) {
	cat := platformOf(t, rates, orders)
	r := of(t, cat, "clean")
	all := hours(t)
	cases := map[string]struct {
		reason string
		seen   run.Seen
		join   int
		short  bool
		want   []string
	}{
		"All":        {"days of rates trigger nothing: they are read as they are found", run.Seen{Inputs: map[string][]run.Found{"raw": all}}, 1, false, nil},
		"Short":      {"the rest has been waited for long enough", run.Seen{Inputs: map[string][]run.Found{"raw": all[1:2]}}, 1, true, nil},
		"Nothing":    {"of nothing nothing is made", run.Seen{}, 1, true, []string{"orders/raw@1 (raw): 20260102PT1H000, 20260102PT1H001, 20260102PT1H002, 20260102PT1H003, 20260102PT1H004, 20260102PT1H005, 20260102PT1H006, 20260102PT1H007, 20260102PT1H008, 20260102PT1H009 and 14 more"}},
		"One":        {"a lot of the window is not there", run.Seen{Inputs: map[string][]run.Found{"raw": all[1:]}}, 1, false, []string{"orders/raw@1 (raw): 20260102PT1H000"}},
		"Many":       {"a message has an end", run.Seen{}, 1, false, []string{"orders/raw@1 (raw): 20260102PT1H000, 20260102PT1H001, 20260102PT1H002, 20260102PT1H003, 20260102PT1H004, 20260102PT1H005, 20260102PT1H006, 20260102PT1H007, 20260102PT1H008, 20260102PT1H009 and 14 more"}},
		"NoneNeeded": {"the join waits for none", run.Seen{}, 0, false, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			r := r
			r.Need = tc.join
			if diff := cmp.Diff(tc.want, r.Waits(tc.seen, tc.short)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestJobName(t *testing.T) {
	day := lotOf(t, "20260102P1D000")
	cases := map[string]struct{ reason, workload, attempt, want string }{
		"Short": {"it can be read", "clean", "2", "clean-20260102p1d000-2"},
		"Fits":  {"63 characters are allowed", strings.Repeat("w", 46), "2", strings.Repeat("w", 46) + "-20260102p1d000-2"},
		"Long":  {"one more is cut", strings.Repeat("w", 47), "2", strings.Repeat("w", 42) + "-" + "e8e7d40ddfa5a5cc1f4f"},
		"Dash":  {"no name has two dashes where it is cut", strings.Repeat("w", 41) + "-" + strings.Repeat("w", 10), "2", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got := run.JobName(tc.workload, day, tc.attempt)
			if tc.want != "" && len(tc.want) == len(got) && name != "Long" && got != tc.want || len(got) > 63 || strings.Contains(got, "--") {
				t.Errorf("%s: want %q, got %q", tc.reason, tc.want, got)
			}
		})
	}
}

// TestJobNamesAreDistinct: names are valid, the same for the same run, and never those of another.
func TestJobNamesAreDistinct(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		type key struct {
			workload string
			lot      lot.Lot
			attempt  string
		}
		draw := func(label string) key {
			// Few letters, so that names nearly meet.
			return key{
				rapid.StringMatching(`[ab]([a-]{0,60}[ab])?`).Draw(t, label+" workload"),
				rapid.SampledFrom([]lot.Lot{lot.Daily.At(noon), lot.Hourly.At(noon), lot.Fourths.At(noon)}).Draw(t, label+" lot"),
				rapid.StringMatching(`[0-9a]{1,16}`).Draw(t, label+" attempt"),
			}
		}
		a, b := draw("a"), draw("b")
		x, y := run.JobName(a.workload, a.lot, a.attempt), run.JobName(b.workload, b.lot, b.attempt)
		if (a == b) != (x == y) {
			t.Fatalf("%v is %s, and %v is %s", a, x, b, y)
		}
		if len(x) > 63 || strings.Trim(x, "abcdefghijklmnopqrstuvwxyz0123456789-") != "" || strings.HasSuffix(x, "-") {
			t.Fatalf("%s is no name", x)
		}
	})
}

func TestStates(t *testing.T) {
	all := []run.State{run.Missing, run.Running, run.Complete, run.Partial}
	want := map[run.State]string{run.Missing: "running", run.Running: "missing complete partial", run.Complete: "running", run.Partial: "missing running"}
	got := map[run.State]string{}
	for _, from := range all {
		var next []string
		for _, to := range all {
			if from.May(to) {
				next = append(next, string(to))
			}
		}
		got[from] = strings.Join(next, " ")
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
	starts := map[run.State][2]string{
		run.Missing: {}, run.Partial: {}, run.Running: {"it is running", "it is running"}, run.Complete: {"it is there already", ""},
	}
	for state, want := range starts {
		for i, again := range []bool{false, true} {
			text := ""
			if err := state.Start(again); err != nil {
				text = err.Error()
			}
			if text != want[i] {
				t.Errorf("%s, again %v: want %q, got %q", state, again, want[i], text)
			}
		}
	}
}
