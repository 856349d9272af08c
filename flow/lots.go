// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/store"
)

// seriesLot is a lot of a dataset, by the id of the series.
type seriesLot struct {
	series string
	lot    lot.Lot
}

// arcLot is a lot of a workload, by the id of the arc.
type arcLot struct {
	arc string
	lot lot.Lot
}

// found is what a store has of a lot.
type found struct {
	mark plan.Mark
	// etag is that of the manifest that counts.
	etag string
	// partial are the attempts that failed, with when that was written down.
	partial map[string]time.Time
}

// same reports whether the plan has nothing to learn of a change.
func (f found) same(o found) bool {
	return f.mark.State == o.mark.State && f.mark.Written.Equal(o.mark.Written)
}

// fold makes of what is listed of one lot what counts. Of two manifests that say that they count, none does: they say different things.
func fold(entries []store.Entry) found {
	var f found
	counting := 0
	for _, e := range entries {
		if e.Stray != nil {
			continue
		}
		switch e.Key.State {
		case manifest.Complete, manifest.Empty:
			counting++
			f.mark, f.etag = plan.Mark{State: stateOf(e.Key.State), Written: e.Written}, e.ETag
		case manifest.Partial:
			if f.partial == nil {
				f.partial = map[string]time.Time{}
			}
			f.partial[e.Key.Attempt] = e.Written
		case manifest.Removed: // below, if nothing counts
		}
	}
	switch {
	case counting == 1:
		return f
	case counting > 1:
		f.mark, f.etag = plan.Mark{State: plan.Partial, Written: f.mark.Written}, ""
		return f
	}
	for _, e := range entries {
		if e.Stray == nil && (e.Key.State == manifest.Removed || e.Key.State == manifest.Partial && f.mark.State != plan.Removed) &&
			(e.Written.After(f.mark.Written) || stateOf(e.Key.State) == plan.Removed && f.mark.State != plan.Removed) {
			f.mark = plan.Mark{State: stateOf(e.Key.State), Written: e.Written}
		}
	}
	return f
}

func stateOf(s manifest.State) plan.State {
	switch s {
	case manifest.Complete:
		return plan.Complete
	case manifest.Empty:
		return plan.Empty
	case manifest.Partial:
		return plan.Partial
	case manifest.Removed:
		return plan.Removed
	}
	return plan.None
}

// epoch stands for what a lot of an arc was before it is made: for its manifests that count, or that were removed. What failed
// attempts leave changes nothing.
func epoch(a plan.Arc, l lot.Lot, have map[seriesLot]found) string {
	var text strings.Builder
	for _, series := range a.Writes {
		mark := have[seriesLot{series, l}].mark
		if mark.State.There() || mark.State == plan.Removed {
			text.WriteString(series + "=" + strconv.FormatInt(mark.Written.UnixNano(), 10))
		}
		text.WriteString("\n")
	}
	return short(text.String(), epochLength)
}

// failures are the runs that have failed last of each lot that is to be made, as the names of their partial manifests say.
func failures(g *plan.Graph, have map[seriesLot]found) []plan.Run {
	last := map[arcLot]plan.Run{}
	for at, f := range have {
		arc, ok := g.Arc(g.Producer(at.series))
		if !ok || len(f.partial) == 0 {
			continue
		}
		now := epoch(arc, at.lot, have)
		for name, written := range f.partial {
			a, ours := parseAttempt(name)
			if key := (arcLot{arc.ID, at.lot}); ours && a.epoch == now && a.number > last[key].Attempt {
				last[key] = plan.Run{
					Arc: arc.ID, Lot: at.lot, Attempt: a.number, Failed: written, Digest: a.digest, Reason: "see its partial manifest",
				}
			}
		}
	}
	out := make([]plan.Run, 0, len(last))
	for _, r := range last {
		out = append(out, r)
	}
	slices.SortFunc(out, func(a, b plan.Run) int {
		return cmp.Or(strings.Compare(a.Arc, b.Arc), strings.Compare(a.Lot.ID(), b.Lot.ID()))
	})
	return out
}
