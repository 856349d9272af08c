// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"io"
	"io/fs"
	"log/slog"
	"net"
	"net/http"
	"net/http/httptest"
	"slices"
	"strconv"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"

	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/status"
)

// gitPassword is in the URL of the repository, and must be nowhere else.
const gitPassword = "c4nary-of-the-url"

// gitServer serves a repository, and misbehaves when it is told to.
type gitServer struct {
	backend http.Handler
	fault   atomic.Pointer[gitFault]
}

// gitFault answers in place of the server.
type gitFault func(w http.ResponseWriter, req *http.Request, backend http.Handler)

func (s *gitServer) set(f gitFault) { s.fault.Store(&f) }

// ServeHTTP implements [http.Handler].
func (s *gitServer) ServeHTTP(w http.ResponseWriter, req *http.Request) {
	if f := s.fault.Load(); f != nil && *f != nil {
		(*f)(w, req, s.backend)
		return
	}
	s.backend.ServeHTTP(w, req)
}

// followed is a daemon that follows a repository, as "trunkline serve" wires it.
type followed struct {
	*daemon
	log *lockedBuffer
	// end ends the daemon, and closes the store.
	end func()
}

// lockedBuffer is written to by several goroutines.
type lockedBuffer struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (b *lockedBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.Write(p)
}

func (b *lockedBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.buf.String()
}

// followURL runs a daemon that looks at a repository again and again.
func followURL(t *testing.T, kubeconfig, url string) *followed {
	t.Helper()
	return followURLWith(t, kubeconfig, url, t.TempDir())
}

// followURLWith runs a daemon whose store is in a folder.
func followURLWith(t *testing.T, kubeconfig, url, dir string) *followed {
	t.Helper()
	store, err := git.Open(dir)
	if err != nil {
		t.Fatal(err)
	}
	log := &lockedBuffer{}
	logger := slog.New(slog.NewTextHandler(io.MultiWriter(log, testWriter{t}), nil))
	d := startWith(t, kubeconfig, func(o *reconciler.Options) {
		o.Log = logger
		o.Trees = func(ctx context.Context, commit string) (fs.FS, error) { return store.Tree(ctx, commit) }
	})
	remote := git.Remote{URL: url, Branch: "main"}
	d.board.SetSource(func(s *status.Source) { s.URL, s.Branch = git.Redact(url), "main" })
	follower := &reconciler.Follower{Store: store, Reconciler: d.rec, Board: d.board, Log: logger}
	ctx, cancel := context.WithCancel(t.Context())
	watcher := git.Watcher{
		Fetch:    func(ctx context.Context) (git.Head, error) { return store.Fetch(ctx, remote) },
		Interval: 50 * time.Millisecond, Timeout: 2 * time.Second,
		OnHead: follower.Head, OnError: follower.Failed,
	}
	var running sync.WaitGroup
	running.Go(func() { follower.Run(ctx) })
	running.Go(func() { watcher.Run(ctx) })
	end := sync.OnceFunc(func() {
		cancel()
		running.Wait()
		d.stop()
		if err := store.Close(); err != nil {
			t.Error(err)
		}
	})
	t.Cleanup(end)
	return &followed{d, log, end}
}

// accepts waits until a commit is accepted and everything as it declares, with nothing wrong any more.
func (f *followed) accepts(commit string) {
	f.t.Helper()
	f.await(commit+" to be fine", func(p status.Platform) bool {
		return p.Fine() && p.Source.Accepted.Hash == commit && p.Source.Error == ""
	})
}

// corrects deletes a ConfigMap by hand and waits until it is back. To change it instead, again and again, would be taken
// for a fight, and damped.
func (f *followed) corrects(c cell, namespace, want string) {
	f.t.Helper()
	before := c.get(configMaps, namespace, "a").GetUID()
	if err := c.client.Resource(configMaps).Namespace(namespace).Delete(f.t.Context(), "a", metav1.DeleteOptions{}); err != nil {
		f.t.Fatal(err)
	}
	c.awaitAnother(configMaps, namespace, "a", before)
	if got := c.value(namespace, "a"); got != want {
		f.t.Errorf("what was deleted by hand came back as %q, want %q", got, want)
	}
}

// silent makes sure that the password of the URL was not told to anybody.
func (f *followed) silent() {
	f.t.Helper()
	board, err := json.Marshal(f.board.Snapshot())
	if err != nil {
		f.t.Fatal(err)
	}
	if strings.Contains(string(board), gitPassword) || strings.Contains(f.log.String(), gitPassword) {
		f.t.Errorf("the password of the repository is on the board or in the log:\n%s", board)
	}
}

// changed has the server's answers to a method pass through a function; others are as they should be.
func changed(method string, change func([]byte) []byte) gitFault {
	return func(w http.ResponseWriter, req *http.Request, backend http.Handler) {
		if req.Method != method {
			backend.ServeHTTP(w, req)
			return
		}
		rec := httptest.NewRecorder()
		backend.ServeHTTP(rec, req)
		w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
		body := change(rec.Body.Bytes())
		w.Header().Set("Content-Length", strconv.Itoa(len(body)))
		w.WriteHeader(rec.Code)
		_, _ = w.Write(body)
	}
}

// trickle returns out a byte now and then, for as long as the client listens.
func trickle(w http.ResponseWriter, req *http.Request, backend http.Handler) {
	rec := httptest.NewRecorder()
	backend.ServeHTTP(rec, req)
	w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
	for _, b := range rec.Body.Bytes() {
		select {
		case <-req.Context().Done():
			return
		case <-time.After(100 * time.Millisecond):
		}
		_, _ = w.Write([]byte{b})
		_ = http.NewResponseController(w).Flush()
	}
}

// TestFaultsOfTheRepository has the server or the repository go wrong in turn, each time with a new commit behind it.
// The cluster stays at the accepted commit and is kept there, the board says what is wrong, and the new commit is taken
// once that is over, with nobody doing anything.
func TestFaultsOfTheRepository(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	repo := gittest.New(t)
	empty := gittest.HTTPHandler(t, gittest.New(t))
	server := &gitServer{backend: gittest.BasicAuth(gittest.HTTPHandler(t, repo), "ada", gitPassword)}

	// At first nobody listens.
	var listening net.ListenConfig
	listener, err := listening.Listen(t.Context(), "tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	address := listener.Addr().String()
	if err := listener.Close(); err != nil {
		t.Fatal(err)
	}
	d := followURL(t, c.Kubeconfig, "http://ada:"+gitPassword+"@"+address+gittest.RepoPath)
	p := d.await("the server to be missed", func(p status.Platform) bool { return p.Source.Error != "" })
	if !strings.Contains(p.Source.Error, "connection refused") || p.Source.Accepted != nil {
		t.Errorf("with nobody listening, the board has accepted=%v and the error %q", p.Source.Accepted, p.Source.Error)
	}
	files := platform("gitfault", tree{
		"a/project.yaml": manifests("gitfault-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", "0"),
	})
	accepted := repo.Commit(t, "first", files)
	if listener, err = listening.Listen(t.Context(), "tcp", address); err != nil {
		t.Skipf("the port was taken meanwhile: %v", err)
	}
	srv := httptest.NewUnstartedServer(server)
	srv.Listener = listener
	srv.Start()
	t.Cleanup(func() {
		srv.CloseClientConnections()
		srv.Close()
	})
	d.accepts(accepted)

	cases := []struct {
		name, reason string
		fault        gitFault
		// says is what the board must hold.
		says string
	}{
		{"down", "A server that drops every request is down.", func(http.ResponseWriter, *http.Request, http.Handler) { panic(http.ErrAbortHandler) }, "EOF"},
		{"slow", "A server that gives a byte now and then costs until the fetch's time is over.", trickle, "deadline exceeded"},
		{"truncated", "A pack that ends too early is not used.", changed(http.MethodPost, func(b []byte) []byte { return b[:len(b)*2/3] }), "fetching branch"},
		{"reset", "A connection that breaks within the pack is no pack.", func(w http.ResponseWriter, req *http.Request, backend http.Handler) {
			if req.Method != http.MethodPost {
				backend.ServeHTTP(w, req)
				return
			}
			rec := httptest.NewRecorder()
			backend.ServeHTTP(rec, req)
			w.Header().Set("Content-Type", rec.Header().Get("Content-Type"))
			_, _ = w.Write(rec.Body.Bytes()[:rec.Body.Len()/2])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}, "unexpected EOF"},
		{"flipped", "A pack with one wrong bit is found by its sum.", changed(http.MethodPost, func(b []byte) []byte {
			b = slices.Clone(b)
			b[len(b)*2/3] ^= 1
			return b
		}), "fetching branch"},
		{"garbage", "A page of a proxy is no answer.", changed(http.MethodGet, func([]byte) []byte {
			return []byte("<html>\x1b[31mlogin as ada:" + gitPassword + "\r\n</html>")
		}), "fetching branch"},
		{"refusal", "What a server says is scrubbed of the password.", func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
			http.Error(w, "no way, ada:"+gitPassword, http.StatusForbidden)
		}, "check the credentials"},
		{"empty", "A repository that was replaced by an empty one declares nothing, which is not the same as declaring that nothing is to run.", func(w http.ResponseWriter, req *http.Request, _ http.Handler) {
			empty.ServeHTTP(w, req)
		}, `branch "main" does not exist`},
	}
	value := "0"
	for i, tc := range cases {
		t.Run(tc.name, func(t *testing.T) {
			server.set(tc.fault)
			srv.CloseClientConnections()
			next := repo.Commit(t, tc.name, tree{"a/objects/all.yaml": configMap("a", strconv.Itoa(i+1))})
			// The look that was under way when the connections were closed may fail in its own way first.
			p := d.await(tc.name+" to be said to be "+tc.says, func(p status.Platform) bool { return strings.Contains(p.Source.Error, tc.says) })
			if !strings.Contains(p.Source.Error, address) || p.Source.Accepted.Hash != accepted {
				t.Errorf("%s\nThe board has accepted=%s, want %s, and the error %q, want the address in it", tc.reason, p.Source.Accepted.Hash, accepted, p.Source.Error)
			}
			d.corrects(c, "gitfault-a-dev", value)
			if got := d.board.Snapshot().Source; got.Accepted.Hash != accepted || got.Error == "" {
				t.Errorf("%s\nAfter a while the board has accepted=%s and the error %q", tc.reason, got.Accepted.Hash, got.Error)
			}
			d.silent()

			server.set(nil)
			d.accepts(next)
			accepted, value = next, strconv.Itoa(i+1)
			if got := c.value("gitfault-a-dev", "a"); got != value {
				t.Errorf("%s\nAfterwards the cluster holds %q, want %q", tc.reason, got, value)
			}
		})
	}
	d.silent()
}

// TestForcedBranches has the branch rewritten, moved back to an older commit, deleted and made again. The branch is what
// is declared: the cluster follows it, and stays as it is while there is none.
func TestForcedBranches(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	repo := gittest.New(t)
	d := followURL(t, c.Kubeconfig, gittest.ServeHTTP(t, repo))
	files := func(value string) tree {
		return platform("forced", tree{
			"a/project.yaml": manifests("forced-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", value),
		})
	}
	commit := func(value string) string { return repo.Commit(t, "value "+value, files(value)) }
	holds := func(what, want string, rewritten bool) {
		t.Helper()
		if got := c.value("forced-a-dev", "a"); got != want {
			t.Errorf("%s: the cluster holds %q, want %q", what, got, want)
		}
		if got := d.board.Snapshot().Source.Notice; strings.Contains(got, "rewritten") != rewritten {
			t.Errorf("%s: the notice is %q, and it was rewritten: %t", what, got, rewritten)
		}
	}
	first := commit("1")
	d.accepts(first)
	second := commit("2")
	d.accepts(second)
	holds("a push", "2", false)

	repo.Reset(t, first)
	d.accepts(first)
	holds("the branch was moved back", "1", true)

	third := commit("3")
	d.accepts(third)
	holds("a push after that", "3", false)

	repo.DeleteBranch(t, "main")
	p := d.await("the branch to be missed", func(p status.Platform) bool { return p.Source.Error != "" })
	if !strings.Contains(p.Source.Error, `branch "main" does not exist`) || p.Source.Accepted.Hash != third {
		t.Errorf("with the branch deleted, the board has accepted=%s and the error %q", p.Source.Accepted.Hash, p.Source.Error)
	}
	d.corrects(c, "forced-a-dev", "3")

	// A branch of that name which has nothing to do with the one before.
	fourth := commit("4")
	d.accepts(fourth)
	holds("the branch was made again", "4", true)

	// In one move: the daemon may look at the branch at any time.
	fifth := repo.CommitWith(t, []string{third}, "value 5", files("5"))
	repo.Reset(t, fifth)
	d.accepts(fifth)
	holds("a push with force", "5", true)
}

// TestAStartWithAnOlderStoreRollsNothingBack starts a daemon whose store knows less than the clusters hold, as one that was
// restored, or that of another replica, does.
func TestAStartWithAnOlderStoreRollsNothingBack(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	repo := gittest.New(t)
	server := &gitServer{backend: gittest.HTTPHandler(t, repo)}
	url := gittest.Serve(t, server)
	down := gitFault(func(w http.ResponseWriter, _ *http.Request, _ http.Handler) {
		http.Error(w, "down", http.StatusServiceUnavailable)
	})
	commit := func(value string) string {
		return repo.Commit(t, "value "+value, platform("ahead", tree{
			"a/project.yaml": manifests("ahead-a"), "a/objects/kustomization.yaml": kustomization, "a/objects/all.yaml": configMap("a", value),
		}))
	}
	first := commit("1")
	ahead, behind := t.TempDir(), t.TempDir()
	d := followURLWith(t, c.Kubeconfig, url, ahead)
	d.accepts(first)
	other := followURLWith(t, c.Kubeconfig, url, behind)
	other.accepts(first)
	other.end()
	second := commit("2")
	d.accepts(second)
	d.end()
	server.set(down)

	// It knows the first commit only.
	d = followURLWith(t, c.Kubeconfig, url, behind)
	p := d.await("the start to wait", func(p status.Platform) bool { return strings.Contains(p.Source.Error, "waiting for the repository") })
	if p.Source.Accepted != nil || !strings.Contains(p.Source.Error, "not known here") {
		t.Errorf("with the server away, the board has accepted=%v and the error %q", p.Source.Accepted, p.Source.Error)
	}
	if got := c.value("ahead-a-dev", "a"); got != "2" {
		t.Errorf("with the server away, the cluster holds %q", got)
	}
	d.end()

	// The accepted commit alone is older: the daemon died before it was written, as daemons of before did.
	store, err := git.Open(ahead)
	if err != nil {
		t.Fatal(err)
	}
	if err := errors.Join(store.SetAccepted(first), store.Close()); err != nil {
		t.Fatal(err)
	}
	d = followURLWith(t, c.Kubeconfig, url, ahead)
	d.await("the start to wait", func(p status.Platform) bool { return strings.Contains(p.Source.Error, "waiting for the repository") })
	if got := c.value("ahead-a-dev", "a"); got != "2" {
		t.Errorf("with an older accepted commit, the cluster holds %q", got)
	}
	server.set(nil)
	d.accepts(second)
	d.end()
	for _, r := range d.ran() {
		if r.Commit == first || r.Applied > 0 {
			t.Errorf("something was applied: %+v", r)
		}
	}

	// With the right one it goes on by itself, and keeps the cluster as it is declared.
	server.set(down)
	d = followURLWith(t, c.Kubeconfig, url, ahead)
	d.await("the second commit", func(p status.Platform) bool {
		return p.Source.Accepted != nil && p.Source.Accepted.Hash == second && release(p, "ahead-a").Health == status.Healthy
	})
	d.corrects(c, "ahead-a-dev", "2")
}

// ran lists the runs until now.
func (f *followed) ran() []reconciler.Run {
	f.mu.Lock()
	defer f.mu.Unlock()
	return slices.Clone(f.runs)
}
