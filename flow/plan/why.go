// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"cmp"
	"time"

	"trunkline.dev/trunkline/api/lot"
)

// Status is what becomes of a lot.
type Status string

// The statuses, from the one that takes longest to go away by itself.
const (
	// IsThere says that nothing has to be done.
	IsThere Status = "there"
	// NotDeclared says that nobody declares the lot: there is no such dataset or workload, it has lots of another unit, or
	// begins later.
	NotDeclared Status = "not-declared"
	// NoProducer says that no workload writes the dataset.
	NoProducer Status = "no-producer"
	// IsExternal says that the lot is written outside of the platform, and was not.
	IsExternal Status = "external"
	// NotComputable says that the lot would be made of lots that begin before what it reads does.
	NotComputable Status = "not-computable"
	// NotKept says that the lot is so old that it would not be kept.
	NotKept Status = "not-kept"
	// TooMany says that the workload has more lots than are looked after, and the lot is older than those.
	TooMany Status = "too-many"
	// IsExcluded says that the workload is left out.
	IsExcluded Status = "excluded"
	// IsSuspended says that the workload is suspended.
	IsSuspended Status = "suspended"
	// IsDisabled says that a person has disabled the workload.
	IsDisabled Status = "disabled"
	// IsScheduled says that the workload runs by the clock, and did not write the lot.
	IsScheduled Status = "scheduled"
	// IsSteady says that the workload always runs, and did not write the lot.
	IsSteady Status = "steady"
	// IsAwaited says that a boundary makes the lot of what arrives, and waits for that.
	IsAwaited Status = "awaited"
	// IsFailed says that the run failed, and pauses.
	IsFailed Status = "failed"
	// IsHeld says that runs are held.
	IsHeld Status = "held"
	// Waits says that inputs are not there, or are to be made again.
	Waits Status = "waits"
	// IsLimited says that others come first, for as long as a limit is reached.
	IsLimited Status = "limited"
	// IsReady says that the run starts with the next plan.
	IsReady Status = "ready"
	// IsRunning says that the run is under way.
	IsRunning Status = "running"
	// NotDue says that the lot has not ended.
	NotDue Status = "not-due"
)

// Reason is why a lot is not there, or is to be made again.
type Reason struct {
	// Series is the id of the dataset; empty if the question was about a workload.
	Series string
	// Arc is the id of the workload that makes the lot; empty if there is none.
	Arc    string
	Lot    lot.Lot
	Status Status
	// There says that the lot is there, whatever Status says of making it again.
	There bool
	// State is what the manifests of the dataset say.
	State State
	// Written is when the manifest was written.
	Written time.Time
	// Cause is why the lot is to be made, if it is.
	Cause Cause
	// Replay is the id of the replay that it is to be made for.
	Replay string
	// Later is the role of an input that was written after the lot was made, if that is only told.
	Later string
	// Inputs are those that are waited for, or that cannot be, the first few; Missing counts all.
	Inputs  []Input
	Missing int
	// Enough says how many of the inputs have to be there, where that is not all of them.
	Enough int
	// Attempt counts the runs, and Detail is why the last one failed.
	Attempt int
	Detail  string
	// By says what holds, or which limit is reached.
	By string
	// Unlooked says that a boundary would have made the lot by now, also if nothing arrived: it was not looked at yet.
	Unlooked bool
	// Until is when what it says ends by itself; the zero time if it does not, or nobody knows.
	Until time.Time
}

// Input is a lot that is read.
type Input struct {
	Role, Series string
	Lot          lot.Lot
	State        State
	// Again says that it is there, and is to be made again.
	Again bool
}

// maxInputs is how many inputs a reason lists.
const maxInputs = 10

// Why says why a lot of a dataset, or of a workload, is not there, or that it is.
func (p *Planner) Why(id string, l lot.Lot) Reason {
	r := Reason{Lot: l, Status: NotDeclared}
	if i, ok := p.g.arcAt[id]; ok {
		r.Arc = id
		if a := &p.g.arcs[i]; l.Unit == a.unit && numberOf(l) >= a.first {
			r.There = p.there(a, numberOf(l)) && numberOf(l) < p.ended[a.unit]
			if r.There {
				r.State, r.Written = Complete, timeOf(p.made(a, numberOf(l)))
			}
			p.whyArc(&r, i)
		}
		return r
	}
	r.Series = id
	i, ok := p.g.seriesAt[id]
	if !ok || p.g.series[i].unknown {
		return r
	}
	s, n := &p.g.series[i], numberOf(l)
	mark := p.seen.Mark(id, l)
	r.State, r.Written = mark.State, mark.Written
	if l.Unit != s.Unit || n < s.first {
		return r
	}
	due := n < p.ended[s.Unit]
	r.There = mark.State.There() && due
	switch {
	case len(s.producers) > 0:
		r.Arc = p.g.arcs[s.producers[0]].ID
		p.whyArc(&r, s.producers[0])
	case !due:
		r.Status, r.Until = NotDue, l.End()
	case r.There:
		r.Status = IsThere
	case s.External:
		r.Status = IsExternal
	default:
		r.Status = NoProducer
	}
	return r
}

// whyArc says what becomes of a lot that an arc makes.
func (p *Planner) whyArc(r *Reason, i int) {
	a, st, n := &p.g.arcs[i], &p.arcs[i], numberOf(r.Lot)
	done := st.done.has(n) || n < st.done.base && p.there(a, n)
	if n >= st.due {
		r.Status, r.Until = NotDue, r.Lot.End()
		return
	}
	if done && !st.again.has(n) {
		r.Status = IsThere
		if later := p.later(a, n, false); later != nil {
			r.Later = later.Role
		}
		return
	}
	r.Cause, r.Replay = p.cause(i, n)
	run, ran := st.runs[n]
	if ran {
		r.Attempt = run.Attempt
	}
	switch {
	case ran && run.Failed.IsZero():
		r.Status = IsRunning
	case n < st.floor:
		r.Status = NotKept
		if st.floor == st.due-maxLots {
			r.Status = TooMany
		}
	case a.Stop == Excluded:
		r.Status = IsExcluded
	case a.Stop == Suspended:
		r.Status = IsSuspended
	case a.Stop == Scheduled:
		r.Status = IsScheduled
	case a.Stop == Steady:
		r.Status = IsSteady
	case a.Stop == Arrives:
		if hold, held := p.limits.hold(a.ID, p.now); held && hold.Disabled {
			r.Status, r.By = IsDisabled, hold.By
			return
		}
		r.Status = IsAwaited
		if until := r.Lot.End().Add(a.Lateness); until.After(p.now) {
			r.Until = until
		} else {
			r.Unlooked = !a.Waits
		}
	case !p.g.computable(a, n):
		r.Status = NotComputable
		p.list(r, i)
	case ran && p.pauses(i, n, run):
		r.Status, r.Detail, r.Until = IsFailed, run.Reason, p.limits.until(run)
	case !st.ready.has(n):
		r.Status = Waits
		r.Until, _ = p.waitsUntil(i, n)
		p.list(r, i)
	default:
		p.whyReady(r, i)
	}
}

// whyReady says what becomes of a lot whose run could be started.
func (p *Planner) whyReady(r *Reason, i int) {
	a := &p.g.arcs[i]
	if hold, held := p.limits.hold(a.ID, p.now); held {
		r.Status, r.By, r.Until = IsHeld, hold.By, hold.Until
		if hold.Disabled {
			r.Status = IsDisabled
		}
		return
	}
	starts := p.Plan().Starts
	if p.started == nil {
		p.started = make(map[runKey]bool, len(starts))
		for _, s := range starts {
			p.started[runKey{s.Arc, s.Lot}] = true
		}
	}
	switch {
	case p.started[runKey{a.ID, r.Lot}]:
		r.Status = IsReady
	case p.left.arcs[i] <= 0:
		r.Status, r.By = IsLimited, "workload"
	case p.left.all <= 0:
		r.Status, r.By = IsLimited, "environment"
	default:
		r.Status, r.By = IsLimited, "backfill"
	}
}

// list lists what a lot waits for: what is not there, or is to be made again.
func (p *Planner) list(out *Reason, i int) {
	a, n := &p.g.arcs[i], numberOf(out.Lot)
	if a.need < a.triggers {
		out.Enough = a.need
	}
	for j := range a.reads {
		r := &a.reads[j]
		if !r.Trigger {
			continue
		}
		s := &p.g.series[r.series]
		from, to := p.g.window(a, r, n)
		for m := from; m <= to; m++ {
			if m < s.first && len(out.Inputs) == maxInputs { // there may be many, and nothing is known of them
				out.Missing += int(min(to+1, s.first) - m)
				m = min(to, s.first-1)
				continue
			}
			there := m >= s.first && m < p.ended[s.Unit] && p.columns[r.series].there(m)
			again := there && len(s.producers) > 0 && p.arcs[s.producers[0]].again.has(m)
			if there && !again {
				continue
			}
			out.Missing++
			if len(out.Inputs) < maxInputs {
				out.Inputs = append(out.Inputs, Input{Role: r.Role, Series: s.ID, Lot: lotOf(s.Unit, m), State: p.columns[r.series].state(m), Again: again})
			}
		}
	}
}

// maxWalk bounds how many lots are asked about to find a first cause.
const maxWalk = 256

// Cause walks upstream from a lot of a dataset, or of a workload, that is not there: each reason is that of an input of
// the one before, and the last is the first cause. Of several inputs it follows the one whose cause takes longest to go
// away by itself.
func (p *Planner) Cause(id string, l lot.Lot) []Reason {
	w := walk{p: p, known: map[runKey][]Reason{}}
	return w.from(id, l)
}

// walk is one walk upstream.
type walk struct {
	p     *Planner
	known map[runKey][]Reason
}

func (w *walk) from(id string, l lot.Lot) []Reason {
	key := runKey{id, l}
	if known, ok := w.known[key]; ok {
		return known
	}
	reason := w.p.Why(id, l)
	w.known[key] = []Reason{reason}
	if reason.Status != Waits {
		return w.known[key]
	}
	var worst []Reason
	for _, in := range reason.Inputs {
		if len(w.known) > maxWalk {
			break
		}
		chain := w.from(in.Series, in.Lot)
		if len(worst) == 0 || cmp.Compare(severity(chain), severity(worst)) > 0 {
			worst = chain
		}
	}
	w.known[key] = append([]Reason{reason}, worst...)
	return w.known[key]
}

// severity says how long the last of some reasons takes to go away by itself.
func severity(chain []Reason) int {
	switch chain[len(chain)-1].Status {
	case NotDeclared, NoProducer, NotComputable, NotKept, TooMany, IsExcluded:
		return 6
	case IsExternal:
		return 5
	case IsSuspended, IsDisabled, IsScheduled, IsSteady, IsAwaited:
		return 4
	case IsFailed:
		return 3
	case IsHeld:
		return 2
	case IsLimited, Waits:
		return 1
	default:
		return 0
	}
}
