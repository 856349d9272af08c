// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/render"
)

// misfitting are the problems of objects, each with its place and its hint.
func misfitting(e *Evaluation) (out []string) {
	for _, p := range e.Problems() {
		text := fmt.Sprintf("%s:%d %s", p.Position.File, p.Position.Line, p.Message)
		if p.Hint != "" {
			text += " (" + p.Hint + ")"
		}
		if p.Rule != policy.RuleObject {
			text = p.Rule + " " + text
		}
		out = append(out, text)
	}
	return out
}

const web = "apiVersion: apps/v1\nkind: Deployment\nmetadata:\n  name: web\nspec:\n  replicas: 2\n  selector: {matchLabels: {a: b}}\n" +
	"  template:\n    metadata: {labels: {a: b}}\n    spec:\n      containers:\n      - name: c\n        image: x\n"

// TestObjectsThatDoNotFit: what an API server would refuse is an error where it is written, once.
func TestObjectsThatDoNotFit(t *testing.T) {
	wrong := strings.ReplaceAll(web, "replicas: 2", `replicas: "2"`)
	const says = ` of the workload "w" cannot be applied: `
	kustomize := func(files map[string]string) func(commitFiles) {
		return func(c commitFiles) {
			for name, text := range files {
				c["a/p1/k8s/"+name] = text
			}
		}
	}
	for _, tc := range []struct {
		reason string
		edit   func(commitFiles)
		want   []string
	}{
		{"What fits.", kustomize(map[string]string{"kustomization.yaml": "resources: [web.yaml]\n", "web.yaml": web}), nil},
		{
			"A file of a kustomization.",
			kustomize(map[string]string{"kustomization.yaml": "resources: [web.yaml]\n", "web.yaml": "# two\n---\n" + wrong}),
			[]string{`a/p1/k8s/web.yaml:8 Deployment "web" (a/p1/k8s/web.yaml)` + says + `spec.replicas has to be a number, and is the text "2" (write it without quotes)`},
		},
		{
			"A field that is misspelt, and an item of a list, of an object that gets another name.",
			kustomize(map[string]string{
				"kustomization.yaml": "namePrefix: my-\nresources: [web.yaml]\n", "web.yaml": strings.Replace(web, "replicas", "replica", 1) + "        env: [{name: A, value: a},\n          {name: A, value: b}]\n",
			}),
			[]string{
				`a/p1/k8s/web.yaml:6 Deployment "my-web" (a/p1/k8s/web.yaml)` + says + `spec.replica is no field of spec in apps/v1 Deployment, by Kubernetes 1.37 (did you mean "replicas"?)`,
				`a/p1/k8s/web.yaml:15 Deployment "my-web" (a/p1/k8s/web.yaml)` + says + `spec.template.spec.containers[0].env[1] has the same name as item 0, and only one of them can be applied (remove one of them)`,
			},
		},
		{
			"A patch, which put a container before the one of the file.",
			kustomize(map[string]string{
				"kustomization.yaml": "resources: [web.yaml]\npatches: [{path: more.yaml}]\n", "web.yaml": web,
				"more.yaml": "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web}\nspec:\n  template:\n    spec:\n      containers:\n      - name: c\n        tty: \"true\"\n",
			}),
			[]string{`a/p1/k8s/more.yaml:9 Deployment "web" (a/p1/k8s/web.yaml)` + says + `spec.template.spec.containers[0].tty has to be true or false, and is the text "true" (write it without quotes)`},
		},
		{
			"A patch that is written into the kustomization, which has no place of its own.",
			kustomize(map[string]string{
				"kustomization.yaml": "resources: [web.yaml]\npatches:\n- patch: |\n    apiVersion: apps/v1\n    kind: Deployment\n    metadata: {name: web}\n    spec: {paused: 1}\n", "web.yaml": web,
			}),
			[]string{`a/p1/project.yaml:8 Deployment "web" (a/p1/k8s/web.yaml)` + says + `spec.paused has to be true or false, and is the number 1`},
		},
		{
			"An object of a list in a file.",
			kustomize(map[string]string{
				"kustomization.yaml": "resources: [all.yaml]\n",
				"all.yaml":           "apiVersion: v1\nkind: List\nitems:\n- apiVersion: v1\n  kind: ConfigMap\n  metadata: {name: a}\n  data: {a: 1}\n",
			}),
			[]string{`a/p1/k8s/all.yaml:7 ConfigMap "a" (a/p1/k8s/all.yaml)` + says + `data.a has to be a text, and is the number 1 (put it in quotes)`},
		},
		{
			"A file of two workloads.",
			func(c commitFiles) {
				kustomize(map[string]string{"kustomization.yaml": "resources: [../base/web.yaml]\n"})(c)
				c["a/p1/sql/kustomization.yaml"] = "namePrefix: other-\nresources: [../base/web.yaml]\n"
				c["a/p1/base/web.yaml"] = wrong
				c["a/p1/project.yaml"] += "    - {name: v, blueprint: kustomize, params: {path: sql}}\n"
			},
			[]string{`a/p1/base/web.yaml:6 Deployment "web" (a/p1/base/web.yaml)` + says + `spec.replicas has to be a number, and is the text "2"; and 1 more object likewise (write it without quotes)`},
		},
		{
			"A chart, two objects of which have the same from a helper, in two environments and on two clusters.",
			func(c commitFiles) {
				c["bp/web/chart/templates/all.yaml"] = "{{ range list \"a\" \"b\" }}\n---\napiVersion: apps/v1\nkind: Deployment\nmetadata: {name: {{ . }}-{{ $.Release.Namespace }}}\n" +
					"spec: {replicas: {{ 2 | quote }}}\n{{ end }}\n"
			},
			[]string{`a/p0/project.yaml:8 Deployment "a-p0-dev" (web/templates/all.yaml)` + says + `spec.replicas has to be a number, and is the text "2"; and 1 more object likewise (write it without quotes)`},
		},
		{
			"A version that is gone.",
			kustomize(map[string]string{"kustomization.yaml": "resources: [a.yaml]\n", "a.yaml": "kind: PodDisruptionBudget\nmetadata: {name: a}\napiVersion: policy/v1beta1\n"}),
			[]string{`a/p1/k8s/a.yaml:3 PodDisruptionBudget "a" (a/p1/k8s/a.yaml)` + says + `apiVersion is policy/v1beta1, and Kubernetes has no PodDisruptionBudget of that version since 1.25 ` +
				`(it is policy/v1 now: write that, and look at the fields, which may be others; if the cluster has another version of Kubernetes, say so in spec.kubeVersion of its declaration)`},
		},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			c := firstCommit()
			tc.edit(c)
			e := evaluated(t, c, render.New(blueprints.FS), func(in *Input) { in.Runs, in.Want = true, nobody })
			if diff := cmp.Diff(tc.want, misfitting(e)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
			daemon := evaluated(t, c, render.New(blueprints.FS), nil)
			failed := 0
			for rel := range daemon.Releases() {
				if out, _ := daemon.Rendered(rel.ID); out.Err != nil {
					failed++
				}
			}
			if (failed > 0) != (len(tc.want) > 0) || daemon.Denied() {
				t.Errorf("for the daemon %d releases do not render, and the commit is refused: %v", failed, daemon.Denied())
			}
		})
	}
}

// TestKindsOfOthersAreCounted: what cannot be checked is said, and refuses nothing.
func TestKindsOfOthersAreCounted(t *testing.T) {
	c := firstCommit()
	c["a/p1/k8s/kustomization.yaml"] = "resources: [all.yaml]\n"
	c["a/p1/k8s/all.yaml"] = ""
	for i := range 7 {
		c["a/p1/k8s/all.yaml"] += fmt.Sprintf("---\napiVersion: example.com/v1\nkind: Kind%d\nmetadata: {name: a}\nspec: {any: thing}\n", i)
	}
	e := evaluated(t, c, render.New(blueprints.FS), func(in *Input) { in.Runs, in.Want = true, nobody })
	if e.Denied() {
		t.Fatal(e.Problems())
	}
	releases := 0
	for rel := range e.Releases() {
		if rel.ID.Project == "p1" {
			releases++
		}
	}
	want := []string{fmt.Sprintf("the fields of %d objects of kinds that neither Kubernetes nor their release defines: %[2]d of Kind0.example.com, %[2]d of Kind1.example.com, "+
		"%[2]d of Kind2.example.com, %[2]d of Kind3.example.com, %[2]d of Kind4.example.com, and 2 more kinds", 7*releases, releases)}
	if diff := cmp.Diff(want, e.Unjudged()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// TestProgress: each release is counted once, whether it has to be rendered or not.
func TestProgress(t *testing.T) {
	c := firstCommit()
	counted := func(e *Evaluation, told []int) {
		t.Helper()
		highest, seen := 0, map[int]bool{}
		for _, n := range told {
			highest, seen[n] = max(highest, n), true
		}
		if highest != e.Len() || len(seen) != e.Len()+1 || len(told) != e.Len()+1 {
			t.Errorf("told %v, want each number from 0 to %d", told, e.Len())
		}
	}
	var told []int
	add := make(chan int, 1000)
	progress := func(in *Input) {
		in.OnProgress = func(done, _ int) { add <- done }
	}
	drain := func() (out []int) {
		for len(add) > 0 {
			out = append(out, <-add)
		}
		return out
	}
	first := evaluated(t, c, render.New(blueprints.FS), progress)
	told = drain()
	counted(first, told)
	c["a/p0/sql/a.sql"] += "\n"
	second := evaluated(t, c, render.New(blueprints.FS), func(in *Input) {
		progress(in)
		in.Before, in.Changed = first, []string{"a/p0/sql/a.sql"}
	})
	counted(second, drain())
	unwanted := evaluated(t, c, render.New(blueprints.FS), func(in *Input) {
		progress(in)
		in.Want = nobody
	})
	counted(unwanted, drain())
}

// TestKindsThatTheReleaseDefines: what a definition of the release defines is held to it, and counted by nobody.
func TestKindsThatTheReleaseDefines(t *testing.T) {
	const definition = "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: widgets.example.com}\nspec:\n" +
		"  group: example.com\n  scope: Namespaced\n  names: {kind: Widget, plural: widgets}\n  versions: [{name: v1, served: true, storage: true, " +
		"schema: {openAPIV3Schema: {type: object, properties: {spec: {type: object, properties: {size: {type: integer}}}}}}}]\n---\n"
	const widget = "apiVersion: example.com/v1\nkind: Widget\nmetadata: {name: a}\nspec: {size: 1}\n"
	for _, tc := range []struct{ reason, text, want string }{
		{"it fits", definition + widget, ""},
		{"it does not", definition + strings.Replace(widget, "1}", `"1"}`, 1), `a/p1/k8s/all.yaml:13 Widget "a" (a/p1/k8s/all.yaml) of the workload "w" cannot be applied: ` +
			`spec.size does not fit its definition: Invalid value: "string": must be of type integer: "string"`},
	} {
		c := firstCommit()
		c["dev.yaml"] = strings.Replace(c["dev.yaml"], "]}", "], allow: [{projects: [p1], clusterScoped: [CustomResourceDefinition.apiextensions.k8s.io], reason: a test}]}", 1)
		c["a/p1/k8s/kustomization.yaml"] = "resources: [all.yaml]\n"
		c["a/p1/k8s/all.yaml"] = tc.text
		e := evaluated(t, c, render.New(blueprints.FS), func(in *Input) { in.Runs, in.Want = true, nobody })
		if diff := cmp.Diff(tc.want, strings.Join(misfitting(e), "\n")); diff != "" {
			t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
		}
		if len(e.Unjudged()) > 0 {
			t.Errorf("%s: counted: %v", tc.reason, e.Unjudged())
		}
	}
}
