// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
)

// versions are what each file of the platform may become in a step: what it is, something else that is right, and
// things that are wrong in each their own way. An empty one is no file.
func versions() map[string][]string {
	project := func(name, more string) string {
		return head + "kind: Project\nmetadata: {name: " + name + "}\nspec:\n  owner: t\n  environments: [dev, prod]\n" + more
	}
	out := map[string][]string{
		"trunkline.yaml": {
			"kind: [", strings.Replace(acme["trunkline.yaml"], "[.]", "[orders, rates, deep]", 1), strings.Replace(acme["trunkline.yaml"], "[.]", "[., nowhere]", 1),
			strings.Replace(acme["trunkline.yaml"], "[.]", "[.]\n  governance: {folders: [., deep/a/b]}\n  policies: [deep/a]", 1),
			strings.Replace(acme["trunkline.yaml"], "[.]", "[.]\n  policies: [deep/chart]", 1),
		},
		"clusters.yaml": {
			"", strings.Replace(acme["clusters.yaml"], "name: two", "name: three", 1),
			strings.Replace(acme["clusters.yaml"], "metadata: {name: one}\n", "metadata: {name: one}\nspec: {drained: {reason: x}, labels: {tier: gold}}\n", 1),
		},
		"dev.yaml": {
			"", strings.Replace(acme["dev.yaml"], "  stores:", "  lots: {manifests: \"s3://m/<environment>\"}\n  stores:", 1),
			strings.Replace(acme["dev.yaml"], "  stores:", "  lots: {manifests: \"s3://m/\"}\n  stores:", 1), strings.Replace(acme["dev.yaml"], "lake", "sea", 1), head + "kind: Environment\nmetadata: {name: dev}\n",
		},
		"prod.yaml": {
			strings.Replace(acme["prod.yaml"], "  stores:", "  lots: {manifests: \"s3://m/\"}\n  stores:", 1), strings.Replace(acme["prod.yaml"], "spec:", "spec:\n  namespace: <environment>", 1),
		},
		"orders/clean.json": {""},
		orders: {
			"", strings.Replace(acme[orders], "after: [land]", "", 1), strings.Replace(acme[orders], "name: raw, version: \"1\"", "name: raw, version: \"3\"", 1),
			strings.Replace(acme[orders], "rates/fx@1", "rates/fx@2", 1), acme[orders] + "    - {name: again, blueprint: jobb, after: [clean, nobody]}\n",
			strings.Replace(acme[orders], "blueprint: job", "exclude: true, blueprint: job", 1), "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: orders}\nspec: {owner: 1}\n",
			strings.Replace(acme[orders], "spec:", "spec:\n  dependsOn: [rates, nobody, rates]", 1), strings.Replace(acme[orders], "spec:", "spec:\n  dependsOn: [deep]", 1),
			strings.Replace(acme[orders], "lake://orders/raw/", "lake://orders/raw/"+inLots, 1),
			strings.Replace(acme[orders], "[dev, prod]", "{dev: {}, prod: {cluster: {where: \"labels.?tier.orValue('') == ''\"}}}", 1),
			strings.Replace(acme[orders], "[dev, prod]", "{dev: {}, prod: {cluster: {spread: workloads}}}", 1),
			strings.Replace(acme[orders], "lake://orders/raw/", "sea://orders/raw/", 1), "apiVersion: trunkline.dev/v1alpha1\nkind: [",
		},
		rates: {
			"", strings.Replace(acme[rates], "writes: {main: fx@1}", "reads: {sold: orders/clean@2}, writes: {main: fx@1}", 1),
			strings.Replace(acme[rates], "environments: {dev: {}, prod: {}}", "environments: [dev]", 1), strings.Replace(acme[rates], "version: \"1\"", "version: \"2\"", 1),
			strings.Replace(acme[rates], "spec:", "spec:\n  dependsOn: [orders]", 1), strings.Replace(acme[rates], "spec:", "spec:\n  dependsOn: [rates]", 1),
			strings.Replace(acme[rates], "name: rates", "name: orders", 1), strings.Replace(acme[rates], "blueprint: job", "blueprint: mine", 1),
		},
		"deep/a/p.yaml": {
			project("orders-dev", "  workloads: [{name: w, blueprint: job, reads: {x: deep/d@1}, files: [x.sh]}]\n"),
			project("deep", "  datasets: [{name: d, version: '1', path: lake://d/}]\n  workloads: [{name: w, blueprint: job, writes: {x: d@1}, reads: {y: orders/clean@2}}]\n"),
			project("deep", "  datasets: [{name: d, version: '1', path: lake://orders/}, {name: e, version: '1', path: lake://orders/clean/x}]\n"),
			project("deep", "  datasets: [{name: raw, version: '1', path: lake://deep/, external: true"+inLots+"}]\n"),
			project("Deep", ""), project("rates", ""), project("deep", "  dependsOn: [rates, orders]\n"),
		},
		"deep/a/x.sh": {"x"},
		"deep/a/b/e.yaml": {
			seize, head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [one]}\n", project("within", ""), seize + "---\n" + project("within", ""),
			head + "kind: PolicyTest\nmetadata: {name: t}\nspec: {cases: [{name: x, expect: [{verdict: allow}]}]}\n",
		},
		"Deep/A/p.yaml": {project("capital", ""), head + "kind: Project\nmetadata: {name: capital}\nspec: 1\n"},
		"deep/b.yaml": {
			head + "kind: Blueprint\nmetadata: {name: mine}\nspec: {engine: helm, source: chart}\n",
			head + "kind: Environment\nmetadata: {name: orders-dev}\nspec: {clusters: [one]}\n",
			project("link", "  workloads: [{name: w, blueprint: mine, reads: {x: deep/d@1, y: rates/fx@1}}]\n"),
			"apiVersion: trunkline.dev/v1alpha1\nkind: {",
		},
		"deep/chart/Chart.yaml": {"name: x"},
	}
	for name := range out {
		out[name] = append(out[name], acme[name])
	}
	return out
}

// TestUpdateIsLoad makes random changes to random files, one after the other, and compares the result of each update
// with that of loading everything.
func TestUpdateIsLoad(t *testing.T) { updateIsLoad(t, acme, versions()) }

// TestUpdateIsLoadOfLots does so where lots are kept, and datasets come and go whose manifests would be in one place.
func TestUpdateIsLoadOfLots(t *testing.T) {
	project := func(name, datasets string) string {
		return head + "kind: Project\nmetadata: {name: " + name + "}\nspec: {owner: t, environments: [dev, prod], datasets: [" + datasets + "]}\n"
	}
	of := func(name string) []string {
		dataset := func(dataset, more string) string {
			return "{name: " + dataset + ", version: '1', path: 'lake://" + name + "/" + dataset + "/'" + more + "}"
		}
		return []string{
			"", project(name, ""), project(name, dataset("raw", inLots)), project(name, dataset("raw", "")), project(name, dataset("fx", inLots)),
			project(name, dataset("raw", inLots+", external: true")), project(name, dataset("raw", inLots)+", "+dataset("fx", inLots)),
		}
	}
	versions := map[string][]string{"a/project.yaml": of("a"), "b/project.yaml": of("b"), "c/project.yaml": of("c")}
	for _, env := range []string{"dev.yaml", "prod.yaml"} {
		for _, place := range []string{"s3://m/<environment>/", "s3://m/", "s3://m/<project>/"} {
			versions[env] = append(versions[env], strings.Replace(acme[env], "  stores:", "  lots: {manifests: \""+place+"\"}\n  stores:", 1))
		}
	}
	start := maps.Clone(acme)
	for _, env := range []string{"dev.yaml", "prod.yaml"} {
		start[env] = versions[env][0]
	}
	delete(start, orders)
	delete(start, rates)
	updateIsLoad(t, start, versions)
}

func updateIsLoad(t *testing.T, start map[string]string, versions map[string][]string) {
	names := slices.Sorted(maps.Keys(versions))
	rapid.Check(t, func(t *rapid.T) {
		files := maps.Clone(start)
		cat, _, err := catalog.Load(mapFS(files), library)
		if err != nil {
			t.Fatal(err)
		}
		for range rapid.IntRange(1, 8).Draw(t, "steps") {
			var changed []string
			for range rapid.IntRange(1, 3).Draw(t, "files") {
				name := rapid.SampledFrom(names).Draw(t, "file")
				text := rapid.SampledFrom(versions[name]).Draw(t, "text")
				if files[name] != text {
					changed = append(changed, name)
				}
				if files[name] = text; text == "" {
					delete(files, name)
				}
			}
			tree := mapFS(files)
			want, wantProblems, err := catalog.Load(tree, library)
			if err != nil {
				t.Fatal(err)
			}
			before := seen(cat)
			got, problems, err := cat.Update(tree, changed)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(wantProblems.String(), problems.String()); diff != "" {
				t.Fatalf("after %q: -all looked at +updated:\n%s", changed, diff)
			}
			if diff := cmp.Diff(seen(want), seen(got), cmpopts.EquateEmpty(), cmpopts.IgnoreUnexported(catalog.Blueprint{})); diff != "" {
				t.Fatalf("after %q: -all looked at +updated:\n%s", changed, diff)
			}
			if diff := cmp.Diff(before, seen(cat), cmpopts.IgnoreUnexported(catalog.Blueprint{})); diff != "" {
				t.Fatalf("the update has changed the catalog that it was made from:\n%s", diff)
			}
			cat = got
		}
	})
}

// view is what can be seen of a catalog.
type view struct {
	Projects []string
	Releases []catalog.Release
	Nodes    []catalog.Node
	Edges    []catalog.Edge
	Readers  map[string][]string
	// Waits are the releases that each waits for, and Needed the projects that others depend on.
	Waits  map[string][]catalog.ReleaseID
	Needed map[string]bool
}

func seen(c *catalog.Catalog) view {
	v := view{Projects: c.ProjectNames(), Readers: map[string][]string{}, Waits: map[string][]catalog.ReleaseID{}, Needed: map[string]bool{}}
	if c.Platform == nil {
		return v
	}
	v.Releases, v.Nodes, v.Edges = slices.Collect(c.Releases()), c.Graph().Nodes(), c.Graph().Edges()
	for _, r := range v.Releases {
		v.Waits[r.ID.String()], v.Needed[r.ID.Project] = c.Dependencies(r.ID), c.Needed(r.ID.Project)
	}
	for _, n := range v.Nodes {
		v.Readers[n.ID] = append(c.Successors(n.ID), c.Predecessors(n.ID)...)
	}
	return v
}

// TestUpdateLooksAtWhatChanged counts the projects that an update looks at.
func TestUpdateLooksAtWhatChanged(t *testing.T) {
	cases := map[string]struct {
		reason string
		change edit
		want   string
	}{
		"Command":  {"What nobody else sees is looked at alone.", edit{rates, "blueprint: job", "description: x, blueprint: job"}, "rates"},
		"Contract": {"Who reads a dataset is looked at when it changes.", edit{rates, "lake://rates/fx/", "lake://rates/fx2/"}, "orders rates"},
		"File":     {"A file beside a project is the project's.", edit{"orders/clean.json", "{}", "[]"}, "orders"},
		"Nothing":  {"What no declaration names is nobody's.", edit{"README.md", "", "x"}, ""},
		"Frame":    {"What all are checked against is looked at with all.", edit{"dev.yaml", "dev/", "dev2/"}, "all"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cat, _ := load(t, mapFS(acme))
			next, _, err := cat.Update(mapFS(change(t, tc.change)), []string{tc.change.file})
			if err != nil {
				t.Fatal(err)
			}
			relinked, all := next.Relinked()
			got := strings.Join(relinked, " ")
			if all {
				got = "all"
			}
			if got != tc.want {
				t.Errorf("%s looked at %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}
