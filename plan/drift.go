// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/plan/ownership"
)

// Drift says what to do about fields that others have changed.
type Drift struct {
	// Correct takes them back; otherwise they are only reported.
	Correct bool
	// Ignore are those that others may change.
	Ignore []v1alpha1.DriftIgnore
	// Damped are fields that are not taken back just now, since someone takes them again and again: objects to
	// paths.
	Damped map[Ref][]field.Path
}

// rules are the settings, read.
type rules struct {
	drift  Drift
	ignore []ignoreRule
	// scaled are the objects of the release whose replicas an autoscaler of the release decides.
	scaled map[Ref]bool
}

type ignoreRule struct {
	kind, name string
	fields     []field.Path
}

func (d Drift) rules(desired []*unstructured.Unstructured) (rules, error) {
	r := rules{drift: d, scaled: map[Ref]bool{}}
	for _, i := range d.Ignore {
		rule := ignoreRule{kind: i.Kind, name: i.Name}
		for _, f := range i.Fields {
			p, err := field.ParsePattern(f)
			if err != nil {
				return rules{}, fmt.Errorf("reading what drift to ignore: %w", err)
			}
			rule.fields = append(rule.fields, p)
		}
		r.ignore = append(r.ignore, rule)
	}
	for _, o := range desired {
		if ref, ok := scaleTarget(o); ok {
			r.scaled[ref] = true
		}
	}
	return r, nil
}

// scaleTarget returns what an autoscaler scales: Kubernetes' own, or KEDA's.
func scaleTarget(o *unstructured.Unstructured) (Ref, bool) {
	gk := o.GroupVersionKind().GroupKind()
	if gk != (schema.GroupKind{Group: "autoscaling", Kind: "HorizontalPodAutoscaler"}) && gk != (schema.GroupKind{Group: "keda.sh", Kind: "ScaledObject"}) {
		return Ref{}, false
	}
	target, _, _ := unstructured.NestedMap(o.Object, "spec", "scaleTargetRef")
	kind, _ := target["kind"].(string)
	name, _ := target["name"].(string)
	version, _ := target["apiVersion"].(string)
	if kind == "" && gk.Group == "keda.sh" {
		kind, version = "Deployment", "apps/v1" // KEDA's default
	}
	gv, err := schema.ParseGroupVersion(version)
	if kind == "" || name == "" || err != nil {
		return Ref{}, false
	}
	return Ref{GroupKind: schema.GroupKind{Group: gv.Group, Kind: kind}, Namespace: o.GetNamespace(), Name: name}, true
}

var replicas = field.Path{{Field: "spec"}, {Field: "replicas"}}

// The autoscaler of Kubernetes runs in its controller manager, and writes replicas through the subresource.
const (
	controllerManager = "kube-controller-manager"
	scaleSubresource  = "scale"
)

// ignored reports whether others may change the field, without a word about it.
func (r rules) ignored(ref Ref, f ownership.Field) bool {
	if f.Path.Compare(replicas) == 0 && (r.scaled[ref] || f.Manager == controllerManager && f.Subresource == scaleSubresource) {
		return true
	}
	return slices.ContainsFunc(r.ignore, func(i ignoreRule) bool {
		return i.is(ref) && slices.ContainsFunc(i.fields, f.Path.Has)
	})
}

func (i ignoreRule) is(ref Ref) bool {
	if i.kind != "" && i.kind != ref.GroupKind.String() {
		return false
	}
	same, err := path.Match(i.name, ref.Name)
	return i.name == "" || err == nil && same
}

// correct reports whether the field is to be taken back now.
func (r rules) correct(ref Ref, f ownership.Field) bool {
	return r.drift.Correct && r.mayCorrect(ref, f)
}

// mayCorrect reports whether there is no fight about the field that is to cool down.
func (r rules) mayCorrect(ref Ref, f ownership.Field) bool {
	return !slices.ContainsFunc(r.drift.Damped[ref], func(p field.Path) bool { return p.Compare(f.Path) == 0 })
}
