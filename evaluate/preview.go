// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"errors"
	"fmt"
	"math/big"
	"reflect"
	"runtime"
	"slices"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/plan/terms"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/policy/custom"
	"trunkline.dev/trunkline/render"
)

// PreviewInput is what a preview is made of. All is required.
type PreviewInput struct {
	// Pull is the pull request, and Environment the one that its preview is derived from.
	Pull        catalog.Pull
	Environment string
	// Base is a commit of the trunk, whose environments, policies and rates count, and Head what merging the pull request into it
	// makes, evaluated after it. Both are rendered.
	Base, Head *Evaluation
	Renderer   Renderer
	// Cost are the terms of what it costs; its day is that by which exceptions count.
	Cost cost.Terms
}

// Preview is what the preview of a pull request is made of. It is a value, and keeps nothing of the evaluations.
type Preview struct {
	// Name is that of the environment, such as "pr-7", and Of of the one that it is derived from.
	Name, Of string
	// Projects are those that are in it, and Changed those of them that the pull request changes; both are sorted.
	Projects, Changed []string
	// Releases are in the order of their ids.
	Releases []PreviewRelease
	// Problems are what the policies say against its objects, and its budget; if they deny it, it is not to be made.
	Problems v1alpha1.Problems
	// Estimate is what it costs in a month in which it is awake.
	Estimate *cost.Estimate
	// Data are the folders below which it writes; see [catalog.Preview].
	Data []string
	// Airflows are those that run its DAGs.
	Airflows []catalog.DeployedAirflow
	// Hosts are the names at which it can be reached from outside the cluster, sorted. None is the host of another environment.
	Hosts []string
}

// PreviewRelease is a release of a preview.
type PreviewRelease struct {
	ID               catalog.ReleaseID
	Namespace, Owner string
	// Rendered is what it renders to, or why it does not.
	Rendered Rendered
	Terms    terms.Terms
	Access   catalog.Access
}

// PreviewError says to people why there can be no preview.
type PreviewError struct{ Err error }

func (e *PreviewError) Error() string { return e.Err.Error() }
func (e *PreviewError) Unwrap() error { return e.Err }

// NewPreview returns the preview of a pull request. That there can be none is a [*PreviewError]; that a release does not render,
// or breaks a policy, is in the preview.
func NewPreview(ctx context.Context, in PreviewInput) (*Preview, error) {
	if in.Head.Denied() {
		return nil, &PreviewError{errors.New("the change is refused")}
	}
	changed := changedIn(in.Base, in.Head, in.Environment)
	d, err := in.Head.catalog.Preview(catalog.PreviewOf{Trunk: in.Base.catalog, Environment: in.Environment, Pull: in.Pull, Changed: changed})
	if err != nil {
		return nil, &PreviewError{err}
	}
	p := &Preview{
		Name: d.Name, Of: d.Of, Projects: d.Projects, Data: d.Data, Airflows: d.Catalog.DeployedAirflows(d.Name), Releases: make([]PreviewRelease, len(d.Releases)),
		Changed: slices.DeleteFunc(changed, func(name string) bool { return !slices.Contains(d.Projects, name) }),
	}
	if err := p.render(ctx, in, d); err != nil {
		return nil, err
	}
	if err := p.estimate(ctx, in, d); err != nil {
		return nil, err
	}
	return p, p.judge(ctx, in)
}

// changedIn returns the projects that a head changes in an environment, in what runs or in what is declared, sorted.
func changedIn(base, head *Evaluation, environment string) (names []string) {
	c := compare(base, head)
	for rel, is := range c.of(head) {
		if rel.ID.Environment != environment {
			continue
		}
		was, existed := base.Rendered(rel.ID)
		if !existed || is == nil || is.Err != nil || was.Err != nil || is.Objects.Digest() != was.Objects.Digest() || redeclared(base, head, rel.ID.Project) {
			names = append(names, rel.ID.Project)
		}
	}
	return slices.Compact(names)
}

// redeclared reports whether a project is not declared as it was.
func redeclared(base, head *Evaluation, name string) bool {
	was, existed := base.catalog.Project(name)
	is, exists := head.catalog.Project(name)
	return !existed || !exists || was.Document != is.Document && !reflect.DeepEqual(was.Spec, is.Spec)
}

// render renders the releases. Those that could not be before are asked for from the renderer, behind which there is a cache.
func (p *Preview) render(ctx context.Context, in PreviewInput, d *catalog.Preview) error {
	group, rendering := errgroup.WithContext(ctx)
	group.SetLimit(runtime.GOMAXPROCS(0))
	hosts := make([][]string, len(d.Releases))
	for i, rel := range d.Releases {
		t, err := terms.Of(d.Catalog, rel.ID)
		if err != nil {
			return err
		}
		access, _ := d.Catalog.Access(rel.ID)
		one := &p.Releases[i]
		*one = PreviewRelease{ID: rel.ID, Namespace: rel.Namespace, Owner: rel.Owner, Terms: t, Access: access}
		group.Go(func() (err error) {
			one.Rendered = Release(rendering, in.Renderer, in.Head.catalog.Tree(), rel)
			if one.Rendered.Err == nil {
				one.Rendered.Objects, hosts[i], err = render.Preview(one.Rendered.Objects, p.Name)
			}
			return err
		})
	}
	if err := group.Wait(); err != nil {
		return fmt.Errorf("rendering the preview: %w", err)
	}
	p.Hosts = slices.Concat(hosts...)
	slices.Sort(p.Hosts)
	p.Hosts = slices.Compact(p.Hosts)
	return context.Cause(ctx)
}

// estimate finds out what it costs.
func (p *Preview) estimate(ctx context.Context, in PreviewInput, d *catalog.Preview) (err error) {
	p.Estimate, err = cost.Of(ctx, d.Catalog, in.Cost, func(yield func(cost.Subject) bool) {
		for i := range d.Releases {
			if !yield(cost.Subject{Release: &d.Releases[i], Objects: p.Releases[i].Rendered.unpack}) {
				return
			}
		}
	}, nil)
	if err != nil {
		return fmt.Errorf("estimating what the preview costs: %w", err)
	}
	return nil
}

// judge asks the policies of the base, as they are asked about the environment that the preview is derived from, and its budget.
func (p *Preview) judge(ctx context.Context, in PreviewInput) error {
	policies := in.Base.own
	if policies == nil {
		var err error
		if policies, err = custom.Load(in.Base.catalog); err != nil {
			return fmt.Errorf("loading the platform's own policies: %w", err)
		}
	}
	found := p.overBudget(in.Base.catalog)
	if policies.ChecksObjects() {
		more, err := p.objects(ctx, in.Head.catalog, policies)
		if err != nil {
			return err
		}
		found = append(found, more...)
	}
	var err error
	p.Problems, err = policy.Weighed(in.Base.catalog, found, day(in.Cost.Now))
	return err
}

// objects asks policies about the objects. What does not render cannot be judged, and is not made either.
func (p *Preview) objects(ctx context.Context, head *catalog.Catalog, policies *custom.Set) (found v1alpha1.Problems, err error) {
	for _, rel := range p.Releases {
		project, declared := head.Project(rel.ID.Project)
		if !declared || rel.Rendered.Err != nil {
			continue
		}
		objects, err := rel.Rendered.Objects.Unpack()
		if err != nil {
			return nil, err
		}
		as := rel.ID
		as.Environment = p.Of
		found = append(found, policies.Objects(ctx, head, project, as, objects)...)
	}
	return found, context.Cause(ctx)
}

// overBudget returns the problem of a preview that would cost too much.
func (p *Preview) overBudget(trunk *catalog.Catalog) v1alpha1.Problems {
	rules, currency := trunk.Environments[p.Of].Spec.Preview, p.Estimate.Currency()
	most, ok := new(big.Rat).SetString(string(rules.Budget))
	monthly := p.Estimate.Total().In(currency).Amount()
	if !ok || monthly.Cmp(most) <= 0 {
		return nil
	}
	doc, _ := trunk.Document(v1alpha1.KindEnvironment, p.Of)
	at := []any{"spec", "preview", "budget"}
	return v1alpha1.Problems{{
		Rule: policy.RuleBudget, Severity: v1alpha1.Deny, Position: doc.Position(at...), Path: v1alpha1.FieldPath(at...),
		About: v1alpha1.About{Environment: p.Of},
		Message: fmt.Sprintf("the preview would cost %s %s a month, and one of %q may cost %s %s", monthly.FloatString(2), currency, p.Of,
			most.FloatString(2), currency),
		Hint: "change fewer projects at once, use smaller sizes, or have spec.preview.budget of the environment raised",
	}}
}
