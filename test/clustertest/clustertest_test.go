// SPDX-License-Identifier: Apache-2.0

package clustertest_test

import (
	"net/netip"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/test/clustertest"
)

var pkg clustertest.Package

func TestMain(m *testing.M) { pkg.Main(m) }

func TestTestsShareAClusterAndNotANamespace(t *testing.T) {
	first, second := pkg.Cluster(t), pkg.Cluster(t)
	if first != second {
		t.Error("two tests of a package got two clusters, want one")
	}
	a, b := first.Namespace(t), first.Namespace(t)
	if a == b {
		t.Errorf("two tests got the same namespace %s", a)
	}
	if _, err := first.Client(t).CoreV1().ServiceAccounts(a).List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Errorf("the cluster does not answer: %v", err)
	}
}

func TestAClusterOfOnesOwn(t *testing.T) {
	own := clustertest.Start(t, clustertest.Options{Name: "own"})
	if own.Config.Host == pkg.Cluster(t).Config.Host {
		t.Error("the test's own cluster is the shared one")
	}
	if own.Config.Insecure || own.Config.CAData == nil {
		t.Error("the cluster's certificate is not verified")
	}
	own.Stop(t)
	if _, err := own.Client(t).Discovery().ServerVersion(); err == nil {
		t.Error("a cluster that was stopped still answers")
	}
}

// TestANetworkOfThePods shows that pods have addresses of a network of their own where a test asks for it.
func TestANetworkOfThePods(t *testing.T) {
	c := clustertest.Start(t, clustertest.Options{Mode: clustertest.Exec, Network: clustertest.Pods})
	pods := c.Client(t).CoreV1().Pods(c.Namespace(t))
	pod, err := pods.Create(t.Context(), &corev1.Pod{
		ObjectMeta: metav1.ObjectMeta{Name: "sleeper"},
		Spec:       corev1.PodSpec{Containers: []corev1.Container{{Name: "main", Image: "trunkline.local/host", Command: []string{"sleep", "600"}}}},
	}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	watch, err := pods.Watch(t.Context(), metav1.SingleObject(pod.ObjectMeta))
	if err != nil {
		t.Fatal(err)
	}
	defer watch.Stop()
	for event := range watch.ResultChan() {
		is, ok := event.Object.(*corev1.Pod)
		if !ok || is.Status.PodIP == "" {
			continue
		}
		if address, err := netip.ParseAddr(is.Status.PodIP); err != nil || !netip.MustParsePrefix("10.244.0.0/16").Contains(address) {
			t.Errorf("the pod has the address %s: %v", is.Status.PodIP, err)
		}
		return
	}
	t.Error("the pod gets no address")
}
