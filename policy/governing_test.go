// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	"trunkline.dev/trunkline/policy"
)

// TestOwnershipOfWhatGoverns changes what governs others, as those who own it and as others.
func TestOwnershipOfWhatGoverns(t *testing.T) {
	var (
		root  = policy.Person{Login: "root", Teams: []string{"team-platform"}}
		eve   = policy.Person{Login: "eve", Teams: []string{"team-sales"}}
		owned = settings("{governance: {owners: [acme/team-platform]}}")
		named = settings("{governance: {folders: [., platform], owners: [team-platform]}}")
		note  = edit{prod, "  stores", "  healthTimeout: 15m\n  stores"}
		check = edit{"platform/policy.yaml", "", head + "kind: Policy\nmetadata: {name: p}\nspec: {on: project, validations: [{expression: 'true'}]}\n"}
		chart = []edit{{"bp/b.yaml", "", head + "kind: Blueprint\nmetadata: {name: mine}\nspec: {engine: helm, source: chart}\n"}, {"bp/chart/templates/x.yaml", "", "a: 1\n"}}
	)
	const (
		codeowners = "CODEOWNERS"
		stranger   = " is changed, but none of its owners made or approved the change: eve"
		nobody     = " is changed, but has no owners"
		prodLine   = `deny ownership prod.yaml:3 Environment "prod"`
	)
	both := func(edits ...edit) []edit { return append([]edit{owned}, edits...) }
	testChange(t, policy.RuleOwnership, map[string]changeCase{
		"Owner":      {reason: "Whom the platform names changes an environment.", before: both(), after: []edit{note}, people: []policy.Person{root}},
		"Approved":   {reason: "Or approves it.", before: both(), after: []edit{note}, people: []policy.Person{eve, root}},
		"Stranger":   {reason: "A stranger does not.", before: both(), after: []edit{note}, people: []policy.Person{eve}, want: []string{prodLine + stranger}},
		"Nobody":     {reason: "Where nobody owns it, nobody changes it.", after: []edit{note}, people: []policy.Person{eve}, want: []string{prodLine + nobody}},
		"Codeowners": {reason: "Those of CODEOWNERS own a file beside the platform's.", before: both(edit{codeowners, "", "/prod.yaml @eve\n"}), after: []edit{note}, people: []policy.Person{eve}},
		"OtherFileOfCodeowners": {
			reason: "And no other.",
			before: both(edit{codeowners, "", "/dev.yaml @eve\n"}), after: []edit{note}, people: []policy.Person{eve}, want: []string{prodLine + stranger},
		},
		"OwnersOfTheChange": {
			reason: "Nobody makes himself an owner in the change that needs one.",
			before: both(), after: []edit{note, {platform, "acme/team-platform", "eve"}}, people: []policy.Person{eve},
			want: []string{
				prodLine + stranger, `deny ownership trunkline.yaml:3 Platform "acme", with 1 more,` + stranger,
				`warn privilege-widened trunkline.yaml:4 what governs others has one more owner: eve`,
			},
		},
		"Removed": {
			reason: "Deleting an environment is changing it; it is shown where it was.",
			before: both(edit{orders, "[dev, prod]", "[dev]"}, edit{sales, ", prod: {}", ""}), after: []edit{{file: prod}}, people: []policy.Person{eve}, want: []string{prodLine + stranger},
		},
		"Moved": {
			reason: "Moving it is, too, at both ends.",
			before: both(), after: []edit{{file: prod}, {"x/prod.yaml", "", acme()[prod]}}, people: []policy.Person{eve},
			want: []string{prodLine + stranger, `deny ownership x/prod.yaml:3 Environment "prod"` + stranger},
		},
		"MovedToOneself": {
			reason: "Who owns the new place does not own the old one.",
			before: both(edit{codeowners, "", "/x/ @eve\n"}), after: []edit{{file: prod}, {"x/prod.yaml", "", acme()[prod]}}, people: []policy.Person{eve}, want: []string{prodLine + stranger},
		},
		"New": {
			reason: "Nor is a new cluster anybody's to add.",
			before: both(), after: []edit{{"c.yaml", "", head + "kind: Cluster\nmetadata: {name: two}\n"}}, people: []policy.Person{eve}, want: []string{`deny ownership c.yaml:3 Cluster "two"` + stranger},
		},
		"Policy": {
			reason: "Policies are owned.",
			before: []edit{named, check}, after: []edit{{check.file, "'true'", "true || false"}}, people: []policy.Person{eve},
			want: []string{`deny ownership platform/policy.yaml:3 Policy "p"` + stranger, `warn privilege-widened platform/policy.yaml:3 the policy "p" is changed, and may refuse less than it did`},
		},
		"PolicyFile": {
			reason: "So are those in other languages, by their folder.",
			before: []edit{settings("{policies: [rules], governance: {owners: [team-platform]}}"), {"rules/main.rego", "", "package main"}},
			after:  []edit{{"rules/main.rego", "", "package main\n"}}, people: []policy.Person{eve},
			want: []string{
				`deny ownership rules/main.rego:0 the file "rules/main.rego", which governs others,` + stranger,
				`warn privilege-widened rules/main.rego:0 the policies in this file are changed, and may refuse less than they did`,
			},
		},
		"Chart": {
			reason: "So is the source of a blueprint.",
			before: both(chart...), after: []edit{{"bp/chart/templates/x.yaml", "", "a: 2\n"}}, people: []policy.Person{eve},
			want: []string{`deny ownership bp/chart/templates/x.yaml:0 the file "bp/chart/templates/x.yaml", which governs others,` + stranger},
		},
		"ChartOfTheOwner": {reason: "Its owners change it.", before: both(chart...), after: []edit{{"bp/chart/templates/x.yaml", "", "a: 2\n"}}, people: []policy.Person{root}},
		"NamedFolder": {
			reason: "In a folder that is named, any file is.",
			before: []edit{named}, after: []edit{{"platform/README.md", "", "x"}}, people: []policy.Person{eve},
			want: []string{`deny ownership platform/README.md:0 the file "platform/README.md", which governs others,` + stranger},
		},
		"NamedByTheChange": {
			reason: "Also in one that the change names.",
			before: both(), after: []edit{{platform, "governance: {", "governance: {folders: [., platform], "}, {"platform/x", "", "x"}}, people: []policy.Person{eve},
			want: []string{`deny ownership platform/x:0 the file "platform/x", which governs others,` + stranger, `deny ownership trunkline.yaml:3 Platform "acme", with 1 more,` + stranger},
		},
		"ReadByAnother": {
			reason: "A file of a project is its owner's to change, whoever else reads it.",
			before: both(edit{"orders/shared.py", "", "1"}), after: []edit{{"orders/shared.py", "", "2"}}, people: []policy.Person{eve},
			want: []string{`deny ownership orders/project.yaml:5 the project "orders" is changed, but none of its owners made or approved the change: eve`},
		},
		"Elsewhere":      {reason: "What governs nothing is nobody's.", before: []edit{named}, after: []edit{{"docs/x.md", "", "x"}}, people: []policy.Person{eve}},
		"OwnersOfOwners": {reason: "CODEOWNERS is owned by those whom it names for itself.", before: []edit{{codeowners, "", "* @eve\n"}}, after: []edit{{codeowners, "", "* @eve @bob\n"}}, people: []policy.Person{eve}},
	})
}
