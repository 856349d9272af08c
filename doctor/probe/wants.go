// SPDX-License-Identifier: Apache-2.0

package probe

import (
	"context"
	"maps"
	"slices"
	"strings"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"

	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/reconciler/cluster"
)

// wants is what the releases of a cluster ask for beside kinds: by what it is, the first release that does.
type wants struct {
	// classes are storage classes; empty: the default one.
	classes map[string]string
	// selectors are node selectors.
	selectors map[string]string
	// scaled is the first release that is scaled by what it uses.
	scaled string
}

func newWants() wants { return wants{classes: map[string]string{}, selectors: map[string]string{}} }

// pods are where the specs of pods are in the objects that have some.
var pods = map[string][]string{
	"Pod": {"spec"}, "Deployment": {"spec", "template", "spec"}, "StatefulSet": {"spec", "template", "spec"}, "DaemonSet": {"spec", "template", "spec"},
	"ReplicaSet": {"spec", "template", "spec"}, "Job": {"spec", "template", "spec"}, "CronJob": {"spec", "jobTemplate", "spec", "template", "spec"},
}

// add notes what an object of a release asks for.
func (w *wants) add(o *unstructured.Unstructured, release string) {
	if at := pods[o.GetKind()]; at != nil {
		if selector, _, _ := unstructured.NestedStringMap(o.Object, append(slices.Clone(at), "nodeSelector")...); len(selector) > 0 {
			first(w.selectors, selectorText(selector), release)
		}
	}
	switch o.GetKind() {
	case "PersistentVolumeClaim":
		w.claim(o.Object, release)
	case "StatefulSet":
		templates, _, _ := unstructured.NestedSlice(o.Object, "spec", "volumeClaimTemplates")
		for _, t := range templates {
			if claim, ok := t.(map[string]any); ok {
				w.claim(claim, release)
			}
		}
	case "HorizontalPodAutoscaler":
		if w.scaled == "" {
			w.scaled = release
		}
	}
}

// claim notes the class of a claim. One that names the class "" takes a volume that is there already.
func (w *wants) claim(claim map[string]any, release string) {
	class, named, _ := unstructured.NestedString(claim, "spec", "storageClassName")
	if !named || class != "" {
		first(w.classes, class, release)
	}
}

func first(of map[string]string, what, release string) {
	if _, seen := of[what]; !seen {
		of[what] = release
	}
}

// selectorText is a node selector as people read it, in a fixed order.
func selectorText(selector map[string]string) string {
	parts := make([]string, 0, len(selector))
	for _, key := range slices.Sorted(maps.Keys(selector)) {
		parts = append(parts, key+"="+selector[key])
	}
	return strings.Join(parts, ",")
}

// stock is what a cluster has of storage classes and nodes.
type stock struct {
	// classes has the default one by the empty name, too.
	classes doctor.Fact[map[string]bool]
	nodes   doctor.Fact[[]map[string]string]
}

// What is listed, and how much of it at a time.
var (
	storageClasses = schema.GroupVersionResource{Group: "storage.k8s.io", Version: "v1", Resource: "storageclasses"}
	nodeResource   = schema.GroupVersionResource{Version: "v1", Resource: "nodes"}
)

const (
	perPage      = 500
	defaultClass = "storageclass.kubernetes.io/is-default-class"
)

// stockOf lists what a cluster has.
func stockOf(ctx context.Context, c cluster.Config) stock {
	unknown := func(err error) stock {
		return stock{doctor.Unknown[map[string]bool]("%v", err), doctor.Unknown[[]map[string]string]("%v", err)}
	}
	cfg, err := c.REST()
	if err != nil {
		return unknown(err)
	}
	client, err := dynamic.NewForConfig(cfg)
	if err != nil {
		return unknown(err)
	}
	var out stock
	classes := map[string]bool{}
	err = list(ctx, client, storageClasses, func(o *unstructured.Unstructured) {
		classes[o.GetName()] = true
		if o.GetAnnotations()[defaultClass] == "true" {
			classes[""] = true
		}
	})
	if out.classes = doctor.Known(classes); err != nil {
		out.classes = doctor.Unknown[map[string]bool]("its storage classes cannot be listed: %v", err)
	}
	var nodes []map[string]string
	err = list(ctx, client, nodeResource, func(o *unstructured.Unstructured) { nodes = append(nodes, o.GetLabels()) })
	if out.nodes = doctor.Known(nodes); err != nil {
		out.nodes = doctor.Unknown[[]map[string]string]("its nodes cannot be listed: %v", err)
	}
	return out
}

func list(ctx context.Context, client dynamic.Interface, of schema.GroupVersionResource, each func(*unstructured.Unstructured)) error {
	options := metav1.ListOptions{Limit: perPage}
	for {
		page, err := client.Resource(of).List(ctx, options)
		if err != nil {
			return err
		}
		for i := range page.Items {
			each(&page.Items[i])
		}
		if options.Continue = page.GetContinue(); options.Continue == "" {
			return nil
		}
	}
}

// lacks holds what releases ask for against what a cluster has.
func (n needed) lacks(out *doctor.Cluster, has stock, served cluster.Served) {
	of := func(asked map[string]string, missing func(string) bool, name func(string) string) doctor.Lacks {
		l := doctor.Lacks{Count: len(asked), Unrendered: n.unrendered}
		for _, what := range slices.Sorted(maps.Keys(asked)) {
			if missing(what) {
				l.Missing = append(l.Missing, doctor.Lack{What: name(what), Release: asked[what]})
			}
		}
		return l
	}
	out.Storage = doctor.Fact[doctor.Lacks]{Unknown: has.classes.Unknown}
	if has.classes.Value != nil {
		out.Storage = doctor.Known(of(n.wants.classes, func(class string) bool { return !(*has.classes.Value)[class] }, func(class string) string {
			if class == "" {
				return "by default"
			}
			return class
		}))
	}
	out.Machines = doctor.Fact[doctor.Lacks]{Unknown: has.nodes.Unknown}
	if has.nodes.Value != nil {
		out.Machines = doctor.Known(of(n.wants.selectors, func(selector string) bool {
			return !slices.ContainsFunc(*has.nodes.Value, func(labels map[string]string) bool { return fits(labels, selector) })
		}, func(selector string) string { return selector }))
	}
	scaled := map[string]string{}
	if n.wants.scaled != "" {
		scaled["metrics.k8s.io"] = n.wants.scaled
	}
	out.Metrics = doctor.Known(of(scaled, func(group string) bool {
		return !slices.ContainsFunc(served.APIVersions, func(v string) bool { return strings.HasPrefix(v, group+"/") })
	}, func(group string) string { return group }))
}

// fits reports whether a node has all labels of a selector.
func fits(labels map[string]string, selector string) bool {
	for part := range strings.SplitSeq(selector, ",") {
		key, value, _ := strings.Cut(part, "=")
		if is, has := labels[key]; !has || is != value {
			return false
		}
	}
	return true
}
