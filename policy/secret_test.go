// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/policy"
)

// TestSecretsAreNotShown: a secret in clear is told where it is, and never what it is.
func TestSecretsAreNotShown(t *testing.T) {
	testRule(t, policy.RuleSecret, map[string]ruleCase{
		"Env": {
			reason: "A variable is named, and its value is not.", edits: []edit{{sales, "      schedule:", "      env: {DB_PASSWORD: hunter2}\n      schedule:"}},
			want: []string{`warn secret-in-clear sales/project.yaml:14 "DB_PASSWORD" looks like a password, and everybody who can read the repository reads it`},
		},
		"Environment": {
			reason: "So is one of an environment.", edits: []edit{{sales, "prod: {}", "prod: {workloads: {clock: {env: {TOKEN: abc}}}}"}},
			want: []string{`warn secret-in-clear sales/project.yaml:6 "TOKEN" looks like a token, and everybody who can read the repository reads it`},
		},
		"Reference": {reason: "What only names a secret is none.", edits: []edit{{sales, "      schedule:", "      env: {DB_PASSWORD_FILE: /run/db}\n      schedule:"}}},
	})
	files := change(t, acme(), edit{sales, "      schedule:", "      env: {DB_PASSWORD: hunter2}\n      schedule:"})
	for _, p := range mustCheck(t, policy.Input{Catalog: load(t, files)}).Problems {
		if !p.Confidential || strings.Contains(p.String(), "hunter2") {
			t.Errorf("the value can be seen: %s", p)
		}
	}
}
