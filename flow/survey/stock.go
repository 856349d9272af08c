// SPDX-License-Identifier: Apache-2.0

package survey

import (
	"iter"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
)

// Stock is what stores have of the lots of datasets, by the ids of the datasets; of one that has not been listed there is nothing. It does
// not change: any goroutine may read it. A nil Stock has nothing.
type Stock struct{ columns map[string]*column }

// column is what there is of the lots of one dataset, sorted. A million of them take some 40 MB and their ETags; as a map, several times that.
type column struct {
	unit    lot.Unit
	starts  []int64 // in seconds since 1970
	states  []plan.State
	written []int64 // in nanoseconds since 1970
	etags   []string
	partial map[int64]map[string]time.Time
}

// Has reports whether a dataset was listed.
func (s *Stock) Has(dataset string) bool { return s != nil && s.columns[dataset] != nil }

// Datasets lists those that were, sorted.
func (s *Stock) Datasets() []string {
	if s == nil {
		return nil
	}
	return slices.Sorted(maps.Keys(s.columns))
}

// Unit is that of the lots of a dataset.
func (s *Stock) Unit(dataset string) lot.Unit {
	if !s.Has(dataset) {
		return 0
	}
	return s.columns[dataset].unit
}

// Len is how many lots there is anything of.
func (s *Stock) Len() (n int) {
	if s != nil {
		for _, c := range s.columns {
			n += len(c.starts)
		}
	}
	return n
}

// Count is how many lots of a dataset there is anything of.
func (s *Stock) Count(dataset string) int {
	if !s.Has(dataset) {
		return 0
	}
	return len(s.columns[dataset].starts)
}

// Lot is what there is of a lot; the zero value if there is nothing.
func (s *Stock) Lot(at At) Lot {
	if !s.Has(at.Series) {
		return Lot{}
	}
	c := s.columns[at.Series]
	i, found := c.find(at.Lot.Start.Unix())
	if !found || at.Lot.Unit != c.unit {
		return Lot{}
	}
	return c.lot(i)
}

// find is where a lot is. Those of most datasets lie without gaps, so that it is where it is looked first.
func (c *column) find(start int64) (i int, found bool) {
	if len(c.starts) == 0 || start < c.starts[0] || start > c.starts[len(c.starts)-1] {
		return 0, false
	}
	if i := (start - c.starts[0]) / int64(c.unit.Duration()/time.Second); i < int64(len(c.starts)) && c.starts[i] == start {
		return int(i), true
	}
	return slices.BinarySearch(c.starts, start)
}

func (c *column) lot(i int) Lot {
	out := Lot{Mark: plan.Mark{State: c.states[i], Written: timeOf(c.written[i])}, ETag: c.etags[i]}
	if len(c.partial) > 0 {
		out.Partial = c.partial[c.starts[i]]
	}
	return out
}

// Lots are those of a dataset of which there is anything, the oldest first.
func (s *Stock) Lots(dataset string) iter.Seq2[lot.Lot, Lot] { return s.After(dataset, time.Time{}) }

// Marks are what is planned with of the lots of a dataset of which there is anything, the oldest first.
func (s *Stock) Marks(dataset string) iter.Seq2[lot.Lot, plan.Mark] {
	return func(yield func(lot.Lot, plan.Mark) bool) {
		if !s.Has(dataset) {
			return
		}
		c := s.columns[dataset]
		for i, start := range c.starts {
			if !yield(lot.Lot{Unit: c.unit, Start: time.Unix(start, 0).UTC()}, plan.Mark{State: c.states[i], Written: timeOf(c.written[i])}) {
				return
			}
		}
	}
}

// After are the lots of a dataset of which anything was written after a time, or of which an attempt ever failed, the oldest first. It costs
// next to nothing for the others; the zero time is before all.
func (s *Stock) After(dataset string, since time.Time) iter.Seq2[lot.Lot, Lot] {
	return func(yield func(lot.Lot, Lot) bool) {
		if !s.Has(dataset) {
			return
		}
		c, after := s.columns[dataset], instant(since)
		for i, start := range c.starts {
			if c.written[i] <= after && !since.IsZero() && (len(c.partial) == 0 || c.partial[start] == nil) {
				continue
			}
			if !yield(c.unit.At(time.Unix(start, 0)), c.lot(i)) {
				return
			}
		}
	}
}

// Failed are the lots of which any attempt has failed.
func (s *Stock) Failed() iter.Seq2[At, Lot] {
	return func(yield func(At, Lot) bool) {
		if s == nil {
			return
		}
		for id, c := range s.columns {
			for start := range c.partial {
				i, _ := c.find(start)
				if !yield(At{id, c.unit.At(time.Unix(start, 0))}, c.lot(i)) {
					return
				}
			}
		}
	}
}

// With is a stock with the datasets of a newer one in place of its own.
func (s *Stock) With(newer *Stock) *Stock {
	out := &Stock{map[string]*column{}}
	for _, from := range []*Stock{s, newer} {
		if from != nil {
			maps.Copy(out.columns, from.columns)
		}
	}
	return out
}

// Only is a stock without the datasets that are not asked for.
func (s *Stock) Only(wanted func(dataset string) bool) *Stock {
	out := &Stock{map[string]*column{}}
	if s != nil {
		maps.Copy(out.columns, s.columns)
		maps.DeleteFunc(out.columns, func(id string, _ *column) bool { return !wanted(id) })
	}
	return out
}

// Changed are the lots of which a newer stock has something else, among the datasets that it has.
func (s *Stock) Changed(newer *Stock) (all []At) {
	if newer == nil {
		return nil
	}
	for _, id := range newer.Datasets() {
		was, is := &column{}, newer.columns[id]
		if s.Has(id) {
			was = s.columns[id]
		}
		if was.unit != is.unit {
			for start := range slices.Values(was.starts) {
				all = append(all, At{id, was.unit.At(time.Unix(start, 0))})
			}
			was = &column{}
		}
		for start := range was.differ(is) {
			all = append(all, At{id, is.unit.At(time.Unix(start, 0))})
		}
	}
	return all
}

// differ are the starts of the lots that differ, side by side.
func (c *column) differ(is *column) iter.Seq[int64] {
	return func(yield func(int64) bool) {
		for i, j := 0, 0; i < len(c.starts) || j < len(is.starts); {
			var start int64
			switch {
			case j == len(is.starts) || i < len(c.starts) && c.starts[i] < is.starts[j]:
				start = c.starts[i]
				i++
			case i == len(c.starts) || is.starts[j] < c.starts[i]:
				start = is.starts[j]
				j++
			default:
				start = c.starts[i]
				same := c.states[i] == is.states[j] && c.written[i] == is.written[j] && c.etags[i] == is.etags[j] &&
					(len(c.partial)+len(is.partial) == 0 || maps.EqualFunc(c.partial[start], is.partial[start], time.Time.Equal))
				i, j = i+1, j+1
				if same {
					continue
				}
			}
			if !yield(start) {
				return
			}
		}
	}
}

// Maker makes a stock, dataset by dataset. The zero value has none.
type Maker struct {
	stock Stock
	last  *column
	id    string
}

// Dataset adds a dataset of which there may be nothing.
func (m *Maker) Dataset(id string, u lot.Unit) {
	if m.stock.columns == nil {
		m.stock.columns = map[string]*column{}
	}
	if m.stock.columns[id] == nil {
		m.stock.columns[id] = &column{unit: u}
	}
}

// Add adds a lot of a dataset that was added, after all earlier ones of it. It is false if the lot is not later, or is not of the dataset.
func (m *Maker) Add(at At, f Lot) bool {
	if m.last == nil || m.id != at.Series {
		m.last, m.id = m.stock.columns[at.Series], at.Series
	}
	c, start := m.last, at.Lot.Start.Unix()
	if c == nil || at.Lot.Unit != c.unit || len(c.starts) > 0 && c.starts[len(c.starts)-1] >= start {
		return false
	}
	if f.State == plan.None {
		return true
	}
	c.starts, c.states = append(c.starts, start), append(c.states, f.State)
	c.written, c.etags = append(c.written, instant(f.Written)), append(c.etags, strings.Clone(f.ETag))
	if len(f.Partial) > 0 {
		if c.partial == nil {
			c.partial = map[int64]map[string]time.Time{}
		}
		c.partial[start] = f.Partial
	}
	return true
}

// Stock is what was added. Nothing is to be added after it.
func (m *Maker) Stock() *Stock {
	for _, c := range m.stock.columns { // what was set aside for more is not kept
		c.starts, c.states, c.written, c.etags = slices.Clip(c.starts), slices.Clip(c.states), slices.Clip(c.written), slices.Clip(c.etags)
	}
	return &m.stock
}

// instant is a time as it is kept; of a store whose clock is centuries away, nothing is known.
func instant(t time.Time) int64 {
	if t.Year() < 1700 || t.Year() > 2200 {
		return 0
	}
	return t.UnixNano()
}

// kept is a time as a stock has it, so that one lot that is looked at alone is the same as in a listing.
func kept(t time.Time) time.Time { return timeOf(instant(t)) }

func timeOf(i int64) time.Time {
	if i == 0 {
		return time.Time{}
	}
	return time.Unix(0, i).UTC()
}
