// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"maps"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/rogpeppe/go-internal/txtar"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
)

// TestAllJudgeAlike holds those who evaluate a tree to each other, on all mistakes that there are: `validate --base`, the check of a
// pull request and `plan --base` say the same of a change. What does not render is a problem for the first, and stands beside the
// release for the others. The daemon refuses nothing else than they do, and of what they refuse it takes what this test lists.
func TestAllJudgeAlike(t *testing.T) {
	archives, err := filepath.Glob("testdata/mistakes/*.txtar")
	if err != nil || len(archives) < 2 {
		t.Fatal(archives, err)
	}
	platform, taken, refused := mistakenPlatform(t), map[string]bool{}, 0
	for _, file := range archives {
		archive, err := txtar.ParseFile(file)
		if err != nil {
			t.Fatal(err)
		}
		if filepath.Base(file) == "platform.txtar" {
			continue
		}
		cases := mistakesOf(t, archive)
		for _, name := range slices.Sorted(maps.Keys(cases)) {
			t.Run(strings.TrimSuffix(filepath.Base(file), ".txtar")+"/"+name, func(t *testing.T) {
				before, after := cases[name].trees(t, platform)
				changed := differing(before, after)
				validate := headOf(t, Input{Tree: after, Thorough: true, Runs: true, Want: nobody, Before: loaded(t, before), Change: &Change{}, Changed: changed})
				running := headOf(t, Input{Tree: before})
				check := headOf(t, Input{Tree: after, Thorough: true, Before: running, Change: &Change{}, Changed: changed})
				plan := headOf(t, Input{Tree: after, Thorough: true, Before: loaded(t, before), Change: &Change{}, Changed: changed})
				for by, e := range map[string]*Evaluation{"the check": check, "plan": plan} {
					if got, want := e.Denied() || breaks(running, e), validate.Denied(); got != want {
						t.Errorf("%s refuses it: %v; validate: %v\n%s\n%s", by, got, want, e.Problems(), validate.Problems())
					}
					if diff := cmp.Diff(declared(validate), declared(e)); diff != "" {
						t.Errorf("%s says something else than validate (-validate +%s):\n%s", by, by, diff)
					}
				}
				daemon := headOf(t, Input{Tree: after, Before: running, Changed: changed})
				if daemon.Denied() && !validate.Denied() {
					t.Errorf("the daemon refuses what validate does not:\n%s", daemon.Problems())
				}
				if validate.Denied() {
					refused++
				}
				if validate.Denied() && !daemon.Denied() {
					for _, p := range validate.Problems() {
						taken[p.Rule] = taken[p.Rule] || p.Severity == v1alpha1.Deny
					}
				}
			})
		}
	}
	maps.DeleteFunc(taken, func(_ string, denies bool) bool { return !denies })
	want := []string{
		// Found before a merge only: a tree that is accepted today stays so with another version of the program.
		policy.RuleImage, policy.RuleShared, catalog.RuleSchema,
		// The release stays as it is, and the others go on.
		policy.RuleNotRendered,
	}
	slices.Sort(want)
	if diff := cmp.Diff(want, slices.Sorted(maps.Keys(taken))); diff != "" {
		t.Errorf("the daemon takes what validate refuses by other rules than are known (-want +got):\n%s", diff)
	}
	if refused < 50 {
		t.Errorf("of the mistakes only %d are refused", refused)
	}
}

// breaks reports whether a release does not render that did before.
func breaks(before, e *Evaluation) bool {
	for rel := range e.Releases() {
		was, declared := before.Rendered(rel.ID)
		if out, ok := e.Rendered(rel.ID); ok && out.Err != nil && (!declared || was.Err == nil) {
			return true
		}
	}
	return false
}

// declared are the problems that do not come from rendering alone.
func declared(e *Evaluation) (out []string) {
	for _, p := range e.Problems() {
		if p.Rule != policy.RuleNotRendered && p.Rule != policy.RuleObject && p.Rule != catalog.RuleUnevaluated && p.Rule != catalog.RuleNotYet {
			out = append(out, p.Rule+": "+p.String())
		}
	}
	return out
}
