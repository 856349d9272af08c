// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
)

// fleet declares three clusters, with more said of some, and puts prod on all.
func fleet(drained ...string) []edit {
	more := map[string]string{
		"one": "cloud: aws, region: eu-west-1, labels: {tier: gold}", "two": "cloud: gcp, region: europe-west1, labels: {tier: basic}", "three": "cloud: aws, region: us-east-1",
	}
	text := ""
	for _, name := range []string{"one", "two", "three"} {
		drain := ""
		if slices.Contains(drained, name) {
			drain = ", drained: {reason: upgrade}"
		}
		text += "---\n" + head + "kind: Cluster\nmetadata: {name: " + name + "}\nspec: {" + more[name] + drain + "}\n"
	}
	return []edit{{"clusters.yaml", "", text}, {"prod.yaml", "[one, two]", "[three, one, two]"}}
}

// placed has orders in prod placed.
func placed(text string) edit {
	return edit{orders, "[dev, prod]", "{dev: {}, prod: {cluster: " + text + "}}"}
}

// TestPlaces: on which clusters a project is follows from its condition, the order of the environment, and what is drained.
func TestPlaces(t *testing.T) {
	cases := map[string]struct {
		reason  string
		drained []string
		cluster string
		want    []string
	}{
		"First":        {"Without a condition it is the first of the environment.", nil, "{}", []string{"three"}},
		"Region":       {"A condition is on the cluster.", nil, `{where: "region == 'eu-west-1'"}`, []string{"one"}},
		"Cloud":        {"The first that meets it counts.", nil, `{where: "cloud == 'aws'"}`, []string{"three"}},
		"Name":         {"A cluster can be named.", nil, `{where: "name != 'three'"}`, []string{"one"}},
		"Label":        {"A label need not be on each.", nil, `{where: "labels.?tier.orValue('') == 'basic'"}`, []string{"two"}},
		"All":          {"It may be on each that meets the condition.", nil, `{where: "cloud == 'aws'", spread: all}`, []string{"one", "three"}},
		"Drained":      {"One that is drained is passed over.", []string{"three"}, `{where: "cloud == 'aws'"}`, []string{"one"}},
		"DrainedOfAll": {"So it is by a project on several.", []string{"three"}, `{where: "cloud == 'aws'", spread: all}`, []string{"one"}},
		"AllDrained":   {"If there is no other one, it stays.", []string{"three", "one"}, `{where: "cloud == 'aws'"}`, []string{"three"}},
		"Elsewhere":    {"The drain of one that does not meet the condition changes nothing.", []string{"two"}, `{where: "cloud == 'aws'"}`, []string{"three"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cat, problems := load(t, mapFS(change(t, append(fleet(tc.drained...), placed(tc.cluster))...)))
			if problems.Denied() {
				t.Fatalf("the case has problems:\n%s", problems)
			}
			if diff := cmp.Diff(tc.want, clustersOf(cat, "prod")); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
	t.Run("Everywhere", func(t *testing.T) {
		cat, _ := load(t, mapFS(change(t, fleet("one")...)))
		if diff := cmp.Diff([]string{"one", "three", "two"}, clustersOf(cat, "prod")); diff != "" {
			t.Errorf("A project that says nothing is on all clusters, drained or not.\n-want +got:\n%s", diff)
		}
		p, _ := cat.Project("orders")
		if got := cat.LotsOn(p, "land", "prod"); got != "three" {
			t.Errorf("lots are made on %q, want the first cluster", got)
		}
		if diff := cmp.Diff([]string{"three", "two", "one"}, cat.ClustersForLots("prod")); diff != "" {
			t.Errorf("Lots are made on a drained cluster last.\n-want +got:\n%s", diff)
		}
	})
}

// clustersOf lists the clusters that the releases of orders are on.
func clustersOf(cat *catalog.Catalog, env string) (names []string) {
	p, _ := cat.Project("orders")
	for _, id := range cat.ReleasesOf(p) {
		if id.Environment == env {
			names = append(names, id.Cluster)
		}
	}
	return names
}

// TestWorkloadsAreSpread: each workload is on exactly one cluster, and when a cluster is drained only those move that were there.
func TestWorkloadsAreSpread(t *testing.T) {
	const workloads = 30
	files := func(drained ...string) map[string]string {
		more := ""
		for i := range workloads {
			more += fmt.Sprintf("    - {name: w%d, blueprint: job}\n", i)
		}
		edits := append(fleet(drained...), placed("{spread: workloads}"), edit{orders, "  workloads:\n", "  workloads:\n" + more})
		return change(t, edits...)
	}
	where := func(cat *catalog.Catalog) map[string]string {
		at := map[string]string{}
		for r := range cat.Releases() {
			if r.ID.Project != "orders" || r.ID.Environment != "prod" {
				continue
			}
			if len(r.Workloads) == 0 {
				t.Errorf("%s is a release without workloads", r.ID)
			}
			for _, w := range r.Workloads {
				if at[w.Name] != "" {
					t.Errorf("%s is on %s and on %s", w.Name, at[w.Name], r.ID.Cluster)
				}
				at[w.Name] = r.ID.Cluster
			}
		}
		return at
	}
	cat, _ := load(t, mapFS(files()))
	before := where(cat)
	if len(before) != workloads+2 {
		t.Fatalf("%d workloads are somewhere, want all %d", len(before), workloads+2)
	}
	drainedCat, _ := load(t, mapFS(files("one")))
	after := where(drainedCat)
	p, _ := cat.Project("orders")
	counts := map[string]int{}
	for name, cluster := range before {
		counts[cluster]++
		switch {
		case cluster == "one" && after[name] == "one":
			t.Errorf("%s stays on the cluster that is drained", name)
		case cluster != "one" && after[name] != cluster:
			t.Errorf("%s moves from %s to %s, which are not drained", name, cluster, after[name])
		}
		if got := cat.LotsOn(p, name, "prod"); got != cluster {
			t.Errorf("the lots of %s are made on %q, and it is on %q", name, got, cluster)
		}
	}
	for _, cluster := range []string{"one", "two", "three"} {
		if counts[cluster] < workloads/6 {
			t.Errorf("%d of %d workloads are on %s", counts[cluster], workloads, cluster)
		}
	}
}

// TestMovedTo: what has moved says where to; what is removed, or still there, does not.
func TestMovedTo(t *testing.T) {
	id := func(cluster string) catalog.ReleaseID {
		return catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: cluster}
	}
	cases := map[string]struct {
		reason string
		edits  []edit
		of     catalog.ReleaseID
		want   []catalog.ReleaseID
	}{
		"Moved":     {"Where its project is now.", append(fleet(), placed("{where: \"name == 'one'\"}")), id("three"), []catalog.ReleaseID{id("one")}},
		"There":     {"What is declared has not moved.", append(fleet(), placed("{where: \"name == 'one'\"}")), id("one"), nil},
		"NotPlaced": {"A project that is on all clusters of an environment that leaves one has not moved.", nil, id("three"), nil},
		"Gone":      {"A project that is not there any more has nowhere to go.", []edit{{file: orders}}, id("one"), nil},
		"Left":      {"Nor has one that left the environment.", []edit{{orders, "[dev, prod]", "[dev]"}}, id("one"), nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cat, _ := load(t, mapFS(change(t, tc.edits...)))
			if diff := cmp.Diff(tc.want, cat.MovedTo(tc.of)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestDependenciesOfPlaced: what depends on a project waits for it where it is: on the same cluster if it is there.
func TestDependenciesOfPlaced(t *testing.T) {
	needs := edit{rates, "spec:", "spec:\n  dependsOn: [orders]"}
	cat, problems := load(t, mapFS(change(t, append(fleet(), placed("{where: \"name == 'one'\"}"), needs)...)))
	if problems.Denied() {
		t.Fatal(problems)
	}
	want := []catalog.ReleaseID{{Project: "orders", Environment: "prod", Cluster: "one"}}
	for _, cluster := range []string{"one", "two"} {
		if diff := cmp.Diff(want, cat.Dependencies(catalog.ReleaseID{Project: "rates", Environment: "prod", Cluster: cluster})); diff != "" {
			t.Errorf("on %s -want +got:\n%s", cluster, diff)
		}
	}
}

func TestProblemsOfPlacement(t *testing.T) {
	with := func(edits ...edit) []edit { return append(fleet(), edits...) }
	testProblems(t, map[string]problemCase{
		"Syntax": {
			reason: "What is no CEL is named where it stands.",
			edits:  with(placed(`{where: "zone == 'eu'"}`)),
			want: `orders/project.yaml:6:51: error: spec.environments.prod.cluster.where: undeclared reference to 'zone' (line 1, column 1 of the expression)
    hint: it is CEL over name, cloud, region and labels of a cluster, as in "region == 'eu'"`,
		},
		"NoBool": {
			reason: "A condition is true or false.",
			edits:  with(placed(`{where: "name"}`)),
			want: `orders/project.yaml:6:51: error: spec.environments.prod.cluster.where: the expression must return a bool, but returns a string
    hint: compare it with something, as in "x == true"`,
		},
		"MissingLabel": {
			reason: "What is not known of a cluster is no answer.",
			edits:  with(placed(`{where: "labels.tier == 'gold'"}`)),
			want: `orders/project.yaml:6:51: error: spec.environments.prod.cluster.where: on the cluster "three" it cannot be evaluated: no such key: tier
    hint: a label that not all clusters have is asked for like "labels.?tier.orValue('') == 'gold'"`,
		},
		"NoCluster": {
			reason: "A project has to be somewhere.",
			edits:  with(placed(`{where: "cloud == 'azure'"}`)),
			want: `orders/project.yaml:6:51: error: spec.environments.prod.cluster.where: no cluster of the environment "prod" matches
    hint: its clusters are three, one, two`,
		},
		"Share": {
			reason: "Nothing is no share, and more than all is none.",
			edits:  []edit{{"clusters.yaml", "spec:\n", "spec:\n  drained: {reason: x, share: 101}\n"}},
			want: `clusters.yaml:9:31: error: spec.drained.share: 101 is no share that moves: write 1 to 100
    hint: leave drained out if nothing is to move`,
		},
		"AllDrained": {
			reason: "A drain that moves nothing is told.",
			edits:  append(fleet("one"), placed(`{where: "name == 'one'"}`)),
			want: `orders/project.yaml:6:43: warning: spec.environments.prod.cluster: all clusters of "prod" that match are drained: orders stays on them
    hint: let another cluster match, or end the drain of one`,
		},
	})
}

// TestWhyOn: status says why a release is where it is, with what is drained and why.
func TestWhyOn(t *testing.T) {
	cases := map[string]struct {
		reason, cluster string
		drained         []string
		of, want        string
	}{
		"First":     {"Without a condition it is the first.", "{}", nil, "three", "on the first cluster of prod"},
		"Condition": {"The condition is repeated.", `{where: "cloud == 'aws'"}`, nil, "three", "on the first cluster of prod where cloud == 'aws'"},
		"Drained":   {"So is what it leaves.", `{where: "cloud == 'aws'"}`, []string{"three"}, "one", "on the first cluster of prod where cloud == 'aws'; three is drained (upgrade)"},
		"Stays": {
			"And that it has nowhere to go.", `{where: "name == 'one'"}`,
			[]string{"one"},
			"one",
			"on the first cluster of prod where name == 'one'; it is drained (upgrade), and so is each other one",
		},
		"All":       {"All is all that match.", `{where: "cloud == 'aws'", spread: all}`, nil, "one", "on each cluster of prod where cloud == 'aws'"},
		"Workloads": {"Workloads are counted.", `{where: "name == 'one'", spread: workloads}`, nil, "one", "with 2 of its 2 workloads, each on one cluster of prod where name == 'one'"},
		"NotThere":  {"Of a cluster that it is not on there is nothing to say.", "{}", nil, "one", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			cat, _ := load(t, mapFS(change(t, append(fleet(tc.drained...), placed(tc.cluster))...)))
			p, _ := cat.Project("orders")
			if diff := cmp.Diff(tc.want, cat.WhyOn(p, catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: tc.of})); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
	cat, _ := load(t, mapFS(acme))
	p, _ := cat.Project("orders")
	if why := cat.WhyOn(p, catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "one"}); why != "" {
		t.Errorf("of a project that is on all clusters it says %q", why)
	}
}

// TestPlacesHold: whatever is declared, a project is on clusters of its environment that meet its condition, on some if any does, and on none
// that is drained as long as there is another one. The same declarations have the same places.
func TestPlacesHold(t *testing.T) {
	all := []string{"one", "two", "three", "four"}
	rapid.Check(t, func(t *rapid.T) {
		files := maps.Clone(acme)
		files["clusters.yaml"] = ""
		gold, drained := map[string]bool{}, map[string]bool{}
		for _, name := range all {
			gold[name], drained[name] = rapid.Bool().Draw(t, "gold "+name), rapid.Bool().Draw(t, "drained "+name)
			spec := ""
			if gold[name] {
				spec = "labels: {tier: gold}, "
			}
			if drained[name] {
				spec += "drained: {reason: x}, "
			}
			files["clusters.yaml"] += "---\n" + head + "kind: Cluster\nmetadata: {name: " + name + "}\nspec: {" + spec + "cloud: aws}\n"
		}
		order := rapid.Permutation(all).Draw(t, "order")
		of := order[:rapid.IntRange(1, len(order)).Draw(t, "of")]
		files["prod.yaml"] = strings.Replace(acme["prod.yaml"], "[one, two]", "["+strings.Join(of, ", ")+"]", 1)
		spread := rapid.SampledFrom([]string{"one", "all", "workloads"}).Draw(t, "spread")
		files[orders] = strings.Replace(acme[orders], "[dev, prod]", `{dev: {}, prod: {cluster: {spread: `+spread+`, where: "labels.?tier.orValue('') == 'gold'"}}}`, 1)
		places := func() []string {
			cat, _, err := catalog.Load(mapFS(files), library)
			if err != nil {
				t.Fatal(err)
			}
			p, _ := cat.Project("orders")
			return cat.PlacesOf(p, "prod")
		}
		got := places()
		if diff := cmp.Diff(got, places()); diff != "" {
			t.Fatalf("once more -first +second:\n%s", diff)
		}
		var may, open []string
		for _, name := range of {
			if gold[name] {
				may = append(may, name)
				if !drained[name] {
					open = append(open, name)
				}
			}
		}
		if len(open) > 0 {
			may = open
		}
		if (len(got) == 0) != (len(may) == 0) {
			t.Fatalf("it is on %v, and may be on %v", got, may)
		}
		for _, name := range got {
			if !slices.Contains(may, name) {
				t.Fatalf("it is on %v, and may be on %v only", got, may)
			}
		}
		if spread == "all" && len(got) != len(may) || spread == "one" && len(got) > 1 {
			t.Fatalf("%s: it is on %v of %v", spread, got, may)
		}
	})
}

// TestADrainInSteps: of many projects as large a share leaves a cluster as is declared; with a larger one further projects leave, and none
// come back.
func TestADrainInSteps(t *testing.T) {
	const projects = 200
	at := func(share int) map[string]string {
		files := maps.Clone(acme)
		drain := ""
		if share > 0 {
			drain = fmt.Sprintf("spec: {drained: {reason: x, share: %d}}\n", share)
		}
		files["clusters.yaml"] = head + "kind: Cluster\nmetadata: {name: one}\n" + drain + "---\n" + head + "kind: Cluster\nmetadata: {name: two}\n"
		for i := range projects {
			files[fmt.Sprintf("p%d/project.yaml", i)] = fmt.Sprintf("%skind: Project\nmetadata: {name: p%d}\nspec: {owner: t, environments: {prod: {cluster: {}}}}\n", head, i)
		}
		cat, problems, err := catalog.Load(mapFS(files), library)
		if err != nil || problems.Denied() {
			t.Fatal(problems, err)
		}
		out := map[string]string{}
		for r := range cat.Releases() {
			if r.ID.Environment == "prod" && strings.HasPrefix(r.ID.Project, "p") {
				out[r.ID.Project] = r.ID.Cluster
			}
		}
		return out
	}
	before := at(0)
	for _, share := range []int{1, 25, 50, 100} {
		after, left := at(share), 0
		for name, cluster := range after {
			if cluster == "two" {
				left++
			}
			if before[name] == "two" && cluster != "two" {
				t.Errorf("%d %%: %s comes back", share, name)
			}
		}
		if off := left*100/projects - share; len(after) != projects || off < -10 || off > 10 || share == 100 && left != projects {
			t.Errorf("%d %%: %d of %d projects have left", share, left, len(after))
		}
		before = after
	}
}

// TestPlacementIsStable: the order in which an environment lists its clusters, and clusters that come, change nothing for workloads that stay.
func TestPlacementIsStable(t *testing.T) {
	all := []string{"one", "two", "three"}
	rapid.Check(t, func(t *rapid.T) {
		order := rapid.Permutation(all).Draw(t, "order")
		some := order[:rapid.IntRange(1, len(order)).Draw(t, "some")]
		at := func(clusters []string) map[string]string {
			files := maps.Clone(acme)
			files["clusters.yaml"] = ""
			for _, name := range all {
				files["clusters.yaml"] += "---\n" + head + "kind: Cluster\nmetadata: {name: " + name + "}\n"
			}
			files["prod.yaml"] = strings.Replace(acme["prod.yaml"], "[one, two]", "["+strings.Join(clusters, ", ")+"]", 1)
			files[orders] = strings.Replace(acme[orders], "[dev, prod]", "{dev: {}, prod: {cluster: {spread: workloads}}}", 1)
			cat, problems, err := catalog.Load(mapFS(files), library)
			if err != nil || problems.Denied() {
				t.Fatal(problems, err)
			}
			out := map[string]string{}
			for r := range cat.Releases() {
				for _, w := range r.Workloads {
					if r.ID.Project == "orders" && r.ID.Environment == "prod" {
						out[w.Name] = r.ID.Cluster
					}
				}
			}
			return out
		}
		few, many, again := at(some), at(order), at(all)
		if diff := cmp.Diff(again, many); diff != "" {
			t.Fatalf("another order -want +got:\n%s", diff)
		}
		for name, cluster := range many {
			if slices.Contains(some, cluster) && few[name] != cluster {
				t.Fatalf("%s moves from %s to %s since other clusters are gone", name, cluster, few[name])
			}
		}
	})
}
