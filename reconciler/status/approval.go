// SPDX-License-Identifier: Apache-2.0

package status

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
)

// The rules of holds that an approval ends; see [Held.Rule].
const (
	heldRemovals = "removals"
	heldShrinks  = "shrinks"
)

// ToApprove returns the releases of an environment that wait for an approval of what would be deleted, sorted by name, and a
// digest of that: an approval is good for exactly what was shown with the same digest. The digest is empty if there are none.
func ToApprove(releases []Release, environment string) (held []Release, digest string) {
	for _, r := range releases {
		if r.Environment == environment && r.Held != nil && (r.Held.Rule == heldRemovals || r.Held.Rule == heldShrinks) {
			held = append(held, r)
		}
	}
	if len(held) == 0 {
		return nil, ""
	}
	slices.SortFunc(held, func(a, b Release) int { return a.Compare(b.ReleaseID) })
	h := sha256.New()
	for _, r := range held {
		_, _ = fmt.Fprintf(h, "%q %s %s\n", r.String(), r.Held.Rule, r.Held.Digest) // a hash never fails
	}
	return held, hex.EncodeToString(h.Sum(nil))
}

// Removed reports whether what waits for an approval is the removal of the whole release.
func (h Held) Removed() bool { return h.Rule == heldRemovals }
