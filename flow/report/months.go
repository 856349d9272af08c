// SPDX-License-Identifier: Apache-2.0

package report

import (
	"time"

	"trunkline.dev/trunkline/api/lot"
)

// Month counts the lots of a dataset that start in a month: those that are due and kept, and those of them that are there.
type Month struct {
	Start      time.Time
	Due, There int64
}

// Missing counts those that are not there.
func (m Month) Missing() int64 { return m.Due - m.There }

// Months are those from the first lot that is kept to the newest that is due. However many lots there are, they cost little.
func (v View) Months(id string) []Month {
	s, ok := v.Graph.Series(id)
	if !ok {
		return nil
	}
	r := v.Kept(id)
	from, until := v.bounds(s, r)
	var out []Month
	for start := MonthOf(from); start.Before(until); start = start.AddDate(0, 1, 0) {
		m := Month{Start: start}
		first, end := start, start.AddDate(0, 1, 0)
		if first.Before(from) {
			first = from
		}
		if until.Before(end) {
			end = until
		}
		if m.Due = lot.Count(s.Unit, first, end); m.Due > 0 {
			m.There = v.Planner.There(id, first, end)
			out = append(out, m)
		}
	}
	return out
}

// MonthOf is the start of the month that a time lies in, in UTC.
func MonthOf(t time.Time) time.Time {
	year, month, _ := t.UTC().Date()
	return time.Date(year, month, 1, 0, 0, 0, 0, time.UTC)
}

// Kept is the range of the lots of a dataset that are kept by what it declares: older ones are not missed.
func (v View) Kept(id string) Range {
	s, ok := v.Graph.Series(id)
	if !ok {
		return Range{}
	}
	r := Range{From: s.Since}
	if s.Retention > 0 {
		if oldest := s.Unit.At(v.Now.Add(-s.Retention)); oldest.Start.After(r.From) {
			r.From = oldest.Start
		}
	}
	return r
}

// FirstMissing is the first lot of a dataset that is due and kept, and not there; false if all are.
func (v View) FirstMissing(id string) (lot.Lot, bool) {
	for l := range v.missing(id, v.Kept(id)) {
		return l, true
	}
	return lot.Lot{}, false
}
