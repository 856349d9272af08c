// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	"trunkline.dev/trunkline/policy"
)

func TestOwnership(t *testing.T) {
	var (
		ada   = policy.Person{Login: "ada", Teams: []string{"team-orders"}}
		eve   = policy.Person{Login: "eve", Teams: []string{"team-sales"}}
		touch = edit{orders, "orders:1", "orders:2"}
	)
	const (
		codeowners = ".github/CODEOWNERS"
		denied     = `deny ownership orders/project.yaml:5 the project "orders" is changed, but none of its owners made or approved the change: `
	)
	script := edit{"orders/scripts/land.py", "", "print(1)"}
	testChange(t, policy.RuleOwnership, map[string]changeCase{
		"Owner":    {reason: "Who owns a project changes it.", after: []edit{touch}, people: []policy.Person{ada}},
		"Stranger": {reason: "Who does not, does not.", after: []edit{touch}, people: []policy.Person{eve}, want: []string{denied + "eve"}},
		"Approved": {reason: "An owner may approve.", after: []edit{touch}, people: []policy.Person{eve, ada}},
		"Unknown":  {reason: "Where nobody is known, nobody is asked for.", after: []edit{touch}},
		"TeamOfTheOrganisation": {
			reason: "The organisation may be said, or not.",
			before: []edit{{orders, "owner: team-orders", "owner: acme/team-orders"}}, after: []edit{touch}, people: []policy.Person{{Login: "ada", Teams: []string{"Acme/team-orders"}}},
		},
		"TeamElsewhere": {
			reason: "A team of another organisation is another team.",
			before: []edit{{orders, "owner: team-orders", "owner: other/team-orders"}}, after: []edit{touch}, people: []policy.Person{{Login: "ada", Teams: []string{"acme/team-orders"}}},
			want: []string{denied + "ada"},
		},
		"NoTeam": {
			reason: "A login that is like the name of a team's member is not the team.",
			after:  []edit{touch}, people: []policy.Person{{Login: "team-orders-bot"}, {Login: "joe"}}, want: []string{denied + "team-orders-bot, joe"},
		},
		"User": {reason: "The owner may be a user, in any case of letters.", before: []edit{{orders, "owner: team-orders", "owner: Grace"}}, after: []edit{touch}, people: []policy.Person{{Login: "grace"}}},
		"NewOwnerHimself": {
			reason: "Nobody makes himself an owner in the change that needs one.",
			after:  []edit{touch, {orders, "owner: team-orders", "owner: eve"}}, people: []policy.Person{eve}, want: []string{denied + "eve"},
		},
		"HandedOver": {reason: "An owner may hand a project over.", after: []edit{{orders, "owner: team-orders", "owner: team-sales"}}, people: []policy.Person{ada}},
		"File": {
			reason: "A file in the project's folder is the project's.",
			before: []edit{script}, after: []edit{{"orders/scripts/land.py", "", "print(2)"}}, people: []policy.Person{eve}, want: []string{denied + "eve"},
		},
		"FileElsewhere": {reason: "One elsewhere is not.", after: []edit{{"docs/orders.md", "", "x"}}, people: []policy.Person{eve}},
		"SimilarFolder": {reason: "A folder whose name begins alike is another.", after: []edit{{"orders2/x", "", "x"}}, people: []policy.Person{eve}},
		"Reader":        {reason: "That a dataset of theirs is read does not change a project.", after: []edit{{sales, "shops: orders/shops@1", "shops: orders/shops@1, raw: {dataset: orders/raw@1, window: {lots: 24}}"}}, people: []policy.Person{eve}},
		"OtherInTheFolder": {
			reason: "What another project in the same folder declares is that one's.",
			before: []edit{{"orders/other.yaml", "", head + "kind: Project\nmetadata: {name: other}\nspec: {owner: team-sales, environments: [dev]}\n"}},
			after:  []edit{{"orders/other.yaml", "[dev]", "[prod]"}}, people: []policy.Person{eve},
		},
		"NestedProject": {
			reason: "A project further down has a folder of its own.",
			before: []edit{{"orders/more/p.yaml", "", head + "kind: Project\nmetadata: {name: more}\nspec: {owner: team-sales, environments: [dev]}\n"}, {"orders/more/x.py", "", "1"}},
			after:  []edit{{"orders/more/x.py", "", "2"}}, people: []policy.Person{eve},
		},
		"TakenFolder": {
			reason: "A project that comes with the change takes no folder from another.",
			before: []edit{script},
			after:  []edit{{"orders/scripts/land.py", "", "print(2)"}, {"orders/scripts/p.yaml", "", head + "kind: Project\nmetadata: {name: more}\nspec: {owner: team-sales, environments: [dev]}\n"}},
			people: []policy.Person{eve}, want: []string{denied + "eve"},
		},
		"DisguisedFile": {
			reason: "A file of the project's that declares something from now on was the project's.",
			before: []edit{{"orders/values.yaml", "", "replicas: 1\n"}},
			after:  []edit{{"orders/values.yaml", "", "replicas: 2\n---\n" + head + "kind: Project\nmetadata: {name: more}\nspec: {owner: team-sales, environments: [dev]}\n"}},
			people: []policy.Person{eve}, want: []string{denied + "eve"},
		},
		"TakenFolderNewFile": {
			reason: "Nor the place of files that are new: the project may take whatever is in its folder.",
			after:  []edit{script, {"orders/scripts/p.yaml", "", head + "kind: Project\nmetadata: {name: more}\nspec: {owner: team-sales, environments: [dev]}\n"}},
			people: []policy.Person{eve}, want: []string{denied + "eve"},
		},
		"TakenFolderLater": {
			reason: "Nor files that are there already, to change them another time.",
			before: []edit{script},
			after:  []edit{{"orders/scripts/p.yaml", "", head + "kind: Project\nmetadata: {name: more}\nspec: {owner: team-sales, environments: [dev]}\n"}},
			people: []policy.Person{eve}, want: []string{denied + "eve"},
		},
		"TakenFolderAround": {
			reason: "Nor those further down.",
			before: []edit{{"orders/scripts/deep/land.py", "", "print(1)"}},
			after:  []edit{{"orders/scripts/p.yaml", "", head + "kind: Project\nmetadata: {name: more}\nspec: {owner: team-sales, environments: [dev]}\n"}},
			people: []policy.Person{eve}, want: []string{denied + "eve"},
		},
		"EmptyFolderInside": {
			reason: "A project of its own may begin where nothing was.",
			before: []edit{script},
			after:  []edit{{"orders/more/p.yaml", "", head + "kind: Project\nmetadata: {name: more}\nspec: {owner: team-sales, environments: [dev]}\n"}}, people: []policy.Person{eve},
		},
		"LeftFolder": {
			reason: "What another project leaves in the folder is the project's from now on.",
			before: []edit{script, {"orders/scripts/p.yaml", "", head + "kind: Project\nmetadata: {name: more}\nspec: {owner: team-sales, environments: [dev]}\n"}},
			after:  []edit{{"orders/scripts/land.py", "", "print(2)"}, {file: "orders/scripts/p.yaml"}},
			people: []policy.Person{eve}, want: []string{denied + "eve"},
		},
		"ClearedFolder": {
			reason: "Who goes with all that is theirs leaves nothing.",
			before: []edit{script, {"orders/scripts/p.yaml", "", head + "kind: Project\nmetadata: {name: more}\nspec: {owner: team-sales, environments: [dev]}\n"}},
			after:  []edit{{file: "orders/scripts/land.py"}, {file: "orders/scripts/p.yaml"}}, people: []policy.Person{eve},
		},
		"FileRemoved": {
			reason: "Removing a file of the project's changes the project.",
			before: []edit{script}, after: []edit{{file: "orders/scripts/land.py"}}, people: []policy.Person{eve}, want: []string{denied + "eve"},
		},
		"OtherLeavesTheFolder": {
			reason: "A declaration of another project goes as it came.",
			before: []edit{{"orders/other.yaml", "", head + "kind: Project\nmetadata: {name: more}\nspec: {owner: team-sales, environments: [dev]}\n"}}, after: []edit{{file: "orders/other.yaml"}}, people: []policy.Person{eve},
		},
		"UndisguisedFile": {
			reason: "A file that declares nothing any more is the project's from now on.",
			before: []edit{{"orders/values.yaml", "", head + "kind: Project\nmetadata: {name: more}\nspec: {owner: team-sales, environments: [dev]}\n"}}, after: []edit{{"orders/values.yaml", "", "replicas: 2\n"}},
			people: []policy.Person{eve}, want: []string{denied + "eve"},
		},
		"New": {reason: "A new project is its owner's.", after: []edit{{"p.yaml", "", head + "kind: Project\nmetadata: {name: more}\nspec: {owner: team-sales, environments: [dev]}\n"}}, people: []policy.Person{eve}},
		"NewOthers": {
			reason: "And not someone else's to declare.",
			after:  []edit{{"p.yaml", "", head + "kind: Project\nmetadata: {name: more}\nspec: {owner: team-orders, environments: [dev]}\n"}}, people: []policy.Person{eve},
			want: []string{`deny ownership p.yaml:4 the project "more" is changed, but none of its owners made or approved the change: eve`},
		},
		"Removed": {
			reason: "Removing is changing; it is shown where the project stood.",
			before: []edit{{file: sales}}, after: []edit{{file: orders}}, people: []policy.Person{eve}, want: []string{denied + "eve"},
		},
		"Codeowners": {
			reason: "Owners of the declaration by CODEOWNERS own the project, too.",
			before: []edit{{codeowners, "", "* @acme/platform\n/orders/ @acme/team-sales @bob\n"}}, after: []edit{touch}, people: []policy.Person{eve},
		},
		"CodeownersLastMatch": {
			reason: "As GitHub has it, the last line that fits counts.",
			before: []edit{{codeowners, "", "/orders/ @acme/team-sales\n* @acme/platform\n"}}, after: []edit{touch}, people: []policy.Person{eve}, want: []string{denied + "eve"},
		},
		"CodeownersOfTheChange": {
			reason: "CODEOWNERS are those before the change.",
			after:  []edit{touch, {codeowners, "", "* @eve\n"}}, people: []policy.Person{eve}, want: []string{
				`deny ownership .github/CODEOWNERS:0 the file ".github/CODEOWNERS", which governs others, is changed, but has no owners`,
				denied + "eve",
			},
		},
		"CodeownersBroken": {
			reason: "A line that is not valid on GitHub names nobody there either, and is in nobody's way.",
			before: []edit{{"CODEOWNERS", "", "orders/ team-sales\n"}}, after: []edit{touch}, people: []policy.Person{ada},
		},
	})
}
