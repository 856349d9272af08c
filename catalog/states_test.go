// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
)

// called has the project orders be called something in Clusterless.
func called(as string) edit { return edit{orders, "spec:\n", "spec:\n  clusterless: " + as + "\n"} }

// states has an environment keep states of arcs.
func states(folder string) edit {
	return edit{"prod.yaml", "  stores:", "  lots: {manifests: \"s3://m/<environment>/<project>/\", states: \"" + folder + "\"}\n  stores:"}
}

func TestProblemsOfStates(t *testing.T) {
	testProblems(t, map[string]problemCase{
		"Fine": {
			reason: "A project and an environment that were taken over.",
			edits:  []edit{called("{project: Orders, version: 20230101-00, arcs: {clean: cleanIt}}"), states("s3://s-<environment>")},
		},
		"Scheme": {
			reason: "A store that nobody can open keeps nothing.",
			edits:  []edit{states("ftp://s/")},
			want:   `prod.yaml:6:64: error: spec.lots.states: the location "ftp://s/" is in a kind of store that is not known; want one of: s3, gs, azblob, file`,
		},
		"Empty": {
			reason: "An address that is given and empty was forgotten.",
			edits:  []edit{states("")},
			want: `prod.yaml:6:64: error: spec.lots.states: there are no states at an empty address
    hint: name the folder, as in "s3://<environment>-clusterless-arc-state-123-eu-west-1/", or remove states`,
		},
		"Placeholder": {
			reason: "The project is in the key.",
			edits:  []edit{states("s3://s/<project>/")},
			want: `prod.yaml:6:64: error: spec.lots.states: there is no placeholder "<project>"
    hint: want one of: <environment>`,
		},
		"NoSuchWorkload": {
			reason: "What is not there has no states.",
			edits:  []edit{called("{project: Orders, version: \"1\", arcs: {cleen: cleanIt}}")},
			want:   `orders/project.yaml:5:55: error: spec.clusterless.arcs.cleen: the project "orders" has no workload "cleen"` + "\n" + `    hint: did you mean "clean"?`,
		},
		"Key": {
			reason: "A name with a slash would be another key.",
			edits:  []edit{called("{project: Or/ders, version: \"1\", arcs: {clean: \"..\"}}")},
			want: `orders/project.yaml:5:26: error: spec.clusterless.project: "Or/ders" cannot be what Clusterless calls it: it is a part of a key
orders/project.yaml:5:63: error: spec.clusterless.arcs.clean: ".." cannot be what Clusterless calls it: it is a part of a key`,
		},
	})
}

func TestStates(t *testing.T) {
	c, problems := load(t, mapFS(change(t, called("{project: Orders, version: 20230101-00, arcs: {clean: cleanIt}}"), states("s3://s-<environment>"))))
	if problems.Denied() {
		t.Fatalf("the platform is refused:\n%s", problems)
	}
	got := map[string]string{}
	for _, of := range [][3]string{{"orders", "clean", "prod"}, {"orders", "clean", "dev"}, {"orders", "raw", "prod"}, {"rates", "fx", "prod"}, {"none", "none", "prod"}} {
		folder, arc, ok := c.States(of[0], of[1], of[2])
		if ok {
			got[of[0]+"/"+of[1]+" in "+of[2]] = folder + " " + arc.Project + ":" + arc.Version + "/" + arc.Name
		}
	}
	want := map[string]string{"orders/clean in prod": "s3://s-prod/ Orders:20230101-00/cleanIt"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}
