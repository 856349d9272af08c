// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"trunkline.dev/trunkline/plan/release"
)

// replica is one of several daemons. Each receives and renders all that is declared, and watches all clusters; it applies what is its own.
type replica struct {
	*world

	alive bool
	cpu   places
	write map[int]*writing
	asks  map[int]*places
}

// writing bounds the runs on a cluster; those that take long do not count.
type writing struct{ places }

// slow waits for a place, which is given back when the run is done or has taken long.
func (w *writing) slow(e *engine, run func(done func())) {
	w.take(func() {
		given := false
		give := func() {
			if !given {
				given = true
				w.give()
			}
		}
		e.after(slowRun, give)
		run(give)
	})
}

func (r *replica) writing(cluster int) *writing {
	if r.write[cluster] == nil {
		r.write[cluster] = &writing{places{free: maxWriting}}
	}
	return r.write[cluster]
}

func (r *replica) requests(cluster int) *places {
	if r.asks[cluster] == nil {
		r.asks[cluster] = &places{free: maxRequests}
	}
	return r.asks[cluster]
}

// receive takes a commit of a track, in which some releases are other than before, and has those that are its own roll it out.
func (r *replica) receive(track int, changed []*kept, commit string) {
	untouched := time.Duration(r.perTrack()-len(changed)) * r.Untouched
	r.cpu.work(r.engine, r.Receive+untouched, func() {
		for _, k := range changed {
			if r.RenderOwn && k.by != r {
				continue
			}
			r.cpu.work(r.engine, r.Render, func() {
				if k.by == r && r.alive {
					k.step(release.Declared{Target: r.target(track, commit), Settings: r.settings})
				}
			})
		}
	})
}
