// SPDX-License-Identifier: Apache-2.0

package status_test

import (
	"context"
	"encoding/json"
	"fmt"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
)

// clock is a time that moves when it is told to.
type clock struct{ now time.Time }

func newClock() *clock { return &clock{time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)} }

func (c *clock) Now() time.Time { return c.now }

func id(project, env, cluster string) catalog.ReleaseID {
	return catalog.ReleaseID{Project: project, Environment: env, Cluster: cluster}
}

func nothing(*status.Release) {}

func TestSnapshotIsSorted(t *testing.T) {
	b := status.NewBoard(newClock().Now)
	for _, r := range []catalog.ReleaseID{id("b", "dev", "one"), id("a", "prod", "two"), id("a", "prod", "one"), id("a", "dev", "two")} {
		b.SetRelease(r, nothing)
	}
	b.SetCluster(status.Cluster{Name: "two"})
	b.SetCluster(status.Cluster{Name: "one"})
	p := b.Snapshot()
	var got []string
	for _, c := range p.Clusters {
		got = append(got, c.Name)
	}
	for _, r := range p.Releases {
		got = append(got, r.String())
	}
	want := []string{"one", "two", "a/dev@two", "a/prod@one", "a/prod@two", "b/dev@one"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestEmptySnapshot(t *testing.T) {
	p := status.NewBoard(newClock().Now).Snapshot()
	if p.Clusters == nil || p.Releases == nil || p.Revision != 0 || p.Fine() {
		t.Errorf("got %+v, want empty lists, revision 0, and that it is not fine yet", p)
	}
}

// frozen returns a state as a text, which nobody can change.
func frozen(t *testing.T, p status.Platform) string {
	t.Helper()
	data, err := json.MarshalIndent(p, "", " ")
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestSnapshotIsACopy changes whatever can be changed, on either side, and looks whether the other one notices.
func TestSnapshotIsACopy(t *testing.T) {
	b := status.NewBoard(newClock().Now)
	head := &status.Commit{Hash: "1", Subject: "first"}
	problems := v1alpha1.Problems{{Message: "wrong", Trace: []v1alpha1.Step{{Message: "here"}}}}
	kept := []string{"x"}
	b.SetSource(func(s *status.Source) { s.Head, s.Accepted, s.Problems = head, head, problems })
	b.SetRelease(id("a", "dev", "one"), func(r *status.Release) { r.Kept = kept })
	want := frozen(t, b.Snapshot())

	head.Subject, problems[0].Message, problems[0].Trace[0].Message, kept[0] = "x", "x", "x", "changed"
	got := b.Snapshot()
	if diff := cmp.Diff(want, frozen(t, got)); diff != "" {
		t.Errorf("who put something on the board changes it afterwards:\n%s", diff)
	}
	got.Source.Head.Subject, got.Source.Problems[0].Message, got.Source.Problems[0].Trace[0].Message, got.Releases[0].Kept[0] = "y", "y", "y", "y"
	if diff := cmp.Diff(want, frozen(t, b.Snapshot())); diff != "" {
		t.Errorf("who looked at the board changes it:\n%s", diff)
	}
	old := b.Snapshot()
	b.SetSource(func(s *status.Source) { s.Head.Subject, s.Problems[0].Message = "z", "z" })
	b.SetRelease(id("a", "dev", "one"), func(r *status.Release) { r.Kept[0] = "z" })
	if diff := cmp.Diff(want, frozen(t, old)); diff != "" {
		t.Errorf("a change in place shows in what was looked at before:\n%s", diff)
	}
	if p := b.Snapshot(); p.Revision != old.Revision+2 || p.Source.Head.Subject != "z" || p.Releases[0].Kept[0] != "z" {
		t.Errorf("a change in place is not a change: %+v", p)
	}
}

func TestRevisionGrowsWithChangesOnly(t *testing.T) {
	b := status.NewBoard(newClock().Now)
	r := id("a", "dev", "one")
	steps := []struct {
		reason string
		do     func()
		want   int64
	}{
		{"a new name", func() { b.SetName("acme") }, 1},
		{"the same name", func() { b.SetName("acme") }, 1},
		{"a cluster", func() { b.SetCluster(status.Cluster{Name: "one"}) }, 2},
		{"the same cluster", func() { b.SetCluster(status.Cluster{Name: "one"}) }, 2},
		{"the cluster answers", func() { b.SetCluster(status.Cluster{Name: "one", Reachable: true}) }, 3},
		{"a new release, though nothing is said of it", func() { b.SetRelease(r, nothing) }, 4},
		{"nothing new of it", func() { b.SetRelease(r, nothing) }, 4},
		{"something new of it", func() { b.SetRelease(r, func(r *status.Release) { r.Message = "x" }) }, 5},
		{"a source", func() { b.SetSource(func(s *status.Source) { s.Error = "down" }) }, 6},
		{"the same source", func() { b.SetSource(func(s *status.Source) { s.Error = "down" }) }, 6},
		{"no release any more", func() { b.RemoveRelease(r) }, 7},
		{"nor then", func() { b.RemoveRelease(r) }, 7},
	}
	for _, s := range steps {
		s.do()
		if got := b.Snapshot().Revision; got != s.want {
			t.Errorf("%s: the revision is %d, want %d", s.reason, got, s.want)
		}
	}
}

func TestSince(t *testing.T) {
	c := newClock()
	b := status.NewBoard(c.Now)
	r := id("a", "dev", "one")
	begin := c.now
	steps := []struct {
		reason string
		change func(*status.Release)
		moves  bool
	}{
		{"a new release", nothing, true},
		{"a message", func(r *status.Release) { r.Message = "x" }, false},
		{"a count", func(r *status.Release) { r.Objects = 3 }, false},
		{"a result", func(r *status.Release) { r.Result = status.Applying }, true},
		{"the same result", func(r *status.Release) { r.Result = status.Applying; r.Message = "y" }, false},
		{"a health", func(r *status.Release) { r.Health = status.Healthy }, true},
		{"a commit", func(r *status.Release) { r.Commit = "1" }, true},
		{"an owner", func(r *status.Release) { r.Owner = "me" }, false},
	}
	want := begin
	for _, s := range steps {
		c.now = c.now.Add(time.Minute)
		if s.moves {
			want = c.now
		}
		b.SetRelease(r, s.change)
		if got := b.Snapshot().Releases[0].Since; !got.Equal(want) {
			t.Errorf("%s: since %s, want %s", s.reason, got, want)
		}
	}
}

func TestWait(t *testing.T) {
	b := status.NewBoard(newClock().Now)
	b.SetName("acme")
	for after, reason := range map[int64]string{-1: "nothing is known", 0: "an older one is known", 99: "one of another daemon is known"} {
		if got := b.Wait(t.Context(), after).Revision; got != 1 {
			t.Errorf("%s: got revision %d, want 1 at once", reason, got)
		}
	}
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if got := b.Wait(ended, 1).Revision; got != 1 {
		t.Errorf("ctx ended: got revision %d, want the one there is", got)
	}
	got := make(chan int64)
	go func() { got <- b.Wait(t.Context(), 1).Revision }()
	b.SetName("acme 2")
	if r := <-got; r != 2 {
		t.Errorf("got revision %d, want 2", r)
	}
}

// TestNoLostWakeUps has readers follow every change that writers make at the same time; a wake-up that is lost
// leaves a reader waiting for ever.
func TestNoLostWakeUps(t *testing.T) {
	const writers, changes, readers = 4, 200, 4
	b := status.NewBoard(time.Now)
	var all sync.WaitGroup
	for range readers {
		all.Go(func() {
			for after := int64(0); after < writers*changes; {
				p := b.Wait(t.Context(), after)
				if p.Revision <= after {
					t.Errorf("woken at revision %d, after %d", p.Revision, after)
					return
				}
				after = p.Revision
			}
		})
	}
	for w := range writers {
		all.Go(func() {
			for i := range changes {
				b.SetRelease(id(fmt.Sprint(w), "dev", "one"), func(r *status.Release) {
					r.Message, r.Kept = fmt.Sprint(i), []string{fmt.Sprint(i)}
				})
			}
		})
	}
	all.Wait()
	if got := b.Snapshot().Revision; got != writers*changes {
		t.Errorf("got revision %d, want %d", got, writers*changes)
	}
}
