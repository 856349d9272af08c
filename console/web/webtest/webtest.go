// SPDX-License-Identifier: Apache-2.0

// Package webtest is a platform for tests of pages: what is declared, a state with something of all that a page can show, and
// what happened, with texts of others that try to be more than text.
//
// Of Trunkline it may import access, api, catalog, catalog/draw, console, console/consoletest, console/web, cost/usage, doctor,
// flow/report, reconciler/history, reconciler/status and webhooks/report.
package webtest

import (
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/console/web"
	lots "trunkline.dev/trunkline/flow/report"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

// Now is when the state is looked at.
func Now() time.Time { return time.Date(2026, 11, 30, 12, 0, 0, 0, time.UTC) }

// Start serves the pages of the platform until the test ends, with changes to the options of the console. Texts of others are hostile.
func Start(t *testing.T, changes ...func(*console.Options)) *consoletest.Daemon {
	t.Helper()
	return StartSaying(t, Hostile, changes...)
}

// StartSaying does so with another text of others, in all places that have one.
func StartSaying(t *testing.T, text string, changes ...func(*console.Options)) *consoletest.Daemon {
	t.Helper()
	cat := Catalog(t)
	all := append([]func(*console.Options){func(o *console.Options) {
		o.Catalog = func() *catalog.Catalog { return cat }
		o.Daemon = func() console.Daemon {
			return console.Daemon{Version: "v1.2.3", Started: Now().Add(-time.Hour), Fetched: Now().Add(-20 * time.Second), Poll: 60}
		}
	}}, changes...)
	d := consoletest.Start(t, append(all, Pages)...)
	d.KeepLots()
	d.LotsOf[1].Disabled, d.LotsOf[3].Trouble = "ann: "+text, text
	d.Seen.Refused = lots.NewRefused([]lots.Claim{{
		ID: "west/8", Dataset: "orders/clean@1", Lots: []string{"20260101PT1H002"}, Cluster: "west", DAG: "sums " + text, Task: "sum", Run: "manual__1", At: Now().Add(-time.Hour), Why: text,
	}})
	d.LotRuns[1].Outcome, d.LotRuns[0].NoLog = text, text
	d.LotLogs[0].Text += text + "\r\n" + "\u2066the end\n"
	d.Show(State(text))
	d.Page = history.Page{Events: Events(text)}
	d.Members, d.Samples = Objects(text), Samples()
	d.Histories = []string{"https://spark.acme.example/history/clean-r1-x7k2p/"}
	d.Ran, d.RunLogs = Ran(text), map[string]console.LotLog{"20260101PT1H004.r2aaaaabbbbbbb": d.LotLogs[0]}
	for name, log := range d.RunLogs { // it is under way
		log.Outcome = ""
		d.RunLogs[name] = log
	}
	d.Changed = map[string]console.Difference{New: Difference(text), Old: {Action: "fail", Error: "it does not render any more: " + text}}
	d.ClusterSetup, d.GitHubSetup, d.MadeApp = ClusterSetup(text), GitHubSetup(text), MadeApp(text)
	d.Workspaces = Workspaces(text)
	d.Reported, d.Spent, d.Ahead, d.Bill = Pulls(text), Spent(), Ahead(), Bill()
	return d
}

// Workspaces are notebooks of who looks at pages without a sign-on.
func Workspaces(text string) []console.Workspace {
	one := func(name, kind, phase string, used time.Duration) console.Workspace {
		return console.Workspace{
			Name: name, Kind: kind, Environment: "dev", Project: "orders", Workload: strings.TrimSuffix(name, "-1"), Cluster: "west", By: access.Anonymous, Phase: phase,
			Created: Now().Add(-50 * time.Hour), Used: Now().Add(-used),
		}
	}
	lab, editor, begun := one("lab-1", "notebook", "running", time.Minute), one("editor-1", "ide", "stopped", 30*time.Hour), one("try-1", "notebook", "starting", 0)
	lab.StopsAt, lab.Repository, lab.Branch, lab.Spent, lab.Currency = Now().Add(59*time.Minute), "https://github.com/acme/data.git", text, "4.2000", "EUR"
	editor.Why, begun.Why = "nobody has used it for 1h", "its container waits: "+text
	return []console.Workspace{lab, editor, begun}
}

// Pages has a console have the pages of its own sources.
func Pages(o *console.Options) {
	o.Pages = web.New(web.Sources{Board: o.Board, Catalog: o.Catalog, History: o.History, Lots: o.Lots, Pulls: o.Pulls, Costs: o.Costs, Objects: o.Objects, Setup: o.Setup, Commits: o.Commits, Runs: o.Runs, Daemon: o.Daemon, Now: Now, Log: o.Log})
}

// Paths are the pages that there are, one at least for each pattern.
func Paths() map[string][]string {
	return map[string][]string{
		"GET /signed-out":         {"/signed-out"},
		"GET /{$}":                {"/", "/?state=someone", "/?q=nothing-fits"},
		"GET /projects/{project}": {"/projects/orders", "/projects/billing"},
		"GET /releases":           {"/releases", "/releases?commit=1f0c"},
		"GET /releases/{project}/{environment}/{cluster}": {
			"/releases/orders/staging/west", "/releases/billing/prod/west", "/releases/orders/prod/west", "/releases/customers/staging/west",
		},
		"GET /releases/{project}/{environment}/{cluster}/commits/{commit}": {
			"/releases/orders/staging/west/commits/" + New, "/releases/orders/staging/west/commits/" + Old + "?before=" + Denied, "/releases/orders/staging/west/commits/" + Denied,
		},
		"GET /graph":   {"/graph", "/graph?node=orders%2Fclean%401", "/graph?project=report&environment=prod"},
		"GET /history": {"/history", "/history?kind=drift&project=billing"},
		"GET /search":  {"/search?q=orders", "/search?q=9b8a", "/search"},
		"GET /runs/{environment}/{project}/{workload}/{run}": {
			"/runs/prod/orders/clean/20260101PT1H004.r2aaaaabbbbbbb", "/runs/prod/orders/clean/clean-20260101pt1h004-r1aaaaabbbbbbb", "/runs/prod/orders/clean/clean-29382840",
		},
		"GET /previews":         {"/previews"},
		"GET /notebooks":        {"/notebooks"},
		"GET /pulls":            {"/pulls", "/pulls?state=ended"},
		"GET /pulls/{pull}":     {"/pulls/pr-7", "/pulls/pr-9", "/pulls/pr-12"},
		"GET /costs":            {"/costs", "/costs?by=project&environment=prod", "/costs?project=nothing"},
		"GET /rules":            {"/rules", "/rules?mode=excepted"},
		"GET /rules/{rule}":     {"/rules/path-overlap"},
		"GET /clusters":         {"/clusters"},
		"GET /lots":             {"/lots", "/lots?state=missing&environment=prod", "/lots?q=nothing-fits"},
		"GET /setup":            {"/setup"},
		"GET /setup/clusters":   {"/setup/clusters"},
		"GET /setup/github":     {"/setup/github"},
		"GET /setup/github/new": {"/setup/github/new?owner=organization&organization=acme&name=Trunkline+acme&url=https%3A%2F%2Ftrunkline.example.com&webhook=yes&promotions=no"},
		"GET /lots/{environment}/{project}/{dataset}": {
			"/lots/prod/orders/clean@1", "/lots/prod/orders/clean@1?from=20260101PT1H001&until=20260101PT1H005&why=%3Cb%3E", "/lots/prod/orders/raw@1?at=2026-01-01",
		},
		"GET /lots/{environment}/{project}/{dataset}/{lot}": {"/lots/prod/orders/clean@1/20260101PT1H004", "/lots/prod/orders/clean@1/20260101PT1H002", "/lots/prod/orders/raw@1/20260101PT1H000"},
	}
}

// Catalog is what the platform declares.
func Catalog(t testing.TB) *catalog.Catalog {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range declarations {
		tree[name] = &fstest.MapFile{Data: []byte("apiVersion: trunkline.dev/v1alpha1\n" + text)}
	}
	tree["note/chart/Chart.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: v2\nname: note\nversion: 1.0.0\n")}
	cat, problems, err := catalog.Load(tree, fstest.MapFS{})
	if err != nil || problems.Denied() {
		t.Fatalf("%v %v", err, problems)
	}
	return cat
}

// Commits are those that releases are at.
const (
	Old    = "1f0c5a7d9e2b4c6f8a0b1c2d3e4f5a6b7c8d9e0f"
	New    = "9b8a7c6d5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b"
	Denied = "deadbeef5e4f3a2b1c0d9e8f7a6b5c4d3e2f1a0b"
)

func release(project, environment, cluster string) status.Release {
	return status.Release{
		ReleaseID: catalog.ReleaseID{Project: project, Environment: environment, Cluster: cluster}, Namespace: project + "-" + environment, Owner: "team-" + project,
		Commit: New, Result: status.Applied, Health: status.Healthy, Since: Now().Add(-26 * time.Hour), Objects: 7,
	}
}

func with(r status.Release, change func(*status.Release)) status.Release {
	change(&r)
	return r
}

// State is that of the platform.
func State(text string) status.Platform {
	now := Now()
	p := status.Platform{
		Name: "acme", Time: now,
		Source: status.Source{
			URL: "https://git.example.com/acme/platform", Branch: "main",
			Head:     &status.Commit{Hash: New, Subject: "orders: read the rates of the European Central Bank", Author: "Ann Example", Time: now.Add(-2 * time.Hour)},
			Accepted: &status.Commit{Hash: New, Subject: "orders: read the rates of the European Central Bank", Author: "Ann Example", Time: now.Add(-2 * time.Hour)},
		},
		Clusters: []status.Cluster{
			{Name: "west", Reachable: true, Since: now.Add(-48 * time.Hour)},
			{Name: "east", Reachable: true, Since: now.Add(-48 * time.Hour)},
			{Name: "edge", Message: "dial tcp: connection refused", Since: now.Add(-9 * time.Minute)},
		},
	}
	for _, project := range []string{"billing", "customers", "orders", "rates", "report", "archive"} {
		for _, environment := range []string{"dev", "staging"} {
			p.Releases = append(p.Releases, release(project, environment, "west"))
		}
		p.Releases = append(p.Releases, release(project, "prod", "west"), release(project, "prod", "east"))
	}
	change := func(project, environment, cluster string, f func(*status.Release)) {
		for i := range p.Releases {
			if p.Releases[i].ReleaseID == (catalog.ReleaseID{Project: project, Environment: environment, Cluster: cluster}) {
				f(&p.Releases[i])
			}
		}
	}
	change("customers", "staging", "west", func(r *status.Release) {
		r.Health, r.Message, r.Since = status.Unhealthy, "Deployment api: 0 of 2 pods are ready: the image registry.example.com/api:3 cannot be pulled", now.Add(-14*time.Minute)
		r.Cause = &status.Cause{Object: "Deployment api", Code: "image-pull", Log: []string{"Back-off pulling image", text}, Notes: []string{"the log before is gone"}}
	})
	change("billing", "prod", "west", func(r *status.Release) {
		r.Drifts = []status.Drift{
			{Object: "Deployment ledger", Fields: []string{"spec.replicas", "spec.template.spec.containers[0].image"}, Manager: "kubectl-edit", Time: now.Add(-3 * time.Hour)},
			{Object: "ConfigMap limits", What: "deleted", Time: now.Add(-30 * time.Hour), Corrected: true, Rounds: 3},
		}
		r.Additions = []status.Addition{{Object: "Deployment ledger", Fields: []string{"metadata.annotations.team"}, Manager: "kubectl"}}
		r.Instead = []status.Difference{{Object: "Deployment ledger", Field: "image", Declared: "ledger:3", Runs: "mirror.example.com/ledger:3"}}
		r.Kept = []string{"PersistentVolumeClaim ledger-data"}
		r.Placed = "on the first cluster of prod where cloud == 'aws'; south is drained (an upgrade)"
	})
	change("orders", "prod", "east", func(r *status.Release) {
		r.Commit = Old
		r.Held = &status.Held{Rule: "window", Reason: "prod is applied from 06:00 to 10:00 UTC", Commit: New, Until: now.Add(18 * time.Hour)}
	})
	change("orders", "prod", "west", func(r *status.Release) {
		r.Commit = Old
		r.Held = &status.Held{Rule: "reviewed", Reason: "the commit removes 3 objects, which nobody has reviewed", Commit: New, Person: true, Digest: "d1"}
	})
	change("rates", "dev", "west", func(r *status.Release) {
		r.Result, r.Health, r.Since = status.Applying, status.Progressing, now.Add(-4*time.Second)
	})
	change("archive", "prod", "west", func(r *status.Release) { r.Result = status.Suspended })
	change("orders", "staging", "west", func(r *status.Release) {
		r.Result, r.Message = status.Failed, text
		r.Lots = &status.Lots{Running: 2, Failed: 1, Missing: 14, Late: 1}
	})
	p.Releases = append(p.Releases,
		with(release("orders", "edge", "edge"), func(r *status.Release) {}),
		with(release("orders", "pr-7", "west"), func(r *status.Release) { r.Preview = &status.Preview{Of: "dev"} }),
	)
	p.Sort()
	return p
}

// Events are what happened last, the newest first.
func Events(text string) []history.Event {
	now := Now()
	in := func(project, environment, cluster string) catalog.ReleaseID {
		return catalog.ReleaseID{Project: project, Environment: environment, Cluster: cluster}
	}
	events := []history.Event{
		{Kind: history.Unhealthy, Release: in("customers", "staging", "west"), Commit: New, Message: "0 of 2 pods are ready"},
		{Kind: history.Suspended, Release: in("archive", "prod", "west"), By: "Bob <b>", Why: text},
		{Kind: history.Ran, Release: in("orders", "dev", "west"), Commit: New, Applied: 4, Pruned: 1, Took: 3200 * time.Millisecond},
		{Kind: history.Drift, Release: in("billing", "prod", "west"), Object: "Deployment ledger", Fields: []string{"spec.replicas"}, By: "kubectl-edit"},
		{Kind: history.Held, Release: in("orders", "prod", "east"), Commit: New, Message: "prod is applied from 06:00 to 10:00 UTC"},
		{Kind: history.Accepted, Commit: New, Message: "orders: read the rates"},
		{Kind: history.Refused, Commit: Denied, Message: text},
		{Kind: history.Failed, Release: in("orders", "staging", "west"), Commit: New, Message: text, Applied: 1},
		{Kind: history.Ran, Release: in("orders", "staging", "west"), Commit: New, Applied: 2},
		{Kind: history.Ran, Release: in("orders", "staging", "west"), Commit: Old, Applied: 3, Pruned: 1},
		{Kind: history.Ran, Release: in("orders", "staging", "west"), Commit: Denied, Applied: 9},
	}
	for i := range events {
		events[i].ID, events[i].Platform = int64(100-i), "acme"
		events[i].Time = now.Add(-time.Duration(1+i*i*7) * time.Minute)
		if events[i].By == "" {
			events[i].By = history.Daemon
		}
	}
	return events
}

// Objects are those of each release.
func Objects(text string) []status.Object {
	return []status.Object{
		{Kind: "Deployment", Group: "apps", Namespace: "n", Name: "ledger", Health: status.Unhealthy, Message: "0 of 2 pods are ready", Changed: Now().Add(-4 * time.Minute), Events: []status.ObjectEvent{
			{Type: "Warning", Reason: "FailedCreate", Message: "quota exceeded: " + text, Count: 7, Time: Now().Add(-2 * time.Minute)},
			{Type: "Normal", Reason: "ScalingReplicaSet", Message: "Scaled up replica set ledger-5c to 2", Count: 1, Time: Now().Add(-4 * time.Minute)},
		}},
		{Kind: "Job", Group: "batch", Namespace: "n", Name: "load-1", Health: status.Progressing, ByRun: true, Changed: Now().Add(-time.Minute)},
		{Kind: "ConfigMap", Namespace: "n", Name: "limits", Health: status.Healthy, Changed: Now().Add(-26 * time.Hour)},
		{Kind: "Service", Namespace: "n", Name: "ledger", Health: status.Healthy, Changed: Now().Add(-26 * time.Hour)},
		{Kind: "ServiceAccount", Namespace: "n", Name: "ledger", Health: status.Healthy, Changed: Now().Add(-26 * time.Hour)},
	}
}

// Ran are runs of orders/clean in prod, by their names: one that runs, one that failed and is gone, and one that was made for no lot.
func Ran(text string) map[string]console.RunFound {
	now := Now()
	manifest := "apiVersion: batch/v1\nkind: Job\nmetadata:\n  name: clean\nspec:\n  template:\n    spec:\n      containers:\n        - name: clean\n          env:\n            - {name: KEY, value: (redacted)}\n            - {name: TEXT, value: " + text + "}\n"
	return map[string]console.RunFound{
		"20260101PT1H004.r2aaaaabbbbbbb": {
			Cluster: "west", Namespace: "orders-prod", Started: now.Add(-4 * time.Minute), There: true, Doing: "its pod waits for a node: " + text, Manifest: manifest,
		},
		"20260101PT1H004.r1aaaaabbbbbbb": {
			Started: now.Add(-70 * time.Minute), Ended: now.Add(-time.Hour), Failed: true, Outcome: "failed: exit code 3: " + text, Logged: true, Manifest: manifest, Kept: true,
			Wrote: []console.RunManifest{
				{Dataset: "orders/clean@1", State: "partial", Path: "datasets/name=clean/lot=x/state=partial/attempt=r1aaaaabbbbbbb/manifest.json", Written: now.Add(-time.Hour), Own: true, Comment: text, URIs: []string{"s3://lake/clean/" + text}, Count: 30},
				{Dataset: "orders/clean@1", State: "complete", Path: "datasets/name=clean/lot=x/state=complete/manifest.json", Written: now.Add(-time.Minute), Damaged: text},
			},
			Troubles: []string{"its Job in cluster east cannot be seen: " + text},
		},
		"clean-29382840": {NoLog: text, NoManifest: text, Outcome: "complete", Started: now.Add(-2 * time.Hour), Ended: now.Add(-time.Hour)},
	}
}

// Difference is what a commit changed.
func Difference(text string) console.Difference {
	return console.Difference{Action: "change", Unchanged: 5, Cut: 1, Steps: []report.FactStep{
		{Object: "Deployment orders-staging/orders", Does: "update", Note: text, Diff: "@@ -9,3 +9,3 @@\n containers:\n-  image: registry.example.com/orders:3\n+  image: registry.example.com/orders:4\n" + "+  # " + text + "\n"},
		{Object: "Secret orders-staging/keys", Does: "update", Diff: "@@ -2,2 +2,2 @@\n data:\n-  key: (redacted)\n+  key: (redacted, changed)\n"},
		{Object: "ConfigMap orders-staging/old", Does: "delete", Note: text},
	}}
}
