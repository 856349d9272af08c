// SPDX-License-Identifier: Apache-2.0

package report

import (
	"fmt"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/api/number"
	lots "trunkline.dev/trunkline/flow/plan"
)

// Lots says in sentences which lots a merge has computed, and which it makes nobody's. The names in them are written by
// quote.
func Lots(m lots.Merged, quote func(string) string) []string {
	var out []string
	for _, c := range m.Compute {
		line := fmt.Sprintf("%s in %s computes %s, %s", quote(c.Arc), quote(c.Environment), number.Count(int(c.Lots), "lot"), series(c.First, c.Last, quote))
		if c.Replay != "" {
			// Declarations do not say which lots there are, and no store is asked.
			line = fmt.Sprintf("%s in %s computes at most %s once more, those that are there of %s", quote(c.Arc), quote(c.Environment), number.Count(int(c.Lots), "lot"),
				series(c.First, c.Last, quote))
		}
		if c.Takes() > 0 {
			line += " (" + spelled(c.Takes()) + " of runs"
			if c.Lasts() > 0 && c.Lasts() < c.Takes() {
				line += fmt.Sprintf(", %s at %d at a time", spelled(c.Lasts()), c.AtOnce)
			}
			line += ")"
		}
		if c.Replay != "" {
			line += ", by the replay " + quote(c.Replay)
		}
		if c.Reason != "" {
			line += ": " + quote(c.Reason)
		}
		out = append(out, line)
	}
	for _, n := range m.Nobodys {
		stay := "stay, and nobody makes them any more"
		if n.Lots == 1 {
			stay = "stays, and nobody makes it any more"
		}
		out = append(out, fmt.Sprintf("%s of %s in %s %s, %s: %s", number.Count(int(n.Lots), "lot"), quote(n.Series),
			quote(n.Environment), stay, series(n.First, n.Last, quote), n.Loss))
	}
	for _, n := range m.Never {
		out = append(out, fmt.Sprintf("%s of %s in %s cannot be made, %s: the input %s begins with %s", number.Count(int(n.Lots), "lot"),
			quote(n.Series), quote(n.Environment), series(n.First, n.Last, quote), quote(n.Input), quote(n.Begins.ID())))
	}
	for _, e := range m.Expire {
		out = append(out, fmt.Sprintf("%s of %s in %s, %s: not kept any more after %s; what is there is removed with its data, at most %s of the environment a day",
			number.Count(int(e.Lots), "lot"), quote(e.Series), quote(e.Environment), series(e.First, e.Last, quote), days(e.Kept), number.Count(e.PerDay, "lot")))
	}
	return out
}

// days is a time in days, or in hours if it is not whole days.
func days(d time.Duration) string {
	const day = 24 * time.Hour
	if d%day == 0 {
		return number.Count(int(d/day), "day")
	}
	return spelled(d)
}

// series names the first and the last of some lots.
func series(first, last lot.Lot, quote func(string) string) string {
	if first == last {
		return quote(first.ID())
	}
	return quote(first.ID()) + " to " + quote(last.ID())
}

// spelled is a time in hours, or in minutes if it is less than one.
func spelled(d time.Duration) string {
	if d < time.Hour {
		return strconv.Itoa(int(d.Round(time.Minute)/time.Minute)) + " min"
	}
	return strings.TrimSuffix(strconv.FormatFloat(d.Hours(), 'f', 1, 64), ".0") + " h"
}
