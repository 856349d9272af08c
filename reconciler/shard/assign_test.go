// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
)

// counts returns how many buckets each replica has.
func counts(o owners) map[string]int {
	out := map[string]int{}
	for _, name := range o {
		out[name]++
	}
	return out
}

// given makes owners from numbers of buckets, in order.
func given(parts ...any) owners {
	var o owners
	b := 0
	for i := 0; i < len(parts); i += 2 {
		for range parts[i+1].(int) {
			o[b] = parts[i].(string)
			b++
		}
	}
	return o
}

func TestAssign(t *testing.T) {
	busy := func(heavy ...bucket) load {
		var w load
		for _, b := range heavy {
			w[b] = 60_000
		}
		return w
	}
	for name, tt := range map[string]struct {
		reason string
		in     placement
		want   map[string]int
	}{
		"first": {
			reason: "all that is nobody's is spread by number when nothing was measured",
			in:     placement{replicas: []string{"a", "b"}, spread: true},
			want:   map[string]int{"a": 32, "b": 32},
		},
		"nobody": {
			reason: "without replicas everything stays",
			in:     placement{spread: true, before: given("a", 64), pinned: func(string) bool { return false }},
			want:   map[string]int{"a": 64},
		},
		"killed": {
			reason: "what a replica had that is gone goes to the others, who keep what they have",
			in:     placement{replicas: []string{"a", "c"}, spread: true, before: given("a", 22, "b", 21, "c", 21), pinned: func(string) bool { return false }},
			want:   map[string]int{"a": 32, "c": 32},
		},
		"pinned": {
			reason: "what may still be under way stays where it is",
			in:     placement{replicas: []string{"a", "c"}, spread: true, rebalance: true, before: given("a", 22, "b", 21, "c", 21), pinned: func(string) bool { return true }},
			want:   map[string]int{"a": 22, "b": 21, "c": 21},
		},
		"joined, at once": {
			reason: "a new replica gets nothing before it is time to take from others",
			in:     placement{replicas: []string{"a", "b"}, spread: true, before: given("a", 64)},
			want:   map[string]int{"a": 64},
		},
		"joined": {
			reason: "then it gets its share, to within the tenth that is not worth a move",
			in:     placement{replicas: []string{"a", "b"}, spread: true, rebalance: true, before: given("a", 64)},
			want:   map[string]int{"a": 35, "b": 29},
		},
		"nearly even": {
			reason: "a difference of a few is not worth a hand-over",
			in:     placement{replicas: []string{"a", "b"}, spread: true, rebalance: true, before: given("a", 38, "b", 26)},
			want:   map[string]int{"a": 38, "b": 26},
		},
		"measured": {
			reason: "two busy buckets at one replica are parted: one moves, and nothing else",
			in:     placement{replicas: []string{"a", "b"}, spread: true, rebalance: true, before: given("a", 32, "b", 32), work: busy(0, 1)},
			want:   map[string]int{"a": 31, "b": 33},
		},
		"one busy bucket": {
			reason: "a bucket cannot be cut in two; the others of its replica move as long as that helps",
			in:     placement{replicas: []string{"a", "b"}, spread: true, rebalance: true, before: given("a", 32, "b", 32), work: busy(0)},
			want:   map[string]int{"a": 8, "b": 56},
		},
		"leader": {
			reason: "without shards the replica with most has everything",
			in:     placement{replicas: []string{"a", "b"}, rebalance: true, before: given("a", 30, "b", 34)},
			want:   map[string]int{"b": 64},
		},
		"leader stays": {
			reason: "one that joins does not become the leader, whatever its name",
			in:     placement{replicas: []string{"a", "b"}, rebalance: true, before: given("b", 64)},
			want:   map[string]int{"b": 64},
		},
		"leader is gone": {
			reason: "then the first takes over",
			in:     placement{replicas: []string{"c", "b"}, before: given("a", 64), pinned: func(string) bool { return false }},
			want:   map[string]int{"b": 64},
		},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tt.want, counts(assign(tt.in))); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tt.reason, diff)
			}
		})
	}
}

func TestAssignHolds(t *testing.T) {
	names := []string{"a", "b", "c", "d", "e", "f", "g"}
	rapid.Check(t, func(t *rapid.T) {
		alive := rapid.SliceOfNDistinct(rapid.SampledFrom(names), 1, len(names), rapid.ID[string]).Draw(t, "alive")
		maybe := rapid.SampledFrom(names).Draw(t, "pinned")
		p := placement{
			replicas: alive, spread: rapid.Bool().Draw(t, "spread"), rebalance: rapid.Bool().Draw(t, "rebalance"),
			pinned: func(name string) bool { return name == maybe },
		}
		for b := range p.before {
			p.before[b] = rapid.SampledFrom(append(names, "")).Draw(t, "owner")
			p.work[b] = rapid.OneOf(rapid.Int64Range(0, 5000), rapid.Int64Range(0, maxWork)).Draw(t, "work")
		}
		got := assign(p)
		for b, owner := range got {
			if !slices.Contains(alive, owner) && (owner != maybe || p.before[b] != maybe) {
				t.Fatalf("bucket %d is given to %q, which is not alive: %v", b, owner, alive)
			}
			if before := p.before[b]; !p.rebalance && slices.Contains(alive, before) && owner != before {
				t.Fatalf("bucket %d moves from %s, which is alive, to %s", b, before, owner)
			}
		}
		shuffled := p
		shuffled.replicas = rapid.Permutation(alive).Draw(t, "shuffled")
		if again := assign(shuffled); again != got {
			t.Fatalf("another order gives another assignment: %s", cmp.Diff(got, again))
		}
		p.before = got
		if again := assign(p); again != got {
			t.Fatalf("a second time moves more: %s", cmp.Diff(got, again))
		}
	})
}

func TestAssignIsEven(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		p := placement{spread: true, rebalance: true, pinned: func(string) bool { return false }}
		for i := range rapid.IntRange(1, 8).Draw(t, "replicas") {
			p.replicas = append(p.replicas, fmt.Sprint("r", i))
		}
		for b := range p.before {
			p.before[b] = rapid.SampledFrom(p.replicas).Draw(t, "owner")
			p.work[b] = rapid.Int64Range(0, 100_000).Draw(t, "work")
		}
		got := assign(p)
		sums := totals(p, &got, p.replicas)
		if !off(sums, unbalanced) {
			return
		}
		// Then no single bucket of the busiest can be moved so that things get better.
		most, least := extremes(sums)
		for b := range got.of(p.replicas[most]).all() {
			if p.weight(b) < sums[most]-sums[least] {
				t.Fatalf("%v: bucket %d of %d should have moved", sums, b, p.weight(b))
			}
		}
	})
}

func TestBucketsOfReleases(t *testing.T) {
	// These must never change: replicas of two versions would both take a release for theirs.
	got := map[string]bucket{}
	for _, id := range []catalog.ReleaseID{
		{Project: "orders", Environment: "prod", Cluster: "eu"},
		{Project: "orders", Environment: "prod", Cluster: "us"},
		{Project: "orders", Environment: "dev", Cluster: "eu"},
	} {
		got[id.String()] = bucketOf(id)
	}
	want := map[string]bucket{"orders/prod@eu": 1, "orders/prod@us": 13, "orders/dev@eu": 0}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	var n [buckets]int
	for i := range 10_000 {
		n[bucketOf(catalog.ReleaseID{Project: fmt.Sprint("p", i), Environment: "prod", Cluster: "eu"})]++
	}
	if least, most := slices.Min(n[:]), slices.Max(n[:]); least < 110 || most > 210 {
		t.Errorf("of 10,000 releases a bucket has between %d and %d, want about 156", least, most)
	}
}
