// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

// Prune is what an object says about being pruned, in [PruneAnnotation].
type Prune string

// What an object can say.
const (
	PruneDisabled Prune = "disabled" // it stays, whatever the repository says
	PruneEnabled  Prune = "enabled"  // it goes, although it holds data
)

const enabled = "enabled"

// The annotations by which an object says what may be done to it.
const (
	// PruneAnnotation keeps an object in the cluster when its value is "disabled", whatever the repository says; with
	// "enabled", an object that holds data is pruned like any other.
	PruneAnnotation = "trunkline.dev/prune"
	// AdoptAnnotation takes over, with "enabled", fields of an object that someone else has made.
	AdoptAnnotation = "trunkline.dev/adopt"
	// ReplaceAnnotation lets, with "enabled", an object be deleted and made again when what cannot change changes.
	ReplaceAnnotation = "trunkline.dev/replace"
	// WaveAnnotation says when an object is applied: those of a lower wave come first, and have to be healthy.
	WaveAnnotation = "trunkline.dev/wave"
	// DigestAnnotation is written by Trunkline: it identifies what was last applied.
	DigestAnnotation = "trunkline.dev/digest"
)

// prune plans for what is there and not declared, in the reverse order of applying: what runs goes first, and what
// it stands on last. While something is blocked nothing is pruned: what is new does not stand in for the old yet.
func (p *Plan) prune(in Input, desired map[Ref]*unstructured.Unstructured) {
	stages := map[int][]Step{}
	k := keeping(in, desired)
	blocked := len(p.Blocked()) > 0
	for _, o := range in.Observed {
		if desired[o.Ref] != nil || o.Deleting || o.Foreign || o.Origin == ByRun && !in.Remove {
			continue
		}
		step := Step{Action: Delete, Ref: o.Ref, Reason: Removed, UID: o.UID, Version: o.Version}
		step.Loses = o.Prune != PruneEnabled && losing(o.Ref) && !in.leavesNothing()
		if step.Origin = o.Origin; isNamespace(o.Ref) {
			step.Origin = Platform
		}
		if reason := k.reason(o); reason != "" {
			step.Action, step.Reason = Keep, reason
		} else if blocked {
			step.Action, step.Reason = Blocked, Waiting
		}
		if step.Action != Delete {
			p.Rest = append(p.Rest, step)
			continue
		}
		s := -stage(o.Ref.GroupKind)
		if o.Origin == Platform && !isNamespace(o.Ref) {
			s = -stageAccess
		}
		stages[s] = append(stages[s], step)
	}
	for _, s := range sortedKeys(stages) {
		slices.SortFunc(stages[s], func(a, b Step) int { return a.Ref.Compare(b.Ref) })
		p.Prune = append(p.Prune, stages[s])
	}
}

// losing reports whether objects of a kind take others with them.
func losing(ref Ref) bool {
	return isNamespace(ref) || stage(ref.GroupKind) == stageDefinitions
}

// kept knows what stays, and so what has to stay with it.
type kept struct {
	nothing  bool            // whether nothing stays for its own sake
	occupied map[string]bool // namespaces with something in them that stays
	stays    map[string]bool // namespaces with nothing declared in them, and something that stays
	groups   map[string]bool // groups of kinds of which something stays
}

// leavesNothing reports whether a removal leaves neither data nor what says that it must stay.
func (in Input) leavesNothing() bool { return in.Remove && in.Disposable }

func keeping(in Input, desired map[Ref]*unstructured.Unstructured) kept {
	k := kept{nothing: in.leavesNothing(), occupied: map[string]bool{}, stays: map[string]bool{}, groups: map[string]bool{}}
	for ref := range desired {
		k.occupied[ref.Namespace] = true
	}
	for _, o := range in.Observed {
		if desired[o.Ref] == nil && !o.Deleting && k.ownReason(o) != "" {
			k.stays[o.Ref.Namespace] = k.stays[o.Ref.Namespace] || !k.occupied[o.Ref.Namespace]
			k.occupied[o.Ref.Namespace] = true
			k.groups[o.Ref.Group] = true
		}
	}
	return k
}

// reason says why an object that is not declared stays; empty if it does not.
func (k kept) reason(o Observed) Reason {
	switch {
	case k.ownReason(o) != "":
		return k.ownReason(o)
	case isNamespace(o.Ref) && k.occupied[o.Ref.Name], k.groups[definedGroup(o.Ref)]:
		return Occupied
	case o.Origin == Platform && k.stays[o.Ref.Namespace]:
		return Occupied // someone has to delete what stays, later
	default:
		return ""
	}
}

// ownReason says why an object stays for its own sake.
func (k kept) ownReason(o Observed) Reason {
	switch {
	case o.Undecided:
		return Undecided
	case o.Moves != "":
		return Moving
	case k.nothing:
		return ""
	case o.Prune == PruneDisabled:
		return Disabled
	case o.Ref.Group == "" && (o.Ref.Kind == "PersistentVolumeClaim" || o.Ref.Kind == "PersistentVolume") && o.Prune != PruneEnabled:
		return Data
	default:
		return ""
	}
}
