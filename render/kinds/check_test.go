// SPDX-License-Identifier: Apache-2.0

package kinds_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/render/kinds"
)

// read reads an object as rendering does.
func read(t *testing.T, text string) map[string]any {
	t.Helper()
	data, err := yaml.YAMLToJSONStrict([]byte(text))
	if err != nil {
		t.Fatalf("%v:\n%s", err, text)
	}
	var out map[string]any
	if err := utiljson.Unmarshal(data, &out); err != nil {
		t.Fatal(err)
	}
	return out
}

func defined(t *testing.T, texts ...string) (d kinds.Definitions) {
	t.Helper()
	for _, text := range texts {
		d.Add(read(t, text))
	}
	return d
}

func words(faults []kinds.Fault) (out []string) {
	for _, f := range faults {
		text := v1alpha1.FieldPath(f.Path...) + ": " + f.Message
		if f.Hint != "" {
			text += " (" + f.Hint + ")"
		}
		out = append(out, text)
	}
	return out
}

// TestCheck: what does not fit is told by its field, all of it at once. TestAPIServer asks a real API server the same.
func TestCheck(t *testing.T) {
	for _, o := range objects {
		t.Run(o.reason, func(t *testing.T) {
			if diff := cmp.Diff(o.want, words(kinds.Check(read(t, o.yaml), kinds.Cluster{}))); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestVersions: what a cluster is declared to be decides which versions of kinds it takes.
func TestVersions(t *testing.T) {
	const (
		budget  = "apiVersion: policy/v1beta1\nkind: PodDisruptionBudget\nmetadata: {name: a}\n"
		unknown = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\nadded: {}\n"
		late    = "apiVersion: networking.k8s.io/v1\nkind: ServiceCIDR\nmetadata: {name: a}\n"
		scaler  = "apiVersion: autoscaling/v2beta2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a}\n"
		route   = "apiVersion: networking.k8s.io/v1\nkind: Rooute\nmetadata: {name: a}\n"
		alpha   = "apiVersion: batch/v2alpha1\nkind: CronJob\nmetadata: {name: a}\n"
	)
	for _, tc := range []struct {
		reason  string
		yaml    string
		cluster kinds.Cluster
		refused bool
	}{
		{"a cluster that is old enough", budget, kinds.Cluster{Version: "v1.24.3"}, false},
		{"the first one without", budget, kinds.Cluster{Version: "v1.25.0"}, true},
		{"a build of a vendor", budget, kinds.Cluster{Version: "v1.31.2-gke.100"}, true},
		{"one that declares nothing is as charts are told", budget, kinds.Cluster{}, true},
		{"one that says itself that it serves the version", budget, kinds.Cluster{APIVersions: []string{"v1", "policy/v1beta1"}}, false},
		{"and of which kind", budget, kinds.Cluster{APIVersions: []string{"policy/v1beta1/PodDisruptionBudget"}}, false},
		{"another kind is not it", budget, kinds.Cluster{APIVersions: []string{"policy/v1beta1/Eviction"}}, true},
		{"a kind that is newer than the cluster", late, kinds.Cluster{Version: "1.30"}, true},
		{"and one that it has", late, kinds.Cluster{Version: "1.36"}, false},
		{"of a cluster that declares nothing it is not known", late, kinds.Cluster{}, false},
		{"a field that nobody knows", unknown, kinds.Cluster{Version: "v1.37.0"}, true},
		{"but a newer Kubernetes may", unknown, kinds.Cluster{Version: "v1.38.0"}, false},
		{"which knows types, too", unknown + "data: {a: 1}\n", kinds.Cluster{Version: "v1.38.0"}, true},
		{"a version that went when nobody can tell", scaler, kinds.Cluster{Version: "v1.25.0"}, false},
		{"and is gone by now", scaler, kinds.Cluster{Version: "v1.36.0"}, true},
		{"a kind that a newer Kubernetes may have", route, kinds.Cluster{Version: "v1.40.0"}, false},
		{"one that the release defines", route, kinds.Cluster{Definitions: defined(t, "spec: {group: networking.k8s.io, names: {kind: Rooute}}\n")}, false},
		{"a version for trying out comes and goes", alpha, kinds.Cluster{}, false},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			got := words(kinds.Check(read(t, tc.yaml), tc.cluster))
			if (len(got) > 0) != tc.refused {
				t.Errorf("refused for %q, want refused: %v", got, tc.refused)
			}
		})
	}
}

// TestSealed: what SOPS has encrypted is checked when it is applied.
func TestSealed(t *testing.T) {
	o := read(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: a}\ndata: {a: \"ENC[AES256_GCM,data:x]\"}\nsops: {mac: x, lastmodified: z}\n")
	if got := kinds.Check(o, kinds.Cluster{}); got != nil {
		t.Errorf("refused: %v", words(got))
	}
}
