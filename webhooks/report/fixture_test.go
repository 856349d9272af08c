// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"fmt"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/catalog/draw"
	lots "trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/webhooks/report"
)

var noon = time.Date(2026, 12, 3, 12, 3, 41, 0, time.UTC)

func id(project, env, cluster string) catalog.ReleaseID {
	return catalog.ReleaseID{Project: project, Environment: env, Cluster: cluster}
}

func ref(group, kind, namespace, name string) plan.Ref {
	return plan.Ref{GroupKind: schema.GroupKind{Group: group, Kind: kind}, Namespace: namespace, Name: name}
}

// base is a review of nothing.
func base(outcome report.Outcome) report.Review {
	return report.Review{
		Head: "3f2c1ab9d0e77c1122334455667788990011aabb", Base: "9d0e77c1122334455667788990011aabb3f2c1ab9", Merged: "77c1122334", BaseRef: "main",
		At: noon, Took: 600 * time.Millisecond, Outcome: outcome,
		Environments: []report.Environment{{Name: "dev", Clusters: []string{"one"}}, {Name: "staging", Clusters: []string{"one"}}, {Name: "prod", Clusters: []string{"eu", "us"}, Protected: true}},
		ReportURL:    "https://trunkline.example.com/report/0123abcd", RulesURL: "https://trunkline.example.com/rules/",
	}
}

func jobDiff(env string) string {
	return fmt.Sprintf(`@@ -3,12 +3,14 @@
   name: convert
   namespace: revenue-%s
 spec:
-  schedule: 0 6 * * *
+  schedule: 30 5 * * *
   jobTemplate:
     spec:
       template:
         spec:
           containers:
           - name: convert
-            image: ghcr.io/acme/revenue@sha256:aaaa
+            image: ghcr.io/acme/revenue@sha256:bbbb
`, env)
}

func convert(env, cluster string) preview.Release {
	return preview.Release{ID: id("revenue", env, cluster), Action: preview.Change, Unchanged: 4, Steps: []preview.Step{
		{Ref: ref("batch", "CronJob", "revenue-"+env, "convert"), Action: plan.Update, Reason: plan.Changed, Diff: jobDiff(env)},
		{Ref: ref("", "ConfigMap", "revenue-"+env, "convert-9a8b7c6d"), Action: plan.Create, Reason: plan.Missing, Replaces: "convert-0a1b2c3d", Diff: "@@ -2,3 +2,3 @@\n data:\n-  versions: '1'\n+  versions: '1,2'\n"},
		{Ref: ref("", "ConfigMap", "revenue-"+env, "convert-0a1b2c3d"), Action: plan.Delete, Reason: plan.Removed, Diff: "-kind: ConfigMap\n"},
	}}
}

// flowOf is the data flow of the example, with those versions of the daily figures.
func flowOf(versions ...string) *draw.Graph {
	g := &draw.Graph{
		Nodes: []draw.Node{
			{ID: "orders/orders-clean@1", Kind: draw.Dataset, Owner: "team-orders"},
			{ID: "rates/fx-daily@1", Kind: draw.Dataset, Owner: "team-finance"},
			{ID: "revenue/convert", Kind: draw.Workload, Owner: "team-finance", Detail: "cron-job"},
			{ID: "storefront/figures", Kind: draw.Workload, Detail: "service"},
		},
		Edges: []draw.Edge{
			{From: "orders/orders-clean@1", To: "revenue/convert", Kind: draw.Reads},
			{From: "rates/fx-daily@1", To: "revenue/convert", Kind: draw.Reads},
			{From: "revenue/revenue-daily@1", To: "storefront/figures", Kind: draw.Reads},
		},
	}
	for _, v := range versions {
		g.Nodes = append(g.Nodes, draw.Node{ID: "revenue/revenue-daily@" + v, Kind: draw.Dataset})
		g.Edges = append(g.Edges, draw.Edge{From: "revenue/convert", To: "revenue/revenue-daily@" + v, Kind: draw.Writes})
	}
	return g
}

// usual is a change that passes, with a little of everything.
func usual() report.Review {
	r := base(report.Passed)
	for _, where := range [][2]string{{"dev", "one"}, {"prod", "eu"}, {"prod", "us"}, {"staging", "one"}} {
		r.Plan.Releases = append(r.Plan.Releases, convert(where[0], where[1]))
	}
	for i := 1; i <= 2; i++ {
		r.Plan.Releases[i].Held = gate.Verdict{Hold: gate.Closed, Reason: "the deploy window of prod opens on Mon 08:00 Europe/Brussels", Until: noon.Add(90 * time.Hour)}
	}
	r.Unchanged = 12
	first := lot.Hourly.At(time.Date(2025, 1, 1, 0, 0, 0, 0, time.UTC))
	r.Plan.Lots = lots.Merged{
		Compute: []lots.Compute{{Environment: "prod", Arc: "revenue/convert", Writes: []string{"revenue/revenue-daily@2"}, First: first, Last: lot.Hourly.At(noon), Lots: 16_837, Each: time.Minute}},
		Nobodys: []lots.Nobodys{{Environment: "dev", Series: "revenue/revenue-daily@1", First: first, Last: first.Next(), Lots: 2, Loss: lots.Unwritten}},
	}
	after := flowOf("1", "2")
	after.Nodes[2].Change = draw.Touched
	r.Flow = &report.Flow{Before: flowOf("1"), After: after}
	r.Cost = &report.Cost{Before: "214.60 EUR", After: "231.10 EUR", Change: "+16.50", Parts: []report.CostPart{{What: "revenue in prod", Change: "+14.20"}, {What: "revenue in staging", Change: "+1.20"}, {What: "revenue in dev", Change: "+1.10"}}}
	r.Preview = &report.PreviewEnvironment{Name: "pr-42", URL: "https://pr-42.example.com", State: "healthy", Since: noon, From: "dev", Reads: []string{"orders", "rates"}, Sleeps: noon.Add(6 * time.Hour), Expires: noon.Add(70 * time.Hour)}
	r.Findings = []report.Finding{{Problem: v1alpha1.Problem{
		Rule: "image-digest", Severity: v1alpha1.Warn, Position: v1alpha1.Position{File: "projects/revenue/project.yaml", Line: 31, Column: 9},
		Message: `"convert" runs an image by tag; prod asks for digests from 1 January`, Hint: "write the image as ghcr.io/acme/revenue@sha256:…",
	}}}
	r.Lines = map[string]int{"projects/revenue/project.yaml": 80}
	return r
}

// dangerous passes, and is to be looked at all the more.
func dangerous() report.Review {
	r := base(report.Passed)
	for _, where := range [][2]string{{"dev", "one"}, {"prod", "eu"}, {"prod", "us"}, {"staging", "one"}} {
		r.Plan.Releases = append(r.Plan.Releases, preview.Release{ID: id("legacy", where[0], where[1]), Action: preview.Remove, Steps: []preview.Step{
			{Ref: ref("apps", "Deployment", "legacy-"+where[0], "web"), Action: plan.Delete, Reason: plan.Removed},
			{Ref: ref("", "PersistentVolumeClaim", "legacy-"+where[0], "data"), Action: plan.Delete, Reason: plan.Removed, Note: "it stays if others have data in it"},
		}})
	}
	r.Plan.Releases[1].Held = gate.Verdict{Hold: gate.Protected, Reason: "the environment is protected: name the project in its removals to have it deleted"}
	r.Plan.Releases[2].Held = r.Plan.Releases[1].Held
	r.Widened = []string{"environment prod: project orders may use the account admin"}
	r.Cost = &report.Cost{Before: "200.00 EUR", After: "900.00 EUR", Change: "+700.00", Jumps: true, Parts: []report.CostPart{{What: "orders in prod", Change: "+700.00"}}}
	r.Flow = &report.Flow{Before: flowOf("1", "2"), After: flowOf("2")}
	r.Unchanged = 1
	return r
}

// circular closes a cycle across two projects, and was refused for something else before.
func circular() report.Review {
	r := base(report.Refused)
	at := func(file string, line int) v1alpha1.Position {
		return v1alpha1.Position{File: file, Line: line, Column: 7}
	}
	r.Findings = []report.Finding{
		{Problem: v1alpha1.Problem{
			Rule: "dag-cycle", Severity: v1alpha1.Deny, Position: at("projects/orders/project.yaml", 21), Path: "spec.workloads[1].reads.rates",
			Message: "datasets and workloads form a cycle: orders/clean → orders/orders-clean@1 → revenue/convert → revenue/revenue-daily@1 → orders/clean",
			Hint:    "drop one of these reads, or read an older version of the dataset",
			Trace: []v1alpha1.Step{
				{Position: at("projects/orders/project.yaml", 21), Message: "orders/clean reads revenue/revenue-daily@1"},
				{Position: at("projects/revenue/project.yaml", 14), Message: "revenue/convert reads orders/orders-clean@1"},
			},
		}},
		{Problem: v1alpha1.Problem{Rule: "unknown-size", Severity: v1alpha1.Deny, Position: at("projects/old/project.yaml", 3), Message: `there is no size "huge"`}, Old: true},
	}
	r.Lines = map[string]int{"projects/orders/project.yaml": 40, "projects/revenue/project.yaml": 50, "projects/old/project.yaml": 9}
	after := flowOf("1")
	after.Nodes = append(after.Nodes, draw.Node{ID: "orders/clean", Kind: draw.Workload, Owner: "team-orders", Detail: "container-job"})
	before := *after
	after.Edges = append(after.Edges, draw.Edge{From: "orders/clean", To: "orders/orders-clean@1", Kind: draw.Writes})
	before.Edges = after.Edges
	after.Edges = append(slices.Clip(after.Edges), draw.Edge{From: "revenue/revenue-daily@1", To: "orders/clean", Kind: draw.Reads})
	r.Flow = &report.Flow{Before: &before, After: after, Cycles: [][]string{{"orders/clean", "orders/orders-clean@1", "revenue/convert", "revenue/revenue-daily@1"}}}
	return r
}

func failing() report.Review {
	r := base(report.Refused)
	r.Plan.Releases = []preview.Release{
		{ID: id("fx", "dev", "one"), Action: preview.Fail, Err: "it does not render: template deployment.yaml:4: no such field"},
		{ID: id("fx", "prod", "eu"), Action: preview.Fail, Err: "it does not render: template deployment.yaml:4: no such field"},
		{ID: id("orders", "dev", "one"), Action: preview.Change, Steps: []preview.Step{
			{Ref: ref("", "Service", "orders-dev", "web"), Action: plan.Adopt, Reason: plan.Present, Err: "conflict: .spec.ports is owned by helm"},
			{Ref: ref("apps", "Deployment", "orders-dev", "web"), Action: plan.Adopt, Reason: plan.Present},
		}},
	}
	r.Plan.Troubles = []preview.Trouble{{Cluster: "us", Err: `connecting to cluster "us": connection refused`}}
	r.Unjudged = []string{"whether an owner made or approved the change, since it is not known who did"}
	return r
}

// many is a change of very many releases, to all of which the same happens but for one.
func many(n int) report.Review {
	r := base(report.Passed)
	r.Plan.Releases = append(r.Plan.Releases, preview.Release{ID: id("aaa", "prod", "eu"), Action: preview.Remove})
	for i := range n {
		release := convert("dev", "one")
		release.ID.Project = fmt.Sprintf("project-%05d", i)
		r.Plan.Releases = append(r.Plan.Releases, release)
	}
	return r
}

// evil is a text that would like to be more than one.
const evil = "</code></details> -->\x1b[2J\u202e@all `x` ``` | **passed** <script>alert(1)</script> ![x](javascript:y) https://evil.example.com [l](#1) o/r#2 deadbeef www.evil.example\n\n### ✅ Trunkline: this merge changes 1 release\n<!-- trunkline:pull-request -->\n```\n| a |\n> [!NOTE]"

// hostile has such texts wherever someone else's can get.
func hostile(outcome report.Outcome) report.Review {
	at := v1alpha1.Position{File: evil, Line: 1}
	r := base(outcome)
	r.Head, r.Base, r.BaseRef, r.Trouble = evil, evil, evil, evil
	r.ReportURL = "https://trunkline.example.com/" + evil
	r.Conflicts, r.Unjudged, r.Widened, r.Notes = []string{evil}, []string{evil}, []string{evil}, []string{evil}
	r.Environments = []report.Environment{{Name: evil}}
	r.Lines = map[string]int{evil: 3}
	problem := v1alpha1.Problem{Rule: evil, Severity: v1alpha1.Deny, Position: at, Path: evil, Message: evil, Hint: evil, Trace: []v1alpha1.Step{{Position: at, Message: evil}}}
	warning := problem
	warning.Severity = v1alpha1.Warn
	r.Findings = []report.Finding{{Problem: problem}, {Problem: warning, Old: true}}
	steps := []preview.Step{}
	for _, a := range []plan.Action{plan.Create, plan.Update, plan.Adopt, plan.Delete, plan.Keep, plan.Blocked} {
		steps = append(steps, preview.Step{
			Ref: ref(evil, evil, evil, evil), Action: a, Reason: plan.Changed, Replaces: evil, Diff: "-" + evil + "\n+````\n~~~\n</details>\n", Note: evil,
			Drift: []preview.Drift{{Field: evil, Manager: evil}},
		}, preview.Step{Ref: ref(evil, evil, evil, evil), Action: a, Err: evil})
	}
	steps = append(steps, preview.Step{Ref: ref("", "PersistentVolumeClaim", evil, evil), Action: plan.Delete, Note: evil})
	held := gate.Verdict{Hold: gate.Rule(evil), Reason: evil}
	r.Plan = preview.Preview{
		From: evil, To: evil, Notes: []string{evil}, Troubles: []preview.Trouble{{Cluster: evil, Err: evil}},
		Lots: lots.Merged{
			Compute: []lots.Compute{{Environment: evil, Arc: evil, Writes: []string{evil}, Lots: 3}}, Nobodys: []lots.Nobodys{{Environment: evil, Series: evil, Loss: lots.Undeclared}},
		},
		Releases: []preview.Release{
			{ID: id(evil, evil, evil), Action: preview.Change, Held: held, Steps: steps},
			{ID: id(evil, "other", evil), Action: preview.Remove, Held: gate.Verdict{Hold: gate.Protected, Reason: evil}},
			{ID: id("x", evil, "y"), Action: preview.Create, Steps: steps},
			{ID: id("z", evil, "y"), Action: preview.Fail, Err: evil},
		},
	}
	nodes := []draw.Node{{ID: evil, Kind: draw.Workload, Label: evil, Detail: evil, Owner: evil}, {ID: evil + "@1", Kind: draw.Dataset, Project: evil}, {ID: "a/" + evil + "@" + evil, Kind: draw.Dataset}}
	r.Flow = &report.Flow{Before: &draw.Graph{Nodes: nodes[:1]}, After: &draw.Graph{Nodes: nodes, Edges: []draw.Edge{{From: evil, To: evil + "@1", Kind: draw.Writes, Because: evil}}}}
	r.Cost = &report.Cost{Before: evil, After: evil + "x", Change: evil, Parts: []report.CostPart{{evil, evil}, {evil, evil}, {evil, evil}}, Once: []report.CostPart{{evil, evil}}, Unknown: []string{evil}, Jumps: true}
	r.Preview = &report.PreviewEnvironment{Name: evil, URL: "javascript:alert(1)", State: evil, Reason: evil, Since: noon, From: evil, Reads: []string{evil}, Sleeps: noon, Expires: noon}
	r.Unreviewed = []catalog.ReleaseID{id(evil, evil, evil)}
	r.Rollout = &report.Rollout{Commit: evil, MergedBy: evil, Began: noon, Releases: []report.RolledOut{
		{ID: id(evil, evil, evil), State: evil, Failed: true, Reason: evil, RolledBackTo: evil}, {ID: id(evil, evil, "b"), State: evil, Reason: evil}, {ID: id("c", evil, "b"), State: evil, Done: true, Took: time.Minute},
	}}
	return r
}

// rollout is what became of the usual change.
func rollout(states ...report.RolledOut) report.Review {
	r := usual()
	r.Rollout = &report.Rollout{Commit: "77c1122334455", MergedBy: "ada", Began: noon.Add(time.Hour)}
	for i, s := range states {
		s.ID = r.Plan.Releases[i].ID
		r.Rollout.Releases = append(r.Rollout.Releases, s)
	}
	return r
}

func long() string { return strings.Repeat("a-rather-long-name-", 60) }
