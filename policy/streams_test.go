// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	"trunkline.dev/trunkline/policy"
)

// TestStreamsThatStartOver: a stream that begins from nothing says why.
func TestStreamsThatStartOver(t *testing.T) {
	const file = "streams/project.yaml"
	declared := func(reads, params string) []edit {
		return []edit{{file, "", "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: streams}\nspec:\n  owner: team-orders\n  environments: [dev]\n  image: i:1\n  workloads:\n" +
			"    - {name: totals, blueprint: spark-stream, command: [t.py], reads: {raw: " + reads + "}, params: {" + params + "}}\n"}}
	}
	first := declared("orders/shops@1", "checkpoint: \"lake://totals/\"")
	moved := `deny stream-restart streams/project.yaml:9 the stream streams/totals had its checkpoint in "lake://totals/" and now has it in "lake://totals-2/", where there is nothing: ` +
		`in "dev" it reads all from the beginning, and may write it twice`
	testChange(t, policy.RuleRestart, map[string]changeCase{
		"Moved":  {reason: "Another checkpoint is empty.", before: first, after: []edit{{file, "lake://totals/", "lake://totals-2/"}}, want: []string{moved}},
		"Reason": {reason: "It may be, if the change says why.", before: first, after: []edit{{file, `checkpoint: "lake://totals/"`, `checkpoint: "lake://totals-2/", startsOver: "by shop"`}}},
		"OldReason": {
			reason: "What was said of an earlier change says nothing of this one.",
			before: declared("orders/shops@1", `checkpoint: "lake://totals/", startsOver: "by shop"`), after: []edit{{file, "lake://totals/", "lake://totals-2/"}}, want: []string{moved},
		},
		"Sources": {
			reason: "A checkpoint is of what is read; what of it is a source of the stream is the program's to know.", before: first, after: []edit{{file, "raw: orders/shops@1", "raw: orders/raw@1"}},
			want: []string{"warn stream-restart streams/project.yaml:9 the stream streams/totals reads other datasets than its checkpoint says how far it is with: Spark may refuse to go on from it"},
		},
		"Program": {reason: "Another program goes on from where the one before was.", before: first, after: []edit{{file, "[t.py]", "[u.py]"}}},
		"New":     {reason: "What is new begins from nothing.", after: first},
	})
}
