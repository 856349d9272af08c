// SPDX-License-Identifier: Apache-2.0

package git

import "fmt"

// Describe returns what people want to know of a commit of the store. Previous and Rewritten are about a fetch and stay empty.
func (s *Store) Describe(commit string) (Head, error) {
	h, err := parseHash(commit)
	if err != nil {
		return Head{}, fmt.Errorf("describing a commit: %w", err)
	}
	return s.describe(h)
}
