// SPDX-License-Identifier: Apache-2.0

package apply

import (
	"fmt"
	"slices"
	"time"

	"trunkline.dev/trunkline/reconciler/cluster"
)

// onTheirWay lists what is being deleted, and what of that counts as stuck, in an order that does not change from one look to the
// next: members come in any. Until is when the next one counts as stuck; zero if none will.
func onTheirWay(members []cluster.Object, now time.Time) (going, stuck []cluster.Object, until time.Time) {
	for _, m := range members {
		if m.Deletion == nil {
			continue
		}
		going = append(going, m)
		if at := m.Deletion.StuckAt(); at.After(now) {
			until = earliest(until, at)
		} else if m.Deletion.Stuck(now) {
			stuck = append(stuck, m)
		}
	}
	for _, list := range [][]cluster.Object{going, stuck} {
		slices.SortFunc(list, func(a, b cluster.Object) int { return a.Ref.Compare(b.Ref) })
	}
	return going, stuck, until
}

// andMore says how many there are besides the first, which is told alone.
func andMore(objects []cluster.Object) string {
	if len(objects) < 2 {
		return ""
	}
	return fmt.Sprintf(" (and %d more)", len(objects)-1)
}
