// SPDX-License-Identifier: Apache-2.0

package status_test

import (
	"context"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
)

// follower keeps a copy of a board by its changes, as a subscriber does.
type follower struct {
	after    int64
	overview status.Overview
	clusters map[string]status.Cluster
	releases map[catalog.ReleaseID]status.Release
	restarts int
}

func newFollower() *follower {
	return &follower{clusters: map[string]status.Cluster{}, releases: map[catalog.ReleaseID]status.Release{}}
}

// read applies one page of changes, and reports whether there are more.
func (f *follower) read(b *status.Board, limit int) bool {
	c := b.Changes(f.after, limit)
	if c.Lost {
		restarts := f.restarts + 1
		*f = *newFollower()
		f.restarts = restarts
		return true
	}
	for _, change := range c.Changes {
		switch {
		case change.Overview != nil:
			f.overview = *change.Overview
		case change.Cluster != nil:
			f.clusters[change.Cluster.Name] = *change.Cluster
		case change.Release != nil:
			f.releases[change.Release.ReleaseID] = *change.Release
		case change.Removed != nil:
			delete(f.releases, *change.Removed)
		}
	}
	f.after = c.Revision
	return c.More
}

func (f *follower) platform(at time.Time) status.Platform {
	p := status.Platform{Name: f.overview.Name, Revision: f.after, Time: at, Source: f.overview.Source, Replica: f.overview.Replica, Clusters: []status.Cluster{}, Releases: []status.Release{}}
	for _, c := range f.clusters {
		p.Clusters = append(p.Clusters, c)
	}
	for _, r := range f.releases {
		p.Releases = append(p.Releases, r)
	}
	p.Sort()
	return p
}

// TestWhoeverFollowsKnowsTheState: whatever happens, and however slowly and in whatever portions someone reads, at the end
// they have what the board has.
func TestWhoeverFollowsKnowsTheState(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		c := newClock()
		b := status.NewBoard(c.Now)
		f := newFollower()
		one := func(label string) string { return rapid.SampledFrom([]string{"a", "b", "c"}).Draw(t, label) }
		for range rapid.IntRange(0, 60).Draw(t, "steps") {
			c.now = c.now.Add(time.Second)
			release := id(one("project"), "dev", one("cluster"))
			switch rapid.SampledFrom([]string{"release", "release", "remove", "cluster", "name", "source", "read"}).Draw(t, "step") {
			case "release":
				health := rapid.SampledFrom([]status.Health{status.Healthy, status.Unknown, status.Unhealthy}).Draw(t, "health")
				b.SetRelease(release, func(r *status.Release) { r.Health = health })
			case "remove":
				b.RemoveRelease(release)
			case "cluster":
				b.SetCluster(status.Cluster{Name: one("cluster"), Reachable: rapid.Bool().Draw(t, "reachable")})
			case "name":
				b.SetName(one("name"))
			case "source":
				b.SetSource(func(s *status.Source) { s.Error = one("error") })
			case "read":
				f.read(b, rapid.IntRange(1, 4).Draw(t, "limit"))
			}
		}
		for f.read(b, 3) { // until there is nothing more
		}
		if diff := cmp.Diff(b.Snapshot(), f.platform(c.now)); diff != "" {
			t.Errorf("board and follower (-want +got):\n%s", diff)
		}
		if f.restarts > 0 {
			t.Errorf("the follower had to begin again %d times", f.restarts)
		}
	})
}

// TestChangesCostWhatChanged: a thousand revisions of one release are one change to whoever was away.
func TestChangesCostWhatChanged(t *testing.T) {
	b := status.NewBoard(newClock().Now)
	for i := range 50 {
		b.SetRelease(id(fmt.Sprintf("p%02d", i), "dev", "one"), nothing)
	}
	after := b.Snapshot().Revision
	for i := range 1000 {
		b.SetRelease(id("p07", "dev", "one"), func(r *status.Release) { r.Message = fmt.Sprint(i) })
	}
	c := b.Changes(after, 100)
	if len(c.Changes) != 1 || c.Changes[0].Release == nil || c.Changes[0].Release.Message != "999" || c.Revision != after+1000 {
		t.Errorf("got %d changes up to revision %d: %+v", len(c.Changes), c.Revision, c.Changes)
	}
	if c := b.Changes(c.Revision, 100); len(c.Changes) != 0 || c.More || c.Lost {
		t.Errorf("got %+v after everything was read", c)
	}
}

// TestWhatWasForgottenIsSaidToBe: of removed releases a bounded number is remembered; whoever has to know of an older one
// begins again.
func TestWhatWasForgottenIsSaidToBe(t *testing.T) {
	b := status.NewBoard(newClock().Now)
	const removed = 10_010
	for i := range removed {
		b.SetRelease(id(fmt.Sprint(i), "dev", "one"), nothing)
	}
	after := b.Snapshot().Revision
	for i := range removed {
		b.RemoveRelease(id(fmt.Sprint(i), "dev", "one"))
	}
	cases := map[string]struct {
		reason string
		after  int64
		lost   bool
	}{
		"Before":     {"Ten removals are forgotten, which this one has not heard of.", after, true},
		"Within":     {"This one has heard of those ten.", after + 10, false},
		"Beginning":  {"Whoever begins need not hear of what was.", 0, false},
		"OtherBoard": {"A revision that there was none of is another board's.", after + removed + 1, true},
	}
	for name, tc := range cases {
		if got := b.Changes(tc.after, 10); got.Lost != tc.lost {
			t.Errorf("%s: %s Lost is %v", name, tc.reason, got.Lost)
		}
	}
	if c := b.Changes(0, 10); len(c.Changes) != 0 && !c.More {
		t.Errorf("got %+v of an empty board", c)
	}
}

// TestBoardsAreToldApart: a daemon that was started again counts from 0 again.
func TestBoardsAreToldApart(t *testing.T) {
	c := newClock()
	a := status.NewBoard(c.Now)
	c.now = c.now.Add(time.Nanosecond)
	if b := status.NewBoard(c.Now); a.Changes(0, 1).Epoch == b.Changes(0, 1).Epoch {
		t.Error("two boards have the same epoch")
	}
}

// TestNothingIsClaimedOfAClusterThatDoesNotAnswer: its releases are unknown since then, and as before once it answers.
func TestNothingIsClaimedOfAClusterThatDoesNotAnswer(t *testing.T) {
	c := newClock()
	b := status.NewBoard(c.Now)
	healthy, other, elsewhere, fresh := id("a", "dev", "one"), id("a", "dev", "two"), id("b", "dev", "one"), id("c", "dev", "one")
	for _, name := range []string{"one", "two"} {
		b.SetCluster(status.Cluster{Name: name, Reachable: true})
	}
	for _, r := range []catalog.ReleaseID{healthy, other} {
		b.SetRelease(r, func(r *status.Release) { r.Result, r.Health = status.Applied, status.Healthy })
	}
	b.SetRelease(elsewhere, func(r *status.Release) { r.Result, r.Health = status.Elsewhere, status.Healthy })
	b.SetRelease(fresh, nothing)
	before := b.Snapshot()

	c.now = c.now.Add(time.Hour)
	away := c.now
	b.SetCluster(status.Cluster{Name: "one", Message: "timeout"})
	after := b.Snapshot()
	want := before.Releases[0]
	want.Health, want.Since, want.Message = status.Unknown, away, "cluster one does not answer; last seen healthy"
	got, _ := b.Release(healthy)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a release of the cluster (-want +got):\n%s", diff)
	}
	if got.Fine() || got.Settled() {
		t.Error("it is fine all the same")
	}
	if diff := cmp.Diff(before.Releases[1:], after.Releases[1:]); diff != "" {
		t.Errorf("a release of another cluster, of another replica, or of which nothing was known (-want +got):\n%s", diff)
	}
	told := 0
	for _, change := range b.Changes(before.Revision, 100).Changes {
		if change.Release != nil {
			told++
		}
	}
	if told == 0 {
		t.Error("whoever follows is not told")
	}

	// What the reconciler says meanwhile is kept, and what was last seen of a cluster is no newer for it.
	b.SetRelease(healthy, func(r *status.Release) { r.Result, r.Message = status.Retrying, "timeout" })
	if got, _ := b.Release(healthy); got.Message != "timeout" || got.Result != status.Retrying || got.Health != status.Unknown {
		t.Errorf("got %+v", got)
	}
	b.SetRelease(healthy, func(r *status.Release) { r.Result, r.Message = status.Applied, "" })
	b.SetCluster(status.Cluster{Name: "one", Reachable: true})
	if got, _ := b.Release(healthy); got.Health != status.Healthy {
		t.Errorf("got %+v once the cluster answers", got)
	}
}

// TestLastSeen: whatever was seen of a release of a cluster that does not answer, it is unknown since then, and says what was seen.
func TestLastSeen(t *testing.T) {
	for name, tc := range map[string]struct {
		reason  string
		result  status.Result
		health  status.Health
		message string // what was said of it before
		want    string
		unknown bool
	}{
		"Healthy":     {"It may have failed since.", status.Applied, status.Healthy, "", "cluster one does not answer; last seen healthy", true},
		"Progressing": {"It may be ready since.", status.Applied, status.Progressing, "0 of 1 ready", "cluster one does not answer; last seen progressing: 0 of 1 ready", true},
		"Stalled":     {"It may have been helped since.", status.Applied, status.Stalled, "no metrics", "cluster one does not answer; last seen stalled: no metrics", true},
		"Unhealthy":   {"What failed may be gone since.", status.Applied, status.Unhealthy, "the Job failed", "cluster one does not answer; last seen failed: the Job failed", true},
		"Applying":    {"A run that was on its way has not ended.", status.Applying, status.Progressing, "waiting for a", "cluster one does not answer; last seen progressing: waiting for a", true},
		"Retrying":    {"What a run has failed with since is newer.", status.Retrying, status.Healthy, "timeout", "timeout", true},
		"Pending":     {"Of what nothing was known nothing is claimed.", status.Pending, status.Unknown, "", "", true},
		"Elsewhere":   {"Another replica knows more.", status.Elsewhere, status.Healthy, "kept by r2", "kept by r2", false},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClock()
			b := status.NewBoard(c.Now)
			r := id("a", "dev", "one")
			b.SetCluster(status.Cluster{Name: "one", Reachable: true})
			b.SetRelease(r, func(r *status.Release) { r.Result, r.Health, r.Message = tc.result, tc.health, tc.message })
			before, _ := b.Release(r)
			c.now = c.now.Add(time.Hour)
			b.SetCluster(status.Cluster{Name: "one", Message: "timeout"})
			got, _ := b.Release(r)
			if got.Message != tc.want || (got.Health == status.Unknown) != tc.unknown || got.Fine() && tc.unknown {
				t.Errorf("%s\ngot %s %q, want %q", tc.reason, got.Health, got.Message, tc.want)
			}
			b.SetCluster(status.Cluster{Name: "one", Reachable: true})
			after, _ := b.Release(r)
			if diff := cmp.Diff(before, after); diff != "" {
				t.Errorf("%s\nonce it answers again (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestAcceptedCommitIsDescribed(t *testing.T) {
	head := &status.Commit{Hash: "1", Subject: "first", Author: "Ann"}
	cases := map[string]struct {
		reason         string
		accepted, head *status.Commit
		want           string
	}{
		"Resumed":  {"The newest commit is the one that was resumed.", &status.Commit{Hash: "1"}, head, "first"},
		"Older":    {"Another commit's subject is not its.", &status.Commit{Hash: "0"}, head, ""},
		"Known":    {"What is known stays.", &status.Commit{Hash: "1", Subject: "as it was"}, head, "as it was"},
		"Told":     {"It was told of before.", &status.Commit{Hash: "described"}, nil, "told before"},
		"Headless": {"The server may be away.", &status.Commit{Hash: "1"}, nil, ""},
	}
	for name, tc := range cases {
		b := status.NewBoard(newClock().Now)
		b.Describe(status.Commit{Hash: "described", Subject: "told before"})
		b.SetSource(func(s *status.Source) { s.Accepted = tc.accepted })
		b.SetSource(func(s *status.Source) { s.Head = tc.head })
		if got := b.Snapshot().Source.Accepted.Subject; got != tc.want {
			t.Errorf("%s: %s The subject is %q, want %q", name, tc.reason, got, tc.want)
		}
	}
}

// TestAResumedCommitKeepsItsSubject: a daemon sets head and accepted commit to nothing but a hash when it resumes.
func TestAResumedCommitKeepsItsSubject(t *testing.T) {
	b := status.NewBoard(newClock().Now)
	b.Describe(status.Commit{Hash: "1", Subject: "first", Author: "Ann"})
	b.SetSource(func(s *status.Source) { s.Head, s.Accepted = &status.Commit{Hash: "1"}, &status.Commit{Hash: "1"} })
	got := b.Snapshot().Source
	if got.Head.Subject != "first" || got.Accepted.Author != "Ann" {
		t.Errorf("got %+v and %+v", got.Head, got.Accepted)
	}
}

func TestChanged(t *testing.T) {
	b := status.NewBoard(newClock().Now)
	changed := b.Changed(0)
	select {
	case <-changed:
		t.Error("nothing has changed")
	default:
	}
	b.SetName("acme")
	<-changed
	<-b.Changed(0)  // behind
	<-b.Changed(99) // another board's
	ended, cancel := context.WithCancel(t.Context())
	cancel()
	if p := b.Wait(ended, 1); p.Revision != 1 {
		t.Errorf("got revision %d", p.Revision)
	}
}
