// SPDX-License-Identifier: Apache-2.0

package plan

import "math/bits"

// set is a set of numbers of lots, from a base on. Above the bits of the numbers lie those that say which words below
// have any, so that finding the next of a million numbers takes four steps.
type set struct {
	base   int64
	n      int
	levels [][]uint64
}

func newSet(base int64) set { return set{base: base, levels: [][]uint64{nil}} }

func (s *set) len() int { return s.n }

func (s *set) has(n int64) bool {
	i := n - s.base
	return i >= 0 && i>>6 < int64(len(s.levels[0])) && s.levels[0][i>>6]>>(i&63)&1 == 1
}

// put adds a number, or takes it out, and reports whether that changed anything. A number before the base is never in.
func (s *set) put(n int64, in bool) bool {
	if n < s.base || s.has(n) == in {
		return false
	}
	i := n - s.base
	if !in {
		s.n--
		for l := range s.levels {
			word := &s.levels[l][i>>6]
			if *word &^= 1 << (i & 63); *word != 0 {
				break
			}
			i >>= 6
		}
		return true
	}
	s.n++
	for l := 0; ; l++ {
		if l == len(s.levels) {
			// One more level says which words of the one below have any.
			below := s.levels[l-1]
			level := make([]uint64, (len(below)+63)/64)
			for j, word := range below {
				if word != 0 {
					level[j>>6] |= 1 << (j & 63)
				}
			}
			s.levels = append(s.levels, level)
		}
		for int64(len(s.levels[l])) <= i>>6 {
			s.levels[l] = append(s.levels[l], 0)
		}
		s.levels[l][i>>6] |= 1 << (i & 63)
		i >>= 6
		if l == len(s.levels)-1 && len(s.levels[l]) == 1 {
			return true
		}
	}
}

// next is the least number in the set from n on.
func (s *set) next(n int64) (int64, bool) {
	i := max(0, n-s.base)
	for l := 0; l < len(s.levels); l++ {
		if i>>6 >= int64(len(s.levels[l])) {
			return 0, false
		}
		if word := s.levels[l][i>>6] & (^uint64(0) << (i & 63)); word != 0 {
			i = i&^63 + int64(bits.TrailingZeros64(word))
			for ; l > 0; l-- {
				i = i<<6 + int64(bits.TrailingZeros64(s.levels[l-1][i]))
			}
			return s.base + i, true
		}
		i = i>>6 + 1
	}
	return 0, false
}

// prev is the greatest number in the set up to n.
func (s *set) prev(n int64) (int64, bool) {
	i := min(n-s.base, int64(len(s.levels[0]))<<6-1)
	for l := 0; l < len(s.levels) && i >= 0; l++ {
		if word := s.levels[l][i>>6] & (^uint64(0) >> (63 - i&63)); word != 0 {
			i = i&^63 + int64(63-bits.LeadingZeros64(word))
			for ; l > 0; l-- {
				i = i<<6 + int64(63-bits.LeadingZeros64(s.levels[l-1][i]))
			}
			return s.base + i, true
		}
		i = i>>6 - 1
	}
	return 0, false
}
