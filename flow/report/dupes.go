// SPDX-License-Identifier: Apache-2.0

package report

import (
	"cmp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
)

// Listed is what a manifest that counts says of a lot.
type Listed struct {
	Lot lot.Lot
	manifest.Manifest
}

// Dupe is data of a dataset that is counted more than once.
type Dupe struct {
	Dataset string `json:"dataset"`
	// URI is what is listed; empty if the lot itself is there twice, as complete and as empty.
	URI string `json:"uri,omitempty"`
	// Lots are those that list it, or a folder around it, sorted.
	Lots []string `json:"lots"`
}

// Dupes finds what the lots of a dataset list more than once: the same object, or one in a folder that another lot lists.
func Dupes(dataset string, all []Listed) []Dupe {
	out := []Dupe{}
	counted := map[lot.Lot]int{}
	var parts []part
	for _, l := range all {
		if counted[l.Lot]++; counted[l.Lot] == 2 {
			out = append(out, Dupe{Dataset: dataset, Lots: []string{l.Lot.ID()}})
		}
		for _, uri := range l.URIs {
			parts = append(parts, part{uri, l.Lot.ID(), l.URIType != manifest.Identifier})
		}
	}
	slices.SortFunc(parts, func(a, b part) int { return cmp.Or(strings.Compare(a.uri, b.uri), strings.Compare(a.lot, b.lot)) })
	var around []part // the folders that the next part may be in, the outermost first
	for i := 0; i < len(parts); {
		same := i + 1
		for same < len(parts) && parts[same].uri == parts[i].uri {
			same++
		}
		around = slices.DeleteFunc(around, func(p part) bool { return !strings.HasPrefix(parts[i].uri, p.uri) })
		var lots []string
		for _, p := range slices.Concat(around, parts[i:same]) {
			lots = append(lots, p.lot)
		}
		slices.Sort(lots)
		if lots = slices.Compact(lots); len(lots) > 1 {
			out = append(out, Dupe{dataset, parts[i].uri, lots})
		}
		for ; i < same; i++ {
			if parts[i].folder {
				around = append(around, parts[i])
			}
		}
	}
	return out
}

// part is a URI that a lot lists.
type part struct {
	uri, lot string
	folder   bool
}
