// SPDX-License-Identifier: Apache-2.0

package diff3

// maxOccurrences is how often a line may occur for a match to begin at it: a line that is everywhere says nothing about
// which part of one version is which of the other.
const maxOccurrences = 64

// compare returns where two versions differ, in order. Their lines are numbered from 0 to distinct-1.
//
// It is the histogram method that JGit and git have: the longest run of lines that both versions have, among those with the
// rarest line in it, is taken as unchanged, and then the same is done with what is before and what is behind it.
func compare(a, b []line, distinct int) ([]hunk, error) {
	h := histogram{
		a: a, b: b, changedA: make([]bool, len(a)), changedB: make([]bool, len(b)),
		first: make([]int, distinct), count: make([]int, distinct), next: make([]int, len(a)), steps: maxSteps,
	}
	todo := []region{{0, len(a), 0, len(b)}}
	for len(todo) > 0 {
		r := todo[len(todo)-1]
		todo = todo[:len(todo)-1]
		if r.a == r.endA || r.b == r.endB {
			h.change(r)
			continue
		}
		same, found := h.longest(r)
		if h.steps < 0 {
			return nil, ErrTooLarge
		}
		switch found {
		case nothing:
			h.change(r)
		case tooCommon:
			h.change(h.trim(r))
		case match:
			todo = append(todo, region{r.a, same.a, r.b, same.b}, region{same.endA, r.endA, same.endB, r.endB})
		}
	}
	slide(a, h.changedA, b, h.changedB)
	slide(b, h.changedB, a, h.changedA)
	return hunks(h.changedA, h.changedB), nil
}

// region is a run of lines of one version and one of the other.
type region struct{ a, endA, b, endB int }

type histogram struct {
	a, b               []line
	changedA, changedB []bool
	// first and count are by line, next by place: where a line occurs in the region of a that is looked at, and how often.
	// What is behind the last occurrence is at none.
	first, count, next []int
	steps              int
}

const none = -1

type found uint8

const (
	nothing found = iota
	match
	// tooCommon says that there are common lines, and that all of them occur too often.
	tooCommon
)

func (h *histogram) change(r region) {
	for i := r.a; i < r.endA; i++ {
		h.changedA[i] = true
	}
	for i := r.b; i < r.endB; i++ {
		h.changedB[i] = true
	}
}

// trim takes off what a region begins and ends with in both versions. Git compares the rest by another method. Here it
// counts as changed altogether: what is merged without a conflict is the same then, but there may be a conflict more.
func (h *histogram) trim(r region) region {
	for r.a < r.endA && r.b < r.endB && h.a[r.a] == h.b[r.b] {
		r.a, r.b = r.a+1, r.b+1
	}
	for r.a < r.endA && r.b < r.endB && h.a[r.endA-1] == h.b[r.endB-1] {
		r.endA, r.endB = r.endA-1, r.endB-1
	}
	return r
}

// index notes where each line of a region of a occurs; the function it returns forgets it again.
func (h *histogram) index(r region) (forget func()) {
	for i := r.endA - 1; i >= r.a; i-- {
		l := h.a[i]
		if h.count[l] == 0 {
			h.first[l] = none
		}
		h.next[i] = h.first[l]
		h.first[l] = i
		h.count[l]++
	}
	h.steps -= r.endA - r.a
	return func() {
		for i := r.a; i < r.endA; i++ {
			h.count[h.a[i]] = 0
		}
	}
}

// longest finds the run of lines in both versions that is longer, or has a rarer line in it, than those before it.
func (h *histogram) longest(r region) (best region, is found) {
	defer h.index(r)()
	rarest := maxOccurrences + 1
	common := false
	for at := r.b; at < r.endB && h.steps >= 0; {
		l := h.b[at]
		behind := at + 1
		h.steps--
		switch {
		case h.count[l] == 0:
		case h.count[l] > rarest:
			common = true
		default:
			common = true
			for i := h.first[l]; i != none && h.steps >= 0; {
				run, rare := h.grow(r, i, at)
				behind = max(behind, run.endB)
				if run.endA-run.a > best.endA-best.a && best.endA > best.a || rare < rarest {
					best, rarest, is = run, rare, match
				}
				for i != none && i < run.endA {
					i = h.next[i]
					h.steps--
				}
			}
		}
		at = behind
	}
	if is == nothing && common {
		return region{}, tooCommon
	}
	return best, is
}

// grow extends a pair of equal lines in both directions, and returns how often the rarest line in it occurs.
func (h *histogram) grow(r region, i, j int) (run region, rare int) {
	run = region{i, i + 1, j, j + 1}
	rare = h.count[h.a[i]]
	for run.a > r.a && run.b > r.b && h.a[run.a-1] == h.b[run.b-1] {
		run.a, run.b = run.a-1, run.b-1
		rare = min(rare, h.count[h.a[run.a]])
	}
	for run.endA < r.endA && run.endB < r.endB && h.a[run.endA] == h.b[run.endB] {
		rare = min(rare, h.count[h.a[run.endA]])
		run.endA, run.endB = run.endA+1, run.endB+1
	}
	h.steps -= run.endA - run.a
	return run, rare
}

// hunks pairs the changed runs of two versions, whose unchanged lines are the same.
func hunks(a, b []bool) []hunk {
	var all []hunk
	for i, j := 0, 0; i < len(a) || j < len(b); {
		k := hunk{base: i, side: j}
		for i < len(a) && a[i] {
			i++
		}
		for j < len(b) && b[j] {
			j++
		}
		if k.end, k.sideEnd = i, j; k.end > k.base || k.sideEnd > k.side {
			all = append(all, k)
		}
		i, j = i+1, j+1
	}
	return all
}
