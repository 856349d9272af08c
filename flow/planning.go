// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

// planning is what a planner is made of, which takes long if there are many lots: it is done beside the loop.
type planning struct {
	state    *state
	declared *declared
	graph    *plan.Graph
	missing  []plan.Hold
	// where is in which cluster the lots of each workload are made.
	where   map[string]string
	have    have
	runs    []plan.Run
	replays []plan.Replay
	limits  plan.Limits
	now     time.Time
	// changes are what has happened since, to be noted once it is made.
	changes []func(*plan.Planner)
}

// replanned is the event that a planner was made.
type replanned struct {
	*planning

	planner *plan.Planner
}

// do makes the planner.
func (p *planning) do() replanned {
	seen := p.have.seen()
	for _, r := range p.runs {
		seen.Run(r)
	}
	for _, r := range p.replays {
		seen.Replay(r)
	}
	return replanned{p, plan.New(p.graph, seen, p.limits, p.now)}
}

// toPlan says of what a planner is to be made; nil if there is one that is right, or one is being made, or not enough is known.
func (s *state) toPlan(now time.Time) *planning {
	if !s.outdated() {
		return nil
	}
	homes, g, missing := s.prepare(now)
	p := &planning{
		state: s, declared: s.declared, graph: g, missing: missing, have: s.view(), runs: slices.Collect(maps.Values(s.runs)), replays: s.replays(), now: now,
		where: whereOf(homes),
	}
	p.limits = s.limited(missing, s.holdsNow(now))
	s.planning = p
	return p
}

// outdated reports whether the planner is to be another, and can be.
func (s *state) outdated() bool {
	return s.known() && !s.unread && s.planning == nil && (s.planner == nil || s.stale || s.changed())
}

// prepare finds what is to be planned by now. Nothing is started until that is done.
func (s *state) prepare(now time.Time) (homes map[string]home, g *plan.Graph, missing []plan.Hold) {
	for _, f := range s.fleets {
		delete(f.changed, s.name)
	}
	s.stale = true
	homes = s.homes()
	g, missing = s.running(homes)
	s.recall(g, now)
	return homes, g, missing
}

// whereOf is in which cluster the lots of each workload are made.
func whereOf(homes map[string]home) map[string]string {
	out := map[string]string{}
	for id, h := range homes {
		out[id] = h.cluster
	}
	return out
}

// planned takes a planner that was made. It returns what is to be written down of runs that ended while nobody looked.
func (s *state) planned(p replanned, now time.Time) (todo []work) {
	if s.planning != p.planning {
		return nil // it was made of what does not count any more
	}
	if s.planner == nil {
		s.tallied = time.Time{} // it is told at once what there is
	}
	s.planning, s.planner, s.graph, s.missing, s.where = nil, p.planner, p.graph, p.missing, p.where
	for _, change := range p.changes {
		change(s.planner)
	}
	s.planner.At(now)
	return s.goOn(now)
}

// goOn goes on by a planner that is right by now. It returns what is to be written down of runs that ended while nobody looked.
func (s *state) goOn(now time.Time) (todo []work) {
	s.stale, s.dirty = false, true
	clear(s.renewed)
	s.planner.Limit(s.limited(s.missing, s.holdsNow(now)))
	s.retry(true)
	for _, j := range s.jobs() {
		todo = append(todo, s.has(j)...)
	}
	return todo
}

// unplanned has the planner that is being made not count: something changed that it is made of.
func (s *state) unplanned() { s.stale, s.planning = true, nil }

// note tells the planner of a change, and the one that is being made, if there are any.
func (s *state) note(change func(*plan.Planner)) {
	if s.planner != nil {
		change(s.planner)
	}
	if s.planning != nil {
		s.planning.changes = append(s.planning.changes, change)
	}
}

// recall finds the runs that have failed before: of each lot the last, by its Job, or by the manifest that it left. Clocks differ: none
// has failed later than now. What this process has seen itself is not recalled; what was recalled before is, since it may have been by a
// snapshot, or without a store that could not be listed.
func (s *state) recall(g *plan.Graph, now time.Time) {
	for key, r := range s.recalled {
		if s.runs[key] == r {
			delete(s.runs, key)
		}
	}
	clear(s.recalled)
	note := func(key arcLot, r plan.Run) {
		if r.Failed.After(now) {
			r.Failed = now
		}
		s.recalled[key] = r
	}
	for _, r := range failures(g, s.failed(), s.lot) {
		note(arcLot{r.Arc, r.Lot}, r)
	}
	for key, j := range s.jobs() {
		arc, ok := g.Arc(key.arc)
		a, ours := parseAttempt(j.Attempt)
		if !ok || !ours || j.Outcome == "" || !j.Failed || a.epoch != epoch(arc, key.lot, s.lot) || a.number < s.recalled[key].Attempt {
			continue
		}
		note(key, plan.Run{
			Arc: key.arc, Lot: key.lot, Attempt: a.number, Failed: j.Ended, Reason: j.Outcome, Digest: a.digest,
			Replaces: replaces(g, arc, key.lot, s.lot),
		})
	}
	for key, r := range s.recalled {
		if _, is := s.runs[key]; is || s.busy[key] {
			delete(s.recalled, key)
			continue
		}
		s.runs[key] = r
	}
}

// unlisted are the datasets of which it is not known yet what there is, sorted.
func (s *state) unlisted() (ids []string) {
	for _, of := range s.stores {
		for _, id := range of {
			if _, has := s.declared.graph.Series(id); has && !s.stock.Has(id) {
				ids = append(ids, id)
			}
		}
	}
	slices.Sort(ids)
	return ids
}

// unknown holds the workloads that write or read datasets of which it is not known yet what there is: they would make what is there already,
// or of less than there is.
func (s *state) unknown() (holds []plan.Hold) {
	missing := s.unlisted()
	if len(missing) == 0 {
		return nil
	}
	unknown := func(id string) bool { _, is := slices.BinarySearch(missing, id); return is }
	for _, id := range s.declared.graph.Arcs() {
		a, _ := s.declared.graph.Arc(id)
		of := slices.Clone(a.Writes)
		for _, r := range a.Reads {
			of = append(of, r.Series)
		}
		if i := slices.IndexFunc(of, unknown); i >= 0 {
			by := "the store of the manifests of " + of[i] + ", which has not been listed yet"
			if why := s.trouble[s.places[of[i]].store]; why != "" {
				by += ": " + why
			}
			holds = append(holds, plan.Hold{Of: id, By: by})
		}
	}
	return holds
}

// snapshotted reports whether a workload writes or reads a dataset of which nothing is known but what a snapshot says.
func (s *state) snapshotted(a plan.Arc) bool {
	if len(s.supposed) == 0 {
		return false
	}
	return slices.ContainsFunc(a.Writes, func(id string) bool { return s.supposed[id] }) ||
		slices.ContainsFunc(a.Reads, func(r plan.Read) bool { return s.supposed[r.Series] })
}

// took takes a piece of the listing that ended last, and reports whether there was any.
func (s *state) took() bool {
	lots, ok := s.next()
	if !ok {
		return false
	}
	for at, f := range lots {
		s.appeared(at, f)
		s.put(at, f)
	}
	s.have.ended()
	return true
}

// saw takes what the store has of a lot by now, whatever a listing says that is under way.
func (s *state) saw(at survey.At, f survey.Lot) {
	s.touched[at] = true
	s.put(at, f)
}

// put takes what the store has of a lot.
func (s *state) put(at survey.At, f survey.Lot) {
	was := s.lot(at)
	s.have.put(at, f)
	s.noticedChange(at, was)
}

// doubt takes manifests that say that they count, and are damaged, by their ETag.
func (s *state) doubt(damaged map[survey.At]string) {
	for at, etag := range damaged {
		was := s.lot(at)
		s.damaged[at] = etag
		s.noticedChange(at, was)
	}
}

// noticedChange notes what is known of a lot now, if it was something else.
func (s *state) noticedChange(at survey.At, was survey.Lot) {
	is := s.lot(at)
	s.learn(at, was, is)
	if !same(was, is) {
		s.note(func(p *plan.Planner) { p.Saw(at.Series, at.Lot, is.Mark) })
		s.dirty = true
		s.outlived(at, was)
	}
}

// outlived forgets the run that has failed at a lot that others have made or removed since.
func (s *state) outlived(at survey.At, was survey.Lot) {
	if s.graph == nil {
		return
	}
	key := arcLot{s.graph.Producer(at.Series), at.Lot}
	if r, ok := s.runs[key]; !ok || r.Failed.IsZero() {
		return
	}
	arc, _ := s.graph.Arc(key.arc)
	before := func(one survey.At) survey.Lot {
		if one == at {
			return was
		}
		return s.lot(one)
	}
	if epoch(arc, key.lot, before) != s.epochOf(key) {
		s.ran(key, plan.Run{})
	}
}

// epochOf is the epoch of a lot of an arc.
func (s *state) epochOf(key arcLot) string {
	arc, _ := s.graph.Arc(key.arc)
	return epoch(arc, key.lot, s.lot)
}
