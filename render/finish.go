// SPDX-License-Identifier: Apache-2.0

package render

import (
	"cmp"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/api/sealed"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render/helm"
	"trunkline.dev/trunkline/render/internal/manifest"
)

// finisher collects the objects of a release and does to each what [Renderer.Render] says.
type finisher struct {
	rel      catalog.Release
	objects  []member
	warnings []Warning
	// kinds are those that the release's own CustomResourceDefinitions declare.
	kinds map[schema.GroupKind]scope
}

// member is an object together with where it comes from.
type member struct {
	*unstructured.Unstructured

	workload, source string
}

func newFinisher(rel catalog.Release) *finisher {
	return &finisher{rel: rel, kinds: map[schema.GroupKind]scope{}}
}

// addOwn takes the objects of the release itself, which are as they should be.
func (f *finisher) addOwn(objects []*unstructured.Unstructured) error {
	for _, o := range objects {
		if o.GetName() == "" {
			return fmt.Errorf("the release has no name for its %s", o.GetKind())
		}
		setLabels(o, releaseLabels(f.rel))
		f.objects = append(f.objects, member{o, "", ""})
	}
	return nil
}

func (f *finisher) warn(workload string, warnings ...manifest.Warning) {
	for _, w := range warnings {
		f.warnings = append(f.warnings, Warning{workload, w.Source, w.Line, w.Message})
	}
}

// add takes the objects that an engine gave for a workload. All that is wrong with them is reported.
func (f *finisher) add(workload string, objects []manifest.Object) error {
	var wrong []error
	for _, o := range objects {
		items, err := flatten(o)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		for _, item := range items {
			if err := f.check(item); err != nil {
				wrong = append(wrong, located(item, err))
				continue
			}
			keep, odd := helm.PlaceHook(item) // of charts that were rendered to files; others have none any more
			if !keep && len(odd) == 0 {
				odd = []string{fmt.Sprintf("the %s %q is a Helm hook of tests (helm.sh/hook: %s): it is left out", item.GetKind(), item.GetName(), item.GetAnnotations()["helm.sh/hook"])}
			}
			if keep {
				var more []string
				keep, more = honour(item.Unstructured)
				odd = append(odd, more...)
			}
			for _, message := range odd {
				f.warn(workload, manifest.Warning{Source: item.Source, Message: message})
			}
			if !keep {
				continue
			}
			f.declare(item)
			f.objects = append(f.objects, member{item.Unstructured, workload, item.Source})
		}
		if len(f.objects) > MaxObjects {
			return fmt.Errorf("the release has more than %d objects", MaxObjects)
		}
	}
	return errors.Join(wrong...)
}

// located says which object an error is about, and where it comes from.
func located(o manifest.Object, err error) error {
	what := "an object"
	if o.GetKind() != "" {
		what = fmt.Sprintf("%s %q", o.GetKind(), o.GetName())
	}
	if o.Source != "" {
		what = o.Source + ": " + what
	}
	return fmt.Errorf("%s %w", what, err)
}

// flatten takes the items out of lists.
func flatten(o manifest.Object) ([]manifest.Object, error) {
	items, isList := o.Object["items"].([]any)
	if !isList || !strings.HasSuffix(o.GetKind(), "List") {
		return []manifest.Object{o}, nil
	}
	var out []manifest.Object
	for i, item := range items {
		content, ok := item.(map[string]any)
		if !ok {
			return nil, located(o, fmt.Errorf("has items[%d] that is not an object", i))
		}
		out = append(out, manifest.Object{Unstructured: &unstructured.Unstructured{Object: content}, Source: o.Source})
	}
	return out, nil
}

// filled are the fields that the API server fills. Objects that were exported from a cluster have them; to
// apply them would be to contradict the server.
var filled = []string{
	"managedFields", "uid", "resourceVersion", "generation", "creationTimestamp", "selfLink",
	"deletionTimestamp", "deletionGracePeriodSeconds",
}

// check refuses an object that cannot be part of a release, and takes out what the API server fills.
func (f *finisher) check(o manifest.Object) error {
	metadata, _ := o.Object["metadata"].(map[string]any)
	if err := sealed.Check(o.Object); err != nil {
		return err
	}
	switch {
	case o.GetAPIVersion() == "":
		return errors.New("has no apiVersion")
	case o.GetKind() == "":
		return errors.New("has no kind")
	case metadata["generateName"] != nil:
		return errors.New("has metadata.generateName: it would be another object each time; give it a name")
	case o.GetName() == "":
		return errors.New("has no metadata.name")
	case metadata["ownerReferences"] != nil:
		return errors.New("has metadata.ownerReferences: what owns it is decided in the cluster, not in a file")
	}
	if _, err := schema.ParseGroupVersion(o.GetAPIVersion()); err != nil {
		return fmt.Errorf("has an invalid apiVersion: %q", o.GetAPIVersion())
	}
	if err := checkText(metadata); err != nil {
		return err
	}
	if err := checkReserved(f.rel, o.Object); err != nil {
		return err
	}
	for _, field := range filled {
		delete(metadata, field)
	}
	delete(o.Object, "status")
	return nil
}

// checkText holds labels and annotations to be texts and none of those that others decide by.
func checkText(metadata map[string]any) error {
	for _, field := range []string{"labels", "annotations"} {
		if metadata[field] == nil {
			delete(metadata, field) // as templates leave it when there is nothing to say
			continue
		}
		table, ok := metadata[field].(map[string]any)
		if !ok {
			return fmt.Errorf("has metadata.%s that is not a mapping", field)
		}
		for _, key := range slices.Sorted(maps.Keys(table)) {
			if _, isText := table[key].(string); !isText {
				return fmt.Errorf("has metadata.%s[%q] that is not a string: put it in quotes", field, key)
			}
			if strings.HasPrefix(key, podSecurity) {
				return fmt.Errorf("sets %s in metadata.%s: %s* is set by Trunkline only", key, field, podSecurity)
			}
		}
	}
	return nil
}

// declare remembers the kind that a CustomResourceDefinition defines.
func (f *finisher) declare(o manifest.Object) {
	if groupKind(o.Unstructured) != crdKind {
		return
	}
	spec, _ := o.Object["spec"].(map[string]any)
	names, _ := spec["names"].(map[string]any)
	group, _ := spec["group"].(string)
	kind, _ := names["kind"].(string)
	f.kinds[schema.GroupKind{Group: group, Kind: kind}] = scope(spec["scope"] == "Cluster")
}

// defined returns the versions of APIs that the definitions of the release define, without the known ones. There are none
// if no workload is a chart, which would ask for them.
func (f *finisher) defined(known []string) (out []string) {
	if !slices.ContainsFunc(f.rel.Workloads, func(w catalog.Workload) bool {
		return w.Blueprint != nil && w.Blueprint.Spec.Engine == v1alpha1.Helm
	}) {
		return nil
	}
	for _, m := range f.objects {
		if groupKind(m.Unstructured) != crdKind {
			continue
		}
		spec, _ := m.Object["spec"].(map[string]any)
		names, _ := spec["names"].(map[string]any)
		versions, _ := spec["versions"].([]any)
		for _, v := range versions {
			v, _ := v.(map[string]any)
			if v["served"] == true {
				version := fmt.Sprintf("%v/%v", spec["group"], v["name"])
				out = append(out, version, fmt.Sprintf("%s/%v", version, names["kind"]))
			}
		}
	}
	slices.Sort(out)
	return slices.DeleteFunc(slices.Compact(out), func(v string) bool { return slices.Contains(known, v) })
}

// finish does what needs all objects to be known: scope, namespace, labels, duplicates and order.
func (f *finisher) finish() ([]*unstructured.Unstructured, error) {
	var wrong []error
	seen := map[Identity]member{}
	size := 0
	out := make([]*unstructured.Unstructured, 0, len(f.objects))
	for _, m := range f.objects {
		if m.workload != "" {
			if err := f.place(m); err != nil {
				err = located(manifest.Object{Unstructured: m.Unstructured, Source: m.source}, err)
				wrong = append(wrong, &WorkloadError{Workload: m.workload, Err: err})
				continue
			}
			setLabels(m.Unstructured, identity(f.rel, m.workload))
			noteReplays(m.Unstructured, f.rel, m.workload)
		}
		id := identityOf(m.Unstructured)
		if other, twice := seen[id]; twice && other.workload == "" && m.workload != "" && m.GetKind() == "ServiceAccount" {
			takeAccount(other.Unstructured, m.Unstructured)
			seen[id] = m
			continue
		} else if twice {
			wrong = append(wrong, &WorkloadError{Workload: m.workload, named: true, Err: fmt.Errorf("%s %q is rendered twice: by %s and by %s",
				m.GetKind(), m.GetName(), other.from(), m.from())})
			continue
		}
		seen[id] = m
		bytes, err := sizeOf(m.Object)
		if err != nil {
			wrong = append(wrong, err)
			continue
		}
		if size += bytes; size > MaxBytes {
			return nil, fmt.Errorf("the objects of the release have more than %d MiB together", MaxBytes>>20)
		}
		out = append(out, m.Unstructured)
	}
	if err := errors.Join(wrong...); err != nil {
		return nil, err
	}
	slices.SortStableFunc(out, compareObjects)
	return out, nil
}

// from names what rendered an object.
func (m member) from() string {
	if m.workload == "" {
		return "the release itself"
	}
	if m.source == "" {
		return fmt.Sprintf("workload %q", m.workload)
	}
	return fmt.Sprintf("workload %q (%s)", m.workload, m.source)
}

// place puts an object into the namespace of the release, if it is of a kind that lives in one, and refuses what the
// environment does not allow.
func (f *finisher) place(m member) error {
	gk := groupKind(m.Unstructured)
	s, known := f.kinds[gk]
	if !known {
		// What the environment allows as such is known to belong to the whole cluster: kinds of add-ons can only be told so.
		s = builtinScope(gk) || scope(slices.Contains(f.rel.Allowed.ClusterScoped, gk))
	}
	if s == clusterScoped {
		switch {
		case gk.Group == "" && gk.Kind == "Namespace":
			return errors.New("cannot be part of a workload: a release has one namespace, which Trunkline creates")
		case !slices.Contains(f.rel.Allowed.ClusterScoped, gk):
			return fmt.Errorf("belongs to the whole cluster, and a release has objects in its own namespace only; "+
				"to allow it, name %q in spec.allow of environment %q", gk, f.rel.ID.Environment)
		}
		m.SetNamespace("")
		return nil
	}
	ns := cmp.Or(m.GetNamespace(), f.rel.Namespace)
	if ns != f.rel.Namespace && !slices.Contains(f.rel.Allowed.Namespaces, ns) {
		return fmt.Errorf("names the namespace %q, but the release's is %q; to allow it, name it in spec.allow of environment %q",
			ns, f.rel.Namespace, f.rel.ID.Environment)
	}
	m.SetNamespace(ns)
	return nil
}

// takeAccount has a service account of the release be the one that a workload declares: charts bring their own. What the
// environment says about it counts, which is who its pods are in the cloud.
func takeAccount(own, declared *unstructured.Unstructured) {
	annotations, labels := declared.GetAnnotations(), declared.GetLabels()
	if annotations == nil {
		annotations = map[string]string{}
	}
	maps.Copy(annotations, own.GetAnnotations())
	own.Object = declared.Object
	if len(annotations) > 0 {
		own.SetAnnotations(annotations)
	}
	own.SetLabels(labels)
}

func setLabels(o *unstructured.Unstructured, labels map[string]string) {
	all := o.GetLabels()
	if all == nil {
		all = map[string]string{}
	}
	maps.Copy(all, labels)
	o.SetLabels(all)
}
