// SPDX-License-Identifier: Apache-2.0

package blueprints_test

import (
	"io/fs"
	"maps"
	"os"
	"path"
	"slices"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// shown is a blueprint of this repository, the tree that it is in, and the params that it cannot do without.
type shown struct {
	*catalog.Blueprint

	tree   fs.FS
	params map[string]any
}

// shownBlueprints are the library, and what people are given to learn from.
func shownBlueprints(t *testing.T) map[string]shown {
	t.Helper()
	out := map[string]shown{}
	for name, bp := range library(t) {
		out[name] = shown{Blueprint: bp, tree: tree}
	}
	for name, params := range own {
		out[name] = shown{out[name].Blueprint, tree, params}
	}
	readme, local := readmeBlueprint(t)
	out["readme"] = shown{readme, local, map[string]any{"executors": 2}}

	acme := fstest.MapFS{}
	maps.Copy(acme, tree)
	dir := os.DirFS("../examples/acme/blueprints/quality")
	err := fs.WalkDir(dir, ".", func(name string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		data, err := fs.ReadFile(dir, name)
		acme[path.Join("quality", name)] = &fstest.MapFile{Data: data}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	docs, problems := v1alpha1.Decode("quality/blueprint.yaml", acme["quality/blueprint.yaml"].Data)
	if len(problems) > 0 || len(docs) != 1 {
		t.Fatalf("%d documents, problems:\n%s", len(docs), problems)
	}
	quality := &catalog.Blueprint{Name: "quality", Spec: docs[0].Object.(*v1alpha1.Blueprint).Spec, Source: "quality/chart"}
	out["quality"] = shown{quality, acme, map[string]any{"columns": 5, "minRows": 1}}
	return out
}

// render returns the objects of a workload without those of the release itself.
func (s shown) render(t *testing.T, w catalog.Workload) []*unstructured.Unstructured {
	t.Helper()
	result, err := renderer().Render(t.Context(), s.tree, release(w))
	if err != nil {
		t.Fatal(err)
	}
	return slices.DeleteFunc(result.Objects, func(o *unstructured.Unstructured) bool {
		return o.GetLabels()[render.LabelWorkload] == ""
	})
}

// changes sets each field that a blueprint may honour to something else than it is in a plain workload.
func changes() map[v1alpha1.WorkloadField]func(*catalog.Workload) {
	return map[v1alpha1.WorkloadField]func(*catalog.Workload){
		v1alpha1.FieldImage:   func(w *catalog.Workload) { w.Image = "ghcr.io/acme/other@sha256:4567" },
		v1alpha1.FieldCommand: func(w *catalog.Workload) { w.Command = []string{"run"} },
		v1alpha1.FieldEnv:     func(w *catalog.Workload) { w.Env = map[string]string{"MODE": "fast"} },
		v1alpha1.FieldSecrets: func(w *catalog.Workload) {
			w.Secrets = map[string]v1alpha1.SecretRef{"TOKEN": {Name: "api", Key: "token"}}
		},
		v1alpha1.FieldFiles:    func(w *catalog.Workload) { w.Files = []string{"clean.py"} },
		v1alpha1.FieldSize:     func(w *catalog.Workload) { w.Size = v1alpha1.Size{CPU: "2", Memory: "4Gi"} },
		v1alpha1.FieldIdentity: func(w *catalog.Workload) { w.Identity = "orders-clean" },
		v1alpha1.FieldSchedule: func(w *catalog.Workload) { w.Schedule = "0 6 * * *" },
		v1alpha1.FieldRetries:  func(w *catalog.Workload) { w.Retries = new(7) },
		v1alpha1.FieldTimeout:  func(w *catalog.Workload) { w.Timeout = 7 * time.Minute },
		v1alpha1.FieldSuspend:  func(w *catalog.Workload) { w.Suspend = true },
	}
}

// TestFieldsAreHonoured: setting a field that a blueprint lists changes what it renders; what it does not list
// changes nothing, or it would be listed.
func TestFieldsAreHonoured(t *testing.T) {
	// These include the library's pod, and list what makes sense for them only.
	more := map[string][]v1alpha1.WorkloadField{
		"catalog":       {v1alpha1.FieldCommand, v1alpha1.FieldFiles},
		"copy":          {v1alpha1.FieldCommand, v1alpha1.FieldFiles},
		"pull":          {v1alpha1.FieldCommand, v1alpha1.FieldFiles},
		"transform":     {v1alpha1.FieldCommand, v1alpha1.FieldFiles},
		"spark-history": {v1alpha1.FieldFiles},
		"quality":       {v1alpha1.FieldCommand, v1alpha1.FieldEnv, v1alpha1.FieldSecrets, v1alpha1.FieldFiles},
	}
	for name, bp := range shownBlueprints(t) {
		t.Run(name, func(t *testing.T) {
			plainObjects := bp.render(t, plain(bp.Blueprint, bp.params))
			for field, change := range changes() {
				listed := slices.Contains(bp.Spec.Fields, field)
				if !listed && slices.Contains(more[name], field) || name == "boundary" && field == v1alpha1.FieldSuspend {
					continue // the daemon honours that of a boundary
				}
				w := plain(bp.Blueprint, bp.params)
				change(&w)
				changed := !cmp.Equal(plainObjects, bp.render(t, w))
				if changed != listed {
					t.Errorf("fields lists %s: %t; setting it changes the objects: %t", field, listed, changed)
				}
			}
		})
	}
}

// TestEveryFieldIsTried makes a new field come with a change to try.
func TestEveryFieldIsTried(t *testing.T) {
	for name, bp := range library(t) {
		for _, field := range bp.Spec.Fields {
			if changes()[field] == nil {
				t.Errorf("%s honours the field %s, which TestFieldsAreHonoured does not know", name, field)
			}
		}
	}
}

// TestSuspend: whatever is suspended stays the object it is, and differs in one field only. A Job under another
// name would be another Job: the one before would be deleted, and a new one run when the suspension ends.
func TestSuspend(t *testing.T) {
	cases := map[string]struct {
		reason     string
		kind       string
		field      string
		want, then any
	}{
		"container-job": {"a Job waits", "Job", "suspend", nil, true},
		"copy":          {"so does one that copies", "Job", "suspend", nil, true},
		"catalog":       {"so does one that adds to a table", "Job", "suspend", nil, true},
		"pull":          {"so does one that fetches", "Job", "suspend", nil, true},
		"transform":     {"so does one that transforms", "Job", "suspend", nil, true},
		"quality":       {"so does one of a repository's own blueprint", "Job", "suspend", nil, true},
		"readme":        {"and of the one to learn from", "Job", "suspend", nil, true},
		"spark-job":     {"so does one that starts drivers", "CronJob", "suspend", false, true},
		"spark-stream":  {"a stream has no driver", "Deployment", "replicas", int64(1), int64(0)},
		"spark-history": {"nor a history server a pod", "Deployment", "replicas", int64(1), int64(0)},
		"cron-job":      {"a CronJob starts nothing", "CronJob", "suspend", false, true},
		"service":       {"a service has no pods", "Deployment", "replicas", int64(3), int64(0)},
		"notebook":      {"nothing runs of what people's are made from", "", "", nil, nil},
		"ide":           {"likewise", "", "", nil, nil},
		"kustomize":     {"an overlay says it all itself", "", "", nil, nil},
		"manifests":     {"so do plain manifests", "", "", nil, nil},
		"jsonnet":       {"and a program, which has not to look", "", "", nil, nil},
		"cue":           {"and a package", "", "", nil, nil},
		"airflow":       {"no part of Airflow has a pod; its database does", "Deployment", "replicas", int64(1), int64(0)},
		"boundary":      {"nothing of it is in the cluster: the daemon looks no more", "", "", nil, nil},
	}
	for name, bp := range shownBlueprints(t) {
		tc, known := cases[name]
		if !known {
			t.Errorf("%s: say what suspension does to it", name)
			continue
		}
		t.Run(name, func(t *testing.T) {
			params := bp.params
			if name == "service" {
				params = map[string]any{"replicas": 3}
			}
			w := plain(bp.Blueprint, params)
			running := bp.render(t, w)
			w.Suspend = true
			suspended := bp.render(t, w)
			for _, o := range suspended {
				if o.GetKind() != tc.kind {
					continue
				}
				spec := o.Object["spec"].(map[string]any)
				if diff := cmp.Diff(tc.then, spec[tc.field]); diff != "" {
					t.Errorf("%s: spec.%s (-want +got):\n%s", tc.reason, tc.field, diff)
				}
				if spec[tc.field] = tc.want; tc.want == nil {
					delete(spec, tc.field)
				}
			}
			if diff := cmp.Diff(running, suspended); diff != "" {
				t.Errorf("%s; beside that field (-running +suspended):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestNamesThatYAMLTakesForSomethingElse: a name is a text, whatever it looks like. A service account that became
// null would be the namespace's default one.
func TestNamesThatYAMLTakesForSomethingElse(t *testing.T) {
	for _, name := range []string{"null", "true", "on", "no", "y", "123", "0x1f", "1e3", "1e", "0o7"} {
		for blueprint, bp := range shownBlueprints(t) {
			if (blueprint == "service" || blueprint == "spark-history" || blueprint == "airflow") && name[0] < 'a' {
				continue // the name of a Service begins with a letter, and its chart says so
			}
			t.Run(blueprint+"/"+name, func(t *testing.T) {
				w := plain(bp.Blueprint, bp.params)
				w.Name, w.Identity = name, name
				w.Secrets = map[string]v1alpha1.SecretRef{"S": {Name: name, Key: name}}
				w.Env = map[string]string{"E": name}
				for _, o := range bp.render(t, w) {
					meta, pod := podOf(typed(t, o))
					if pod == nil || bp.Spec.Engine != v1alpha1.Helm {
						continue
					}
					c := pod.Containers[0]
					if blueprint == "airflow" { // whose containers are called by what they are
						if diff := cmp.Diff([]string{name, name}, []string{pod.ServiceAccountName, meta.Labels["app.kubernetes.io/name"]}); diff != "" {
							t.Errorf("names in the pod (-want +got):\n%s", diff)
						}
						continue
					}
					got := []string{
						pod.ServiceAccountName, c.Name, meta.Labels["app.kubernetes.io/name"],
						c.Env[0].ValueFrom.SecretKeyRef.Name, c.Env[0].ValueFrom.SecretKeyRef.Key, c.Env[1].Value,
					}
					if diff := cmp.Diff([]string{name, name, name, name, name, name}, got); diff != "" {
						t.Errorf("names in the pod (-want +got):\n%s", diff)
					}
				}
			})
		}
	}
}
