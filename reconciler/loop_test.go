// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/reconciler/apply"
	"trunkline.dev/trunkline/reconciler/apply/applytest"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// These tests are of the loop, with a cluster that is none; the others in this folder have a real API server.

// rendering renders each project to ConfigMaps: as many as the file "objects" beside its declaration has bytes, with the
// file's text in them; and those that the file "shared" names, in a namespace that all share.
type rendering struct{}

func (rendering) Render(_ context.Context, tree fs.FS, rel catalog.Release) (render.Result, error) {
	text, err := fs.ReadFile(tree, rel.ID.Project+"/objects")
	if err != nil {
		return render.Result{}, fmt.Errorf("rendering %s: %w", rel.ID.Project, err)
	}
	var out render.Result
	names, err := fs.ReadFile(tree, rel.ID.Project+"/shared")
	if err == nil {
		for name := range strings.FieldsSeq(string(names)) {
			out.Objects = append(out.Objects, &unstructured.Unstructured{Object: map[string]any{
				"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": "shared"},
			}})
		}
	}
	for i := range len(text) {
		out.Objects = append(out.Objects, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap",
			"metadata": map[string]any{"name": fmt.Sprint(rel.ID.Project, "-", i), "namespace": rel.Namespace}, "data": map[string]any{"text": string(text)},
		}})
	}
	return out, nil
}

// shares is a sharing that a test changes.
type shares struct{ others atomic.Bool }

func (s *shares) Begin(ctx context.Context, _ catalog.ReleaseID) (context.Context, func(), bool) {
	return ctx, func() {}, !s.others.Load()
}
func (s *shares) Owned(catalog.ReleaseID) bool   { return !s.others.Load() }
func (s *shares) Owner(catalog.ReleaseID) string { return "r2" }

// loop is a reconciler with a cluster "test" that is none.
type loop struct {
	*Reconciler

	t       *testing.T
	cluster *applytest.Cluster
	board   *status.Board
	shares  *shares
	// down is set while the cluster cannot be reached, and events are what was told to the history.
	down   atomic.Bool
	mu     sync.Mutex
	events []history.Event
	// files are those of the newest commit.
	files   fstest.MapFS
	commits int
}

func newLoop(t *testing.T) *loop {
	t.Helper()
	l := &loop{t: t, cluster: applytest.New(), board: status.NewBoard(time.Now), shares: &shares{}}
	l.files = fstest.MapFS{}
	l.write("trunkline.yaml", "apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: acme}\n")
	l.write("cluster.yaml", "apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: test}\n")
	l.write("env.yaml", "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test]}\n")
	l.restart()
	return l
}

// restart makes another daemon, which knows nothing but what the cluster holds.
func (l *loop) restart() {
	l.t.Helper()
	r, err := New(Options{
		Library: blueprints.FS, Renderer: rendering{}, Board: l.board, Now: time.Now, Sharing: l.shares, Tell: l.tell,
	})
	if err != nil {
		l.t.Fatal(err)
	}
	l.Reconciler = r
	c := newClusterState(cluster.Config{Name: "test"}, r.happened)
	c.inventories = apply.NewCluster("test", func(_, _ context.Context) (apply.Conn, error) {
		if l.down.Load() {
			return nil, errDown
		}
		return l.cluster, nil
	})
	r.clusters.add(c)
	l.cluster.Change(func() { l.cluster.Notify = c.inventories.Happened })
}

var errDown = errors.New("connection refused")

func (l *loop) tell(e history.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.events = append(l.events, e)
}

// told returns what was told to the history of a kind.
func (l *loop) told(kind history.Kind) (events []history.Event) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for _, e := range l.events {
		if e.Kind == kind {
			events = append(events, e)
		}
	}
	return events
}

// run has the reconciler run until the test ends, or stop is called.
func (l *loop) run() (stop func()) {
	ctx, cancel := context.WithCancel(l.t.Context())
	ended := make(chan struct{})
	go func() { l.Run(ctx); close(ended) }()
	stop = func() { cancel(); <-ended }
	l.t.Cleanup(stop)
	return stop
}

func (l *loop) write(file, text string) { l.files[file] = &fstest.MapFile{Data: []byte(text)} }

// project declares one that renders to as many objects as the text has bytes.
func (l *loop) project(name, text string, more ...string) {
	l.write(name+"/project.yaml", fmt.Sprintf("apiVersion: trunkline.dev/v1alpha1\nkind: Project\nmetadata: {name: %s}\nspec:\n  owner: team\n  environments: [dev]\n%s"+
		"  workloads:\n    - {name: web, blueprint: kustomize, params: {path: objects}}\n", name, strings.Join(more, "")))
	l.write(name+"/objects", text)
}

func (l *loop) remove(name string) {
	delete(l.files, name+"/project.yaml")
	delete(l.files, name+"/objects")
}

// accept accepts what the files are now, and returns the commit.
func (l *loop) accept() string {
	l.t.Helper()
	l.commits++
	tree := maps.Clone(l.files)
	commit := fmt.Sprint("c", l.commits)
	if err := l.Accept(l.t.Context(), Revision{Commit: status.Commit{Hash: commit}, Tree: tree}); err != nil {
		l.t.Fatalf("commit %s: %v: %v", commit, err, l.board.Snapshot().Source.Problems)
	}
	return commit
}

// await waits until the state is as it should be.
func (l *loop) await(what string, fine func(status.Platform) bool) status.Platform {
	l.t.Helper()
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	p := l.board.Snapshot()
	for !fine(p) {
		if ctx.Err() != nil {
			l.t.Fatalf("waiting for %s; the state is %s", what, describe(p))
		}
		p = l.board.Wait(ctx, p.Revision)
	}
	return p
}

// awaitCluster waits for what the cluster does, of which not all changes the board, and reports whether it came about.
func (l *loop) awaitCluster(fine func(status.Platform) bool) bool {
	ctx, cancel := context.WithTimeout(l.t.Context(), time.Minute)
	defer cancel()
	for {
		p := l.board.Snapshot()
		if fine(p) {
			return true
		}
		if ctx.Err() != nil {
			return false
		}
		changed, stop := context.WithTimeout(ctx, 20*time.Millisecond)
		l.board.Wait(changed, p.Revision)
		stop()
	}
}

func (l *loop) awaitFine() {
	l.t.Helper()
	l.await("all to be fine", func(p status.Platform) bool {
		return len(p.Releases) > 0 && !slices.ContainsFunc(p.Releases, func(r status.Release) bool { return !r.Fine() })
	})
}

func releaseOf(p status.Platform, project string) status.Release {
	for _, r := range p.Releases {
		if r.Project == project {
			return r
		}
	}
	return status.Release{}
}

// toApprove returns the digest of what waits for an approval.
func (l *loop) toApprove() string {
	_, digest := status.ToApprove(l.board.Snapshot().Releases, "dev")
	return digest
}

func idOf(project string) catalog.ReleaseID {
	return catalog.ReleaseID{Project: project, Environment: "dev", Cluster: "test"}
}

// deletions counts those in a log.
func deletions(log []string) (n int) {
	for _, line := range log {
		if strings.HasPrefix(line, "delete ") || line == "forget" {
			n++
		}
	}
	return n
}

// TestACommitIsApplied: what a commit declares is applied, what it changes is changed, and what it does not is not touched.
func TestACommitIsApplied(t *testing.T) {
	l := newLoop(t)
	l.run()
	l.project("orders", "ab")
	l.project("rates", "x")
	l.accept()
	l.awaitFine()
	l.cluster.Log()
	l.project("orders", "bc")
	commit := l.accept()
	if r := releaseOf(l.board.Snapshot(), "orders"); r.Result == status.Applied && r.Commit != commit {
		t.Errorf("the commit is accepted, and the release is said to be %s at %s", r.Result, r.Commit)
	}
	l.awaitFine()
	log := l.cluster.Log()
	slices.Sort(log)
	if diff := cmp.Diff([]string{"apply orders-0", "apply orders-1", "record " + commit}, log); diff != "" {
		t.Errorf("done for the second commit (-want +got):\n%s", diff)
	}
	if r := releaseOf(l.board.Snapshot(), "rates"); r.Commit != "c1" {
		t.Errorf("the release that did not change is said to be at %s", r.Commit)
	}
}

// TestNothingIsRemovedBeforeACommit: what a cluster holds and nobody declares stays until a commit was accepted that does not
// declare it. Knowing nothing is not the same as declaring nothing.
func TestNothingIsRemovedBeforeACommit(t *testing.T) {
	l := newLoop(t)
	stop := l.run()
	l.project("orders", "a")
	l.project("rates", "a")
	l.accept()
	l.awaitFine()
	stop()

	l.restart()
	l.prepare("acme") // a commit is being looked at: the platform is known
	l.cluster.Log()
	if err := l.Swept(t.Context()); err != nil {
		t.Fatal(err)
	}
	if n := len(l.actors); n != 0 {
		t.Errorf("%d releases are kept before a commit was accepted", n)
	}
	l.run()
	l.remove("rates")
	if err := l.Accept(t.Context(), Revision{Commit: status.Commit{Hash: "bad"}, Tree: fstest.MapFS{}}); !errors.Is(err, ErrRefused) {
		t.Fatalf("an empty tree: %v", err)
	}
	if err := l.Swept(t.Context()); err != nil {
		t.Fatal(err)
	}
	if log := l.cluster.Log(); deletions(log) != 0 {
		t.Errorf("deleted before a commit was accepted: %v", log)
	}
	l.accept()
	l.await("rates to be removed", func(p status.Platform) bool { return len(p.Releases) == 1 })
	if log := l.cluster.Log(); !slices.Contains(log, "delete rates-0 uid-rates-0") || slices.Contains(log, "delete orders-0 uid-orders-0") {
		t.Errorf("done: %v", log)
	}
}

// TestActs: a request is done when it returns, or refused in words.
func TestActs(t *testing.T) {
	l := newLoop(t)
	l.run()
	l.project("orders", "a")
	l.accept()
	l.awaitFine()
	if err := l.Do(t.Context(), idOf("nobody"), Suspend, ByHand{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("an unknown release: %v", err)
	}
	if err := l.Do(t.Context(), idOf("orders"), Resume, ByHand{}); !errors.Is(err, ErrCannot) {
		t.Errorf("resuming what is not suspended: %v", err)
	}
	if err := l.Do(t.Context(), idOf("orders"), Suspend, ByHand{By: "ann", Why: "incident 7"}); err != nil {
		t.Fatal(err)
	}
	var m gate.Memory
	l.cluster.Change(func() { m = l.cluster.Stored[idOf("orders")].Memory })
	if m.Suspended == nil || m.Suspended.By != "ann" {
		t.Errorf("the inventory remembers %s", m)
	}
	l.cluster.Change(func() { l.cluster.Fail["record c1"] = errors.New("boom") })
	ctx, cancel := context.WithTimeout(t.Context(), 50*time.Millisecond)
	defer cancel()
	if err := l.Do(ctx, idOf("orders"), Resume, ByHand{By: "ann"}); !errors.Is(err, ErrUnsaved) {
		t.Errorf("what cannot be persisted: %v", err)
	}
}

// TestAnotherReplica: a replica that does not keep a release does nothing to it, says who does, and does not overwrite what the
// other one remembers when it gets it.
func TestAnotherReplica(t *testing.T) {
	l := newLoop(t)
	l.shares.others.Store(true)
	l.run()
	l.project("orders", "a")
	l.accept()
	l.await("orders to be another's", func(p status.Platform) bool { return releaseOf(p, "orders").Result == status.Elsewhere })
	err := l.Do(t.Context(), idOf("orders"), Suspend, ByHand{By: "ann"})
	if e, ok := errors.AsType[*ElsewhereError](err); !ok || e.Replica != "r2" || !errors.Is(err, ErrCannot) {
		t.Errorf("a request: %v", err)
	}
	if log := l.cluster.Log(); slices.ContainsFunc(log, func(s string) bool { return strings.HasPrefix(s, "apply") || strings.HasPrefix(s, "record") }) {
		t.Errorf("done to another replica's release: %v", log)
	}
	// The other one has applied it and remembers a failure since.
	failed := &gate.Failed{Commit: "c0", Digest: "d0", Why: "it crashed"}
	l.cluster.Change(func() {
		l.cluster.Stored[idOf("orders")] = cluster.Inventory{Platform: "acme", Release: idOf("orders"), Commit: "c0", Digest: "d0", Memory: gate.Memory{Failed: failed}}
	})
	l.shares.others.Store(false)
	l.Shared()
	l.awaitFine()
	l.cluster.Change(func() {
		if m := l.cluster.Stored[idOf("orders")].Memory; m.Failed == nil || m.Suspended != nil {
			t.Errorf("the inventory remembers %s", m)
		}
	})
	l.shares.others.Store(true)
	l.Shared()
	l.await("orders to be another's again", func(p status.Platform) bool { return releaseOf(p, "orders").Result == status.Elsewhere })
	l.remove("orders")
	l.project("rates", "a")
	l.accept()
	l.await("what another removes not to be shown", func(p status.Platform) bool { return releaseOf(p, "orders").Project == "" })
}

// TestManyRemovals: a commit that removes most of an environment waits for an approval of just that.
func TestManyRemovals(t *testing.T) {
	l := newLoop(t)
	l.run()
	for i := range 8 {
		l.project(fmt.Sprint("p", i), "a")
	}
	l.accept()
	l.awaitFine()
	if err := l.Approve("dev", l.toApprove(), ByHand{By: "ann"}); !errors.Is(err, ErrCannot) {
		t.Errorf("nothing to approve: %v", err)
	}
	for i := range 7 {
		l.remove(fmt.Sprint("p", i))
	}
	l.cluster.Log()
	l.accept()
	held := func(p status.Platform) (n int) {
		for _, r := range p.Releases {
			if r.Held != nil && r.Held.Rule == string(gate.ManyRemoved) {
				n++
			}
		}
		return n
	}
	l.await("7 removals to be held", func(p status.Platform) bool { return held(p) == 7 })
	if log := l.cluster.Log(); deletions(log) != 0 {
		t.Errorf("deleted without an approval: %v", log)
	}
	shown := l.toApprove()
	// More comes to light, as when another cluster is reached.
	l.cluster.Change(func() {
		for i := range 3 {
			id := idOf(fmt.Sprint("late", i))
			l.cluster.Stored[id] = cluster.Inventory{Platform: "acme", Release: id, Namespace: "x", Commit: "c0", Digest: "d0"}
		}
	})
	l.clusters.get("test").inventories.Outdated()
	if err := l.Swept(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.await("all that are held to know of the others", func(p status.Platform) bool {
		return held(p) == 10 && !slices.ContainsFunc(p.Releases, func(r status.Release) bool {
			return r.Held != nil && !strings.HasPrefix(r.Held.Reason, "10 of the 11 releases")
		})
	})
	if err := l.Approve("dev", shown, ByHand{By: "ann"}); !errors.Is(err, ErrCannot) {
		t.Errorf("something else than what was shown: %v", err)
	}
	if err := l.Approve("dev", l.toApprove(), ByHand{By: "ann"}); err != nil {
		t.Fatal(err)
	}
	l.await("them to be removed", func(p status.Platform) bool { return len(p.Releases) == 1 })
}

// TestShrinking: a release that would lose most of its objects waits for an approval.
func TestShrinking(t *testing.T) {
	l := newLoop(t)
	stop := l.run()
	l.project("orders", strings.Repeat("a", 12))
	l.accept()
	l.awaitFine()
	stop()
	l.restart() // also a daemon that has not applied it itself knows how much there is
	l.run()
	l.project("orders", "b")
	l.accept()
	l.await("it to be held", func(p status.Platform) bool {
		h := releaseOf(p, "orders").Held
		return h != nil && h.Rule == string(gate.Shrunk) && strings.Contains(h.Reason, "11 of its 12 objects")
	})
	shown := l.toApprove()
	l.await("it to be known that what is in place is not kept", func(p status.Platform) bool {
		return strings.HasSuffix(releaseOf(p, "orders").Held.Reason, "meanwhile: older commits are not kept")
	})
	if shown != l.toApprove() {
		t.Error("how what is in place does makes something else of what waits for an approval")
	}
	if err := l.Approve("dev", l.toApprove(), ByHand{By: "ann"}); err != nil {
		t.Fatal(err)
	}
	l.await("it to be applied", func(p status.Platform) bool { return releaseOf(p, "orders").Commit == "c2" })
}

// TestUnreviewed: where only what was reviewed may be applied, a change waits until that is known, and goes on after a review or an
// approval.
func TestUnreviewed(t *testing.T) {
	l := newLoop(t)
	stop := l.run()
	l.project("orders", "a")
	l.accept()
	l.awaitFine()
	l.write("env.yaml", "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test], reviewed: required}\n")
	held := func(why string) func(p status.Platform) bool {
		return func(p status.Platform) bool {
			h := releaseOf(p, "orders").Held
			return h != nil && h.Rule == string(gate.Unreviewed) && strings.Contains(h.Reason, why)
		}
	}
	l.project("orders", "b")
	l.accept()
	l.await("it to be held", held("not known yet"))
	l.Reviewed(idOf("orders"), releaseOf(l.board.Snapshot(), "orders").Held.Digest, "")
	l.await("what was reviewed to be applied", func(p status.Platform) bool { return releaseOf(p, "orders").Commit == "c2" })
	l.project("orders", "c")
	l.accept()
	l.await("it to be held", held("not known yet"))
	l.Reviewed(idOf("orders"), releaseOf(l.board.Snapshot(), "orders").Held.Digest, "nobody saw it")
	l.await("it to be said why", held("nobody saw it"))
	stop()
	l.restart()
	l.run()
	l.accept() // the same again
	l.await("it to be held again", held("not known yet"))
	if err := l.Approve("dev", l.toApprove(), ByHand{By: "ann", Why: "looked at it"}); err != nil {
		t.Fatal(err)
	}
	l.await("what was approved to be applied", func(p status.Platform) bool { return releaseOf(p, "orders").Commit == "c4" })
}

// TestDependencies: a release waits for those that it depends on, is told when they are there, and is handed its commit after them.
func TestDependencies(t *testing.T) {
	l := newLoop(t)
	l.run()
	l.project("base", "a")
	l.project("orders", "a", "  dependsOn: [base]\n")
	l.cluster.Sick["base-0"] = "progressing"
	l.accept()
	l.await("orders to wait", func(p status.Platform) bool {
		h := releaseOf(p, "orders").Held
		return h != nil && h.Rule == string(gate.Depends)
	})
	l.cluster.Heal("base-0")
	l.nudge(l.clusters.get("test"))
	l.awaitFine()
	l.cluster.Log()
	l.project("base", "b")
	l.project("orders", "b", "  dependsOn: [base]\n")
	l.accept()
	l.await("both to be at c2", func(p status.Platform) bool {
		return releaseOf(p, "orders").Commit == "c2" && releaseOf(p, "base").Commit == "c2"
	})
	log := l.cluster.Log()
	if slices.Index(log, "apply orders-0") < slices.Index(log, "apply base-0") {
		t.Errorf("done in the wrong order: %v", log)
	}
}

// TestNotRendered: a release that does not render keeps what it has, and one that never did is on the board alone.
func TestNotRendered(t *testing.T) {
	l := newLoop(t)
	l.run()
	l.project("orders", "a")
	l.project("rates", "a")
	delete(l.files, "rates/objects")
	l.accept()
	l.await("rates to have failed", func(p status.Platform) bool {
		return releaseOf(p, "rates").Result == status.Failed && releaseOf(p, "orders").Fine()
	})
	delete(l.files, "orders/objects")
	l.remove("rates")
	l.accept()
	p := l.await("orders to have failed", func(p status.Platform) bool { return releaseOf(p, "orders").Result == status.Failed })
	if releaseOf(p, "rates").Project != "" {
		t.Error("a release that is not declared is on the board")
	}
	if deletions(l.cluster.Log()) != 0 {
		t.Error("what does not render was deleted")
	}
	l.project("orders", "a")
	l.accept()
	l.awaitFine()
}

// TestSuspendedProject: a project that is suspended is left as it is, also by a daemon that has never kept it.
func TestSuspendedProject(t *testing.T) {
	l := newLoop(t)
	l.run()
	suspended := func(suspend string) {
		l.project("orders", "a")
		text := string(l.files["orders/project.yaml"].Data)
		l.write("orders/project.yaml", strings.Replace(text, "environments: [dev]", "environments: {dev: {suspend: "+suspend+"}}", 1))
	}
	suspended("true")
	l.accept()
	l.await("orders to be suspended", func(p status.Platform) bool { return releaseOf(p, "orders").Result == status.Suspended })
	if log := l.cluster.Log(); slices.Contains(log, "apply orders-0") {
		t.Errorf("done to a suspended project: %v", log)
	}
	suspended("false")
	l.accept()
	l.awaitFine()
}

// TestMoves: an object that moves from a project to another is handed over: it is not deleted, and not refused.
func TestMoves(t *testing.T) {
	cases := map[string]struct {
		reason string
		move   func(l *loop)
		// gone is the project that is not declared any more.
		gone string
	}{
		"Object":  {"A project gives one up.", func(l *loop) { l.write("orders/shared", "x"); l.write("rates/shared", "table") }, ""},
		"Swapped": {"Two projects change theirs.", func(l *loop) { l.write("orders/shared", "rate x"); l.write("rates/shared", "table") }, ""},
		"Project": {"The project that had it is gone.", func(l *loop) {
			l.remove("orders")
			delete(l.files, "orders/shared")
			l.write("rates/shared", "rate table x")
		}, "orders"},
		"New": {"A project that is new takes one.", func(l *loop) {
			l.write("orders/shared", "x")
			l.project("fresh", "a")
			l.write("fresh/shared", "table")
		}, ""},
		"All": {"A project gives up all that it had.", func(l *loop) { l.write("orders/shared", ""); l.write("rates/shared", "rate table x") }, ""},
		"Split": {"Two others take one each.", func(l *loop) {
			l.write("orders/shared", "")
			l.write("rates/shared", "table")
			l.write("third/shared", "x")
		}, ""},
		"Chain": {"Who takes one gives up another.", func(l *loop) {
			l.write("orders/shared", "x")
			l.write("rates/shared", "table")
			l.write("third/shared", "rate")
		}, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l := newLoop(t)
			l.run()
			l.project("orders", "a")
			l.write("orders/shared", "table x")
			l.project("rates", "a")
			l.write("rates/shared", "rate")
			l.project("third", "a")
			l.accept()
			l.awaitFine()
			l.cluster.Log()
			tc.move(l)
			l.accept()
			l.awaitFine()
			l.await("nothing to be left over", func(p status.Platform) bool {
				return (tc.gone == "" || releaseOf(p, tc.gone).Project == "") && !slices.ContainsFunc(p.Releases, func(r status.Release) bool { return len(r.Kept) > 0 })
			})
			log := l.cluster.Log()
			if slices.Contains(log, "delete table uid-table") || !slices.Contains(log, "apply table") {
				t.Errorf("%s done: %v", tc.reason, log)
			}
		})
	}
	t.Run("Back", func(t *testing.T) {
		l := newLoop(t)
		l.run()
		l.project("orders", "a")
		l.write("orders/shared", "table")
		l.project("rates", "a")
		for range 3 {
			l.accept()
			l.awaitFine()
			l.files["orders/shared"], l.files["rates/shared"] = l.files["rates/shared"], l.files["orders/shared"]
			for _, file := range []string{"orders/shared", "rates/shared"} {
				if l.files[file] == nil {
					l.write(file, "")
				}
			}
		}
		if log := l.cluster.Log(); slices.Contains(log, "delete table uid-table") {
			t.Errorf("there and back, it is deleted: %v", log)
		}
	})
	t.Run("Both", func(t *testing.T) {
		l := newLoop(t)
		l.run()
		l.project("orders", "a")
		l.write("orders/shared", "table")
		l.accept()
		l.awaitFine()
		l.project("rates", "a")
		l.write("rates/shared", "table")
		l.accept()
		p := l.await("the second to be refused", func(p status.Platform) bool {
			r := releaseOf(p, "rates")
			return r.Result == status.Retrying && !strings.Contains(r.Message, "was not handed to yet") // as it is told at first
		})
		if m := releaseOf(p, "rates").Message; !strings.Contains(m, "ConfigMap shared/table is part of the release orders/dev@test, which is still kept with it, and rates/dev@test declares it too") {
			t.Errorf("the second is told %q", m)
		}
		l.write("orders/shared", "")
		l.accept()
		l.awaitFine()
	})
}

// describe says how releases are, for people who read why a test failed.
func describe(p status.Platform) string {
	var b strings.Builder
	for _, r := range p.Releases {
		fmt.Fprintf(&b, "\n%s %s at %s, %s: %s", r.String(), r.Result, r.Commit, r.Health, r.Message)
		if r.Held != nil {
			fmt.Fprintf(&b, " (held: %s)", r.Held.Reason)
		}
	}
	return b.String()
}
