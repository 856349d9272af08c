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
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/cluster"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// counting is a rendering that calls back after so many releases.
type counting struct {
	gated
	mu    sync.Mutex
	left  int
	ended func()
}

func (c *counting) Render(ctx context.Context, tree fs.FS, rel catalog.Release) (render.Result, error) {
	c.mu.Lock()
	if c.left--; c.left == 0 && c.ended != nil {
		c.ended()
	}
	c.mu.Unlock()
	return c.gated.Render(ctx, tree, rel)
}

// after has f called when n releases were begun to be rendered.
func (c *counting) after(n int, f func()) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.left, c.ended = n, f
}

// TestHandingOutEnds: whatever commits come, and wherever each of them is ended, refused or cannot be recorded, the cluster comes to
// what the last one declares; and what every commit declares that was handed out to the end is never deleted.
func TestHandingOutEnds(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		r := &counting{}
		h := &handingOut{loop: newLoop(t), gated: &r.gated}
		h.opts.Renderer = r
		stop := h.run()
		defer stop()
		always := map[string]bool{"s0": true, "s1": true, "s2": true}
		finish := func(commit string) {
			before := h.before
			h.whole(commit)
			shared := sharedOf(h.files)
			for name := range always {
				always[name] = always[name] && shared[name] != "" && (before != nil || always[name])
			}
		}
		drawFiles(rt, h)
		finish("c0")
		for i := range rapid.IntRange(1, 5).Draw(rt, "commits") {
			commit := fmt.Sprint("c", i+1)
			before := maps.Clone(h.files)
			drawFiles(rt, h)
			switch kind := rapid.SampledFrom([]string{"whole", "ended", "ended", "ended", "refused", "unrecorded"}).Draw(rt, "kind"); kind {
			case "whole":
				finish(commit)
			case "ended":
				ctx, cancel := context.WithCancel(t.Context())
				r.after(rapid.IntRange(1, 4).Draw(rt, "rendered"), cancel)
				if err := h.Accept(ctx, h.revision(commit)); err == nil {
					h.before = maps.Clone(h.files)
					shared := sharedOf(h.files)
					maps.DeleteFunc(always, func(name string, _ bool) bool { return shared[name] == "" })
				} else if !errors.Is(err, context.Canceled) {
					rt.Fatal(err)
				}
				cancel()
				r.after(0, nil)
			case "refused":
				h.write("bad.yaml", "apiVersion: trunkline.dev/v1alpha1\nkind: Projekt\n")
				if err := h.Accept(t.Context(), h.revision(commit)); !errors.Is(err, ErrRefused) {
					rt.Fatal(err)
				}
				h.files = before
			case "unrecorded":
				rev, full := h.revision(commit), errors.New("no space left on device")
				rev.Persist = func(context.Context) error { return full }
				if err := h.Accept(t.Context(), rev); !errors.Is(err, full) {
					rt.Fatal(err)
				}
				h.files = before
			}
		}
		finish("last")
		want := h.declaredObjects()
		h.awaitObjects(rt, want)
		for _, line := range h.cluster.Log() {
			if name, ok := strings.CutPrefix(line, "delete "); ok && always[strings.Fields(name)[0]] {
				rt.Errorf("%s was deleted, which every commit declares", name)
			}
		}
	})
}

// awaitObjects waits until the cluster holds what it is to, and all is fine.
func (h *handingOut) awaitObjects(t *rapid.T, want []string) {
	var got []string
	ok := h.awaitCluster(func(p status.Platform) bool {
		got = h.objects()
		return slices.Equal(got, want) && !slices.ContainsFunc(p.Releases, func(r status.Release) bool { return !r.Fine() })
	})
	if !ok {
		t.Fatalf("the state is %+v; objects (-want +got):\n%s", h.board.Snapshot().Releases, cmp.Diff(want, got))
	}
}

// drawFiles draws the next commit: which of some projects there are, and which of them has each shared object.
func drawFiles(t *rapid.T, h *handingOut) {
	shared := map[string][]string{}
	var there []string
	for _, p := range []string{"p0", "p1", "p2", "p3"} {
		h.remove(p)
		delete(h.files, p+"/shared")
		if rapid.IntRange(0, 4).Draw(t, p) > 0 {
			there = append(there, p)
			h.project(p, rapid.SampledFrom([]string{"11", "22", "33"}).Draw(t, "text"))
		}
	}
	if len(there) == 0 {
		return
	}
	for _, s := range []string{"s0", "s1", "s2"} {
		if rapid.IntRange(0, 3).Draw(t, s) > 0 {
			p := rapid.SampledFrom(there).Draw(t, s+" is of")
			shared[p] = append(shared[p], s)
		}
	}
	for p, names := range shared {
		h.write(p+"/shared", strings.Join(names, " "))
	}
}

// sharedOf maps the shared objects that a commit declares to their projects.
func sharedOf(files fstest.MapFS) map[string]string {
	out := map[string]string{}
	for name, file := range files {
		if project, ok := strings.CutSuffix(name, "/shared"); ok {
			for s := range strings.FieldsSeq(string(file.Data)) {
				out[s] = project
			}
		}
	}
	return out
}

// declaredObjects lists what the files declare, and whose each object is to be.
func (h *handingOut) declaredObjects() (out []string) {
	for s, project := range sharedOf(h.files) {
		out = append(out, s+" of "+project)
	}
	for name, file := range h.files {
		if project, ok := strings.CutSuffix(name, "/objects"); ok {
			for i := range file.Data {
				out = append(out, fmt.Sprintf("%s-%d of %s", project, i, project))
			}
			out = append(out, project+" has "+string(file.Data))
		}
	}
	slices.Sort(out)
	return out
}

// objects lists what the cluster holds in the same form.
func (h *handingOut) objects() (out []string) {
	owners := map[string]string{}
	for _, p := range []string{"p0", "p1", "p2", "p3"} {
		owners[cluster.Inventory{Platform: "acme", Release: idOf(p)}.ApplySet()] = p
	}
	h.cluster.Change(func() {
		for ref, o := range h.cluster.Objects {
			if ref.Kind == "ConfigMap" {
				out = append(out, ref.Name+" of "+owners[o.ApplySet])
			}
		}
	})
	for project, text := range h.texts() {
		out = append(out, project+" has "+text)
	}
	slices.Sort(out)
	return out
}
