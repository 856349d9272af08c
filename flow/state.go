// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"slices"
	"strings"
	"time"

	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/acts"
	"trunkline.dev/trunkline/flow/egress"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
	"trunkline.dev/trunkline/flow/survey"
)

// state is what is known of an environment. It does nothing itself: what is to be done is what its methods return.
type state struct {
	*declared

	// limits are those of an environment that declares none; missing holds workloads without a template, and held all of them by windows
	// and freezes.
	limits        plan.Limits
	missing, held []plan.Hold
	// fleets are what is known of its clusters, in their order, with what each is good for, and when it is lost if it does not answer.
	fleets    []*fleet
	standings []standing
	handovers []time.Time
	have
	// heard is set once a listing has ended, whatever could be listed. Recorded is once it was read
	// what is to be remembered. Trouble has why stores could not be listed last, by their location.
	heard, recorded bool
	trouble         map[string]string

	// graph is that of what runs, and runs are those that are under way or have failed, as the planner knows them. The planner is nil
	// before enough is known, and stale if it has to be made again; planning is what that is done of while it is.
	graph    *plan.Graph
	planner  *plan.Planner
	planning *planning
	stale    bool
	// renewed are the datasets of which something else is known as a whole than the planner was told.
	renewed map[string]bool
	runs    map[arcLot]plan.Run
	// recalled are those of them that are not known from this process, but from what an earlier one has left.
	recalled  map[arcLot]plan.Run
	replaying replaying
	expiring  expiring
	foreign   foreign
	logging   logging
	// removals are the Jobs that are to be removed and could not be.
	removals map[types.UID]removal
	// written is what people asked for, and heeded are the requests to try again that were met, with how many runs each was about; acted is
	// set if something was asked for since a listing began.
	written acts.Written
	heeded  map[string]int
	acted   bool
	// datasets are what was told last, and late which of them are late; dirty is set if something has changed since, and what is told
	// changes by itself at tallyNext.
	datasets           []Dataset
	late               map[string]Lateness
	dirty              bool
	tallied, tallyNext time.Time
	// unread is set while it is to be read which runs are written down to be under way, and reading while that is done; readAt is when it may
	// be tried again.
	unread, reading bool
	readAt          time.Time
	// where is in which cluster the lots of each workload are made.
	where map[string]string
	// busy are the lots that something is done about just now.
	busy map[arcLot]bool
	// missed are Jobs that went while something was done about their lots.
	missed map[arcLot]jobs.Job
	// refused are the events of tasks of Airflow of which nothing comes, by the dataset.
	refused report.Refused
	// facts are what others are to be told; nothing if nobody is.
	facts []egress.Fact
	// surveyed is set once the stores were listed, until it is asked whether anyone wants to be told all; fresh, if they were not before.
	surveyed, fresh bool
}

// work is something that takes time: a run is to be started, or what came of one is to be written down.
type work struct {
	state    *state
	declared *declared
	graph    *plan.Graph
	// target is in the cluster.
	cluster string
	target  target
	key     arcLot
	attempt attempt
	// start and template are those of a run to start. Doubted are the manifests of the lot that say that they count and are damaged, by their ETag.
	start    *plan.Start
	template jobs.Template
	doubted  map[survey.At]string
	// known are the lots that it reads and writes, as they were known when it was planned; supposed, if that is but what a snapshot says.
	known    map[survey.At]survey.Lot
	supposed bool
	// job is the one that has ended, or, if it is lost, that is not there any more.
	job  *jobs.Job
	lost bool
	// overtaken is a run that was begun by an older template than a replay that its lot is of came with.
	overtaken bool
}

func newState(d *declared, limits plan.Limits, fleets ...*fleet) *state {
	return &state{
		declared: d, limits: limits, fleets: fleets, standings: make([]standing, len(fleets)), handovers: make([]time.Time, len(fleets)),
		unread: len(fleets) > 1, have: newHave(), trouble: map[string]string{}, recalled: map[arcLot]plan.Run{},
		runs: map[arcLot]plan.Run{}, busy: map[arcLot]bool{}, missed: map[arcLot]jobs.Job{}, heeded: map[string]int{}, renewed: map[string]bool{}, late: map[string]Lateness{}, dirty: true,
		logging: logging{tried: map[types.UID]string{}, others: map[types.UID]bool{}}, removals: map[types.UID]removal{},
	}
}

// redeclare has a newer catalog count. What is in stores that have not been listed is not known.
func (s *state) redeclare(d *declared) {
	was := s.declared
	s.declared, s.dirty = d, true
	s.unplanned()
	wanted := func(id string) bool { at, is := d.places[id]; return is && at == was.places[id] }
	s.renew(s.forgotten(wanted)...)
	s.keep(wanted)
}

// list takes what the stores have, of what has changed since the listing before. What is new is taken by [state.took].
func (s *state) list(lots *survey.Stock, changed []survey.At) {
	if s.graph != nil {
		for key := range s.busy { // who is at work says more of these, at once
			arc, _ := s.graph.Arc(key.arc)
			for _, id := range arc.Writes {
				at := survey.At{Series: id, Lot: key.lot}
				if _, seen := s.own[at]; !seen {
					s.own[at] = s.stock.Lot(at)
				}
				s.touched[at] = true
			}
		}
	}
	s.suspect(lots)
	for _, id := range lots.Datasets() {
		if !s.sure(id) {
			s.renew(id)
		}
	}
	if s.begin(lots, changed) {
		s.fresh = true
		s.unplanned()
	}
	s.surveyed = true
}

// ran notes a run; the zero run that there is none any more.
func (s *state) ran(key arcLot, r plan.Run) {
	s.dirty = true
	if r.Arc == "" {
		delete(s.runs, key)
		s.note(func(p *plan.Planner) { p.Forget(key.arc, key.lot) })
		return
	}
	s.runs[key] = r
	s.note(func(p *plan.Planner) { p.Ran(r) })
}

// has takes a Job as it is now.
func (s *state) has(j jobs.Job) []work {
	key := arcLot{j.Workload, j.Lot}
	a, ours := parseAttempt(j.Attempt)
	if s.planner == nil || !ours || j.Outcome != "" || s.busy[key] || !s.mine(j) {
		return nil
	}
	if !j.Ended.IsZero() {
		return s.finish(key, a, j, false)
	}
	if known, ok := s.runs[key]; !ok || !known.Failed.IsZero() && known.Attempt <= a.number {
		s.ran(key, plan.Run{Arc: key.arc, Lot: key.lot, Attempt: a.number, Digest: a.digest})
	}
	return nil
}

// gone takes that a Job is not there any more. If nobody wrote down what came of it, that is done now.
func (s *state) gone(j jobs.Job) []work {
	key := arcLot{j.Workload, j.Lot}
	a, ours := parseAttempt(j.Attempt)
	if s.planner == nil || !ours || j.Outcome != "" || s.busy[key] || !s.mine(j) {
		return nil
	}
	return s.finish(key, a, j, j.Ended.IsZero())
}

// mine reports whether a Job is where those of its workload are.
func (s *state) mine(j jobs.Job) bool {
	t, ok := s.targets[j.Cluster][j.Workload]
	return ok && t.as.Namespace == j.Namespace
}

// finish has it written down what came of a Job.
func (s *state) finish(key arcLot, a attempt, j jobs.Job, lost bool) []work {
	s.busy[key] = true
	arc, _ := s.graph.Arc(key.arc)
	// Of a template that is gone nobody knows what it was.
	now, there := home{cluster: j.Cluster}, false
	for _, f := range s.fleets {
		if f.name == j.Cluster {
			now.template, there = f.templateOf(s.declared, key.arc)
		}
	}
	return []work{{
		state: s, declared: s.declared, graph: s.graph, cluster: j.Cluster, target: s.targets[j.Cluster][key.arc], key: key, attempt: a, job: &j, lost: lost,
		known:     s.knows(s.graph, arc, key.lot),
		supposed:  s.snapshotted(arc),
		overtaken: there && a.digest != now.digest() && s.planner.Replayed(key.arc, key.lot),
	}}
}

// starts are the runs to start now, and when to ask again at the latest.
func (s *state) starts(now time.Time) (todo []work, next time.Time) {
	if s.planner == nil || s.stale || !s.known() {
		return nil, time.Time{}
	}
	s.planner.At(now)
	homes := map[string]home{}
	for _, start := range s.planner.Plan().Starts {
		key := arcLot{start.Arc, start.Lot}
		arc, _ := s.graph.Arc(start.Arc)
		if s.busy[key] || s.expires(arc, start.Lot) || start.Short && s.snapshotted(arc) { // what it would do without may be there
			continue
		}
		if _, asked := homes[arc.ID]; !asked {
			homes[arc.ID], _ = s.homeOf(arc.ID)
		}
		at := homes[arc.ID]
		a := attempt{max(1, start.Attempt), epoch(arc, start.Lot, s.lot), arc.Digest}
		s.busy[key] = true
		s.ran(key, plan.Run{Arc: start.Arc, Lot: start.Lot, Attempt: a.number, Digest: arc.Digest})
		todo = append(todo, work{
			state: s, declared: s.declared, graph: s.graph, cluster: at.cluster, target: s.targets[at.cluster][start.Arc], key: key, attempt: a, start: &start,
			known:    s.knows(s.graph, arc, start.Lot),
			supposed: s.snapshotted(arc),
			template: at.template,
			doubted:  s.doubted(arc, start.Lot),
		})
	}
	return todo, s.planner.Plan().Next
}

// doubted are the manifests of a lot of an arc that are damaged.
func (s *state) doubted(arc plan.Arc, l lot.Lot) map[survey.At]string {
	out := map[survey.At]string{}
	for _, id := range arc.Writes {
		at := survey.At{Series: id, Lot: l}
		if etag, is := s.damaged[at]; is {
			out[at] = etag
		}
	}
	return out
}

// knows is what is known of the lots that a run reads and writes.
func (s *state) knows(g *plan.Graph, arc plan.Arc, l lot.Lot) map[survey.At]survey.Lot {
	if arc.ID == "" {
		return nil
	}
	out := map[survey.At]survey.Lot{}
	take := func(series string, one lot.Lot) {
		at := survey.At{Series: series, Lot: one}
		if f := s.lot(at); f.State != plan.None || len(f.Partial) > 0 {
			out[at] = f
		}
	}
	for _, id := range arc.Writes {
		take(id, l)
	}
	inputs := g.Inputs(arc.ID, l)
	for _, r := range arc.Reads {
		for _, one := range inputs[r.Role] {
			take(r.Series, one)
		}
	}
	return out
}

// done takes what came of some work.
func (s *state) done(d done, now time.Time) []work {
	delete(s.busy, d.key)
	s.noted(d)
	learned := len(d.damaged) > 0
	s.doubt(d.damaged)
	for key, f := range d.lots {
		learned = learned || !same(s.believed(key, f), s.lot(key))
		if d.came != cameMade && s.declared.graph.Producer(key.Series) == d.key.arc {
			s.appeared(key, f) // it was listed, and not read
		}
		s.saw(key, f)
	}
	s.attribute(d)
	run := plan.Run{Arc: d.key.arc, Lot: d.key.lot, Attempt: d.attempt.number, Digest: d.attempt.digest, Failed: now, Reason: d.why}
	if arc, ok := s.graph.Arc(d.key.arc); ok && epoch(arc, d.key.lot, s.lot) == d.attempt.epoch {
		run.Replaces = replaces(s.graph, arc, d.key.lot, s.lot) // it failed at making again what is still there
	}
	if s.overtook(d) {
		return s.rest(d)
	}
	if since := s.epochOf(d.key) != d.attempt.epoch; since && (d.came == cameFailed || d.came == cameLost) {
		d.came = cameNeedless // it failed at a lot that others have made or removed since
	}
	switch d.came {
	case cameStarted:
		if s.settled(d.work) {
			// Its name is that of a run that is over: someone took away what came of it. The next attempt has another name.
			s.ran(d.key, atOnce(run))
		}
	case cameMade, cameNeedless:
		s.ran(d.key, plan.Run{})
	case cameFailed:
		s.ran(d.key, run)
	case cameLost:
		run.Digest = "" // it says nothing of the workload
		s.ran(d.key, atOnce(run))
	case cameNot:
		switch before, ok := s.failedBefore(d.key, now); {
		case ok && before.Attempt >= run.Attempt && before.Digest == run.Digest: // at the lot as it is again, which nobody knew of
			run = before
		case d.failed: // another process has seen it fail
		case learned:
			run = plan.Run{} // what the plan went by is not so; the next one knows
		default:
			run.Attempt-- // there was none
		}
		s.ran(d.key, run)
	}
	return s.rest(d)
}

// failedBefore is the last attempt that has failed at a lot as it is now, by the partial manifests that there are. Clocks differ: none has failed
// later than now.
func (s *state) failedBefore(key arcLot, now time.Time) (plan.Run, bool) {
	arc, ok := s.graph.Arc(key.arc)
	if !ok {
		return plan.Run{}, false
	}
	of := map[survey.At]survey.Lot{}
	for _, id := range arc.Writes {
		at := survey.At{Series: id, Lot: key.lot}
		of[at] = s.lot(at)
	}
	all := failures(s.graph, of, s.lot)
	if len(all) == 0 {
		return plan.Run{}, false
	}
	last := all[0] // there is one arc
	if last.Failed.After(now) {
		last.Failed = now
	}
	return last, true
}

// rest looks at what else there is of a lot about which something was done.
func (s *state) rest(d done) (todo []work) {
	for _, j := range s.jobsOf(d.key) {
		if d.job == nil || j.UID != d.job.UID || j.Cluster != d.job.Cluster {
			todo = append(todo, s.has(j)...)
		}
	}
	if gone, ok := s.missed[d.key]; ok && (d.came == cameStarted || gone.Attempt != d.attempt.String()) {
		todo = append(todo, s.gone(gone)...)
	}
	delete(s.missed, d.key)
	return todo
}

// overtook reports whether another attempt at a lot is under way than the one of which something came: that says nothing of it.
func (s *state) overtook(d done) bool {
	r, ok := s.runs[d.key]
	return ok && (r.Failed.IsZero() && (r.Attempt != d.attempt.number || r.Digest != d.attempt.digest) || r.Attempt > d.attempt.number)
}

// settled reports whether the Job of some work is there, and it is written down what came of it.
func (s *state) settled(w work) bool {
	for _, j := range s.jobsOf(w.key) {
		if j.Attempt == w.attempt.String() && j.Outcome != "" {
			return true
		}
	}
	return false
}

// atOnce has a run tried again without a pause: it was one of a template that no workload has.
func atOnce(r plan.Run) plan.Run {
	r.Digest = "lost"
	return r
}

// counts are how many lots of each workload are in which state.
func (s *state) counts() []Count {
	if s.planner == nil {
		return nil
	}
	type at struct{ arc, state string }
	n := map[at]int{}
	for key, r := range s.runs {
		of := "running"
		if !r.Failed.IsZero() {
			of = "failed"
		}
		n[at{key.arc, of}]++
	}
	out := []Count{{s.name, "", "queued", s.planner.Plan().Queued}}
	for of, count := range n {
		out = append(out, Count{s.name, of.arc, of.state, count})
	}
	slices.SortFunc(out, func(a, b Count) int {
		return strings.Compare(a.Workload+" "+a.State, b.Workload+" "+b.State)
	})
	return out
}

// Count is how many lots of a workload are in a state: running or failed; those that are queued are of all workloads.
type Count struct {
	Environment, Workload, State string
	Lots                         int
}
