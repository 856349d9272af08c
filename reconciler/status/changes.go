// SPDX-License-Identifier: Apache-2.0

package status

import (
	"container/list"
	"slices"
	"time"

	"trunkline.dev/trunkline/catalog"
)

// maxTombstones bounds how many removed releases are remembered for those who have to be told. Whoever comes later than that
// begins again.
const maxTombstones = 10_000

// Change is one thing that is not as it was. One of its parts is set.
type Change struct {
	Revision int64
	Overview *Overview
	Cluster  *Cluster
	Release  *Release
	// Removed is a release that is not there any more.
	Removed *catalog.ReleaseID
	// Forgotten is a cluster that is not kept any more.
	Forgotten *ClusterName
}

// ClusterName names a cluster.
type ClusterName struct {
	Name string `json:"name"`
}

// Changes are what changed after a revision, each thing once and as it is now, in the order of their revisions. To a reader
// who was slow they are no more than to a fast one, and what is between two states that were read is never told.
type Changes struct {
	// Epoch is that of the board: revisions of another one mean nothing to it.
	Epoch string
	// Time is when the changes were read.
	Time    time.Time
	Changes []Change
	// Revision is the one up to which this is all that changed.
	Revision int64
	// More reports that there are changes after Revision already.
	More bool
	// Lost reports that what changed after the given revision is not known any more: begin again, after 0.
	Lost bool
}

// Changes returns what changed after a revision, and no more than limit things of it. After 0, that is everything there is.
func (b *Board) Changes(after int64, limit int) Changes {
	b.mu.Lock()
	defer b.mu.Unlock()
	out := Changes{Epoch: b.epoch, Time: b.now(), Revision: b.revision}
	if after > b.revision || after != 0 && after < b.log.horizon {
		out.Lost = true
		return out
	}
	entries := b.log.since(after)
	if limit <= 0 {
		out.Revision, out.More = after, len(entries) > 0
		return out
	}
	if len(entries) > limit {
		entries, out.More = entries[:limit], true
		out.Revision = entries[limit-1].revision
	}
	for _, e := range entries {
		if c, ok := b.change(e); ok && (!e.removed || after != 0) {
			out.Changes = append(out.Changes, c)
		}
	}
	return out
}

// change returns what a log entry is about, as it is now. The caller holds the lock.
func (b *Board) change(e *entry) (Change, bool) {
	c := Change{Revision: e.revision}
	switch e.kind {
	case ofPlatform:
		o := b.overview()
		o.Revision = e.revision
		c.Overview = &o
	case ofCluster:
		if e.removed {
			c.Forgotten = &ClusterName{e.cluster}
			return c, true
		}
		cluster, ok := b.clusters[e.cluster]
		c.Cluster = &cluster
		return c, ok
	case ofRelease:
		if e.removed {
			id := e.release
			c.Removed = &id
			return c, true
		}
		r, ok := b.releases[e.release]
		r = b.view(r)
		c.Release = &r
		return c, ok
	}
	return c, true
}

// subjectKind says what a subject is.
type subjectKind byte

const (
	ofPlatform subjectKind = iota
	ofCluster
	ofRelease
)

// subject is what a change is about.
type subject struct {
	kind    subjectKind
	cluster string
	release catalog.ReleaseID
	removed bool
}

// key is the same for a release whether it is there or removed.
func (s subject) key() subject {
	s.removed = false
	return s
}

// entry is the last change of a subject.
type entry struct {
	subject

	revision int64
}

// changeLog holds the last change of each subject, ordered by revision, and so is never longer than there are subjects.
type changeLog struct {
	entries *list.List // of *entry
	index   map[subject]*list.Element
	// tombstones are the keys of removed releases, the oldest first; some may be declared again.
	tombstones []subject
	limit      int
	// horizon is the revision of the newest tombstone that was dropped.
	horizon int64
}

func newChangeLog(limit int) changeLog {
	return changeLog{entries: list.New(), index: map[subject]*list.Element{}, limit: limit}
}

// touch records that a subject changed at a revision.
func (l *changeLog) touch(s subject, revision int64) {
	key := s.key()
	if old := l.index[key]; old != nil {
		l.entries.Remove(old)
	}
	l.index[key] = l.entries.PushBack(&entry{subject: s, revision: revision})
	if !s.removed {
		return
	}
	l.tombstones = append(l.tombstones, key)
	for len(l.tombstones) > l.limit {
		l.drop(l.tombstones[0])
		l.tombstones = l.tombstones[1:]
	}
}

// drop forgets a removed release, unless it is declared again, or was removed again later.
func (l *changeLog) drop(key subject) {
	element := l.index[key]
	if element == nil {
		return
	}
	e, _ := element.Value.(*entry)
	if !e.removed {
		return
	}
	if slices.Contains(l.tombstones[1:], key) {
		return
	}
	l.entries.Remove(element)
	delete(l.index, key)
	l.horizon = max(l.horizon, e.revision)
}

// since returns the entries after a revision, the oldest first.
func (l *changeLog) since(after int64) []*entry {
	n := 0
	first := l.entries.Back()
	for at := first; at != nil; at = at.Prev() {
		e, _ := at.Value.(*entry)
		if e.revision <= after {
			break
		}
		first = at
		n++
	}
	out := make([]*entry, 0, n)
	for at := first; at != nil && len(out) < n; at = at.Next() {
		e, _ := at.Value.(*entry)
		out = append(out, e)
	}
	return out
}
