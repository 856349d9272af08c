// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"

	"trunkline.dev/trunkline/api/sealed"
)

// Fault is one thing for which the API server refuses an object.
type Fault struct {
	// Path leads to the field, by keys (string) and indexes (int); empty for the object as a whole.
	Path []any
	// Message completes a sentence that begins with the field. It has no value of a Secret.
	Message string
	// Hint says what to do; empty when that is not known.
	Hint string
	// Value is what the field has, to find it in a file.
	Value any
	// Unknown says that the field itself is what is wrong, whatever its value.
	Unknown bool
}

// Cluster is what is known of the cluster that an object is for.
type Cluster struct {
	// Version is that of its Kubernetes; empty if it declares none.
	Version string
	// APIVersions are what it is declared to serve, as "policy/v1beta1" or "policy/v1beta1/PodDisruptionBudget".
	APIVersions []string
	// Definitions are those that are applied with the object.
	Definitions Definitions
}

// Check returns all for which the API server of a cluster refuses an object because of its kind, its fields and their types;
// what its values mean is not looked at. Of a kind that is not one of Kubernetes' own its definition says what is right, and if
// there is none, nothing is known.
//
// What is refused is decided by the code of server-side apply: an object has to fit the table of fields of its kind, and to be
// read into its Go type. The rest only finds out where that fails.
func Check(o map[string]any, c Cluster) []Fault {
	if sealed.Is(o) {
		return nil // what it is once it is decrypted is not known
	}
	u := &unstructured.Unstructured{Object: o}
	gvk := u.GroupVersionKind()
	if c.Definitions.Defines(gvk.GroupKind()) {
		return c.Definitions.check(gvk, o)
	}
	if !group(gvk.Group) {
		return nil
	}
	k, known := find(gvk)
	if !known {
		return c.missing(gvk)
	}
	if fault, gone := c.gone(k); gone {
		return []Fault{fault}
	}
	return c.misfits(k, o)
}

// misfits returns the fields that do not fit their kind.
func (c Cluster) misfits(k kind, o map[string]any) []Fault {
	secret := k.Group == "" && k.Kind == "Secret"
	if k.fields != nil {
		if _, err := k.fields.FromUnstructured(o); err != nil {
			w := walker{schema: k.fields.Schema, kind: k.GroupVersionKind, secret: secret, newer: c.newer()}
			w.walk(k.fields.TypeRef, o, nil)
			if len(w.faults) > 0 || w.excused {
				return w.faults
			}
			return []Fault{{Message: oneLine(err.Error())}}
		}
	}
	if err := c.convert(k, o); err != nil {
		return c.unreadable(k, o, err)
	}
	return nil
}

// convert reads an object into the type of its kind, as the API server does with what it has merged. Where there is no table of
// fields, the type is asked for them.
func (c Cluster) convert(k kind, o map[string]any) error {
	strict := k.fields == nil && !c.newer()
	return runtime.DefaultUnstructuredConverter.FromUnstructuredWithValidation(o, k.object.DeepCopyObject(), strict)
}
