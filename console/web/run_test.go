// SPDX-License-Identifier: Apache-2.0

package web

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/console"
)

// TestRunInWords: how a run is, why, and what to do about it.
func TestRunInWords(t *testing.T) {
	noon := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		reason    string
		found     console.RunFound
		lot       string
		badge     string
		why, does string
	}{
		"Running":  {"It goes on.", console.RunFound{There: true, Started: noon}, "", "running", "It is under way.", ""},
		"Waiting":  {"What it waits for is said.", console.RunFound{There: true, Started: noon, Doing: "its pod waits for a node"}, "", "running", "its pod waits for a node", "Nothing, if that passes"},
		"Made":     {"It made its lot.", console.RunFound{There: true, Started: noon, Ended: noon.Add(time.Minute), Outcome: "made"}, "l", "done", "It ended well.", ""},
		"Complete": {"It ended well.", console.RunFound{Ended: noon, Outcome: "complete"}, "", "done", "It ended well.", ""},
		"Needless": {"Why is said.", console.RunFound{Ended: noon, Outcome: "needless: it is there already"}, "l", "done", "it is there already", ""},
		"Failed":   {"Its lot is tried again.", console.RunFound{Ended: noon, Failed: true, Outcome: "failed: exit code 3"}, "l", "failed", "exit code 3", "retry it at once"},
		"Nightly":  {"There is no lot that is tried again.", console.RunFound{Ended: noon, Failed: true, Outcome: "failed", Doing: "its image cannot be pulled"}, "", "failed", "its image cannot be pulled", "by its schedule"},
		"Lost":     {"It does not count.", console.RunFound{Ended: noon, Outcome: "lost"}, "l", "done", "what it wrote does not count", ""},
		"Gone":     {"Nobody knows.", console.RunFound{}, "", "not known", "Its Job is gone", ""},
	} {
		t.Run(name, func(t *testing.T) {
			v := runPageOf(console.RunShown{Environment: "prod", Project: "orders", Workload: "clean", Name: "clean-1", Job: "clean-1", Lot: tc.lot, RunFound: tc.found}, noon)
			if v.Badge.Text != tc.badge || !strings.Contains(v.Why, tc.why) || !strings.Contains(v.Do, tc.does) || tc.does == "" && v.Do != "" {
				t.Errorf("%s Got %s: %s; %s", tc.reason, v.Badge.Text, v.Why, v.Do)
			}
			if v.Log.Follows != (tc.found.There && tc.found.Ended.IsZero()) {
				t.Errorf("%s Its log is read again: %t", tc.reason, v.Log.Follows)
			}
			if v.ManifestFrom == "" || v.LogFrom == "" || v.Log.Address != "/api/v1/workloads/prod/orders/clean/runs/clean-1/log" {
				t.Errorf("%s Got %+v", tc.reason, v)
			}
		})
	}
}

// TestRunIsBounded: what is long on the page of a run has an end, which is said.
func TestRunIsBounded(t *testing.T) {
	noon := time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC)
	v := runPageOf(console.RunShown{
		Environment: "prod", Project: "orders", Workload: "clean", Name: "l.a", Lot: "l", Attempt: "a", RunFound: console.RunFound{
			Manifest: strings.Repeat("é", maxManifestShown), Wrote: []console.RunManifest{{State: "complete", URIs: []string{"a", "b"}, Count: 70}, {State: "partial", Own: true}, {State: "empty", Own: true, Damaged: "it is none"}},
		},
		Histories: []string{"https://spark.acme.example/history/clean-x7k2p/"},
		Reads:     []console.RunData{{Role: "in", Dataset: "orders/raw@1", Lots: []string{"x"}, Count: 5}, {Role: "fx", Dataset: "rates/fx@1"}},
	}, noon)
	if !v.Cut || len(v.Manifest) > maxManifestShown || strings.ContainsRune(v.Manifest, '\ufffd') {
		t.Errorf("the manifest has %d bytes, cut %t", len(v.Manifest), v.Cut)
	}
	if w := v.Wrote; len(w) != 3 || w[0].More != 68 || w[0].Text == "" || w[1].Badge.Mood != bad || w[2].Badge.Text != "damaged" {
		t.Errorf("got %+v", w)
	}
	if diff := cmp.Diff([]link{{"clean-x7k2p", "https://spark.acme.example/history/clean-x7k2p/"}}, v.Histories); diff != "" {
		t.Errorf("the history (-want +got):\n%s", diff)
	}
	if r := v.Reads; len(r) != 2 || r[0].More != 4 || r[0].Path != "/lots/prod/orders/raw@1" || r[1].Path != "/graph?node=rates%2Ffx%401" {
		t.Errorf("got %+v", r)
	}
}
