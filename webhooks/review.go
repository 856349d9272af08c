// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"bytes"
	"cmp"
	"fmt"
	"io/fs"
	"reflect"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/webhooks/report"
)

// reviewOf says what a change does, as a value to be put into words. It is a pure function.
func reviewOf(c *change, now time.Time) (report.Review, error) {
	r := report.Review{
		At: now, Outcome: report.Passed, Findings: findings(c.base.Problems(), c.head.Problems()), Unjudged: c.head.Unjudged(),
		Environments: environments(c.head.Catalog()),
	}
	r.Lines = linesOf(c.head.Catalog().Tree(), r.Findings)
	if c.behind != "" {
		r.Notes = append(r.Notes, fmt.Sprintf("commit %s of the branch is refused itself; this is compared with %s, which runs", short(c.behind), short(c.from)))
	}
	if !evaluate.Touches(c.base, c.head) {
		r.Outcome = report.Untouched
		return r, nil
	}
	r.Flow = flowChange(c.base.Catalog(), c.head)
	if c.head.Denied() {
		r.Outcome = report.Refused
		return r, nil
	}
	merged, err := evaluate.Merge(c.base, c.head, now)
	if err != nil {
		return r, err
	}
	r.Plan, r.Unchanged = preview.Preview{From: c.from, To: "the merge", Lots: merged.Lots, Resources: merged.Resources, Data: merged.Data}, merged.Same
	for _, rel := range merged.Releases {
		if rel.Action == preview.Unchanged && !rel.Failed() {
			r.Unchanged++
			continue
		}
		r.Plan.Releases = append(r.Plan.Releases, rel)
	}
	r.Notes = append(r.Notes, merged.Notes...)
	if breaks(c.base, r.Plan.Releases) {
		r.Outcome = report.Refused
	}
	r.Cost = costOf(c, merged.Lots)
	r.Widened, err = widened(c, now)
	return r, err
}

// breaks reports whether a release does not render although it did before: a merge would leave it at what it has.
func breaks(base *evaluate.Evaluation, releases []preview.Release) bool {
	return slices.ContainsFunc(releases, func(r preview.Release) bool {
		if !r.Failed() {
			return false
		}
		before, declared := base.Rendered(r.ID)
		return !declared || before.Err == nil
	})
}

// findings are the problems of a head, each with whether the base has it too.
func findings(base, head v1alpha1.Problems) []report.Finding {
	type identity struct{ rule, file, path, message string }
	of := func(p v1alpha1.Problem) identity { return identity{p.Rule, p.Position.File, p.Path, p.Message} }
	before := map[identity]bool{}
	for _, p := range base {
		before[of(p)] = true
	}
	out := make([]report.Finding, len(head))
	for i, p := range head {
		out[i] = report.Finding{Problem: p, Old: before[of(p)]}
	}
	return out
}

// linesOf counts the lines of the files that findings name, as far as they are there.
func linesOf(tree fs.FS, findings []report.Finding) map[string]int {
	lines := map[string]int{}
	count := func(file string) {
		if _, known := lines[file]; known || file == "" {
			return
		}
		if data, err := fs.ReadFile(tree, file); err == nil {
			lines[file] = bytes.Count(data, []byte("\n"))
			if len(data) > 0 && data[len(data)-1] != '\n' {
				lines[file]++
			}
		}
	}
	for _, f := range findings {
		count(f.Position.File)
		for _, step := range f.Trace {
			count(step.Position.File)
		}
	}
	return lines
}

// environments lists those of a platform: each after the one that it takes its commits from, those that are protected last,
// otherwise by name.
func environments(c *catalog.Catalog) []report.Environment {
	depth := func(name string) (n int) {
		for range len(c.Environments) { // a circle is refused, and ends here
			env, ok := c.Environments[name]
			if !ok || env.Spec.PromotesFrom == "" {
				break
			}
			name = env.Spec.PromotesFrom
			n++
		}
		return n
	}
	protected := func(e report.Environment) int {
		if e.Protected {
			return 1
		}
		return 0
	}
	out := make([]report.Environment, 0, len(c.Environments))
	for name, env := range c.Environments {
		out = append(out, report.Environment{Name: name, Clusters: slices.Sorted(slices.Values(env.Spec.Clusters)), Protected: env.Spec.Protected})
	}
	slices.SortFunc(out, func(a, b report.Environment) int {
		return cmp.Or(cmp.Compare(depth(a.Name), depth(b.Name)), protected(a)-protected(b), strings.Compare(a.Name, b.Name))
	})
	return out
}

// widened says what the change lets projects do that they may not do now.
func widened(c *change, now time.Time) (out []string, err error) {
	problems, err := policy.Widened(policy.Input{Base: c.base.Catalog(), Catalog: c.head.Catalog(), Changed: c.paths, Now: now})
	if err != nil {
		return nil, fmt.Errorf("comparing what projects may do with the base: %w", err)
	}
	for _, p := range problems {
		out = append(out, p.Message)
	}
	return out, nil
}

// flowChange is the change of the data flow around the projects that were declared again; nil if there is none.
func flowChange(base *catalog.Catalog, head *evaluate.Evaluation) *report.Flow {
	after := head.Catalog()
	projects, whole := after.Relinked()
	if whole {
		projects = changedProjects(base, after)
	}
	if len(projects) == 0 {
		return nil
	}
	// A neighbour that only one of them has may be declared in both: then it is in both, and not what is added or removed.
	near := append(nodeIDs(base.Around(projects)), nodeIDs(after.Around(projects))...)
	was, is := base.Around(projects, near...), after.Around(projects, near...)
	cycles := cycleNodes(after.Cycles())
	if slices.Equal(was.Nodes(), is.Nodes()) && slices.Equal(was.Edges(), is.Edges()) && len(cycles) == 0 {
		return nil
	}
	return &report.Flow{Before: drawn(was), After: drawn(is), Cycles: cycles}
}

// changedProjects are those whose declarations differ.
func changedProjects(base, head *catalog.Catalog) (out []string) {
	for _, name := range head.ProjectNames() {
		p, _ := head.Project(name)
		if was, ok := base.Project(name); !ok || !reflect.DeepEqual(was.Spec, p.Spec) {
			out = append(out, name)
		}
	}
	for _, name := range base.ProjectNames() {
		if _, ok := head.Project(name); !ok {
			out = append(out, name)
		}
	}
	return out
}
