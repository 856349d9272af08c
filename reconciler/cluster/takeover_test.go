// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"encoding/json"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/ownership"
)

func deploymentsResource() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
}

// webOf declares a Deployment with environment variables of a name each.
func webOf(env ...string) string {
	list := []map[string]string{}
	for _, name := range env {
		list = append(list, map[string]string{"name": name, "value": "1"})
	}
	data, err := json.Marshal(list)
	if err != nil {
		panic(err)
	}
	return "{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {replicas: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, " +
		"spec: {containers: [{name: main, image: img, env: " + string(data) + "}]}}}}"
}

// env lists the variables that run.
func (r *release) env() []string {
	r.Helper()
	o, err := r.conn.client.Resource(deploymentsResource()).Namespace(r.inventory.Namespace).Get(r.Context(), "web", metav1.GetOptions{})
	if err != nil {
		r.Fatal(err)
	}
	containers, _, _ := unstructured.NestedSlice(o.Object, "spec", "template", "spec", "containers")
	var names []string
	for _, c := range containers {
		list, _, _ := unstructured.NestedSlice(c.(map[string]any), "env")
		for _, e := range list {
			names = append(names, e.(map[string]any)["name"].(string))
		}
	}
	return names
}

// TestAPredecessorIsTakenOver: what another tool, or a person, has set and Git has declared since is gone when Git does not
// declare it any more.
func TestAPredecessorIsTakenOver(t *testing.T) {
	t.Parallel()
	cases := map[string]struct {
		reason string
		// manager makes the object with A and B by an update, as it does without server-side apply.
		manager string
		// edited is a person who has set B on an object of ours, which Git declares afterwards.
		edited   bool
		tookOver []string
		// kept is what is still there at the end, without being declared: what a controller shares is not ours alone.
		kept []string
	}{
		"ClientSideApply": {"kubectl apply without --server-side.", "kubectl-client-side-apply", false, []string{"kubectl-client-side-apply"}, nil},
		"Create":          {"kubectl create.", "kubectl-create", false, []string{"kubectl-create"}, nil},
		"Helm":            {"A release of Helm.", "helm", false, []string{"helm"}, nil},
		"Edited":          {"A fix by hand that has come to Git.", "kubectl-edit", true, nil, nil},
		"Controller":      {"A controller goes on to own what it has set.", "some-operator", true, nil, []string{"B"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			r := newRelease(t, schema.GroupKind{Group: "apps", Kind: "Deployment"})
			client := r.conn.client.Resource(deploymentsResource()).Namespace(r.inventory.Namespace)
			apply := func(text string) Live {
				live, err := r.actor.Apply(t.Context(), r.declare(text), Applying{})
				if err != nil {
					t.Fatal(err)
				}
				return live
			}
			if tc.edited {
				apply(webOf("A"))
				patch := `[{"op": "add", "path": "/spec/template/spec/containers/0/env/-", "value": {"name": "B", "value": "1"}}]`
				if _, err := client.Patch(t.Context(), "web", types.JSONPatchType, []byte(patch), metav1.PatchOptions{FieldManager: tc.manager}); err != nil {
					t.Fatal(err)
				}
			} else {
				o := object(t, webOf("A", "B"))
				o.SetNamespace(r.inventory.Namespace)
				if _, err := client.Create(t.Context(), o, metav1.CreateOptions{FieldManager: tc.manager}); err != nil {
					t.Fatal(err)
				}
			}
			live := apply(webOf("A", "B")) // it is adopted
			if diff := cmp.Diff(tc.tookOver, live.TookOver); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if again := apply(webOf("A", "B")); again.TookOver != nil || again.Owners.Ours != live.Owners.Ours {
				t.Errorf("%s\nanother apply of the same takes something over again: %v", tc.reason, again.TookOver)
			}
			apply(webOf("A"))
			if diff := cmp.Diff(append([]string{"A"}, tc.kept...), r.env()); diff != "" {
				t.Errorf("%s\nwhat runs: -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestAnObjectAdoptedBefore: an object that an earlier version has adopted, beside its predecessor, loses what is taken out of
// Git with that very change.
func TestAnObjectAdoptedBefore(t *testing.T) {
	t.Parallel()
	r := newRelease(t, schema.GroupKind{Group: "apps", Kind: "Deployment"})
	client := r.conn.client.Resource(deploymentsResource()).Namespace(r.inventory.Namespace)
	o := object(t, webOf("A", "B"))
	o.SetNamespace(r.inventory.Namespace)
	if _, err := client.Create(t.Context(), o, metav1.CreateOptions{FieldManager: "kubectl-client-side-apply"}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.Apply(t.Context(), "web", r.declare(webOf("A", "B")), metav1.ApplyOptions{FieldManager: FieldManager}); err != nil {
		t.Fatal(err)
	}
	if _, err := r.actor.Apply(t.Context(), r.declare(webOf("A")), Applying{}); err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff([]string{"A"}, r.env()); diff != "" {
		t.Errorf("what runs: -want +got:\n%s", diff)
	}
}

// TestAdditionsAreTakenBack: what someone has added by hand is seen with who, and removed where the environment wants that.
func TestAdditionsAreTakenBack(t *testing.T) {
	t.Parallel()
	r := newRelease(t, schema.GroupKind{Group: "apps", Kind: "Deployment"})
	in := plan.Input{Desired: []*unstructured.Unstructured{r.declare(webOf("A"))}, Drift: plan.Drift{Correct: true}}
	r.run(in)
	client := r.conn.client.Resource(deploymentsResource()).Namespace(r.inventory.Namespace)
	patch := `{"spec": {"paused": true, "template": {"spec": {"containers": [{"name": "main", "env": [{"name": "B", "value": "2"}]}, {"name": "side", "image": "x"}]}}}}`
	edited, err := client.Patch(t.Context(), "web", types.StrategicMergePatchType, []byte(patch), metav1.PatchOptions{FieldManager: "kubectl-patch"})
	if err != nil {
		t.Fatal(err)
	}
	r.until(func(e Event) bool { return !e.Object.Version.Before(plan.Version(edited.GetResourceVersion())) })
	p := r.run(in)
	var got []string
	for _, a := range p.Additions {
		for _, f := range a.Fields {
			got = append(got, f.Path.String()+" by "+f.Manager)
		}
	}
	want := []string{
		".spec.paused by kubectl-patch", `.spec.template.spec.containers[name="main"].env[name="B"] by kubectl-patch`,
		`.spec.template.spec.containers[name="side"] by kubectl-patch`,
	}
	if diff := cmp.Diff(want, got); diff != "" || !p.Empty() {
		t.Errorf("what was added: empty plan: %t, -want +got:\n%s", p.Empty(), diff)
	}
	in.Additions = plan.CorrectAdditions
	p = r.run(in)
	if len(p.Apply) != 1 || p.Apply[0][0].Reason != plan.Added {
		t.Fatalf("the plan is %+v", p)
	}
	if diff := cmp.Diff([]string{"A"}, r.env()); diff != "" {
		t.Errorf("what runs: -want +got:\n%s", diff)
	}
	o, err := client.Get(t.Context(), "web", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	if paused, found, _ := unstructured.NestedBool(o.Object, "spec", "paused"); found && paused {
		t.Error("it is still paused")
	}
}

// TestWhatAdmissionChanges in the very apply is told, with what was declared and what runs.
func TestWhatAdmissionChanges(t *testing.T) {
	t.Parallel()
	r := newRelease(t, schema.GroupKind{Group: "apps", Kind: "Deployment"})
	dynamicOf := func(resource string) schema.GroupVersionResource {
		return schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: resource}
	}
	name := "mirror-" + r.inventory.Namespace
	policy := object(t, `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicy
metadata: {name: `+name+`}
spec:
  reinvocationPolicy: Never
  matchConstraints: {resourceRules: [{apiGroups: [apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [deployments]}]}
  mutations:
  - patchType: JSONPatch
    jsonPatch: {expression: '[JSONPatch{op: "replace", path: "/spec/template/spec/containers/0/image", value: "mirror/" + object.spec.template.spec.containers[0].image}]'}
  matchConditions: [{name: once, expression: '!object.spec.template.spec.containers[0].image.startsWith("mirror/")'}]`)
	binding := object(t, `
apiVersion: admissionregistration.k8s.io/v1
kind: MutatingAdmissionPolicyBinding
metadata: {name: `+name+`}
spec: {policyName: `+name+`, matchResources: {namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: `+r.inventory.Namespace+`}}}}`)
	for resource, o := range map[string]*unstructured.Unstructured{"mutatingadmissionpolicies": policy, "mutatingadmissionpolicybindings": binding} {
		all := r.conn.client.Resource(dynamicOf(resource))
		if _, err := all.Create(t.Context(), o, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = all.Delete(context.WithoutCancel(t.Context()), name, metav1.DeleteOptions{}) })
	}
	await(t, func() bool { // the policy takes a moment to count
		live, err := r.actor.Apply(t.Context(), r.declare(webOf("A")), Applying{Force: true})
		if err != nil {
			t.Fatal(err)
		}
		return slices.ContainsFunc(live.Instead, func(d ownership.Difference) bool {
			return d.Path.String() == `.spec.template.spec.containers[name="main"].image` && d.Declared == "img" && d.Runs == "mirror/img"
		}) && len(live.Instead) == 1
	})
}
