// SPDX-License-Identifier: Apache-2.0

package e2e

import (
	"compress/gzip"
	"context"
	"encoding/hex"
	"io"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
)

// receiver takes traces, as a collector of OpenTelemetry does.
type receiver struct {
	*httptest.Server

	t  *testing.T
	mu sync.Mutex
	// spans are the names of spans by their traces, keys what they were sent with, and news is told of each request.
	spans map[string][]string
	keys  map[string]bool
	news  chan struct{}
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{t: t, spans: map[string][]string{}, keys: map[string]bool{}, news: make(chan struct{}, 1)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		packed, err := gzip.NewReader(req.Body)
		if err != nil {
			t.Error(err)
			return
		}
		data, err := io.ReadAll(packed)
		var sent collector.ExportTraceServiceRequest
		if err != nil || proto.Unmarshal(data, &sent) != nil {
			t.Errorf("what is sent is no request of OTLP: %v", err)
			return
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		r.keys[req.Header.Get("Api-Key")] = true
		for _, of := range sent.GetResourceSpans() {
			for _, scope := range of.GetScopeSpans() {
				for _, s := range scope.GetSpans() {
					id := hex.EncodeToString(s.GetTraceId())
					r.spans[id] = append(r.spans[id], s.GetName())
				}
			}
		}
		select {
		case r.news <- struct{}{}:
		default:
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
	}))
	t.Cleanup(r.Close)
	return r
}

// await waits until a trace that begins with an id has some spans, and returns the names of all.
func (r *receiver) await(id string, some ...string) []string {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), waitTimeout)
	defer cancel()
	for {
		r.mu.Lock()
		got := slices.Clone(r.spans[id])
		all := r.spans
		if !slices.ContainsFunc(some, func(s string) bool { return !slices.Contains(got, s) }) {
			r.mu.Unlock()
			slices.Sort(got)
			return slices.Compact(got)
		}
		r.mu.Unlock()
		select {
		case <-ctx.Done():
			r.t.Fatalf("the trace %s has no %v: %v", id, some, all)
		case <-r.news:
		case <-time.After(time.Second): // another one may have taken the news
		}
	}
}

// TestTraces: a commit is one trace, under its hash, from the push until its release is healthy; a receiver that is away is none of the
// daemon's trouble.
func TestTraces(t *testing.T) {
	cluster := pkg.Cluster(t)
	repo := gittest.New(t)
	r := receive(t)
	headers := filepath.Join(t.TempDir(), "headers")
	if err := os.WriteFile(headers, []byte("Api-Key: s3cret-of-the-receiver\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	d := serve(t, "--repo", repo.URL(), "--data", t.TempDir(), "--cluster", "test="+cluster.Kubeconfig, "--poll", "1h", "--traces", r.URL, "--traces-headers-file", headers)
	d.await("the repository to be found empty", func(p status.Platform) bool { return p.Source.Error != "" })
	commit := repo.Commit(t, "traced", small("traced", "img:1"))
	d.sync()
	d.await("the commit to be fine", status.Platform.Fine)
	got := r.await(commit[:32], "become healthy", "commit")
	if diff := cmp.Diff([]string{"apply", "become healthy", "commit", "fetch", "judge", "wait for fetch"}, got); diff != "" {
		t.Errorf("the trace of the commit (-want +got):\n%s", diff)
	}
	if _, metrics := get(t, d.server+"/metrics"); !strings.Contains(metrics, `trunkline_trace_spans_total{result="dropped"} 0`) {
		t.Error("spans were dropped, or it is not counted")
	}
	if !r.keys["s3cret-of-the-receiver"] || strings.Contains(d.log.String(), "s3cret") {
		t.Error("the header is not sent, or is in the log")
	}
	r.Close()
	repo.Commit(t, "away", small("traced", "img:2"))
	d.sync()
	d.await("the commit after that to be fine", func(p status.Platform) bool { return p.Fine() && p.Source.Accepted.Subject == "away" })
}

// TestTracesOfAPullRequest: a head of a pull request is one trace, from GitHub's event to the check and the comment.
func TestTracesOfAPullRequest(t *testing.T) {
	r := receive(t)
	f := newForge(t, pkg.Cluster(t))
	f.args = append(f.args, "--traces", r.URL)
	f.start()
	_, sha := f.open("change", "another note", shop("two"), "olga")
	f.awaitCheck(sha, "success")
	id := r.awaitSpan("pull request")
	got := r.await(id, "conclude check")
	for _, want := range []string{"open check", "evaluate", "comment", "conclude check", "wait"} {
		if !slices.Contains(got, want) {
			t.Errorf("the trace of the head has no %q: %v", want, got)
		}
	}
}

// awaitSpan waits until a span of a name is in any trace, and returns the id of that.
func (r *receiver) awaitSpan(name string) (id string) {
	r.t.Helper()
	ctx, cancel := context.WithTimeout(r.t.Context(), waitTimeout)
	defer cancel()
	for {
		r.mu.Lock()
		for id, names := range r.spans {
			if slices.Contains(names, name) {
				r.mu.Unlock()
				return id
			}
		}
		all := r.spans
		r.mu.Unlock()
		select {
		case <-ctx.Done():
			r.t.Fatalf("no trace has a %q: %v", name, all)
		case <-r.news:
		case <-time.After(time.Second): // another one may have taken the news
		}
	}
}
