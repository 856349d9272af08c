// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"flag"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
)

var update = flag.Bool("update", false, "write the golden files again")

// tasks is a platform with all that tasks of an orchestrator can be told.
var tasks = map[string]string{
	"trunkline.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: acme}\nspec: {defaults: {lifecycle: spot}}\n",
	"eu.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: eu}\nspec: {cloud: gcp, region: europe-west1, spot: {by: gke},\n" +
		"  sizes: {tiny: {cpu: 100m, memory: 64Mi, price: \"0.01\"}}}\n",
	"dev.yaml": `apiVersion: trunkline.dev/v1alpha1
kind: Environment
metadata: {name: dev}
spec:
  clusters: [eu]
  stores: {lake: file:///dev}
  lots: {manifests: "file:///manifests/<project>/"}
  defaults: {size: cx.small}
  lotImage: registry.acme.example/lot:1
  secretStores: {vault: {provider: vault, resolve: entrypoint, url: "https://vault.acme.example", role: "<identity>-<environment>"}}
  preview: {}
`,
	"blueprints/run/blueprint.yaml":   "apiVersion: trunkline.dev/v1alpha1\nkind: Blueprint\nmetadata: {name: run}\nspec: {engine: helm, source: chart, fields: [image, identity]}\n",
	"blueprints/run/chart/Chart.yaml": "apiVersion: v2\nname: run\nversion: 1.0.0\n",
	"orders/project.yaml": `apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: orders}
spec:
  owner: team
  environments: {dev: {size: mx.medium}}
  image: ghcr.io/acme/orders:1
  dependsOn: [base]
  datasets:
    - {name: clean, version: "1", path: lake://orders/clean/, lots: {unit: hourly, since: "2026-01-01T00:00:00Z"}}
    - {name: total, version: "2", path: lake://orders/total/}
  workloads:
    - {name: clean, blueprint: run, identity: cleaner, reads: {fx: rates/fx@1}, writes: {main: clean@1}}
`,
	"rates/project.yaml": `apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: rates}
spec:
  owner: team
  environments: [dev]
  image: ghcr.io/acme/rates:1
  datasets: [{name: fx, version: "1", path: lake://rates/fx/, lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}]
  workloads: [{name: fetch, blueprint: run, writes: {main: fx@1}}]
`,
	"base/project.yaml":  "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: base}\nspec: {owner: team, environments: {dev: {image: ghcr.io/acme/base:2}}}\n",
	"other/project.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: other}\nspec: {owner: team, environments: [dev], image: ghcr.io/acme/other:1}\n",
}

// TestTaskContext holds what tasks are told to a file that the tests of the package in Python read, too.
func TestTaskContext(t *testing.T) {
	cat, problems := load(t, mapFS(tasks))
	if problems.Denied() {
		t.Fatal(problems)
	}
	got := contextOf(t, cat, "orders", "dev")
	golden := filepath.Join("testdata", "taskcontext.golden.json")
	if *update {
		if err := os.MkdirAll("testdata", 0o755); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(golden, got, 0o644); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(golden)
	if err != nil {
		t.Fatalf("%v; make it with -update", err)
	}
	if diff := cmp.Diff(string(want), string(got)); diff != "" {
		t.Errorf("tasks are told something else; look at it, and write it with -update (-want +got):\n%s", diff)
	}
	for _, no := range []string{"other", "0.01"} {
		if strings.Contains(string(got), no) {
			t.Errorf("tasks are told of %q, which is none of their business:\n%s", no, got)
		}
	}
}

// TestTaskContextOfAPreview: tasks write where the preview does, read what it writes from there, and all else from where it is.
func TestTaskContextOfAPreview(t *testing.T) {
	cat, problems := load(t, mapFS(tasks))
	if problems.Denied() {
		t.Fatal(problems)
	}
	preview, err := cat.Preview(catalog.PreviewOf{Trunk: cat, Environment: "dev", Pull: catalog.Pull{Number: 7}, Changed: []string{"orders"}})
	if err != nil {
		t.Fatal(err)
	}
	p, _ := preview.Catalog.Project("orders")
	got := preview.Catalog.TaskContext(p, preview.Catalog.ReleasesOf(p)[0])
	const mine = "file:///dev/trunkline-previews/acme/pr-7"
	if diff := cmp.Diff(map[string]string{"lake": mine}, got.Stores); diff != "" {
		t.Errorf("stores (-want +got):\n%s", diff)
	}
	want := map[string]catalog.TaskDataset{
		"orders/clean@1": {URI: mine + "/orders/clean/", Unit: "hourly", Manifests: "file:///manifests/trunkline-previews/acme/pr-7/orders/"},
		"orders/total@2": {URI: "file:///dev/orders/total/", Write: mine + "/orders/total/"},
		"rates/fx@1":     {URI: "file:///dev/rates/fx/", Unit: "daily", Manifests: "file:///manifests/rates/"},
	}
	if diff := cmp.Diff(want, got.Datasets); diff != "" {
		t.Errorf("datasets (-want +got):\n%s", diff)
	}
}

func contextOf(t *testing.T, cat *catalog.Catalog, project, env string) []byte {
	t.Helper()
	p, ok := cat.Project(project)
	if !ok {
		t.Fatalf("there is no project %q", project)
	}
	for _, id := range cat.ReleasesOf(p) {
		if id.Environment == env {
			data, err := cat.TaskContext(p, id).Encode()
			if err != nil {
				t.Fatal(err)
			}
			return data
		}
	}
	t.Fatalf("there is no release of %s in %s", project, env)
	return nil
}
