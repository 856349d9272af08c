// SPDX-License-Identifier: Apache-2.0

package diff3

import (
	"bytes"
	"errors"
	"slices"
)

// Why there is no merged text.
var (
	// ErrConflict says that both sides changed the same lines, or lines beside each other, in different ways.
	ErrConflict = errors.New("both sides changed the same lines")
	// ErrBinary says that one of the versions is no text.
	ErrBinary = errors.New("it is binary")
	// ErrTooLarge says that the versions are larger, or would take more time to compare, than is granted.
	ErrTooLarge = errors.New("it is too large to be merged by lines")
)

const (
	// MaxSize is how long a version may be, in bytes.
	MaxSize = 8 << 20
	// maxLines is how many lines it may have: a byte each, they would take some thirty times the memory of the text.
	maxLines = 500_000
	// maxSteps bounds the comparison of two versions. A step takes a few nanoseconds.
	maxSteps = 100_000_000
	// sniffed is how much of a version is searched for a zero byte, which makes it binary; git's number.
	sniffed = 8000
)

// Merge returns base with what both sides changed in it.
func Merge(base, ours, theirs []byte) ([]byte, error) {
	return merge(base, ours, theirs, func(_, _ []byte) ([]byte, error) { return nil, ErrConflict })
}

// Marked merges as Merge does. Where the sides are in conflict, both are in the result, between marks with their names as git has them;
// it returns how many such places there are.
func Marked(base, ours, theirs []byte, our, their string) (merged []byte, conflicts int, err error) {
	merged, err = merge(base, ours, theirs, func(o, t []byte) ([]byte, error) {
		conflicts++
		return slices.Concat([]byte("<<<<<<< "+our+"\n"), ended(o), []byte("=======\n"), ended(t), []byte(">>>>>>> "+their+"\n")), nil
	})
	return merged, conflicts, err
}

// ended puts a line feed behind a last line that has none.
func ended(text []byte) []byte {
	if len(text) > 0 && text[len(text)-1] != '\n' {
		return append(slices.Clip(text), '\n')
	}
	return text
}

// merge has a function say what becomes of lines that are in conflict, given those of both sides.
func merge(base, ours, theirs []byte, conflict func(ours, theirs []byte) ([]byte, error)) ([]byte, error) {
	for _, text := range [][]byte{base, ours, theirs} {
		if bytes.IndexByte(text[:min(len(text), sniffed)], 0) >= 0 {
			return nil, ErrBinary
		}
	}
	for _, text := range [][]byte{base, ours, theirs} {
		if len(text) > MaxSize || bytes.Count(text, []byte{'\n'}) >= maxLines {
			return nil, ErrTooLarge
		}
	}
	names := map[string]line{}
	b, o, t := split(base, names), split(ours, names), split(theirs, names)
	left, err := compare(b.lines, o.lines, len(names))
	if err != nil {
		return nil, err
	}
	right, err := compare(b.lines, t.lines, len(names))
	if err != nil {
		return nil, err
	}
	return join(o, t, b, left, right, conflict)
}

// line identifies the content of a line: equal lines have equal numbers.
type line int32

// text is a version taken apart.
type text struct {
	content []byte
	lines   []line
	// starts has the place of each line, and the end of the last.
	starts []int
}

// split takes a text apart behind each line feed. A last line without one differs from the same line with one.
func split(content []byte, names map[string]line) text {
	t := text{content: content, starts: []int{0}}
	for at := 0; at < len(content); {
		end := len(content)
		if i := bytes.IndexByte(content[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		n, ok := names[string(content[at:end])]
		if !ok {
			n = line(len(names)) //nolint:gosec // a text has at most MaxSize lines
			names[string(content[at:end])] = n
		}
		t.lines = append(t.lines, n)
		t.starts = append(t.starts, end)
		at = end
	}
	return t
}

// between returns the content of lines.
func (t text) between(from, to int) []byte { return t.content[t.starts[from]:t.starts[to]] }

// hunk is a run of lines of the base, and the run that a side has instead. Either may be empty, not both.
type hunk struct{ base, end, side, sideEnd int }

// join applies the changes of both sides to the base.
func join(ours, theirs, base text, left, right []hunk, conflict func(ours, theirs []byte) ([]byte, error)) ([]byte, error) {
	var out []byte
	done, shiftLeft, shiftRight := 0, 0, 0 // lines of the base that are done; where each side is from there
	for len(left) > 0 || len(right) > 0 {
		var first hunk
		if len(right) == 0 || len(left) > 0 && left[0].base < right[0].base {
			first = left[0]
		} else {
			first = right[0]
		}
		from, to := first.base, first.end
		fromLeft, fromRight := from+shiftLeft, from+shiftRight
		inLeft, inRight := 0, 0
		for { // whatever touches belongs together
			if inLeft < len(left) && left[inLeft].base <= to {
				to = max(to, left[inLeft].end)
				shiftLeft = left[inLeft].sideEnd - left[inLeft].end
				inLeft++
				continue
			}
			if inRight < len(right) && right[inRight].base <= to {
				to = max(to, right[inRight].end)
				shiftRight = right[inRight].sideEnd - right[inRight].end
				inRight++
				continue
			}
			break
		}
		left, right = left[inLeft:], right[inRight:]
		out = append(out, base.between(done, from)...)
		done = to
		switch {
		case inRight == 0:
			out = append(out, ours.between(fromLeft, to+shiftLeft)...)
		case inLeft == 0 || slices.Equal(ours.lines[fromLeft:to+shiftLeft], theirs.lines[fromRight:to+shiftRight]):
			out = append(out, theirs.between(fromRight, to+shiftRight)...)
		default:
			both, err := conflict(ours.between(fromLeft, to+shiftLeft), theirs.between(fromRight, to+shiftRight))
			if err != nil {
				return nil, err
			}
			out = append(out, both...)
		}
	}
	return append(out, base.between(done, len(base.lines))...), nil
}
