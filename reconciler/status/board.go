// SPDX-License-Identifier: Apache-2.0

package status

import (
	"context"
	"maps"
	"reflect"
	"slices"
	"strconv"
	"sync"
	"time"

	"trunkline.dev/trunkline/catalog"
)

// Board keeps the state of the platform, and wakes those who wait for it to change.
type Board struct {
	now func() time.Time
	// epoch is different for each board, so that nobody takes the revisions of one for those of another.
	epoch string

	mu       sync.Mutex
	changed  chan struct{} // closed and replaced on every change
	revision int64
	log      changeLog
	name     string
	source   Source
	clusters map[string]Cluster
	releases map[catalog.ReleaseID]Release
	lots     map[catalog.ReleaseID]Lots
	// resources are those of releases that have any.
	resources map[catalog.ReleaseID]Resources
	dags      map[catalog.ReleaseID]Dags
	replica   *Replica
	// described is what is known of a commit that is going to be resumed at.
	described *Commit
	// ages are those of releases that were not seen yet since the daemon was started; see [Board.Recall].
	ages map[catalog.ReleaseID]Age
}

// NewBoard returns an empty board.
func NewBoard(now func() time.Time) *Board {
	return &Board{
		now: now, epoch: strconv.FormatInt(now().UnixNano(), 36), changed: make(chan struct{}), log: newChangeLog(maxTombstones),
		clusters: map[string]Cluster{}, releases: map[catalog.ReleaseID]Release{},
	}
}

// Name returns the name of the platform; empty before the first commit was accepted.
func (b *Board) Name() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.name
}

// Source returns what is known of the repository.
func (b *Board) Source() Source {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.source.clone()
}

// Snapshot returns the state as it is now.
func (b *Board) Snapshot() Platform {
	b.mu.Lock()
	defer b.mu.Unlock()
	o := b.overview()
	p := Platform{
		Name: o.Name, Revision: o.Revision, Time: o.Time, Source: o.Source, Replica: o.Replica,
		Clusters: make([]Cluster, 0, len(b.clusters)), Releases: make([]Release, 0, len(b.releases)),
	}
	p.Clusters = slices.AppendSeq(p.Clusters, maps.Values(b.clusters))
	for _, r := range b.releases {
		p.Releases = append(p.Releases, b.view(r))
	}
	p.Sort()
	return p
}

// Release returns the state of one release.
func (b *Board) Release(id catalog.ReleaseID) (Release, bool) {
	b.mu.Lock()
	defer b.mu.Unlock()
	r, ok := b.releases[id]
	return b.view(r), ok
}

// overview returns what is not of one cluster or release. The caller holds the lock.
func (b *Board) overview() Overview {
	o := Overview{Name: b.name, Revision: b.revision, Time: b.now(), Source: b.source.clone()}
	if b.replica != nil {
		replica := *b.replica
		o.Replica = &replica
	}
	return o
}

// view returns a release as others may have it: a copy, in which nothing is claimed of a cluster that does not answer. The
// caller holds the lock.
func (b *Board) view(r Release) Release {
	r.Kept, r.Drifts = slices.Clone(r.Kept), slices.Clone(r.Drifts)
	r.Additions, r.Instead = slices.Clone(r.Additions), slices.Clone(r.Instead)
	if r.Preview != nil {
		preview := *r.Preview
		r.Preview = &preview
	}
	if lots, kept := b.lots[r.ReleaseID]; kept {
		r.Lots = &lots
	}
	if resources, has := b.resources[r.ReleaseID]; has {
		r.Resources = &resources
	}
	if dags, has := b.dags[r.ReleaseID]; has {
		r.Dags = &dags
	}
	c, known := b.clusters[r.Cluster]
	if !known || c.Reachable || r.Health == Unknown || r.Result == Elsewhere {
		return r
	}
	// What a run failed with since then is newer; what was said of the objects is as old as their health.
	if r.Message == "" || r.Result == Applied || r.Result == Applying {
		seen := "cluster " + r.Cluster + " does not answer; last seen " + string(r.Health)
		if r.Message != "" {
			seen += ": " + r.Message
		}
		r.Message = seen
	}
	r.Health, r.Cause = Unknown, nil
	if c.Since.After(r.Since) {
		r.Since = c.Since
	}
	return r
}

// Wait returns the state once its revision is another than the given one, or when ctx ends. A higher one comes from
// another board, before the daemon was started again: whoever has that knows nothing of this one.
func (b *Board) Wait(ctx context.Context, after int64) Platform {
	select {
	case <-b.Changed(after):
	case <-ctx.Done():
	}
	return b.Snapshot()
}

// Changed returns a channel that is closed once the revision is another than the given one.
func (b *Board) Changed(after int64) <-chan struct{} {
	b.mu.Lock()
	defer b.mu.Unlock()
	if b.revision != after {
		closed := make(chan struct{})
		close(closed)
		return closed
	}
	return b.changed
}

// update runs a change, which returns the subjects that it changed. Each is a revision of its own, so that whoever reads
// some of them can go on with the next.
func (b *Board) update(change func() []subject) {
	b.mu.Lock()
	defer b.mu.Unlock()
	subjects := change()
	if len(subjects) == 0 {
		return
	}
	for _, s := range subjects {
		b.revision++
		b.log.touch(s, b.revision)
	}
	close(b.changed)
	b.changed = make(chan struct{})
}

// overviewIf returns the overview as the subject of a change, if there is one.
func overviewIf(changed bool) []subject {
	if !changed {
		return nil
	}
	return []subject{{kind: ofPlatform}}
}

// SetName sets the platform's name.
func (b *Board) SetName(name string) {
	b.update(func() []subject {
		changed := b.name != name
		b.name = name
		return overviewIf(changed)
	})
}

// SetSource changes what is said of the repository.
func (b *Board) SetSource(change func(*Source)) {
	b.update(func() []subject {
		after := b.source.clone()
		change(&after)
		after.Accepted = after.Accepted.describedBy(after.Head, b.source.Head, b.source.Accepted, b.described)
		after.Head = after.Head.describedBy(after.Accepted)
		if reflect.DeepEqual(b.source, after) {
			return nil
		}
		b.source = after.clone() // the caller may go on with what it put in
		return overviewIf(true)
	})
}

// Touch has those who follow look again: what is not on the board has changed, such as a pull request.
func (b *Board) Touch() { b.update(func() []subject { return overviewIf(true) }) }

// Describe has the board say of a commit what is known of it, once it is set with nothing but its hash.
func (b *Board) Describe(c Commit) {
	b.mu.Lock()
	defer b.mu.Unlock()
	b.described = &c
}

// SetReplica sets what is said of this replica among several.
func (b *Board) SetReplica(r Replica) {
	b.update(func() []subject {
		changed := b.replica == nil || *b.replica != r
		b.replica = &r
		return overviewIf(changed)
	})
}

// SetCluster sets the state of a cluster. What is known of its releases depends on whether it answers.
func (b *Board) SetCluster(c Cluster) {
	b.update(func() []subject {
		before, there := b.clusters[c.Name]
		c.Since = before.Since
		switched := !there || before.Reachable != c.Reachable
		if switched {
			c.Since = b.now()
		}
		b.clusters[c.Name] = c
		if before == c {
			return nil
		}
		subjects := []subject{{kind: ofCluster, cluster: c.Name}}
		if !switched {
			return subjects
		}
		for id, r := range b.releases {
			if id.Cluster == c.Name && r.Health != Unknown {
				subjects = append(subjects, subject{kind: ofRelease, release: id})
			}
		}
		return subjects
	})
}

// RemoveCluster takes a cluster off the board. Releases in it stay, as whoever keeps them has them.
func (b *Board) RemoveCluster(name string) {
	b.update(func() []subject {
		if _, there := b.clusters[name]; !there {
			return nil
		}
		delete(b.clusters, name)
		return []subject{{kind: ofCluster, cluster: name, removed: true}}
	})
}

// SetRelease changes what is said of a release; one that is not there yet is added.
func (b *Board) SetRelease(id catalog.ReleaseID, change func(*Release)) {
	b.update(func() []subject {
		before, there := b.releases[id]
		if !there {
			before = Release{ReleaseID: id, Result: Pending, Health: Unknown}
		}
		after := before
		after.Kept = slices.Clone(before.Kept)
		change(&after)
		after.Kept = slices.Clone(after.Kept)
		if there && reflect.DeepEqual(before, after) {
			return nil
		}
		if !there || before.Result != after.Result || before.Health != after.Health || before.Commit != after.Commit {
			after.Since = b.recall(after, b.now())
		}
		b.releases[id] = after
		return []subject{{kind: ofRelease, release: id}}
	})
}

// RemoveRelease takes a release off the board.
func (b *Board) RemoveRelease(id catalog.ReleaseID) {
	b.update(func() []subject {
		if _, there := b.releases[id]; !there {
			return nil
		}
		delete(b.releases, id)
		return []subject{{kind: ofRelease, release: id, removed: true}}
	})
}
