// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/render/helm"
	"trunkline.dev/trunkline/render/kustomize"
	"trunkline.dev/trunkline/render/substitute"
	"trunkline.dev/trunkline/scaffold"
)

// environment is one of those to declare.
type environment struct {
	name, cluster string
	// levels are the Pod Security Standards of namespaces that name one.
	levels map[string]string
	ignore []ignored
	// uncorrected and corrected count the units that leave drift alone, and those that do not.
	uncorrected, corrected int
	// timeout is the longest that anything may take.
	timeout time.Duration
	// kinds are the cluster-scoped custom kinds that definitions in the tree define.
	kinds map[schema.GroupKind]bool
}

// ignored are fields that others may change.
type ignored struct {
	Kind   string   `yaml:"kind,omitempty"`
	Name   string   `yaml:"name,omitempty"`
	Fields []string `yaml:"fields"`
}

// environment returns the one of a name, which is on a cluster.
func (m *migration) environment(name, cluster string) *environment {
	if e, ok := m.envs[name]; ok {
		return e
	}
	e := &environment{
		name: name, cluster: cluster, levels: map[string]string{}, kinds: map[schema.GroupKind]bool{},
	}
	m.envs[name] = e
	return e
}

// defaultTimeout is how long a release may take to become healthy if nothing is said.
const defaultTimeout = 10 * time.Minute

// patient has releases of the environment take as long as something may, which others write as a duration of Go.
func (e *environment) patient(timeout string) {
	if d, err := time.ParseDuration(timeout); err == nil {
		e.timeout = max(e.timeout, d)
	}
}

// unit is what renders objects for one namespace of one environment, and so becomes a workload there.
type unit struct {
	// of is the object that it is made of, and name that of the workload.
	of   Object
	name string
	env  *environment
	// namespace is where its objects go. Home is set if that cannot be the namespace of a release.
	namespace, home string
	// keys are what others can wait for, and needs what it waits for itself.
	keys, needs []string
	suspended   bool
	objects     []Object

	// overlay is what is built; nil for a chart with its values, and for a program.
	overlay *overlay
	chart   *chart
	values  map[string]any
	program *program
}

// add takes a unit, with what it renders to.
func (m *migration) add(u *unit, objects []Object) {
	u.objects = objects
	switch {
	case u.chart != nil && reservedNamespace(u.namespace):
		m.note(u.of, "", fmt.Sprintf("it is in the namespace %q, which cannot be that of a release", u.namespace),
			"install the chart in a namespace of its own; spec.allow.namespaces of an environment allows objects in others")
		return
	case u.program != nil && reservedNamespace(u.namespace):
		m.note(u.of, "", fmt.Sprintf("it is in the namespace %q, which cannot be that of a release", u.namespace),
			"give it a namespace of its own; spec.allow.namespaces of an environment allows objects in others")
		return
	case u.chart != nil && label(u.name) != u.name:
		m.note(u.of, "", fmt.Sprintf("the release %q cannot be the name of a workload", u.name), "use lower-case letters, digits and dashes")
		return
	case reservedNamespace(u.namespace):
		u.home, u.overlay.namespace = u.name, u.namespace
	}
	m.units = append(m.units, u)
}

// beyond returns what a unit has beyond its own namespace: cluster-scoped kinds, and other namespaces.
func (u *unit) beyond() (kinds, namespaces []string) {
	for _, o := range u.objects {
		gk := o.GroupVersionKind().GroupKind()
		switch ns := o.GetNamespace(); {
		case render.ClusterScoped(gk) || u.env.kinds[gk] || ns == "" && likelyClusterScoped(gk):
			kinds = append(kinds, gk.String())
		case ns != "" && (ns != u.namespace || u.home != ""):
			namespaces = append(namespaces, ns)
		}
	}
	if u.home != "" {
		namespaces = append(namespaces, u.namespace)
	}
	return kinds, namespaces
}

// likelyClusterScoped guesses from the name of a custom kind, as in ClusterIssuer: its definition is not in the tree.
func likelyClusterScoped(gk schema.GroupKind) bool {
	return strings.Contains(gk.Group, ".") && !strings.HasSuffix(gk.Group, ".k8s.io") && strings.HasPrefix(gk.Kind, "Cluster") && gk.Kind != "Cluster"
}

func reservedNamespace(ns string) bool {
	return ns == "" || ns == "default" || ns == "trunkline-system" || strings.HasPrefix(ns, "kube-")
}

// defined notes the custom kinds of the whole cluster that objects define.
func (e *environment) defined(objects []Object) {
	for _, o := range objects {
		if o.GetKind() == "CustomResourceDefinition" && text(o.Object, "spec", "scope") == "Cluster" {
			e.kinds[schema.GroupKind{Group: text(o.Object, "spec", "group"), Kind: text(o.Object, "spec", "names", "kind")}] = true
		}
	}
}

// built returns what an overlay makes, with its variables replaced. Those without a value are empty in Flux, and get
// that value here.
func (m *migration) built(of Object, o *overlay) ([]Object, error) {
	tree, dir := m.Tree, o.dir
	if !o.plain() {
		dir = ".trunkline-migrate"
		data, err := o.kustomization(dir)
		if err != nil {
			return nil, err
		}
		tree = scaffold.Overlay(tree, []scaffold.File{{Path: dir + "/kustomization.yaml", Data: data}})
	}
	objects, err := kustomize.Render(m.ctx, kustomize.Input{FS: tree, Dir: dir, Trace: true})
	if err != nil {
		return nil, err
	}
	out := make([]Object, len(objects))
	for i, object := range objects {
		out[i] = Object{object.Unstructured, object.Source}
	}
	if len(o.substitute) == 0 {
		return out, nil
	}
	for i, object := range out {
		for _, name := range substitute.Undefined(object.Unstructured, o.substitute) {
			o.substitute[name] = ""
			m.note(of, "spec.postBuild", fmt.Sprintf("the variable %q has no value and no default (%s uses it), which is an error here; it is written as an empty one",
				name, describe(object)), "give it a value in params.substitute, or a default where it is used")
		}
		replaced, err := substitute.Object(object.Unstructured, o.substitute)
		if err != nil {
			return nil, fmt.Errorf("%s: %w", describe(object), err)
		}
		out[i].Unstructured = replaced
	}
	return out, nil
}

// templated returns what a chart makes.
func (m *migration) templated(dir, name, namespace string, values map[string]any) ([]Object, error) {
	result, err := helm.Render(m.ctx, helm.Input{FS: m.Tree, Dir: dir, Name: name, Namespace: namespace, Values: values})
	if err != nil {
		return nil, err
	}
	out := make([]Object, len(result.Objects))
	for i, o := range result.Objects {
		out[i] = Object{&unstructured.Unstructured{Object: o.Object}, ""}
	}
	return out, nil
}

// invalid are the characters that a name cannot have.
var invalid = regexp.MustCompile(`[^a-z0-9]+`)

// label makes a valid name of a text.
func label(s string) string {
	s = strings.Trim(invalid.ReplaceAllString(strings.ToLower(s), "-"), "-")
	if len(s) > 63 {
		s = strings.Trim(s[:63], "-")
	}
	return s
}

// merge lays values over others, as Helm does with files of values.
func merge(under, over map[string]any) map[string]any {
	out := maps.Clone(under)
	if out == nil {
		out = map[string]any{}
	}
	for _, key := range slices.Sorted(maps.Keys(over)) {
		a, aIs := out[key].(map[string]any)
		b, bIs := over[key].(map[string]any)
		if aIs && bIs {
			out[key] = merge(a, b)
		} else {
			out[key] = runtime.DeepCopyJSONValue(over[key]) // parameters are set in it
		}
	}
	return out
}
