// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"log/slog"
	"os"
	"strings"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	apierrors "k8s.io/apimachinery/pkg/api/errors"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"
	"k8s.io/client-go/rest"
	"sigs.k8s.io/yaml"
)

// roles reads the ClusterRoles of the manifests that operators install.
func roles(t *testing.T, file string) (out []rbacv1.ClusterRole) {
	t.Helper()
	text, err := os.ReadFile("../../deploy/kustomize/rbac/" + file)
	if err != nil {
		t.Fatal(err)
	}
	for doc := range strings.SplitSeq(string(text), "\n---\n") {
		var role rbacv1.ClusterRole
		if err := yaml.Unmarshal([]byte(doc), &role); err == nil && role.Kind == "ClusterRole" {
			out = append(out, role)
		}
	}
	return out
}

// TestLeastRights: all that is done to Jobs is done with the rights of the manifests: the daemon watches, and the account of the release does
// the rest.
func TestLeastRights(t *testing.T) {
	c := newCell(t, `devcluster.trunkline.dev/fail: "true"`)
	found := c.await("the template", func(e Event) bool { return e.Kind == Has && e.Template != nil })
	client := pkg.Cluster(t).Client(t)
	ctx := t.Context()
	for _, role := range append(roles(t, "daemon.yaml"), roles(t, "deployer.yaml")...) {
		if _, err := client.RbacV1().ClusterRoles().Create(ctx, &role, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = client.RbacV1().ClusterRoles().Delete(t.Context(), role.Name, metav1.DeleteOptions{}) })
	}
	subject := func(name string) []rbacv1.Subject {
		account := &corev1.ServiceAccount{ObjectMeta: metav1.ObjectMeta{Name: name}}
		if _, err := client.CoreV1().ServiceAccounts(c.namespace).Create(ctx, account, metav1.CreateOptions{}); err != nil {
			t.Fatal(err)
		}
		return []rbacv1.Subject{{Kind: "ServiceAccount", Name: name, Namespace: c.namespace}}
	}
	daemon := &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: c.namespace}, Subjects: subject("trunkline"), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "trunkline"},
	}
	if _, err := client.RbacV1().ClusterRoleBindings().Create(ctx, daemon, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	deployer := &rbacv1.RoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "deployer"}, Subjects: subject("deployer"), RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "trunkline-deployer"},
	}
	if _, err := client.RbacV1().RoleBindings(c.namespace).Create(ctx, deployer, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	limited := c
	limited.cluster = New("test", func() (*rest.Config, error) { return tokenOf(t, client, c.namespace, "trunkline") }, slog.New(slog.DiscardHandler))
	limited.events = make(chan Event, 1000)
	limited.watch()
	limited.await("all that is there", func(e Event) bool { return e.Kind == Complete })

	as := As{c.namespace, "deployer"}
	if err := limited.cluster.Create(ctx, as, Order{Template: *found.Template, Name: "clean-1", Lot: hour(t), Attempt: "r1"}); err != nil {
		t.Fatal(err)
	}
	job := limited.await("the Job to fail", func(e Event) bool { return e.Job != nil && e.Job.Failed }).Job
	if why, err := limited.cluster.Why(ctx, as, *job); err != nil || !strings.Contains(why, "exit code 1") {
		t.Errorf("why: %q", why)
	}
	if _, err := limited.cluster.Log(ctx, as, *job); apierrors.IsForbidden(err) {
		t.Errorf("its log: %v", err)
	}
	_, awaited := limited.cluster.Await(ctx, as, "none")
	lingering, listed := limited.cluster.Lingering(ctx, as)
	if len(lingering) > 0 {
		t.Errorf("all pods have ended, and of %v they have not", lingering)
	}
	for what, err := range map[string]error{
		"settle": limited.cluster.Settle(ctx, as, *job, "failed"), "await": awaited, "lingering": listed, "delete": limited.cluster.Delete(ctx, as, *job),
	} {
		if err != nil {
			t.Errorf("%s: %v", what, err)
		}
	}
	if err := limited.cluster.Create(ctx, As{Namespace: c.namespace}, Order{Template: *found.Template, Name: "clean-2", Lot: hour(t), Attempt: "r2"}); err == nil {
		t.Error("the daemon made a Job with rights of its own, which it is not to have")
	}
}

// tokenOf is how the API server is reached as an account, and nobody else.
func tokenOf(t *testing.T, client kubernetes.Interface, namespace, account string) (*rest.Config, error) {
	t.Helper()
	token, err := client.CoreV1().ServiceAccounts(namespace).CreateToken(t.Context(), account, &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		return nil, err
	}
	cfg := rest.AnonymousClientConfig(pkg.Cluster(t).Config)
	cfg.BearerToken = token.Status.Token
	return cfg, nil
}
