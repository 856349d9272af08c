// SPDX-License-Identifier: Apache-2.0

package clustertest_test

import (
	"testing"

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
