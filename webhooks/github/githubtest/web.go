// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"fmt"
	"log"
	"net/http"
	"net/http/cgi"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"sync"
)

// webMux serves Git over HTTP, and the pages.
func (g *GitHub) webMux() http.Handler {
	mux := http.NewServeMux()
	mux.HandleFunc("GET /{$}", g.pageHome)
	mux.HandleFunc("GET /{owner}/{repo}", g.pageRepo)
	mux.HandleFunc("GET /{owner}/{repo}/pulls", g.pageRepo)
	mux.HandleFunc("GET /{owner}/{repo}/pull/{number}", g.pagePull)
	mux.HandleFunc("GET /{owner}/{repo}/pull/{number}/files", g.pageFiles)
	mux.HandleFunc("GET /{owner}/{repo}/runs/{id}", g.pageCheck)
	mux.HandleFunc("POST /{owner}/{repo}/pull/{number}/{act}", g.pageAct)
	mux.HandleFunc("GET /style.css", pageFile("style.css", "text/css; charset=utf-8"))
	mux.HandleFunc("GET /icon.svg", pageFile("icon.svg", "image/svg+xml"))
	g.manifestPages(mux)
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		parts := strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), "/", 3)
		if len(parts) == 3 && strings.HasSuffix(parts[1], ".git") {
			g.serveGit(w, r, parts[0]+"/"+strings.TrimSuffix(parts[1], ".git"), "/"+parts[2])
			return
		}
		mux.ServeHTTP(w, r)
	})
}

// httpBackend is the program that comes with git.
var httpBackend = sync.OnceValues(func() (string, error) {
	out, err := exec.Command("git", "--exec-path").Output()
	if err != nil {
		return "", fmt.Errorf("git is not installed: %w", err)
	}
	backend := filepath.Join(strings.TrimSpace(string(out)), "git-http-backend")
	if _, err := os.Stat(backend); err != nil {
		return "", fmt.Errorf("this git comes without http-backend (Debian: package git, Alpine: git-daemon): %w", err)
	}
	return backend, nil
})

// serveGit serves a repository over HTTP, to those who may read or write it.
func (g *GitHub) serveGit(w http.ResponseWriter, r *http.Request, fullName, rest string) {
	push := strings.HasSuffix(rest, "/git-receive-pack") || r.URL.Query().Get("service") == "git-receive-pack"
	g.mu.Lock()
	found := g.repos[repoKey(fullName)]
	who, known := g.gitCaller(r)
	allowed := found != nil && found.git != "" && (known && who.sees(found) || !found.private)
	if allowed && push {
		allowed = known && who.may(found, "contents:write") == nil
	}
	if allowed && known && who.installation != nil && found.private {
		allowed = who.may(found, "contents:read") == nil
	}
	g.mu.Unlock()
	switch {
	case !allowed && !known:
		w.Header().Set("WWW-Authenticate", `Basic realm="GitHub"`)
		http.Error(w, "Repository not found.", http.StatusUnauthorized)
		return
	case !allowed && push && found != nil:
		http.Error(w, "Permission to "+fullName+".git denied.", http.StatusForbidden)
		return
	case !allowed:
		http.Error(w, "Repository not found.", http.StatusNotFound)
		return
	}
	backend, err := httpBackend()
	if err != nil {
		http.Error(w, err.Error(), http.StatusInternalServerError)
		return
	}
	env := []string{"GIT_PROJECT_ROOT=" + found.git, "GIT_HTTP_EXPORT_ALL=1", "GIT_CONFIG_NOSYSTEM=1", "GIT_CONFIG_GLOBAL=" + os.DevNull, "HOME=" + g.opts.Dir}
	if known {
		env = append(env, "REMOTE_USER="+who.user.login)
	}
	handler := &cgi.Handler{
		Path: backend, Root: "/" + strings.SplitN(strings.TrimPrefix(r.URL.Path, "/"), rest, 2)[0], Env: env,
		Stderr: discard{}, Logger: log.New(discard{}, "", 0),
	}
	handler.ServeHTTP(w, r)
	if push && r.Method == http.MethodPost {
		g.mu.Lock()
		defer g.mu.Unlock()
		if err := g.pushed(found, who.user); err != nil {
			g.opts.Log.Error("following a push", "repository", fullName, "err", err)
		}
	}
}

type discard struct{}

func (discard) Write(p []byte) (int, error) { return len(p), nil }

// pushed finds out which branches a push moved.
func (g *GitHub) pushed(r *repo, who *account) error {
	now, err := g.refs(r)
	if err != nil {
		return err
	}
	for branch := range r.branches {
		if now[branch] == "" {
			if err := g.moved(r, branch, "", who); err != nil {
				return err
			}
		}
	}
	for branch, sha := range now {
		if err := g.moved(r, branch, sha, who); err != nil {
			return err
		}
	}
	return nil
}

// gitCaller finds who asks by Git: the password is a token.
func (g *GitHub) gitCaller(r *http.Request) (caller, bool) {
	_, password, ok := r.BasicAuth()
	if !ok {
		if scheme, secret, _ := strings.Cut(r.Header.Get("Authorization"), " "); strings.EqualFold(scheme, "bearer") {
			password, ok = secret, true
		}
	}
	if !ok {
		return caller{}, false
	}
	r2 := &http.Request{Header: http.Header{"Authorization": {"token " + password}}}
	who, err := g.signedBy(r2, route{})
	return who, err == nil
}
