// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"testing/fstest"
	"testing/synctest"
	"time"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// heldAt is the release of heldTree.
var heldAt = catalog.ReleaseID{Project: "p1", Environment: "dev", Cluster: "one"}

// heldTree declares one release of one ConfigMap; prod is an environment that it is not in.
func heldTree(value string) fs.FS {
	const head = "apiVersion: trunkline.dev/v1alpha1\nkind: "
	tree := fstest.MapFS{}
	for name, text := range map[string]string{
		"trunkline.yaml": head + "Platform\nmetadata: {name: acme}\n",
		"cluster.yaml":   head + "Cluster\nmetadata: {name: one}\n",
		"dev.yaml":       head + "Environment\nmetadata: {name: dev}\nspec: {clusters: [one]}\n",
		"prod.yaml":      head + "Environment\nmetadata: {name: prod}\nspec: {clusters: [one]}\n",
		"p1/project.yaml": head + "Project\nmetadata: {name: p1}\nspec:\n  owner: team\n  environments: [dev]\n" +
			"  workloads: [{name: w, blueprint: kustomize, params: {path: k8s}}]\n",
		"p1/k8s/kustomization.yaml": "resources: [own.yaml]\n",
		"p1/k8s/own.yaml":           "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: own}\ndata: {key: " + value + "}\n",
	} {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	return tree
}

// TestStartInAFreeze: releases that are held at many different commits do not have all of their catalogs loaded at once.
func TestStartInAFreeze(t *testing.T) {
	tree := heldTree("x")
	var now, most, loads atomic.Int64
	p := newPast(Options{Library: blueprints.FS, Renderer: render.New(blueprints.FS), Trees: func(context.Context, string) (fs.FS, error) {
		loads.Add(1)
		if n := now.Add(1); n > most.Load() {
			most.Store(n)
		}
		defer now.Add(-1)
		return tree, nil
	}})
	var all sync.WaitGroup
	for i := range 40 {
		all.Go(func() {
			d, err := p.restore(t.Context(), heldAt, fmt.Sprint("commit", i/2))
			if err != nil {
				t.Error(err)
				return
			}
			if d.Commit != fmt.Sprint("commit", i/2) || d.Digest == "" || d.Namespace != "p1-dev" {
				t.Errorf("restored %+v", d)
			}
		})
	}
	all.Wait()
	if n := most.Load(); n > maxArchive {
		t.Errorf("%d catalogs were loaded at once, of at most %d", n, maxArchive)
	}
}

// TestRestoreOutlivesTheFirst: a release that gives up, since it was handed over or for want of time, fails no other that waits for the
// same commit, and none that comes later.
func TestRestoreOutlivesTheFirst(t *testing.T) {
	const stays, cancels, late = "stays", "cancels", "is late"
	for _, tc := range []struct {
		reason  string
		callers []string // in the order in which they come
	}{
		{"the first, for whose sake it is loaded", []string{cancels, stays}},
		{"the first, whose time is up", []string{late, stays}},
		{"one that came later", []string{stays, cancels}},
		{"the first two, each for its own reason", []string{cancels, late, stays}},
		{"all but two", []string{late, cancels, stays, stays}},
		{"all of them", []string{cancels, late}},
	} {
		synctest.Test(t, func(t *testing.T) {
			tree := heldTree("x")
			p := newPast(Options{Library: blueprints.FS, Renderer: render.New(blueprints.FS), Trees: func(ctx context.Context, _ string) (fs.FS, error) {
				select {
				case <-time.After(time.Minute):
					return tree, nil
				case <-ctx.Done():
					return nil, ctx.Err()
				}
			}})
			var all sync.WaitGroup
			var giveUp []context.CancelFunc
			for i, what := range tc.callers {
				ctx, cancel := context.WithCancel(t.Context())
				want := error(nil)
				switch what {
				case cancels:
					giveUp, want = append(giveUp, cancel), context.Canceled
				case late:
					ctx, cancel = context.WithTimeout(ctx, 30*time.Second)
					want = context.DeadlineExceeded
				}
				defer cancel()
				all.Go(func() {
					if _, err := p.restore(ctx, heldAt, "c"); !errors.Is(err, want) {
						t.Errorf("%s: the caller %d, which %s, got %v", tc.reason, i, what, err)
					}
				})
				synctest.Wait()
			}
			for _, cancel := range giveUp {
				cancel()
			}
			all.Wait()
			if _, err := p.restore(t.Context(), heldAt, "c"); err != nil {
				t.Errorf("%s: whoever comes later got %v", tc.reason, err)
			}
		})
	}
}

func TestRestoreErrors(t *testing.T) {
	unreadable := newPast(Options{Library: blueprints.FS, Renderer: render.New(blueprints.FS), Trees: func(context.Context, string) (fs.FS, error) {
		return nil, errors.New("object not found")
	}})
	broken := heldTree("{")
	readable := newPast(Options{Library: blueprints.FS, Renderer: render.New(blueprints.FS), Trees: func(context.Context, string) (fs.FS, error) {
		return broken, nil
	}})
	for _, tc := range []struct {
		reason string
		past   *past
		id     catalog.ReleaseID
		commit string
		want   string
	}{
		{"nothing older is kept", newPast(Options{}), heldAt, "c", "older commits are not kept"},
		{"the commit is not known", readable, heldAt, "", "older commits are not kept"},
		{"the commit is lost", unreadable, heldAt, "c", "reading commit c: object not found"},
		{"no such project", readable, catalog.ReleaseID{Project: "p9", Environment: "dev", Cluster: "one"}, "c", "commit c does not declare it"},
		{"the project is elsewhere", readable, catalog.ReleaseID{Project: "p1", Environment: "prod", Cluster: "one"}, "c", "commit c does not declare it"},
		{"it does not render", readable, heldAt, "c", "rendering it at commit c: "},
	} {
		_, err := tc.past.restore(t.Context(), tc.id, tc.commit)
		if err == nil || !strings.HasPrefix(err.Error(), tc.want) {
			t.Errorf("%s: got %v, want %s", tc.reason, err, tc.want)
		}
	}
}
