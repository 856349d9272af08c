// SPDX-License-Identifier: Apache-2.0

package git

import "fmt"

// Parents returns the parents of a commit of the store, the first of which is the one that others were merged into.
func (s *Store) Parents(commit string) ([]string, error) {
	h, err := parseHash(commit)
	if err != nil {
		return nil, fmt.Errorf("reading the parents of a commit: %w", err)
	}
	c, err := s.objects.commit(h)
	if err != nil {
		return nil, fmt.Errorf("reading the parents of commit %s: %w", commit, s.cacheError(err))
	}
	return texts(c.ParentHashes), nil
}
