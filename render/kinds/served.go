// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/util/version"
	kubeversion "k8s.io/apimachinery/pkg/version"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// assumed is the version of Kubernetes, 1.assumed, of a cluster that declares none: the one that charts are told then.
const assumed = 36

// supported is how many versions of Kubernetes before its own the package knows well: it cannot tell when a version of an API
// went that was gone before them.
const supported = 3

// declare is the hint for a cluster of which something else is known than what it declares.
const declare = "if the cluster has another version of Kubernetes, say so in spec.kubeVersion of its declaration"

// minor is the version of the cluster's Kubernetes, and whether it is declared.
func (c Cluster) minor() (minor int, declared bool) {
	v, err := version.ParseGeneric(c.Version)
	if err != nil || v.Major() != 1 {
		return assumed, false
	}
	return int(v.Minor()), true
}

// newer reports whether the cluster is declared to have a Kubernetes that may have what the package does not know.
func (c Cluster) newer() bool {
	minor, declared := c.minor()
	return declared && minor > Minor
}

// serves reports whether the cluster is declared to serve a version of a kind.
func (c Cluster) serves(gvk schema.GroupVersionKind) bool {
	gv := gvk.GroupVersion().String()
	return slices.Contains(c.APIVersions, gv) || slices.Contains(c.APIVersions, gv+"/"+gvk.Kind)
}

// gone finds out that the cluster serves a kind no longer in a version, or not yet.
func (c Cluster) gone(k kind) (Fault, bool) {
	minor, declared := c.minor()
	if c.serves(k.GroupVersionKind) {
		return Fault{}, false
	}
	fault := Fault{Path: []any{"apiVersion"}, Value: k.GroupVersion().String()}
	if o, ok := k.object.(interface{ APILifecycleRemoved() (major, minor int) }); ok {
		if _, removed := o.APILifecycleRemoved(); removed <= minor {
			fault.Message = fmt.Sprintf("is %s, and Kubernetes has no %s of that version since 1.%d", k.GroupVersion(), k.Kind, removed)
			fault.Hint = c.instead(k.GroupVersionKind)
			if r, ok := k.object.(interface {
				APILifecycleReplacement() schema.GroupVersionKind
			}); ok {
				fault.Hint = write(k.GroupVersionKind, r.APILifecycleReplacement())
			}
			if !declared {
				fault.Hint = strings.TrimPrefix(fault.Hint+"; "+declare, "; ")
			}
			return fault, true
		}
	}
	if o, ok := k.object.(interface{ APILifecycleIntroduced() (major, minor int) }); ok && declared {
		if _, introduced := o.APILifecycleIntroduced(); introduced > minor {
			fault.Message = fmt.Sprintf("is %s, and Kubernetes has %s of that version since 1.%d; the cluster has %s", k.GroupVersion(), k.Kind, introduced, c.Version)
			fault.Hint = c.instead(k.GroupVersionKind)
			return fault, true
		}
	}
	return Fault{}, false
}

// missing finds out that no Kubernetes of today has a kind in a version, or at all, though its group is one of its own.
func (c Cluster) missing(gvk schema.GroupVersionKind) []Fault {
	minor, _ := c.minor()
	if c.newer() || minor < Minor-supported || c.serves(gvk) || strings.Contains(gvk.Version, "alpha") {
		return nil
	}
	fault := Fault{Path: []any{"apiVersion"}, Value: gvk.GroupVersion().String()}
	if instead := c.instead(gvk); instead != "" {
		fault.Message = fmt.Sprintf("is %s, and Kubernetes has no %s of that version", gvk.GroupVersion(), gvk.Kind)
		fault.Hint = instead
		return []Fault{fault}
	}
	kinds := kindsOf(gvk.GroupVersion())
	if len(kinds) == 0 {
		fault.Message = fmt.Sprintf("is %s, and Kubernetes has no such version", gvk.GroupVersion())
		fault.Hint = v1alpha1.Suggest(gvk.GroupVersion().String(), versionsOf(gvk.Group))
		return []Fault{fault}
	}
	return []Fault{{
		Path: []any{"kind"}, Value: gvk.Kind,
		Message: fmt.Sprintf("is %s, and Kubernetes has no such kind in %s", gvk.Kind, gvk.GroupVersion()),
		Hint:    v1alpha1.DidYouMean(gvk.Kind, kinds),
	}}
}

// instead says in which version of which group the cluster has a kind; empty if it has none of the name.
func (c Cluster) instead(gvk schema.GroupVersionKind) string {
	minor, _ := c.minor()
	var found []schema.GroupVersionKind
	for _, s := range schemes() {
		for other := range s.AllKnownTypes() {
			if other.Kind != gvk.Kind || other.Version == "__internal" || other == gvk {
				continue
			}
			k, _ := find(other)
			if o, ok := k.object.(interface{ APILifecycleRemoved() (major, minor int) }); ok {
				if _, removed := o.APILifecycleRemoved(); removed <= minor {
					continue
				}
			}
			found = append(found, other)
		}
	}
	if len(found) == 0 {
		return ""
	}
	// The same group is nearer than another one, and the most stable version is best.
	slices.SortFunc(found, func(a, b schema.GroupVersionKind) int {
		if (a.Group == gvk.Group) != (b.Group == gvk.Group) {
			if a.Group == gvk.Group {
				return -1
			}
			return 1
		}
		if order := -kubeversion.CompareKubeAwareVersionStrings(a.Version, b.Version); order != 0 {
			return order
		}
		return strings.Compare(a.Group, b.Group)
	})
	return write(gvk, found[0])
}

// write says what to write for a kind.
func write(was, is schema.GroupVersionKind) string {
	if is.Kind != was.Kind {
		return fmt.Sprintf("it is %s of %s now", is.Kind, is.GroupVersion())
	}
	return fmt.Sprintf("it is %s now: write that, and look at the fields, which may be others", is.GroupVersion())
}

// kindsOf returns the kinds of objects that a version of a group has.
func kindsOf(gv schema.GroupVersion) (names []string) {
	for _, s := range schemes() {
		for name := range s.KnownTypes(gv) {
			k, _ := find(gv.WithKind(name))
			if _, isObject := k.object.(interface{ GetName() string }); isObject {
				names = append(names, name)
			}
		}
	}
	return names
}

// versionsOf returns the versions of a group.
func versionsOf(group string) (versions []string) {
	for _, s := range schemes() {
		for _, gv := range s.PrioritizedVersionsForGroup(group) {
			versions = append(versions, gv.String())
		}
	}
	slices.Sort(versions)
	return slices.Compact(versions)
}
