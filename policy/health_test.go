// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/policy"
)

func TestHealthRules(t *testing.T) {
	rules := func(lines ...string) []edit {
		return []edit{settings("\n  health:\n    - " + strings.Join(lines, "\n      "))}
	}
	testRule(t, "invalid-value", map[string]ruleCase{
		"Right": {reason: "Expressions that compile are fine, whatever the object turns out to have.", edits: rules(
			"kind: Widget.acme.io", "healthy: object.status.phase == 'Done'", "stalled: object.status.phase in ['Held']",
			"failed: has(object.status.error)", "message: \"'it is ' + object.status.phase\"",
		)},
		"Core":    {reason: "A kind of the core group has no group.", edits: rules("kind: Widget", "healthy: 'true'")},
		"Dynamic": {reason: "What a field holds is known once there is an object.", edits: rules("kind: Widget.acme.io", "healthy: object.status.ready")},
		"Field": {reason: "What does not compile would say of no object how it is doing.", edits: rules("kind: Widget.acme.io", "healthy: object.status.phase ==", "failed: self.x"), want: []string{
			"deny invalid-value trunkline.yaml:7 Syntax error: mismatched input '<EOF>' expecting {'[', '{', '(', '.', '-', '!', 'true', 'false', 'null', NUM_FLOAT, NUM_INT, NUM_UINT, STRING, BYTES, IDENTIFIER} (line 1, column 23 of the expression)",
			"deny invalid-value trunkline.yaml:8 undeclared reference to 'self' (line 1, column 1 of the expression)",
		}},
		"Type":    {reason: "A condition is true or false.", edits: rules("kind: Widget.acme.io", "healthy: '1 + 1'"), want: []string{"deny invalid-value trunkline.yaml:7 the expression must return a bool, but returns a int"}},
		"Message": {reason: "A message is a text.", edits: rules("kind: Widget.acme.io", "healthy: 'true'", "message: '1'"), want: []string{"deny invalid-value trunkline.yaml:8 the expression must return a string, but returns a int"}},
		"Kind":    {reason: "A version does not belong to a kind.", edits: rules("kind: acme.io/v1/Widget", "healthy: 'true'"), want: []string{`deny invalid-value trunkline.yaml:6 "acme.io/v1/Widget" is no kind`}},
	})
}

func TestHealthRulesTwice(t *testing.T) {
	files := change(t, acme(), settings("{health: [{kind: Widget.acme.io, healthy: 'true'}, {kind: Widget.acme.io, healthy: 'false'}]}"))
	want := []string{`deny duplicate-name trunkline.yaml:4 the kind "Widget.acme.io" has a rule already`}
	if diff := cmp.Diff(want, said(mustCheck(t, policy.Input{Catalog: load(t, files)}))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestHealthRulesBound(t *testing.T) {
	var list []string
	for i := range 201 {
		list = append(list, fmt.Sprintf("{kind: W%d.acme.io, healthy: 'true'}", i))
	}
	files := change(t, acme(), settings("{health: ["+strings.Join(list, ", ")+"]}"))
	want := []string{"deny limit trunkline.yaml:4 there are 201 rules of health; the limit is 200"}
	if diff := cmp.Diff(want, said(mustCheck(t, policy.Input{Catalog: load(t, files)}))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestHealthRulesStay checks an update that does not touch the platform: what is wrong with its rules stays wrong.
func TestHealthRulesStay(t *testing.T) {
	before := change(t, acme(), settings("{health: [{kind: Widget.acme.io, healthy: nothing}]}"))
	cat := load(t, before)
	result := mustCheck(t, policy.Input{Catalog: cat})
	after := change(t, before, edit{sales, "0 6 * * *", "0 7 * * *"})
	next, _, err := cat.Update(tree(after), differ(before, after))
	if err != nil {
		t.Fatal(err)
	}
	want := []string{"deny invalid-value trunkline.yaml:4 undeclared reference to 'nothing' (line 1, column 1 of the expression)"}
	if diff := cmp.Diff(want, said(mustCheck(t, policy.Input{Catalog: next, Previous: result}))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
