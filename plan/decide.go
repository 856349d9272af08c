// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/plan/ownership"
)

// wanted is a declared object, all that is known of it, and what follows from that.
type wanted struct {
	step Step
	wave int
	// settled is set if it is as declared, and healthy.
	settled bool

	digest   string
	applied  Applied
	known    bool // applied by this process
	observed Observed
	present  bool
	// added are fields that others have added; of them, reclaimed are taken back, and reported count as drift that is left.
	added, reclaimed, reported []ownership.Field
	// tampered says what was done to the object as a whole.
	tampered *Tampering
	// within is the namespace that it is to be in, if that is being deleted.
	within Ref
	// unseen is true while the watch has not shown yet what was last applied.
	unseen bool
	// ending is how it ended, if it removes itself afterwards.
	ending Ending
	// taken are the fields that are taken back, and left those that others may have.
	taken, left []ownership.Field
	everything  bool
	// access is set if the object grants the release's account its rights.
	access bool
}

// row is one row of the decision table.
type row struct {
	reason Reason
	action Action
	when   func(w *wanted) bool
}

// table decides about a declared object; the first row that matches counts. No row means that nothing is to be done.
var table = []row{
	// What is done stays done: a Job that removes itself is not run again.
	{"", "", func(w *wanted) bool { return w.ended() }},

	// What we applied and have not seen yet is as we applied it: the watch is only late.
	{Changed, Update, func(w *wanted) bool { return w.unseen && w.applied.Digest != w.digest }},
	{"", "", func(w *wanted) bool { return w.unseen }},

	// Nothing can be made in a namespace on its way out: to try would give the same refusal for each object.
	{Going, Blocked, func(w *wanted) bool { return w.within != Ref{} }},
	{Missing, Create, func(w *wanted) bool { return !w.present }},
	// Applying to an object on its way out changes nothing of its fate.
	{Going, Blocked, func(w *wanted) bool { return w.observed.Deleting }},
	{Present, Adopt, func(w *wanted) bool { return w.observed.Foreign }},

	// Without its digest nobody knows what was applied to it: it is applied again, and that is drift.
	{Drifted, Update, func(w *wanted) bool { return w.tampered != nil && w.tampered.What == Undigested }},
	{Changed, Update, func(w *wanted) bool { return w.observed.Digest != w.digest }},
	{Drifted, Update, func(w *wanted) bool { return len(w.taken) > 0 }},
	{Added, Update, func(w *wanted) bool { return len(w.reclaimed) > 0 }},
	{Unknown, Update, func(w *wanted) bool { return w.everything }},
	{Reported, Keep, func(w *wanted) bool { return len(w.left)+len(w.reported) > 0 }},
}

func newWanted(in Input, rules rules, ref Ref, o *unstructured.Unstructured, there map[Ref]Observed) (wanted, error) {
	w := wanted{wave: waveOf(o), everything: in.Everything}
	var err error
	if w.digest, err = Digest(o); err != nil {
		return w, err
	}
	w.observed, w.present = there[ref]
	w.applied, w.known = in.Applied[ref]
	w.unseen = w.known && (!w.present || w.observed.Version.Before(w.applied.Version))
	if ns := namespaceRef(ref.Namespace); there[ns].Deleting {
		w.within = ns
	}
	if w.ending = in.Finished.of(w.digest); w.ending == Started {
		w.ending = w.unwatched(in, ref)
	}
	contract := clausesOf(o)
	o = sendable(o, contract)
	var silent []field.Path // what others may have without a word
	if w.present && !w.unseen && !w.observed.Foreign {
		lost, err := Lost(o, w.observed.Owners)
		if err != nil {
			return w, err
		}
		for _, f := range lost {
			switch {
			case tolerates(contract, f.Path):
			case w.known && slices.ContainsFunc(w.applied.Lost, func(p field.Path) bool { return p.Compare(f.Path) == 0 }):
			case f.Manager != "" && rules.ignored(ref, f):
				silent = append(silent, f.Path)
			case rules.correct(ref, f):
				w.taken = append(w.taken, f)
			default:
				w.left = append(w.left, f)
			}
		}
		if w.added, err = additions(o, w.observed.Owners, contract, rules); err != nil {
			return w, err
		}
		w.sortAdditions(in.Additions, rules, ref)
	}
	w.tampered = w.tampering(in, ref)
	w.decide(in, ref, o, silent)
	return w, nil
}

func (w *wanted) decide(in Input, ref Ref, o *unstructured.Unstructured, silent []field.Path) {
	w.step = Step{Ref: ref, Digest: w.digest, UID: w.observed.UID, Version: w.observed.Version}
	for _, r := range table {
		if r.when(w) {
			w.step.Action, w.step.Reason, w.step.For = r.action, r.reason, w.within
			break
		}
	}
	switch w.step.Action {
	case Create, Update, Adopt:
		// A field that others own and may keep must not be sent: to send it would be to take it.
		for _, f := range w.left {
			if f.Manager != "" {
				silent = append(silent, f.Path)
			}
		}
		w.step.Object = o
		if len(silent) > 0 {
			w.step.Object = &unstructured.Unstructured{Object: ownership.Without(o.Object, silent)}
		}
		w.step.Left, w.step.Reclaim, w.step.Tampering = slices.Concat(w.left, w.reported), w.reclaimed, w.tampered
		w.step.Force = w.step.Action == Update && in.Drift.Correct || o.GetAnnotations()[AdoptAnnotation] == enabled
		switch {
		case w.step.Reason == Drifted && w.tampered != nil:
			w.step.Fields = slices.Concat(w.taken, []ownership.Field{{Path: digestPath(), Manager: w.tampered.Manager, Time: w.tampered.At}})
		case w.step.Reason == Drifted:
			w.step.Fields = w.taken
		}
	case Keep:
		w.step.Left = slices.Concat(w.left, w.reported)
	case Delete, Blocked:
	}
	w.settled = (w.step.Action == "" || w.step.Action == Keep) && w.present && !w.unseen && w.observed.Settled
	if w.ended() {
		w.settled = w.ending == Completed
	}
}

// ended reports whether the object, as it is declared, has ended and is gone or on its way out.
func (w *wanted) ended() bool {
	return w.ending != Running && (!w.present || w.observed.Deleting && w.observed.Digest == w.digest)
}

// unwatched returns how an object ended that was there, removes itself once it has ended, and that nobody has seen ending. If it is
// gone and nobody was seen to delete it, it is done: to run it once more would be worse.
func (w *wanted) unwatched(in Input, ref Ref) Ending {
	if _, deleted := in.Vanished[ref]; w.present || w.known || deleted {
		return Running
	}
	return Completed
}

// sortAdditions decides which additions are taken back. Those that are only reported are drift that is left.
func (w *wanted) sortAdditions(policy Additions, rules rules, ref Ref) {
	for _, f := range w.added {
		switch {
		case policy == CorrectAdditions && rules.mayCorrect(ref, f):
			w.reclaimed = append(w.reclaimed, f)
		case policy != LeaveAdditions:
			w.reported = append(w.reported, f)
		}
	}
}
