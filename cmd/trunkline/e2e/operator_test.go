// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/dynamic"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/cached"
	"trunkline.dev/trunkline/test/clustertest"
)

var (
	operatorVersion = schema.GroupVersion{Group: "external-secrets.io", Version: "v1"}
	externals       = operatorVersion.WithResource("externalsecrets")
)

// withOperator is a cluster with the definitions of the External Secrets Operator, and without the operator.
func withOperator(t *testing.T) (*clustertest.Cluster, dynamic.Interface) {
	t.Helper()
	if testing.Short() {
		t.Skip("needs a cluster; left out by -short")
	}
	folder, err := cached.Path("deploy/github.com/external-secrets/external-secrets/config/crds/bases", "prometheus-operator")
	if err != nil {
		t.Fatal(err)
	}
	c := clustertest.Start(t, clustertest.Options{Name: "operator"})
	client, err := dynamic.NewForConfig(c.Config)
	if err != nil {
		t.Fatal(err)
	}
	crds := client.Resource(schema.GroupVersionResource{Group: "apiextensions.k8s.io", Version: "v1", Resource: "customresourcedefinitions"})
	for _, file := range []string{"external-secrets.io_externalsecrets.yaml", "external-secrets.io_secretstores.yaml"} {
		data, err := os.ReadFile(filepath.Join(folder, file))
		if err != nil {
			t.Fatal(err)
		}
		if data, err = yaml.YAMLToJSON(data); err != nil {
			t.Fatal(err)
		}
		o := &unstructured.Unstructured{}
		if err := o.UnmarshalJSON(data); err != nil {
			t.Fatal(err)
		}
		if _, err := crds.Create(t.Context(), o, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	return c, client
}

// TestExternalSecrets: an API server with the operator's definitions takes the objects of a release; what the operator says that it cannot read is the
// reason of the release, which is healthy once the operator has made its Secret.
func TestExternalSecrets(t *testing.T) {
	t.Parallel()
	c, client := withOperator(t)
	head := "apiVersion: trunkline.dev/v1alpha1\n"
	repo := gittest.New(t)
	repo.Commit(t, "secrets", map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: operator}\n",
		"cluster.yaml":   head + "kind: Cluster\nmetadata: {name: test}\n",
		"env.yaml": head + `kind: Environment
metadata: {name: dev}
spec:
  clusters: [test]
  secretStores:
    aws: {provider: aws-secrets-manager, resolve: external-secrets, region: eu-west-1}
    params: {provider: aws-parameter-store, resolve: external-secrets, region: eu-west-1}
    azure: {provider: azure-key-vault, resolve: external-secrets, url: "https://acme.vault.azure.net"}
    google: {provider: gcp-secret-manager, resolve: external-secrets, project: acme-prod}
    vault: {provider: vault, resolve: external-secrets, url: "https://vault.acme.example", role: "<identity>-<environment>"}
`,
		"orders/project.yaml": head + `kind: Project
metadata: {name: orders}
spec:
  owner: team
  environments: [dev]
  image: img:1
  workloads:
    - name: load
      blueprint: service
      params: {port: 8080}
      secrets:
        A: {store: aws, name: orders/db, key: password}
        B: {store: params, name: /orders/password}
        C: {store: azure, name: orders-db}
        D: {store: google, name: orders-db}
        E: {store: vault, name: orders/db, key: password}
`,
	})
	d := serve(t, "--repo", repo.URL(), "--data", t.TempDir(), "--cluster", "test="+c.Kubeconfig, "--poll", "1h")
	says := func(p status.Platform) string {
		i := slices.IndexFunc(p.Releases, func(r status.Release) bool { return r.Project == "orders" })
		if i < 0 {
			return ""
		}
		text, err := json.Marshal(p.Releases[i])
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	d.await("the objects to wait for the operator", func(p status.Platform) bool {
		return strings.Contains(says(p), "the External Secrets Operator has not looked at it yet")
	})
	in := client.Resource(externals).Namespace("orders-dev")
	all, err := in.List(t.Context(), metav1.ListOptions{})
	if err != nil || len(all.Items) != 5 {
		t.Fatalf("there are %d, %v", len(all.Items), err)
	}
	told := func(kind *unstructured.Unstructured, r dynamic.ResourceInterface, ready, reason, message string) {
		t.Helper()
		conditions := []any{map[string]any{"type": "Ready", "status": ready, "reason": reason, "message": message, "lastTransitionTime": "2026-11-21T10:00:00Z"}}
		if err := unstructured.SetNestedSlice(kind.Object, conditions, "status", "conditions"); err != nil {
			t.Fatal(err)
		}
		if _, err := r.UpdateStatus(t.Context(), kind, metav1.UpdateOptions{}); err != nil {
			t.Fatal(err)
		}
	}
	bad := &all.Items[4]
	if _, err := c.Client(t).CoreV1().Events("orders-dev").Create(t.Context(), &corev1.Event{
		ObjectMeta: metav1.ObjectMeta{Name: "e1", Namespace: "orders-dev"}, Type: "Warning", Reason: "UpdateFailed", LastTimestamp: metav1.Now(),
		InvolvedObject: corev1.ObjectReference{Kind: "ExternalSecret", Namespace: "orders-dev", Name: bad.GetName(), UID: bad.GetUID()},
		Message:        "error processing spec.data[0] (key: orders/db), err: permission denied",
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	told(bad, in, "False", "SecretSyncedError", "could not get secret data from provider")
	d.await("the reason of the operator", func(p status.Platform) bool {
		text := says(p)
		return strings.Contains(text, `"secret"`) && strings.Contains(text, "cannot read its secrets: error processing spec.data[0] (key: orders/db), err: permission denied")
	})

	stores := client.Resource(operatorVersion.WithResource("secretstores")).Namespace("orders-dev")
	known, err := stores.List(t.Context(), metav1.ListOptions{})
	if err != nil || len(known.Items) != 5 {
		t.Fatalf("there are %d stores, %v", len(known.Items), err)
	}
	for i := range known.Items {
		told(&known.Items[i], stores, "True", "Valid", "store validated")
	}
	if all, err = in.List(t.Context(), metav1.ListOptions{}); err != nil {
		t.Fatal(err)
	}
	for i := range all.Items {
		told(&all.Items[i], in, "True", "SecretSynced", "secret synced")
	}
	d.await("the release to be healthy", func(p status.Platform) bool { return strings.Contains(says(p), `"health":"healthy"`) })
}
