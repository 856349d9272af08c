// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/runtime/schema"
)

// Scope is where the objects of a release may be. What is rendered is held to the same before; this is the last look, at
// the very object that is about to be applied, with what the API server itself says of its kind. The zero value lets
// nothing pass.
type Scope struct {
	// Namespace is the release's own.
	Namespace string
	// Account is the service account in it as which the release is deployed; empty if there is none.
	Account string
	// ClusterScoped are the kinds without a namespace, and Namespaces those beside its own, that the environment allows.
	ClusterScoped []schema.GroupKind
	Namespaces    []string
	// System is the namespace that is nobody's but Trunkline's.
	System string
}

// Check refuses an object that is where the release may have none, with a [*ScopeError]. Whether its kind has namespaces is
// what the API server says. Own reports whether Trunkline itself wants the object.
func (s Scope) Check(ref Ref, clusterScoped, own bool) error {
	refused := func(why string, args ...any) error { return &ScopeError{Object: ref, Why: fmt.Sprintf(why, args...)} }
	switch {
	case s.Namespace == "":
		return refused("the release has no namespace")
	case isNamespace(ref):
		if ref.Name != s.Namespace || !own {
			return refused("the release's namespace is %q, and no other is its to make", s.Namespace)
		}
	case clusterScoped && ref.Namespace != "":
		return refused("objects of its kind belong to the whole cluster; to allow it, name %q in spec.allow of the environment", ref.GroupKind)
	case clusterScoped && !slices.Contains(s.ClusterScoped, ref.GroupKind):
		return refused("it belongs to the whole cluster; to allow it, name %q in spec.allow of the environment", ref.GroupKind)
	case clusterScoped:
	case ref.Namespace == "":
		return refused("objects of its kind live in a namespace, and it names none; take %q out of clusterScoped in spec.allow of the environment", ref.GroupKind)
	case ref.Namespace == s.System:
		return refused("the namespace %q is Trunkline's own", s.System)
	case ref.Namespace != s.Namespace && !slices.Contains(s.Namespaces, ref.Namespace):
		return refused("the release's namespace is %q; to allow another, name it in spec.allow of the environment", s.Namespace)
	case !own && ref == s.account():
		return refused("it is the account as which the release is deployed, and cannot be a part of it")
	}
	return nil
}

// account is the one as which the release is deployed.
func (s Scope) account() Ref {
	return Ref{GroupKind: schema.GroupKind{Kind: "ServiceAccount"}, Namespace: s.Namespace, Name: s.Account}
}

// namespaceRef names a namespace.
func namespaceRef(name string) Ref {
	return Ref{GroupKind: schema.GroupKind{Kind: "Namespace"}, Name: name}
}

func isNamespace(ref Ref) bool { return ref.GroupKind == schema.GroupKind{Kind: "Namespace"} }

// ScopeError says that an object is where its release may have none.
type ScopeError struct {
	Object Ref
	Why    string
}

// Error names the object.
func (e *ScopeError) Error() string { return fmt.Sprintf("%s is not applied: %s", e.Object, e.Why) }
