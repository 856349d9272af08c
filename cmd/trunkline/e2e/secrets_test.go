// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"

	authenticationv1 "k8s.io/api/authentication/v1"
	corev1 "k8s.io/api/core/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
	"k8s.io/client-go/kubernetes"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/clustertest"
)

// storedValue is what nothing but the program of a workload may have.
const storedValue = "correct-horse-battery-staple"

// keeper is a Vault that asks the API server who shows it a token, as its method "kubernetes" does. The role "NAME-dev" is that of the account NAME.
type keeper struct {
	t      *testing.T
	client kubernetes.Interface

	mu sync.Mutex
	// tokens are those it gave, and whom it gave them to.
	tokens map[string]string
}

func (k *keeper) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	says := func(status int, what any) {
		w.WriteHeader(status)
		data, err := json.Marshal(what)
		if err != nil {
			panic(err) // of what the test has it always can
		}
		_, _ = w.Write(data)
	}
	k.mu.Lock()
	who := k.tokens[r.Header.Get("X-Vault-Token")]
	k.mu.Unlock()
	type object = map[string]any
	switch {
	case r.URL.Path == "/v1/auth/kubernetes/login":
		var in struct{ Role, JWT string }
		_ = json.NewDecoder(r.Body).Decode(&in)
		review, err := k.client.AuthenticationV1().TokenReviews().Create(r.Context(), &authenticationv1.TokenReview{
			Spec: authenticationv1.TokenReviewSpec{Token: in.JWT, Audiences: []string{"vault"}},
		}, metav1.CreateOptions{})
		if err != nil || !review.Status.Authenticated || !slices.Contains(review.Status.Audiences, "vault") ||
			!strings.HasSuffix(review.Status.User.Username, ":"+strings.TrimSuffix(in.Role, "-dev")) {
			says(http.StatusForbidden, object{"errors": []string{"permission denied"}})
			return
		}
		k.mu.Lock()
		token := fmt.Sprintf("t%d", len(k.tokens))
		k.tokens[token] = review.Status.User.Username
		k.mu.Unlock()
		says(http.StatusOK, object{"auth": object{"client_token": token}})
	case who == "":
		says(http.StatusForbidden, object{"errors": []string{"permission denied"}})
	case r.URL.Path == "/v1/secret/data/orders/db" && strings.HasSuffix(who, ":orders"):
		says(http.StatusOK, object{"data": object{"data": object{"password": storedValue}}})
	case r.URL.Path == "/v1/auth/token/revoke-self":
		w.WriteHeader(http.StatusNoContent)
	default:
		says(http.StatusForbidden, object{"errors": []string{"1 error occurred: " + storedValue}})
	}
}

// TestSecretsOfStores: a pod reads its secret from a Vault with the token of its own account, and its program has it; an account that may not read it
// has a program that is not started, and the reason is that of its release. The value is in nothing that Trunkline or the cluster has.
func TestSecretsOfStores(t *testing.T) {
	if testing.Short() {
		t.Skip("needs a cluster; left out by -short")
	}
	readSecrets(t, func(c *clustertest.Cluster) string {
		vault := httptest.NewServer(&keeper{t: t, client: c.Client(t), tokens: map[string]string{}})
		t.Cleanup(vault.Close)
		return vault.URL
	})
}

// readSecrets has two projects read a secret from a Vault, of which the second may not.
func readSecrets(t *testing.T, start func(*clustertest.Cluster) (url string)) {
	t.Helper()
	dir := t.TempDir()
	program, err := os.ReadFile(built(t, "lot"))
	if err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "lot"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	t.Setenv("PATH", dir+":"+os.Getenv("PATH")) // the image of containers is this machine
	c := clustertest.Start(t, clustertest.Options{Name: "secrets", Mode: clustertest.Exec, Args: []string{"--mount", dir + "=" + dir}})
	vault := start(c)

	head := "apiVersion: trunkline.dev/v1alpha1\n"
	project := func(name, script string) string {
		return fmt.Sprintf(`%skind: Project
metadata: {name: %s}
spec:
  owner: team
  environments: [dev]
  image: trunkline.local/host:1
  workloads:
    - name: load
      blueprint: container-job
      retries: 0
      command: [/bin/sh, -c, %q]
      secrets: {PASSWORD: {store: main, name: orders/db, key: password}}
`, head, name, script)
	}
	hash := `printf %s "$PASSWORD" | sha256sum; echo "it is $PASSWORD"; test -z "$TRUNKLINE_SECRETS"`
	repo := gittest.New(t)
	repo.Commit(t, "secrets", map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: secrets}\n",
		"cluster.yaml":   head + "kind: Cluster\nmetadata: {name: test}\n",
		"env.yaml": head + fmt.Sprintf("kind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [test]\n  lotImage: trunkline.local/host:1\n  secretStores:\n"+
			"    main: {provider: vault, resolve: entrypoint, url: %q, role: \"<identity>-<environment>\"}\n", vault),
		"orders/project.yaml": project("orders", hash),
		"sales/project.yaml":  project("sales", hash),
	})
	d := serve(t, "--repo", repo.URL(), "--data", t.TempDir(), "--cluster", "test="+c.Kubeconfig, "--poll", "1h")
	release := func(p status.Platform, project string) (status.Release, bool) {
		i := slices.IndexFunc(p.Releases, func(r status.Release) bool { return r.Project == project })
		if i < 0 {
			return status.Release{}, false
		}
		return p.Releases[i], true
	}
	why := ""
	const want = `the secret orders/db, key \"password\", of the store \"main\", which is for the variable PASSWORD, may not be read`
	d.await("the program of orders to end, and that of sales not to start and to say why", func(p status.Platform) bool {
		orders, _ := release(p, "orders")
		sales, _ := release(p, "sales")
		text, err := json.Marshal(sales)
		if err != nil {
			t.Fatal(err)
		}
		why = string(text)
		return orders.Health == "healthy" && strings.Contains(why, want)
	})
	logs := func(namespace string) string {
		pods, err := c.Client(t).CoreV1().Pods(namespace).List(t.Context(), metav1.ListOptions{})
		if err != nil || len(pods.Items) != 1 {
			t.Fatalf("%s has %d pods, %v", namespace, len(pods.Items), err)
		}
		text, err := c.Client(t).CoreV1().Pods(namespace).GetLogs(pods.Items[0].Name, &corev1.PodLogOptions{Container: "load"}).DoRaw(t.Context())
		if err != nil {
			t.Fatal(err)
		}
		spec, err := json.Marshal(pods.Items)
		if err != nil {
			t.Fatal(err)
		}
		if strings.Contains(string(spec), storedValue) {
			t.Errorf("the pod of %s has the value: %s", namespace, spec)
		}
		return string(text)
	}
	sum := sha256.Sum256([]byte(storedValue))
	if got := logs("orders-dev"); !strings.Contains(got, hex.EncodeToString(sum[:])) || !strings.Contains(got, "it is [redacted]") {
		t.Errorf("the program of orders writes %q", got)
	}
	for from, text := range map[string]string{"orders": logs("orders-dev"), "sales": logs("sales-dev"), "the daemon": d.log.String(), "its status": why} {
		if strings.Contains(text, storedValue) {
			t.Errorf("the value is in what %s says: %s", from, text)
		}
	}
}
