// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"context"
	"errors"
	"sync"
	"time"
)

// ErrLost is the cause with which the context of a run ends when its release is given up, or when it is not sure any
// more that no other replica has it.
var ErrLost = errors.New("the release is another replica's now")

// runs keeps count of the runs under way, so that a bucket is handed over only when it has none, and measures them.
// Its methods are called with the coordinator's lock held.
type runs struct {
	active   [buckets]map[*run]bool
	measured [buckets]measure
}

type run struct {
	bucket bucket
	cancel context.CancelCauseFunc
	began  time.Time
	ended  sync.Once
}

func (r *runs) begin(x *run) {
	if r.active[x.bucket] == nil {
		r.active[x.bucket] = map[*run]bool{}
	}
	r.active[x.bucket][x] = true
}

func (r *runs) end(x *run, now time.Time) {
	delete(r.active[x.bucket], x)
	r.measured[x.bucket].add(now, now.Sub(x.began))
}

// busy are the buckets that have runs under way.
func (r *runs) busy() set {
	var s set
	for b := range bucket(buckets) {
		if len(r.active[b]) > 0 {
			s = s.with(b)
		}
	}
	return s
}

// cancel ends the runs of some buckets; they may take their time.
func (r *runs) cancel(of set) {
	for b := range of.all() {
		for x := range r.active[b] {
			x.cancel(ErrLost)
		}
	}
}

// load returns the work of some buckets.
func (r *runs) load(now time.Time, of set) load {
	var w load
	for b := range of.all() {
		w[b] = r.measured[b].rounded(now)
	}
	return w
}
