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
	"testing"
	"testing/fstest"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// gated is a rendering that stops at the project "zz", which comes last, in trees with a file "gate", until the gate is open.
type gated struct {
	rendering
	entered chan struct{}
	gate    chan struct{}
}

func (g *gated) Render(ctx context.Context, tree fs.FS, rel catalog.Release) (render.Result, error) {
	if _, err := fs.Stat(tree, "gate"); err == nil && rel.ID.Project == "zz" {
		g.entered <- struct{}{}
		select {
		case <-g.gate:
		case <-ctx.Done():
			return render.Result{}, context.Cause(ctx)
		}
	}
	out, err := g.rendering.Render(ctx, tree, rel)
	out.ReadSet.Files = []string{rel.ID.Project + "/objects", rel.ID.Project + "/shared"}
	if rel.ID.Project == "zz" {
		out.ReadSet.Files = append([]string{"gate"}, out.ReadSet.Files...)
	}
	return out, err
}

// handingOut is a loop of which a test can stop the rendering.
type handingOut struct {
	*loop

	*gated
	// before are the files of the last commit that all releases have.
	before fstest.MapFS
}

func newHandingOut(t *testing.T) *handingOut {
	t.Helper()
	h := &handingOut{loop: newLoop(t), gated: &gated{entered: make(chan struct{}, 100), gate: make(chan struct{})}}
	h.opts.Renderer = h.gated
	return h
}

// revision is what the files are now, as the change that it is.
func (h *handingOut) revision(commit string) Revision {
	tree, before := maps.Clone(h.files), h.before
	rev := Revision{
		Commit: status.Commit{Hash: commit}, Tree: tree,
		Persist: func(context.Context) error { return h.cluster.Did("persist %s", commit) },
	}
	if before != nil {
		rev.Changed = func() (changed []string, err error) {
			for name := range maps.Keys(merged(before, tree)) {
				if was, is := before[name], tree[name]; was == nil || is == nil || string(was.Data) != string(is.Data) {
					changed = append(changed, name)
				}
			}
			return changed, nil
		}
	}
	return rev
}

func merged(a, b fstest.MapFS) fstest.MapFS {
	all := maps.Clone(a)
	maps.Copy(all, b)
	return all
}

// whole accepts what the files are now.
func (h *handingOut) whole(commit string) {
	h.t.Helper()
	if err := h.Accept(h.t.Context(), h.revision(commit)); err != nil {
		h.t.Fatalf("commit %s: %v: %v", commit, err, h.board.Snapshot().Source.Problems)
	}
	h.before = maps.Clone(h.files)
}

// half begins to accept what the files are now, and returns once "zz" is being rendered. What comes of it is sent when the gate
// is open, or end was called.
func (h *handingOut) half(commit string) (end context.CancelFunc, result <-chan error) {
	h.write("gate", commit)
	ctx, cancel := context.WithCancel(h.t.Context())
	h.t.Cleanup(cancel)
	out, rev := make(chan error, 1), h.revision(commit)
	go func() { out <- h.Accept(ctx, rev) }()
	select {
	case <-h.entered:
	case err := <-out:
		h.t.Fatalf("commit %s does not stop half-way: %v", commit, err)
	}
	delete(h.files, "gate")
	return cancel, out
}

// open lets the rendering go on, and puts that into the log of the cluster.
func (h *handingOut) open(result <-chan error) error {
	_ = h.cluster.Did("open")
	close(h.gate)
	return <-result
}

func (h *handingOut) awaitCommit(project, commit string) {
	h.t.Helper()
	h.await(project+" to be at "+commit, func(p status.Platform) bool {
		r := releaseOf(p, project)
		return r.Commit == commit && r.Fine()
	})
}

const namesPolicy = "apiVersion: trunkline.dev/v1alpha1\nkind: Policy\nmetadata: {name: names}\n" +
	"spec: {on: object, validations: [{expression: \"object.metadata.name != 'bad'\", message: that is a bad name}]}\n"

// TestReleasesGoOutAsTheyAreRendered: where nothing that is rendered can refuse the commit, it is accepted before it is rendered, and
// a release does not wait for the others. In the log, "open" is when the last one is rendered.
func TestReleasesGoOutAsTheyAreRendered(t *testing.T) {
	for name, tc := range map[string]struct {
		reason  string
		prepare func(*handingOut)
		// early are those that are applied before all are rendered, and late those that are not.
		early, late []string
	}{
		"All": {"Each goes out by itself.", func(h *handingOut) {}, []string{"a", "b"}, []string{"zz"}},
		"Policy": {
			"A policy on objects may refuse the commit because of the last object.", func(h *handingOut) { h.write("policies.yaml", namesPolicy) },
			nil,
			[]string{"a", "b", "zz"},
		},
		"Depends": {
			"Those that wait for others are told after those.", func(h *handingOut) { h.project("b", "b", "  dependsOn: [a]\n") },
			[]string{"a"},
			[]string{"b", "zz"},
		},
		"Broken": {
			"One that does not render holds nobody up.", func(h *handingOut) { delete(h.files, "b/objects") },
			[]string{"a"},
			[]string{"zz"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHandingOut(t)
			h.run()
			for _, p := range []string{"a", "b", "zz"} {
				h.project(p, p[:1])
			}
			tc.prepare(h)
			_, result := h.half("c1")
			for _, p := range tc.early {
				h.awaitCommit(p, "c1")
			}
			if s := h.board.Snapshot().Source; s.Accepted != nil {
				t.Error("the commit is said to be accepted before all releases have it")
			}
			if err := h.open(result); err != nil {
				t.Fatal(err)
			}
			for _, p := range slices.Concat(tc.early, tc.late) {
				h.awaitCommit(p, "c1")
			}
			log := h.cluster.Log()
			opened, persisted := slices.Index(log, "open"), slices.Index(log, "persist c1")
			if first := slices.IndexFunc(log, writes); persisted < 0 || first < persisted {
				t.Errorf("%s Something is done before the commit is recorded as accepted: %v", tc.reason, log)
			}
			for _, p := range tc.late {
				if slices.Index(log, "apply "+p+"-0") < opened {
					t.Errorf("%s %s is applied too early: %v", tc.reason, p, log)
				}
			}
			if len(tc.early) == 0 && persisted < opened {
				t.Errorf("%s It is accepted before that is known: %v", tc.reason, log)
			}
		})
	}
}

// writes reports whether a line of the cluster's log is of a write.
func writes(line string) bool {
	return strings.HasPrefix(line, "apply ") || strings.HasPrefix(line, "record ") || strings.HasPrefix(line, "delete ")
}

// TestNothingGoesOutThatCannotBeRecorded: nor what was made of a tree that turns out to be damaged.
func TestNothingGoesOutThatCannotBeRecorded(t *testing.T) {
	damage := errors.New("an object is damaged")
	for reason, change := range map[string]func(*Revision){
		"The commit cannot be recorded.": func(rev *Revision) { rev.Persist = func(context.Context) error { return damage } },
		"The tree is damaged.":           func(rev *Revision) { rev.Intact = func() error { return damage } },
	} {
		t.Run(reason, func(t *testing.T) {
			h := newHandingOut(t)
			h.run()
			h.project("a", "a")
			h.project("zz", "z")
			rev := h.revision("c1")
			change(&rev)
			if err := h.Accept(t.Context(), rev); !errors.Is(err, damage) {
				t.Errorf("got %v", err)
			}
			h.Reconciler.mu.Lock()
			defer h.Reconciler.mu.Unlock()
			if len(h.actors) > 0 || h.declared != nil {
				t.Errorf("%d releases were handed something", len(h.actors))
			}
		})
	}
	t.Run("It is found to be damaged half-way.", func(t *testing.T) {
		h := newHandingOut(t)
		h.run()
		h.project("a", "a")
		h.project("zz", "z")
		rev := h.revision("c1")
		calls := 0
		rev.Intact = func() error {
			if calls++; calls > 1 {
				return damage
			}
			return nil
		}
		err := h.Accept(t.Context(), rev)
		if _, ok := errors.AsType[*UnfinishedError](err); !ok || !errors.Is(err, damage) {
			t.Errorf("got %v", err)
		}
		if log := h.cluster.Log(); slices.ContainsFunc(log, writes) {
			t.Errorf("done: %v", log)
		}
		h.whole("c1")
		h.awaitFine()
	})
}

// TestNothingIsDeletedBeforeAllIsKnown: what a release does not declare any more may be another one's, and so may what a project had
// that is gone.
func TestNothingIsDeletedBeforeAllIsKnown(t *testing.T) {
	h := newHandingOut(t)
	stop := h.run()
	for _, p := range []string{"a", "gone", "zz"} {
		h.project(p, "1")
	}
	h.write("a/shared", "old table")
	h.write("gone/shared", "other")
	h.whole("c1")
	h.awaitFine()
	stop()
	h.restart() // a daemon that does not know yet of the project that is gone
	h.opts.Renderer, h.before = h.gated, nil
	h.run()

	h.project("a", "2")
	h.write("a/shared", "")
	h.remove("gone")
	delete(h.files, "gone/shared")
	h.write("zz/shared", "table other")
	h.cluster.Log()
	_, result := h.half("c2")
	h.await("a to be at c2", func(p status.Platform) bool { return releaseOf(p, "a").Commit == "c2" })
	if err := h.Swept(t.Context()); err != nil {
		t.Fatal(err)
	}
	if log := h.cluster.Log(); deletions(log) != 0 {
		t.Errorf("deleted before all is known: %v", log)
	}
	if err := h.open(result); err != nil {
		t.Fatal(err)
	}
	var log []string
	if !h.awaitCluster(func(p status.Platform) bool {
		log = append(log, h.cluster.Log()...)
		return len(p.Releases) == 2 && releaseOf(p, "zz").Fine() && slices.Contains(log, "delete old uid-old")
	}) || slices.Contains(log, "delete table uid-table") || slices.Contains(log, "delete other uid-other") {
		t.Errorf("done: %v", log)
	}
}

// TestAHealthyNewStateSaysNothingOfAnOlderOne: a release that waits with an older commit does not take that since what it waits for
// is healthy with a newer one.
func TestAHealthyNewStateSaysNothingOfAnOlderOne(t *testing.T) {
	h := newHandingOut(t)
	h.run()
	h.project("base", "ab")
	h.project("orders", "1", "  dependsOn: [base]\n")
	h.project("zz", "1")
	h.cluster.Change(func() { h.cluster.Sick["base-1"] = "progressing" })
	h.whole("c1")
	h.await("orders to wait", func(p status.Platform) bool { return releaseOf(p, "orders").Held != nil })
	h.project("base", "c") // without the object that is not healthy
	h.project("orders", "23", "  dependsOn: [base]\n")
	h.cluster.Log()
	_, result := h.half("c2")
	h.await("base to be at c2", func(p status.Platform) bool {
		r := releaseOf(p, "base")
		return r.Commit == "c2" && r.Health == status.Healthy
	})
	if err := h.open(result); err != nil {
		t.Fatal(err)
	}
	h.awaitFine()
	log := h.cluster.Log()
	if slices.Index(log, "apply orders-0") < slices.Index(log, "open") {
		t.Errorf("the state of the older commit is taken: %v", log)
	}
}

// TestANewerHeadEndsTheHandingOut: whatever was handed out of a commit when a newer head ended that, all releases have the one that is
// accepted next.
func TestANewerHeadEndsTheHandingOut(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		// next changes the files of the commit before the one that was ended.
		next func(*handingOut)
		// want are the digits in the objects of each project then.
		want map[string]string
	}{
		"Newer":    {"It changes the same.", func(h *handingOut) { h.project("a", "3"); h.project("zz", "3") }, map[string]string{"a": "3", "b": "1", "zz": "3"}},
		"Reverted": {"It reverts what went out.", func(*handingOut) {}, map[string]string{"a": "1", "b": "1", "zz": "1"}},
		"Removed":  {"It removes it.", func(h *handingOut) { h.remove("a") }, map[string]string{"b": "1", "zz": "1"}},
		"Broken":   {"It does not render it, which leaves what runs.", func(h *handingOut) { delete(h.files, "a/objects") }, map[string]string{"a": "2", "b": "1", "zz": "1"}},
		"Added":    {"It declares something else.", func(h *handingOut) { h.project("c", "3") }, map[string]string{"a": "1", "b": "1", "c": "3", "zz": "1"}},
	} {
		t.Run(name, func(t *testing.T) {
			h := newHandingOut(t)
			h.run()
			for _, p := range []string{"a", "b", "zz"} {
				h.project(p, "1")
			}
			h.whole("c1")
			h.awaitFine()
			first := maps.Clone(h.files)
			h.project("a", "2")
			h.project("zz", "2")
			end, result := h.half("c2")
			h.awaitCommit("a", "c2")
			end()
			if err := <-result; !errors.Is(err, context.Canceled) {
				t.Fatalf("the one that is ended returns %v", err)
			} else if e, ok := errors.AsType[*UnfinishedError](err); !ok || e.Commit != "c2" {
				t.Fatalf("it is not said that the commit is accepted: %v", err)
			}
			h.files = first
			tc.next(h)
			h.whole("c3")
			h.await("all to be at "+fmt.Sprint(tc.want), func(status.Platform) bool { return maps.Equal(h.texts(), tc.want) })
		})
	}
	t.Run("Refused", func(t *testing.T) {
		h := newHandingOut(t)
		h.run()
		h.project("a", "1")
		h.project("zz", "1")
		h.whole("c1")
		h.project("a", "2")
		h.project("zz", "2")
		end, result := h.half("c2")
		end()
		<-result
		second := maps.Clone(h.files)
		delete(h.files, "trunkline.yaml")
		if err := h.Accept(t.Context(), h.revision("c3")); !errors.Is(err, ErrRefused) {
			t.Fatalf("the newer head: %v", err)
		}
		h.files = second
		rev := h.revision("c2")
		rev.Behind = true
		if err := h.Accept(t.Context(), rev); err != nil {
			t.Fatal(err)
		}
		h.await("all to be at c2", func(status.Platform) bool { return maps.Equal(h.texts(), map[string]string{"a": "2", "zz": "2"}) })
		if s := h.board.Snapshot().Source; s.Accepted.Hash != "c2" || s.Head.Hash != "c3" || !s.Refused() {
			t.Errorf("the board has accepted=%s, head=%s, refused=%t", s.Accepted.Hash, s.Head.Hash, s.Refused())
		}
	})
}

// texts returns the text in the state that each release is kept in; empty where that is not applied yet.
func (h *handingOut) texts() map[string]string {
	out, board := map[string]string{}, h.board.Snapshot()
	h.Reconciler.mu.Lock()
	defer h.Reconciler.mu.Unlock()
	for id, a := range h.actors {
		out[id.Project] = ""
		r := releaseOf(board, id.Project)
		t := a.copied.Load().inForce
		if t == nil || t.Remove || r.Result != status.Applied && r.Result != status.Failed {
			continue
		}
		objects, err := t.Objects.Unpack()
		if err != nil {
			h.t.Error(err)
			continue
		}
		for _, o := range objects {
			if text, ok, _ := unstructured.NestedString(o.Object, "data", "text"); ok {
				out[id.Project] = text
			}
		}
	}
	return out
}
