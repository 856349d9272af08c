// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"slices"

	"trunkline.dev/trunkline/flow/jobs"
)

// happened takes an event of a cluster.
func (l *loop) happened(e jobs.Event) {
	f := l.fleets[e.Cluster]
	if e.Other != nil {
		l.other(f, e.Kind, *e.Other)
		return
	}
	if e.Job != nil { // it is that of who tells it
		j := *e.Job
		j.Cluster = f.name
		e.Job = &j
	}
	switch e.Kind {
	case jobs.Begins:
		f.quiet(l.opts.Now())
		f.complete = false
		clear(f.told)
	case jobs.Away:
		f.quiet(l.opts.Now())
		f.away, f.why = true, e.Why
	case jobs.Back:
		f.away = false
		l.back(f)
	case jobs.Complete:
		for _, left := range f.left() {
			left.Cluster = e.Cluster
			l.happened(left)
		}
		f.complete, f.away = true, false
	case jobs.Has:
		f.has(e)
		if s := l.stateOf(f, e.Job); s != nil {
			l.do(s.has(*e.Job))
		}
	case jobs.Gone:
		f.gone(e)
		if s := l.stateOf(f, e.Job); s != nil {
			if key := (arcLot{e.Job.Workload, e.Job.Lot}); s.busy[key] {
				s.missed[key] = *e.Job
			}
			l.do(s.gone(*e.Job))
		}
	}
}

// stateOf is that of the environment of a Job whose runs are in a cluster; nil if there is none.
func (l *loop) stateOf(f *fleet, j *jobs.Job) *state {
	if j == nil {
		return nil
	}
	if s := l.states[j.Environment]; s != nil && slices.Contains(s.fleets, f) {
		return s
	}
	return nil
}
