// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/policy"
)

func TestPackagesChanged(t *testing.T) {
	const file = "utils/package.yaml"
	one, two := "sha256:"+strings.Repeat("1", 64), "sha256:"+strings.Repeat("2", 64)
	declared := func(versions string) []edit {
		return []edit{{file, "", head + "kind: Package\nmetadata: {name: utils}\nspec:\n  owner: team-platform\n  versions:\n" + versions}}
	}
	first := declared("    - {version: 1.0.0, digest: \"" + one + "\"}\n")
	testChange(t, policy.RulePackageChanged, map[string]changeCase{
		"Nothing": {reason: "What stays is fine.", before: first},
		"More":    {reason: "Another version is one more.", before: first, after: []edit{{file, "  versions:\n", "  versions:\n    - {version: 1.1.0, digest: \"" + two + "\"}\n"}}},
		"Changed": {
			reason: "A version that was released is not another one now.", before: first, after: []edit{{file, one, two}},
			want: []string{`deny package-changed utils/package.yaml:7 the version 1.0.0 of the package "utils" was released as ` + one + `, and cannot become something else`},
		},
		"Forgotten": {
			reason: "What is forgotten could be released again as something else.", before: first, after: []edit{{file, "version: 1.0.0", "version: 1.0.1"}},
			want: []string{`deny package-changed utils/package.yaml:7 the version 1.0.0 of the package "utils" was released, and is not declared any more`},
		},
		"Withdrawn": {reason: "Nobody has to be able to use it.", before: first, after: []edit{{file, one + "\"}", one + "\", withdrawn: it loses orders}"}}},
		"Renamed": {
			reason: "Neither with the whole package.", before: first, after: []edit{{file, "name: utils", "name: tools"}},
			want: []string{`deny package-changed utils/package.yaml:7 the version 1.0.0 of the package "utils" was released, and is not declared any more`},
		},
		"Trial": {reason: "What is tried may change.", before: first, after: []edit{{file, "  owner", "  trial: {project: orders}\n  owner"}}},
	})
}
