// SPDX-License-Identifier: Apache-2.0

// Package terms says what an environment declares about how its releases are kept: the daemon keeps them so, and a
// preview foretells it. It is pure.
//
// Of Trunkline it may import api, catalog, plan/gate and plan.
package terms

import (
	"fmt"
	"slices"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
)

const (
	// defaultHealthTimeout is how long a release may take to become healthy.
	defaultHealthTimeout = 10 * time.Minute
	// defaultMaxRemovals is how many percent of an environment's releases one commit may remove unasked.
	defaultMaxRemovals = 50
)

// Terms are those of one release.
type Terms struct {
	Drift         plan.Drift
	Additions     plan.Additions
	HealthTimeout time.Duration
	Rollback      bool
	Schedule      gate.Schedule
	Soak          time.Duration
	// Sources are the releases that this one is promoted from, and Needs those that it depends on.
	Sources, Needs []catalog.ReleaseID
	// Moved reports whether the release is not declared any more since its project is on other clusters now. Needs are its releases there.
	Moved bool
	// Placed says to people why the release is on its cluster; empty if its project is on all.
	Placed string
	// Awaited reports whether others are promoted from this one, depend on it, or go once it is healthy.
	Awaited bool
	// Protected reports whether the environment is, and Named that it lets the project go all the same.
	Protected, Named bool
	// MaxRemovals is how many percent of the environment's releases one commit may remove unasked.
	MaxRemovals int
	// Preview says what the release is to a preview, if it is one's.
	Preview plan.Preview
	// Reviewed reports whether only what was reviewed may be applied.
	Reviewed bool
}

// Undeclared are the terms of a release whose environment is not declared any more.
func Undeclared() Terms {
	return Terms{Drift: plan.Drift{Correct: true}, HealthTimeout: defaultHealthTimeout, MaxRemovals: defaultMaxRemovals}
}

// Of reads the terms of a release. The error is about the environment's deploy windows, and what was read until then is
// given with it.
func Of(c *catalog.Catalog, id catalog.ReleaseID) (Terms, error) {
	t := Undeclared()
	env, ok := c.Environments[id.Environment]
	if !ok {
		return t, nil
	}
	t.Drift = plan.Drift{Correct: env.Spec.Drift.Mode != v1alpha1.DriftReport, Ignore: env.Spec.Drift.Ignore}
	switch env.Spec.Drift.Additions {
	case v1alpha1.AdditionsReport:
		t.Additions = plan.ReportAdditions
	case v1alpha1.AdditionsCorrect:
		t.Additions = plan.CorrectAdditions
	case v1alpha1.AdditionsLeave:
	}
	t.Rollback, t.Soak = env.Spec.Rollback, time.Duration(env.Spec.Soak)
	t.Protected, t.Named = env.Spec.Protected, slices.Contains(env.Spec.Removals, id.Project)
	t.Reviewed = env.Spec.Reviewed == v1alpha1.ReviewRequired
	if env.Spec.HealthTimeout != 0 {
		t.HealthTimeout = time.Duration(env.Spec.HealthTimeout)
	}
	if env.Spec.MaxRemovals != nil {
		t.MaxRemovals = *env.Spec.MaxRemovals
	}
	if c.IsPreview(id.Environment) {
		t.Preview = plan.Awake
	}
	var err error
	if t.Schedule, err = gate.NewSchedule(env.Spec); err != nil {
		return t, fmt.Errorf("environment %q: %w", id.Environment, err)
	}
	p, declared := c.Project(id.Project)
	if !declared {
		return t, nil
	}
	if moved := c.MovedTo(id); len(moved) > 0 {
		t.Needs, t.Moved, t.Named = moved, true, true // the project does not leave the environment
		return t, nil
	}
	t.Needs, t.Awaited = c.Dependencies(id), c.Needed(id.Project) || p.Spec.Environments[id.Environment].Cluster != nil
	t.Placed = c.WhyOn(p, id)
	for _, other := range c.ReleasesOf(p) {
		if other.Environment == env.Spec.PromotesFrom {
			t.Sources = append(t.Sources, other)
		}
		t.Awaited = t.Awaited || c.Environments[other.Environment].Spec.PromotesFrom == id.Environment
	}
	return t, nil
}
