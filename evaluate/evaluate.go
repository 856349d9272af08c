// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"fmt"
	"io/fs"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/policy/custom"
)

// Evaluation is what a tree means. It does not change once it is made: each step returns a new one.
type Evaluation struct {
	catalog *catalog.Catalog
	// changed are the paths that differ from the tree that the catalog was updated from.
	changed []string
	// own are the platform's own policies as the tree has them; nil until they are needed. judges are those that judge
	// it: of the tree before, if the change is judged.
	own, judges *custom.Set
	input       policy.Input
	verdicts    *policy.Result
	// objectsJudged says that the policies on objects have been asked.
	objectsJudged bool
	unjudged      []string
	releases      *releaseSet
	// results are what the releases render to, at the same places; nil of those that were not wanted. What is taken over from
	// an evaluation before is the same value.
	results []*Rendered
	// estimate is what the releases cost; nil if that was not asked for.
	estimate *cost.Estimate
}

// Input is what a head is evaluated by. Tree, Library, Renderer and Now are required.
type Input struct {
	// Tree is the content of the head, and Library the embedded blueprints.
	Tree, Library fs.FS
	// Before is the evaluation of another tree, and Changed lists all paths that differ between the two: what is the
	// same is neither read, judged nor rendered again. Without it everything is.
	Before  *Evaluation
	Changed []string
	// Change has the change since Before judged, too: by the settings and policies of Before. It needs Before. Without it
	// the head is judged by its own.
	Change *Change
	// Now is the time by which schedules and exceptions are judged. They count by days.
	Now time.Time

	Renderer Renderer
	// Want picks the releases that are rendered, if their objects need not be judged, and whose objects are kept; nil
	// picks all.
	Want func(catalog.ReleaseID) bool
	// Thorough finds all that is wrong, for people to fix: objects are judged even if the declarations are refused, and a
	// release whose objects cannot be judged, since it does not render, refuses the head. Without it such a release is
	// reported by its own result only. A change is checked for all that can refuse it; see [Input.complete].
	Thorough bool
	// Runs has what cannot run refuse the head, for people to fix: each release that the change can affect is rendered, wanted or
	// not, and one that does not render is a problem. Without it such a release is reported by its own result only.
	Runs bool
	// Cost has what the releases cost estimated, by these terms, and held against the budgets of the environments; nil asks
	// for neither. The releases of an environment with a budget are rendered then, wanted or not.
	Cost *cost.Terms

	// OnProgress is called with how many of the releases are looked at, and how many there are: at first with none, and then
	// for each that is rendered, or need not be. It may be nil, and is called from several goroutines at once.
	OnProgress func(done, total int)
	// OnDeclared is called once the declarations are accepted, before anything is rendered; it may be nil.
	OnDeclared func(*catalog.Catalog)
	// OnAcceptable is called once, before anything is rendered, if nothing that is rendered can refuse the head: no policy judges
	// objects, and no budget what they cost. It has the catalog, the problems and the releases of the evaluation, and not yet what they render to. It may be nil.
	OnAcceptable func(*Evaluation)
	// OnRendered is called after OnAcceptable for each release that is rendered again, as soon as it is; never if a policy on
	// objects or a budget can still refuse the head. It may be nil, and is called from several goroutines at once.
	OnRendered func(catalog.Release, Rendered)
}

// complete reports whether what is no fault of rules and cannot work refuses the head as well: images that are none, objects that
// releases share, schemas that are none. Who changes something is told of that, by whatever looks at the change; a tree that was
// accepted is not refused for it, since a new version of the program may find more.
func (in Input) complete() bool { return in.Runs || in.Thorough && in.Change != nil }

// Head evaluates a head. What is wrong with it is in the evaluation and is no error: an error says that the tree cannot be
// read, or that the context has ended. A head that is refused is not rendered.
func Head(ctx context.Context, in Input) (*Evaluation, error) {
	var e *Evaluation
	var err error
	if in.Before == nil {
		e, err = Load(in.Tree, in.Library)
	} else {
		e, err = in.Before.update(in.Tree, in.Changed)
	}
	if err != nil {
		return nil, err
	}
	if e, err = e.judge(ctx, in); err != nil {
		return nil, err
	}
	if e.catalog.Problems().Denied() || e.Denied() && !in.Thorough {
		return e, nil // what cannot be linked cannot be rendered either
	}
	if in.OnDeclared != nil {
		in.OnDeclared(e.catalog)
	}
	return e.Render(ctx, in)
}

// Load reads a tree to compare others with: it is neither judged nor rendered yet.
func Load(tree, library fs.FS) (*Evaluation, error) {
	c, _, err := catalog.Load(tree, library)
	if err != nil {
		return nil, err
	}
	return &Evaluation{catalog: c}, nil
}

// update reads what has changed since e.
func (e *Evaluation) update(tree fs.FS, changed []string) (*Evaluation, error) {
	c, _, err := e.catalog.Update(tree, changed)
	if err != nil {
		return nil, err
	}
	return &Evaluation{catalog: c, changed: changed}, nil
}

// judge judges the declarations.
func (e *Evaluation) judge(ctx context.Context, in Input) (*Evaluation, error) {
	next := *e
	if err := next.choosePolicies(in); err != nil {
		return nil, fmt.Errorf("loading the platform's own policies: %w", err)
	}
	next.input = policy.Input{Catalog: e.catalog, Custom: next.judges, Now: day(in.Now), Thorough: in.complete()}
	if next.own != nil && next.judges != next.own {
		next.input.Custom = successor{next.judges, next.own}
	}
	if b := in.Before; b != nil && (b.judges == next.judges || in.Change == nil) {
		next.input.Previous = b.verdicts
	}
	if in.Change != nil {
		next.unjudged = in.Change.judge(&next.input, in.Before.catalog, e.changed)
	}
	var err error
	if next.verdicts, err = policy.Check(ctx, next.input); err != nil {
		return nil, fmt.Errorf("judging the declarations: %w", err)
	}
	next.input.Previous = nil // which would keep the catalog before in memory
	return &next, nil
}

// choosePolicies loads the platform's own policies that judge the tree, unless they are those of the tree before.
func (e *Evaluation) choosePolicies(in Input) (err error) {
	if b := in.Before; b != nil {
		if in.Change != nil && b.catalog.Platform != nil {
			if e.judges = b.own; e.judges == nil {
				if e.judges, err = custom.Load(b.catalog); err != nil {
					return err
				}
			}
			if _, whole := e.catalog.Relinked(); !whole && e.catalog.UpdateOf(b.catalog) {
				e.own = e.judges
				return nil
			}
			e.own, err = custom.Load(e.catalog)
			return err
		}
		if _, whole := e.catalog.Relinked(); !whole && b.own != nil && e.catalog.UpdateOf(b.catalog) {
			e.own, e.judges = b.own, b.own
			return nil
		}
	}
	e.own, err = custom.Load(e.catalog)
	e.judges = e.own
	return err
}

// successor are the policies that judge a change, of the tree before it. What is wrong with the policies themselves is asked of
// the tree after it: a change that breaks one is refused, and the one that fixes it is not.
type successor struct {
	policy.Custom
	own *custom.Set
}

func (s successor) Problems() v1alpha1.Problems { return s.own.Problems() }

// Catalog returns what the tree declares.
func (e *Evaluation) Catalog() *catalog.Catalog { return e.catalog }

// Problems returns what is wrong with the tree, sorted.
func (e *Evaluation) Problems() v1alpha1.Problems {
	if e.verdicts == nil {
		return e.catalog.Problems()
	}
	return e.verdicts.Problems
}

// Denied reports whether the tree is refused.
func (e *Evaluation) Denied() bool { return e.Problems().Denied() }

// Unjudged lists what could not be judged for want of input, in words for people; it does not refuse the tree.
func (e *Evaluation) Unjudged() []string { return e.unjudged }

// day returns the day of a time: rules and exceptions count by days, and what was judged on one need not be judged again.
func day(now time.Time) time.Time { return now.UTC().Truncate(24 * time.Hour) }
