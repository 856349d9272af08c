// SPDX-License-Identifier: Apache-2.0

// Package rightstest says what rights on data allow, object by object: tests hold the policies of clouds to it.
//
// Of Trunkline it imports flow/rights.
package rightstest

import (
	"strings"

	"trunkline.dev/trunkline/flow/rights"
)

// All are the rights, in the order in which they are named.
func All() []rights.Right {
	return []rights.Right{rights.List, rights.Get, rights.Create, rights.Replace, rights.Delete}
}

// Allows reports whether a right is granted on an object, by its bucket and key. Listing is of a prefix instead of a key.
func Allows(n *rights.Needs, right rights.Right, scheme, bucket, key string) bool {
	for _, g := range n.Grants {
		granted := g.Rights
		if granted.Has(rights.Replace) {
			granted |= rights.Create
		}
		if g.Place.Scheme != scheme || g.Place.Bucket != bucket || !granted.Has(right) {
			continue
		}
		if rest, below := strings.CutPrefix(key, g.Place.Folder); below && of(g.Part, rest) {
			return true
		}
	}
	return false
}

// of reports whether a path is of a part.
func of(p rights.Part, path string) bool {
	if p == rights.Whole {
		return true
	}
	_, rest, ok := strings.Cut(strings.TrimPrefix(path, rights.LotPart), "/"+rights.AttemptPart)
	_, object, below := strings.Cut(rest, "/")
	if !strings.HasPrefix(path, rights.LotPart) || !ok || !below {
		return false
	}
	if p == rights.Attempts {
		return true
	}
	return strings.HasPrefix(object, "_") || strings.HasPrefix(object, ".") || strings.Contains(object, "/_") || strings.Contains(object, "/.")
}
