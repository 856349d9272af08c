// SPDX-License-Identifier: Apache-2.0

package airflow

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
)

// TestPages holds the examples of each rule's page to what they say: the bad one breaks the rule, the good one none.
func TestPages(t *testing.T) {
	for _, rule := range []string{RuleSyntax, RuleDagID, RuleTaskID, RuleCycle, RuleSchedule, RuleLoad, RuleUndecided} {
		t.Run(rule, func(t *testing.T) {
			page, err := os.ReadFile(filepath.Join("..", "..", "docs", "rules", rule+".md"))
			if err != nil {
				t.Fatal(err)
			}
			example := func(heading string) *Module {
				_, text, ok := strings.Cut(string(page), "## "+heading+"\n\n```python\n")
				code, _, ok2 := strings.Cut(text, "```")
				if !ok || !ok2 {
					t.Fatalf("the page has no example below %q", heading)
				}
				return parse("dags/orders.py", []byte(code))
			}
			if bad := example("Bad").Problems; len(bad) != 1 || bad[0].Rule != rule {
				t.Errorf("the bad example does not break the rule alone:\n%s", bad)
			}
			if good := example("Good").Problems; len(good) > 0 {
				t.Errorf("the good example has problems:\n%s", good)
			}
		})
	}
}
