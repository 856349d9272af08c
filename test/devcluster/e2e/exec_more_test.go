// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	batchv1 "k8s.io/api/batch/v1"
	corev1 "k8s.io/api/core/v1"
	"k8s.io/apimachinery/pkg/api/resource"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

func mustParse(quantity string) resource.Quantity { return resource.MustParse(quantity) }

func testInitAndSidecar(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	spec := podSpec(corev1.RestartPolicyNever, "cat /shared/first; until test -e /shared/beside; do sleep 0.02; done; echo main")
	mounts := []corev1.VolumeMount{{Name: "shared", MountPath: "/shared"}}
	spec.Volumes = []corev1.Volume{{Name: "shared", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	spec.Containers[0].VolumeMounts = mounts
	first, beside := spec.Containers[0], spec.Containers[0]
	first.Name, first.Command = "first", []string{"sh", "-c", "echo first >/shared/first"}
	beside.Name, beside.RestartPolicy = "beside", new(corev1.ContainerRestartPolicyAlways)
	beside.Command = []string{"sh", "-c", "trap 'exit 0' TERM; touch /shared/beside; while :; do sleep 0.05; done"}
	spec.InitContainers = []corev1.Container{first, beside}
	c.createPod(t, ns, "ordered", spec)
	pod := c.awaitPod(t, ns, "ordered", "it has succeeded", phase(corev1.PodSucceeded))
	if diff := cmp.Diff("first\nmain\n", c.kubectl(t, "-n", ns, "logs", "ordered", "-c", "main")); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff(true, pod.Status.InitContainerStatuses[0].Ready); diff != "" {
		t.Errorf("init container ready (-want +got):\n%s", diff)
	}

	spec.InitContainers[0].Command = []string{"false"}
	c.createPod(t, ns, "stuck", spec)
	c.awaitPod(t, ns, "stuck", "a failed init container fails it", phase(corev1.PodFailed))
}

func testReadOnlyRoot(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	spec := podSpec(corev1.RestartPolicyNever, `for d in / /tmp /run /etc; do (touch $d/x) 2>/dev/null && echo "$d is writable"; done; touch /cache/x; id -u; id -g`)
	spec.SecurityContext.RunAsUser, spec.SecurityContext.RunAsGroup = new(int64(1234)), new(int64(5678))
	spec.Volumes = []corev1.Volume{{Name: "cache", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
	spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "cache", MountPath: "/cache"}}
	spec.Containers[0].SecurityContext.ReadOnlyRootFilesystem = new(true)
	c.createPod(t, ns, "strict", spec)
	c.awaitPod(t, ns, "strict", "it has succeeded", phase(corev1.PodSucceeded))
	if diff := cmp.Diff("1234\n5678\n", c.kubectl(t, "-n", ns, "logs", "strict")); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

// testProc has a container's /proc show the processes of the container, by the numbers that they know themselves by: those of
// its first process, of children, of users that are not root, and of what is started beside, such as a probe.
func testProc(t *testing.T, c *cluster) {
	// In a command, $$ is a $, unless it is within $(…), which is the name of no variable.
	const same = `set -- $(sh -c 'echo $$; exec readlink /proc/self'); test "$1" = "$2"`
	for name, change := range map[string]func(*corev1.PodSpec){
		"root": func(*corev1.PodSpec) {},
		"user": func(s *corev1.PodSpec) { s.SecurityContext.RunAsUser = new(int64(1234)) },
		"read-only": func(s *corev1.PodSpec) {
			s.Containers[0].SecurityContext.ReadOnlyRootFilesystem = new(true)
		},
		"probe": func(s *corev1.PodSpec) {
			s.Containers[0].StartupProbe = &corev1.Probe{
				ProbeHandler:     corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"sh", "-c", same + " && test -e /proc/1/stat && touch /cache/probed"}}},
				FailureThreshold: 1000, PeriodSeconds: 1,
			}
			s.Containers[0].Command[2] += "; until test -e /cache/probed; do sleep 0.05; done; echo probed"
		},
	} {
		t.Run(name, func(t *testing.T) {
			ns := c.namespace(t)
			spec := podSpec(corev1.RestartPolicyNever, same+` && echo same
sleep 60 & test "$(cut -d ' ' -f 4 /proc/$!/stat)" = $$$$ && echo child
kill $!; ls /proc | grep -c '^[0-9]' | grep -qx '[1-9]' && echo few`)
			spec.Volumes = []corev1.Volume{{Name: "cache", VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}}}
			spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "cache", MountPath: "/cache"}}
			change(&spec)
			want := "same\nchild\nfew\n"
			if name == "probe" {
				want += "probed\n"
			}
			c.createPod(t, ns, "proc", spec)
			c.awaitPod(t, ns, "proc", "it has succeeded", phase(corev1.PodSucceeded))
			if diff := cmp.Diff(want, c.kubectl(t, "-n", ns, "logs", "proc")); diff != "" {
				t.Errorf("log (-want +got):\n%s", diff)
			}
		})
	}
}

// testManyAtOnce starts containers beside each other: what one has open while its root is made must not be in the
// way of another.
func testManyAtOnce(t *testing.T, c *cluster) {
	const pods = 60
	ns := c.namespace(t)
	spec := podSpec(corev1.RestartPolicyNever, "test -e /settings/deep && ! touch /x 2>/dev/null")
	spec.Containers[0].SecurityContext.ReadOnlyRootFilesystem = new(true)
	for _, path := range []string{"/settings/deep", "/opt/a/b", "/srv/c"} {
		name := strings.ReplaceAll(path[1:], "/", "-")
		spec.Volumes = append(spec.Volumes, corev1.Volume{Name: name, VolumeSource: corev1.VolumeSource{EmptyDir: &corev1.EmptyDirVolumeSource{}}})
		spec.Containers[0].VolumeMounts = append(spec.Containers[0].VolumeMounts, corev1.VolumeMount{Name: name, MountPath: path})
	}
	_, err := c.client.BatchV1().Jobs(ns).Create(t.Context(), &batchv1.Job{
		ObjectMeta: metav1.ObjectMeta{Name: "many"},
		Spec: batchv1.JobSpec{
			Parallelism: new(int32(pods)), Completions: new(int32(pods)), BackoffLimit: new(int32(0)),
			Template: corev1.PodTemplateSpec{Spec: spec},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.awaitJob(t, ns, "many", batchv1.JobComplete)
}

func testDeployment(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	spec := podSpec(corev1.RestartPolicyAlways, "trap 'exit 0' TERM; sleep 0.3; touch /tmp/ready; while :; do sleep 0.05; done")
	spec.Containers[0].ReadinessProbe = &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"test", "-e", "/tmp/ready"}}},
		PeriodSeconds: 1,
	}
	labels := map[string]string{"app": "web"}
	_, err := c.client.AppsV1().Deployments(ns).Create(t.Context(), &appsv1.Deployment{
		ObjectMeta: metav1.ObjectMeta{Name: "web"},
		Spec: appsv1.DeploymentSpec{
			Replicas: new(int32(2)), Selector: metav1.SetAsLabelSelector(labels),
			Template: corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	await(t, c.client.AppsV1().RESTClient(), "deployments", ns, "web", &appsv1.Deployment{}, "both replicas are available",
		func(d *appsv1.Deployment) bool { return d.Status.AvailableReplicas == 2 })
	pods, err := c.client.CoreV1().Pods(ns).List(t.Context(), metav1.ListOptions{})
	if err != nil {
		t.Fatal(err)
	}
	addresses := map[string]bool{}
	for _, pod := range pods.Items {
		addresses[pod.Status.PodIP] = true
	}
	if diff := cmp.Diff(2, len(addresses)); diff != "" {
		t.Errorf("different addresses (-want +got):\n%s", diff)
	}
	c.kubectl(t, "-n", ns, "scale", "deployment", "web", "--replicas=0")
	await(t, c.client.AppsV1().RESTClient(), "deployments", ns, "web", &appsv1.Deployment{}, "no replica is left",
		func(d *appsv1.Deployment) bool { return d.Status.Replicas == 0 })
}

func testLiveness(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	// It turns unhealthy only once it is ready for the signal: PID 1 ignores signals it has no handler for.
	spec := podSpec(corev1.RestartPolicyAlways, "trap 'exit 7' TERM; touch /tmp/up; while :; do sleep 0.05; done")
	spec.Containers[0].LivenessProbe = &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"test", "!", "-e", "/tmp/up"}}},
		PeriodSeconds: 1, FailureThreshold: 1,
	}
	c.createPod(t, ns, "dead", spec)
	c.awaitPod(t, ns, "dead", "it is restarted", func(p *corev1.Pod) bool {
		s := p.Status.ContainerStatuses
		return len(s) > 0 && s[0].RestartCount > 0 && s[0].LastTerminationState.Terminated != nil && s[0].LastTerminationState.Terminated.ExitCode == 7
	})
}

func testCronJob(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	cron, err := c.client.BatchV1().CronJobs(ns).Create(t.Context(), &batchv1.CronJob{
		ObjectMeta: metav1.ObjectMeta{Name: "nightly"},
		Spec: batchv1.CronJobSpec{
			Schedule:    "0 0 1 1 *",
			JobTemplate: batchv1.JobTemplateSpec{Spec: batchv1.JobSpec{Template: corev1.PodTemplateSpec{Spec: podSpec(corev1.RestartPolicyNever, "echo by hand")}}},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	// A schedule has a minute's resolution, which is too long to wait for; this is what an operator does as well.
	c.kubectl(t, "-n", ns, "create", "job", "now", "--from=cronjob/"+cron.Name)
	c.awaitJob(t, ns, "now", batchv1.JobComplete)
	if diff := cmp.Diff("by hand\n", c.kubectl(t, "-n", ns, "logs", "job/now")); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}

func testLogs(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	c.createPod(t, ns, "talker", podSpec(corev1.RestartPolicyNever, "echo 1; echo 2 >&2; until test -e /tmp/go; do sleep 0.02; touch /tmp/go; done; echo 3"))
	c.awaitPod(t, ns, "talker", "it has begun", func(p *corev1.Pod) bool { return p.Status.Phase != corev1.PodPending })
	if diff := cmp.Diff("1\n2\n3\n", c.kubectl(t, "-n", ns, "logs", "-f", "talker")); diff != "" {
		t.Errorf("followed log (-want +got):\n%s", diff)
	}
	c.awaitPod(t, ns, "talker", "it has succeeded", phase(corev1.PodSucceeded))
	if diff := cmp.Diff("3\n", c.kubectl(t, "-n", ns, "logs", "--tail=1", "talker")); diff != "" {
		t.Errorf("last line (-want +got):\n%s", diff)
	}
	stamped := strings.Fields(c.kubectl(t, "-n", ns, "logs", "--timestamps", "--since=1h", "--tail=1", "talker"))
	if len(stamped) != 2 || !strings.HasSuffix(stamped[0], "Z") || stamped[1] != "3" {
		t.Errorf("last line with its time: %q", stamped)
	}
}

// testInCluster shows that a program in a pod reaches the API server by the customary environment and token.
func testInCluster(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	c.createPod(t, ns, "client", podSpec(
		corev1.RestartPolicyNever,
		"/devcluster/"+filepath.Base(binary)+` kubectl auth whoami -o jsonpath={.status.userInfo.username}`,
	))
	c.awaitPod(t, ns, "client", "it has ended", func(p *corev1.Pod) bool {
		return p.Status.Phase == corev1.PodSucceeded || p.Status.Phase == corev1.PodFailed
	})
	if diff := cmp.Diff("system:serviceaccount:"+ns+":default", c.kubectl(t, "-n", ns, "logs", "client")); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}
}
