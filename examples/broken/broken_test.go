// SPDX-License-Identifier: Apache-2.0

package broken_test

import (
	"flag"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/docs/rules"
	"trunkline.dev/trunkline/examples/broken"
)

var update = flag.Bool("update", false, "write the goldens again")

// now is after the end of what has expired, and before that of what has not.
var now = time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)

// TestEveryRuleHasACase holds rules and cases to each other. The rules of Airflow's files have a corpus of their own.
func TestEveryRuleHasACase(t *testing.T) {
	known, err := rules.All()
	if err != nil {
		t.Fatal(err)
	}
	maps.DeleteFunc(known, func(id string, _ rules.Rule) bool { return strings.HasPrefix(id, "airflow-") })
	cases, err := broken.Cases(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff(slices.Sorted(maps.Keys(known)), cases); diff != "" {
		t.Errorf("-rules that have no case +cases of no rule:\n%s", diff)
	}
}

func TestCases(t *testing.T) {
	cases, err := broken.Cases(os.DirFS("."))
	if err != nil {
		t.Fatal(err)
	}
	for _, name := range cases {
		t.Run(name, func(t *testing.T) {
			verdict, err := broken.Check(t.Context(), os.DirFS(name), now)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff([]string{name}, verdict.Broken()); diff != "" {
				t.Errorf("a case breaks the rule of its name, and no other: -want +got:\n%s", diff)
			}
			got, err := verdict.Text(name)
			if err != nil {
				t.Fatal(err)
			}
			golden := filepath.Join(name, "want.txt")
			if *update {
				if err := os.WriteFile(golden, []byte(got), 0o644); err != nil {
					t.Fatal(err)
				}
			}
			want, err := os.ReadFile(golden)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(string(want), got); diff != "" {
				t.Errorf("what is said has changed; -update writes it again: -want +got:\n%s", diff)
			}
		})
	}
}

// TestAcme checks the platform that people begin with.
func TestAcme(t *testing.T) {
	verdict, err := broken.Check(t.Context(), os.DirFS("../acme"), now)
	if err != nil {
		t.Fatal(err)
	}
	if len(verdict.Problems) > 0 {
		t.Errorf("examples/acme has problems:\n%s", verdict.Problems)
	}
}
