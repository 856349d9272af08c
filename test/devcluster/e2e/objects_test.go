// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"

	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/fields"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/watch"
	"k8s.io/client-go/tools/cache"
	watchtools "k8s.io/client-go/tools/watch"
)

const hostImage = "trunkline.local/host:test"

// namespace makes a namespace under the restricted Pod Security Standard, which is what real workloads live in.
func (c *cluster) namespace(t *testing.T) string {
	t.Helper()
	ns, err := c.client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{
		GenerateName: "test-",
		Labels:       map[string]string{"pod-security.kubernetes.io/enforce": "restricted"},
	}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return ns.Name
}

// podSpec is a pod of one container that runs a shell script and meets the restricted standard.
func podSpec(policy corev1.RestartPolicy, script ...string) corev1.PodSpec {
	return corev1.PodSpec{
		RestartPolicy:   policy,
		SecurityContext: &corev1.PodSecurityContext{RunAsNonRoot: new(true), SeccompProfile: &corev1.SeccompProfile{Type: corev1.SeccompProfileTypeRuntimeDefault}},
		Containers: []corev1.Container{{
			Name: "main", Image: hostImage, Command: []string{"sh", "-ec", strings.Join(script, "\n")},
			SecurityContext: &corev1.SecurityContext{
				AllowPrivilegeEscalation: new(false), Capabilities: &corev1.Capabilities{Drop: []corev1.Capability{"ALL"}},
			},
		}},
	}
}

func (c *cluster) createPod(t *testing.T, ns, name string, spec corev1.PodSpec) {
	t.Helper()
	pod := &corev1.Pod{ObjectMeta: metav1.ObjectMeta{Name: name, Namespace: ns, Labels: map[string]string{"app": name}}, Spec: spec}
	// The namespace's ServiceAccount is made by a controller, a moment after the namespace.
	eventually(t, "the pod "+name+" can be created", func() bool {
		_, err := c.client.CoreV1().Pods(ns).Create(t.Context(), pod, metav1.CreateOptions{})
		if err != nil && !strings.Contains(err.Error(), "serviceaccount") {
			t.Fatal(err)
		}
		return err == nil
	})
}

func (c *cluster) createJob(t *testing.T, ns, name string, backoffLimit int32, spec corev1.PodSpec) {
	t.Helper()
	_, err := c.client.BatchV1().Jobs(ns).Create(t.Context(), &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec:       batchv1.JobSpec{BackoffLimit: &backoffLimit, Template: corev1.PodTemplateSpec{Spec: spec}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
}

// await watches one object until ok, and fails the test when it takes too long.
func await[T runtime.Object](t *testing.T, c cache.Getter, resource, ns, name string, zero T, what string, ok func(T) bool) T {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), waitTimeout)
	defer cancel()
	last := zero
	lw := cache.NewListWatchFromClient(c, resource, ns, fields.OneTermEqualSelector("metadata.name", name))
	_, err := watchtools.UntilWithSync(ctx, lw, zero, nil, func(e watch.Event) (bool, error) {
		object, is := e.Object.(T)
		if !is {
			return false, fmt.Errorf("unexpected object %T", e.Object)
		}
		last = object
		return e.Type != watch.Deleted && ok(object), nil
	})
	if err != nil {
		t.Fatalf("%s %s/%s: it does not come true that %s: %v; it is\n%s", resource, ns, name, what, err, encode(last))
	}
	return last
}

func encode(object runtime.Object) string {
	text, err := json.MarshalIndent(object, "", " ")
	if err != nil {
		return err.Error()
	}
	return string(text)
}

func (c *cluster) awaitPod(t *testing.T, ns, name, what string, ok func(*corev1.Pod) bool) *corev1.Pod {
	t.Helper()
	return await(t, c.client.CoreV1().RESTClient(), "pods", ns, name, &corev1.Pod{}, what, ok)
}

func (c *cluster) awaitJob(t *testing.T, ns, name string, condition batchv1.JobConditionType) *batchv1.Job {
	t.Helper()
	return await(t, c.client.BatchV1().RESTClient(), "jobs", ns, name, &batchv1.Job{}, "it is "+string(condition), func(j *batchv1.Job) bool {
		for _, is := range j.Status.Conditions {
			if is.Type == condition && is.Status == corev1.ConditionTrue {
				return true
			}
		}
		return false
	})
}

// awaitNoPod waits until the pod is gone and tells how long it took.
func (c *cluster) awaitNoPod(t *testing.T, ns, name string) time.Duration {
	t.Helper()
	begun := time.Now()
	eventually(t, "pod "+name+" is gone", func() bool {
		pods, err := c.client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=" + name})
		return err == nil && len(pods.Items) == 0
	})
	return time.Since(begun)
}

func phase(p corev1.PodPhase) func(*corev1.Pod) bool {
	return func(pod *corev1.Pod) bool { return pod.Status.Phase == p }
}
