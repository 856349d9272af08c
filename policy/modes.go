// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/docs/rules"
)

// modes are how severe each rule is, and where it is silent. They come from before the change, if there is a before.
type modes struct {
	known      map[string]rules.Rule
	platform   map[string]v1alpha1.RuleMode
	byEnv      map[string]map[string]v1alpha1.RuleMode
	exceptions []v1alpha1.Exception
	// used tells of each exception whether it silenced something.
	used []bool
	now  time.Time
}

func modesOf(cat *catalog.Catalog, known map[string]rules.Rule, now time.Time) *modes {
	m := &modes{known: known, byEnv: map[string]map[string]v1alpha1.RuleMode{}, now: now}
	if cat.Platform == nil {
		return m
	}
	m.platform, m.exceptions = cat.Platform.Spec.Rules, cat.Platform.Spec.Exceptions
	m.used = make([]bool, len(m.exceptions))
	for name, env := range cat.Environments {
		m.byEnv[name] = env.Spec.Rules
	}
	return m
}

// mode returns what breaking a rule does in an environment, or in none.
func (m *modes) mode(p v1alpha1.Problem) v1alpha1.RuleMode {
	rule, builtin := m.known[p.Rule]
	if builtin && rule.Fixed {
		return v1alpha1.RuleMode(p.Severity)
	}
	if mode, ok := m.byEnv[p.About.Environment][p.Rule]; ok {
		return mode
	}
	if mode, ok := m.platform[p.Rule]; ok {
		return mode
	}
	if builtin && p.Severity == v1alpha1.Deny {
		return v1alpha1.RuleMode(rule.Default)
	}
	return v1alpha1.RuleMode(p.Severity)
}

// Silenced is a problem that an exception silences.
type Silenced struct {
	Problem   v1alpha1.Problem   `json:"problem"`
	Exception v1alpha1.Exception `json:"exception"`
}

// apply returns the problem as severe as the platform says, or reports whether it is not shown.
func (m *modes) apply(p v1alpha1.Problem) (out v1alpha1.Problem, silenced *Silenced, show bool) {
	mode := m.mode(p)
	if mode == v1alpha1.RuleOff {
		return p, nil, false
	}
	p.Severity = v1alpha1.Severity(mode)
	if m.known[p.Rule].Fixed {
		return p, nil, true
	}
	for i, e := range m.exceptions {
		if e.Rule == p.Rule && covers(e, p.About) && !m.over(e) {
			m.used[i] = true
			return p, &Silenced{Problem: p, Exception: e}, false
		}
	}
	return p, nil, true
}

// over reports whether an exception counts no more.
func (m *modes) over(e v1alpha1.Exception) bool {
	return !e.Until.IsZero() && !m.now.Before(e.Until.Time)
}

// covers reports whether all that an exception names is what the problem is about.
func covers(e v1alpha1.Exception, about v1alpha1.About) bool {
	dataset, _, _ := strings.Cut(about.Dataset, "@")
	return (e.Project == "" || e.Project == about.Project) &&
		(e.Environment == "" || e.Environment == about.Environment) &&
		(e.Workload == "" || e.Workload == about.Workload) &&
		(e.Dataset == "" || e.Dataset == about.Dataset || e.Dataset == dataset)
}

// checkModes checks what a platform says of rules. Policies are the ids of its own.
func checkModes(cat *catalog.Catalog, known map[string]rules.Rule, policies []string, m *modes) (problems v1alpha1.Problems) {
	ids := append(slices.Collect(maps.Keys(known)), policies...)
	check := func(doc *v1alpha1.Document, id string, position v1alpha1.Position, path string) {
		rule, builtin := known[id]
		p := v1alpha1.Problem{Rule: catalog.RuleRule, Severity: v1alpha1.Deny, Position: position, Path: path, About: catalog.About(doc)}
		switch {
		case builtin && rule.Fixed:
			p.Message, p.Hint = fmt.Sprintf("the rule %q is fixed: it cannot be set or silenced", id), fmt.Sprintf("\"trunkline policy explain %s\" explains why", id)
		case !builtin && !slices.Contains(policies, id):
			p.Message, p.Hint = fmt.Sprintf("there is no rule %q", id), v1alpha1.Suggest(id, ids)
		default:
			return
		}
		problems = append(problems, p)
	}
	doc, ok := cat.Document(v1alpha1.KindPlatform, cat.Name())
	if !ok {
		return nil
	}
	for _, id := range slices.Sorted(maps.Keys(cat.Platform.Spec.Rules)) {
		check(doc, id, doc.KeyPosition("spec", "rules", id), v1alpha1.FieldPath("spec", "rules", id))
	}
	for i, e := range cat.Platform.Spec.Exceptions {
		at := []any{"spec", "exceptions", i}
		check(doc, e.Rule, doc.Position(append(at, "rule")...), v1alpha1.FieldPath(append(at, "rule")...))
		if _, ok := cat.Project(e.Project); e.Project != "" && !ok {
			problems = append(problems, noProject(cat, doc, e.Project, append(at, "project")))
		}
		if m.over(e) {
			problems = append(problems, v1alpha1.Problem{
				Rule: RuleException, Severity: v1alpha1.Deny, Position: doc.Position(append(at, "until")...), Path: v1alpha1.FieldPath(append(at, "until")...),
				Message: fmt.Sprintf("the exception of the rule %q ended on %s", e.Rule, e.Until.Format(time.DateOnly)),
				Hint:    "remove it, or extend it and say why in its reason",
			})
		}
	}
	for _, name := range slices.Sorted(maps.Keys(cat.Environments)) {
		doc, ok := cat.Document(v1alpha1.KindEnvironment, name)
		if !ok {
			continue
		}
		if preview := cat.Environments[name].Spec.Preview; preview != nil {
			for i, project := range preview.Projects {
				if _, ok := cat.Project(project); !ok {
					problems = append(problems, noProject(cat, doc, project, []any{"spec", "preview", "projects", i}))
				}
			}
		}
		for _, id := range slices.Sorted(maps.Keys(cat.Environments[name].Spec.Rules)) {
			check(doc, id, doc.KeyPosition("spec", "rules", id), v1alpha1.FieldPath("spec", "rules", id))
		}
	}
	return problems
}

// noProject reports the name of a project that is not there.
func noProject(cat *catalog.Catalog, doc *v1alpha1.Document, name string, at []any) v1alpha1.Problem {
	return v1alpha1.Problem{
		Rule: catalog.RuleProject, Severity: v1alpha1.Deny, Position: doc.Position(at...), Path: v1alpha1.FieldPath(at...),
		About: catalog.About(doc), Message: fmt.Sprintf("there is no project %q", name), Hint: v1alpha1.Suggest(name, cat.ProjectNames()),
	}
}

// promotions finds environments that would be promoted from each other in a cycle.
func promotions(cat *catalog.Catalog) (problems v1alpha1.Problems) {
	reported := map[string]bool{}
	for _, name := range slices.Sorted(maps.Keys(cat.Environments)) {
		walk := []string{name}
		for at := cat.Environments[name].Spec.PromotesFrom; at != "" && cat.Environments[at] != nil; at = cat.Environments[at].Spec.PromotesFrom {
			if i := slices.Index(walk, at); i >= 0 {
				if i == 0 && !reported[at] {
					problems = append(problems, promotionCycle(cat, walk, reported))
				}
				break
			}
			walk = append(walk, at)
		}
	}
	return problems
}

// promotionCycle returns the problem of a cycle of promotions.
func promotionCycle(cat *catalog.Catalog, walk []string, reported map[string]bool) v1alpha1.Problem {
	doc, _ := cat.Document(v1alpha1.KindEnvironment, walk[0])
	p := v1alpha1.Problem{
		Rule: RulePromotion, Severity: v1alpha1.Deny, Position: doc.Position("spec", "promotesFrom"), Path: "spec.promotesFrom",
		About:   v1alpha1.About{Environment: walk[0]},
		Message: "environments are promoted from each other in a cycle: " + strings.Join(append(slices.Clone(walk), walk[0]), " from "),
		Hint:    "remove promotesFrom from one of them",
	}
	for i, name := range walk {
		reported[name] = true
		doc, _ := cat.Document(v1alpha1.KindEnvironment, name)
		p.Trace = append(p.Trace, v1alpha1.Step{Position: doc.Position("spec", "promotesFrom"), Message: fmt.Sprintf("%s is promoted from %s", name, walk[(i+1)%len(walk)])})
	}
	return p
}

// Weighed returns problems as severe as the settings of a platform say, without those that its exceptions silence.
func Weighed(settings *catalog.Catalog, problems v1alpha1.Problems, now time.Time) (v1alpha1.Problems, error) {
	known, err := rules.All()
	if err != nil {
		return nil, fmt.Errorf("reading the pages of the rules: %w", err)
	}
	m := modesOf(settings, known, now)
	var out v1alpha1.Problems
	for _, p := range problems {
		if p, _, show := m.apply(p); show {
			out = append(out, p)
		}
	}
	out.Sort()
	return out, nil
}
