// SPDX-License-Identifier: Apache-2.0

// Package ingress decides which manifests a boundary writes, of what is in the path of its dataset and of the manifests that are there:
// each object that is data is in the manifest of one lot. Only what a listing says counts, so that it makes no difference in which order
// objects arrive, who told of them, how often, or whether anybody did.
//
// It is pure. Of Trunkline it imports api/boundary, api/lot and flow/manifest.
package ingress

import (
	"iter"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/boundary"
	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
)

// Boundary is a boundary in one environment.
type Boundary struct {
	// ID is "project/workload".
	ID string
	boundary.Spec
	Dataset manifest.Dataset
	Unit    lot.Unit
	// Since is where the first lot starts.
	Since time.Time
	// Retention is how long a lot is kept from its end on; 0 for ever.
	Retention time.Duration
	// Location is where the data of the dataset are, such as "s3://lake/orders/".
	Location string
	// Apart are the beginnings of keys that are no data whatever the filter says: manifests lie there.
	Apart []string
}

// Object is one that a listing has, by its key relative to the location.
type Object struct {
	Key string
	// Written is when it was, by the clock of the store.
	Written time.Time
	// ETag changes when the content does.
	ETag string
}

const (
	// MaxObjects is how many objects a boundary looks at, of those whose lots are kept.
	MaxObjects = 500_000
	// MaxListed is how many objects the manifest of a lot can list.
	MaxListed = 100_000
)

// Arrived is what has arrived, by lot.
type Arrived struct {
	lots map[lot.Lot][]Object
	// there are the keys of all objects whose lots may be kept, data or not.
	there map[string]bool
	// next is when the next lot begins of which there is something already; zero if there is none.
	next time.Time
	// Passed counts the objects that are data and will be of no lot, by why.
	Passed map[string]int
	// More says that there are more than [MaxObjects], so that nothing can be said.
	More bool
}

// Why an object that is data is of no lot.
const (
	noTime  = "without a time in the key"
	noURI   = "with a key that a manifest cannot list"
	tooOld  = "of before the first lot that is kept"
	tooSoon = "of a lot that has not begun"
)

// Sort finds the lots of objects. It stops at [MaxObjects], and at an error, which it returns.
func (b Boundary) Sort(objects iter.Seq2[Object, error], now time.Time) (Arrived, error) {
	a := Arrived{lots: map[lot.Lot][]Object{}, there: map[string]bool{}, Passed: map[string]int{}}
	for o, err := range objects {
		if err != nil {
			return Arrived{}, err
		}
		if b.apart(o.Key) {
			continue
		}
		l, why := b.lotOf(o, now)
		if why == tooOld {
			continue
		}
		if len(a.there) == MaxObjects {
			a.More = true
			return a, nil
		}
		a.there[o.Key] = true
		switch {
		case !b.Filter.Match(o.Key):
			continue
		case why == "" && !b.listable(o.Key, l):
			why = noURI
		case why == tooSoon && (a.next.IsZero() || l.Start.Before(a.next)):
			a.next = l.Start
		}
		switch why {
		case "":
			a.lots[l] = append(a.lots[l], o)
		case noTime, noURI:
			a.Passed[why]++
		}
	}
	return a, nil
}

func (b Boundary) apart(key string) bool {
	for _, prefix := range b.Apart {
		if strings.HasPrefix(key, prefix) {
			return true
		}
	}
	return false
}

// lotOf is the lot of an object; why says that it is of none.
func (b Boundary) lotOf(o Object, now time.Time) (l lot.Lot, why string) {
	t := o.Written
	if b.Source == boundary.Key {
		var err error
		if t, err = b.Time.Of(o.Key); err != nil {
			return lot.Lot{}, noTime
		}
	}
	l = b.Unit.At(t)
	switch {
	case !b.kept(l, now):
		return lot.Lot{}, tooOld
	case l.Start.After(now):
		return l, tooSoon
	}
	return l, ""
}

// kept reports whether a lot is declared, and young enough.
func (b Boundary) kept(l lot.Lot, now time.Time) bool {
	return !l.Start.Before(b.Since) && (b.Retention == 0 || l.End().Add(b.Retention).After(now))
}

// listable reports whether a manifest of a lot can list a key, so that whoever reads it finds that object and no other.
func (b Boundary) listable(key string, l lot.Lot) bool {
	m := manifest.Manifest{State: manifest.Complete, LotID: l.ID(), URIType: manifest.Identifier, URIs: []string{manifest.URI(b.Location, key)}}
	return m.Check() == nil && m.Within(b.key(l, manifest.Complete), b.Location) == nil
}

func (b Boundary) key(l lot.Lot, state manifest.State) manifest.Key {
	return manifest.Key{Dataset: b.Dataset, Lot: l, State: state}
}

// due reports whether a manifest of a lot can be written.
func (b Boundary) due(l lot.Lot, now time.Time) bool {
	if b.Arrival == boundary.Immediate {
		return !l.Start.After(now)
	}
	return !l.End().Add(b.Lateness).After(now)
}

// next is when something is to be written again although nothing more arrives; zero if that is never so.
func (b Boundary) next(a Arrived, now time.Time) time.Time {
	if b.Arrival == boundary.Immediate {
		return a.next
	}
	return b.Unit.At(now.Add(-b.Lateness)).End().Add(b.Lateness)
}
