// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"iter"
	"slices"

	"trunkline.dev/trunkline/catalog"
)

// comparison is what differs between two evaluations.
type comparison struct {
	base, head *Evaluation
	// some says that only the changed releases may differ, which are in the order of their ids; otherwise all may.
	some    bool
	changed []catalog.ReleaseID
	// others counts the others by environment.
	others map[string]int
}

// compare finds what may differ. Of two evaluations, one of which was made after the other, that is known: everything else
// was taken over.
func compare(base, head *Evaluation) *comparison {
	c := &comparison{base: base, head: head}
	if base.releases == nil || head.releases == nil || !head.catalog.UpdateOf(base.catalog) {
		return c
	}
	c.some, c.others = true, map[string]int{}
	for i, j := range walk(head.releases, base.releases) {
		switch {
		case i < 0:
			c.changed = append(c.changed, base.releases.all[j].ID)
		case j < 0 || !same(head, base, i, j):
			c.changed = append(c.changed, head.releases.all[i].ID)
		default:
			c.others[head.releases.all[i].ID.Environment]++
		}
	}
	return c
}

// same reports whether a release of the head is known to be the one of the base, and to render to the same.
func same(head, base *Evaluation, i, j int) bool {
	is, was := head.at(i), base.at(j)
	return head.releases.all[i] == base.releases.all[j] && is == was && is != nil && is.Err == nil
}

// differs reports whether a release may differ.
func (c *comparison) differs(id catalog.ReleaseID) bool {
	if !c.some {
		return true
	}
	_, found := slices.BinarySearchFunc(c.changed, id, catalog.ReleaseID.Compare)
	return found
}

// of returns the releases of one of the two evaluations that may differ, with what they render to.
func (c *comparison) of(e *Evaluation) iter.Seq2[*catalog.Release, *Rendered] {
	if c.some {
		return e.these(c.changed)
	}
	return e.everything()
}
