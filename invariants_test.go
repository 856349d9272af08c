// SPDX-License-Identifier: Apache-2.0

package trunkline_test

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"go.yaml.in/yaml/v3"
)

// TestInvariants holds the table in CONTRIBUTING.md to the tests that it names, and to the mutants: each mutant breaks an
// invariant of the table, and each invariant has a test.
func TestInvariants(t *testing.T) {
	page, err := os.ReadFile("CONTRIBUTING.md")
	if err != nil {
		t.Fatal(err)
	}
	_, section, ok := strings.Cut(string(page), "\n## Invariants\n")
	if !ok {
		t.Fatal("CONTRIBUTING.md has no section on invariants")
	}
	section, _, _ = strings.Cut(section, "\n## ")
	known := testFunctions(t)
	row := regexp.MustCompile(`(?m)^\| ([^|]+) \|([^|]*)\|([^|]*)\|$`)
	named := map[string]bool{}
	rows := 0
	for _, m := range row.FindAllStringSubmatch(section, -1) {
		if m[1] == "invariant" || strings.HasPrefix(m[1], "---") {
			continue
		}
		rows++
		tests := quoted.FindAllStringSubmatch(m[2], -1)
		if len(tests) == 0 {
			t.Errorf("no test holds that: %s", m[1])
		}
		for _, test := range tests {
			if !known[test[1]] {
				t.Errorf("there is no test %s, which is to hold that: %s", test[1], m[1])
			}
		}
		for _, mutant := range quoted.FindAllStringSubmatch(m[3], -1) {
			if named[mutant[1]] {
				t.Errorf("two invariants have the mutant %s", mutant[1])
			}
			named[mutant[1]] = true
		}
	}
	if lines := strings.Count(section, "\n|"); lines != rows+2 || rows < 20 {
		t.Errorf("the table has %d lines, and %d of them are rows", lines, rows)
	}
	if diff := cmp.Diff(mutantNames(t), slices.Sorted(maps.Keys(named))); diff != "" {
		t.Errorf("the mutants of hack/mutants/mutants.yaml and those of the table differ (-yaml +table):\n%s", diff)
	}
}

func mutantNames(t *testing.T) []string {
	t.Helper()
	data, err := os.ReadFile("hack/mutants/mutants.yaml")
	if err != nil {
		t.Fatal(err)
	}
	var mutants []struct{ Name string }
	if err := yaml.Unmarshal(data, &mutants); err != nil {
		t.Fatal(err)
	}
	var names []string
	for _, m := range mutants {
		names = append(names, m.Name)
	}
	slices.Sort(names)
	return names
}
