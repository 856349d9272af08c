// SPDX-License-Identifier: Apache-2.0

package draw

import (
	"cmp"
	"slices"
	"strconv"
	"strings"

	"trunkline.dev/trunkline/catalog/draw/layered"
)

// untwist exchanges ports that lead to the same nodes, so that they are in the order in which their edges arrive: the
// inside of a project is laid out before it is known what is above what outside.
func (f *framing) untwist(outer layered.Layout) {
	arrival := map[port]int{}
	for i, c := range f.crossing {
		runs := outer.Routes[i].Runs
		arrival[port{c.to, c.node, !c.back}] = runs[len(runs)-2].Y
	}
	for i := range f.rooms {
		r := &f.rooms[i]
		alike := map[string][]port{}
		for _, p := range r.ports {
			if f.groupOf[p.node] != i {
				key := f.targets(i, p)
				alike[key] = append(alike[key], p)
			}
		}
		for _, ports := range alike {
			f.exchange(r, ports, arrival)
		}
	}
}

// targets says on which side a port is, and which nodes it leads to.
func (f *framing) targets(i int, p port) string {
	var b strings.Builder
	b.WriteString(strconv.FormatBool(p.left))
	for e, end := f.outOf(p.node); e < end; e++ {
		if to := f.to[e]; f.groupOf[to] == i {
			b.WriteString(" " + strconv.Itoa(int(to)))
		}
	}
	return b.String()
}

// exchange returns the places of some ports to them in the order of their arrival.
func (f *framing) exchange(r *room, ports []port, arrival map[port]int) {
	type place struct {
		number int
		legs   []int
	}
	places := make([]place, len(ports))
	for k, p := range ports {
		places[k].number = f.ports[p]
		for _, l := range f.legsOf(p) {
			places[k].legs = append(places[k].legs, r.legs[l])
		}
	}
	slices.SortFunc(places, func(a, b place) int { return cmp.Compare(r.layout.Boxes[a.number].Y, r.layout.Boxes[b.number].Y) })
	slices.SortStableFunc(ports, func(a, b port) int { return cmp.Compare(arrival[a], arrival[b]) })
	for k, p := range ports {
		f.ports[p] = places[k].number
		for j, l := range f.legsOf(p) {
			r.legs[l] = places[k].legs[j]
		}
	}
}

// legsOf lists the legs from a port to nodes of its room.
func (f *framing) legsOf(p port) []leg {
	var legs []leg
	for e, end := f.outOf(p.node); e < end; e++ {
		if f.groupOf[f.to[e]] == p.room {
			legs = append(legs, leg{arrives, e})
		}
	}
	return legs
}
