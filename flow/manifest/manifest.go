// SPDX-License-Identifier: Apache-2.0

// Package manifest is the format of manifests, and where they are: as Clusterless has both, so that either system reads
// what the other wrote. A manifest says of one lot of a dataset what data there are.
//
// It is pure. Of Trunkline it imports api/lot only.
package manifest

import "slices"

// State is what a manifest says of its lot.
type State string

// The states.
const (
	// Complete is a lot whose data are all there.
	Complete State = "complete"
	// Empty is a lot that has no data, and is not waited for.
	Empty State = "empty"
	// Partial is what an attempt left that failed on the way. It does not count.
	Partial State = "partial"
	// Removed is what counted before, and does no more.
	Removed State = "removed"
)

// Counts reports whether the lot of a manifest in this state is there.
func (s State) Counts() bool { return s == Complete || s == Empty }

// Attempted reports whether a lot can have several manifests in this state, one for each attempt.
func (s State) Attempted() bool { return s == Partial || s == Removed }

// Valid reports whether it is one of the states.
func (s State) Valid() bool { return s.Counts() || s.Attempted() }

// URIType says what the URIs of a manifest name.
type URIType string

// The types.
const (
	// Identifier is an object: it does not end in "/".
	Identifier URIType = "identifier"
	// Path is a folder, with all that is in it: it ends in "/".
	Path URIType = "path"
	// Prefix is the beginning of the keys of objects, which are found by listing.
	Prefix URIType = "prefix"
)

// Manifest says what data a lot of a dataset has.
type Manifest struct {
	State State
	// Comment is for people; nil: none.
	Comment *string
	// LotID is the id of the lot, as [lot.Lot.ID] has it.
	LotID string
	// URIType says what URIs are.
	URIType URIType
	// URIs are what the lot has, in no order that means something. They are URIs: a character that those cannot have is written
	// with "%".
	URIs []string
}

// Same reports whether two manifests say the same of the data, whatever their comments are.
func (m Manifest) Same(o Manifest) bool {
	return m.State == o.State && m.LotID == o.LotID && m.URIType == o.URIType && slices.Equal(m.URIs, o.URIs)
}
