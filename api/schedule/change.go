package schedule

import "time"

// change is one at which the clock of a zone is set forward or back.
type change struct {
	// at is when, in seconds since 1970; before and after are the offsets from UTC, in seconds.
	at, before, after int64
}

// by is how far the clock is set forward; less than 0 when it is set back.
func (c change) by() int64 { return c.after - c.before }

// old and fresh are what the clock on the wall shows at the change, by either offset: between them lies what is
// skipped or what comes twice.
func (c change) old() int64   { return c.at + c.before }
func (c change) fresh() int64 { return c.at + c.after }

// odd tells whether the library loses its way at the change. It counts in whole hours and looks at the day again
// when the clock shows an hour of 0, and at the hour when it shows a minute of 0. So it goes wrong where one of
// these is left out: where a clock is set within an hour, or by a part of one, as on Lord Howe and the Chatham
// Islands, and where it is set forward at midnight, as in Cairo and Santiago.
func (c change) odd() bool {
	return c.by()%hour != 0 || c.old()%hour != 0 || (c.old()+fullDay-1)/fullDay*fullDay < c.fresh()
}

// changes are those of a zone after a time and before a year, in order.
func (z zone) changes(after time.Time, endYear int) []change {
	var out []change
	t := after.In(z.location())
	_, before := t.Zone()
	for stop := midnight(endYear, time.January, 1); t.Unix() < stop; {
		_, end := t.ZoneBounds()
		if end.IsZero() {
			break // the clock is not changed any more
		}
		if !end.After(t) {
			// Where a rule holds, the bounds are cut at the 365th day, and the last of a leap year lies behind its own.
			end = t.AddDate(0, 0, 1)
		}
		_, offset := end.Zone()
		if offset != before {
			out = append(out, change{end.Unix(), int64(before), int64(offset)})
		}
		t, before = end, offset
	}
	return out
}

// horizon is how many years hold all that can happen between two firings next to each other, counted from where a
// zone lists no more changes one by one.
//
// Which days a pattern fires on, and when a zone's rule changes the clock, depends on the kind of a year alone: the
// weekday of its first day, and whether it is a leap year. Two firings next to each other lie in one year or in two
// that follow each other, for each of the months has each day of the week and, in a leap year, each of its dates. So
// what matters are the pairs of kinds. There are 21 of them, and any 40 years have them all; a test counts. Only
// the 29th of February is more than a year from the next, and any 40 years have one that is four years from it.
//
// Two more are for the year that has begun and the one that ends it.
const horizon = 42

// endYear is the year before which all that can happen has happened.
func (s Schedule) endYear(now time.Time) int {
	year := max(now.In(s.zone.location()).Year(), time.Unix(s.zone.fixed, 0).UTC().Year())
	if s.pattern.weekly() && s.zone.weekly {
		// All weeks are alike, and the rule changes the clock on the same days of the week each year.
		return year + 3
	}
	return year + horizon
}

// instant is the time at which the clock of the zone shows what is given, away from its changes.
func (z zone) instant(wall int64) int64 {
	t := time.Unix(wall, 0).UTC()
	return time.Date(t.Year(), t.Month(), t.Day(), t.Hour(), t.Minute(), t.Second(), 0, z.location()).Unix()
}
