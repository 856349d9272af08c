// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"encoding/json"
	"fmt"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/util/intstr"
	metricsv1beta1 "k8s.io/metrics/pkg/apis/metrics/v1beta1"
)

func port(number int32) intstr.IntOrString { return intstr.FromInt32(number) }

func intstrNamed(name string) intstr.IntOrString { return intstr.FromString(name) }

// figures are what the containers of a pod use.
type figures struct {
	at time.Time
	// seconds of CPU were used in the time that the figures are of.
	milliCores, mib int64
	seconds         float64
}

func (c *cluster) figures(t *testing.T, ns, pod string) (f figures, ok bool) {
	t.Helper()
	body, err := c.client.CoreV1().RESTClient().Get().AbsPath("/apis/metrics.k8s.io/v1beta1/namespaces/" + ns + "/pods/" + pod).DoRaw(t.Context())
	if err != nil {
		return figures{}, false // it does not run yet
	}
	var got metricsv1beta1.PodMetrics
	if err := json.Unmarshal(body, &got); err != nil {
		t.Fatal(err)
	}
	if got.Window.Duration <= 0 || got.Timestamp.IsZero() {
		t.Errorf("figures of no time: %s", body)
	}
	f.at = got.Timestamp.Time
	for _, container := range got.Containers {
		f.milliCores += container.Usage.Cpu().MilliValue()
		f.mib += container.Usage.Memory().Value() >> 20
		f.seconds += container.Usage.Cpu().AsApproximateFloat64() * got.Window.Seconds()
	}
	return f, true
}

// testUsage compares a pod that computes and holds memory with one that does neither.
func testUsage(t *testing.T, c *cluster) {
	const mib = 96
	ns := c.runningPod(t, "busy", "exec python3 -c 'held = b\"x\" * (96 << 20)\nwhile True: pass'")
	spec := podSpec(corev1.RestartPolicyAlways, "exec sleep 600")
	c.createPod(t, ns, "idle", spec)
	c.awaitPod(t, ns, "idle", "it is ready", ready)
	eventually(t, "the busy pod uses CPU and memory, and the idle one does not", func() bool {
		busy, ok := c.figures(t, ns, "busy")
		idle, there := c.figures(t, ns, "idle")
		return ok && there && busy.milliCores > 10 && busy.milliCores > 2*idle.milliCores &&
			busy.mib >= mib && busy.mib < 3*mib && idle.mib < mib/4
	})

	// The real kubectl.
	table := c.kubectl(t, "-n", ns, "top", "pod", "--no-headers", "-l", "app=busy")
	if row := regexp.MustCompile(`^busy +[0-9]+m +([0-9]+)Mi *\n$`); !row.MatchString(table) {
		t.Errorf("kubectl top pod: %q", table)
	}
	if table := c.kubectl(t, "-n", ns, "top", "pod", "busy", "--containers", "--no-headers"); !strings.HasPrefix(table, "busy   main ") {
		t.Errorf("kubectl top pod --containers: %q", table)
	}
	if table := c.kubectl(t, "top", "node", "--no-headers"); !strings.HasPrefix(table, "node-1") {
		t.Errorf("kubectl top node: %q", table)
	}

	// Who may see pods may see what they use; who may not gets no figures.
	if diff := cmp.Diff("no\n", c.can(t, "system:serviceaccount:"+ns+":default", "list", "pods.metrics.k8s.io", ns)); diff != "" {
		t.Errorf("figures for an account without rights (-want +got):\n%s", diff)
	}
	c.kubectl(t, "-n", ns, "create", "rolebinding", "look", "--clusterrole=view", "--serviceaccount="+ns+":default")
	eventually(t, "a viewer may see figures", func() bool {
		return c.can(t, "system:serviceaccount:"+ns+":default", "list", "pods.metrics.k8s.io", ns) == "yes\n"
	})

	c.kubectl(t, "-n", ns, "delete", "pod", "busy", "--now")
	if _, err := c.client.CoreV1().RESTClient().Get().AbsPath("/apis/metrics.k8s.io/v1beta1/namespaces/" + ns + "/pods/busy").DoRaw(t.Context()); !apierrors.IsNotFound(err) {
		t.Errorf("figures of a pod that is gone: %v", err)
	}
}

// can asks whether someone may do something.
func (c *cluster) can(t *testing.T, who, verb, what, ns string) string {
	t.Helper()
	out, _ := c.command(t, "-n", ns, "auth", "can-i", verb, what, "--as="+who).Output() // "no" has an exit code of its own
	return string(out)
}

// testMemoryLimit has a container be killed that takes more than it may, as the kernel would, and one that takes less go on.
func testMemoryLimit(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	of := func(name string, mib int) {
		spec := podSpec(corev1.RestartPolicyNever, fmt.Sprintf("python3 -c 'held = b\"x\" * (%d << 20)\nimport time\ntime.sleep(2 if %d < 100 else 600)'", mib, mib))
		spec.Containers[0].Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: resource.MustParse("100Mi")}
		c.createPod(t, ns, name, spec)
	}
	of("greedy", 200)
	of("modest", 40)
	type end struct {
		Reason string
		Code   int32
	}
	for name, want := range map[string]end{"greedy": {"OOMKilled", 137}, "modest": {"Completed", 0}} {
		pod := c.awaitPod(t, ns, name, "it has ended", func(p *corev1.Pod) bool {
			return len(p.Status.ContainerStatuses) == 1 && p.Status.ContainerStatuses[0].State.Terminated != nil
		})
		ended := pod.Status.ContainerStatuses[0].State.Terminated
		if diff := cmp.Diff(want, end{ended.Reason, ended.ExitCode}); diff != "" {
			t.Errorf("%s ended otherwise (-want +got):\n%s", name, diff)
		}
	}
}

// testUsageOfTheEnded has the time of processes count that have ended: children, and what kubectl exec runs.
func testUsageOfTheEnded(t *testing.T, c *cluster) {
	const burn = `python3 -c 'import time
while time.process_time() < 1: pass'`
	ns := c.runningPod(t, "children", "while ! test -e /tmp/asked; do sleep 0.05; done", burn, "touch /tmp/burnt; exec sleep 600")
	if _, ok := c.figures(t, ns, "children"); !ok {
		t.Fatal("a pod that runs has no figures")
	}
	last := time.Time{}
	for _, command := range []string{"touch /tmp/asked; until test -e /tmp/burnt; do sleep 0.05; done", burn} {
		c.kubectl(t, "-n", ns, "exec", "children", "--", "sh", "-c", command)
		// A second at least was used since the last question, by processes that are no more.
		var used float64
		eventually(t, "the time of what has ended is counted", func() bool {
			f, ok := c.figures(t, ns, "children")
			if ok && f.at.After(last) {
				used, last = used+f.seconds, f.at
			}
			return used >= 0.99
		})
	}
	pod, err := c.client.CoreV1().Pods(ns).Get(t.Context(), "children", metav1.GetOptions{})
	if err != nil || pod.Status.ContainerStatuses[0].RestartCount != 0 {
		t.Errorf("the container was started again: %v", err)
	}
}
