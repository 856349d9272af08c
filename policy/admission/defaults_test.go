// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/policy/admission"
)

// made lists what the API server makes up, by kind; "*" is for all.
var made = map[string][]string{
	"*": {
		"metadata.uid", "metadata.creationTimestamp", "metadata.generation", "metadata.managedFields", "metadata.resourceVersion", "metadata.selfLink",
		"spec.template.metadata.creationTimestamp", "spec.jobTemplate.metadata.creationTimestamp", "spec.jobTemplate.spec.template.metadata.creationTimestamp",
	},
	// The address is given out after the policies were asked; the families are those of the cluster.
	"Service": {"spec.clusterIP", "spec.clusterIPs", "spec.ipFamilies", "spec.ipFamilyPolicy", "spec.ports.nodePort", "spec.healthCheckNodePort"},
	// The labels that find its pods have its uid in them.
	"Job": {"spec.selector", "spec.template.metadata.labels", "metadata.labels"},
	// What the pods of a cluster have in common, and when the pod came.
	"Pod":                     {"spec.tolerations", "spec.priority", "spec.preemptionPolicy", "spec.volumes", "spec.containers.volumeMounts", "spec.initContainers.volumeMounts", "spec.serviceAccount", "spec.serviceAccountName", "spec.nodeName", "status"},
	"PersistentVolumeClaim":   {"metadata.finalizers"},
	"DaemonSet":               {"metadata.annotations"},
	"HorizontalPodAutoscaler": {"spec.metrics"},
}

// TestDefaults holds what we fill in to what a real API server fills in, for an object of each kind that blueprints render.
func TestDefaults(t *testing.T) {
	s := newServer(t)
	ns := pkg.Cluster(t).Namespace(t)
	for _, object := range objects(t, defaulted(t)) {
		u := &unstructured.Unstructured{Object: object}
		t.Run(u.GetKind(), func(t *testing.T) {
			if u.GetKind() != "Namespace" {
				u.SetNamespace(ns)
			}
			theirs, err := s.apply(t, object, true)
			if err != nil {
				t.Fatal(err)
			}
			ours, err := admission.Applied(admission.NewWorld(nil, nil, nil), on(t, text(t, object), ""))
			if err != nil {
				t.Fatal(err)
			}
			want, got := plain(t, theirs.Object), plain(t, ours)
			for _, kind := range []string{"*", u.GetKind()} {
				for _, path := range made[kind] {
					without(want, strings.Split(path, "."))
					without(got, strings.Split(path, "."))
				}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("(-API server +ours):\n%s", diff)
			}
		})
	}
}

// TestDefaultsDoNotTouchTheDeclaration: an object is not changed by being checked.
func TestDefaultsDoNotTouchTheDeclaration(t *testing.T) {
	for _, object := range objects(t, defaulted(t)) {
		before := text(t, object)
		if _, err := admission.Applied(admission.NewWorld(nil, nil, nil), on(t, before, "")); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(before, text(t, object)); diff != "" {
			t.Error(diff)
		}
	}
}

func defaulted(t *testing.T) string {
	t.Helper()
	data, err := os.ReadFile(filepath.Join("testdata", "defaults.yaml"))
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func text(t *testing.T, value any) string {
	t.Helper()
	data, err := json.Marshal(value)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func plain(t *testing.T, value any) map[string]any {
	t.Helper()
	var out map[string]any
	if err := json.Unmarshal([]byte(text(t, value)), &out); err != nil {
		t.Fatal(err)
	}
	return out
}

// without takes a field away, from each element of lists on the way, and what is empty then.
func without(value any, path []string) {
	switch v := value.(type) {
	case []any:
		for _, e := range v {
			without(e, path)
		}
	case map[string]any:
		if len(path) == 1 {
			delete(v, path[0])
			return
		}
		without(v[path[0]], path[1:])
	}
}
