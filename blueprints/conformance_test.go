// SPDX-License-Identifier: Apache-2.0

package blueprints_test

import (
	"encoding/json"
	"maps"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	networkingv1 "k8s.io/api/networking/v1"
	policyv1 "k8s.io/api/policy/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	psapi "k8s.io/pod-security-admission/api"
	pspolicy "k8s.io/pod-security-admission/policy"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/render"
)

// TestObjectsAreOfTheAPI decodes every rendered object into the API's own type, with unknown fields refused.
func TestObjectsAreOfTheAPI(t *testing.T) {
	for name, rel := range cases(t) {
		t.Run(name, func(t *testing.T) {
			objects, _ := renderYAML(t, rel)
			for _, o := range objects {
				typed(t, o)
			}
		})
	}
}

func typed(t *testing.T, o *unstructured.Unstructured) any {
	t.Helper()
	kinds := map[string]any{
		"v1/Namespace": &corev1.Namespace{}, "v1/ServiceAccount": &corev1.ServiceAccount{},
		"v1/ConfigMap": &corev1.ConfigMap{}, "v1/Service": &corev1.Service{},
		"rbac.authorization.k8s.io/v1/Role": &rbacv1.Role{}, "rbac.authorization.k8s.io/v1/RoleBinding": &rbacv1.RoleBinding{},
		"sparkoperator.k8s.io/v1beta2/SparkApplication":          &application{},
		"sparkoperator.k8s.io/v1beta2/ScheduledSparkApplication": &scheduledApplication{},
		"batch/v1/Job": &batchv1.Job{}, "batch/v1/CronJob": &batchv1.CronJob{},
		"apps/v1/Deployment":            &appsv1.Deployment{},
		"apps/v1/StatefulSet":           &appsv1.StatefulSet{},
		"policy/v1/PodDisruptionBudget": &policyv1.PodDisruptionBudget{},
		"networking.k8s.io/v1/Ingress":  &networkingv1.Ingress{},
	}
	into, known := kinds[o.GetAPIVersion()+"/"+o.GetKind()]
	if !known {
		t.Fatalf("%s %s: add its type to this test", o.GetAPIVersion(), o.GetKind())
	}
	data, err := json.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	if err := yaml.UnmarshalStrict(data, into); err != nil {
		t.Errorf("%s %s: %v", o.GetKind(), o.GetName(), err)
	}
	return into
}

// TestPodsAreRestricted holds the pods to the standard that the release's namespace enforces, with the code
// that enforces it.
func TestPodsAreRestricted(t *testing.T) {
	evaluator, err := pspolicy.NewEvaluator(pspolicy.DefaultChecks(), nil)
	if err != nil {
		t.Fatal(err)
	}
	restricted := psapi.LevelVersion{Level: psapi.LevelRestricted, Version: psapi.LatestVersion()}
	for name, rel := range cases(t) {
		t.Run(name, func(t *testing.T) {
			objects, _ := renderYAML(t, rel)
			pods := 0
			for _, o := range objects {
				meta, spec := podOf(typed(t, o))
				if spec == nil {
					continue
				}
				pods++
				result := pspolicy.AggregateCheckResults(evaluator.EvaluatePod(restricted, meta, spec))
				if !result.Allowed {
					t.Errorf("%s: %s", o.GetName(), result.ForbiddenDetail())
				}
				if meta.Labels[render.LabelWorkload] != rel.Workloads[0].Name {
					t.Errorf("the pods of %s have no label %s", o.GetName(), render.LabelWorkload)
				}
			}
			if pods == 0 && name != "boundary" { // which is the daemon's own
				t.Error("the case has no pods to look at")
			}
		})
	}
}

func podOf(o any) (*metav1.ObjectMeta, *corev1.PodSpec) {
	switch o := o.(type) {
	case *batchv1.Job:
		return &o.Spec.Template.ObjectMeta, &o.Spec.Template.Spec
	case *batchv1.CronJob:
		return &o.Spec.JobTemplate.Spec.Template.ObjectMeta, &o.Spec.JobTemplate.Spec.Template.Spec
	case *appsv1.StatefulSet:
		return &o.Spec.Template.ObjectMeta, &o.Spec.Template.Spec
	case *appsv1.Deployment:
		return &o.Spec.Template.ObjectMeta, &o.Spec.Template.Spec
	}
	if a := applicationOf(o); a != nil {
		return &a.Driver.Template.ObjectMeta, &a.Driver.Template.Spec
	}
	return nil, nil
}

// TestFilesArriveWithTheirPaths follows each file from the ConfigMap into the pod.
func TestFilesArriveWithTheirPaths(t *testing.T) {
	objects, _ := renderYAML(t, cases(t)["container-job-full"])
	var files *corev1.ConfigMap
	var job *batchv1.Job
	for _, o := range objects {
		switch o := typed(t, o).(type) {
		case *corev1.ConfigMap:
			files = o
		case *batchv1.Job:
			job = o
		}
	}
	got := map[string]string{}
	for _, v := range job.Spec.Template.Spec.Volumes {
		if v.ConfigMap == nil {
			continue
		}
		if v.ConfigMap.Name != files.Name {
			t.Errorf("the pod mounts %s, the ConfigMap is %s", v.ConfigMap.Name, files.Name)
		}
		for _, item := range v.ConfigMap.Items {
			got[item.Path] = files.Data[item.Key] + string(files.BinaryData[item.Key])
		}
	}
	want := map[string]string{}
	for name, f := range tree {
		if rel, ok := strings.CutPrefix(name, "projects/orders/"); ok && !slices.Contains([]string{"cue", "jsonnet", "k8s", "plain"}, strings.Split(rel, "/")[0]) {
			want[rel] = string(f.Data)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("files in the pod (-want +got):\n%s", diff)
	}
}

// TestJobNamesFollowTheContent is what makes a changed job run again, and an unchanged one not.
func TestJobNamesFollowTheContent(t *testing.T) {
	name := func(image string, workload string) string {
		w := plain(library(t)["container-job"], nil)
		w.Image, w.Name = image, workload
		objects, _ := renderYAML(t, release(w))
		return objects[len(objects)-1].GetName()
	}
	long := strings.Repeat("w", 63)
	a, again, b := name("a", "clean"), name("a", "clean"), name("b", "clean")
	if a != again {
		t.Errorf("the same content has two names: %s and %s", a, again)
	}
	if a == b {
		t.Errorf("another image has the same name %s: a Job cannot be changed", a)
	}
	if l := name("a", long); len(l) > 63 {
		t.Errorf("the name %s has %d characters; the label of its pods takes 63", l, len(l))
	}
	cron := plain(library(t)["cron-job"], nil)
	cron.Name = long
	objects, _ := renderYAML(t, release(cron))
	if l := objects[len(objects)-1].GetName(); len(l) > 52 {
		t.Errorf("the CronJob's name %s has %d characters of 52", l, len(l))
	}
}

// TestParametersAreDescribed keeps the schemas useful to people and to the documentation made of them.
func TestParametersAreDescribed(t *testing.T) {
	bps := library(t)
	for _, name := range slices.Sorted(maps.Keys(bps)) {
		properties, _ := bps[name].Spec.Parameters["properties"].(map[string]any)
		for param, p := range properties {
			if p, ok := p.(map[string]any); !ok || p["description"] == nil {
				t.Errorf("%s: the parameter %s has no description", name, param)
			}
		}
	}
}

// TestBadParams shows what people get to read.
func TestBadParams(t *testing.T) {
	cases := map[string]struct {
		reason    string
		blueprint string
		params    map[string]any
		want      string
	}{
		"Misspelt": {
			reason: "a name that is nearly right is suggested", blueprint: "container-job",
			params: map[string]any{"paralelism": 2},
			want:   `params.paralelism: additional property "paralelism" is not allowed; did you mean "parallelism"?`,
		},
		"Type": {
			reason: "a wrong type names both", blueprint: "service", params: map[string]any{"port": "80"},
			want: `params.port: expected a whole number, got a text`,
		},
		"Range": {
			reason: "a number out of range names the range", blueprint: "service", params: map[string]any{"port": 80},
			want: `params.port: must be at least 1024, got 80`,
		},
		"Nested": {
			reason: "a list has its index in the path", blueprint: "cron-job",
			params: map[string]any{"tolerations": []any{map[string]any{"key": 1}}},
			want:   `params.tolerations[0].key: expected a text, got a number`,
		},
		"Enum": {
			reason: "an enumeration suggests", blueprint: "cron-job", params: map[string]any{"concurrencyPolicy": "forbid"},
			want: `params.concurrencyPolicy: "forbid" is not a valid value; did you mean "Forbid"?`,
		},
		"TTL": {
			reason:    "a job that is deleted when it is done would be made again",
			blueprint: "container-job", params: map[string]any{"ttlSecondsAfterFinished": 60},
			want: `params.ttlSecondsAfterFinished: additional property "ttlSecondsAfterFinished" is not allowed; ` +
				`want one of: completions, imagePullSecrets, nodeSelector, parallelism, tolerations, user`,
		},
		"KustomizePath": {
			reason: "the folder of an overlay stays in the repository", blueprint: "kustomize",
			params: map[string]any{"path": "../../../etc"},
			want:   `params.path: "../../../etc" is not a folder of the repository`,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			rel := release(plain(library(t)[tc.blueprint], tc.params))
			_, err := renderer().Render(t.Context(), tree, rel)
			want := `rendering orders/prod@prod-eu: workload "clean" (blueprint ` + tc.blueprint + `): ` + tc.want
			if err == nil || err.Error() != want {
				t.Errorf("%s\nwant %s\ngot  %v", tc.reason, want, err)
			}
		})
	}
}
