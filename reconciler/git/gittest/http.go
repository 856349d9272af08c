// SPDX-License-Identifier: Apache-2.0

package gittest

import (
	"crypto/subtle"
	"log"
	"net/http"
	"net/http/cgi"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
)

// ServeHTTP serves the repository over HTTP and returns its URL.
func ServeHTTP(t testing.TB, r *Repo) string {
	t.Helper()
	return Serve(t, HTTPHandler(t, r))
}

// ServeHTTPAuth is ServeHTTP that wants a user name and a password. The URL does not hold them.
func ServeHTTPAuth(t testing.TB, r *Repo, user, password string) string {
	t.Helper()
	return Serve(t, BasicAuth(HTTPHandler(t, r), user, password))
}

// RepoPath is where HTTPHandler serves the repository.
const RepoPath = "/team/platform.git"

// Serve serves a handler until the test ends and returns the URL of the repository in it. Put a handler
// of your own around [HTTPHandler] to misbehave.
func Serve(t testing.TB, h http.Handler) string {
	t.Helper()
	srv := httptest.NewServer(h)
	t.Cleanup(srv.Close)
	return srv.URL + RepoPath
}

// HTTPHandler serves the repository at [RepoPath] through git http-backend. It skips the test when this
// machine's git comes without it.
func HTTPHandler(t testing.TB, r *Repo) http.Handler {
	t.Helper()
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		t.Skipf("gittest: git is not installed: %v", err)
	}
	backend := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		t.Skipf("gittest: this git comes without http-backend (Debian: package git, Alpine: git-daemon): %v", err)
	}
	mux := http.NewServeMux()
	mux.Handle(RepoPath+"/", &cgi.Handler{
		Path:   backend,
		Root:   RepoPath,
		Stderr: &testWriter{t},
		Logger: log.New(&testWriter{t}, "", 0), // of clients that went away, for the most part
		Env: []string{
			"GIT_PROJECT_ROOT=" + r.dir, "GIT_HTTP_EXPORT_ALL=1",
			// Whatever this machine is configured to do stays out of the test.
			"GIT_CONFIG_NOSYSTEM=1", "HOME=" + t.TempDir(),
		},
	})
	return mux
}

// BasicAuth asks for a user name and a password.
func BasicAuth(next http.Handler, user, password string) http.Handler {
	return http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		u, p, _ := req.BasicAuth()
		if subtle.ConstantTimeCompare([]byte(u+"\x00"+p), []byte(user+"\x00"+password)) != 1 {
			w.Header().Set("WWW-Authenticate", `Basic realm="gittest"`)
			http.Error(w, "who are you?", http.StatusUnauthorized)
			return
		}
		next.ServeHTTP(w, req)
	})
}

// testWriter logs to the test. Cleanup closes the server first, and with it everything that writes here.
type testWriter struct{ t testing.TB }

func (w *testWriter) Write(p []byte) (int, error) {
	w.t.Logf("git http-backend: %s", p)
	return len(p), nil
}
