// SPDX-License-Identifier: Apache-2.0

package ingress

import (
	"slices"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
)

// claims are the lots that another system has put objects into, such as Clusterless before: by when it was told of them, which is not
// quite when they were written. Its manifests stand, and what they list is of their lots, until something arrives of such a lot that is in none of
// them.
type claims struct {
	standing map[lot.Lot]bool
	by       map[string][]lot.Lot
}

// claims finds those that hold.
func (b Boundary) claims(a Arrived, seen map[lot.Lot]Seen, now time.Time) claims {
	c := claims{map[lot.Lot]bool{}, map[string][]lot.Lot{}}
	for l, s := range seen {
		if _, mine := digestIn(s.Manifest); mine || s.State != manifest.Complete {
			continue
		}
		c.standing[l] = true
		for key := range b.listed(a, s.Manifest) {
			c.by[key] = append(c.by[key], l)
		}
	}
	for again := true; again; {
		again = false
		for l := range c.standing {
			for _, o := range a.lots[l] {
				if b.kept(l, now) && b.due(l, now) && !c.claimed(o.Key) {
					delete(c.standing, l) // what it has claimed may be new to others
					again = true
					break
				}
			}
		}
	}
	return c
}

func (c claims) claimed(key string) bool {
	for _, l := range c.by[key] {
		if c.standing[l] {
			return true
		}
	}
	return false
}

// elsewhere reports whether an object is claimed by other lots than its own.
func (c claims) elsewhere(key string, l lot.Lot) bool {
	return c.claimed(key) && (!c.standing[l] || !slices.Contains(c.by[key], l))
}
