// SPDX-License-Identifier: Apache-2.0

package main

import (
	"net"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"runtime"
	"strings"
	"syscall"
	"testing"
	"time"
)

// TestTrunkline makes the image of Trunkline itself, of the last commit of this repository, and runs it from its own files on a root that
// cannot be written to: first what needs nothing, then the daemon, which follows a repository and accepts a commit.
func TestTrunkline(t *testing.T) {
	if testing.Short() {
		t.Skip("compiles Trunkline, which -short leaves out")
	}
	m := made{dir: filepath.Join(t.TempDir(), "dist")}
	var registry func()
	m.image, registry = startRegistry()
	defer registry()
	var said strings.Builder
	err := run(t.Context(), []string{
		"-repo", "..", "-out", m.dir, "-only", "image", "-platforms", "linux/" + runtime.GOARCH, "-image", m.image, "-push", "-packages", "./cmd/trunkline",
		"--", "-tags", "kustomize_disable_go_plugin_support", "-ldflags", "-s -w",
	}, "", &said, &said)
	if err != nil {
		t.Fatalf("making the image: %v\n%s", err, said.String())
	}
	tag := said.String()
	tag = strings.TrimSpace(tag[strings.LastIndex(tag, m.image)+len(m.image)+1:])
	img := pull(t, m, tag)

	if out, err := inImage(t, img, "", "version"); err != nil || !strings.HasPrefix(out, "trunkline "+tag+" ") {
		t.Errorf("version: %v\n%s", err, out)
	}
	if out, err := inImage(t, img, "", "serve", "--help"); err != nil || !strings.Contains(out, "--repo") {
		t.Errorf("serve --help: %v\n%s", err, out)
	}

	data := t.TempDir()
	kubeconfig := "apiVersion: v1\nkind: Config\ncurrent-context: c\nclusters: [{name: c, cluster: {server: \"https://127.0.0.1:1\"}}]\ncontexts: [{name: c, context: {cluster: c, user: u}}]\nusers: [{name: u, user: {token: t}}]\n"
	if err := os.WriteFile(filepath.Join(data, "kubeconfig"), []byte(kubeconfig), 0o600); err != nil {
		t.Fatal(err)
	}
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	_ = listener.Close() // the daemon takes it
	cmd := command(t, img, data, "serve", "--repo", serveExample(t), "--cluster", "dev=/data/kubeconfig", "--cluster", "prod=/data/kubeconfig", "--listen", address)
	var logged strings.Builder
	cmd.Stdout, cmd.Stderr = &logged, &logged
	if err := cmd.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- cmd.Wait() }()
	look := time.NewTicker(100 * time.Millisecond)
	defer look.Stop()
	timeout := time.After(2 * time.Minute)
	for ready := false; !ready; {
		select {
		case err := <-ended:
			t.Fatalf("the daemon ended: %v\n%s", err, logged.String())
		case <-timeout:
			_ = cmd.Process.Kill()
			<-ended
			t.Fatalf("no commit is accepted:\n%s", logged.String())
		case <-look.C:
			answer, err := http.Get("http://" + address + "/readyz")
			if err == nil {
				ready = answer.StatusCode == http.StatusOK
				_ = answer.Body.Close()
			}
		}
	}
	if err := cmd.Process.Signal(syscall.SIGTERM); err != nil {
		t.Fatal(err)
	}
	if err := <-ended; err != nil {
		t.Errorf("the daemon did not end well: %v", err)
	}
	if strings.Contains(logged.String(), "read-only") || strings.Contains(logged.String(), "permission denied") {
		t.Errorf("the daemon wants to write elsewhere than to /data:\n%s", logged.String())
	}
	kept, err := os.ReadDir(filepath.Join(data, "trunkline"))
	if err != nil || len(kept) == 0 {
		t.Errorf("the daemon keeps nothing in /data/trunkline: %v", err)
	}
	t.Logf("the daemon said:\n%s", logged.String())
}

// serveExample serves the example of this repository by git itself, and returns its URL.
func serveExample(t *testing.T) string {
	t.Helper()
	root := t.TempDir()
	repo := filepath.Join(root, "acme")
	if err := os.CopyFS(repo, os.DirFS("../examples/acme")); err != nil {
		t.Fatal(err)
	}
	commit(t, repo)
	where, err := exec.CommandContext(t.Context(), "git", "--exec-path").Output()
	if err != nil {
		t.Fatal(err)
	}
	server := httptest.NewServer(&cgi.Handler{
		Path: filepath.Join(strings.TrimSpace(string(where)), "git-http-backend"),
		Env:  []string{"GIT_PROJECT_ROOT=" + root, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_COUNT=1", "GIT_CONFIG_KEY_0=safe.directory", "GIT_CONFIG_VALUE_0=*"},
	})
	t.Cleanup(server.Close)
	return server.URL + "/acme/.git"
}
