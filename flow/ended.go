// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
)

// Ended is a run that has ended.
type Ended struct {
	Release  catalog.ReleaseID
	Workload string
	Lot      lot.Lot
	Attempt  string
	// Outcome is "made", "failed", "lost" if that says nothing of the workload, or "needless" if someone else has made the lot meanwhile. Why
	// says more; it may be empty.
	Outcome, Why string
	// Took is how long its Job took; 0 if that is not known.
	Took time.Duration
}

// Made reports whether the run made its lot.
func (e Ended) Made() bool { return e.Outcome == string(cameMade) }

// ended is what is told of some work that ended a run.
func (d done) ended() Ended {
	e := Ended{
		Release: d.target.release, Workload: d.target.workload, Lot: d.key.lot, Attempt: d.attempt.String(), Outcome: string(d.came), Why: d.why,
	}
	if d.job != nil && d.job.Ended.After(d.job.Created) {
		e.Took = d.job.Ended.Sub(d.job.Created)
	}
	return e
}

// noted takes that it was just noted at a Job what came of it, which is told later: until then nothing more is to be done about it. In a
// cluster that is lost it is noted once that is back.
func (s *state) noted(d done) {
	if d.job == nil || d.came == cameStarted {
		return
	}
	for _, f := range s.fleets {
		all := f.jobs[s.name][d.key]
		if j, there := all[d.job.Name]; there && f.name == d.job.Cluster && j.UID == d.job.UID && j.Outcome == "" && !f.lost.Load() {
			j.Outcome = string(d.came)
			all[j.Name] = j
		}
	}
}
