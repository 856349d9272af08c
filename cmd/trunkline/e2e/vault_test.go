// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"bytes"
	"encoding/json"
	"net/http"
	"os"
	"os/exec"
	"path/filepath"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	rbacv1 "k8s.io/api/rbac/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/test/clustertest"
)

// TestVault: what [TestSecretsOfStores] shows with a Vault that is played is so with Vault itself, which asks the API server who shows it a token.
func TestVault(t *testing.T) {
	if !*platform {
		t.Skip("make test-platform runs it, with Vault")
	}
	readSecrets(t, func(c *clustertest.Cluster) string {
		v := startVault(t)
		v.write("sys/mounts/secret", map[string]any{"type": "kv", "options": map[string]string{"version": "2"}})
		v.write("secret/data/orders/db", map[string]any{"data": map[string]string{"password": storedValue}})
		v.write("sys/policies/acl/orders-db", map[string]any{"policy": `path "secret/data/orders/db" { capabilities = ["read"] }`})
		v.write("sys/auth/kubernetes", map[string]any{"type": "kubernetes"})
		v.write("auth/kubernetes/config", map[string]any{
			"kubernetes_host": c.Config.Host, "kubernetes_ca_cert": authority(t, c), "token_reviewer_jwt": reviewer(t, c), "disable_local_ca_jwt": true,
		})
		for name, policies := range map[string][]string{"orders": {"orders-db"}, "sales": {}} {
			v.write("auth/kubernetes/role/"+name+"-dev", map[string]any{
				"bound_service_account_names": name, "bound_service_account_namespaces": name + "-dev", "audience": "vault", "token_policies": policies, "token_ttl": "5m",
			})
		}
		return v.URL
	})
}

// vault is a Vault that runs until the test ends.
type vault struct {
	t *testing.T

	URL   string `json:"url"`
	Token string `json:"token"`
}

func startVault(t *testing.T) *vault {
	t.Helper()
	program, err := filepath.Abs("../../../bin/vault")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := os.Stat(program); err != nil {
		t.Fatalf("the test with the real Vault needs bin/vault: run \"make vault\" once: %v", err)
	}
	cmd := exec.CommandContext(t.Context(), program)
	in, err := cmd.StdinPipe() // the program ends with it, also if the test is killed
	if err != nil {
		t.Fatal(err)
	}
	out, err := cmd.StdoutPipe()
	if err != nil {
		t.Fatal(err)
	}
	var errs bytes.Buffer
	cmd.Stderr = &errs
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		_ = in.Close()
		_ = cmd.Wait()
	})
	v := &vault{t: t}
	if err := json.NewDecoder(out).Decode(v); err != nil {
		t.Fatalf("Vault does not say where it is: %v\n%s", err, errs.String())
	}
	return v
}

// write writes to a path as its root.
func (v *vault) write(path string, data map[string]any) {
	v.t.Helper()
	body, err := json.Marshal(data)
	if err != nil {
		v.t.Fatal(err)
	}
	req, err := http.NewRequestWithContext(v.t.Context(), http.MethodPost, v.URL+"/v1/"+path, bytes.NewReader(body))
	if err != nil {
		v.t.Fatal(err)
	}
	req.Header.Set("X-Vault-Token", v.Token)
	resp, err := http.DefaultClient.Do(req)
	if err != nil {
		v.t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode/100 != 2 {
		var text bytes.Buffer
		_, _ = text.ReadFrom(resp.Body)
		v.t.Fatalf("writing to %s: %s: %s", path, resp.Status, text.String())
	}
}

// authority is who signs the certificate of the API server.
func authority(t *testing.T, c *clustertest.Cluster) string {
	t.Helper()
	if len(c.Config.CAData) > 0 {
		return string(c.Config.CAData)
	}
	data, err := os.ReadFile(c.Config.CAFile)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// reviewer is a token of an account that may ask whose tokens are.
func reviewer(t *testing.T, c *clustertest.Cluster) string {
	t.Helper()
	client := c.Client(t)
	at := metav1.ObjectMeta{Name: "vault", Namespace: "default"}
	if _, err := client.CoreV1().ServiceAccounts("default").Create(t.Context(), &corev1.ServiceAccount{ObjectMeta: at}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	if _, err := client.RbacV1().ClusterRoleBindings().Create(t.Context(), &rbacv1.ClusterRoleBinding{
		ObjectMeta: metav1.ObjectMeta{Name: "vault"}, RoleRef: rbacv1.RoleRef{APIGroup: rbacv1.GroupName, Kind: "ClusterRole", Name: "system:auth-delegator"},
		Subjects: []rbacv1.Subject{{Kind: "ServiceAccount", Name: at.Name, Namespace: at.Namespace}},
	}, metav1.CreateOptions{}); err != nil {
		t.Fatal(err)
	}
	token, err := client.CoreV1().ServiceAccounts("default").CreateToken(t.Context(), "vault", &authenticationv1.TokenRequest{}, metav1.CreateOptions{})
	if err != nil {
		t.Fatal(err)
	}
	return token.Status.Token
}
