// SPDX-License-Identifier: Apache-2.0

package traces

import (
	"sync"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"trunkline.dev/trunkline/catalog"
)

const (
	// maxCommits bounds of how many commits it is remembered when they came, and maxSettled of how many releases how far they are.
	maxCommits, maxSettled = 256, 50_000
)

// commits is what is remembered of commits. The zero value is ready for use.
type commits struct {
	mu sync.Mutex
	// pushed is when a push was told of that no fetch has begun for, and fetching and told are of the fetch that has.
	pushed, fetching, told time.Time
	// heads are the commits that came, by their hashes, the oldest first in order.
	heads map[string]head
	order []string
	// releases are how far releases are.
	releases map[catalog.ReleaseID]progress
}

// head is when a commit came.
type head struct {
	// told is when the push was told of; zero: it was found by looking.
	told, fetching, fetched time.Time
}

// progress is how far a release is with a commit.
type progress struct {
	commit  string
	applied time.Time
	healthy bool
}

// Pushed tells of a push.
func (t *Tracer) Pushed() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.pushed.IsZero() {
		t.pushed = t.now()
	}
}

// Fetching tells of the begin of a fetch: what was pushed before is in it.
func (t *Tracer) Fetching() {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	t.fetching = t.now()
	if t.told.IsZero() {
		t.told = t.pushed
	}
	t.pushed = time.Time{}
}

// Fetched tells of the head that a fetch has found; moved reports whether it is another one than before.
func (t *Tracer) Fetched(commit string, moved bool) {
	if t == nil {
		return
	}
	t.mu.Lock()
	defer t.mu.Unlock()
	if moved {
		if _, known := t.heads[commit]; !known {
			t.order = append(t.order, commit)
			if t.heads == nil {
				t.heads = map[string]head{}
			}
		}
		t.heads[commit] = head{t.told, t.fetching, t.now()}
		for len(t.order) > maxCommits {
			delete(t.heads, t.order[0])
			t.order = t.order[1:]
		}
	}
	t.told = time.Time{}
}

// Judged tells what became of a commit: whether it was accepted. Where several replicas judge it, one of them tells.
func (t *Tracer) Judged(commit string, accepted bool) {
	if t == nil {
		return
	}
	t.mu.Lock()
	h, known := t.heads[commit]
	t.mu.Unlock()
	now, id := t.now(), traceOf(commit)
	if !known {
		h = head{fetching: now, fetched: now} // by a restart in between
	}
	began := h.told
	if began.IsZero() {
		began = h.fetching
	}
	root := rootOf(commit)
	about := attribute.String("trunkline.commit", commit)
	verdict := attribute.String("trunkline.verdict", map[bool]string{true: "accepted", false: "refused"}[accepted])
	t.add(span{name: "commit", trace: id, id: root, kind: trace.SpanKindConsumer, from: began, until: now, about: []attribute.KeyValue{about, verdict, attribute.Bool("trunkline.pushed", !h.told.IsZero())}, failed: !accepted})
	if !h.told.IsZero() {
		t.add(span{name: "wait for fetch", trace: id, id: spanNamed("told", commit), parent: root, kind: trace.SpanKindInternal, from: h.told, until: h.fetching, about: []attribute.KeyValue{about}})
	}
	t.add(span{name: "fetch", trace: id, id: spanNamed("fetch", commit), parent: root, kind: trace.SpanKindClient, from: h.fetching, until: h.fetched, about: []attribute.KeyValue{about}})
	t.add(span{name: "judge", trace: id, id: spanNamed("judge", commit), parent: root, kind: trace.SpanKindInternal, from: h.fetched, until: now, about: []attribute.KeyValue{about, verdict}, failed: !accepted})
}

// rootOf is the id of the first span of the trace of a commit.
func rootOf(commit string) trace.SpanID { return spanNamed("commit", commit) }

// Applied is a run of a release that has ended.
type Applied struct {
	Release catalog.ReleaseID
	Commit  string
	Took    time.Duration
	// Objects are how many were written, and Pruned how many deleted.
	Objects, Pruned int
	Failed          bool
}

// Applied tells of a run of a release. Runs once it is healthy at the commit, which correct a drift, are of no trace.
func (t *Tracer) Applied(a Applied) {
	if t == nil || a.Commit == "" || a.Objects+a.Pruned == 0 && !a.Failed {
		return
	}
	now := t.now()
	t.mu.Lock()
	p := t.releases[a.Release]
	if p.commit == a.Commit && p.healthy {
		t.mu.Unlock()
		return
	}
	t.note(a.Release, progress{commit: a.Commit, applied: now})
	t.mu.Unlock()
	t.add(span{
		name: "apply", trace: traceOf(a.Commit), id: applyOf(a.Release, a.Commit, now), parent: rootOf(a.Commit), kind: trace.SpanKindClient, from: now.Add(-a.Took), until: now,
		about: append(of(a.Release, a.Commit), attribute.Int("trunkline.applied", a.Objects), attribute.Int("trunkline.pruned", a.Pruned)), failed: a.Failed,
	})
}

func applyOf(r catalog.ReleaseID, commit string, at time.Time) trace.SpanID {
	return spanNamed("apply", r.String(), commit, at.UTC().Format(time.RFC3339Nano))
}

// note remembers how far a release is; the lock is held. All is forgotten where there are too many: then a run that corrects a drift is
// traced once more.
func (t *Tracer) note(r catalog.ReleaseID, p progress) {
	if t.releases == nil || len(t.releases) >= maxSettled {
		t.releases = map[catalog.ReleaseID]progress{}
	}
	t.releases[r] = p
}

// Settled tells what became of a release at a commit: whether it is healthy.
func (t *Tracer) Settled(r catalog.ReleaseID, commit string, healthy bool) {
	if t == nil || commit == "" {
		return
	}
	t.mu.Lock()
	p := t.releases[r]
	if p.commit != commit || p.healthy {
		t.mu.Unlock()
		return // not by anything that was applied since the start
	}
	if healthy {
		t.note(r, progress{commit: commit, applied: p.applied, healthy: true})
	}
	t.mu.Unlock()
	t.add(span{
		name: "become healthy", trace: traceOf(commit), id: spanNamed("healthy", r.String(), commit, p.applied.UTC().Format(time.RFC3339Nano), map[bool]string{true: "yes", false: "no"}[healthy]),
		parent: applyOf(r, commit, p.applied), kind: trace.SpanKindInternal, from: p.applied, until: t.now(), about: of(r, commit), failed: !healthy,
	})
}

func of(r catalog.ReleaseID, commit string) []attribute.KeyValue {
	return []attribute.KeyValue{
		attribute.String("trunkline.commit", commit), attribute.String("trunkline.project", r.Project), attribute.String("trunkline.environment", r.Environment), attribute.String("trunkline.cluster", r.Cluster),
	}
}
