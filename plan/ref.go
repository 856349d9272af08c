// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Ref names an object in a cluster, whatever the version it is written in.
type Ref struct {
	schema.GroupKind
	Namespace string
	Name      string
}

// RefOf returns the name of an object.
func RefOf(o *unstructured.Unstructured) Ref {
	return Ref{GroupKind: o.GroupVersionKind().GroupKind(), Namespace: o.GetNamespace(), Name: o.GetName()}
}

// String returns "Kind.group namespace/name", without the parts that are empty.
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.GroupKind.String() + " " + r.Name
	}
	return r.GroupKind.String() + " " + r.Namespace + "/" + r.Name
}

// Compare orders by group, kind, namespace and name.
func (r Ref) Compare(o Ref) int {
	return cmp.Or(cmp.Compare(r.Group, o.Group), cmp.Compare(r.Kind, o.Kind),
		cmp.Compare(r.Namespace, o.Namespace), cmp.Compare(r.Name, o.Name))
}

// Version is the resource version of an object in the API server's store.
type Version string

// Before reports whether v is older than o. Versions are decimal numbers that grow (KEP-5504); one that is not is
// older than none.
func (v Version) Before(o Version) bool {
	a, errA := strconv.ParseUint(string(v), 10, 64)
	b, errB := strconv.ParseUint(string(o), 10, 64)
	return errA == nil && errB == nil && a < b
}
