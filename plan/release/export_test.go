// SPDX-License-Identifier: Apache-2.0

package release

// Remembered counts the objects of which anything is remembered.
func (s *State) Remembered() int {
	m := s.members
	return len(m.judged) + len(m.later) + len(m.gone) + len(m.given) + len(m.additions) + len(m.instead)
}
