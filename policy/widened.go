// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/docs/rules"
)

// Widened returns what a change lets projects, accounts or people do that they could not do before it: rights and
// clusters that an environment grants, guards that are taken away, rules that are relaxed. It compares Base with Catalog,
// and changes nothing: who checks without a base can call it with the last catalog that was accepted, to say so.
func Widened(in Input) (v1alpha1.Problems, error) {
	known, err := rules.All()
	if err != nil {
		return nil, fmt.Errorf("reading the pages of the rules: %w", err)
	}
	if in.Base == nil || in.Base.Platform == nil || in.Catalog == nil || in.Catalog.Platform == nil {
		return nil, nil
	}
	w := widen(in, known)
	w.problems.Sort()
	return w.problems, nil
}

// widen compares two platforms.
func widen(in Input, known map[string]rules.Rule) *widening {
	w := &widening{Input: in, known: known}
	w.ofPlatform()
	for _, name := range slices.Sorted(maps.Keys(in.Catalog.Environments)) {
		w.ofEnvironment(name)
	}
	w.ofPolicies()
	w.ofAccess()
	return w
}

// widening collects what a change widens.
type widening struct {
	Input
	known    map[string]rules.Rule
	problems v1alpha1.Problems
	// files are those of each problem's declaration: where it was and where it is.
	files [][]string

	// doc is the declaration that is compared.
	doc *v1alpha1.Document
}

// say adds that a field of the declaration widens something.
func (w *widening) say(path []any, format string, args ...any) {
	files := []string{w.Catalog.Resolve(w.doc.File)}
	if before, ok := w.Base.Document(w.doc.Kind, w.doc.Name); ok {
		files = append(files, w.Base.Resolve(before.File))
	}
	w.add(v1alpha1.Problem{
		Position: w.doc.Position(path...), Path: v1alpha1.FieldPath(path...),
		About: catalog.About(w.doc, path...), Message: fmt.Sprintf(format, args...),
	}, files...)
}

func (w *widening) add(p v1alpha1.Problem, files ...string) {
	p.Rule, p.Severity, p.Hint = RuleWidened, v1alpha1.Deny, widenedHint
	w.problems, w.files = append(w.problems, p), append(w.files, files)
}

const widenedHint = "have it approved by an owner of what governs, whom spec.governance.owners or CODEOWNERS names"

// approved returns the problems of which those only warn whose change was made or approved by an owner of each of the
// files, where the declaration was and where it is.
func (w *widening) approved(own owners) v1alpha1.Problems {
	for i, files := range w.files {
		strange := func(file string) bool { return !among(w.People, own.governing(file)) }
		if !slices.ContainsFunc(files, strange) {
			w.problems[i].Severity = v1alpha1.Warn
		}
	}
	return w.problems
}

// rank orders how severe a rule is.
func rank(m v1alpha1.RuleMode) int {
	switch m {
	case v1alpha1.RuleOff:
		return 0
	case v1alpha1.RuleWarn:
		return 1
	case v1alpha1.RuleDeny:
	}
	return 2
}

// usual is how severe a rule or policy is where no setting says otherwise.
func (w *widening) usual(id string) v1alpha1.RuleMode {
	if rule, ok := w.known[id]; ok {
		return v1alpha1.RuleMode(rule.Default)
	}
	for name, p := range w.Base.Policies {
		if id == "policy/"+name && p.Spec.Severity != "" {
			return v1alpha1.RuleMode(p.Spec.Severity)
		}
	}
	return v1alpha1.RuleDeny
}

// relaxed says which rules a change of settings relaxes: those of the platform, or of an environment over them.
func (w *widening) relaxed(was, is map[string]v1alpha1.RuleMode, underWas, underIs map[string]v1alpha1.RuleMode) {
	mode := func(id string, settings ...map[string]v1alpha1.RuleMode) v1alpha1.RuleMode {
		for _, s := range settings {
			if m, ok := s[id]; ok {
				return m
			}
		}
		return w.usual(id)
	}
	ids := maps.Clone(was)
	if ids == nil {
		ids = map[string]v1alpha1.RuleMode{}
	}
	maps.Copy(ids, is)
	for _, id := range slices.Sorted(maps.Keys(ids)) {
		_, builtin := w.known[id]
		if w.known[id].Fixed || was[id] == is[id] || !builtin && !strings.Contains(id, "/") {
			continue
		}
		if before, after := mode(id, was, underWas), mode(id, is, underIs); rank(after) < rank(before) {
			w.say([]any{"spec", "rules", id}, "the rule %q is relaxed: %s instead of %s", id, after, before)
		}
	}
}
