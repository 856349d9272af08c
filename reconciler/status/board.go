package status

import (
	"context"
	"reflect"
	"slices"
	"sync"
	"time"

	"trunkline.dev/trunkline/catalog"
)

// Board keeps the state of the platform, and wakes those who wait for it to change.
type Board struct {
	now func() time.Time

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced on every change
	revision int64
	name     string
	source   Source
	clusters map[string]Cluster
	releases map[catalog.ReleaseID]Release
	replica  *Replica
}

// NewBoard makes an empty board.
func NewBoard(now func() time.Time) *Board {
	return &Board{
		now: now, changed: make(chan struct{}),
		clusters: map[string]Cluster{}, releases: map[catalog.ReleaseID]Release{},
	}
}

// Name gives the name of the platform; empty before the first commit was accepted.
func (b *Board) Name() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.name
}

// Snapshot gives the state as it is now.
func (b *Board) Snapshot() Platform {
	b.mu.Lock()
	defer b.mu.Unlock()
	p := Platform{
		Name: b.name, Revision: b.revision, Time: b.now(), Source: b.source.clone(),
		Clusters: []Cluster{}, Releases: []Release{},
	}
	if b.replica != nil {
		replica := *b.replica
		p.Replica = &replica
	}
	for _, c := range b.clusters {
		p.Clusters = append(p.Clusters, c)
	}
	slices.SortFunc(p.Clusters, func(a, b Cluster) int {
		return catalog.ReleaseID{Cluster: a.Name}.Compare(catalog.ReleaseID{Cluster: b.Name})
	})
	for _, r := range b.releases {
		r.Kept, r.Drifts = slices.Clone(r.Kept), slices.Clone(r.Drifts)
		p.Releases = append(p.Releases, r)
	}
	slices.SortFunc(p.Releases, func(a, b Release) int { return a.Compare(b.ReleaseID) })
	return p
}

// Wait gives the state once its revision is another than the given one, or when ctx ends. A higher one was given
// by another board, before the daemon was started again: who comes with that knows nothing of this one.
func (b *Board) Wait(ctx context.Context, after int64) Platform {
	for {
		b.mu.Lock()
		changed, revision := b.changed, b.revision
		b.mu.Unlock()
		if revision != after {
			return b.Snapshot()
		}
		select {
		case <-changed:
		case <-ctx.Done():
			return b.Snapshot()
		}
	}
}

// update runs a change, which tells whether it changed anything.
func (b *Board) update(change func() bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	if change() {
		b.revision++
		close(b.changed)
		b.changed = make(chan struct{})
	}
}

// SetName sets the platform's name.
func (b *Board) SetName(name string) {
	b.update(func() bool {
		changed := b.name != name
		b.name = name
		return changed
	})
}

// SetSource changes what is said of the repository.
func (b *Board) SetSource(change func(*Source)) {
	b.update(func() bool {
		after := b.source.clone()
		change(&after)
		if reflect.DeepEqual(b.source, after) {
			return false
		}
		b.source = after.clone() // the caller may go on with what it put in
		return true
	})
}

// SetReplica sets what is said of this replica among several.
func (b *Board) SetReplica(r Replica) {
	b.update(func() bool {
		if b.replica != nil && *b.replica == r {
			return false
		}
		b.replica = &r
		return true
	})
}

// SetCluster sets the state of a cluster.
func (b *Board) SetCluster(c Cluster) {
	b.update(func() bool {
		before, there := b.clusters[c.Name]
		c.Since = before.Since
		if !there || before.Reachable != c.Reachable {
			c.Since = b.now()
		}
		b.clusters[c.Name] = c
		return before != c
	})
}

// SetRelease changes what is said of a release; one that is not there yet is made.
func (b *Board) SetRelease(id catalog.ReleaseID, change func(*Release)) {
	b.update(func() bool {
		before, there := b.releases[id]
		if !there {
			before = Release{ReleaseID: id, Result: Pending, Health: Unknown}
		}
		after := before
		after.Kept = slices.Clone(before.Kept)
		change(&after)
		after.Kept = slices.Clone(after.Kept)
		if there && reflect.DeepEqual(before, after) {
			return false
		}
		if !there || before.Result != after.Result || before.Health != after.Health || before.Commit != after.Commit {
			after.Since = b.now()
		}
		b.releases[id] = after
		return true
	})
}

// RemoveRelease takes a release off the board.
func (b *Board) RemoveRelease(id catalog.ReleaseID) {
	b.update(func() bool {
		_, there := b.releases[id]
		delete(b.releases, id)
		return there
	})
}
