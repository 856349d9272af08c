// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"slices"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/plan/gate"
)

// Holds are what holds all runs of an environment at a time: its deploy windows and freezes, if it says that they do.
func Holds(c *catalog.Catalog, environment string, now time.Time) []plan.Hold {
	return holding(c.Environments[environment])(now)
}

// holding reads the windows and freezes of an environment, once for all times.
func holding(env *v1alpha1.Environment) func(now time.Time) []plan.Hold {
	if env == nil || env.Spec.Lots == nil || !env.Spec.Lots.HoldRuns {
		return func(time.Time) []plan.Hold { return nil }
	}
	s, err := gate.NewSchedule(env.Spec)
	if err != nil {
		return func(time.Time) []plan.Hold {
			return []plan.Hold{{By: "the deploy windows, which cannot be read: " + err.Error()}}
		}
	}
	return func(now time.Time) []plan.Hold {
		by, until, held := s.Holds(now)
		if !held {
			return nil
		}
		if !until.IsZero() {
			until = until.UTC()
		}
		return []plan.Hold{{By: by, Until: until}}
	}
}

// hold has windows and freezes hold what is started from now on. It costs nothing while they stay as they are.
func (s *state) hold(now time.Time) {
	if s.planner == nil || s.stale {
		return
	}
	if holds := s.holdsNow(now); !slices.Equal(holds, s.held) {
		s.planner.Limit(s.limited(s.missing, holds))
	}
}

// holdsNow are what comes and goes by the clock, and with the one cluster that there is: what cannot be followed is not started either. Of
// several clusters, the one that does not answer holds its own workloads only ([state.homeOf]).
func (s *state) holdsNow(now time.Time) []plan.Hold {
	holds := s.holds(now)
	if len(s.fleets) == 1 && s.fleets[0].away {
		holds = append(slices.Clone(holds), plan.Hold{By: s.fleets[0].absence()})
	}
	return holds
}

// limited are the limits with what holds runs: workloads that are disabled, those that have no template or whose stores have not been
// listed, and what comes and goes by the clock.
func (s *state) limited(missing, holds []plan.Hold) plan.Limits {
	s.held = holds
	out := plan.LimitsOf(s.catalog, s.name, s.limits)
	out.Holds = slices.Concat(disabled(s.written), missing, s.unknown(), holds)
	return out
}
