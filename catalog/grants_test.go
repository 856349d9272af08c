// SPDX-License-Identifier: Apache-2.0

package catalog_test

import "testing"

// TestProblemsOfGrants declares roles that nobody can have, and names that are nobody's.
func TestProblemsOfGrants(t *testing.T) {
	access := func(spec string) []edit {
		return []edit{{"access.yaml", "", head + "kind: Access\nmetadata: {name: a}\nspec:\n" + spec}}
	}
	testProblems(t, map[string]problemCase{
		"Fine": {
			reason: "Roles of each kind.",
			edits: access("  teams: [{name: t, groups: [g], github: [acme/t]}]\n  bindings:\n    - {role: platform-admin, users: [ada]}\n    - {role: project-admin, teams: [t], projects: [orders]}\n" +
				"    - {role: environment-operator, groups: [ops], environments: ['*']}\n"),
		},
		"Everybody": {
			reason: "There is no name for everybody.", edits: access("  bindings:\n    - {role: platform-admin, users: ['*']}\n"),
			want: "access.yaml:6:38: error: spec.bindings[0].users[0]: \"*\" is nobody's name\n    hint: name each one; there is no name for everybody",
		},
		"Empty": {
			reason: "An empty name must not stand for who has none.", edits: access("  bindings:\n    - {role: platform-admin, groups: ['']}\n"),
			want: "access.yaml:6:39: error: spec.bindings[0].groups[0]: \"\" is nobody's name\n    hint: name each one; there is no name for everybody",
		},
		"Nobody": {
			reason: "A role without anybody is a mistake.", edits: access("  bindings:\n    - {role: platform-admin}\n"),
			want: "access.yaml:6:7: error: spec.bindings[0]: nobody gets the role \"platform-admin\"\n    hint: name users, groups or teams",
		},
		"NoScope": {
			reason: "A role of projects without one is for none of them, and never for all.", edits: access("  bindings:\n    - {role: project-admin, users: [ann]}\n"),
			want: "access.yaml:6:7: error: spec.bindings[0]: the role \"project-admin\" is of projects, and none is named\n    hint: name them, or write \"*\" for all",
		},
		"OtherScope": {
			reason: "A bound that would not be kept is refused.", edits: access("  bindings:\n    - {role: platform-admin, users: [ann], projects: [orders]}\n"),
			want: "access.yaml:6:54: error: spec.bindings[0].projects: the role \"platform-admin\" is not of projects\n    hint: remove it, or choose another role",
		},
		"UnknownTeam": {
			reason: "A team is one of the declaration.", edits: access("  teams: [{name: orders, users: [ann]}]\n  bindings:\n    - {role: platform-admin, teams: [order]}\n"),
			want: "access.yaml:7:38: error: spec.bindings[0].teams[0]: there is no team \"order\" in this declaration\n    hint: did you mean \"orders\"?",
		},
		"UnknownEnvironment": {
			reason: "An environment is one that is declared.", edits: access("  bindings:\n    - {role: environment-admin, users: [ann], environments: [de]}\n"),
			want: "access.yaml:6:62: error: spec.bindings[0].environments[0]: there is no environment \"de\"\n    hint: did you mean \"dev\"?",
		},
		"UnknownRole": {
			reason: "There are no roles of one's own.", edits: access("  bindings:\n    - {role: project-owner, users: [ann]}\n"),
			want: "access.yaml:6:14: error: spec.bindings[0].role: unknown value \"project-owner\"\n    hint: did you mean \"project-admin\"?",
		},
		"InAProject": {
			reason: "A team gives itself no role in its own folder.",
			edits:  []edit{{"orders/a.yaml", "", head + "kind: Access\nmetadata: {name: a}\nspec: {bindings: [{role: platform-admin, users: [eve]}]}\n"}},
			want:   "orders/a.yaml:2:7: error: kind: Access \"a\" governs others, but does not count here: orders is a project's own folder\n    hint: move it out of the folders of projects",
		},
	})
}
