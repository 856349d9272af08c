// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bufio"
	"io"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/client-go/rest"
	"k8s.io/client-go/tools/clientcmd"
)

func TestCallOf(t *testing.T) {
	const apply = "application/apply-patch+yaml"
	for _, test := range []struct {
		reason, method, path, content string
		want                          call
	}{
		{"one object of a namespace", "GET", "/api/v1/namespaces/a/services/web", "", call{"GET", "services"}},
		{"all of a namespace", "GET", "/api/v1/namespaces/a/services?labelSelector=x", "", call{"LIST", "services"}},
		{"all of a kind", "GET", "/apis/apps/v1/deployments?limit=500", "", call{"LIST", "deployments"}},
		{"a watch", "GET", "/apis/apps/v1/deployments?watch=true", "", call{"WATCH", "deployments"}},
		{"a watch, written otherwise", "GET", "/api/v1/namespaces/a/pods?watch=1", "", call{"WATCH", "pods"}},
		{"a namespace is an object itself", "GET", "/api/v1/namespaces/a", "", call{"GET", "namespaces"}},
		{"all namespaces", "GET", "/api/v1/namespaces", "", call{"LIST", "namespaces"}},
		{"a subresource of a namespace", "PUT", "/api/v1/namespaces/a/finalize", "", call{"PUT", "namespaces/finalize"}},
		{"a subresource of an object", "PATCH", "/apis/apps/v1/namespaces/a/deployments/web/scale", "application/merge-patch+json", call{"PATCH", "deployments/scale"}},
		{"server-side apply", "PATCH", "/api/v1/namespaces/a/services/web?force=true&fieldManager=x", apply, call{"APPLY", "services"}},
		{"server-side apply of a namespace", "PATCH", "/api/v1/namespaces/a?fieldManager=x", apply, call{"APPLY", "namespaces"}},
		{"server-side apply that changes nothing", "PATCH", "/api/v1/namespaces/a/services/web?dryRun=All", apply, call{"APPLY (dry run)", "services"}},
		{"a deletion", "DELETE", "/api/v1/namespaces/a/services/web", "", call{"DELETE", "services"}},
		{"a creation", "POST", "/apis/coordination.k8s.io/v1/namespaces/a/leases", "", call{"POST", "leases"}},
		{"the kinds of a group", "GET", "/apis/apps/v1", "", call{"OTHER", ""}},
		{"the kinds of the core", "GET", "/api/v1", "", call{"OTHER", ""}},
		{"the version", "GET", "/version", "", call{"OTHER", ""}},
		{"nothing at all", "GET", "/", "", call{"OTHER", ""}},
	} {
		r := httptest.NewRequest(test.method, test.path, nil)
		r.Header.Set("Content-Type", test.content)
		if diff := cmp.Diff(test.want, callOf(r), cmp.AllowUnexported(call{})); diff != "" {
			t.Errorf("%s: %s %s (-want +got):\n%s", test.reason, test.method, test.path, diff)
		}
	}
}

func TestVerbs(t *testing.T) {
	for _, test := range []struct {
		reason string
		calls  map[call]int
		per    int
		want   string
	}{
		{"nothing was asked", nil, 1, "none"},
		{
			"verbs and what they are about, in an order of their own",
			map[call]int{{"WATCH", "services"}: 1, {"APPLY", "services"}: 1200, {"APPLY", "deployments"}: 800, {"OTHER", ""}: 3},
			1, "2,000 APPLY (deployments, services), 3 OTHER, 1 WATCH (services)",
		},
		{"an average that is whole, and one that is not", map[call]int{{"APPLY", "services"}: 40, {"GET", "services"}: 15}, 10, "4 APPLY (services), 1.5 GET (services)"},
	} {
		if diff := cmp.Diff(test.want, verbs(test.calls, test.per)); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.reason, diff)
		}
	}
}

// TestCounterPassesOnAndCounts has a server behind the proxy that tells of a watch bit by bit.
func TestCounterPassesOnAndCounts(t *testing.T) {
	next := make(chan string)
	server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if r.URL.Query().Get("watch") == "" {
			w.WriteHeader(http.StatusTeapot)
			return
		}
		for line := range next {
			_, _ = io.WriteString(w, line+"\n")
			_ = http.NewResponseController(w).Flush()
		}
	}))
	t.Cleanup(server.Close)
	file := filepath.Join(t.TempDir(), "kubeconfig")
	c, err := startCounter(t.Context(), &rest.Config{Host: server.URL}, file)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := c.close(); err != nil {
			t.Error(err)
		}
	})
	cfg, err := clientcmd.BuildConfigFromFlags("", file)
	if err != nil {
		t.Fatal(err)
	}
	ask := func(path string) (code int, lines *bufio.Reader) {
		t.Helper()
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, cfg.Host+path, http.NoBody)
		if err != nil {
			t.Fatal(err)
		}
		resp, err := http.DefaultClient.Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp.StatusCode, bufio.NewReader(resp.Body)
	}

	if code, _ := ask("/api/v1/services"); code != http.StatusTeapot {
		t.Errorf("the answer is %d, want the server's", code)
	}
	go func() { next <- "first" }()
	_, lines := ask("/api/v1/services?watch=true")
	if line, err := lines.ReadString('\n'); strings.TrimSpace(line) != "first" {
		t.Fatalf("read %q, %v", line, err)
	}
	if n := c.openWatches(); n != 1 {
		t.Errorf("%d watches are open, want 1", n)
	}
	next <- "second"
	if line, err := lines.ReadString('\n'); strings.TrimSpace(line) != "second" {
		t.Fatalf("read %q, %v", line, err)
	}
	close(next)
	if _, err := lines.ReadString('\n'); err != io.EOF {
		t.Errorf("the watch ended with %v", err)
	}
	want := map[call]int{{"LIST", "services"}: 1, {"WATCH", "services"}: 1}
	if diff := cmp.Diff(want, c.take(), cmp.AllowUnexported(call{})); diff != "" {
		t.Errorf("calls (-want +got):\n%s", diff)
	}
	if n := total(c.take()); n != 0 {
		t.Errorf("after they were taken, %d calls are left", n)
	}
}
