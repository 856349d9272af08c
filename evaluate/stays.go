// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/render"
)

// stays finds the claims on volumes with which workloads begin on a cluster that move there from another one: with nothing in them, since what
// is in volumes does not move.
func (r *rendering) stays(p *catalog.Project, id catalog.ReleaseID, objects []*unstructured.Unstructured) (problems v1alpha1.Problems) {
	base := r.e.input.Base
	if base == nil || p.Spec.Environments[id.Environment].Cluster == nil {
		return nil
	}
	before, was := base.Project(p.Name)
	if !was {
		return nil
	}
	for _, o := range objects {
		claim := emptyClaim(o)
		workload := o.GetLabels()[render.LabelWorkload]
		if claim == "" || workload == "" {
			continue
		}
		from := base.PlacesOfWorkload(before, workload, id.Environment)
		if slices.Contains(from, id.Cluster) {
			continue
		}
		to := r.e.catalog.PlacesOfWorkload(p, workload, id.Environment)
		from = slices.DeleteFunc(from, func(cluster string) bool { return slices.Contains(to, cluster) })
		if len(from) == 0 {
			continue // it is on more clusters than it was, and on none less
		}
		problem := problemOf(p, o)
		problem.Rule, problem.Severity, problem.About.Environment = policy.RuleVolumes, v1alpha1.Deny, id.Environment
		problem.Message = fmt.Sprintf("%s %q: it moves in %q from the cluster %q to %q, and what is in the volumes of %s does not",
			o.GetKind(), o.GetName(), id.Environment, from[0], id.Cluster, claim)
		if drain := r.e.catalog.Drained(from[0]); drain != nil {
			problem.Message += fmt.Sprintf(" (drained: %s)", drain.Reason)
		}
		problem.Hint = fmt.Sprintf("keep it there by the condition of its project: where: name == '%s'; or copy the data, and then let it move by an exception of this rule", from[0])
		problems = append(problems, problem)
	}
	return problems
}

// emptyClaim names the claim on a volume of an object that nothing is in at first; empty if it has none. A claim that names its volume, or where
// its data come from, has what was put there.
func emptyClaim(o *unstructured.Unstructured) string {
	made := func(claim map[string]any) bool {
		for _, field := range []string{"volumeName", "dataSource", "dataSourceRef"} {
			if _, names, _ := unstructured.NestedFieldNoCopy(claim, "spec", field); names {
				return false
			}
		}
		class, named, _ := unstructured.NestedString(claim, "spec", "storageClassName")
		return !named || class != "" // without a class it gets a volume that someone has made
	}
	switch kind := o.GroupVersionKind().GroupKind().String(); kind {
	case "PersistentVolumeClaim":
		if made(o.Object) {
			return fmt.Sprintf("the claim %q", o.GetName())
		}
	case "StatefulSet.apps":
		templates, _, _ := unstructured.NestedSlice(o.Object, "spec", "volumeClaimTemplates")
		for _, t := range templates {
			if claim, ok := t.(map[string]any); ok && made(claim) {
				name, _, _ := unstructured.NestedString(claim, "metadata", "name")
				return fmt.Sprintf("the claim %q", name)
			}
		}
	}
	return ""
}
