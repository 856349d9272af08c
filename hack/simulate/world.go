// SPDX-License-Identifier: Apache-2.0

package main

import (
	"crypto/sha256"
	"fmt"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/plan/terms"
	"trunkline.dev/trunkline/render"
)

// size is how much there is of everything. Each cluster has so many releases, which are spread over the tracks: a track is a line of
// commits with its own accepted state.
type size struct{ Clusters, Releases, Tracks, Replicas int }

func (s size) all() int      { return s.Clusters * s.Releases }
func (s size) perTrack() int { return s.all() / s.Tracks }

// options are a size, its costs, and what is otherwise than in the daemon as it is.
type options struct {
	size
	costs

	// RenderOwn has a replica render what it keeps, and nothing else; WatchOwn has it watch the clusters that it keeps something on
	// for those releases only.
	RenderOwn, WatchOwn bool
	// firstTrack leaves out the releases of other tracks, which cost memory and time here and have nothing to do.
	firstTrack bool
}

// world is all that is simulated.
type world struct {
	*engine
	options

	servers  []*server
	replicas []*replica
	releases []*kept
	settings release.Settings
	objects  *render.Packed
	// waiting counts the releases that do not have yet what was rolled out last, of so many; half is called once half of them have it.
	waiting, of int
	half        func()
}

func newWorld(o options) (*world, error) {
	w := &world{engine: &engine{}, options: o, settings: release.Settings{Terms: terms.Undeclared(), Access: release.Access{Declared: true}}}
	var err error
	// What is in them does not matter here: all have the same.
	w.objects, err = render.Pack([]*unstructured.Unstructured{{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": "a", "name": "a"},
	}}})
	if err != nil {
		return nil, err
	}
	for range o.Clusters {
		w.servers = append(w.servers, newServer(w.engine, o.costs))
	}
	for range o.Replicas {
		w.replicas = append(w.replicas, &replica{world: w, alive: true, cpu: places{free: o.Cores}, write: map[int]*writing{}, asks: map[int]*places{}})
	}
	for i := range o.all() {
		if o.firstTrack && (i/o.Clusters)%o.Tracks != 0 {
			continue
		}
		id := catalog.ReleaseID{Project: fmt.Sprintf("p%06d", i/o.Clusters), Environment: "prod", Cluster: fmt.Sprintf("c%03d", i%o.Clusters)}
		sum := sha256.Sum256([]byte(id.Project + "\x00" + id.Environment + "\x00" + id.Cluster))
		w.releases = append(w.releases, &kept{
			world: w, state: release.New(id), track: (i / o.Clusters) % o.Tracks, cluster: i % o.Clusters, bucket: int(sum[0] % buckets),
		})
	}
	for _, k := range w.releases {
		k.by = w.replicas[k.bucket%o.Replicas]
		k.step(release.Gained{})
	}
	return w, nil
}

func (w *world) target(track int, commit string) release.Target {
	return release.Target{Commit: commit, Namespace: "a", Owner: "team", Objects: w.objects, Digest: fmt.Sprintf("%d %s", track, commit)}
}

// settled has all releases be in place, as of a commit: nothing is asked for it.
func (w *world) settled() {
	for _, k := range w.releases {
		t := w.target(k.track, "first")
		k.commit, k.digest, k.wanted = t.Commit, t.Digest, t.Digest
		k.step(release.Declared{Target: t, Settings: w.settings})
	}
	w.run(w.now + time.Hour)
	for _, s := range w.servers {
		clear(s.calls)
		s.refused = 0
	}
	for _, r := range w.replicas {
		r.cpu.used, r.cpu.longest = 0, 0
		clear(r.asks)
	}
	for _, k := range w.releases {
		k.since, k.done = 0, 0
	}
}

// push has a commit change releases, of whatever tracks; all replicas hear of it at once.
func (w *world) push(commit string, changed []*kept) {
	by := make([][]*kept, w.Tracks)
	for _, k := range changed {
		k.wanted, k.since, k.done = w.target(k.track, commit).Digest, w.now, -1
		by[k.track] = append(by[k.track], k)
	}
	w.waiting, w.of = len(changed), len(changed)
	for track, of := range by {
		if len(of) == 0 {
			continue
		}
		for _, r := range w.replicas {
			if r.alive {
				r.receive(track, of, commit)
			}
		}
	}
}

// arrived counts a release that has what was rolled out.
func (w *world) arrived() {
	w.waiting--
	if w.waiting == w.of/2 && w.half != nil {
		w.half()
	}
}

// watched has the replicas see what has become of an object.
func (w *world) watched(int) {
	for _, r := range w.replicas {
		if r.alive && !w.WatchOwn {
			r.cpu.work(w.engine, w.Seen, func() {})
		}
	}
}

// lose has a replica end without a word: others take over what it had, once they miss it.
func (w *world) lose(n int, commit string) {
	gone := w.replicas[n]
	gone.alive = false
	for _, k := range w.releases {
		if k.by == gone {
			k.life++ // whatever it was about to do is not done
		}
	}
	w.after(handover, func() {
		var alive []*replica
		for _, r := range w.replicas {
			if r.alive {
				alive = append(alive, r)
			}
		}
		for _, k := range w.releases {
			if k.by != gone {
				continue
			}
			k.by = alive[k.bucket%len(alive)]
			k.state = release.New(k.state.ID)
			k.step(release.Gained{})
			k.by.cpu.work(w.engine, w.Cached, func() {
				k.step(release.Declared{Target: w.target(k.track, commitOf(k, commit)), Settings: w.settings})
			})
		}
	})
}

// commitOf is the newest that has changed a release.
func commitOf(k *kept, commit string) string {
	if k.wanted == k.target(k.track, commit).Digest {
		return commit
	}
	return "first"
}

// took are the times that releases took until the cluster had what was pushed, in order.
func (w *world) took(of []*kept) (out []time.Duration, missing int) {
	for _, k := range of {
		if k.done < k.since {
			missing++
			continue
		}
		out = append(out, k.done-k.since)
	}
	slices.Sort(out)
	return out, missing
}

// memory is what a replica takes, at least and at most.
func (o options) memory() (least, most int64) {
	releases, watches := int64(o.all()), int64(o.Clusters*o.Kinds)
	if o.RenderOwn && o.WatchOwn {
		releases = (releases + int64(o.Replicas) - 1) / int64(o.Replicas)
	}
	rest := o.Base + watches*o.Watch
	return rest + releases*o.ReleaseLeast, rest + releases*o.ReleaseMost
}
