// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
)

// airflowLibrary has a blueprint of the name that runs an Airflow.
func airflowLibrary() fstest.MapFS {
	out := maps.Clone(library)
	out["airflow/blueprint.yaml"] = file(head + `kind: Blueprint
metadata: {name: airflow}
spec: {engine: helm, source: chart, fields: [image, identity], parameters: {type: object, properties: {url: {type: string}}}}
`)
	return out
}

// engine is a project that runs an Airflow.
func engine(name, environments, more string) string {
	return head + "kind: Project\nmetadata: {name: " + name + "}\nspec:\n  owner: t\n  environments: " + environments + "\n  image: apache/airflow:3.3.2\n  workloads: [{name: airflow, blueprint: airflow" + more + "}]\n"
}

func dagProject(name, environments string) string {
	return head + "kind: Project\nmetadata: {name: " + name + "}\nspec:\n  owner: t\n  environments: " + environments + "\n  dags: [\"dags/*.py\"]\n"
}

// flowing is a platform of two environments on two clusters, of which the first has an Airflow.
func flowing() map[string]string {
	environment := func(name, clusters, more string) string {
		return head + "kind: Environment\nmetadata: {name: " + name + "}\nspec:\n  clusters: " + clusters + "\n" + more
	}
	return map[string]string{
		"trunkline.yaml":  acme["trunkline.yaml"],
		"clusters.yaml":   acme["clusters.yaml"],
		"dev.yaml":        environment("dev", "[one, two]", "  orchestrator: airflow\n  preview: {}\n"),
		"prod.yaml":       environment("prod", "[one]", ""),
		"engine/p.yaml":   engine("engine", "{dev: {}, prod: {}}", ", identity: runner"),
		"sales/p.yaml":    dagProject("sales", "{dev: {cluster: {where: \"name == 'one'\"}}, prod: {}}"),
		"returns/p.yaml":  dagProject("returns", "[dev]"),
		"plain/p.yaml":    head + "kind: Project\nmetadata: {name: plain}\nspec: {owner: t, environments: [dev]}\n",
		"sales/dags/a.py": "", "returns/dags/a.py": "",
	}
}

func loadFlowing(t *testing.T, files map[string]string) *catalog.Catalog {
	t.Helper()
	fsys := fstest.MapFS{}
	for name, text := range files {
		fsys[name] = file(text)
	}
	c, _, err := catalog.Load(fsys, airflowLibrary())
	if err != nil {
		t.Fatal(err)
	}
	return c
}

// TestAirflow: a release is told where the Airflow of its environment is, and that one which projects have DAGs on its cluster.
func TestAirflow(t *testing.T) {
	c := loadFlowing(t, flowing())
	if problems := c.Problems(); len(problems) > 0 {
		t.Fatal(problems)
	}
	type told struct {
		Bundles, Reader string
		Secrets         int
	}
	got := map[string]told{}
	for rel := range c.Releases() {
		var w told
		if rel.Dags != nil {
			w.Reader = rel.Dags.ReaderNamespace + "/" + rel.Dags.Reader
		}
		for _, one := range rel.Workloads {
			if one.Airflow != nil {
				for _, b := range one.Airflow.Bundles {
					w.Bundles += b.Name + "=" + b.Namespace + " "
				}
			}
		}
		w.Secrets = len(rel.GeneratedSecrets)
		got[rel.ID.String()] = w
	}
	want := map[string]told{
		"engine/dev@one":  {Bundles: "returns=returns-dev sales=sales-dev ", Secrets: 1},
		"engine/dev@two":  {Bundles: "returns=returns-dev ", Secrets: 1},
		"engine/prod@one": {Secrets: 1}, // an Airflow that is nobody's
		"sales/dev@one":   {Reader: "engine-dev/runner"},
		"sales/prod@one":  {},
		"returns/dev@one": {Reader: "engine-dev/runner"},
		"returns/dev@two": {Reader: "engine-dev/runner"},
		"plain/dev@one":   {},
		"plain/dev@two":   {},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("what releases are told (-want +got):\n%s", diff)
	}
	place, ok := c.AirflowOf("dev", "two")
	if !ok || place.Base != "/airflow/dev/engine/airflow" || place.Namespace != "engine-dev" || place.Account != "runner" {
		t.Errorf("the Airflow of dev is %+v, %t", place, ok)
	}
}

// TestProblemsOfAirflow: each cluster that has projects with DAGs has one Airflow.
func TestProblemsOfAirflow(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		change map[string]string
		want   string
	}{
		"Fine":      {reason: "Nothing is wrong.", change: nil},
		"None":      {reason: "DAGs would be run by nobody.", change: map[string]string{"engine/p.yaml": engine("engine", "[prod]", "")}, want: `the environment "dev" has no Airflow`},
		"Excluded":  {reason: "A workload that is left out runs nothing.", change: map[string]string{"engine/p.yaml": engine("engine", "[dev]", ", exclude: true")}, want: `the environment "dev" has no Airflow`},
		"Two":       {reason: "Two would run each twice.", change: map[string]string{"other/p.yaml": engine("other", "[dev]", "")}, want: `the environment "dev" has two Airflows on the cluster "one": those of engine/airflow and other/airflow`},
		"TwoApart":  {reason: "One in another environment is another one.", change: map[string]string{"other/p.yaml": engine("other", "[prod]", "")}},
		"Elsewhere": {reason: "On a cluster without one, DAGs are run by nobody.", change: map[string]string{"engine/p.yaml": engine("engine", "{dev: {cluster: {where: \"name == 'one'\"}}}", "")}, want: `the environment "dev" has no Airflow on the cluster "two", where the project "returns" is`},
		"Own":       {reason: "A project whose owner has an Airflow needs none.", change: map[string]string{"engine/p.yaml": engine("engine", "{dev: {cluster: {where: \"name == 'one'\"}}}", ""), "returns/p.yaml": dagProject("returns", "[dev]") + "  airflow: \"3.1\"\n"}},
	} {
		t.Run(name, func(t *testing.T) {
			files := flowing()
			maps.Copy(files, tc.change)
			got := loadFlowing(t, files).Problems()
			var said []string
			for _, p := range got {
				if p.Rule != catalog.RuleOrchestrator {
					t.Errorf("%s: another rule: %s", tc.reason, p)
				}
				said = append(said, p.Message)
			}
			if text := strings.Join(said, "\n"); !strings.Contains(text, tc.want) || (text == "") != (tc.want == "") {
				t.Errorf("%s\ngot  %s\nwant %s", tc.reason, text, tc.want)
			}
			// The same is found from what was there before.
			before := loadFlowing(t, flowing())
			fsys := fstest.MapFS{}
			for name, text := range files {
				fsys[name] = file(text)
			}
			var changed []string
			for name := range tc.change {
				changed = append(changed, name)
			}
			after, updated, err := before.Update(fsys, changed)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(fmt.Sprint(got), fmt.Sprint(updated)); diff != "" {
				t.Errorf("%s: found from nothing and from before (-want +got):\n%s", tc.reason, diff)
			}
			whole := loadFlowing(t, files)
			for p := range whole.Projects() {
				q, _ := after.Project(p.Name)
				for _, id := range whole.ReleasesOf(p) {
					if diff := cmp.Diff(whole.Release(p, id).Dags, after.Release(q, id).Dags); diff != "" {
						t.Errorf("%s: the DAGs of %s (-want +got):\n%s", tc.reason, id, diff)
					}
				}
			}
			relinked, all := after.Relinked()
			if tc.change["other/p.yaml"] != "" && !all && !strings.Contains(strings.Join(relinked, " "), "sales") && strings.Contains(tc.change["other/p.yaml"], "[dev]") {
				t.Errorf("%s: sales is not looked at again: %v", tc.reason, relinked)
			}
		})
	}
}

// TestAProjectWithDagsReachesAirflow: the release that runs Airflow is looked at again when a project gets its first DAG or loses its last.
func TestAProjectWithDagsReachesAirflow(t *testing.T) {
	files := flowing()
	before := loadFlowing(t, files)
	for name, text := range map[string]string{"NoDags": strings.Replace(files["sales/p.yaml"], "  dags: [\"dags/*.py\"]\n", "", 1), "Gone": ""} {
		fsys := fstest.MapFS{}
		for file, text := range files {
			fsys[file] = &fstest.MapFile{Data: []byte(text)}
		}
		if fsys["sales/p.yaml"] = file(text); text == "" {
			delete(fsys, "sales/p.yaml")
		}
		after, _, err := before.Update(fsys, []string{"sales/p.yaml"})
		if err != nil {
			t.Fatal(err)
		}
		if relinked, _ := after.Relinked(); !strings.Contains(strings.Join(relinked, " "), "engine") {
			t.Errorf("%s: looked at again are %v, and not engine", name, relinked)
		}
	}
}

// TestAPreviewHasAnAirflow: a preview of a project with DAGs has the project that runs Airflow in it, with DAGs paused, and its own keys.
func TestAPreviewHasAnAirflow(t *testing.T) {
	c := loadFlowing(t, flowing())
	preview, err := c.Preview(catalog.PreviewOf{Trunk: c, Environment: "dev", Pull: catalog.Pull{Number: 7}, Changed: []string{"sales"}})
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"engine", "sales"}, preview.Projects); diff != "" {
		t.Errorf("the projects of the preview (-want +got):\n%s", diff)
	}
	for _, rel := range preview.Releases {
		switch {
		case rel.ID.Project == "sales" && (rel.Dags == nil || rel.Dags.ReaderNamespace != "engine-pr-7"):
			t.Errorf("the DAGs of the preview are read by %+v", rel.Dags)
		case rel.ID.Project == "engine" && rel.ID.Cluster == "one":
			want := &catalog.Airflow{Preview: true, Bundles: []catalog.DagBundle{{Name: "sales", Namespace: "sales-pr-7"}}}
			if diff := cmp.Diff(want, rel.Workloads[0].Airflow); diff != "" {
				t.Errorf("the Airflow of the preview (-want +got):\n%s", diff)
			}
		}
	}
}
