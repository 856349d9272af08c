// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// workload loads a tree in which nothing is wrong and picks a workload of a release.
func workload(t *testing.T, id catalog.ReleaseID, name string, edits ...edit) catalog.Workload {
	t.Helper()
	cat, problems := load(t, mapFS(change(t, edits...)))
	if problems.Denied() {
		t.Fatalf("the case has problems:\n%s", problems)
	}
	for r := range cat.Releases() {
		for _, w := range r.Workloads {
			if r.ID == id && w.Name == name {
				return w
			}
		}
	}
	t.Fatalf("there is no %s in %s", name, id)
	return catalog.Workload{}
}

var (
	devOne  = catalog.ReleaseID{Project: "orders", Environment: "dev", Cluster: "one"}
	prodOne = catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "one"}
	prodTwo = catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "two"}
)

// The places that can say something, from the strongest to the weakest.
var (
	override = func(text string) edit {
		return edit{orders, "[dev, prod]", "{dev: {workloads: {land: {" + text + "}}}, prod: {}}"}
	}
	ofProject = func(text string) edit { return edit{orders, "[dev, prod]", "{dev: {" + text + "}, prod: {}}"} }
	own       = func(text string) edit {
		return edit{orders, "      writes: {main: raw@1}", "      writes: {main: raw@1}\n      " + text}
	}
	ofEnvironment = func(text string) edit {
		return edit{"dev.yaml", "  clusters", "  defaults: {" + text + "}\n  clusters"}
	}
	ofPlatform = func(text string) edit {
		return edit{"trunkline.yaml", "  roots", "  defaults: {" + text + "}\n  roots"}
	}
)

func TestPrecedence(t *testing.T) {
	both := edit{orders, "[dev, prod]", "{dev: {image: b, size: cx.large, workloads: {land: {image: a, size: rx.nano}}}, prod: {}}"}
	cx, rx := v1alpha1.Size{CPU: "2000m", Memory: "4096Mi"}, v1alpha1.Size{CPU: "125m", Memory: "1024Mi"}
	cases := map[string]struct {
		reason string
		edits  []edit
		pick   func(catalog.Workload) any
		want   any
	}{
		"ImageOfProject":          {"Without anything else it is the project's.", nil, image, "orders:1"},
		"ImageOfEnvironment":      {"The override of the project wins over the project.", []edit{ofProject("image: b")}, image, "b"},
		"ImageOfWorkload":         {"A workload with an image of its own is not about the project's.", []edit{ofProject("image: b"), own("image: c")}, image, "c"},
		"ImageOfWorkloadOverride": {"The override of the workload wins over everything.", []edit{both, own("image: c")}, image, "a"},

		"SizeBuiltIn":           {"Without anything said it is mx.micro.", nil, size, v1alpha1.Size{CPU: "250m", Memory: "1024Mi"}},
		"SizeOfPlatform":        {"The platform has a default.", []edit{ofPlatform("size: cx.large")}, size, cx},
		"SizeOfEnvironment":     {"The environment's default wins over it.", []edit{ofPlatform("size: mx.large"), ofEnvironment("size: cx.large")}, size, cx},
		"SizeOfWorkload":        {"The workload's own wins over defaults.", []edit{ofEnvironment("size: mx.large"), own("size: cx.large")}, size, cx},
		"SizeOfProjectOverride": {"An override replaces the size of every workload.", []edit{ofProject("size: cx.large"), own("size: mx.large")}, size, cx},
		"SizeOfOverride":        {"The workload's override wins over the project's.", []edit{both, own("size: mx.large")}, size, rx},

		"TimeoutBuiltIn":       {"Without anything said it is an hour.", nil, timeout, time.Hour},
		"TimeoutOfPlatform":    {"The platform has a default.", []edit{ofPlatform("timeout: 2h")}, timeout, 2 * time.Hour},
		"TimeoutOfEnvironment": {"The environment's default wins over it.", []edit{ofPlatform("timeout: 2h"), ofEnvironment("timeout: 3h")}, timeout, 3 * time.Hour},
		"TimeoutOfWorkload":    {"The workload's own wins.", []edit{ofEnvironment("timeout: 3h"), own("timeout: 4h")}, timeout, 4 * time.Hour},

		"LifecycleBuiltIn":       {"Without anything said it is on-demand.", nil, lifecycle, v1alpha1.OnDemand},
		"LifecycleOfPlatform":    {"The platform has a default.", []edit{ofPlatform("lifecycle: spot")}, lifecycle, v1alpha1.Spot},
		"LifecycleOfEnvironment": {"The environment's default wins over it.", []edit{ofPlatform("lifecycle: spot"), ofEnvironment("lifecycle: on-demand")}, lifecycle, v1alpha1.OnDemand},
		"LifecycleOfWorkload":    {"The workload's own wins.", []edit{ofEnvironment("lifecycle: on-demand"), own("lifecycle: spot")}, lifecycle, v1alpha1.Spot},

		"Env": {
			"Variables are merged by name.",
			[]edit{own("env: {A: own, B: own}"), override("env: {B: over, C: over}")},
			func(w catalog.Workload) any { return w.Env },
			map[string]string{"A": "own", "B": "over", "C": "over"},
		},
		"Params": {
			"Params are merged by their top-level keys only.",
			[]edit{own("params: {mode: fast, limits: {rows: 1}}"), override("params: {replicas: 2, limits: {}}")},
			func(w catalog.Workload) any { return w.Params },
			map[string]any{"mode": "fast", "replicas": int64(2), "limits": map[string]any{}},
		},
		"Schedule": {
			"A schedule of the override replaces the workload's.",
			[]edit{
				{orders, "blueprint: job\n      writes: {main: raw@1}", "blueprint: clock\n      params: {queue: q}\n      schedule: 0 6 * * *\n      timeZone: Europe/Brussels\n      writes: {main: raw@1}"},
				override("schedule: 0 7 * * *"),
			},
			func(w catalog.Workload) any { return [2]string{w.Schedule, w.TimeZone} },
			[2]string{"0 7 * * *", "Europe/Brussels"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, tc.pick(workload(t, devOne, "land", tc.edits...))); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func image(w catalog.Workload) any     { return w.Image }
func size(w catalog.Workload) any      { return w.Size }
func timeout(w catalog.Workload) any   { return w.Timeout }
func lifecycle(w catalog.Workload) any { return w.Lifecycle }

func TestSizesPerCluster(t *testing.T) {
	edits := []edit{own("size: mx.small"), {"trunkline.yaml", "  roots", "  sizes: {mx.small: {cpu: \"1\", memory: 1Gi}}\n  roots"}}
	got := []v1alpha1.Size{workload(t, prodOne, "land", edits...).Size, workload(t, prodTwo, "land", edits...).Size}
	want := []v1alpha1.Size{{CPU: "1", Memory: "1Gi"}, {CPU: "3", Memory: "5Gi"}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a cluster's size wins over the platform's, and that over the built-in\n-want +got:\n%s", diff)
	}
}

func TestURIs(t *testing.T) {
	got := map[string]map[string]catalog.DatasetRef{"dev": workload(t, devOne, "clean").Reads, "prod": workload(t, prodTwo, "clean").Reads}
	want := map[string]map[string]catalog.DatasetRef{
		"dev": {
			"raw": {ID: "orders/raw@1", URI: "file:///dev/orders/raw/"},
			"fx":  {ID: "rates/fx@1", URI: "file:///dev/rates/fx/"},
		},
		"prod": {
			"raw": {ID: "orders/raw@1", URI: "s3://prod/orders/raw/"},
			"fx":  {ID: "rates/fx@1", URI: "s3://prod/rates/fx/"},
		},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a dataset is where its environment's store is, with one slash between\n-want +got:\n%s", diff)
	}
}

func TestReleases(t *testing.T) {
	cat, problems := load(t, mapFS(change(t,
		edit{"prod.yaml", "  clusters", "  namespace: <cluster>-<project>\n  identity: {role: arn/<project>-<environment>-<cluster>}\n  clusters"})))
	if problems.Denied() {
		t.Fatal(problems)
	}
	type release struct{ ID, Namespace, ServiceAccount, Identity, Dir, Platform, Owner string }
	var got []release
	for r := range cat.Releases() {
		got = append(got, release{r.ID.String(), r.Namespace, r.Accounts[0].Name, r.Accounts[0].Annotations["role"], r.Dir, r.Platform, r.Owner})
	}
	want := []release{
		{"orders/dev@one", "orders-dev", "orders", "", "orders", "acme", "team-orders"},
		{"orders/prod@one", "one-orders", "orders", "arn/orders-prod-one", "orders", "acme", "team-orders"},
		{"orders/prod@two", "two-orders", "orders", "arn/orders-prod-two", "orders", "acme", "team-orders"},
		{"rates/dev@one", "rates-dev", "rates", "", "rates", "acme", "team-rates"},
		{"rates/prod@one", "one-rates", "rates", "arn/rates-prod-one", "rates", "acme", "team-rates"},
		{"rates/prod@two", "two-rates", "rates", "arn/rates-prod-two", "rates", "acme", "team-rates"},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
