// SPDX-License-Identifier: Apache-2.0

package e2e_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/google/go-cmp/cmp"
	appsv1 "k8s.io/api/apps/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// claimed is a pod with the volume of a claim at /data.
func claimed(claim string, script ...string) corev1.PodSpec {
	spec := podSpec(corev1.RestartPolicyNever, script...)
	spec.Volumes = []corev1.Volume{{Name: "data", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: claim},
	}}}
	spec.Containers[0].VolumeMounts = []corev1.VolumeMount{{Name: "data", MountPath: "/data"}}
	return spec
}

func claim(name string) *corev1.PersistentVolumeClaim {
	return &corev1.PersistentVolumeClaim{
		ObjectMeta: metav1.ObjectMeta{Name: name},
		Spec: corev1.PersistentVolumeClaimSpec{
			AccessModes: []corev1.PersistentVolumeAccessMode{corev1.ReadWriteOnce},
			Resources:   corev1.VolumeResourceRequirements{Requests: corev1.ResourceList{corev1.ResourceStorage: mustParse("1Gi")}},
		},
	}
}

// testClaims has what one pod writes to its claim be there for the next, and gone with the claim.
func testClaims(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	// The pod may come before its claim.
	c.createPod(t, ns, "writer", claimed("data", "echo kept >/data/x; mkdir /data/deep"))
	made, err := c.client.CoreV1().PersistentVolumeClaims(ns).Create(t.Context(), claim("data"), metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.awaitPod(t, ns, "writer", "it has succeeded", phase(corev1.PodSucceeded))
	c.kubectl(t, "-n", ns, "delete", "pod", "writer")

	spec := claimed("data", "cat /data/x /again/x; ls /part; (touch /again/y) 2>/dev/null || echo refused; touch /data/z")
	spec.Volumes = append(spec.Volumes, corev1.Volume{Name: "again", VolumeSource: corev1.VolumeSource{
		PersistentVolumeClaim: &corev1.PersistentVolumeClaimVolumeSource{ClaimName: "data", ReadOnly: true},
	}})
	spec.Containers[0].VolumeMounts = append(
		spec.Containers[0].VolumeMounts,
		corev1.VolumeMount{Name: "again", MountPath: "/again"}, corev1.VolumeMount{Name: "data", MountPath: "/part", SubPath: "deep"},
	)
	c.createPod(t, ns, "reader", spec)
	c.awaitPod(t, ns, "reader", "it has succeeded", phase(corev1.PodSucceeded))
	if diff := cmp.Diff("kept\nkept\nrefused\n", c.kubectl(t, "-n", ns, "logs", "reader")); diff != "" {
		t.Errorf("log (-want +got):\n%s", diff)
	}

	folder := filepath.Join(c.dir, "volumes", "pvc-"+string(made.UID))
	if _, err := os.Stat(filepath.Join(folder, "z")); err != nil {
		t.Errorf("what the pod wrote is not in the claim's folder: %v", err)
	}
	c.kubectl(t, "-n", ns, "delete", "pod", "reader")
	c.kubectl(t, "-n", ns, "delete", "pvc", "data")
	eventually(t, "volume and folder go with the claim", func() bool {
		volumes, err := c.client.CoreV1().PersistentVolumes().List(t.Context(), metav1.ListOptions{FieldSelector: "metadata.name=pvc-" + string(made.UID)})
		_, missing := os.Stat(folder)
		return err == nil && len(volumes.Items) == 0 && os.IsNotExist(missing)
	})
}

// testStatefulSet has a replica find its own volume again.
func testStatefulSet(t *testing.T, c *cluster) {
	ns := c.namespace(t)
	spec := claimed("data", "hostname=$HOSTNAME; echo x >>/data/$hostname; trap 'exit 0' TERM; while :; do sleep 0.05; done")
	spec.RestartPolicy, spec.Volumes = corev1.RestartPolicyAlways, nil
	spec.Containers[0].ReadinessProbe = &corev1.Probe{
		ProbeHandler:  corev1.ProbeHandler{Exec: &corev1.ExecAction{Command: []string{"sh", "-c", "test -e /data/$HOSTNAME"}}},
		PeriodSeconds: 1,
	}
	labels := map[string]string{"app": "db"}
	_, err := c.client.AppsV1().StatefulSets(ns).Create(t.Context(), &appsv1.StatefulSet{
		ObjectMeta: metav1.ObjectMeta{Name: "db"},
		Spec: appsv1.StatefulSetSpec{
			Replicas: new(int32(2)), ServiceName: "db", Selector: metav1.SetAsLabelSelector(labels), PodManagementPolicy: appsv1.ParallelPodManagement,
			Template:             corev1.PodTemplateSpec{ObjectMeta: metav1.ObjectMeta{Labels: labels}, Spec: spec},
			VolumeClaimTemplates: []corev1.PersistentVolumeClaim{*claim("data")},
		},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	both := func(s *appsv1.StatefulSet) bool { return s.Status.ReadyReplicas == 2 }
	await(t, c.client.AppsV1().RESTClient(), "statefulsets", ns, "db", &appsv1.StatefulSet{}, "both replicas are ready", both)
	old, err := c.client.CoreV1().Pods(ns).Get(t.Context(), "db-1", metav1.GetOptions{})
	if err != nil {
		t.Fatal(err)
	}
	c.kubectl(t, "-n", ns, "delete", "pod", "db-1")
	c.awaitPod(t, ns, "db-1", "it is ready again", func(p *corev1.Pod) bool { return p.UID != old.UID && ready(p) })
	if diff := cmp.Diff("x\nx\n", c.kubectl(t, "-n", ns, "exec", "db-1", "--", "cat", "/data/db-1")); diff != "" {
		t.Errorf("the volume of the second replica (-want +got):\n%s", diff)
	}
	if diff := cmp.Diff("db-0\n", c.kubectl(t, "-n", ns, "exec", "db-0", "--", "ls", "/data")); diff != "" {
		t.Errorf("the volume of the first replica (-want +got):\n%s", diff)
	}
}
