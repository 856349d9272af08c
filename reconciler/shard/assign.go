// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"cmp"
	"slices"
)

// owners says which replica has each bucket, by the name of its Lease; empty where there is none.
type owners [buckets]string

// of returns the buckets of a replica.
func (o *owners) of(replica string) set {
	var s set
	for b := range bucket(buckets) {
		if o[b] == replica {
			s = s.with(b)
		}
	}
	return s
}

// load is the work of each bucket, in milliseconds as [measure] counts them.
type load [buckets]int64

// idle is what a bucket counts beside its measured work: releases at rest take memory and watches, and when nothing
// was measured yet the buckets are to be spread by number. It is a second of work.
const idle = 1000

// A rebalance begins when the busiest replica has more, or the idlest less, than a quarter off the mean; it then goes
// on to a tenth. With one number for both, work that goes up and down around it would move buckets for ever.
const (
	unbalanced = 25 // percent
	balanced   = 10 // percent
)

// placement is what an assignment is made from.
type placement struct {
	work load
	// replicas are those that may be given buckets, in any order.
	replicas []string
	// pinned is an owner that is not among them, but may be at work: its buckets stay where they are.
	pinned func(owner string) bool
	// spread is false if one replica is to have everything.
	spread bool
	// rebalance allows buckets to be taken from a replica that is alive.
	rebalance bool
	before    owners
}

// assign returns every bucket an owner. Buckets stay where they are as far as possible: those whose owner is gone go to
// whoever has least to do, and others move only when that is worth it. The order of replicas does not matter. With
// no replica, nothing changes.
func assign(p placement) owners {
	next := p.before
	if len(p.replicas) == 0 {
		return next
	}
	replicas := slices.Sorted(slices.Values(p.replicas))
	var orphans []bucket
	for b := range bucket(buckets) {
		_, alive := slices.BinarySearch(replicas, next[b])
		if !alive && (next[b] == "" || !p.pinned(next[b])) {
			orphans = append(orphans, b)
		}
	}
	if !p.spread {
		return concentrate(p, next, replicas, orphans)
	}
	totals := totals(p, &next, replicas)
	// The heaviest first, since light ones even out what those left uneven.
	slices.SortStableFunc(orphans, func(a, b bucket) int { return cmp.Compare(p.weight(b), p.weight(a)) })
	for _, b := range orphans {
		_, to := extremes(totals)
		next[b] = replicas[to]
		totals[to] += p.weight(b)
	}
	if p.rebalance {
		rebalance(p, &next, replicas, totals)
	}
	return next
}

func (p *placement) weight(b bucket) int64 { return p.work[b] + idle }

// concentrate returns everything to the replica that has most already.
func concentrate(p placement, next owners, replicas []string, orphans []bucket) owners {
	best := replicas[0]
	for _, r := range replicas {
		if next.of(r).len() > next.of(best).len() {
			best = r
		}
	}
	for _, b := range orphans {
		next[b] = best
	}
	if p.rebalance {
		for b := range bucket(buckets) {
			if slices.Contains(replicas, next[b]) {
				next[b] = best
			}
		}
	}
	return next
}

func totals(p placement, o *owners, replicas []string) []int64 {
	sums := make([]int64, len(replicas))
	for b := range bucket(buckets) {
		if i, ok := slices.BinarySearch(replicas, o[b]); ok {
			sums[i] += p.weight(b)
		}
	}
	return sums
}

// extremes finds who has most to do and who has least; the first of equals.
func extremes(sums []int64) (most, least int) {
	for i, v := range sums {
		if v > sums[most] {
			most = i
		}
		if v < sums[least] {
			least = i
		}
	}
	return most, least
}

// off reports whether a replica's share is further from the mean than so many percent of it.
func off(sums []int64, percent int64) bool {
	var sum int64
	for _, v := range sums {
		sum += v
	}
	mean := sum / int64(len(sums))
	most, least := extremes(sums)
	return sums[most] > mean+mean*percent/100 || sums[least] < mean-mean*percent/100
}

// rebalance moves buckets from the busiest replica to the idlest. Each move is the one that brings the two closest
// together, and is made only if the busier of them is less busy afterwards; so it ends.
func rebalance(p placement, next *owners, replicas []string, sums []int64) {
	if !off(sums, unbalanced) {
		return
	}
	for off(sums, balanced) {
		from, to := extremes(sums)
		gap := sums[from] - sums[to]
		best, left := bucket(-1), gap
		for b := range next.of(replicas[from]).all() {
			w := p.weight(b)
			if rest := max(gap-2*w, 2*w-gap); w < gap && rest < left {
				best, left = b, rest
			}
		}
		if best < 0 {
			return
		}
		next[best] = replicas[to]
		sums[from] -= p.weight(best)
		sums[to] += p.weight(best)
	}
}
