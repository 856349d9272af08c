// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"encoding/json"
	"fmt"
	"maps"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// source is a server that has one document, which it sends to who has a token and not the same already.
type source struct {
	url string

	mu              sync.Mutex
	version         string
	sent, unchanged int
}

func newSource(t *testing.T) *source {
	t.Helper()
	s := &source{version: "v1"}
	server := httptest.NewServer(s)
	t.Cleanup(server.Close)
	s.url = server.URL
	return s
}

func (s *source) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if r.Header.Get("Authorization") != "Bearer s3cr3t" {
		w.WriteHeader(http.StatusUnauthorized)
		return
	}
	etag := fmt.Sprintf("%q", s.version)
	w.Header().Set("ETag", etag)
	if r.Header.Get("If-None-Match") == etag {
		s.unchanged++
		w.WriteHeader(http.StatusNotModified)
		return
	}
	s.sent++
	_, _ = w.Write([]byte("rates of " + s.version))
}

// is has the document be another one.
func (s *source) is(version string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.version = version
}

// answers is how often the document was sent, and how often it was not since it was the same.
func (s *source) answers() (sent, unchanged int) {
	s.mu.Lock()
	defer s.mu.Unlock()
	return s.sent, s.unchanged
}

// content is what the manifest of a lot of a project says that there is of it.
func (l *lake) content(project, id string) string {
	l.t.Helper()
	found, err := filepath.Glob(filepath.Join(l.dir, "manifests", project, "datasets", "*", "*", "lot="+id, "state=complete", "manifest.json"))
	if err != nil || len(found) != 1 {
		l.t.Fatalf("the manifests of %s are %v, %v", id, found, err)
	}
	var m struct{ URIs []string }
	text, err := os.ReadFile(found[0])
	if err == nil {
		err = json.Unmarshal(text, &m)
	}
	if err != nil || len(m.URIs) != 1 {
		l.t.Fatalf("%s has %s, %v", found[0], text, err)
	}
	data, err := os.ReadFile(strings.TrimPrefix(m.URIs[0], "file://"))
	if err != nil {
		l.t.Fatal(err)
	}
	return string(data)
}

// TestPull: what a server has is fetched for each lot by the program lot in a real process; a lot since which nothing changed is empty, and one
// that is asked for once more has what there is by then.
func TestPull(t *testing.T) {
	t.Parallel()
	l, s := newLake(t), newSource(t)
	program, err := os.ReadFile(built(t, "lot"))
	if err != nil {
		t.Fatal(err)
	}
	bin := filepath.Join(l.dir, "bin")
	if err := os.Mkdir(bin, 0o755); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(bin, "lot"), program, 0o755); err != nil {
		t.Fatal(err)
	}
	declare := func(replay string) map[string]string {
		files := l.files("true", "true")
		delete(files, "orders/project.yaml")
		delete(files, "sales/project.yaml")
		files["rates/project.yaml"] = fmt.Sprintf(`apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: rates}
spec:
  owner: team
  environments: [dev]
  image: trunkline.local/host:1
  datasets: [{name: rates, version: "1", path: "lake://rates/", lots: {unit: hourly, since: %q}%s}]
  workloads:
    - name: fetch
      blueprint: pull
      env: {PATH: %q, TOKEN: s3cr3t}
      lots: {atOnce: 1}
      params: {http: {url: "%s/rates.csv", headers: {Authorization: "Bearer $(TOKEN)"}}}
      writes: {main: rates@1}
`, l.since.Format(time.RFC3339), replay, bin+":"+os.Getenv("PATH"), s.url)
		return files
	}
	head := l.repo.Commit(t, "rates", declare(""))
	d := l.serve(plain(t))
	d.await("the release", fineAt(head))
	lots := slices.Sorted(maps.Keys(l.counted))
	l.await("all lots", func() bool {
		return len(l.manifests("rates", "complete"))+len(l.manifests("rates", "empty")) == l.hours
	})
	// One at a time, the oldest first; but the last, which has just ended, may come before them.
	complete, empty := l.manifests("rates", "complete"), l.manifests("rates", "empty")
	if sent, unchanged := s.answers(); !slices.Contains(complete, lots[0]) || len(empty) < l.hours-2 || sent < len(complete) || unchanged < len(empty) {
		t.Errorf("complete are %v and empty %v; it was sent %d times, and the same %d times", complete, empty, sent, unchanged)
	}
	if got := l.content("rates", lots[0]); got != "rates of v1" {
		t.Errorf("the first lot has %q", got)
	}
	if failed := l.manifests("rates", "partial"); len(failed) > 0 {
		t.Errorf("these failed: %v", failed)
	}

	s.is("v2")
	again := lots[2]
	at := l.since.Add(2 * time.Hour)
	head = l.repo.Commit(t, "corrected", declare(fmt.Sprintf(", replay: [{id: corrected, from: %q, until: %q, reason: the rates were wrong}]",
		at.Format(time.RFC3339), at.Add(time.Hour).Format(time.RFC3339))))
	d.sync()
	d.await("the release", fineAt(head))
	l.await("the lot that is fetched once more", func() bool {
		return slices.Contains(l.manifests("rates", "complete"), again) && slices.Contains(l.manifests("rates", "removed"), again)
	})
	if got := l.content("rates", again); got != "rates of v2" {
		t.Errorf("the lot that is fetched once more has %q", got)
	}
	if text := d.log.String(); strings.Contains(text, "s3cr3t") {
		t.Error("the log of the daemon has the token")
	}
}
