// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"maps"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/flow/jobs"
)

const (
	// keepMade and keepFailed are how long Jobs stay that have ended, for people to look at.
	keepMade, keepFailed = 15 * time.Minute, 24 * time.Hour
	// cleanAgain is the pause after a Job could not be removed for the first time; each one after that is twice as long, up to cleanMost.
	cleanAgain, cleanMost = time.Minute, time.Hour
)

// removal is that of a Job, which is under way or failed.
type removal struct {
	busy  bool
	tries int
	next  time.Time
}

// cleaned is the event that it was tried to remove a Job.
type cleaned struct {
	state *state
	job   jobs.Job
	err   error
}

// old are the Jobs to remove now: they ended a while ago, and are not being removed. What is known of Jobs that are gone is forgotten.
func (s *state) old(now time.Time) (all []jobs.Job) {
	there := map[types.UID]bool{}
	for _, j := range s.jobs() {
		there[j.UID] = true
		keep := keepMade
		if j.Failed {
			keep = keepFailed
		}
		if j.Outcome == "" || j.Ended.IsZero() || now.Sub(j.Ended) < keep || !s.mine(j) {
			continue
		}
		if r := s.removals[j.UID]; !r.busy && !now.Before(r.next) {
			all = append(all, j)
		}
	}
	gone := func(id types.UID) bool { return !there[id] }
	maps.DeleteFunc(s.removals, func(id types.UID, _ removal) bool { return gone(id) })
	maps.DeleteFunc(s.logging.tried, func(id types.UID, _ string) bool { return gone(id) })
	return all
}

// clean has Jobs removed that ended a while ago. A log that is to be kept and is not known to be is kept before: the daemon may have ended
// between. That takes no room from others, since a node may hang.
func (l *loop) clean(s *state, now time.Time) {
	at, kept := l.upkeep[s]
	if !kept {
		return
	}
	d := s.declared
	for _, j := range s.old(now) {
		f, w := l.fleets[j.Cluster], l.workers.get(j.Cluster)
		if f == nil || !f.complete || f.away {
			continue // which Jobs there are is not known
		}
		r := s.removals[j.UID]
		r.busy = true
		s.removals[j.UID] = r
		as := s.targets[j.Cluster][j.Workload].as
		outcome, unlogged := s.unlogged(j)
		l.beside.Go(func() {
			if unlogged {
				if err := l.keep(s, d, j, as, outcome); err != nil && l.ctx.Err() == nil {
					l.opts.Log.Warn("a run that has ended is removed, and its log is not kept", "job", j.Namespace+"/"+j.Name, "err", err.Error())
				}
			}
			if at.room.Acquire(l.ctx, 1) != nil {
				return
			}
			defer at.room.Release(1)
			l.tell(cleaned{s, j, w.cluster.Delete(l.ctx, as, j)})
		})
	}
}

// cleaned takes that it was tried to remove a Job. That it cannot be is said once of each.
func (l *loop) cleaned(e cleaned) {
	if e.err == nil || l.ctx.Err() != nil {
		// It goes once the watch says so; if it does not, it is tried again.
		e.state.removals[e.job.UID] = removal{next: l.opts.Now().Add(cleanMost)}
		return
	}
	r := e.state.removals[e.job.UID]
	wait := min(cleanMost, cleanAgain<<min(r.tries, 10))
	if r.tries == 0 {
		l.opts.Log.Warn("cannot remove a run that has ended; it is tried again", "job", e.job.Namespace+"/"+e.job.Name, "err", e.err.Error())
	}
	e.state.removals[e.job.UID] = removal{tries: r.tries + 1, next: l.opts.Now().Add(wait)}
}
