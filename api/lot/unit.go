// SPDX-License-Identifier: Apache-2.0

// Package lot divides time into lots: fixed UTC intervals, each with an id. A dataset is a series of them.
//
// The ids are those of Clusterless: the UTC day, the length of the interval as an ISO 8601 duration, and the three
// digits of the interval's place in its day, as in "20230206PT5M286". Lots of an hour and of a day, which
// Clusterless does not have, are named in the same manner: "20230206PT1H023", "20230206P1D000". So for every unit:
//
//   - the id names its unit, and can be read back without knowing it;
//   - the order of ids as texts is the order in time, among lots of one unit;
//   - the next id is one more, within a day, and a day is complete when it has all numbers from 000 on.
//
// The day counts 24 hours: UTC has no daylight saving, and a leap second belongs to the lot of the second before it,
// which is how clocks of computers tell it. Lots begin in the years 1 to 9999, which is what an id can say. Of what
// would lie outside of them, functions give the zero [Lot], or nothing.
//
// The package is pure. It may import nothing of Trunkline.
package lot

import (
	"fmt"
	"strings"
	"time"
)

// Unit is the length of lots. The zero value is none.
type Unit uint8

// The units. Their names are those that declarations use, in any case.
const (
	// Fourths are of 15 minutes, 96 a day: fourths of an hour.
	Fourths Unit = iota + 1
	// Sixths are of 10 minutes, 144 a day.
	Sixths
	// Twelfths are of 5 minutes, 288 a day.
	Twelfths
	// Hourly lots are of an hour, 24 a day.
	Hourly
	// Daily lots are of a day, from midnight UTC.
	Daily
)

const day = 24 * 60 * 60 // in seconds

// all are the units, from the finest to the coarsest.
func all() [5]Unit { return [...]Unit{Twelfths, Sixths, Fourths, Hourly, Daily} }

// Units are all units, from the finest to the coarsest.
func Units() []Unit {
	units := all()
	return units[:]
}

// ParseUnit reads the name of a unit, in any case.
func ParseUnit(name string) (Unit, error) {
	for _, u := range all() {
		if strings.EqualFold(name, u.String()) {
			return u, nil
		}
	}
	return 0, fmt.Errorf("%.40q is not a unit of lots; want one of: %s", name, strings.Join(Names(), ", "))
}

// Names are the names of all units, from the finest to the coarsest.
func Names() []string {
	var names []string
	for _, u := range all() {
		names = append(names, u.String())
	}
	return names
}

// String returns the name of the unit, as declarations write it.
func (u Unit) String() string {
	switch u {
	case Fourths:
		return "Fourths"
	case Sixths:
		return "Sixths"
	case Twelfths:
		return "Twelfths"
	case Hourly:
		return "hourly"
	case Daily:
		return "daily"
	}
	return fmt.Sprintf("Unit(%d)", uint8(u))
}

// Valid reports whether the unit is one.
func (u Unit) Valid() bool { return u.seconds() != 0 }

// Duration is the length of a lot.
func (u Unit) Duration() time.Duration { return time.Duration(u.seconds()) * time.Second }

// PerDay is how many lots a day has; 0 for what is not a unit.
func (u Unit) PerDay() int {
	if !u.Valid() {
		return 0
	}
	return int(day / u.seconds())
}

// Finer reports whether lots of the unit are shorter than those of another.
func (u Unit) Finer(other Unit) bool { return u.seconds() < other.seconds() }

// Coarser reports whether lots of the unit are longer than those of another.
func (u Unit) Coarser(other Unit) bool { return u.seconds() > other.seconds() }

// Divides reports whether each lot of a coarser unit, or of the same, is made of whole lots of this one. Sixths do
// not divide fourths: 15 minutes are one and a half of 10.
func (u Unit) Divides(coarse Unit) bool {
	return u.Valid() && coarse.Valid() && coarse.seconds()%u.seconds() == 0
}

// Aligned reports whether a lot starts at a time exactly.
func (u Unit) Aligned(t time.Time) bool {
	l := u.At(t)
	return !l.IsZero() && l.Start.Equal(t)
}

func (u Unit) seconds() int64 {
	switch u {
	case Fourths:
		return 15 * 60
	case Sixths:
		return 10 * 60
	case Twelfths:
		return 5 * 60
	case Hourly:
		return 60 * 60
	case Daily:
		return day
	}
	return 0
}
