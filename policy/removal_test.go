// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/policy"
)

// TestRemovals: what a change deletes is told, and a declaration that is still there and does not count is an error where it is.
func TestRemovals(t *testing.T) {
	gone := func(name string) []edit { return []edit{{file: sales}, {name, "", acme()[sales]}} }
	testChange(t, policy.RuleRemoval, map[string]changeCase{
		"Nothing": {reason: "No change deletes nothing.", after: []edit{{sales, "acme/sales:1", "acme/sales:2"}}},
		"Project": {
			reason: "A project that is removed is deleted everywhere.", after: []edit{{file: sales}},
			want: []string{`warn removal sales/project.yaml:0 the project "sales" is removed, which deletes sales/dev@one, sales/prod@one with their namespaces`},
		},
		"Environment": {
			reason: "One that leaves an environment is deleted there.", after: []edit{{sales, "{dev: {}, prod: {}}", "{dev: {}}"}},
			want: []string{`warn removal sales/project.yaml:6 the project "sales" leaves "prod", which deletes sales/prod@one with its namespace`},
		},
		"Cluster": {
			reason: "What leaves a cluster is told once, and not for each project.",
			before: []edit{{platform, "name: one}\n", "name: one}\n---\n" + head + "kind: Cluster\nmetadata: {name: two}\n"}, {dev, "[one]", "[one, two]"}},
			after:  []edit{{dev, "[one, two]", "[one]"}},
			want:   []string{`warn removal dev.yaml:5 the environment "dev" leaves the cluster "two", which deletes the releases of 2 projects there, with their namespaces`},
		},
		"Drained": {
			reason: "What moves since a cluster is drained says from where to where, and why, once for all projects.",
			before: []edit{{platform, "name: one}\n", "name: one}\n---\n" + head + "kind: Cluster\nmetadata: {name: two}\n"}, {dev, "[one]", "[one, two]"}, {sales, "{dev: {},", "{dev: {cluster: {}},"}},
			after:  []edit{{platform, "name: one}\n", "name: one}\nspec: {drained: {reason: an upgrade}}\n"}},
			want:   []string{`warn removal trunkline.yaml:9 the project "sales" in "dev" moves from the cluster "one" to "two": each is removed there once it is healthy where it goes. Claims on volumes stay there, with their data, and so do namespaces that have any (drained: an upgrade)`},
		},
		"Placed": {
			reason: "So does what another condition moves.",
			before: []edit{{platform, "name: one}\n", "name: one}\n---\n" + head + "kind: Cluster\nmetadata: {name: two}\n"}, {dev, "[one]", "[one, two]"}, {sales, "{dev: {},", "{dev: {cluster: {}},"}},
			after:  []edit{{sales, "{cluster: {}}", "{cluster: {where: \"name == 'two'\"}}"}},
			want:   []string{`warn removal sales/project.yaml:6 the project "sales" in "dev" moves from the cluster "one" to "two": each is removed there once it is healthy where it goes. Claims on volumes stay there, with their data, and so do namespaces that have any`},
		},
		"Moved": {reason: "A declaration that moves is still there.", after: gone("retail/project.yaml")},
		"Renamed": {
			reason: "A file that is renamed declares nothing any more.", after: gone("sales/project.yaml.txt"),
			want: []string{`deny not-a-declaration sales/project.yaml.txt:3 the Project "sales" does not count any more: declarations are in files whose names end in .yaml, .yml or .json, and not in ".txt"`},
		},
		"Backup": {
			reason: "Whatever it is called.", after: gone("sales/project.yaml~"),
			want: []string{`deny not-a-declaration sales/project.yaml~:3 the Project "sales" does not count any more: declarations are in files whose names end in .yaml, .yml or .json, and not in ".yaml~"`},
		},
		"Hidden": {
			reason: "Nor does a file in a hidden folder.", after: gone(".old/project.yaml"),
			want: []string{`deny not-a-declaration .old/project.yaml:3 the Project "sales" does not count any more: the folder ".old" is not searched, as no folder is whose name begins with a dot`},
		},
		"Commented": {
			reason: "Nor if it is commented out; that it is deleted is not told again.",
			after:  []edit{{file: sales}, {sales, "", "# " + strings.ReplaceAll(acme()[sales], "\n", "\n# ")}},
			want:   []string{`deny not-a-declaration sales/project.yaml:1 the Project "sales" is commented out, so that it does not count`},
		},
		"Version": {
			reason: "Nor without its apiVersion.", after: []edit{{sales, head, ""}},
			want: []string{`deny unknown-kind sales/project.yaml:1 the Project "sales" has no apiVersion, so that it would not count`},
		},
	})
}
