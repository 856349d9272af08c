// Package plan decides what has to happen to bring one release into its declared state. It is a pure function
// over values: what is wanted, what was seen, what was last applied.
//
// Of Trunkline it may import nothing.
package plan

import (
	"cmp"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"k8s.io/apimachinery/pkg/types"
)

// PruneAnnotation keeps an object in the cluster when its value is "disabled", whatever the repository says.
const PruneAnnotation = "trunkline.dev/prune"

// Ref names an object in a cluster, whatever the version it is written in.
type Ref struct {
	schema.GroupKind
	Namespace string
	Name      string
}

// RefOf gives the name of an object.
func RefOf(o *unstructured.Unstructured) Ref {
	return Ref{GroupKind: o.GroupVersionKind().GroupKind(), Namespace: o.GetNamespace(), Name: o.GetName()}
}

// String gives "Kind.group namespace/name", without the parts that are empty.
func (r Ref) String() string {
	if r.Namespace == "" {
		return r.GroupKind.String() + " " + r.Name
	}
	return r.GroupKind.String() + " " + r.Namespace + "/" + r.Name
}

// Compare orders by group, kind, namespace and name.
func (r Ref) Compare(o Ref) int {
	return cmp.Or(cmp.Compare(r.Group, o.Group), cmp.Compare(r.Kind, o.Kind),
		cmp.Compare(r.Namespace, o.Namespace), cmp.Compare(r.Name, o.Name))
}

// Member is an object in the cluster that carries the label of the release.
type Member struct {
	Ref Ref
	UID types.UID
	// Keep is true if the object says that it must not be pruned.
	Keep bool
	// Deleting is true once the object's deletion was asked for.
	Deleting bool
}

// Input is what a plan is made from.
type Input struct {
	// Desired is what the release renders to. It is not changed.
	Desired []*unstructured.Unstructured
	// Members is what the cluster holds of the release.
	Members []Member
	// Applied maps an object to the digest of what was last applied to it, as far as it is known to be there
	// still.
	Applied map[Ref]string
	// Everything asks to apply also what is known to be there already, to bring back what others changed.
	Everything bool
}

// Action is an object to apply, and its digest to remember once that is done.
type Action struct {
	Ref    Ref
	Object *unstructured.Unstructured
	Digest string
	Reason Reason
}

// Reason says why an object is in the plan.
type Reason string

// The reasons.
const (
	Missing  Reason = "missing"        // the cluster does not have it
	Changed  Reason = "changed"        // it renders to something new
	Unknown  Reason = "unknown"        // it is there, but not known to be as declared
	Disabled Reason = "prune disabled" // it would be deleted, but says that it must stay
	Occupied Reason = "not empty"      // it would be deleted, but holds what must stay
)

// Kept is an object that stays although it is not declared any more.
type Kept struct {
	Ref    Ref
	Reason Reason
}

// Plan is what has to happen, in this order: the stages of Apply one after the other, then those of Prune.
// Inside a stage the order does not matter.
type Plan struct {
	Apply [][]Action
	Prune [][]Member
	Keep  []Kept
	// Unchanged counts the objects that need nothing.
	Unchanged int
}

// Empty tells that there is nothing to do.
func (p Plan) Empty() bool { return len(p.Apply) == 0 && len(p.Prune) == 0 }

// Compute makes the plan. Equal inputs give equal plans, in whatever order their parts come.
func Compute(in Input) (Plan, error) {
	var p Plan
	there := map[Ref]Member{}
	for _, m := range in.Members {
		there[m.Ref] = m
	}
	wanted := map[Ref]bool{}
	stages := map[int][]Action{}
	for _, o := range in.Desired {
		ref := RefOf(o)
		if wanted[ref] {
			return Plan{}, fmt.Errorf("planning: the release holds %s twice", ref)
		}
		wanted[ref] = true
		digest, err := Digest(o)
		if err != nil {
			return Plan{}, fmt.Errorf("planning %s: %w", ref, err)
		}
		reason := decide(in, there, ref, digest)
		if reason == "" {
			p.Unchanged++
			continue
		}
		s := stage(ref.GroupKind)
		stages[s] = append(stages[s], Action{Ref: ref, Object: o, Digest: digest, Reason: reason})
	}
	for _, s := range sortedKeys(stages) {
		slices.SortFunc(stages[s], func(a, b Action) int { return a.Ref.Compare(b.Ref) })
		p.Apply = append(p.Apply, stages[s])
	}
	p.prune(in.Members, wanted)
	return p, nil
}

// decide says why an object has to be applied; the first row that matches wins.
func decide(in Input, there map[Ref]Member, ref Ref, digest string) Reason {
	applied, known := in.Applied[ref]
	member, present := there[ref]
	switch {
	case known && applied != digest:
		return Changed
	case known && !in.Everything:
		return "" // applied before, and no deletion was seen since
	case !present || member.Deleting:
		return Missing
	default:
		return Unknown
	}
}

// prune takes in what is there and not wanted, in the reverse order of applying: what runs goes first, and what
// it stands on last.
func (p *Plan) prune(members []Member, wanted map[Ref]bool) {
	stages := map[int][]Member{}
	occupied := map[string]bool{} // namespaces with something in them that stays
	groups := map[string]bool{}   // groups of kinds of which something stays that says so
	for ref := range wanted {
		occupied[ref.Namespace] = true
	}
	for _, m := range members {
		if m.Keep {
			occupied[m.Ref.Namespace] = true
			groups[m.Ref.Group] = true
		}
	}
	for _, m := range members {
		switch {
		case wanted[m.Ref] || m.Deleting:
		case m.Keep:
			p.Keep = append(p.Keep, Kept{Ref: m.Ref, Reason: Disabled})
		case m.Ref.Group == "" && m.Ref.Kind == "Namespace" && occupied[m.Ref.Name]:
			p.Keep = append(p.Keep, Kept{Ref: m.Ref, Reason: Occupied})
		case groups[definedGroup(m.Ref)]:
			p.Keep = append(p.Keep, Kept{Ref: m.Ref, Reason: Occupied})
		default:
			s := -stage(m.Ref.GroupKind)
			stages[s] = append(stages[s], m)
		}
	}
	for _, s := range sortedKeys(stages) {
		slices.SortFunc(stages[s], func(a, b Member) int { return a.Ref.Compare(b.Ref) })
		p.Prune = append(p.Prune, stages[s])
	}
	slices.SortFunc(p.Keep, func(a, b Kept) int { return a.Ref.Compare(b.Ref) })
}

// Digest identifies the content of an object.
func Digest(o *unstructured.Unstructured) (string, error) {
	data, err := o.MarshalJSON() // keys are sorted
	if err != nil {
		return "", err
	}
	sum := sha256.Sum256(data)
	return hex.EncodeToString(sum[:]), nil
}
