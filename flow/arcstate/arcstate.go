// SPDX-License-Identifier: Apache-2.0

// Package arcstate is how far an arc is with a lot, as Clusterless keeps it: one object for each lot, whose name is the state. It decides
// what may be started, what comes of a run, and which of two objects counts that a crash left.
//
// It is pure. Of Trunkline it imports api/lot, flow/manifest and flow/run.
package arcstate

import (
	"bytes"
	"encoding/json"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
)

// Arc is what Clusterless calls a workload.
type Arc struct{ Project, Version, Name string }

// Prefix is where the states of an arc are in a store, as in "arcs/project=S3Chain/version=20230101-00/arc=copyA/".
func (a Arc) Prefix() string {
	return "arcs/project=" + a.Project + "/version=" + a.Version + "/arc=" + a.Name + "/"
}

// LotPrefix is where the state of a lot is.
func (a Arc) LotPrefix(l lot.Lot) string { return a.Prefix() + lotPart + l.ID() + "/" }

// Key is the object that says that a lot is in a state, as in "…/lot=20260101PT5M000/running.arc".
func (a Arc) Key(l lot.Lot, s run.State) string { return a.LotPrefix(l) + string(s) + suffix }

const (
	lotPart = "lot="
	suffix  = ".arc"
)

// Parse reads the key of an object: false if it is none of the arc.
func (a Arc) Parse(key string) (lot.Lot, run.State, bool) {
	rest, ok := strings.CutPrefix(key, a.Prefix()+lotPart)
	id, name, cut := strings.Cut(rest, "/")
	l, err := lot.ParseID(id)
	state, named := strings.CutSuffix(name, suffix)
	if !ok || !cut || !named || err != nil || !slices.Contains(States(), run.State(state)) {
		return lot.Lot{}, "", false
	}
	return l, run.State(state), true
}

// States are all that there are.
func States() []run.State { return []run.State{run.Running, run.Complete, run.Partial, run.Missing} }

// Object is one that says how far an arc is with a lot.
type Object struct {
	State run.State
	// Written is when it was, by the clock of the store.
	Written time.Time
	// Body has a line of JSON for what has happened; Clusterless' own may have none.
	Body []byte
}

// Line is what Trunkline writes of an attempt: a line of the body.
type Line struct {
	// Attempt is that of the run of Trunkline that wrote it.
	Attempt string `json:"trunklineAttempt"`
	// Outcome is that of a run that has ended, and Error why it failed.
	Outcome Outcome `json:"outcome,omitempty"`
	Error   string  `json:"error,omitempty"`
}

// Ours reports whether Trunkline wrote an object last.
func (o Object) Ours() bool {
	body := bytes.TrimRight(o.Body, "\n")
	var l Line
	return json.Unmarshal(body[bytes.LastIndexByte(body, '\n')+1:], &l) == nil && l.Attempt != ""
}

// MaxBody bounds a body: older lines are left out.
const MaxBody = 16 << 10

// maxError bounds why a run failed.
const maxError = 2000

// Append returns the body with one line more, as it moves to another state.
func (o Object) Append(l Line) []byte {
	l.Error = strings.ToValidUTF8(l.Error[:min(len(l.Error), maxError)], "")
	line, err := json.Marshal(l)
	if err != nil {
		panic(err) // of texts it always can
	}
	body := bytes.TrimRight(o.Body, "\n")
	for len(body)+len(line)+1 > MaxBody {
		_, rest, more := bytes.Cut(body, []byte("\n"))
		if body = rest; !more {
			body = nil
			break
		}
	}
	if len(body) == 0 {
		return line
	}
	return slices.Concat(body, []byte("\n"), line)
}

// Current is the object that counts of those that a lot has, and the others, which a crash in the middle of a move left. An object that
// was moved begins with what the one before said: of two, the longer one is the newer. Clusterless moves without a word; then the newer
// one counts, and of two that were written at once the one with which less is started.
func Current(all []Object) (now Object, left []Object) {
	if len(all) == 0 {
		return Object{}, nil
	}
	sorted := slices.Clone(all)
	slices.SortStableFunc(sorted, func(a, b Object) int {
		switch aNewer, bNewer := after(a, b), after(b, a); {
		case aNewer && !bNewer:
			return -1
		case bNewer && !aNewer:
			return 1
		}
		if c := b.Written.Compare(a.Written); c != 0 {
			return c
		}
		return slices.Index(States(), a.State) - slices.Index(States(), b.State)
	})
	return sorted[0], sorted[1:]
}

// after reports whether an object was made of another by a move that says what happened.
func after(a, b Object) bool { return len(a.Body) > len(b.Body) && bytes.HasPrefix(a.Body, b.Body) }

// Gate is whether a run may start.
type Gate string

// The gates, as Clusterless calls their outcomes.
const (
	// Go starts it: nobody has made the lot, or what failed is tried again.
	Go Gate = "Start"
	// AlreadyRunning and AlreadyComplete do not: Clusterless is making the lot, or has made it.
	AlreadyRunning  Gate = "AlreadyRunning"
	AlreadyComplete Gate = "AlreadyComplete"
)

// Start decides by the state of its lot how a run may start; the zero object is none. What Trunkline itself says of the lot holds
// nothing: whether its own run is under way it knows by its Jobs, and a lot that it has made and is to make again it has been asked for.
// Again asks for what Clusterless has made to be made once more.
func Start(o Object, again bool) Gate {
	switch {
	case o.State == run.Running && !o.Ours():
		return AlreadyRunning
	case o.State == run.Complete && !o.Ours() && !again:
		return AlreadyComplete
	}
	return Go
}

// Why says to people what a gate means; empty if it is open.
func (g Gate) Why() string {
	switch g {
	case AlreadyRunning:
		return "Clusterless is making it: the state of its arc is running"
	case AlreadyComplete:
		return "Clusterless has made it: the state of its arc is complete, and no manifest counts"
	case Go:
	}
	return ""
}

// Outcome is how a run ended, as Clusterless calls it.
type Outcome string

// The outcomes.
const (
	// Complete is a lot that is there.
	Complete Outcome = "Complete"
	// Partial and PartialWithError left data that do not count, the second of a run that failed.
	Partial          Outcome = "Partial"
	PartialWithError Outcome = "PartialWithError"
	// MissingWithError is a run that failed and left nothing.
	MissingWithError Outcome = "MissingWithError"
	// UnknownComplete is a run that ended well and left no manifest: the lot is missing.
	UnknownComplete Outcome = "UnknownComplete"
)

// End says in which state a lot is after a run, by the states of the manifests of all that it writes, and whether the run failed.
//
// As in Clusterless, one that is partial makes the lot partial, and none at all missing; all that are empty, and any that is complete,
// make it complete. Otherwise than there, all have to be looked at: a lot of which one dataset has a manifest and another none is partial.
func End(sinks []manifest.State, failed bool) (run.State, Outcome) {
	there, partial := 0, false
	for _, s := range sinks {
		if s.Counts() {
			there++
		}
		partial = partial || s == manifest.Partial
	}
	switch {
	case there == len(sinks) && there > 0:
		return run.Complete, Complete
	case (partial || there > 0) && failed:
		return run.Partial, PartialWithError
	case partial || there > 0:
		return run.Partial, Partial
	case failed:
		return run.Missing, MissingWithError
	}
	return run.Missing, UnknownComplete
}

// Moves reports whether a lot may get from one state into another, from none into any.
func Moves(from, to run.State) bool { return from != to && (from == "" || from.May(to)) }
