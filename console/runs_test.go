// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/reconciler/status"
)

// TestRunIDs: the name of a run leads to it again, and so does that of its Job unless that was cut.
func TestRunIDs(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		l := lot.Hourly.At(time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC).Add(time.Duration(rapid.IntRange(0, 9000).Draw(t, "hour")) * time.Hour))
		workload := rapid.StringMatching(`[a-z]([-a-z0-9]{0,30}[a-z0-9])?`).Draw(t, "workload")
		attempt := rapid.StringMatching(`[a-z0-9]{1,16}`).Draw(t, "attempt")
		id := console.ParseRunID("prod", "orders", workload, l.ID()+"."+attempt)
		if id.Lot != l || id.Attempt != attempt || id.Name() != l.ID()+"."+attempt || id.Of() != "orders/"+workload {
			t.Fatalf("got %+v", id)
		}
		byJob := console.ParseRunID("prod", "orders", workload, id.Job)
		if cut := len(workload)+1+len(l.Name())+1+len(attempt) > 63; !cut && byJob != id || cut && byJob.Name() != id.Job {
			t.Fatalf("by its Job it is %+v, and by its lot %+v", byJob, id)
		}
	})
	for reason, name := range map[string]string{"a Job of a CronJob": "clean-29382840", "no lot": "20269999PT1H004.r1", "no attempt": "20260101PT1H004.R_1", "with dots": "a.b.c", "nothing": ""} {
		if id := console.ParseRunID("prod", "orders", "clean", name); id.Attempt != "" || id.Job != name || id.Name() != name {
			t.Errorf("%s: got %+v", reason, id)
		}
	}
}

const (
	runPath = "/api/v1/workloads/prod/orders/clean/runs/"
	attempt = "20260101PT1H001.r1aaaaabbbbbbb"
	ofJob   = "clean-20260101pt1h001-r1aaaaabbbbbbb"
)

// running is a daemon that knows of a run, of its cost and of what it reads.
func running(t *testing.T, changes ...func(*console.Options)) *consoletest.Daemon {
	t.Helper()
	cat := declared(t)
	d := consoletest.Start(t, append([]func(*console.Options){func(o *console.Options) { o.Catalog = func() *catalog.Catalog { return cat } }}, changes...)...)
	d.KeepLots()
	d.Ran = map[string]console.RunFound{attempt: {
		Cluster: "one", Started: time.Date(2026, 1, 1, 3, 0, 0, 0, time.UTC), Failed: true, There: true, Outcome: "failed: exit code 3", Manifest: "kind: Job\n",
		Wrote: []console.RunManifest{{Dataset: "orders/clean@1", State: "partial", Own: true, URIs: []string{"s3://a"}, Count: 2}},
	}}
	d.RunLogs = map[string]console.LotLog{attempt: {Attempt: "r1aaaaabbbbbbb", Outcome: "failed", Text: "a line\n"}}
	d.Spent = usage.Answer{Currency: "EUR", Rows: []usage.Row{{Cluster: "one", Place: usage.Place{Project: "orders", Environment: "prod", Workload: "clean", Run: ofJob}, Nano: 1_250_000_000}}, Total: 1_250_000_000}
	return d
}

// TestRun: what is known of a run is told together, by whatever name.
func TestRun(t *testing.T) {
	d := running(t)
	for _, name := range []string{attempt, ofJob} {
		got := get[console.RunShown](t, d, runPath+name)
		if got.Name != attempt || got.Job != ofJob || got.Lot != "20260101PT1H001" || !got.There || got.Cost == nil || got.Cost.Amount != "1.250000000" || len(got.Wrote) != 1 || got.Manifest != "kind: Job\n" {
			t.Errorf("%s: got %+v", name, got)
		}
		want := []console.RunData{{Role: "raw", Dataset: "orders/raw@1", Lots: []string{"20260101PT1H001"}, Count: 1}}
		if diff := cmp.Diff(want, got.Reads); diff != "" {
			t.Errorf("it reads, -want +got:\n%s", diff)
		}
	}
	if f := d.CostFilter(); f == nil || f.Place.Run != ofJob || f.Place.Workload != "clean" {
		t.Errorf("its cost is asked for as %+v", f)
	}
	if got, _ := ask(t, d, request{method: http.MethodGet, path: runPath + "clean-1"}); got.Code != http.StatusNotFound || !strings.Contains(got.Body, "nothing is known of the run clean-1") {
		t.Errorf("one of which nothing is known: got %d %s", got.Code, got.Body)
	}
}

// TestRunFromElsewhere: what nobody who keeps lots knows of is told as the meter and the release of it know it.
func TestRunFromElsewhere(t *testing.T) {
	const nightly = "clean-29382840"
	for name, tc := range map[string]struct {
		reason  string
		change  func(*consoletest.Daemon)
		job     string
		code    int
		there   bool
		outcome string
	}{
		"Counted": {"The meter knows of it.", func(d *consoletest.Daemon) { d.Spent.Rows[0].Run = nightly }, nightly, 200, false, ""},
		"Seen": {"Its release has it.", func(d *consoletest.Daemon) {
			d.Members = []status.Object{{Kind: "Job", Name: nightly, Namespace: "n", Health: status.Healthy}}
		}, nightly, 200, true, "complete"},
		"Failed": {"Its release has it.", func(d *consoletest.Daemon) {
			d.Members = []status.Object{{Kind: "Job", Name: nightly, Health: status.Unhealthy, Message: "it failed"}}
		}, nightly, 200, true, "failed"},
		"No Job":   {"Something else is called so.", func(d *consoletest.Daemon) { d.Members = []status.Object{{Kind: "Pod", Name: nightly}} }, nightly, 404, false, ""},
		"Another":  {"It is of another workload by its name.", func(d *consoletest.Daemon) { d.Members = []status.Object{{Kind: "Job", Name: "other-1"}} }, "other-1", 404, false, ""},
		"Nothing":  {"Nobody knows of it.", func(*consoletest.Daemon) {}, nightly, 404, false, ""},
		"Internal": {"What is wrong inside is not told.", func(d *consoletest.Daemon) { d.Err = errors.New("s3cret") }, nightly, 500, false, ""},
	} {
		t.Run(name, func(t *testing.T) {
			d := running(t)
			d.Board.SetRelease(id("orders", "prod", "one"), func(r *status.Release) { r.Result, r.Health = status.Applied, status.Healthy })
			tc.change(d)
			if tc.code != http.StatusOK {
				if got, _ := ask(t, d, request{method: http.MethodGet, path: runPath + tc.job}); got.Code != tc.code || strings.Contains(got.Body, "s3cret") {
					t.Errorf("%s Got %d %s", tc.reason, got.Code, got.Body)
				}
				return
			}
			got := get[console.RunShown](t, d, runPath+tc.job)
			if got.There != tc.there || got.Outcome != tc.outcome || got.Failed != (tc.outcome == "failed") || got.Job != tc.job || len(got.Troubles) != 1 {
				t.Errorf("%s Got %+v", tc.reason, got)
			}
		})
	}
}

// TestWhoSeesRuns: a run is for who sees its project there, its log for who may read logs, its cost for who may see that, and what it reads of
// others for who sees those.
func TestWhoSeesRuns(t *testing.T) {
	rules := access.New([]*v1alpha1.Access{{Spec: v1alpha1.AccessSpec{Bindings: []v1alpha1.AccessBinding{
		{Role: v1alpha1.PlatformAdmin, Users: []string{"ada"}},
		{Role: v1alpha1.EnvironmentOperator, Users: []string{"olga"}, Environments: []string{"prod"}},
		{Role: v1alpha1.ProjectContributor, Users: []string{"pat"}, Projects: []string{"report"}},
		{Role: v1alpha1.PlatformViewer, Users: []string{"vera"}},
	}}}})
	var tokens []console.Token
	for _, who := range []string{"ada", "olga", "pat", "vera", "mallory"} {
		tokens = append(tokens, console.Token{Name: who, Secret: who + "-0123456789abcdef"})
	}
	d := running(t, func(o *console.Options) {
		o.Access, o.Tokens = func() *access.Rules { return rules }, func() []console.Token { return tokens }
	})
	d.Ran["daily-1"] = console.RunFound{There: true}
	const daily = "/api/v1/workloads/prod/report/daily/runs/daily-1"
	as := func(who, path string) response {
		got, _ := ask(t, d, request{method: http.MethodGet, path: path, token: who + "-0123456789abcdef"})
		return got
	}
	for _, tc := range []struct {
		reason, who, path string
		code              int
		has, hasNot       string
	}{
		{"an admin sees all of it", "ada", runPath + attempt, 200, `"cost"`, ""},
		{"an operator sees what runs, and not what it costs", "olga", runPath + attempt, 200, `"manifest"`, `"cost"`},
		{"a stranger sees nothing", "mallory", runPath + attempt, 404, "", "clean"},
		{"who contributes to another project neither", "pat", runPath + attempt, 404, "", "clean"},
		{"of their own they see nothing of others", "pat", daily, 200, `"reads":[]`, "orders"},
		{"who sees all sees what it reads", "ada", daily, 200, "orders/clean@2", ""},
		{"an admin reads logs", "ada", runPath + attempt + "/log", 200, "a line", ""},
		{"an operator reads logs", "olga", runPath + attempt + "/log", 200, "a line", ""},
		{"a viewer reads no logs", "vera", runPath + attempt + "/log", 403, "", "a line"},
		{"a stranger reads none", "mallory", runPath + attempt + "/log", 404, "", "a line"},
		{"there is no log of what is no run", "ada", runPath + "clean-7/log", 404, "nothing is known", ""},
	} {
		got := as(tc.who, tc.path)
		text := strings.Join(strings.Fields(got.Body), "")
		if got.Code != tc.code || !strings.Contains(text, strings.Join(strings.Fields(tc.has), "")) || tc.hasNot != "" && strings.Contains(text, strings.Join(strings.Fields(tc.hasNot), "")) {
			t.Errorf("%s: got %d %s", tc.reason, got.Code, got.Body)
		}
	}
	here, not := as("mallory", runPath+attempt), as("mallory", strings.Replace(runPath, "orders", "nothing", 1)+attempt)
	if diff := cmp.Diff(here, not); diff != "" {
		t.Errorf("what is there and what is not differ: %s", diff)
	}
}

// TestLogOfNobody: who reads the log of a run has a name.
func TestLogOfNobody(t *testing.T) {
	d := running(t, consoletest.WithToken)
	for reason, tc := range map[string]struct {
		header map[string]string
		code   int
	}{"without": {nil, http.StatusBadRequest}, "with one": {map[string]string{"Trunkline-Claim": "ann"}, http.StatusOK}} {
		if got, _ := ask(t, d, request{method: http.MethodGet, path: runPath + attempt + "/log", token: consoletest.Token, header: tc.header}); got.Code != tc.code {
			t.Errorf("%s: got %d %s", reason, got.Code, got.Body)
		}
	}
	if got := fmt.Sprint(d.Asked()); got != "[]" {
		t.Errorf("asked for is %s", got)
	}
}
