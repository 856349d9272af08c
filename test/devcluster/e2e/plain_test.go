// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	corev1 "k8s.io/api/core/v1"
)

// TestPlain runs pods where the operating system refuses namespaces, as one in which no further ones may be made does.
func TestPlain(t *testing.T) {
	const script = `echo 0 >/proc/sys/user/max_user_namespaces && exec "$@"`
	if err := exec.CommandContext(t.Context(), "unshare", "-Ur", "sh", "-c", script, "sh", "true").Run(); err != nil {
		t.Skip("cannot forbid namespaces here:", err)
	}
	c := launchBy(t, []string{"unshare", "-Ur", "sh", "-c", script, "sh"}, filepath.Join(t.TempDir(), "plain"), "--name", "plain")
	if c.kubeconfig == "" {
		<-c.exited
		t.Fatalf("devcluster did not start:\n%s", c.stderr)
	}
	plain := podSpec(corev1.RestartPolicyNever, "echo ran")
	c.createPod(t, "default", "plain", plain)
	c.awaitPod(t, "default", "plain", "it has succeeded", phase(corev1.PodSucceeded))

	mounted := podSpec(corev1.RestartPolicyNever, "true")
	mounted.Volumes = []corev1.Volume{{Name: "v", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	mounted.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "v", MountPath: "/v"}}
	c.createPod(t, "default", "mounted", mounted)
	pod := c.awaitPod(t, "default", "mounted", "it has failed", phase(corev1.PodFailed))
	if end := pod.Status.ContainerStatuses[0].State.Terminated; end == nil || !strings.Contains(end.Message, "nothing can be mounted at /v") {
		t.Errorf("end: %+v", end)
	}

	// Commands run beside a plain process as well.
	c.createPod(t, "default", "beside", podSpec(corev1.RestartPolicyAlways, "exec sleep 600"))
	c.awaitPod(t, "default", "beside", "it runs", phase(corev1.PodRunning))
	if diff := cmp.Diff("beside\n", c.kubectl(t, "exec", "beside", "--", "sh", "-c", "echo $HOSTNAME")); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}

	const mark = "86398.125" // nobody else sleeps that long
	c.createPod(t, "default", "detached", podSpec(corev1.RestartPolicyAlways, "(setsid sleep "+mark+" &); exec sleep "+mark))
	eventually(t, "both processes run", func() bool { return len(processes(t, "sleep "+mark)) >= 2 })
	if err := c.lifeline.Close(); err != nil {
		t.Fatal(err)
	}
	if code := c.awaitExit(t); code != 0 || !strings.Contains(c.stderr.String(), "gives no user and mount namespaces") {
		t.Errorf("exit code %d, stderr:\n%s", code, c.stderr)
	}
	if left := processes(t, mark); len(left) > 0 {
		t.Errorf("processes left: %v", left)
	}
}

// TestCoveredProc runs pods where parts of /proc are covered, as in a container of Docker: the kernel then refuses a new /proc.
func TestCoveredProc(t *testing.T) {
	const script = `mount -t tmpfs tmpfs /proc/sys && exec "$@"`
	if err := exec.CommandContext(t.Context(), "unshare", "-Urm", "sh", "-c", script, "sh", "true").Run(); err != nil {
		t.Skip("cannot forbid namespaces here:", err)
	}
	c := launchBy(t, []string{"unshare", "-Urm", "sh", "-c", script, "sh"}, filepath.Join(t.TempDir(), "covered"), "--name", "covered")
	if c.kubeconfig == "" {
		<-c.exited
		t.Fatalf("devcluster did not start:\n%s", c.stderr)
	}
	c.createPod(t, "default", "plain", podSpec(corev1.RestartPolicyNever, "echo ran"))
	c.awaitPod(t, "default", "plain", "it has succeeded", phase(corev1.PodSucceeded))
	if err := c.lifeline.Close(); err != nil {
		t.Fatal(err)
	}
	if code := c.awaitExit(t); code != 0 {
		t.Errorf("exit code %d", code)
	}
	for _, says := range []string{"the kernel refuses a new /proc where parts of the present one are covered", "systempaths=unconfined"} {
		if !strings.Contains(c.stderr.String(), says) {
			t.Errorf("stderr does not say %q:\n%s", says, c.stderr)
		}
	}
}
