// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// TestExec runs pods as processes. All its tests share one cluster, each in a namespace of its own.
func TestExec(t *testing.T) {
	lake := t.TempDir()
	if err := os.WriteFile(filepath.Join(lake, "in"), []byte("from the host\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	c := start(t, "--name", "exec", "--enforce-memory", "--mount", "/lake="+lake, "--mount", "/devcluster="+filepath.Dir(binary)+":ro", "--image", "echo:1=/bin/echo")
	t.Run("in parallel", func(t *testing.T) {
		for name, test := range map[string]func(*testing.T, *cluster){
			"volumes":          testVolumes,
			"job retries":      testJobRetries,
			"restart":          testRestart,
			"deadline":         testDeadline,
			"deletion":         testDeletion,
			"foreign image":    testForeignImage,
			"named image":      testNamedImage,
			"missing command":  testMissingCommand,
			"missing object":   testMissingObject,
			"hostPath":         testHostPath,
			"init and sidecar": testInitAndSidecar,
			"read-only root":   testReadOnlyRoot,
			"own proc":         testProc,
			"many at once":     testManyAtOnce,
			"deployment":       testDeployment,
			"liveness":         testLiveness,
			"cron job":         testCronJob,
			"logs":             testLogs,
			"in-cluster":       testInCluster,
			"claims":           testClaims,
			"stateful set":     testStatefulSet,
			"programs":         testPrograms,
			"exec":             testKubectlExec,
			"exec by client":   testExecByClient,
			"attach":           testAttach,
			"terminal":         testTerminal,
			"cp":               testCopy,
			"port-forward":     testPortForward,
			"usage":            testUsage,
			"usage adds up":    testUsageOfTheEnded,
			"memory limit":     testMemoryLimit,
		} {
			t.Run(name, func(t *testing.T) {
				t.Parallel()
				test(t, c)
			})
		}
		t.Run("mount", func(t *testing.T) {
			t.Parallel()
			testMount(t, c, lake)
		})
	})
	// Last, as it ends the cluster.
	t.Run("kill -9 ends the pods", func(t *testing.T) { testKill(t, c) })
}

func testVolumes(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	_, err := c.client.CoreV1().ConfigMaps(ns).Create(t.Context(), &corev1.ConfigMap{
		ObjectMeta: metav1.ObjectMeta{Name: "settings"}, Data: map[string]string{"COLOUR": "red", "a.txt": "alpha\n", "b.txt": "beta\n"},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	_, err = c.client.CoreV1().Secrets(ns).Create(t.Context(), &corev1.Secret{
		ObjectMeta: metav1.ObjectMeta{Name: "password"}, StringData: map[string]string{"pw": "geheim\n"},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	spec := podSpec(
		corev1.RestartPolicyNever,
		`cat /made/for/this/a.txt; ls /made/for/this; cat /etc/password/pw; stat -c %a /etc/password/..data 2>/dev/null || stat -c %a /etc/password/pw`,
		`cat /made/sub.txt; echo "$COLOUR $NAME $PREFIX_COLOUR $(GREETING) $LIMIT"; cat /info/labels; echo; cat /info/namespace; echo`,
		`echo kept > /scratch/x; cat /scratch/x; (echo no > /made/for/this/x) 2>/dev/null || echo refused; (echo no > /usr/x) 2>/dev/null || echo host refused`,
		`id -u; pwd; test -s /var/run/secrets/kubernetes.io/serviceaccount/token && echo token; test -s /tokens/own && echo own token; ls /tmp | wc -l`,
	)
	spec.Volumes = []corev1.Volume{
		{Name: "settings", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}, Items: []corev1.KeyToPath{{Key: "a.txt", Path: "a.txt"}},
		}}},
		{Name: "all", VolumeSource: corev1.VolumeSource{ConfigMap: &corev1.ConfigMapVolumeSource{
			LocalObjectReference: corev1.LocalObjectReference{Name: "settings"},
		}}},
		{Name: "password", VolumeSource: corev1.VolumeSource{Secret: &corev1.SecretVolumeSource{SecretName: "password", DefaultMode: new(int32(0o400))}}},
		{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}},
		{Name: "info", VolumeSource: corev1.VolumeSource{DownwardAPI: &corev1.DownwardAPIVolumeSource{Items: []corev1.DownwardAPIVolumeFile{
			{Path: "labels", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.labels"}},
			{Path: "namespace", FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.namespace"}},
		}}}},
		{Name: "tokens", VolumeSource: corev1.VolumeSource{Projected: &corev1.ProjectedVolumeSource{Sources: []corev1.VolumeProjection{
			{ServiceAccountToken: &corev1.ServiceAccountTokenProjection{Path: "own", Audience: "someone", ExpirationSeconds: new(int64(600))}},
		}}}},
	}
	main := &spec.Containers[0]
	main.WorkingDir = "/work/here"
	main.VolumeMounts = []corev1.VolumeMount{
		{Name: "settings", MountPath: "/made/for/this"},
		{Name: "password", MountPath: "/etc/password"},
		{Name: "all", MountPath: "/made/sub.txt", SubPath: "b.txt"},
		{Name: "scratch", MountPath: "/scratch"},
		{Name: "info", MountPath: "/info"},
		{Name: "tokens", MountPath: "/tokens"},
	}
	main.Resources.Limits = corev1.ResourceList{corev1.ResourceMemory: mustParse("64Mi")}
	main.EnvFrom = []corev1.EnvFromSource{{Prefix: "PREFIX_", ConfigMapRef: &corev1.ConfigMapEnvSource{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}}}}
	main.Env = []corev1.EnvVar{
		{Name: "COLOUR", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{LocalObjectReference: corev1.LocalObjectReference{Name: "settings"}, Key: "COLOUR"}}},
		{Name: "NAME", ValueFrom: &corev1.EnvVarSource{FieldRef: &corev1.ObjectFieldSelector{FieldPath: "metadata.name"}}},
		{Name: "GREETING", Value: "hello-$(COLOUR)"},
		{Name: "LIMIT", ValueFrom: &corev1.EnvVarSource{ResourceFieldRef: &corev1.ResourceFieldSelector{Resource: "limits.memory", Divisor: mustParse("1Mi")}}},
	}
	c.createPod(t, ns, "reader", spec)
	c.awaitPod(t, ns, "reader", "it has succeeded", phase(corev1.PodSucceeded))
	want := strings.Join([]string{
		"alpha", "a.txt", "geheim", "400",
		"beta", "red reader red hello-red 64", `app="reader"`, ns,
		"kept", "refused", "host refused",
		"65532", "/work/here", "token", "own token", "0", "",
	}, "\n")
	if diff := cmp.Diff(want, c.kubectl(t, "-n", ns, "logs", "reader")); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	if _, err := os.Stat("/made"); err == nil {
		t.Error("a mount point was made on the host")
	}
}

func testMount(t *testing.T, c *cluster, lake string) {
	ns := c.namespace(t)
	c.createPod(t, ns, "writer", podSpec(corev1.RestartPolicyNever, "tr a-z A-Z </lake/in >/lake/out"))
	c.awaitPod(t, ns, "writer", "it has succeeded", phase(corev1.PodSucceeded))
	got, err := os.ReadFile(filepath.Join(lake, "out"))
	if err != nil {
		t.Fatal(err)
	}
	if diff := cmp.Diff("FROM THE HOST\n", string(got)); diff != "" {
		t.Errorf("output (-want +got):\n%s", diff)
	}
}

func testJobRetries(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	c.createJob(t, ns, "fails", 1, podSpec(corev1.RestartPolicyNever, "echo because >/dev/termination-log; exit 3"))
	job := c.awaitJob(t, ns, "fails", batchv1.JobFailed)
	if diff := cmp.Diff(int32(2), job.Status.Failed); diff != "" {
		t.Errorf("failed pods (-want +got):\n%s", diff)
	}
	pods, err := c.client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{LabelSelector: "job-name=fails"})
	if err != nil {
		t.Fatal(err)
	}
	for _, pod := range pods.Items {
		end := pod.Status.ContainerStatuses[0].State.Terminated
		if end == nil || end.ExitCode != 3 || end.Reason != "Error" || end.Message != "because\n" {
			t.Errorf("end of pod %s: %+v", pod.Name, end)
		}
	}
}

func testRestart(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	spec := podSpec(corev1.RestartPolicyOnFailure, `echo x >>/scratch/n; n=$(wc -l </scratch/n); echo attempt $n; test $n -ge 2`)
	spec.Volumes = []corev1.Volume{{Name: "scratch", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "scratch", MountPath: "/scratch"}}
	c.createPod(t, ns, "twice", spec)
	pod := c.awaitPod(t, ns, "twice", "it has succeeded", phase(corev1.PodSucceeded))
	if diff := cmp.Diff(int32(1), pod.Status.ContainerStatuses[0].RestartCount); diff != "" {
		t.Errorf("restarts (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("attempt 1\n", c.kubectl(t, "-n", ns, "logs", "twice", "--previous")); diff != "" {
		t.Errorf("previous log (-want +got):\n%s", diff)
	}

	c.createPod(t, ns, "crashing", podSpec(corev1.RestartPolicyAlways, "exit 1"))
	c.awaitPod(t, ns, "crashing", "it is in CrashLoopBackOff", func(p *corev1.Pod) bool {
		w := waitingOf(p)
		return w != nil && w.Reason == "CrashLoopBackOff" && p.Status.Phase == corev1.PodRunning
	})
}

func testDeadline(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	spec := podSpec(corev1.RestartPolicyNever, "exec sleep 600")
	spec.ActiveDeadlineSeconds, spec.TerminationGracePeriodSeconds = new(int64(1)), new(int64(0))
	c.createPod(t, ns, "late", spec)
	pod := c.awaitPod(t, ns, "late", "it has failed", phase(corev1.PodFailed))
	if diff := cmp.Diff("DeadlineExceeded", pod.Status.Reason); diff != "" {
		t.Errorf("reason (-want +got):\n%s", diff)
	}
}

func testDeletion(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	up := &corev1.Probe{ProbeHandler: corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"test", "-e", "/tmp/up"}}}, PeriodSeconds: 1}
	polite := podSpec(corev1.RestartPolicyAlways, `trap 'exit 0' TERM; touch /tmp/up; while :; do sleep 0.05; done`)
	stubborn := podSpec(corev1.RestartPolicyAlways, `trap '' TERM; touch /tmp/up; sleep 600 & sleep 600`)
	stubborn.TerminationGracePeriodSeconds = new(int64(1))
	for name, spec := range map[string]corev1.PodSpec{"polite": polite, "stubborn": stubborn} {
		spec.Containers[0].ReadinessProbe = up
		c.createPod(t, ns, name, spec)
	}
	for _, name := range []string{"polite", "stubborn"} {
		c.awaitPod(t, ns, name, "it is ready", func(p *corev1.Pod) bool {
			return len(p.Status.ContainerStatuses) > 0 && p.Status.ContainerStatuses[0].Ready
		})
		c.kubectl(t, "-n", ns, "delete", "pod", name, "--wait=false")
	}
	if took := c.awaitNoPod(t, ns, "polite"); took > 15*time.Second {
		t.Errorf("a pod that ends at once took %s of its 30 s of grace", took)
	}
	c.awaitNoPod(t, ns, "stubborn")
}

func testForeignImage(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	spec := podSpec(corev1.RestartPolicyAlways, "true")
	spec.Containers[0].Image = "nginx:1.29"
	c.createPod(t, ns, "foreign", spec)
	pod := c.awaitPod(t, ns, "foreign", "its image is refused", func(p *corev1.Pod) bool {
		return waitingOf(p) != nil && waitingOf(p).Reason == "ImagePullBackOff"
	})
	want := &corev1.ContainerStateWaiting{
		Reason: "ImagePullBackOff", Message: "devcluster runs only images of trunkline.local/host; nginx:1.29 is for a real cluster",
	}
	if diff := cmp.Diff(want, waitingOf(pod)); diff != "" {
		t.Errorf("waiting (-want +got):\n%s", diff)
	}
	c.kubectl(t, "-n", ns, "delete", "pod", "foreign", "--timeout=30s")
}

func testNamedImage(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	for name, tc := range map[string]struct{ command, want string }{"own": {"", "good morning\n"}, "other": {"basename", "morning\n"}} {
		spec := podSpec(corev1.RestartPolicyNever)
		spec.Containers[0].Image, spec.Containers[0].Args = "echo:1", []string{"good", "morning"}
		if spec.Containers[0].Command = nil; tc.command != "" {
			spec.Containers[0].Command, spec.Containers[0].Args = []string{tc.command}, []string{"good/morning"}
		}
		c.createPod(t, ns, name, spec)
		c.awaitPod(t, ns, name, "it has ended", func(p *corev1.Pod) bool { return p.Status.Phase == corev1.PodSucceeded })
		if diff := cmp.Diff(tc.want, c.kubectl(t, "-n", ns, "logs", name)); diff != "" {
			t.Errorf("%s: the log (-want +got):\n%s", name, diff)
		}
	}
}

func testMissingCommand(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	spec := podSpec(corev1.RestartPolicyNever)
	spec.Containers[0].Command = []string{"no-such-program"}
	c.createPod(t, ns, "missing", spec)
	pod := c.awaitPod(t, ns, "missing", "it has failed", phase(corev1.PodFailed))
	end := pod.Status.ContainerStatuses[0].State.Terminated
	if end == nil || end.ExitCode != 128 || end.Reason != "StartError" || !strings.Contains(end.Message, `"no-such-program": executable file not found`) {
		t.Errorf("end: %+v", end)
	}
}

func testMissingObject(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	spec := podSpec(corev1.RestartPolicyNever, "echo $WORD")
	spec.Containers[0].Env = []corev1.EnvVar{{Name: "WORD", ValueFrom: &corev1.EnvVarSource{ConfigMapKeyRef: &corev1.ConfigMapKeySelector{
		LocalObjectReference: corev1.LocalObjectReference{Name: "later"}, Key: "word",
	}}}}
	c.createPod(t, ns, "early", spec)
	c.awaitPod(t, ns, "early", "it says what it waits for", func(p *corev1.Pod) bool {
		w := waitingOf(p)
		return w != nil && w.Reason == "CreateContainerConfigError" && strings.Contains(w.Message, `configmaps "later" not found`)
	})
	c.kubectl(t, "-n", ns, "create", "configmap", "later", "--from-literal=word=there")
	c.awaitPod(t, ns, "early", "it has succeeded", phase(corev1.PodSucceeded))
}

func testHostPath(t *testing.T, c *cluster) {
	ns, err := c.client.CoreV1().Namespaces().Create(t.Context(), &corev1.Namespace{ObjectMeta: metav1.ObjectMeta{GenerateName: "test-"}}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	spec := podSpec(corev1.RestartPolicyNever, "true")
	spec.Volumes = []corev1.Volume{{Name: "host", VolumeSource: corev1.VolumeSource{HostPath: &corev1.HostPathVolumeSource{Path: "/data"}}}}
	c.createPod(t, ns.Name, "host", spec)
	c.awaitPod(t, ns.Name, "host", "it says why it does not start", func(p *corev1.Pod) bool {
		return waitingOf(p) != nil && strings.Contains(waitingOf(p).Message, "no hostPath; start it with --mount /data=HOSTDIR")
	})
}

func waitingOf(pod *corev1.Pod) *corev1.ContainerStateWaiting {
	if len(pod.Status.ContainerStatuses) == 0 {
		return nil
	}
	return pod.Status.ContainerStatuses[0].State.Waiting
}

func testKill(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	const mark = "86399.125" // nobody else sleeps that long
	c.createPod(t, ns, "sleeper", podSpec(corev1.RestartPolicyAlways, "(setsid sleep "+mark+" &) ; exec sleep "+mark))
	eventually(t, "both processes run", func() bool { return len(processes(t, "sleep "+mark)) >= 2 })
	if err := c.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		t.Fatal(err)
	}
	c.awaitExit(t)
	eventually(t, "no process is left", func() bool {
		return len(processes(t, "sleep "+mark)) == 0 && len(processes(t, c.dir)) == 0
	})
}
