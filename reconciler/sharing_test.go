// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"testing"
	"time"

	"k8s.io/client-go/rest"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/shard"
	"trunkline.dev/trunkline/reconciler/status"
)

// watched counts who is at work on each release, over all replicas.
type watched struct {
	reconciler.Sharing

	t    *testing.T
	name string
	all  *atWork
}

type atWork struct {
	mu  sync.Mutex
	who map[catalog.ReleaseID]string
	// did are the replicas that have had each release.
	did map[catalog.ReleaseID]map[string]bool
}

func (w watched) Begin(ctx context.Context, id catalog.ReleaseID) (context.Context, func(), bool) {
	running, done, ok := w.Sharing.Begin(ctx, id)
	if !ok {
		return running, done, false
	}
	w.all.mu.Lock()
	defer w.all.mu.Unlock()
	if other := w.all.who[id]; other != "" {
		w.t.Errorf("%s is kept by %s and by %s at once", id, other, w.name)
	}
	w.all.who[id] = w.name
	if w.all.did[id] == nil {
		w.all.did[id] = map[string]bool{}
	}
	w.all.did[id][w.name] = true
	return running, func() {
		w.all.mu.Lock()
		delete(w.all.who, id)
		w.all.mu.Unlock()
		done()
	}, true
}

// replica is a daemon that shares the releases with others.
type replica struct {
	*daemon

	// kill ends what keeps the replica's Leases; what was its goes to the others.
	kill func()
}

// startReplicas starts three replicas with a first commit.
func startReplicas(t *testing.T, c cell, group string, files tree, all *atWork) []replica {
	t.Helper()
	var replicas []replica
	for i := range 3 {
		name := fmt.Sprintf("r%d", i)
		var d *daemon
		ready := make(chan struct{})
		coordinator, err := shard.New(shard.Options{
			Leases: shard.NewLeases(func() (*rest.Config, error) { return c.Config, nil }), Group: group, Identity: name, Shards: true,
			Now: time.Now, Duration: 6 * time.Second, RenewDeadline: 2 * time.Second, WriteTimeout: 3 * time.Second, Interval: 300 * time.Millisecond,
			Changed: func() {
				<-ready
				d.rec.Shared()
			},
		})
		if err != nil {
			t.Fatal(err)
		}
		d = startWith(t, c.Kubeconfig, func(o *reconciler.Options) { o.Sharing = watched{coordinator, t, name, all} })
		close(ready)
		ctx, cancel := context.WithCancel(t.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			coordinator.Run(ctx)
		}()
		kill := sync.OnceFunc(func() {
			cancel()
			<-ended
		})
		t.Cleanup(kill)
		d.mustAccept("c1", files)
		replicas = append(replicas, replica{d, kill})
	}
	return replicas
}

// awaitAmong waits until one of the replicas has brought a release to a commit, and it is healthy.
func awaitAmong(t *testing.T, replicas []replica, id catalog.ReleaseID, commit string) {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), 2*patience) // each that others wait for may be another replica's
	defer cancel()
	found := make(chan struct{})
	there := sync.OnceFunc(func() { close(found) })
	for _, r := range replicas {
		go func() {
			for p := r.board.Snapshot(); ctx.Err() == nil; p = r.board.Wait(ctx, p.Revision) {
				if got := in(p, id.Project, id.Environment); got.Result == status.Applied && got.Health == status.Healthy && got.Commit == commit {
					there()
					return
				}
			}
		}()
	}
	select {
	case <-found:
	case <-ctx.Done():
		for _, r := range replicas {
			for _, rel := range r.board.Snapshot().Releases {
				t.Logf("%s at %s, %s %s, held by %+v", rel, rel.Commit, rel.Result, rel.Health, rel.Held)
			}
		}
		t.Fatalf("nobody brings %s to %s", id, commit)
	}
}

// TestReplicasShareTheReleases: three replicas share the releases of a platform, never two at one; when one ends, the
// others take over what was its. What becomes of one that is killed is in the tests of package shard.
func TestReplicasShareTheReleases(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	const count = 12
	files := platform("replica", nil)
	for i := range count {
		name := fmt.Sprintf("replica-%02d", i)
		files[name+"/project.yaml"], files[name+"/objects/kustomization.yaml"] = manifests(name), kustomization
		files[name+"/objects/all.yaml"] = configMap("a", "1")
	}
	all := &atWork{who: map[catalog.ReleaseID]string{}, did: map[catalog.ReleaseID]map[string]bool{}}
	replicas := startReplicas(t, c, "replica-test", files, all)
	awaitAll := func(commit string, among []replica) {
		t.Helper()
		for i := range count {
			awaitAmong(t, among, dev(fmt.Sprintf("replica-%02d", i)), commit)
		}
	}
	awaitAll("c1", replicas)
	replicas[0].stop()
	next := files.with(nil)
	var changed []string
	for i := range count {
		path := fmt.Sprintf("replica-%02d/objects/all.yaml", i)
		next[path] = configMap("a", "2")
		changed = append(changed, path)
	}
	replicas[0].kill()
	for _, r := range replicas[1:] {
		r.mustAccept("c2", next, changed...)
	}
	awaitAll("c2", replicas[1:])
	for i := range count {
		if got := c.value(fmt.Sprintf("replica-%02d-dev", i), "a"); got != "2" {
			t.Errorf("release %d has the value %q, want 2", i, got)
		}
	}
	all.mu.Lock()
	defer all.mu.Unlock()
	had := map[string]int{}
	for _, names := range all.did {
		for name := range names {
			had[name]++
		}
	}
	if len(had) != 3 {
		t.Errorf("the releases were not shared: %v", had)
	}
}

// TestReplicasWaitForEachOther: what a release waits for may be another replica's.
func TestReplicasWaitForEachOther(t *testing.T) {
	c := look(t, pkg.Cluster(t))
	const count = 6
	files := platform("waiting", tree{
		"prod.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: prod}\nspec:\n  clusters: [test]\n  promotesFrom: dev\n",
	})
	declare := func(i int) string {
		text := strings.Replace(manifests(fmt.Sprintf("waiting-%d", i)), "[dev]", "[dev, prod]", 1)
		if i > 0 {
			text = strings.Replace(text, "  owner:", fmt.Sprintf("  dependsOn: [waiting-%d]\n  owner:", i-1), 1)
		}
		return text
	}
	for i := range count {
		name := fmt.Sprintf("waiting-%d", i)
		files[name+"/project.yaml"], files[name+"/objects/kustomization.yaml"] = declare(i), kustomization
		files[name+"/objects/all.yaml"] = configMap("a", "1")
	}
	all := &atWork{who: map[catalog.ReleaseID]string{}, did: map[catalog.ReleaseID]map[string]bool{}}
	replicas := startReplicas(t, c, "waiting-test", files, all)
	// The last of the chain, in the second environment, waits for all others.
	last := catalog.ReleaseID{Project: fmt.Sprintf("waiting-%d", count-1), Environment: "prod", Cluster: "test"}
	awaitAmong(t, replicas, last, "c1")
	next := files.with(nil)
	var changed []string
	for i := range count {
		path := fmt.Sprintf("waiting-%d/objects/all.yaml", i)
		next[path] = configMap("a", "2")
		changed = append(changed, path)
	}
	for _, r := range replicas {
		r.mustAccept("c2", next, changed...)
	}
	awaitAmong(t, replicas, last, "c2")
	all.mu.Lock()
	defer all.mu.Unlock()
	owners := map[string]bool{}
	for id := range all.did {
		for name := range all.did[id] {
			owners[name] = true
		}
	}
	if len(owners) < 2 {
		t.Errorf("one replica has had all releases: %v", owners)
	}
}
