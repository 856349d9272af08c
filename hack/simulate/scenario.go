// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"time"

	"trunkline.dev/trunkline/api/number"
)

// outcome is what came of a scenario.
type outcome struct {
	name string
	// releases is how many were to take something else, and missing how many have not.
	releases, missing   int
	median, p95, longst time.Duration
	applies, others     int
	refused             int
	// busiest is how much of its processors the busiest replica used until all had it, and server the same for API servers.
	busiest, server float64
	// queue is how many requests waited for a place on a cluster at most.
	queue int
}

// playTimeout is how long is simulated after a push.
const playTimeout = 2 * time.Hour

// play pushes a commit that changes releases to a world that is settled, and says what came of it.
func (w *world) play(name string, changed []*kept) outcome {
	began := w.now
	w.push(name, changed)
	for end := began + playTimeout; w.waiting > 0 && w.now < end && len(w.events) > 0; {
		w.run(w.events[0].at)
	}
	took, missing := w.took(changed)
	o := outcome{name: name, releases: len(changed), missing: missing}
	if len(took) > 0 {
		o.median, o.p95, o.longst = took[len(took)/2], took[len(took)*95/100], took[len(took)-1]
	}
	span := max(w.now-began, time.Millisecond)
	for _, s := range w.servers {
		o.applies += s.calls[apply]
		o.others += s.calls[get] + s.calls[list] + s.calls[watch]
		o.refused += s.refused
		o.server = max(o.server, s.busy(span))
	}
	for _, r := range w.replicas {
		o.busiest = max(o.busiest, float64(r.cpu.used)/float64(span)/float64(w.Cores))
		for _, p := range r.asks {
			o.queue = max(o.queue, p.longest)
		}
	}
	return o
}

// scenario is a world that is settled and what happens then.
type scenario struct {
	name string
	// of picks the releases that a commit changes; before is what else is done.
	of     func(w *world) []*kept
	before func(w *world)
}

func one(w *world) []*kept { return w.releases[:1] }

// track are the releases of the first one.
func track(w *world) (out []*kept) {
	for _, k := range w.releases {
		if k.track == 0 {
			out = append(out, k)
		}
	}
	return out
}

func every(w *world) []*kept { return w.releases }

// asking has a tenth of the API servers answer every other write with 429 for a minute.
func asking(w *world) {
	until := w.now + time.Minute
	for i := 0; i < len(w.servers); i += 10 {
		s, n := w.servers[i], 0
		s.refuses = func() bool {
			n++
			return w.now < until && n%2 == 0
		}
	}
}

// losing has a replica end once half of the releases have what is rolled out.
func losing(w *world) {
	w.half = func() { w.lose(len(w.replicas)-1, "a replica ends meanwhile") }
}

var scenarios = []scenario{
	{name: "one release", of: one},
	{name: "all of one track", of: track},
	{name: "the same, while a tenth of the servers refuse every other write for a minute", of: track, before: asking},
	{name: "a replica ends meanwhile", of: track, before: losing},
	{name: "everything, by a commit of each track", of: every},
}

// simulate plays scenarios, each in a world of its own.
func simulate(o options, of []scenario) (out []outcome, err error) {
	for _, s := range of {
		w, err := newWorld(o)
		if err != nil {
			return nil, err
		}
		w.settled()
		if s.before != nil {
			s.before(w)
		}
		out = append(out, w.play(s.name, s.of(w)))
	}
	return out, nil
}

// limit is something that is not to be exceeded.
type limit struct {
	name string
	// breaks reports whether it is, and what was found.
	breaks func(o options) (bool, string, error)
}

const (
	// Of the aims of docs/performance.md: one change within 0.3 s, to which the way to a cluster that is far away comes.
	aimOne = 500 * time.Millisecond
	// The following are what people would not put up with.
	aimTrack  = time.Minute
	aimMemory = 4 << 30
)

var limits = []limit{
	{"one release changes: the cluster has it within 0.5 s", func(o options) (bool, string, error) {
		o.firstTrack = true
		got, err := simulate(o, scenarios[:1])
		if err != nil {
			return false, "", err
		}
		return got[0].longst > aimOne || got[0].missing > 0, brief(got[0].longst), nil
	}},
	{"all of a track changes: all clusters have it within 1 min", func(o options) (bool, string, error) {
		o.firstTrack = true
		got, err := simulate(o, scenarios[1:2])
		if err != nil {
			return false, "", err
		}
		return got[0].longst > aimTrack || got[0].missing > 0, brief(got[0].longst), nil
	}},
	{"a replica has room in 4 GiB", func(o options) (bool, string, error) {
		_, most := o.memory()
		return most > aimMemory, mebibytes(most), nil
	}},
}

// broken doubles the releases of each cluster until a limit is exceeded, and says where that was.
func broken(o options, l limit, most int) (string, error) {
	before := ""
	for ; o.Releases <= most; o.Releases *= 2 {
		over, found, err := l.breaks(o)
		if err != nil {
			return "", err
		}
		if over {
			return fmt.Sprintf("%s releases: %s; before: %s", number.Of(o.all()), found, before), nil
		}
		before = fmt.Sprintf("%s at %s", found, number.Of(o.all()))
	}
	return "not up to " + before, nil
}
