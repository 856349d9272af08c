// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"fmt"
	"iter"
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/record"
	"trunkline.dev/trunkline/flow/run"
)

// An environment on several clusters has each of its lots made once, in the first of them that can be used: that answers, and has the
// template of the workload. One that does not answer is waited for; then it is lost, and what does not run there is made in the next.
// What runs there may be at work still, and is left alone until it must have ended.

const (
	// DefaultHandover is how long a cluster may not answer before its lots are made in the next.
	DefaultHandover = 5 * time.Minute
	// overdue is how long after the time of its end it is believed of a run that it has: clocks differ, and pods take time to end.
	overdue = 2 * time.Minute
)

// standing is what a cluster is good for.
type standing int

const (
	// awaited says that it is not known yet what it has.
	awaited standing = iota
	// reached says that it answers, and silent that it does not at the moment.
	reached
	silent
	// lost says that it has not answered for so long that nothing is expected of it.
	lost
)

// standing is that of a cluster at a time.
func (f *fleet) standing(now time.Time, handover time.Duration) standing {
	switch {
	case f.complete && !f.away:
		return reached
	case now.Sub(f.since) >= handover:
		return lost
	case f.complete:
		return silent
	default:
		return awaited
	}
}

// quiet notes that it is not known from now on what a cluster has.
func (f *fleet) quiet(now time.Time) {
	if f.complete && !f.away {
		f.since = now
	}
}

// absence says that a cluster does not answer.
func (f *fleet) absence() string {
	by := fmt.Sprintf("the cluster %q, which does not answer", f.name)
	if f.why != "" {
		by += " (" + f.why + ")"
	}
	return by
}

// home is where the lots of a workload are made, and what they are made by.
type home struct {
	cluster  string
	template jobs.Template
	// hold is what holds them, if anything does.
	hold plan.Hold
}

// digest tells the template from others, and from that of the same workload in another cluster: attempts of two clusters are never called
// alike, since each writes to a folder of its own.
func (h home) digest() string { return short(h.cluster+"\x00"+h.template.Digest, digestLength) }

// several reports whether there is more than one cluster to choose from.
func (s *state) several() bool { return len(s.fleets) > 1 }

// stand looks how the clusters of an environment are. It returns those that have become lost, or are not any more.
func (s *state) stand(now time.Time, handover time.Duration) (changed []int) {
	if !s.several() {
		return nil
	}
	for i, f := range s.fleets {
		is := f.standing(now, handover)
		f.lost.Store(is == lost)
		if was := s.standings[i]; is != was {
			s.standings[i] = is
			s.unplanned()
			if is == lost || was == lost {
				changed = append(changed, i)
				s.unread = s.unread || is == lost
			}
		}
		s.handovers[i] = f.since.Add(handover)
	}
	return changed
}

// known reports whether there is enough to plan by: all Jobs were seen, so far as a cluster that is lost does not keep the others waiting,
// what is to be remembered was read, and of the stores something is known. What is not known yet is held.
func (s *state) known() bool {
	if s.stock == nil || !s.recorded {
		return false
	}
	if !s.several() {
		return s.fleets[0].complete
	}
	for _, is := range s.standings {
		if is != lost {
			return is != awaited
		}
	}
	return false
}

// homeOf is where the lots of a workload are made now; false if nowhere.
func (s *state) homeOf(arc string) (home, bool) {
	for i, f := range s.fleets {
		t, there := f.templateOf(s.declared, arc)
		switch {
		case !there:
			continue
		case !s.several() || s.standings[i] == reached:
			return home{cluster: f.name, template: t}, true
		case s.standings[i] == silent:
			by := f.absence()
			if i+1 < len(s.fleets) {
				by += ": its lots are made in another one from then on"
			}
			return home{f.name, t, plan.Hold{By: by, Until: s.handovers[i].UTC()}}, true
		}
	}
	return home{}, false
}

// homes are those of all workloads that have one.
func (s *state) homes() map[string]home {
	out := map[string]home{}
	for _, id := range s.declared.graph.Arcs() {
		if h, ok := s.homeOf(id); ok {
			out[id] = h
		}
	}
	return out
}

// changed reports whether a template of the environment has changed since that was asked last.
func (s *state) changed() (is bool) {
	for _, f := range s.fleets {
		is = is || f.changed[s.name]
	}
	return is
}

// jobs are the Jobs of the environment, in all of its clusters.
func (s *state) jobs() iter.Seq2[arcLot, jobs.Job] {
	return func(yield func(arcLot, jobs.Job) bool) {
		for _, f := range s.fleets {
			for key, all := range f.jobs[s.name] {
				for _, j := range all {
					if !yield(key, j) {
						return
					}
				}
			}
		}
	}
}

// jobsOf are those of a lot.
func (s *state) jobsOf(key arcLot) (all []jobs.Job) {
	for _, f := range s.fleets {
		for _, j := range f.jobs[s.name][key] {
			all = append(all, j)
		}
	}
	return all
}

// given are the runs of clusters that are lost whose time is over: it is written down that nothing came of them, so that nothing can come of
// them any more, and their lots are made elsewhere.
func (s *state) given(now time.Time) (todo []work) {
	if s.planner == nil || s.stale {
		return nil
	}
	for i, f := range s.fleets {
		if !s.several() || s.standings[i] != lost {
			continue
		}
		for key, all := range f.jobs[s.name] {
			for _, j := range all {
				a, ours := parseAttempt(j.Attempt)
				if r := s.runs[key]; !ours || j.Outcome != "" || s.busy[key] || !s.mine(j) || !j.Ended.IsZero() || !over(j, now) || r.Attempt != a.number || r.Digest != a.digest || !r.Failed.IsZero() {
					continue
				}
				todo = append(todo, s.finish(key, a, j, true)...)
			}
		}
	}
	return todo
}

// fleetsOf are what is known of the clusters of an environment that anybody says how to reach. Those that are new are watched from now on.
func (l *loop) fleetsOf(d *declared) (fleets []*fleet) {
	for _, name := range d.clusters {
		if l.there[name] == nil {
			l.opts.Log.Warn("an environment keeps lots, and nobody says how this cluster of it is reached: nothing is run there", "environment", d.name, "cluster", name)
			continue
		}
		f := l.fleets[name]
		if f == nil {
			f = l.follow(name)
		}
		fleets = append(fleets, f)
	}
	return fleets
}

// recalled is the event that it was read which runs are written down to be under way.
type recalled struct {
	state *state
	runs  []record.Run
	err   error
}

// stand looks how the clusters of an environment are, and has it read which runs are under way in those that do not say it.
func (l *loop) stand(s *state, now time.Time) {
	for _, i := range s.stand(now, l.opts.Handover) {
		words := []any{"environment", s.name, "cluster", s.fleets[i].name}
		if s.standings[i] == lost {
			l.opts.Log.Warn("a cluster does not answer: lots that do not run there are made in the next of the environment", words...)
		} else {
			l.opts.Log.Info("a cluster answers again: lots are made there again", words...)
		}
	}
	if !s.unread || s.reading || !s.known() || now.Before(s.readAt) {
		return
	}
	s.reading = true
	records := s.records
	l.aside(s, func() {
		var runs []record.Run
		err := bucket.With(l.ctx, records, l.opts.Stores, func(f bucket.Folder) (err error) {
			runs, err = record.Runs(l.ctx, f)
			return err
		})
		l.tell(recalled{s, runs, err})
	})
}

// recalled takes which runs are written down to be under way.
func (l *loop) recalled(e recalled) {
	if l.upkeep[e.state] == nil {
		return
	}
	e.state.reading = false
	if e.err != nil {
		e.state.readAt = l.opts.Now().Add(l.opts.Interval)
		l.opts.Log.Warn("cannot read which runs are under way, and nothing is started; it is tried again", "environment", e.state.name, "err", e.err.Error())
		return
	}
	e.state.unread = false
	stale := e.state.remember(e.runs)
	if len(stale) == 0 {
		return
	}
	records, stores := e.state.records, l.opts.Stores
	l.aside(e.state, func() {
		err := bucket.With(l.ctx, records, stores, func(f bucket.Folder) error {
			for _, r := range stale {
				if err := record.End(l.ctx, f, r); err != nil {
					return err
				}
			}
			return nil
		})
		if err != nil && l.ctx.Err() == nil {
			l.opts.Log.Warn("cannot remove what was written down of runs that are not there", "environment", e.state.name, "err", err.Error())
		}
	})
}

// back looks again at the Jobs of a cluster that can be followed again: what came of those that have ended may not be noted at them, and
// some may only be written down to be there.
func (l *loop) back(f *fleet) {
	for name, of := range f.jobs {
		s := l.states[name]
		if s == nil || !s.several() || !slices.Contains(s.fleets, f) {
			continue
		}
		for _, all := range maps.Clone(of) {
			for _, j := range maps.Clone(all) {
				if j.UID == "" {
					l.happened(jobs.Event{Cluster: f.name, Kind: jobs.Gone, Job: &j})
				} else {
					l.do(s.has(j))
				}
			}
		}
	}
}

// over reports whether a Job that its cluster says nothing of must have ended.
func over(j jobs.Job, now time.Time) bool {
	return j.Timeout > 0 && now.After(j.Created.Add(j.Timeout+overdue))
}

// remember takes which runs are written down to be under way. Those of a cluster that has not said yet what it has are believed; it
// returns those that are not so.
func (s *state) remember(all []record.Run) (stale []record.Run) {
	for _, r := range all {
		key := arcLot{r.Workload, r.Lot}
		at := slices.IndexFunc(s.fleets, func(f *fleet) bool { return f.name == r.Cluster })
		target, declared := s.targets[r.Cluster][r.Workload]
		switch {
		case s.busy[key] || s.runs[key].Arc != "" && s.runs[key].Failed.IsZero():
		case at < 0 || !declared:
			stale = append(stale, r)
		case slices.ContainsFunc(s.jobsOf(key), func(j jobs.Job) bool { return j.Cluster == r.Cluster && j.Attempt == r.Attempt }):
		case s.standings[at] == reached:
			stale = append(stale, r)
		default:
			name := run.JobName(target.workload, r.Lot, r.Attempt)
			put(s.fleets[at].jobs, s.name, key, name, jobs.Job{
				Cluster: r.Cluster, Namespace: target.as.Namespace, Name: name, Environment: s.name, Workload: r.Workload, Lot: r.Lot, Attempt: r.Attempt,
				Created: r.Begun, Timeout: r.Timeout,
			})
		}
	}
	return stale
}
