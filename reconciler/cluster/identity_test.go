// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/client-go/rest"

	"trunkline.dev/trunkline/plan"
)

func TestServiceAccount(t *testing.T) {
	cases := map[string]struct {
		reason          string
		namespace, name string
		want            string
	}{
		"Account":     {"As the API server calls it.", "orders-prod", "deployer", "system:serviceaccount:orders-prod:deployer"},
		"NoName":      {"An empty name would be the daemon itself (Flux Operator CVE-2026-23990).", "orders-prod", "", ""},
		"NoNamespace": {"So would half of one.", "", "deployer", ""},
		"Placeholder": {"What was not replaced is no name.", "orders-prod", "<project>", ""},
		"Colon":       {"Nobody becomes another by his name.", "orders-prod", "x:kube-system:admin", ""},
		"Newline":     {"A header is one line.", "orders-prod", "x\r\nImpersonate-Group: system:masters", ""},
		"Blank":       {"A blank is trimmed off from a header.", "orders-prod", " ", ""},
		"UpperCase":   {"Kubernetes has no such account.", "orders-prod", "Deployer", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := ServiceAccount(tc.namespace, tc.name)
			_, refused := errors.AsType[*IdentityError](err)
			if refused != (tc.want == "") || tc.want != "" && got.String() != tc.want {
				t.Errorf("%s\ngot %q, %v", tc.reason, got, err)
			}
			if tc.want == "" && got != (Identity{}) {
				t.Errorf("%s\na refused name gives the identity %q", tc.reason, got)
			}
		})
	}
}

// TestImpersonation: requests say as whom they are made, whatever the kubeconfig says, over the connections of the daemon.
func TestImpersonation(t *testing.T) {
	var mu sync.Mutex
	var users []string
	connections := map[string]bool{}
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		mu.Lock()
		defer mu.Unlock()
		connections[r.RemoteAddr] = true
		if strings.HasPrefix(r.URL.Path, "/api/v1/namespaces") {
			users = append(users, strings.Join(append(r.Header.Values("Impersonate-User"), r.Header.Values("Impersonate-Group")...), "+"))
			w.Header().Set("Content-Type", "application/json")
			fmt.Fprint(w, `{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"c","namespace":"n","resourceVersion":"1"}}`)
			return
		}
		discover(w, r)
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	text := fmt.Sprintf(`apiVersion: v1
kind: Config
current-context: x
contexts: [{name: x, context: {cluster: x, user: x}}]
clusters: [{name: x, cluster: {server: %q}}]
users: [{name: x, user: {token: t, as: boss, as-groups: [bosses]}}]
`, server.URL)
	if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
		t.Fatal(err)
	}
	conn := connect(t, file)
	scope := plan.Scope{Namespace: "n"}
	ref := plan.Ref{GroupKind: schema.GroupKind{Kind: "ConfigMap"}, Namespace: "n", Name: "c"}
	var want []string
	account := func(name string) Identity {
		i, err := ServiceAccount("n", name)
		if err != nil {
			t.Fatal(err)
		}
		return i
	}
	for i := range 20 {
		as := account(fmt.Sprintf("a%d", i))
		actor, err := conn.As(as, scope)
		if err != nil {
			t.Fatal(err)
		}
		if err := actor.Delete(t.Context(), ref, "uid"); err != nil {
			t.Fatal(err)
		}
		want = append(want, as.String())
	}
	actor, err := conn.As(Daemon(), scope)
	if err == nil {
		err = actor.Delete(t.Context(), ref, "uid")
	}
	if err != nil {
		t.Fatal(err)
	}
	want = append(want, "boss+bosses")
	mu.Lock()
	defer mu.Unlock()
	if diff := cmp.Diff(want, users); diff != "" {
		t.Errorf("requests were made as: -want +got:\n%s", diff)
	}
	if len(connections) > 1 {
		t.Errorf("21 identities took %d connections, want one", len(connections))
	}
	if _, err := conn.As(Identity{}, scope); err == nil {
		t.Error("nobody may act")
	}
}

// discover answers as an API server that has ConfigMaps.
func discover(w http.ResponseWriter, r *http.Request) {
	w.Header().Set("Content-Type", "application/json")
	switch r.URL.Path {
	case "/version":
		fmt.Fprint(w, `{"major":"1","minor":"36","gitVersion":"v1.36.0"}`)
	case "/api":
		fmt.Fprint(w, `{"kind":"APIVersions","versions":["v1"]}`)
	case "/apis":
		fmt.Fprint(w, `{"kind":"APIGroupList","apiVersion":"v1","groups":[]}`)
	case "/api/v1":
		fmt.Fprint(w, `{"kind":"APIResourceList","apiVersion":"v1","groupVersion":"v1","resources":[`+
			`{"name":"configmaps","singularName":"configmap","namespaced":true,"kind":"ConfigMap","verbs":["delete","get","list","patch","watch"]}]}`)
	default:
		w.WriteHeader(http.StatusNotFound)
	}
}

func BenchmarkAs(b *testing.B) {
	conn := &Conn{cluster: New(Config{Name: "x"}, func(Event) {}), config: &rest.Config{Host: "https://example.com"}, http: &http.Client{}}
	as, err := ServiceAccount("orders-prod", "deployer")
	if err != nil {
		b.Fatal(err)
	}
	b.ReportAllocs()
	for b.Loop() {
		if _, err := conn.As(as, plan.Scope{}); err != nil {
			b.Fatal(err)
		}
	}
}
