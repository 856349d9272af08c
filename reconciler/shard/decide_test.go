// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// leaseOf is the Lease of a replica.
func leaseOf(t *testing.T, name string, r record) coordinationv1.Lease {
	t.Helper()
	text, err := r.encode()
	if err != nil {
		t.Fatal(err)
	}
	holder, seconds := "someone", int32(20)
	return coordinationv1.Lease{
		ObjectMeta: metav1.ObjectMeta{Name: name, ResourceVersion: "7", Annotations: map[string]string{annotationReplica: text}},
		Spec:       coordinationv1.LeaseSpec{HolderIdentity: &holder, LeaseDurationSeconds: &seconds},
	}
}

// holding is the Lease of the assignment.
func holding(t *testing.T, a *assignment) coordinationv1.Lease {
	t.Helper()
	text, err := a.encode()
	if err != nil {
		t.Fatal(err)
	}
	return coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{
		Name: "g.assignment", UID: "u", ResourceVersion: "9", Annotations: map[string]string{annotationAssignment: text},
	}}
}

// TestWhenABucketIsBegun is about a replica "g.a" that is given bucket 0, which "g.b" had until epoch 5.
func TestWhenABucketIsBegun(t *testing.T) {
	at := func(epoch int64) seen { return seen{uid: "u/x", epoch: epoch} }
	a := &assignment{id: "x", epoch: 6, members: []string{"g.a", "g.b"}, owners: given("g.a", 1, "g.b", 63)}
	for b := range a.since {
		a.since[b] = 1
	}
	a.since[0] = 5
	old := *a
	old.epoch = 4
	old.since[0] = 1
	for name, tt := range map[string]struct {
		reason string
		// mine is what we have published, and other what the other one has.
		mine, other record
		change      func(b *coordinationv1.Lease)
		// silent is for how long the other's Lease has not changed.
		silent time.Duration
		gone   bool
		seen   seen // by us
		stored *assignment
		want   bool
		// ends reports whether the other's Lease is to be marked as ended.
		ends bool
		says string
	}{
		"let go":           {reason: "the other has seen that it lost the bucket, and has let go", mine: record{seen: at(6)}, other: record{seen: at(5), holds: every &^ 1}, want: true},
		"at it":            {reason: "the other has seen it and is not done", mine: record{seen: at(6)}, other: record{seen: at(6), holds: every}},
		"not seen":         {reason: "the other goes by an older assignment, by which it may begin a run", mine: record{seen: at(6)}, other: record{seen: at(4)}},
		"seen another":     {reason: "the other goes by an assignment that was lost", mine: record{seen: at(6)}, other: record{seen: seen{uid: "u/y", epoch: 9}}},
		"new":              {reason: "the other has never gone by any", mine: record{seen: at(6)}, other: record{}, want: true},
		"not published":    {reason: "others cannot know yet that we have seen it", mine: record{seen: at(4)}, other: record{seen: at(6)}},
		"published enough": {reason: "what came after the bucket moved does not matter", mine: record{seen: at(5)}, other: record{seen: at(5), holds: every &^ 1}, want: true},
		"silent":           {reason: "the Lease of the other is over, but a renewal may be on its way", mine: record{seen: at(6)}, other: record{seen: at(4), holds: every}, silent: 20 * time.Second, ends: true},
		"nearly silent":    {reason: "the Lease of the other holds", mine: record{seen: at(6)}, other: record{seen: at(4), holds: every}, silent: 19 * time.Second},
		"ended": {
			reason: "no renewal can come through any more", mine: record{seen: at(6)}, other: record{seen: at(4), holds: every}, want: true,
			change: func(b *coordinationv1.Lease) { *b = *ended(b) },
		},
		"deleted":      {reason: "who deletes a Lease does not stop its replica", mine: record{seen: at(6)}, gone: true, silent: 19 * time.Second},
		"deleted long": {reason: "but that the Lease is gone does, in time", mine: record{seen: at(6)}, gone: true, silent: 20 * time.Second, want: true},
		"lasts longer": {
			reason: "the other was started with a longer duration", mine: record{seen: at(6)}, other: record{seen: at(4), holds: every}, silent: 59 * time.Second,
			change: func(b *coordinationv1.Lease) { seconds := int32(60); b.Spec.LeaseDurationSeconds = &seconds },
		},
		"lasts for ever": {
			reason: "a Lease may ask for ten minutes at most", mine: record{seen: at(6)}, other: record{seen: at(4), holds: every}, silent: 10 * time.Minute, ends: true,
			change: func(b *coordinationv1.Lease) { seconds := int32(1 << 30); b.Spec.LeaseDurationSeconds = &seconds },
		},
		"damaged": {
			reason: "nothing is known of the other", mine: record{seen: at(6)}, other: record{seen: at(6)}, says: "the Lease g.b cannot be read",
			change: func(b *coordinationv1.Lease) { b.Annotations[annotationReplica] = `{"v":1,"holds":"xyz"}` },
		},
		"of another version": {
			reason: "nothing is known of the other", mine: record{seen: at(6)}, other: record{seen: at(6)}, says: "version 2 of the protocol",
			change: func(b *coordinationv1.Lease) { b.Annotations[annotationReplica] = `{"v":2}` },
		},
		"damaged and silent": {
			reason: "it is only waited for as long as it is renewed", mine: record{seen: at(6)}, silent: 20 * time.Second, ends: true,
			change: func(b *coordinationv1.Lease) { b.Annotations = nil },
		},
		"went back":            {reason: "an old assignment was restored that we are beyond of", mine: record{seen: at(4)}, other: record{seen: at(4)}, seen: at(6), stored: &old, says: "went back"},
		"went back for others": {reason: "an old assignment was restored that the other is beyond of", mine: record{seen: at(4)}, other: record{seen: at(6)}, stored: &old, says: "went back"},
	} {
		t.Run(name, func(t *testing.T) {
			stored := a
			if tt.stored != nil {
				stored = tt.stored
			}
			leases := []coordinationv1.Lease{holding(t, stored), leaseOf(t, "g.a", tt.mine)}
			if !tt.gone {
				b := leaseOf(t, "g.b", tt.other)
				if tt.change != nil {
					tt.change(&b)
				}
				leases = append(leases, b)
			}
			first := time.Now()
			asked := first.Add(tt.silent)
			var m memory
			for _, now := range []time.Time{first, asked} {
				s := read("g", tt.seen, leases)
				m.observe(&s, now, now, 20*time.Second)
			}
			s := read("g", tt.seen, leases)
			d := decide(self{name: "g.a", seen: tt.seen}, &s, &m, asked, timing{duration: 20 * time.Second, rebalance: time.Hour})
			if d.lost != nil {
				t.Fatal(d.lost)
			}
			if got := d.begin.has(0); got != tt.want {
				t.Errorf("%s: the bucket is begun: %t, want %t", tt.reason, got, tt.want)
			}
			if got := len(d.end) > 0; got != tt.ends {
				t.Errorf("%s: the other's Lease is to be ended: %t, want %t", tt.reason, got, tt.ends)
			}
			said := ""
			for _, err := range d.problems {
				said += err.Error()
			}
			if !strings.Contains(said, tt.says) || (tt.says == "") != (said == "") {
				t.Errorf("people read %q, want something of %q", said, tt.says)
			}
		})
	}
}

func TestWhatALostAssignmentIsMadeOf(t *testing.T) {
	leases := []coordinationv1.Lease{
		leaseOf(t, "g.a", record{shards: true, holds: 0b0011}), leaseOf(t, "g.b", record{shards: true, holds: every &^ 0b0011}),
	}
	first := time.Now()
	var m memory
	decided := func(after time.Duration) decision {
		// They are alive: their Leases change.
		for i := range leases {
			leases[i].ResourceVersion += "0"
		}
		s := read("g", seen{}, leases)
		m.observe(&s, first.Add(after), first.Add(after), 20*time.Second)
		return decide(self{name: "g.a"}, &s, &m, first.Add(after), timing{duration: 20 * time.Second, rebalance: time.Hour})
	}
	for _, after := range []time.Duration{0, 19 * time.Second} {
		if d := decided(after); d.write != nil || !d.missing || d.keep != every {
			t.Errorf("after %s a new one is made, which does not know who may be at work; or what is held is given up", after)
		}
	}
	d := decided(20 * time.Second)
	if d.write == nil {
		t.Fatal("no new assignment is made")
	}
	if diff := cmp.Diff(given("g.a", 2, "g.b", 62), d.write.owners); diff != "" {
		t.Errorf("everybody keeps what they have: -want +got:\n%s", diff)
	}
}

func TestOnlyTheFirstWrites(t *testing.T) {
	leases := []coordinationv1.Lease{leaseOf(t, "g.a", record{}), leaseOf(t, "g.b", record{}), {ObjectMeta: metav1.ObjectMeta{Name: "g.assignment"}}}
	for name, want := range map[string]int{"g.a": 1, "g.b": 0} {
		var m memory
		s := read("g", seen{}, leases)
		m.observe(&s, time.Now(), time.Now(), 20*time.Second)
		d := decide(self{name: name}, &s, &m, time.Now(), timing{duration: 20 * time.Second})
		if len(d.remove) != want || len(d.problems) != 1 {
			t.Errorf("%s removes %d damaged assignments, want %d; and says %v", name, len(d.remove), want, d.problems)
		}
	}
}
