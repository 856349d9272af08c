// SPDX-License-Identifier: Apache-2.0

package render

import (
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/catalog"
)

// Preview returns what a release of a preview renders to, with host names of its own, and these names: "orders.acme.dev" becomes
// "pr-7-orders.acme.dev", for which the same certificates and DNS records with a "*" hold. With those of the environment that it
// is derived from, it would get the requests that are meant for that.
func Preview(p *Packed, name string) (own *Packed, hosts []string, err error) {
	if !slices.ContainsFunc(p.Parts(), func(part Part) bool { return routes(part.GroupKind) }) {
		return p, nil, nil
	}
	objects, err := p.Unpack()
	if err != nil {
		return nil, nil, err
	}
	for _, o := range objects {
		if !routes(groupKind(o)) {
			continue
		}
		spec, _ := o.Object["spec"].(map[string]any)
		hosts = append(hosts, renameAll(spec["hostnames"], name)...)
		for _, rule := range mappings(spec["rules"]) {
			if host, ok := rule["host"].(string); ok && host != "" {
				rule["host"] = hostOf(host, name)
				hosts = append(hosts, hostOf(host, name))
			}
		}
		for _, tls := range mappings(spec["tls"]) {
			renameAll(tls["hosts"], name)
		}
	}
	own, err = Pack(objects)
	return own, hosts, err
}

// routes reports whether objects of a kind say for which host names requests are passed on.
func routes(gk schema.GroupKind) bool {
	return gk == schema.GroupKind{Group: "networking.k8s.io", Kind: "Ingress"} ||
		gk.Group == "gateway.networking.k8s.io" && strings.HasSuffix(gk.Kind, "Route")
}

// hostOf returns the host name of a preview in place of another one.
func hostOf(host, name string) string {
	label, rest, dotted := strings.Cut(host, ".")
	if label == "*" {
		label = name
	} else {
		label = name + "-" + label
	}
	label = catalog.Shorten(label)
	if dotted {
		return label + "." + rest
	}
	return label
}

// renameAll replaces host names in a list, and returns the new ones.
func renameAll(list any, name string) (hosts []string) {
	items, _ := list.([]any)
	for i, item := range items {
		if host, ok := item.(string); ok && host != "" {
			items[i] = hostOf(host, name)
			hosts = append(hosts, hostOf(host, name))
		}
	}
	return hosts
}

// mappings returns the mappings in a list.
func mappings(list any) (out []map[string]any) {
	items, _ := list.([]any)
	for _, item := range items {
		if m, ok := item.(map[string]any); ok {
			out = append(out, m)
		}
	}
	return out
}

// resting are the kinds of objects that run nothing by themselves.
var resting = map[schema.GroupKind]bool{
	{Kind: "Namespace"}: true, {Kind: "ServiceAccount"}: true, {Kind: "ConfigMap"}: true, {Kind: "Secret"}: true, {Kind: "Service"}: true,
	{Kind: "Endpoints"}: true, {Kind: "PersistentVolumeClaim"}: true, {Kind: "ResourceQuota"}: true, {Kind: "LimitRange"}: true,
	{Group: "networking.k8s.io", Kind: "Ingress"}:              true,
	{Group: "networking.k8s.io", Kind: "NetworkPolicy"}:        true,
	{Group: "discovery.k8s.io", Kind: "EndpointSlice"}:         true,
	{Group: "policy", Kind: "PodDisruptionBudget"}:             true,
	{Group: "rbac.authorization.k8s.io", Kind: "Role"}:         true,
	{Group: "rbac.authorization.k8s.io", Kind: "RoleBinding"}:  true,
	{Group: "gateway.networking.k8s.io", Kind: "HTTPRoute"}:    true,
	{Group: "snapshot.storage.k8s.io", Kind: "VolumeSnapshot"}: true,
}

// Asleep returns what a release renders to while it sleeps: what runs is scaled to nothing, schedules are suspended, and all that
// could run otherwise, such as Jobs and custom kinds of which nobody knows, is left out. What data is in stays.
func Asleep(p *Packed) (*Packed, error) {
	objects, err := p.Unpack()
	if err != nil {
		return nil, err
	}
	return Pack(slices.DeleteFunc(objects, func(o *unstructured.Unstructured) bool { return !rest(o) }))
}

// rest changes an object so that it runs nothing, and reports whether it can be.
func rest(o *unstructured.Unstructured) bool {
	gk := groupKind(o)
	if resting[gk] {
		return true
	}
	var field string
	var value any
	switch gk {
	case schema.GroupKind{Group: "apps", Kind: "Deployment"}, schema.GroupKind{Group: "apps", Kind: "StatefulSet"}, schema.GroupKind{Group: "apps", Kind: "ReplicaSet"}:
		field, value = "replicas", int64(0)
	case schema.GroupKind{Group: "batch", Kind: "CronJob"}:
		field, value = "suspend", true
	default:
		return false
	}
	return unstructured.SetNestedField(o.Object, value, "spec", field) == nil
}
