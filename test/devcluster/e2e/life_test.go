// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"net"
	"net/url"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"syscall"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

// TestLife takes two clusters in mode fake through their lives, because starting one costs seconds.
func TestLife(t *testing.T) {
	var a, b *cluster
	var both sync.WaitGroup
	both.Go(func() { a = start(t, "--name", "first", "--mode", "fake", "--nodes", "3") })
	both.Go(func() { b = start(t, "--name", "second", "--mode", "fake") })
	both.Wait()
	if t.Failed() {
		t.FailNow()
	}

	t.Run("the kubeconfig trusts its own cluster only", func(t *testing.T) {
		config, err := clientcmd.LoadFromFile(a.kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("first", config.CurrentContext); diff != "" {
			t.Errorf("context (-want +got):\n%s", diff)
		}
		if cluster := config.Clusters["first"]; cluster == nil || cluster.InsecureSkipTLSVerify || len(cluster.CertificateAuthorityData) == 0 {
			t.Errorf("cluster of the kubeconfig: %+v", cluster)
		}
		mixed := rest.CopyConfig(a.config)
		mixed.Host = b.config.Host
		client, err := kubernetes.NewForConfig(mixed)
		if err != nil {
			t.Fatal(err)
		}
		if _, err = client.Discovery().ServerVersion(); err == nil || !strings.Contains(err.Error(), "certificate signed by unknown authority") {
			t.Errorf("the credentials of one cluster at the other: %v", err)
		}
		insecure := rest.CopyConfig(mixed)
		insecure.Insecure, insecure.CAData = true, nil
		if client, err = kubernetes.NewForConfig(insecure); err != nil {
			t.Fatal(err)
		}
		if _, err := client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{}); err == nil {
			t.Error("the other cluster takes a foreign client certificate")
		}
	})

	t.Run("it reports its version and nodes", func(t *testing.T) {
		version, err := a.client.Discovery().ServerVersion()
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff([]string{"1", "36"}, []string{version.Major, version.Minor}); diff != "" {
			t.Errorf("version (-want +got):\n%s", diff)
		}
		module, err := os.ReadFile("../go.mod")
		if err != nil {
			t.Fatal(err)
		}
		if want := "k8s.io/kubernetes " + version.GitVersion + "\n"; !strings.Contains(string(module), want) {
			t.Errorf("it reports a version that go.mod does not require: %q", want)
		}
		nodes, err := a.client.CoreV1().Nodes().List(t.Context(), metav1.ListOptions{})
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(3, len(nodes.Items)); diff != "" {
			t.Errorf("nodes (-want +got):\n%s", diff)
		}
	})

	t.Run("it listens on the loopback interface only", func(t *testing.T) {
		server, err := url.Parse(a.config.Host)
		if err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff("127.0.0.1", server.Hostname()); diff != "" {
			t.Errorf("host (-want +got):\n%s", diff)
		}
	})

	t.Run("a folder is used by one at a time", func(t *testing.T) {
		second := launch(t, a.dir, "--mode", "fake")
		if code := second.awaitExit(t); code != 1 || !strings.Contains(second.stderr.String(), "another devcluster runs in") {
			t.Errorf("exit code %d, stderr:\n%s", code, second.stderr)
		}
	})

	t.Run("pods", func(t *testing.T) { testFakePods(t, a) })

	t.Run("SIGTERM leaves nothing but the logs, a component's death is an error", func(t *testing.T) {
		before, err := os.ReadFile(a.kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		if err := a.cmd.Process.Signal(syscall.SIGTERM); err != nil {
			t.Fatal(err)
		}
		if code := a.awaitExit(t); code != 0 {
			t.Errorf("exit code %d, stderr:\n%s", code, a.stderr)
		}
		if left := processes(t, a.dir); len(left) > 0 {
			t.Errorf("processes left: %v", left)
		}
		if conn, err := net.Dial("tcp", strings.TrimPrefix(a.config.Host, "https://")); err == nil {
			_ = conn.Close()
			t.Error("the port is still open")
		}
		var left []string
		entries, err := os.ReadDir(a.dir)
		if err != nil {
			t.Fatal(err)
		}
		for _, entry := range entries {
			left = append(left, entry.Name())
		}
		if diff := cmp.Diff([]string{".devcluster", "logs"}, left); diff != "" {
			t.Errorf("what is left in the folder (-want +got):\n%s", diff)
		}

		again := launch(t, a.dir, "--name", "first", "--mode", "fake")
		after, err := os.ReadFile(again.kubeconfig)
		if err != nil {
			t.Fatal(err)
		}
		if string(before) == string(after) {
			t.Error("a second start has the credentials of the first")
		}

		for pid, line := range processes(t, again.dir) {
			if strings.Contains(line, "component kube-scheduler") {
				if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
					t.Fatal(err)
				}
			}
		}
		if code := again.awaitExit(t); code != 1 || !strings.Contains(again.stderr.String(), "kube-scheduler ended unexpectedly (signal: killed); last lines of") {
			t.Errorf("exit code %d after the death of the scheduler, stderr:\n%s", code, again.stderr)
		}
		if left := processes(t, again.dir); len(left) > 0 {
			t.Errorf("processes left: %v", left)
		}
	})

	t.Run("kill -9 leaves no process", func(t *testing.T) {
		if err := b.cmd.Process.Kill(); err != nil {
			t.Fatal(err)
		}
		b.awaitExit(t)
		eventually(t, "no process is left", func() bool { return len(processes(t, b.dir)) == 0 })
	})
}

func testFakePods(t *testing.T, c *cluster) {
	pod := corev1.PodTemplateSpec{
		ObjectMeta: metav1.ObjectMeta{Labels: map[string]string{"app": "web"}},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "example.com/anything"}}},
	}
	deployment, err := c.client.AppsV1().Deployments("default").Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec:       appsv1.DeploymentSpec{Replicas: new(int32(20)), Selector: metav1.SetAsLabelSelector(pod.Labels), Template: pod},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, c.client.AppsV1().RESTClient(), "deployments", "default", deployment.Name, &appsv1.Deployment{}, "all replicas are available",
		func(d *appsv1.Deployment) bool { return d.Status.AvailableReplicas == 20 })

	job := pod.Spec
	job.RestartPolicy = corev1.RestartPolicyNever
	c.createJob(t, "default", "good", 0, job)
	c.awaitJob(t, "default", "good", batchv1.JobComplete)

	failing := map[string]string{"devcluster.trunkline.dev/fail": "true"}
	_, err = c.client.BatchV1().Jobs("default").Create(t.Context(), &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: "bad"},
		Spec: batchv1.JobSpec{
			BackoffLimit: new(int32(0)),
			Template:     corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Annotations: failing}, Spec: job},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.awaitJob(t, "default", "bad", batchv1.JobFailed)

	_, err = c.client.CoreV1().Pods("default").Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "never-ready", Annotations: failing}, Spec: pod.Spec,
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.awaitPod(t, "default", "never-ready", "it waits with a message", func(p *corev1.Pod) bool {
		return len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].State.Waiting != nil &&
			strings.Contains(p.Status.ContainerStatuses[0].State.Waiting.Message, "annotation")
	})
	c.kubectl(t, "delete", "pod", "never-ready", "--timeout=30s")
}

// TestWrongUse shows that what cannot work is refused with a reason.
func TestWrongUse(t *testing.T) {
	foreign := t.TempDir()
	if err := os.WriteFile(filepath.Join(foreign, "precious"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		reason string
		dir    string
		args   []string
		code   int
		says   string
	}{
		{"a folder with other things in it is never touched", foreign, nil, 1, "is neither empty nor a folder of an earlier devcluster"},
		{"a mode is one of two", t.TempDir(), []string{"--mode", "magic"}, 2, "the modes are exec and fake"},
		{"an image has a program", t.TempDir(), []string{"--image", "postgres:17=run"}, 2, "write IMAGE=PROGRAM"},
		{"a mount has a place", t.TempDir(), []string{"--mount", "lake"}, 2, "write PATH=HOSTDIR"},
		{"a network is one of two", t.TempDir(), []string{"--network", "own"}, 2, "there are host and pods"},
		{"what does not run has no network", t.TempDir(), []string{"--network", "pods", "--mode", "fake"}, 2, "nothing runs that could have a network"},
		{"a name is a name", t.TempDir(), []string{"--name", "Not A Name"}, 2, "--name"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			got := launch(t, c.dir, c.args...)
			if code := got.awaitExit(t); code != c.code || !strings.Contains(got.stderr.String(), c.says) {
				t.Errorf("exit code %d, want %d; stderr, which should say %q:\n%s", code, c.code, c.says, got.stderr)
			}
		})
	}
}
