// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/terms"
	"trunkline.dev/trunkline/render"
)

// Hold asks the gate whether a release may take the state that the catalog declares for it. What is known of the state
// and of the cluster stands in the input; what the environment says is added here. A release that it waits for has the
// state already unless it changes too.
func Hold(c *catalog.Catalog, id catalog.ReleaseID, in gate.Input, suspended bool, changes func(catalog.ReleaseID) bool) (gate.Verdict, error) {
	if suspended {
		return gate.Verdict{Hold: gate.Suspended, Reason: "it is left as it is until its project is not suspended any more"}, nil
	}
	t, err := terms.Of(c, id)
	if err != nil {
		return gate.Verdict{}, err
	}
	in.Protected = (in.Protected || t.Protected) && !t.Named
	in.Soak, in.Schedule = t.Soak, t.Schedule
	if in.Shrinks != nil {
		s := *in.Shrinks
		s.Environment, s.Max = id.Environment, t.MaxRemovals
		in.Shrinks = &s
	}
	if !in.Remove {
		in.Sources, in.Needs = waiting(t.Sources, changes), waiting(t.Needs, changes)
	} else if t.Moved {
		in.Moves, in.Needs = true, waiting(t.Needs, changes)
	}
	return gate.Decide(in), nil
}

// waiting are those of the releases that change too, before any of them has.
func waiting(ids []catalog.ReleaseID, changes func(catalog.ReleaseID) bool) (sources []gate.Source) {
	for _, id := range ids {
		if changes(id) {
			sources = append(sources, gate.Source{Release: id.String()})
		}
	}
	return sources
}

// Digest identifies what a release renders to, as the inventory in the cluster has it; empty if it cannot be said.
func Digest(objects []*unstructured.Unstructured) string { return pack(objects).Digest() }

func pack(objects []*unstructured.Unstructured) *render.Packed {
	packed, err := render.Pack(objects)
	if err != nil {
		return nil // planning says so
	}
	return packed
}
