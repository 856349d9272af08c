// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"cmp"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/discovery"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/test/clustertest"
)

// world is what a platform of many small projects declares: what each is to hold, by its number.
type world map[int]declaration

// declaration is a project of the world: a ConfigMap by a chart of the repository, and for some a Job, or another ConfigMap
// that Kustomize makes.
type declaration struct {
	value string
	// commit is the one that last changed it.
	commit string
}

func project(i int) string     { return fmt.Sprintf("kill-%03d", i) }
func namespaceOf(i int) string { return project(i) + "-dev" }
func hasJob(i int) bool        { return i%5 == 0 }
func byKustomize(i int) bool   { return i%10 == 7 }
func folderOf(i int) string    { return fmt.Sprintf("projects/p%03d", i) }
func noteOf(i int) string      { return "ConfigMap " + namespaceOf(i) + "/note" }
func inventoryOf(i int) string { return "ConfigMap trunkline-system/kill.dev." + project(i) }

// platformFiles are those that all projects share.
var platformFiles = map[string]string{
	"trunkline.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: kill}\n",
	"cluster.yaml":   "apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: test}\n",
	"env.yaml":       "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test], maxRemovals: 100}\n",
	"note/blueprint.yaml": `apiVersion: trunkline.dev/v1alpha1
kind: Blueprint
metadata: {name: note}
spec:
  description: A ConfigMap.
  engine: helm
  source: chart
  parameters:
    type: object
    additionalProperties: false
    properties:
      value: {type: string, default: "", description: What it holds.}
`,
	"note/chart/Chart.yaml":          "apiVersion: v2\nname: note\nversion: 1.0.0\n",
	"note/chart/values.yaml":         "value: \"\"\n",
	"note/chart/templates/note.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: note}\ndata: {value: {{ .Values.value | quote }}}\n",
}

// files returns what is in the folder of a project that holds a value.
func files(i int, value string) map[string]string {
	text := fmt.Sprintf(`apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: %s}
spec:
  owner: team
  environments: [dev]
  image: img:%s
  workloads:
    - {name: note, blueprint: note, params: {value: %q}}
`, project(i), value, value)
	out := map[string]string{}
	if hasJob(i) {
		text += "    - {name: batch, blueprint: container-job, command: [run]}\n"
	}
	if byKustomize(i) {
		text += "    - {name: more, blueprint: kustomize, params: {path: more}}\n"
		out[folderOf(i)+"/more/kustomization.yaml"] = "configMapGenerator:\n- {name: more, literals: [value=" + value + "], options: {disableNameSuffixHash: true}}\n"
	}
	out[folderOf(i)+"/project.yaml"] = text
	return out
}

// commit changes projects in the repository and in what the world is to be; an empty value removes one.
func (w world) commit(t *testing.T, repo *gittest.Repo, subject string, changes map[int]string) string {
	t.Helper()
	all := maps.Clone(platformFiles)
	for i, value := range changes {
		if value == "" {
			all[folderOf(i)] = gittest.Delete
			continue
		}
		maps.Copy(all, files(i, value))
	}
	hash := repo.Commit(t, subject, all)
	for i, value := range changes {
		if value == "" {
			delete(w, i)
			continue
		}
		w[i] = declaration{value: value, commit: hash}
	}
	return hash
}

// declared lists the objects that the cluster must hold, each once, with what reports whether they are as declared.
func (w world) declared() []string {
	var out []string
	for i, p := range w {
		kinds := "ConfigMap,"
		if hasJob(i) {
			kinds += "Job.batch,"
			out = append(out, fmt.Sprintf("Job.batch %s/batch img:%s", namespaceOf(i), p.value))
		}
		if byKustomize(i) {
			out = append(out, fmt.Sprintf("ConfigMap %s/more %s", namespaceOf(i), p.value))
		}
		out = append(out,
			fmt.Sprintf("Namespace %s", namespaceOf(i)),
			fmt.Sprintf("ServiceAccount %s/%s", namespaceOf(i), project(i)),
			fmt.Sprintf("%s %s", noteOf(i), p.value),
			fmt.Sprintf("%s of %s with %sNamespace,ServiceAccount", inventoryOf(i), p.commit[:8], kinds))
	}
	slices.Sort(out)
	return out
}

// held is an object that the cluster holds of a platform.
type held struct {
	// text is as [world.declared] has it, name the object's identity.
	text, name string
	uid        string
	version    string
	project    string
}

// holds lists every object of any kind that carries a label of ours, but for Trunkline's own namespace.
func holds(t *testing.T, c *clustertest.Cluster) []held {
	t.Helper()
	config := rest.CopyConfig(c.Config)
	config.WarningHandler = rest.NoWarnings{} // all kinds are asked for, old ones too
	client, err := dynamic.NewForConfig(config)
	if err != nil {
		t.Fatal(err)
	}
	var out []held
	for _, kind := range listable(t, c) {
		for _, selector := range []string{"applyset.kubernetes.io/part-of", "applyset.kubernetes.io/id"} {
			list, err := client.Resource(kind).List(t.Context(), metav1.ListOptions{LabelSelector: selector})
			if err != nil {
				t.Fatal(err)
			}
			for _, o := range list.Items {
				if p := o.GetLabels()["trunkline.dev/project"]; strings.HasPrefix(p, "kill-") {
					name := nameOf(&o)
					out = append(out, held{text: textOf(&o), name: name, uid: string(o.GetUID()), version: o.GetResourceVersion(), project: p})
				}
			}
		}
	}
	slices.SortFunc(out, func(a, b held) int { return cmp.Compare(a.text, b.text) })
	return out
}

// listable finds the kinds of object that the cluster has.
func listable(t *testing.T, c *clustertest.Cluster) []schema.GroupVersionResource {
	t.Helper()
	client, err := discovery.NewDiscoveryClientForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	lists, err := client.ServerPreferredResources()
	if err != nil {
		t.Fatal(err)
	}
	var out []schema.GroupVersionResource
	for _, list := range lists {
		gv, err := schema.ParseGroupVersion(list.GroupVersion)
		if err != nil {
			t.Fatal(err)
		}
		for _, r := range list.APIResources {
			if slices.Contains(r.Verbs, "list") && !strings.Contains(r.Name, "/") {
				out = append(out, gv.WithResource(r.Name))
			}
		}
	}
	return out
}

// nameOf identifies an object.
func nameOf(o *unstructured.Unstructured) string {
	name := o.GroupVersionKind().GroupKind().String() + " "
	if o.GetNamespace() != "" {
		name += o.GetNamespace() + "/"
	}
	return name + o.GetName()
}

// textOf says what an object holds, as far as it is declared here. The names of Jobs are without the hash, so that a Job
// that was made twice is there twice.
func textOf(o *unstructured.Unstructured) string {
	name := nameOf(o)
	annotations := o.GetAnnotations()
	value, _, _ := unstructured.NestedString(o.Object, "data", "value")
	switch {
	case o.GetLabels()["applyset.kubernetes.io/id"] != "":
		commit := annotations["trunkline.dev/commit"]
		return fmt.Sprintf("%s of %s with %s", name, commit[:min(8, len(commit))], annotations["applyset.kubernetes.io/contains-group-kinds"])
	case o.GetKind() == "Job":
		containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
		image := ""
		if len(containers) == 1 {
			image, _, _ = unstructured.NestedString(containers[0].(map[string]any), "image")
		}
		return name[:strings.LastIndex(name, "-")] + " " + image
	case o.GetKind() == "ConfigMap":
		return name + " " + value
	}
	return name
}
