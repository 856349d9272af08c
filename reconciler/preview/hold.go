package preview

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/gate"
	"trunkline.dev/trunkline/reconciler/plan"
)

// defaultMaxRemovals is how many percent of an environment's releases one commit may remove unasked.
const defaultMaxRemovals = 50

func maxRemovals(c *catalog.Catalog, environment string) int {
	if env, ok := c.Environments[environment]; ok && env.Spec.MaxRemovals != nil {
		return *env.Spec.MaxRemovals
	}
	return defaultMaxRemovals
}

// Hold asks the gate whether a release may take the state that the catalog declares for it. What is known of the state
// and of the cluster stands in the input; what the environment says is added here. A release that it is promoted from
// has the state already unless it changes too.
func Hold(c *catalog.Catalog, id catalog.ReleaseID, in gate.Input, suspended bool, changes func(catalog.ReleaseID) bool) (gate.Verdict, error) {
	if suspended {
		return gate.Verdict{Hold: gate.Suspended, Reason: "it is left as it is until its project is not suspended any more"}, nil
	}
	env, ok := c.Environments[id.Environment]
	if !ok {
		return gate.Decide(in), nil
	}
	in.Protected = (in.Protected || env.Spec.Protected) && !slices.Contains(env.Spec.Removals, id.Project)
	in.Soak = time.Duration(env.Spec.Soak)
	var err error
	if in.Schedule, err = gate.NewSchedule(env.Spec); err != nil {
		return gate.Verdict{}, fmt.Errorf("environment %q: %w", id.Environment, err)
	}
	if p, ok := c.Project(id.Project); ok && !in.Remove {
		for _, source := range c.ReleasesOf(p) {
			if source.Environment == env.Spec.PromotesFrom && changes(source) {
				in.Sources = append(in.Sources, gate.Source{Release: source.String()})
			}
		}
	}
	return gate.Decide(in), nil
}

// DriftOf gives what the environment of a release says about drift.
func DriftOf(c *catalog.Catalog, id catalog.ReleaseID) plan.Drift {
	env, ok := c.Environments[id.Environment]
	if !ok {
		return plan.Drift{Correct: true}
	}
	return plan.Drift{Correct: env.Spec.Drift.Mode != v1alpha1.DriftReport, Ignore: env.Spec.Drift.Ignore}
}

// Digest identifies what a release renders to, as the inventory in the cluster has it; empty if it cannot be said.
func Digest(objects []*unstructured.Unstructured) string {
	h := sha256.New()
	for _, o := range objects {
		d, err := plan.Digest(o)
		if err != nil {
			return "" // planning says so
		}
		h.Write([]byte(d))
	}
	return hex.EncodeToString(h.Sum(nil))
}
