// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"context"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"testing"
	"time"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/dynamic"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/test/clustertest"
)

// awaitTimeout bounds the waiting for what a real cluster does; a test that needs it has failed.
const awaitTimeout = 90 * time.Second

// world is a real cluster, with a namespace and a connection for one test.
type world struct {
	*testing.T

	cluster   *clustertest.Cluster
	namespace string
	conn      *Conn
	// reader is the service account as which is diagnosed; empty for the daemon.
	reader string
}

// actor returns who diagnoses.
func (w *world) actor() *Actor {
	w.Helper()
	as := Daemon()
	if w.reader != "" {
		var err error
		if as, err = ServiceAccount(w.namespace, w.reader); err != nil {
			w.Fatal(err)
		}
	}
	a, err := w.conn.As(as, plan.Scope{Namespace: w.namespace})
	if err != nil {
		w.Fatal(err)
	}
	return a
}

func newWorld(t *testing.T, c *clustertest.Cluster) *world {
	t.Helper()
	return &world{T: t, cluster: c, namespace: c.Namespace(t), conn: connect(t, c.Kubeconfig)}
}

func connect(t *testing.T, kubeconfig string) *Conn {
	t.Helper()
	c := New(Config{Name: "test", Kubeconfig: kubeconfig}, func(Event) {})
	t.Cleanup(c.Close)
	conn, err := c.Connect(t.Context(), t.Context())
	if err != nil {
		t.Fatal(err)
	}
	return conn
}

// make creates an object in the namespace and returns its name.
func (w *world) make(text string) plan.Ref {
	w.Helper()
	o := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON([]byte(strings.ReplaceAll(text, "NAMESPACE", w.namespace)))
	if err == nil {
		err = o.UnmarshalJSON(data)
	}
	if err != nil {
		w.Fatal(err)
	}
	m, err := w.conn.resource(w.Context(), o.GroupVersionKind().GroupKind())
	if err != nil {
		w.Fatal(err)
	}
	if m.Scope.Name() == "namespace" {
		o.SetNamespace(w.namespace)
	}
	if _, err := scoped(w.conn.client, m, w.namespace).Create(w.Context(), o, metav1.CreateOptions{}); err != nil {
		w.Fatal(err)
	}
	return plan.RefOf(o)
}

// await watches a kind in the namespace until an object of it satisfies a condition, and returns that object.
func (w *world) await(what string, gvr schema.GroupVersionResource, ok func(*unstructured.Unstructured) bool) *unstructured.Unstructured {
	w.Helper()
	ctx, cancel := context.WithTimeout(w.Context(), awaitTimeout)
	defer cancel()
	stream, err := w.conn.client.Resource(gvr).Namespace(w.namespace).Watch(ctx, metav1.ListOptions{})
	if err != nil {
		w.Fatal(err)
	}
	defer stream.Stop()
	var last any
	for event := range stream.ResultChan() {
		o, isObject := event.Object.(*unstructured.Unstructured)
		if !isObject || event.Type == watch.Deleted {
			continue
		}
		if ok(o) {
			return o
		}
		last = o.Object["status"]
	}
	w.Fatalf("%s did not come about; the last status was %v", what, last)
	return nil
}

// count counts the requests of the connection from now on.
func (w *world) count() *atomic.Int64 {
	w.Helper()
	var n atomic.Int64
	cfg := rest.CopyConfig(w.cluster.Config)
	cfg.Wrap(func(next http.RoundTripper) http.RoundTripper {
		return roundTripper(func(req *http.Request) (*http.Response, error) {
			n.Add(1)
			return next.RoundTrip(req)
		})
	})
	base, err := rest.HTTPClientFor(cfg)
	if err != nil {
		w.Fatal(err)
	}
	client, err := dynamic.NewForConfigAndClient(cfg, base)
	if err != nil {
		w.Fatal(err)
	}
	w.conn.client, w.conn.http = client, base
	return &n
}

type roundTripper func(*http.Request) (*http.Response, error)

// RoundTrip implements [http.RoundTripper].
func (f roundTripper) RoundTrip(req *http.Request) (*http.Response, error) { return f(req) }

// diagnose holds a reason to its code, and to parts of its summary.
func (w *world) diagnose(ref plan.Ref, want health.Code, parts ...string) health.Reason {
	w.Helper()
	r, err := w.actor().Diagnose(w.Context(), ref, nil)
	if err != nil {
		w.Fatal(err)
	}
	w.holds(r, want, parts...)
	if len(r.Notes) > 0 {
		w.Errorf("something could not be read: %q", r.Notes)
	}
	return r
}

func (w *world) holds(r health.Reason, want health.Code, parts ...string) {
	w.Helper()
	if r.Code != want {
		w.Errorf("the code is %q, want %q: %s", r.Code, want, r.Summary)
	}
	for _, part := range parts {
		if !strings.Contains(r.Summary, part) {
			w.Errorf("the summary does not say %q: %s", part, r.Summary)
		}
	}
}

func deployments() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "apps", Version: "v1", Resource: "deployments"}
}

func jobs() schema.GroupVersionResource {
	return schema.GroupVersionResource{Group: "batch", Version: "v1", Resource: "jobs"}
}

// deployment writes a Deployment of one pod; pod are further fields of its spec.
func deployment(image, command, pod string) string {
	return fmt.Sprintf(`{apiVersion: apps/v1, kind: Deployment, metadata: {name: web}, spec: {selector: {matchLabels: {app: web}}, template: {
		metadata: {labels: {app: web}}, spec: {automountServiceAccountToken: false, %s terminationGracePeriodSeconds: 0,
		containers: [{name: main, image: %q, command: [/bin/sh, -c, %q]}]}}}}`, pod, image, command)
}

const hostImage = "trunkline.local/host"

// waitsFor tells a pod with a container that waits for a reason.
func waitsFor(reason string) func(*unstructured.Unstructured) bool {
	return func(o *unstructured.Unstructured) bool {
		statuses, _, _ := unstructured.NestedSlice(o.Object, "status", "containerStatuses")
		return slices.ContainsFunc(statuses, func(s any) bool {
			m, _ := s.(map[string]any)
			got, _, _ := unstructured.NestedString(m, "state", "waiting", "reason")
			return got == reason
		})
	}
}

func hasCondition(kind, status string) func(*unstructured.Unstructured) bool {
	return func(o *unstructured.Unstructured) bool {
		conditions, _, _ := unstructured.NestedSlice(o.Object, "status", "conditions")
		return slices.ContainsFunc(conditions, func(c any) bool {
			m, _ := c.(map[string]any)
			return m["type"] == kind && m["status"] == status
		})
	}
}

// TestDiagnose breaks workloads on a real cluster in the ways that people meet.
func TestDiagnose(t *testing.T) {
	c := clustertest.Start(t, clustertest.Options{Name: "diagnose", Mode: clustertest.Exec})

	t.Run("ImagePull", func(t *testing.T) {
		w := newWorld(t, c)
		ref := w.make(deployment("nginx:1.29", "true", ""))
		w.await("the image that cannot be pulled", podsResource(), waitsFor("ImagePullBackOff"))
		w.diagnose(ref, health.ImagePull, `container "main" of pod web-`, `"nginx:1.29"`, "devcluster runs only images of trunkline.local/host")
	})

	t.Run("Quota", func(t *testing.T) {
		w := newWorld(t, c)
		w.make(`{apiVersion: v1, kind: ResourceQuota, metadata: {name: team}, spec: {hard: {pods: "0"}}}`)
		w.await("the quota", corev1.SchemeGroupVersion.WithResource("resourcequotas"), func(o *unstructured.Unstructured) bool {
			hard, _, _ := unstructured.NestedMap(o.Object, "status", "hard")
			return len(hard) > 0
		})
		ref := w.make(deployment(hostImage, "sleep 600", ""))
		live := w.await("the refused pod", deployments(), hasCondition("ReplicaFailure", "True"))
		if v := health.Of(live, nil); v.State != health.Stalled || !strings.Contains(v.Message, "exceeded quota: team, requested: pods=1, used: pods=0, limited: pods=0") {
			t.Errorf("the Deployment is %s: %s", v.State, v.Message)
		}
		w.diagnose(ref, health.Quota, "exceeded quota: team, requested: pods=1, used: pods=0, limited: pods=0")
	})

	t.Run("Webhook", func(t *testing.T) {
		w := newWorld(t, c)
		hook := w.make(`{apiVersion: admissionregistration.k8s.io/v1, kind: ValidatingWebhookConfiguration, metadata: {name: away-NAMESPACE}, webhooks: [{
			name: away.acme.io, clientConfig: {url: "https://127.0.0.1:1/"}, sideEffects: None, admissionReviewVersions: [v1], timeoutSeconds: 1, failurePolicy: Fail,
			namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NAMESPACE}},
			rules: [{apiGroups: [""], apiVersions: [v1], operations: [CREATE], resources: [pods], scope: "*"}]}]}`)
		t.Cleanup(func() {
			hooks := c.Client(t).AdmissionregistrationV1().ValidatingWebhookConfigurations()
			if err := hooks.Delete(context.WithoutCancel(t.Context()), hook.Name, metav1.DeleteOptions{}); err != nil {
				t.Error(err)
			}
		})
		// The API server takes a moment to see the webhook: a pod may slip through, and the next one is refused.
		ref := w.make(strings.Replace(deployment(hostImage, "sleep 600", ""), "spec: {", "spec: {replicas: 1, ", 1))
		refuse := func() bool {
			_, err := c.Client(t).CoreV1().Pods(w.namespace).Create(t.Context(), &corev1.Pod{
				ObjectMeta: metav1.ObjectMeta{GenerateName: "try-"}, Spec: corev1.PodSpec{Containers: []corev1.Container{{Name: "c", Image: "x"}}},
			}, metav1.CreateOptions{DryRun: []string{metav1.DryRunAll}})
			return err != nil && strings.Contains(err.Error(), "failed calling webhook")
		}
		for deadline := time.Now().Add(awaitTimeout); !refuse(); {
			if time.Now().After(deadline) {
				t.Fatal("the webhook is never asked")
			}
		}
		if err := c.Client(t).CoreV1().Pods(w.namespace).DeleteCollection(t.Context(), metav1.DeleteOptions{}, metav1.ListOptions{}); err != nil {
			t.Fatal(err)
		}
		w.await("the refused pod", deployments(), hasCondition("ReplicaFailure", "True"))
		w.diagnose(ref, health.Webhook, `failed calling webhook "away.acme.io"`, "connection refused")
	})

	t.Run("Unschedulable", func(t *testing.T) {
		w := newWorld(t, c)
		ref := w.make(deployment(hostImage, "sleep 600", "nodeSelector: {disk: none},"))
		w.await("the pod without a node", podsResource(), hasCondition("PodScheduled", "False"))
		w.diagnose(ref, health.Unschedulable, "nodes are available", "node(s) didn't match Pod's node affinity/selector")
	})

	t.Run("BackoffLimit", func(t *testing.T) {
		w := newWorld(t, c)
		ref := w.make(`{apiVersion: batch/v1, kind: Job, metadata: {name: load}, spec: {backoffLimit: 0, template: {spec: {restartPolicy: Never,
			automountServiceAccountToken: false, containers: [{name: main, image: trunkline.local/host, command: [/bin/sh, -c,
			"for i in 1 2 3 4 5 6 7 8 9; do echo line $i; echo; done; echo; echo the key is correct-horse; printf '\\033[31mred\\033[0m\\n'; exit 3"]}]}}}}`)
		live := w.await("the Job's end", jobs(), hasCondition("Failed", "True"))
		if v := health.Of(live, nil); v.State != health.Failed || v.Message != "Job has reached the specified backoff limit" {
			t.Errorf("the Job is %s: %s", v.State, v.Message)
		}
		secret := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s"}, "stringData": map[string]any{"key": "correct-horse"},
		}}
		r, err := w.actor().Diagnose(t.Context(), ref, []*unstructured.Unstructured{secret})
		if err != nil {
			t.Fatal(err)
		}
		w.holds(r, health.BackoffLimit, "gave up after 1 failed pod (backoffLimit 0)", `container "main" of pod load-`, "exit code 3")
		if n := len(r.Lines); n < 3 || n > health.MaxLogLines || r.Lines[n-2] != "the key is [redacted]" || r.Lines[n-1] != "red" {
			t.Errorf("the log is %q", r.Lines)
		}
	})

	t.Run("CrashLoopWithFewRights", func(t *testing.T) {
		w := newWorld(t, c)
		ref := w.make(deployment(hostImage, "echo bye; exit 7", ""))
		w.await("the crash loop", podsResource(), waitsFor("CrashLoopBackOff"))
		requests := w.count()
		r := w.diagnose(ref, health.CrashLoop, `container "main" of pod web-`, "exit code 7")
		if !slices.Equal(r.Lines, []string{"bye"}) {
			t.Errorf("the log is %q", r.Lines)
		}
		if n := requests.Load(); n != 7 {
			t.Errorf("the diagnosis took %d requests, want 7: object, ReplicaSets, pods, three lists of events, log", n)
		}

		w.make(`{apiVersion: v1, kind: ServiceAccount, metadata: {name: viewer}}`)
		w.make(`{apiVersion: rbac.authorization.k8s.io/v1, kind: Role, metadata: {name: viewer}, rules: [
			{apiGroups: [apps], resources: [deployments], verbs: [get]}, {apiGroups: [""], resources: [pods], verbs: [list]}]}`)
		w.make(`{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {name: viewer},
			roleRef: {apiGroup: rbac.authorization.k8s.io, kind: Role, name: viewer}, subjects: [{kind: ServiceAccount, name: viewer, namespace: NAMESPACE}]}`)
		w.reader = "viewer"
		var few health.Reason
		for deadline := time.Now().Add(awaitTimeout); ; { // the authorizer takes a moment to see the role
			var err error
			if few, err = w.actor().Diagnose(t.Context(), ref, nil); err == nil && few.Code == health.CrashLoop {
				break
			}
			if time.Now().After(deadline) {
				t.Fatal("the few rights never count:", few, err)
			}
		}
		w.holds(few, health.CrashLoop, "exit code 7")
		notes := strings.Join(few.Notes, "\n")
		for _, what := range []string{"replicasets", "events", "the log of container"} {
			if !strings.Contains(notes, what) || !strings.Contains(notes, "may not be read by the account of the release") {
				t.Errorf("the notes do not say that %s may not be read: %q", what, few.Notes)
			}
		}
		if !w.conn.cluster.State().Reachable {
			t.Error("what may not be read makes the cluster unreachable")
		}
	})

	t.Run("Gone", func(t *testing.T) {
		w := newWorld(t, c)
		_, err := w.actor().Diagnose(t.Context(), plan.Ref{GroupKind: schema.GroupKind{Group: "apps", Kind: "Deployment"}, Namespace: w.namespace, Name: "gone"}, nil)
		if err == nil || !strings.Contains(err.Error(), "diagnosing Deployment.apps "+w.namespace+"/gone") {
			t.Errorf("got %v", err)
		}
	})
}
