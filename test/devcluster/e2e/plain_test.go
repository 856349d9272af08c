// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"os/exec"
	"path/filepath"
	"strings"
	"testing"

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
