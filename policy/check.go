// SPDX-License-Identifier: Apache-2.0

package policy

import (
	"context"
	"fmt"
	"runtime"
	"slices"
	"sync"
	"sync/atomic"
	"time"

	"github.com/tidwall/btree"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/docs/rules"
)

// Input is what a platform is checked against.
type Input struct {
	// Catalog is the platform, and Base what it was before the change; nil if there is no change to check.
	Catalog, Base *catalog.Catalog
	// Changed are the files that differ between the two.
	Changed []string
	// Now is the time for which schedules and exceptions are checked.
	Now time.Time
	// People are those who made and approved the change; nobody if that is not known, and then nobody has to own it.
	People []Person
	// Estimates are what the releases are expected to cost; none if that is not known.
	Estimates []Estimate
	// Thorough has checked as well what is no fault that stops a tree from being accepted: schemas of datasets, which are always checked in a
	// change, images, links and folders of policies.
	Thorough bool
	// Custom are the platform's own policies, of the base if there is one; nil if it has none.
	Custom Custom
	// Objects are what those policies say against rendered objects; see package policy/custom.
	Objects v1alpha1.Problems
	// Previous is the result for this catalog, or for the one that it is an update of; nil if there is none. It was made
	// with the same Custom, and saves checking again what is the same.
	Previous *Result
}

// Custom checks against the platform's own policies.
type Custom interface {
	// IDs are the names by which the platform's settings call the policies.
	IDs() []string
	// Problems are what is wrong with the policies themselves.
	Problems() v1alpha1.Problems
	// Project checks a project, with its datasets and workloads.
	Project(ctx context.Context, cat *catalog.Catalog, p *catalog.Project) v1alpha1.Problems
	// Platform checks what is not of one project.
	Platform(ctx context.Context, cat *catalog.Catalog) v1alpha1.Problems
	// Wide reports whether the verdict on a project may depend on projects that it does not read from directly.
	Wide() bool
}

// Result is what is wrong with a platform.
type Result struct {
	// Problems are all that are shown, sorted.
	Problems v1alpha1.Problems
	// Silenced are those that exceptions silence, sorted by the problem.
	Silenced []Silenced

	catalog *catalog.Catalog
	clock   *clock
	// found holds what was found of each project with problems, before modes and exceptions.
	found *btree.Map[string, v1alpha1.Problems]
	// pointers are the steps of these problems that are still to be placed, by project.
	pointers *btree.Map[string, []pointer]
	// modules are the Airflow DAG files of each project that has some.
	modules *btree.Map[string, []dagSet]
	// health holds what is wrong with the platform's rules of health.
	health  v1alpha1.Problems
	copying sync.Mutex
}

// Check checks a platform. An error means that the context has ended, or that the program itself is broken.
func Check(ctx context.Context, in Input) (*Result, error) {
	known, err := rules.All()
	if err != nil {
		return nil, fmt.Errorf("reading the pages of the rules: %w", err)
	}
	r := &Result{catalog: in.Catalog}
	all := slices.Clone(in.Catalog.Problems())
	settings := in.Catalog
	if in.Base != nil && in.Base.Platform != nil {
		settings = in.Base
	}
	m := modesOf(settings, known, in.Now)
	if in.Catalog.Platform != nil {
		r.projects(ctx, in)
		n := 0
		r.found.Scan(func(_ string, problems v1alpha1.Problems) bool {
			n += len(problems)
			return true
		})
		all = slices.Grow(all, n)
		r.found.Scan(func(name string, problems v1alpha1.Problems) bool {
			pointers, _ := r.pointers.Get(name)
			all = append(all, pointed(in.Catalog, problems, pointers)...)
			return true
		})
		all = append(all, r.dagProblems()...)
		var policies []string
		if in.Custom != nil {
			policies = in.Custom.IDs()
			all = append(append(all, in.Custom.Problems()...), in.Custom.Platform(ctx, in.Catalog)...)
		}
		all = append(all, checkModes(in.Catalog, known, policies, modesOf(in.Catalog, known, in.Now))...)
		all = append(all, promotions(in.Catalog)...)
		all = append(all, roles(in.Catalog)...)
		all = append(all, budgets(in.Catalog, in.Estimates)...)
		if r.health, err = healthRules(in.Catalog, in.Previous); err != nil {
			return nil, err
		}
		all = append(all, r.health...)
		all = append(all, in.Objects...)
		if in.Thorough && in.Base == nil {
			all = append(all, schemas(in.Catalog)...)
		}
		if in.Thorough {
			var names []string
			if in.Base != nil {
				names = touched(in.Base, in.Catalog)
			}
			all = append(append(all, images(in, names)...), slices.Concat(links(in), emptyFolders(in))...)
		}
		if in.Base != nil && in.Base.Platform != nil {
			all = append(all, r.change(in)...)
			all = append(all, widened(in, known)...)
		}
	}
	r.Problems = all[:0] // of each at most one remains
	for _, p := range all {
		out, silenced, show := m.apply(p)
		if show && (p.Rule == RuleWidened || p.Rule == RuleDataWidened) && p.Severity == v1alpha1.Warn {
			out.Severity = v1alpha1.Warn // it was approved: it is said, and refuses nothing
		}
		if show {
			r.Problems = append(r.Problems, out)
		}
		if silenced != nil {
			r.Silenced = append(r.Silenced, *silenced)
		}
	}
	clear(all[len(r.Problems):]) // of what is left out nothing is kept
	slices.SortStableFunc(r.Silenced, func(a, b Silenced) int { return a.Problem.Compare(b.Problem) })
	if r.Problems = blame(merge(r.Problems), in); len(r.Problems) == 0 {
		r.Problems = nil
	}
	return r, context.Cause(ctx)
}

// merge sorts problems, and makes one of those that are the same but for the environment: the most severe.
func merge(problems v1alpha1.Problems) v1alpha1.Problems {
	problems.Sort()
	removed := map[v1alpha1.Position]bool{}
	for _, p := range problems {
		if p.Rule == RuleRemoved {
			removed[p.Position] = true
		}
	}
	return slices.CompactFunc(slices.DeleteFunc(problems, func(p v1alpha1.Problem) bool {
		// That it was removed says more than that it is not there.
		return removed[p.Position] && (p.Rule == catalog.RuleDatasetOwner || p.Rule == catalog.RuleVersion)
	}), func(a, b v1alpha1.Problem) bool {
		return a.Position == b.Position && a.Path == b.Path && a.Message == b.Message && a.Rule == b.Rule
	})
}

// projects checks each project, or those that may have changed since the previous result.
func (r *Result) projects(ctx context.Context, in Input) {
	names := in.Catalog.ProjectNames()
	r.found, r.modules, r.clock = &btree.Map[string, v1alpha1.Problems]{}, &btree.Map[string, []dagSet]{}, newClock(in.Now)
	r.pointers = &btree.Map[string, []pointer]{}
	if previous := in.Previous; previous != nil && previous.clock != nil && previous.clock.now.Equal(in.Now) {
		changed, whole := in.Catalog.Relinked()
		switch {
		case previous.catalog == in.Catalog:
			names = nil
			r.share(previous)
		case !whole && in.Catalog.UpdateOf(previous.catalog) && (in.Custom == nil || !in.Custom.Wide()):
			names = changed
			r.share(previous)
		}
	}
	found, modules := make([]v1alpha1.Problems, len(names)), make([][]dagSet, len(names))
	pointers := make([][]pointer, len(names))
	parallel(len(names), func(i int) {
		p, ok := in.Catalog.Project(names[i])
		if !ok {
			return
		}
		j := &checker{cat: in.Catalog, now: in.Now, clock: r.clock, p: p, doc: p.Document}
		j.project()
		if in.Custom != nil {
			j.problems = append(j.problems, in.Custom.Project(ctx, in.Catalog, p)...)
		}
		modules[i] = j.dags()
		found[i], pointers[i] = j.problems, j.pointers
	})
	for i, name := range names {
		setOrDelete(r.found, name, found[i])
		setOrDelete(r.modules, name, modules[i])
		setOrDelete(r.pointers, name, pointers[i])
	}
}

// share takes over what a previous result found; neither changes the other from now on.
func (r *Result) share(previous *Result) {
	previous.copying.Lock()
	defer previous.copying.Unlock()
	r.found, r.modules, r.clock = previous.found.Copy(), previous.modules.Copy(), previous.clock
	r.pointers = previous.pointers.Copy()
}

// setOrDelete sets the list of a name, or deletes the name if there is nothing in it.
func setOrDelete[L ~[]E, E any](in *btree.Map[string, L], name string, list L) {
	if len(list) == 0 {
		in.Delete(name)
		return
	}
	in.Set(name, list)
}

// change checks what is different from the base.
func (r *Result) change(in Input) (problems v1alpha1.Problems) {
	names := touched(in.Base, in.Catalog)
	for _, name := range names {
		before, was := in.Base.Project(name)
		p, is := in.Catalog.Project(name)
		if !is {
			continue
		}
		j := &checker{cat: in.Catalog, base: in.Base, now: in.Now, clock: r.clock, p: p, doc: p.Document}
		if !was {
			j.schemas(nil)
		} else {
			j.schemas(before)
			j.changed(before)
			j.streams(before)
		}
		problems = append(problems, j.problems...)
	}
	problems = append(problems, unowned(in)...)
	problems = append(problems, packagesChanged(in.Base, in.Catalog)...)
	gone := lost(in)
	problems = append(problems, strays(in, gone)...)
	problems = append(problems, removed(in.Base, in.Catalog, names, gone[v1alpha1.KindProject])...)
	protected := unprotected(in.Base, in.Catalog, names)
	problems = append(problems, protected...)
	problems = append(problems, removals(in, names, gone, protected)...)
	if len(in.People) > 0 {
		problems = append(problems, ownership(in, names)...)
	}
	return problems
}

// schemas checks the schemas of all datasets.
func schemas(cat *catalog.Catalog) (problems v1alpha1.Problems) {
	for p := range cat.Projects() {
		j := &checker{cat: cat, p: p, doc: p.Document}
		j.schemas(nil)
		problems = append(problems, j.problems...)
	}
	return problems
}

// widened checks what the change lets others do. What owners of the declarations have made or approved only warns.
func widened(in Input, known map[string]rules.Rule) v1alpha1.Problems {
	w := widen(in, known)
	if len(w.problems) == 0 || len(in.People) == 0 {
		return w.problems
	}
	own, err := ownersBefore(in.Base)
	if err != nil {
		return w.problems // nothing counts as approved, and ownership says why
	}
	return w.approved(own)
}

// parallel calls f for 0 to n-1, as many at a time as there are processors.
func parallel(n int, f func(i int)) {
	var next atomic.Int64
	var group sync.WaitGroup
	for range min(n, runtime.GOMAXPROCS(0)) {
		group.Go(func() {
			for i := int(next.Add(1)) - 1; i < n; i = int(next.Add(1)) - 1 {
				f(i)
			}
		})
	}
	group.Wait()
}
