// SPDX-License-Identifier: Apache-2.0

package status

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"slices"
	"strings"
)

// The rules of holds that an approval ends; see [Held.Rule].
const (
	heldRemovals = "removals"
	heldShrinks  = "shrinks"
	heldReviewed = "reviewed"
)

// ToApprove returns the releases of an environment that wait for an approval, sorted by name, of what would be deleted or was not
// reviewed, and a digest of that: an approval is good for exactly what was shown with the same digest. The digest is empty if there are none.
func ToApprove(releases []Release, environment string) (held []Release, digest string) {
	for _, r := range releases {
		if r.Environment == environment && r.Held != nil && slices.Contains([]string{heldRemovals, heldShrinks, heldReviewed}, r.Held.Rule) {
			held = append(held, r)
		}
	}
	if len(held) == 0 {
		return nil, ""
	}
	slices.SortFunc(held, func(a, b Release) int { return a.Compare(b.ReleaseID) })
	h := sha256.New()
	for _, r := range held {
		// The reason says how much would be deleted, or what was not reviewed; how what is in place does meanwhile is another
		// matter, and may come to light later. A hash never fails.
		reason, _, _ := strings.Cut(r.Held.Reason, "; what is in place ")
		_, _ = fmt.Fprintf(h, "%q %s %s %q\n", r.String(), r.Held.Rule, r.Held.Digest, reason)
	}
	return held, hex.EncodeToString(h.Sum(nil))
}

// Removed reports whether what waits for an approval is the removal of the whole release.
func (h Held) Removed() bool { return h.Rule == heldRemovals }
