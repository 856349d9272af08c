// SPDX-License-Identifier: Apache-2.0

package render

import (
	"errors"
	"fmt"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/render/kinds"
)

// MisfitError says for what the API server would refuse an object.
type MisfitError struct {
	// Source is the template or file; empty if it is not known.
	Source     string
	Kind, Name string
	Fault      kinds.Fault
}

// Error implements error.
func (e *MisfitError) Error() string {
	text := fmt.Sprintf("%s %q: %s", e.Kind, e.Name, e.Wrong())
	if e.Source != "" {
		text = e.Source + ": " + text
	}
	if e.Fault.Hint != "" {
		text += " (" + e.Fault.Hint + ")"
	}
	return text
}

// Wrong says what is wrong with which field, without the hint.
func (e *MisfitError) Wrong() string {
	if len(e.Fault.Path) == 0 {
		return "the object " + e.Fault.Message
	}
	return v1alpha1.FieldPath(e.Fault.Path...) + " " + e.Fault.Message
}

// maxMisfits bounds what is said of one release: a mistake in a helper of a chart is in all that it renders.
const maxMisfits = 100

// misfits returns for what the API server would refuse the objects of the workloads.
func (f *finisher) misfits() error {
	cluster := kinds.Cluster{Version: f.rel.Kubernetes.Version, APIVersions: f.rel.Kubernetes.APIVersions}
	for _, m := range f.objects {
		if groupKind(m.Unstructured) == crdKind {
			cluster.Definitions.Add(m.Object)
		}
	}
	var wrong []error
	for _, m := range f.objects {
		if m.workload == "" || len(wrong) >= maxMisfits {
			continue
		}
		for _, fault := range kinds.Check(m.Object, cluster) {
			wrong = append(wrong, &WorkloadError{Workload: m.workload, Err: &MisfitError{m.source, m.GetKind(), m.GetName(), fault}})
		}
	}
	return errors.Join(wrong...)
}
