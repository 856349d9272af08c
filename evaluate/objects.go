// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"fmt"
	"maps"
	"path"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/confidential"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/render"
)

// templates are where the kinds that run pods have what they run them by.
var templates = map[string][]string{
	"Pod": {"spec"}, "PodTemplate": {"template", "spec"}, "ReplicationController": {"spec", "template", "spec"},
	"Deployment.apps": {"spec", "template", "spec"}, "ReplicaSet.apps": {"spec", "template", "spec"}, "StatefulSet.apps": {"spec", "template", "spec"},
	"DaemonSet.apps": {"spec", "template", "spec"}, "Job.batch": {"spec", "template", "spec"}, "CronJob.batch": {"spec", "jobTemplate", "spec", "template", "spec"},
}

// inspect returns what is wrong with the objects of a release that no API server would say: images that can be none, and secrets
// in clear.
func inspect(p *catalog.Project, objects []*unstructured.Unstructured) (problems v1alpha1.Problems) {
	i := inspection{project: p, declared: declaredTexts(p)}
	for _, o := range objects {
		i.object = o
		if where, runs := templates[o.GroupVersionKind().GroupKind().String()]; runs {
			i.pod(where)
		}
		if o.GetKind() == "ConfigMap" && o.GroupVersionKind().Group == "" {
			data, _, _ := unstructured.NestedMap(o.Object, "data")
			for _, key := range slices.Sorted(maps.Keys(data)) {
				text, _ := data[key].(string)
				i.secret(key, text, fmt.Sprintf("the value of %q", key))
			}
		}
	}
	return i.problems
}

// inspection is one run of [inspect].
type inspection struct {
	project  *catalog.Project
	object   *unstructured.Unstructured
	declared map[string]bool
	problems v1alpha1.Problems
}

// declaredTexts are the images, values of variables and params that a project declares itself, where they are looked at.
func declaredTexts(p *catalog.Project) map[string]bool {
	out := map[string]bool{p.Spec.Image.Reference(): true}
	add := func(image v1alpha1.Image, env map[string]string, params map[string]any) {
		out[image.Reference()] = true
		for _, value := range env {
			out[value] = true
		}
		addTexts(out, params)
	}
	for i := range p.Spec.Workloads {
		add(p.Spec.Workloads[i].Image, p.Spec.Workloads[i].Env, p.Spec.Workloads[i].Params)
	}
	for _, over := range p.Spec.Environments {
		out[over.Image.Reference()] = true
		for _, mine := range over.Workloads {
			add(mine.Image, mine.Env, mine.Params)
		}
	}
	return out
}

// addTexts adds all texts below a value.
func addTexts(out map[string]bool, value any) {
	switch v := value.(type) {
	case map[string]any:
		for _, below := range v {
			addTexts(out, below)
		}
	case []any:
		for _, below := range v {
			addTexts(out, below)
		}
	case string:
		out[v] = true
	}
}

// pod looks at the containers of a pod, or of a template of pods.
func (i *inspection) pod(where []string) {
	spec, _, _ := unstructured.NestedMap(i.object.Object, where...)
	for _, field := range []string{"initContainers", "containers", "ephemeralContainers"} {
		containers, _ := spec[field].([]any)
		for _, c := range containers {
			container, _ := c.(map[string]any)
			name, _ := container["name"].(string)
			image, _ := container["image"].(string)
			if message, hint := policy.WrongImage(image); message != "" && !i.declared[image] {
				i.add(policy.RuleImage, v1alpha1.Deny, fmt.Sprintf("the image of the container %q: %s", name, message), hint)
			}
			variables, _ := container["env"].([]any)
			for _, v := range variables {
				variable, _ := v.(map[string]any)
				key, _ := variable["name"].(string)
				value, _ := variable["value"].(string)
				i.secret(key, value, fmt.Sprintf("the variable %q of the container %q", key, name))
			}
		}
	}
}

// secret looks at a value, unless the project declares it, where it is looked at already.
func (i *inspection) secret(key, value, subject string) {
	if what := confidential.What(key, value); what != "" && !i.declared[value] {
		i.add(policy.RuleSecret, v1alpha1.Warn, fmt.Sprintf("%s looks like %s, and everybody who can read the repository or the object reads it", subject, what), policy.SecretHint)
	}
}

func (i *inspection) add(rule string, severity v1alpha1.Severity, message, hint string) {
	p := problemOf(i.project, i.object)
	p.Rule, p.Severity, p.Hint = rule, severity, hint
	p.Message = fmt.Sprintf("%s %q: %s", i.object.GetKind(), i.object.GetName(), message)
	i.problems = append(i.problems, p)
}

// problemOf returns a problem of an object, which is that of the workload that renders it.
func problemOf(p *catalog.Project, o *unstructured.Unstructured) v1alpha1.Problem {
	out := v1alpha1.Problem{Position: p.Document.Position("metadata", "name"), About: v1alpha1.About{Project: p.Name}}
	name := ""
	if o != nil {
		name = o.GetLabels()[render.LabelWorkload]
	}
	if _, at, ok := p.Workload(name); ok {
		out.Position, out.Path = p.Document.Position("spec", "workloads", at), v1alpha1.FieldPath("spec", "workloads", at)
		out.About.Workload = name
	}
	return out
}

// nameOf names an object for people.
func nameOf(id render.Identity) string {
	return fmt.Sprintf("%s %s", id.Kind, path.Join(id.Namespace, id.Name))
}
