// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/reconciler/status"
)

func id(project, environment, cluster string) catalog.ReleaseID {
	return catalog.ReleaseID{Project: project, Environment: environment, Cluster: cluster}
}

// declared is a platform of two projects, one of which nobody has applied yet.
func declared(t *testing.T) *catalog.Catalog {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range map[string]string{
		"trunkline.yaml":      "kind: Platform\nmetadata: {name: acme}\n",
		"dev.yaml":            "kind: Cluster\nmetadata: {name: one}\n",
		"env.yaml":            "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [one], stores: {lake: s3://x}}\n",
		"note/blueprint.yaml": "kind: Blueprint\nmetadata: {name: note}\nspec: {description: A note., engine: helm, source: chart}\n",
		"orders.yaml": `kind: Project
metadata: {name: orders}
spec:
  owner: team-orders
  environments: [dev]
  datasets:
    - {name: raw, version: "1", path: lake://raw/, external: true, tags: [pii], lots: {unit: daily, since: 2026-01-01T00:00:00Z}}
    - {name: clean, version: "2", path: lake://clean/}
  workloads:
    - {name: clean, blueprint: note, reads: {raw: orders/raw@1}, writes: {main: orders/clean@2}}
`,
		"report.yaml": `kind: Project
metadata: {name: report}
spec:
  owner: team-report
  environments: [dev]
  workloads:
    - {name: daily, blueprint: note, reads: {in: orders/clean@2}}
    - {name: mail, blueprint: note, after: [daily]}
`,
	} {
		tree[name] = &fstest.MapFile{Data: []byte("apiVersion: trunkline.dev/v1alpha1\n" + text)}
	}
	tree["note/chart/Chart.yaml"] = &fstest.MapFile{Data: []byte("apiVersion: v2\nname: note\nversion: 1.0.0\n")}
	cat, problems, err := catalog.Load(tree, fstest.MapFS{})
	if err != nil || problems.Denied() {
		t.Fatalf("%v %v", err, problems)
	}
	return cat
}

// platform starts a daemon that has some releases.
func platform(t *testing.T) *consoletest.Daemon {
	t.Helper()
	cat := declared(t)
	d := consoletest.Start(t, func(o *console.Options) { o.Catalog = func() *catalog.Catalog { return cat } })
	d.Board.SetName("acme")
	d.Board.SetCluster(status.Cluster{Name: "one", Reachable: true})
	d.Board.SetCluster(status.Cluster{Name: "two", Message: "timeout"})
	for _, r := range []status.Release{
		{ReleaseID: id("orders", "dev", "one"), Owner: "team-orders", Result: status.Applied, Health: status.Healthy},
		{ReleaseID: id("orders", "prod", "two"), Owner: "team-orders", Result: status.Applied, Health: status.Healthy},
		{ReleaseID: id("old", "dev", "one"), Result: status.Pruning, Health: status.Unknown, Held: &status.Held{Rule: "removals", Reason: "many", Digest: "d1", Person: true}},
		{ReleaseID: id("rates", "dev", "one"), Result: status.Failed, Health: status.Unknown, Drifts: []status.Drift{{Object: "x", Fields: []string{"y"}}}},
	} {
		d.Board.SetRelease(r.ReleaseID, func(shown *status.Release) { *shown = r })
	}
	return d
}

func TestLists(t *testing.T) {
	cases := map[string]struct {
		reason, path string
		want         string
	}{
		"All":             {"Everything, by project, environment and cluster.", "/api/v1/releases", "old/dev@one orders/dev@one orders/prod@two rates/dev@one"},
		"Project":         {"Of one project.", "/api/v1/releases?project=orders", "orders/dev@one orders/prod@two"},
		"Projects":        {"Or of some.", "/api/v1/releases?project=orders&project=rates", "orders/dev@one orders/prod@two rates/dev@one"},
		"Both":            {"Each parameter narrows it.", "/api/v1/releases?project=orders&environment=dev&cluster=one", "orders/dev@one"},
		"Nothing":         {"No release fits, which is no error.", "/api/v1/releases?project=nobody", ""},
		"Owner":           {"By who owns it.", "/api/v1/releases?owner=team-orders", "orders/dev@one orders/prod@two"},
		"Result":          {"By how far it came.", "/api/v1/releases?result=failed&result=pruning", "old/dev@one rates/dev@one"},
		"Health":          {"What a cluster that does not answer holds is not known to be healthy.", "/api/v1/releases?health=healthy", "orders/dev@one"},
		"Rule":            {"By what holds it.", "/api/v1/releases?rule=removals", "old/dev@one"},
		"Fine":            {"What someone should look at.", "/api/v1/releases?fine=false", "old/dev@one orders/prod@two rates/dev@one"},
		"Drifted":         {"What others changed.", "/api/v1/releases?drifted=true", "rates/dev@one"},
		"AllProjects":     {"Those that are declared, and those that are left.", "/api/v1/projects", "old orders rates report"},
		"OwnedProjects":   {"By who owns them.", "/api/v1/projects?owner=team-report", "report"},
		"ProjectsOf":      {"By where they are.", "/api/v1/projects?environment=prod", "orders"},
		"Environments":    {"Those that are declared, and those that releases are left of.", "/api/v1/environments", "dev prod"},
		"EnvironmentsOf":  {"By where they are.", "/api/v1/environments?cluster=two", "prod"},
		"Clusters":        {"Those that the daemon was told of.", "/api/v1/clusters", "one two"},
		"Unreachable":     {"Those that do not answer.", "/api/v1/clusters?reachable=false", "two"},
		"Datasets":        {"Those of the accepted commit.", "/api/v1/datasets", "orders/clean@2 orders/raw@1"},
		"TaggedDatasets":  {"By their tags.", "/api/v1/datasets?tag=pii", "orders/raw@1"},
		"NoDatasets":      {"A project need not have any.", "/api/v1/datasets?project=report", ""},
		"Graph":           {"All nodes.", "/api/v1/graph", "orders/clean orders/clean@2 orders/raw@1 report/daily report/mail"},
		"GraphOf":         {"Of a project with its neighbours.", "/api/v1/graph?project=report", "orders/clean@2 report/daily report/mail"},
		"GraphOfDatasets": {"One kind.", "/api/v1/graph?kind=dataset", "orders/clean@2 orders/raw@1"},
	}
	d := platform(t)
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			page := get[console.Page[map[string]any]](t, d, tc.path)
			var got []string
			for _, item := range page.Items {
				switch {
				case item["id"] != nil:
					got = append(got, fmt.Sprint(item["id"]))
				case item["name"] != nil:
					got = append(got, fmt.Sprint(item["name"]))
				default:
					got = append(got, fmt.Sprintf("%s/%s@%s", item["project"], item["environment"], item["cluster"]))
				}
			}
			if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" || page.Next != "" {
				t.Errorf("%s next %q, -want +got:\n%s", tc.reason, page.Next, diff)
			}
		})
	}
}

func TestSingleThings(t *testing.T) {
	d := platform(t)
	orders := get[console.Project](t, d, "/api/v1/projects/orders")
	want := console.Project{
		Name: "orders", Owner: "team-orders", Environments: []string{"dev", "prod"}, Datasets: 2, Workloads: 1,
		Releases: console.Summary{
			Total: 2, Fine: 1, Results: map[status.Result]int{status.Applied: 2}, Healths: map[status.Health]int{status.Healthy: 1, status.Unknown: 1},
		},
	}
	if diff := cmp.Diff(want, orders); diff != "" {
		t.Errorf("a project (-want +got):\n%s", diff)
	}
	if env := get[console.Environment](t, d, "/api/v1/environments/dev"); env.Releases.Total != 3 || env.Releases.Held != 1 || env.Releases.Drifted != 1 {
		t.Errorf("got %+v", env)
	}
	if cl := get[console.Cluster](t, d, "/api/v1/clusters/two"); cl.Message != "timeout" || cl.Releases.Total != 1 {
		t.Errorf("got %+v", cl)
	}
	clean := get[console.Dataset](t, d, "/api/v1/datasets/orders/clean@2")
	if diff := cmp.Diff([][]string{{"orders/clean"}, {"report/daily"}}, [][]string{clean.Writers, clean.Readers}); diff != "" {
		t.Errorf("a dataset (-want +got):\n%s", diff)
	}
	if r := get[status.Release](t, d, "/api/v1/releases/old/dev/one"); r.Held == nil || r.Held.Digest != "d1" {
		t.Errorf("got %+v", r)
	}
	if s := get[console.Status](t, d, "/api/v1/status"); s.Name != "acme" || s.Fine || s.Releases.Total != 4 || s.Revision == 0 {
		t.Errorf("got %+v", s)
	}
}

func TestWhatIsNotThere(t *testing.T) {
	d := platform(t)
	cases := map[string]struct {
		path string
		want response
	}{
		"Release":     {"/api/v1/releases/orders/dev/two", response{404, `there is no release "orders/dev@two": did you mean "orders/dev@one"?`}},
		"Project":     {"/api/v1/projects/ordres", response{404, `there is no project "ordres": did you mean "orders"?`}},
		"Environment": {"/api/v1/environments/staging", response{404, `there is no environment "staging": want one of: dev, prod`}},
		"Cluster":     {"/api/v1/clusters/x%1b%5b31m", response{404, `there is no cluster "x\x1b[31m": want one of: one, two`}},
		"Dataset":     {"/api/v1/datasets/orders/clean@1", response{404, `there is no dataset "orders/clean@1": did you mean "orders/clean@2"?`}},
	}
	for name, tc := range cases {
		got, _ := ask(t, d, request{method: "GET", path: tc.path})
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", name, diff)
		}
	}
}

func TestWrongQueries(t *testing.T) {
	cases := map[string]struct{ reason, query, want string }{
		"Unknown":    {"A parameter that is misspelt is not left out in silence.", "?projcet=orders", `there is no parameter "projcet": did you mean "project"?`},
		"Empty":      {"An empty name is a mistake, and not everything.", "?project=", "project is empty"},
		"Result":     {"A result that there is none of fits nothing, and that is not an answer.", "?result=apply", `there is no result "apply": did you mean "applied"?`},
		"Health":     {"Nor is a health.", "?health=x", `there is no health "x": want one of: failed, healthy, progressing, stalled, unknown`},
		"Flag":       {"A flag is one of two.", "?fine=yes", "fine is not true or false"},
		"Limit":      {"A page is bounded.", "?limit=1001", "limit is not a number from 1 to 1000"},
		"NoLimit":    {"And is one.", "?limit=0", "limit is not a number from 1 to 1000"},
		"Cursor":     {"A cursor was given by a page.", "?cursor=%21", "cursor is not the next of a page"},
		"Many":       {"A query is bounded.", "?" + strings.TrimSuffix(strings.Repeat("owner=x&", 33), "&"), "owner is given 33 times: 32 at most"},
		"Semicolons": {"What cannot be parsed is no query for everything.", "?project=a;b", "the query cannot be parsed"},
	}
	d := platform(t)
	for name, tc := range cases {
		got, _ := ask(t, d, request{method: "GET", path: "/api/v1/releases" + tc.query})
		if diff := cmp.Diff(response{http.StatusBadRequest, tc.want}, got); diff != "" {
			t.Errorf("%s: %s -want +got:\n%s", name, tc.reason, diff)
		}
	}
	for _, path := range []string{"/api/v1/status?x=1", "/api/v1/releases/orders/dev/one?x=1", "/api/v1/projects/orders?x=1", "/api/v1/changes?x=1"} {
		if got, _ := ask(t, d, request{method: "GET", path: path}); got.Code != http.StatusBadRequest {
			t.Errorf("%s: got %+v", path, got)
		}
	}
}

// TestPagesAreTheWholeList: whatever the size of a page, all pages together are the list, each item once; and items that come
// and go in between move no other one from page to page.
func TestPagesAreTheWholeList(t *testing.T) {
	d := consoletest.Start(t)
	rapid.Check(t, func(rt *rapid.T) {
		names := rapid.SliceOfNDistinct(rapid.StringMatching(`[a-c]{1,3}(-[a-c])?`), 0, 12, rapid.ID).Draw(rt, "projects")
		for _, r := range d.Board.Snapshot().Releases {
			d.Board.RemoveRelease(r.ReleaseID)
		}
		for _, name := range names {
			d.Board.SetRelease(id(name, "dev", "one"), func(*status.Release) {})
		}
		limit := rapid.IntRange(1, 5).Draw(rt, "limit")
		query, seen := url.Values{"limit": {fmt.Sprint(limit)}}, map[string]bool{}
		for {
			page := get[console.Page[status.Release]](t, d, "/api/v1/releases?"+query.Encode())
			if len(page.Items) > limit || page.Next != "" && len(page.Items) != limit {
				rt.Fatalf("a page of %d has %d items", limit, len(page.Items))
			}
			for _, r := range page.Items {
				if seen[r.Project] {
					rt.Fatalf("%s is there twice", r.Project)
				}
				seen[r.Project] = true
				d.Board.RemoveRelease(r.ReleaseID)
			}
			if page.Next == "" {
				break
			}
			query.Set("cursor", page.Next)
		}
		if len(seen) != len(names) {
			rt.Fatalf("got %d of %d", len(seen), len(names))
		}
	})
}

// TestBeforeTheFirstCommit: nothing is declared, and that is an answer.
func TestBeforeTheFirstCommit(t *testing.T) {
	d := consoletest.Start(t)
	for _, path := range []string{"releases", "projects", "environments", "clusters", "datasets", "graph"} {
		got, _ := ask(t, d, request{method: "GET", path: "/api/v1/" + path})
		if diff := cmp.Diff(response{200, `{"items":[]}`}, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", path, diff)
		}
	}
}
