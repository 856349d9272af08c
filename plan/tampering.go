// SPDX-License-Identifier: Apache-2.0

package plan

import (
	"time"

	"k8s.io/apimachinery/pkg/types"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/plan/ownership"
)

// PartOfLabel is the label by which an object is a member of a release.
const PartOfLabel = "applyset.kubernetes.io/part-of"

// Tampered is what someone has done to an object as a whole, so that it is applied again although its declaration has not
// changed.
type Tampered string

// What can be done to an object.
const (
	// Deleted is an object that someone deleted.
	Deleted Tampered = "deleted"
	// Unlabelled is one whose label was removed, by which it is known.
	Unlabelled Tampered = "label removed"
	// Undigested is one whose digest was removed or changed, by which it is known what was applied.
	Undigested Tampered = "digest changed"
)

// Tampering says what was done to an object, when, and by whom, as far as that is known: managedFields name who writes, and
// never who deletes.
type Tampering struct {
	What    Tampered
	At      time.Time
	Manager string
}

// Vanished is an object as it was last seen, that is not there any more and was not deleted by us.
type Vanished struct {
	UID types.UID
	// At is when its deletion was asked for, or when it was seen to be gone.
	At time.Time
}

// Found returns what was done to the object now that it was applied again: the API server reports whether it is the same object
// as before, whose label had been removed, or another one.
func (t Tampering) Found(before, now types.UID) Tampering {
	if t.What == Deleted && before != "" && before == now {
		t.What = Unlabelled
	}
	return t
}

// tampering finds what was done to a declared object, if it is to be applied for that.
func (w *wanted) tampering(in Input, ref Ref) *Tampering {
	if v, ok := in.Vanished[ref]; ok && !w.present {
		return &Tampering{What: Deleted, At: v.At}
	}
	if !w.present || w.unseen || w.observed.Foreign || w.observed.Digest == w.digest || w.observed.Owners.Ours == "" {
		return nil
	}
	// Our entry has the digest for as long as nobody else has touched it.
	owner, ours, err := ownership.Who(w.observed.Owners, digestPath())
	if err != nil || ours {
		return nil
	}
	return &Tampering{What: Undigested, At: owner.Time, Manager: owner.Name}
}

func digestPath() field.Path {
	return field.Path{{Field: "metadata"}, {Field: "annotations"}, {Field: DigestAnnotation}}
}
