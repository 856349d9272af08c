// SPDX-License-Identifier: Apache-2.0

package stay_test

import (
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/stay"
)

func TestWants(t *testing.T) {
	pull := stay.Pull{Author: "ann", Teams: []string{"@acme/data"}, Labels: []string{"Preview"}, Branch: "main", Trunk: "main", Paths: []string{"orders/sql/a.sql", "README.md"}}
	with := func(change func(*stay.Pull)) stay.Pull { p := pull; change(&p); return p }
	for _, tc := range []struct {
		reason string
		rules  v1alpha1.Preview
		pull   stay.Pull
		want   string
	}{
		{"Who says nothing wants all.", v1alpha1.Preview{}, pull, ""},
		{"A draft gets none", v1alpha1.Preview{}, with(func(p *stay.Pull) { p.Draft = true }), "it is a draft"},
		{"unless asked.", v1alpha1.Preview{Drafts: true}, with(func(p *stay.Pull) { p.Draft = true }), ""},
		{"By itself the branch is the platform's.", v1alpha1.Preview{}, with(func(p *stay.Pull) { p.Branch = "next" }), "it is to be merged into next"},
		{"Others are named.", v1alpha1.Preview{Branches: []string{"release/*"}}, with(func(p *stay.Pull) { p.Branch = "release/1" }), ""},
		{"A star ends at a slash.", v1alpha1.Preview{Branches: []string{"release/*"}}, with(func(p *stay.Pull) { p.Branch = "release/1/x" }), "it is to be merged into release/1/x"},
		{"Authors by login", v1alpha1.Preview{Authors: []string{"bob", "@Ann"}}, pull, ""},
		{"or by team.", v1alpha1.Preview{Authors: []string{"@acme/data"}}, pull, ""},
		{"Nobody else.", v1alpha1.Preview{Authors: []string{"bob", "data", "acme/data"}}, pull, "its author is none of those who get previews"},
		{"A label, whatever its case.", v1alpha1.Preview{Labels: []string{"other", "preview"}}, pull, ""},
		{"Without it, none.", v1alpha1.Preview{Labels: []string{"preview"}}, with(func(p *stay.Pull) { p.Labels = nil }), "it has none of the labels preview"},
		{"A path in a folder", v1alpha1.Preview{Paths: []string{"orders/**"}}, pull, ""},
		{"of any depth", v1alpha1.Preview{Paths: []string{"**/*.sql"}}, pull, ""},
		{"also none.", v1alpha1.Preview{Paths: []string{"**/README.md"}}, pull, ""},
		{"No other.", v1alpha1.Preview{Paths: []string{"orders/*", "rates/**", "EADME.md"}}, pull, "it changes none of the paths that get previews"},
		{"All conditions have to be met.", v1alpha1.Preview{Labels: []string{"preview"}, Authors: []string{"bob"}}, pull, "its author is none of those who get previews"},
	} {
		if got := stay.Wants(tc.rules, tc.pull); got != tc.want {
			t.Errorf("%s\ngot %q, want %q", tc.reason, got, tc.want)
		}
	}
}

func TestChoose(t *testing.T) {
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	cat, problems, err := catalog.Load(fstest.MapFS{
		"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\n")},
		"envs.yaml": {Data: []byte(head + "kind: Cluster\nmetadata: {name: one}\n---\n" +
			head + "kind: Environment\nmetadata: {name: a}\nspec: {clusters: [one]}\n---\n" +
			head + "kind: Environment\nmetadata: {name: b}\nspec: {clusters: [one], preview: {labels: [big]}}\n---\n" +
			head + "kind: Environment\nmetadata: {name: c}\nspec: {clusters: [one], preview: {authors: [ann]}}\n")},
	}, fstest.MapFS{})
	if err != nil || problems.Denied() {
		t.Fatal(err, problems)
	}
	for _, tc := range []struct {
		reason      string
		pull        stay.Pull
		want, label string
	}{
		{"The first by name that wants it.", stay.Pull{Author: "ann", Labels: []string{"big"}}, "b", ""},
		{"Or another.", stay.Pull{Author: "ann"}, "c", ""},
		{"A label would do.", stay.Pull{Author: "bob"}, "", "big"},
		{"A label would not do for a draft.", stay.Pull{Author: "bob", Draft: true}, "", ""},
	} {
		if got, label := stay.Choose(cat, tc.pull); got != tc.want || label != tc.label {
			t.Errorf("%s\ngot %q %q", tc.reason, got, label)
		}
	}
}
