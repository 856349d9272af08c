// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	admissionv1 "k8s.io/api/admission/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/reconciler/status"
)

var (
	mutating        = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "mutatingwebhookconfigurations"}
	validating      = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingwebhookconfigurations"}
	policies        = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicies"}
	policyBindings  = schema.GroupVersionResource{Group: "admissionregistration.k8s.io", Version: "v1", Resource: "validatingadmissionpolicybindings"}
	disruption      = schema.GroupVersionResource{Group: "policy", Version: "v1", Resource: "poddisruptionbudgets"}
	onlyInNamespace = "namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: %s}}"
)

// webhook is an admission webhook that the API server asks about ConfigMaps and Deployments of one namespace.
type webhook struct {
	// answer returns a patch (RFC 6902), or why not.
	answer func(*admissionv1.AdmissionRequest) (patch, refusal string)

	mu sync.Mutex
	// writes counts what it was asked about, by who asked and of which kind.
	writes map[string]int
}

func (h *webhook) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	var review admissionv1.AdmissionReview
	if err := json.NewDecoder(r.Body).Decode(&review); err != nil || review.Request == nil {
		http.Error(w, "no review", http.StatusBadRequest)
		return
	}
	req := review.Request
	patch, refusal := h.answer(req)
	h.mu.Lock()
	h.writes[req.Kind.Kind]++
	h.mu.Unlock()
	review.Response = &admissionv1.AdmissionResponse{UID: req.UID, Allowed: refusal == ""}
	if refusal != "" {
		review.Response.Result = &metav1.Status{Message: refusal}
	}
	if patch != "" {
		kind := admissionv1.PatchTypeJSONPatch
		review.Response.Patch, review.Response.PatchType = []byte(patch), &kind
	}
	if err := json.NewEncoder(w).Encode(review); err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
	}
}

func (h *webhook) count(kind string) int {
	h.mu.Lock()
	defer h.mu.Unlock()
	return h.writes[kind]
}

// serve registers the webhook for a namespace; it is gone with the test.
func (h *webhook) serve(c cell, r schema.GroupVersionResource, kind, namespace string) {
	c.t.Helper()
	h.writes = map[string]int{}
	server := httptest.NewTLSServer(h)
	c.t.Cleanup(server.Close)
	ca := base64.StdEncoding.EncodeToString(pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw}))
	name := strings.ToLower(kind) + "-" + namespace
	c.put(r, "", fmt.Sprintf(`apiVersion: admissionregistration.k8s.io/v1
kind: %s
metadata: {name: %s}
webhooks:
- name: judge.acme.example
  admissionReviewVersions: [v1]
  sideEffects: None
  failurePolicy: Fail
  clientConfig: {url: %q, caBundle: %s}
  %s
  rules:
  - {apiGroups: ["", apps], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps, deployments]}
`, kind, name, server.URL, ca, fmt.Sprintf(onlyInNamespace, namespace)))
	c.t.Cleanup(func() {
		if err := c.client.Resource(r).Delete(context.WithoutCancel(c.t.Context()), name, metav1.DeleteOptions{}); err != nil {
			c.t.Error(err)
		}
	})
	c.awaitInForce(namespace, func() bool { return h.count("ConfigMap") > 0 })
}

// awaitInForce writes to a namespace until what judges the writes is known to the API server, which takes a moment.
func (c cell) awaitInForce(namespace string, inForce func() bool) {
	c.t.Helper()
	for deadline := time.Now().Add(patience); !inForce(); {
		if time.Now().After(deadline) {
			c.t.Fatal("the API server never asks")
		}
		o := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "probe"},
		}}
		_, _ = c.client.Resource(configMaps).Namespace(namespace).Create(c.t.Context(), o, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
	}
}

// TestAWebhookThatChangesWhatIsApplied: mutation by admission is no drift, neither for the daemon that has applied nor for
// the next one, and nothing is applied again and again.
func TestAWebhookThatChangesWhatIsApplied(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	empty := platform("mutate", tree{
		"a/project.yaml": manifests("mutate-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("first", "1"),
	})
	d.mustAccept("c1", empty)
	d.awaitFine("c1")
	hook := &webhook{answer: func(req *admissionv1.AdmissionRequest) (string, string) {
		switch {
		case req.Name == "a":
			return `[{"op":"replace","path":"/data/key","value":"theirs"},{"op":"add","path":"/metadata/labels/team","value":"x"}]`, ""
		case req.Name == "d" && !strings.Contains(string(req.Object.Raw), `"sidecar"`):
			return `[{"op":"add","path":"/spec/template/spec/containers/-","value":{"name":"sidecar","image":"proxy"}},` +
				`{"op":"replace","path":"/spec/template/spec/containers/0/image","value":"mirror/img"},` +
				`{"op":"add","path":"/metadata/annotations/injected","value":"yes"}]`, ""
		}
		return "", ""
	}}
	hook.serve(c, mutating, "MutatingWebhookConfiguration", "mutate-a-dev")
	files := empty.with(tree{"a/objects/all.yaml": configMap("a", "1") + `---
apiVersion: apps/v1
kind: Deployment
metadata: {name: d}
spec: {replicas: 0, selector: {matchLabels: {a: b}}, template: {metadata: {labels: {a: b}}, spec: {containers: [{name: main, image: img}]}}}
`})
	d.mustAccept("c2", files, "a/objects/all.yaml")
	p := d.awaitFine("c2")
	if got := release(p, "mutate-a").Drifts; len(got) > 0 {
		t.Errorf("mutation by admission is said to be drift: %+v", got)
	}
	if got := c.value("mutate-a-dev", "a"); got != "theirs" {
		t.Fatalf("the value is %q: the webhook has changed nothing", got)
	}
	containers, _, _ := unstructured.NestedSlice(c.get(deployments, "mutate-a-dev", "d").Object, "spec", "template", "spec", "containers")
	if len(containers) != 2 {
		t.Fatalf("the Deployment has %d containers: the webhook has added none", len(containers))
	}

	// A change by others that concerns nothing of ours wakes the release; a new daemon looks at everything. Neither writes.
	// The one thing that is written in between reports whether all of it has been looked at.
	quiet := func(d *daemon, what, commit, value string) {
		t.Helper()
		version := c.get(configMaps, "mutate-a-dev", "a").GetResourceVersion()
		generation := c.get(deployments, "mutate-a-dev", "d").GetGeneration()
		before := hook.count("Deployment")
		d.mustAccept(commit, files.with(tree{"a/objects/all.yaml": files["a/objects/all.yaml"] + "---\n" + configMap("last", value)}), "a/objects/all.yaml")
		p := d.awaitFine(commit)
		if c.get(configMaps, "mutate-a-dev", "a").GetResourceVersion() != version ||
			c.get(deployments, "mutate-a-dev", "d").GetGeneration() != generation {
			t.Errorf("%s: what the webhook has changed was written again", what)
		}
		// The Deployment's controller writes its status only, which the webhook is not asked about.
		if after := hook.count("Deployment"); after != before {
			t.Errorf("%s: the Deployment was applied %d times", what, after-before)
		}
		if got := release(p, "mutate-a").Drifts; len(got) > 0 {
			t.Errorf("%s: mutation by admission is said to be drift: %+v", what, got)
		}
	}
	c.merge(deployments, "mutate-a-dev", "d", "someone", `{"metadata":{"labels":{"theirs":"1"}}}`)
	quiet(d, "a change by others", "c3", "1")
	d.stop()
	d = start(t, c.Kubeconfig)
	quiet(d, "a new daemon", "c4", "2")
}

// TestWhatAdmissionSaysIsToldInFull: webhooks, policies and quotas have reasons that people need, however long.
func TestWhatAdmissionSaysIsToldInFull(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	reason := strings.Repeat("the owner has to be named in the label team, as it says on page 12; ", 40) + "ask ann."
	one := strings.Join(strings.Fields(reason), " ")
	cases := map[string]struct {
		reason string
		judge  func(c cell, namespace string)
		object string
		want   string
		result status.Result
	}{
		"webhook": {
			"A webhook writes what it likes.",
			func(c cell, namespace string) {
				(&webhook{answer: func(*admissionv1.AdmissionRequest) (string, string) {
					return "", strings.Replace(reason, "; ", ";\n\x1b[31m ", 3)
				}}).serve(c, validating, "ValidatingWebhookConfiguration", namespace)
			},
			configMap("b", "1"), `applying ConfigMap NAMESPACE/b: admission webhook "judge.acme.example" denied the request: ` + one, status.Failed,
		},
		"policy": {
			"So does a policy.",
			func(c cell, namespace string) {
				c.put(policies, "", fmt.Sprintf(`apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: %s}
spec:
  matchConstraints: {%s, resourceRules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE, UPDATE], resources: [configmaps]}]}
  validations: [{expression: "false", messageExpression: %q}]
`, namespace, fmt.Sprintf(onlyInNamespace, namespace), "'"+one+"'"))
				c.t.Cleanup(func() {
					ctx := context.WithoutCancel(c.t.Context())
					if err := errors.Join(c.client.Resource(policyBindings).Delete(ctx, namespace, metav1.DeleteOptions{}),
						c.client.Resource(policies).Delete(ctx, namespace, metav1.DeleteOptions{})); err != nil {
						c.t.Error(err)
					}
				})
				c.put(policyBindings, "", fmt.Sprintf(`apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: %s}
spec: {policyName: %s, validationActions: [Deny]}
`, namespace, namespace))
				c.awaitInForce(namespace, func() bool {
					o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "try"}}}
					_, err := c.client.Resource(configMaps).Namespace(namespace).Create(c.t.Context(), o, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
					return err != nil
				})
			},
			configMap("b", "1"), `applying ConfigMap NAMESPACE/b: configmaps "b" is forbidden: ValidatingAdmissionPolicy 'NAMESPACE' with binding 'NAMESPACE' denied request: ` + one, status.Failed,
		},
		"quota": {
			"What is asked for, used and allowed.",
			func(c cell, namespace string) { c.quota(namespace, "secrets") },
			"apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {password: hunter2}\n",
			`applying Secret NAMESPACE/s: secrets "s" is forbidden: exceeded quota: few, requested: secrets=1, used: secrets=0, limited: secrets=0`, status.Retrying,
		},
		"quotas": {
			"Of more than one thing.",
			func(c cell, namespace string) { c.quota(namespace, "services", "count/services") },
			"apiVersion: v1\nkind: Service\nmetadata: {name: s}\nspec: {ports: [{port: 80}]}\n",
			`applying Service NAMESPACE/s: services "s" is forbidden: exceeded quota: few, requested: count/services=1,services=1, used: count/services=0,services=0, limited: count/services=0,services=0`, status.Retrying,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := look(t, c.Cluster)
			d := start(t, c.Kubeconfig)
			project, namespace := "say-"+name, "say-"+name+"-dev"
			files := platform("say"+name, tree{
				"a/project.yaml": manifests(project), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "1"),
			})
			d.mustAccept("c1", files)
			d.awaitFine("c1")
			tc.judge(c, namespace)
			d.mustAccept("c2", files.with(tree{"a/objects/all.yaml": configMap("a", "1") + "---\n" + tc.object}), "a/objects/all.yaml")
			got := d.awaitMessage(project, strings.ReplaceAll(tc.want, "NAMESPACE", namespace))
			if got.Result != tc.result || strings.Contains(got.Message, "hunter2") || strings.ContainsAny(got.Message, "\x1b\n") {
				t.Errorf("%s\nthe result is %s: %q", tc.reason, got.Result, got.Message)
			}
		})
	}
}

// awaitObject waits until an object satisfies a condition.
func (c cell) awaitObject(r schema.GroupVersionResource, namespace, name string, ok func(*unstructured.Unstructured) bool) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(c.t.Context(), patience)
	defer cancel()
	w, err := c.client.Resource(r).Namespace(namespace).Watch(ctx, metav1.ListOptions{FieldSelector: "metadata.name=" + name})
	if err != nil {
		c.t.Fatal(err)
	}
	defer w.Stop()
	for e := range w.ResultChan() {
		if o, is := e.Object.(*unstructured.Unstructured); is && ok(o) {
			return
		}
	}
	c.t.Fatalf("%s %s/%s never comes to what is waited for", r.Resource, namespace, name)
}

// quota lets a namespace have none of some resources, and waits until that counts.
func (c cell) quota(namespace string, resources ...string) {
	c.t.Helper()
	hard := map[string]any{}
	for _, r := range resources {
		hard[r] = "0"
	}
	data, err := json.Marshal(map[string]any{"apiVersion": "v1", "kind": "ResourceQuota", "metadata": map[string]any{"name": "few"}, "spec": map[string]any{"hard": hard}})
	if err != nil {
		c.t.Fatal(err)
	}
	c.apply(quotas, namespace, "few", "someone", string(data))
	c.awaitObject(quotas, namespace, "few", func(o *unstructured.Unstructured) bool {
		used, _, _ := unstructured.NestedMap(o.Object, "status", "used")
		return len(used) == len(resources)
	})
}

// TestADisruptionBudgetThatCannotBeComputed says why, in the words of its controller.
func TestADisruptionBudgetThatCannotBeComputed(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	d := start(t, c.Kubeconfig)
	files := platform("budget", tree{
		"a/project.yaml": manifests("budget-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": `apiVersion: batch/v1
kind: Job
metadata: {name: j}
spec:
  template:
    metadata: {labels: {app: web}}
    spec:
      automountServiceAccountToken: false
      restartPolicy: Never
      securityContext: {runAsNonRoot: true, runAsUser: 1000, seccompProfile: {type: RuntimeDefault}}
      containers: [{name: main, image: img, securityContext: {allowPrivilegeEscalation: false, capabilities: {drop: [ALL]}}}]
---
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: b}
spec: {maxUnavailable: 1, selector: {matchLabels: {app: web}}}
`,
	})
	d.mustAccept("c1", files)
	c.awaitObject(disruption, "budget-a-dev", "b", func(o *unstructured.Unstructured) bool {
		conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
		return strings.Contains(fmt.Sprint(conditions), "SyncFailed")
	})
	d.awaitMessage("budget-a", "PodDisruptionBudget.policy budget-a-dev/b", "jobs.batch does not implement the scale subresource")
}
