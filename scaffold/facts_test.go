// SPDX-License-Identifier: Apache-2.0

package scaffold_test

import (
	"os"
	"regexp"
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/scaffold"
)

// platform loads a platform with these roots, clusters called one and two, and two environments.
func platform(t *testing.T, roots string) *catalog.Catalog {
	t.Helper()
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	c, _, err := catalog.Load(fstest.MapFS{
		"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\nspec: {roots: " + roots + "}\n")},
		"setup/all.yaml": {Data: []byte(strings.Join([]string{
			head + "kind: Cluster\nmetadata: {name: one}\n",
			head + "kind: Cluster\nmetadata: {name: two}\n",
			head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [one], stores: {a: s3://a, sea: s3://b, lake: s3://c}}\n",
			head + "kind: Environment\nmetadata: {name: alpha}\nspec: {clusters: [one], stores: {lake: s3://d, sea: s3://e}}\n",
		}, "---\n"))},
		"setup/p/project.yaml": {Data: []byte(head + "kind: Project\nmetadata: {name: p}\nspec: {owner: x, environments: [dev], image: \"p:1\"}\n")},
	}, blueprints.FS)
	if err != nil {
		t.Fatal(err)
	}
	return c
}

func TestFactsOf(t *testing.T) {
	c := platform(t, "[setup]")
	want := scaffold.Facts{Name: "two", Platform: "acme", Environments: []string{"alpha", "dev"}, Cluster: "two", Store: "lake", Today: "2026-01-31"}
	if diff := cmp.Diff(want, scaffold.FactsOf(c, "two", "2026-01-31")); diff != "" {
		t.Errorf("the facts (-want, +got):\n%s", diff)
	}
	if got := scaffold.FactsOf(c, "three", ""); got.Cluster != "" {
		t.Errorf("the cluster of %q is %q, want none: neither is called so", "three", got.Cluster)
	}
	p, ok := c.Project("p")
	if !ok {
		t.Fatal("there is no project")
	}
	want.Project, want.Image = "p", "p:1"
	if diff := cmp.Diff(want, scaffold.FactsOf(c, "two", "2026-01-31").In(p)); diff != "" {
		t.Errorf("the facts for a workload (-want, +got):\n%s", diff)
	}
}

func TestPlace(t *testing.T) {
	cases := map[string]struct {
		reason, roots string
		kind          scaffold.Kind
		base          string
		want, err     string
	}{
		"Usual":       {"Each kind has its folder.", "[setup, projects]", scaffold.Project, "", "projects/x", ""},
		"Environment": {"An environment is a file, and not a folder.", "[.]", scaffold.Environment, "", "environments", ""},
		"Said":        {"Someone may say another.", "[setup]", scaffold.Blueprint, "setup/ours", "setup/ours/x", ""},
		"Clean":       {"However it is written.", "[setup]", scaffold.Blueprint, "./setup//ours/", "setup/ours/x", ""},
		"NoRoots":     {"Without roots it is all of the tree.", "[]", scaffold.Project, "", "projects/x", ""},
		"Outside":     {"What is below no root would not be found.", "[setup]", scaffold.Project, "", "", `"projects" is not below a root`},
		"Alike":       {"A folder that begins alike is another.", "[setup]", scaffold.Project, "setups", "", "not below a root"},
		"Workload":    {"A workload is where its project is.", "[setup]", scaffold.Workload, "setup", "setup", ""},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := scaffold.Place(platform(t, c.roots), c.kind, c.base, "x")
			if c.err == "" && err != nil || c.err != "" && (err == nil || !strings.Contains(err.Error(), c.err)) {
				t.Errorf("%s\ngot the error %v, want %q", c.reason, err, c.err)
			}
			if got != c.want {
				t.Errorf("%s\ngot %q, want %q", c.reason, got, c.want)
			}
		})
	}
}

// TestExampleOfTheDocs makes a project from the template that docs/new.md shows.
func TestExampleOfTheDocs(t *testing.T) {
	page, err := os.ReadFile("../docs/new.md")
	if err != nil {
		t.Fatal(err)
	}
	files := fstest.MapFS{}
	for _, m := range regexp.MustCompile("(?s)```yaml\n# (\\S+)\n(.*?)```").FindAllSubmatch(page, -1) {
		files["templates/project/ours/"+string(m[1])] = &fstest.MapFile{Data: m[2]}
	}
	template, err := scaffold.Open(files, scaffold.Project, "ours")
	if err != nil {
		t.Fatal(err)
	}
	facts := scaffold.FactsOf(platform(t, "[]"), "x", "")
	asked, err := template.Ask(facts, map[string]string{"team": "team-a"})
	if err != nil {
		t.Fatal(err)
	}
	if err := scaffold.Missing(asked); err != nil {
		t.Fatal(err)
	}
	got, err := template.Files("projects/x", facts, scaffold.Answers(asked))
	if err != nil {
		t.Fatal(err)
	}
	want := []scaffold.File{{Path: "projects/x/project.yaml", Data: []byte(`apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: x}
spec:
  owner: team-a
  description: "The project x."
  environments: [alpha, dev]
`)}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("the files (-want, +got):\n%s", diff)
	}
}
