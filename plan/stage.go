// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// The stages: what later ones need, earlier ones bring.
const (
	stageNamespaces  = iota
	stageAccess      // what gives the release's account its rights
	stageDefinitions // what makes other kinds possible
	stageBasis       // what workloads refer to by name
	stageRest
)

// stage returns when a kind is applied.
func stage(kind schema.GroupKind) int {
	switch kind.Group {
	case "apiextensions.k8s.io":
		return stageDefinitions
	case "rbac.authorization.k8s.io", "scheduling.k8s.io", "storage.k8s.io":
		return stageBasis
	case "":
		switch kind.Kind {
		case "Namespace":
			return stageNamespaces
		case "ServiceAccount", "ConfigMap", "Secret", "PersistentVolume", "PersistentVolumeClaim", "ResourceQuota", "LimitRange":
			return stageBasis
		}
	}
	return stageRest
}

// The waves that an object can ask for.
const (
	minWave = -1000
	maxWave = 1000
)

// waveOf reads the wave of an object; 0 if it asks for none, or for one that is no number.
func waveOf(o *unstructured.Unstructured) int {
	n, err := strconv.Atoi(o.GetAnnotations()[WaveAnnotation])
	if err != nil {
		return 0
	}
	return min(max(n, minWave), maxWave)
}

// order puts the steps of the declared objects into stages. Namespaces, what gives an account its rights there, and
// definitions come first, whatever their wave. After them, a wave begins when all objects of the waves before are as declared, and healthy; until then its
// steps are blocked.
func (p *Plan) order(all []wanted) {
	slices.SortFunc(all, func(a, b wanted) int {
		return cmp.Or(cmp.Compare(a.turn().wave, b.turn().wave), cmp.Compare(a.turn().stage, b.turn().stage), a.step.Ref.Compare(b.step.Ref))
	})
	var last turn
	var before *wanted // the first that is not there yet
	for i := range all {
		w := &all[i]
		if before != nil && before.turn().wave < w.turn().wave && w.step.Object != nil {
			w.step = Step{Action: Blocked, Ref: w.step.Ref, Reason: Waiting, For: before.step.Ref, UID: w.step.UID, Version: w.step.Version, Origin: w.step.Origin}
		}
		if before == nil && !w.settled && !w.first() {
			before = w
		}
		switch w.step.Action {
		case "":
			p.Unchanged++
		case Keep, Blocked:
			p.Rest = append(p.Rest, w.step)
		case Create, Update, Adopt, Delete:
			if t := w.turn(); len(p.Apply) == 0 || t != last {
				p.Apply, last = append(p.Apply, nil), t
			}
			p.Apply[len(p.Apply)-1] = append(p.Apply[len(p.Apply)-1], w.step)
		}
	}
}

// turn is when an object is applied.
type turn struct{ wave, stage int }

// first reports whether an object comes before all waves.
func (w *wanted) first() bool { return w.stage() <= stageDefinitions }

func (w *wanted) stage() int {
	if w.access {
		return stageAccess
	}
	return stage(w.step.Ref.GroupKind)
}

func (w *wanted) turn() turn {
	s := w.stage()
	if w.first() {
		return turn{minWave - 1, s}
	}
	return turn{w.wave, s}
}

// definedGroup returns the group of the kind that a CustomResourceDefinition defines: deleting it deletes every
// object of the kind, whatever those objects say. It is "-", which is no group, for any other object.
func definedGroup(r Ref) string {
	if r.Kind != "CustomResourceDefinition" || r.Group != "apiextensions.k8s.io" {
		return "-"
	}
	_, group, _ := strings.Cut(r.Name, ".") // the API server holds the name to "plural.group"
	return group
}

func sortedKeys[V any](m map[int]V) []int { return slices.Sorted(maps.Keys(m)) }
