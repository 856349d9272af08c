// SPDX-License-Identifier: Apache-2.0

package status

import (
	"fmt"
	"maps"
	"strings"

	"trunkline.dev/trunkline/catalog"
)

// Lots are what there is of the lots of a release's datasets, where its environment keeps any.
type Lots struct {
	// Running and Failed count lots that are made just now, and those whose last run failed.
	Running int `json:"running"`
	Failed  int `json:"failed"`
	// Missing counts the lots that are due and not there.
	Missing int64 `json:"missing"`
	// Late counts the datasets that are late, and Disabled the workloads that people have disabled.
	Late     int `json:"late"`
	Disabled int `json:"disabled"`
	// Unlisted counts the datasets whose stores could not be listed last: what is said of them is from before, or nothing.
	Unlisted int `json:"unlisted,omitempty"`
	// Refused counts the events in which tasks of Airflow say that they have made a lot, and of which nothing comes.
	Refused int `json:"refused,omitempty"`
	// FailedOf are the workloads whose lots failed, and LateOf the datasets that are late: their names in the project, with spaces between.
	FailedOf string `json:"failedOf,omitempty"`
	LateOf   string `json:"lateOf,omitempty"`
}

// Fine reports whether nobody has to look at them: a lot that is missing is made by itself, and what is disabled is so because someone
// asked for it.
func (l Lots) Fine() bool { return l.Failed == 0 && l.Late == 0 && l.Unlisted == 0 && l.Refused == 0 }

// String says what there is to say of them, such as "lots: 2 running, 1 failed, 14 missing; 1 dataset is late"; empty if nothing is.
func (l Lots) String() string {
	var parts []string
	for _, p := range []struct {
		n    int64
		what string
	}{{int64(l.Running), "running"}, {int64(l.Failed), "failed"}, {l.Missing, "missing"}} {
		if p.n > 0 {
			parts = append(parts, fmt.Sprintf("%d %s", p.n, p.what))
		}
	}
	var out []string
	if len(parts) > 0 {
		out = append(out, "lots: "+strings.Join(parts, ", "))
	}
	out = append(out, counted(l.Late, "dataset", "late")...)
	out = append(out, counted(l.Disabled, "workload", "disabled")...)
	switch l.Refused {
	case 0:
	case 1:
		out = append(out, "1 event of Airflow is refused")
	default:
		out = append(out, fmt.Sprintf("%d events of Airflow are refused", l.Refused))
	}
	switch l.Unlisted {
	case 0:
	case 1:
		out = append(out, "the store of 1 dataset cannot be listed")
	default:
		out = append(out, fmt.Sprintf("the stores of %d datasets cannot be listed", l.Unlisted))
	}
	return strings.Join(out, "; ")
}

// counted says how many things are something.
func counted(n int, what, is string) []string {
	switch n {
	case 0:
		return nil
	case 1:
		return []string{fmt.Sprintf("1 %s is %s", what, is)}
	}
	return []string{fmt.Sprintf("%d %ss are %s", n, what, is)}
}

// SetLots sets what there is of the lots of all releases whose environments keep any.
func (b *Board) SetLots(all map[catalog.ReleaseID]Lots) {
	b.update(func() (changed []subject) {
		for id := range b.releases {
			was, before := b.lots[id]
			if now, is := all[id]; is != before || now != was {
				changed = append(changed, subject{kind: ofRelease, release: id})
			}
		}
		b.lots = maps.Clone(all)
		return changed
	})
}
