// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"cmp"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/survey"
)

// arcLot is a lot of a workload, by the id of the arc.
type arcLot struct {
	arc string
	lot lot.Lot
}

// same reports whether the plan has nothing to learn of a change of a lot.
func same(a, b survey.Lot) bool { return a.State == b.State && a.Written.Equal(b.Written) }

// epoch stands for what a lot of an arc was before it is made: for its manifests that count, or that were removed. What failed
// attempts leave changes nothing.
func epoch(a plan.Arc, l lot.Lot, have func(survey.At) survey.Lot) string {
	var text strings.Builder
	for _, series := range a.Writes {
		mark := have(survey.At{Series: series, Lot: l}).Mark
		if mark.State.There() || mark.State == plan.Removed {
			text.WriteString(series + "=" + strconv.FormatInt(mark.Written.UnixNano(), 10))
		}
		text.WriteString("\n")
	}
	return short(text.String(), epochLength)
}

// replaces is when the lot of an arc was made that is there, which a run of it replaces: the oldest of its manifests tells. It is the zero
// time if the lot is not there.
func replaces(g *plan.Graph, a plan.Arc, l lot.Lot, have func(survey.At) survey.Lot) (made time.Time) {
	for _, id := range a.Writes {
		s, ok := g.Series(id)
		if !ok || l.Start.Before(s.Since) {
			continue
		}
		mark := have(survey.At{Series: id, Lot: l}).Mark
		if !mark.State.There() {
			return time.Time{}
		}
		if made.IsZero() || mark.Written.Before(made) {
			made = mark.Written
		}
	}
	return made
}

// failures are the runs that have failed last of each lot that is to be made, as the names of their partial manifests say.
func failures(g *plan.Graph, failed map[survey.At]survey.Lot, have func(survey.At) survey.Lot) []plan.Run {
	last := map[arcLot]plan.Run{}
	for at, f := range failed {
		arc, ok := g.Arc(g.Producer(at.Series))
		if !ok || len(f.Partial) == 0 {
			continue
		}
		now := epoch(arc, at.Lot, have)
		for name, written := range f.Partial {
			a, ours := parseAttempt(name)
			if key := (arcLot{arc.ID, at.Lot}); ours && a.epoch == now && a.number > last[key].Attempt {
				last[key] = plan.Run{
					Arc: arc.ID, Lot: at.Lot, Attempt: a.number, Failed: written, Digest: a.digest, Reason: "see its partial manifest",
					Replaces: replaces(g, arc, at.Lot, have),
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
