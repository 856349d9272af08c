// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"maps"
	"path"
	"slices"

	"trunkline.dev/trunkline/api/confidential"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// maxSource bounds a file that is quoted from, in bytes. Declarations are far smaller.
const maxSource = 8 << 20

// line is a place without its column.
type line struct {
	file string
	line int
}

// quotes are the lines that a report quotes, in characters.
type quotes map[line][]rune

// quote reads the lines that the problems stand in, and those of their traces, but for those that hold a secret. Each file is read once, and no more than
// the lines is kept.
func (r Report) quote(problems []v1alpha1.Problem) quotes {
	if r.Source == nil {
		return nil
	}
	wanted := map[string]map[int]bool{}
	want := func(p v1alpha1.Position) {
		if p.File == "" || p.Line <= 0 {
			return
		}
		if wanted[p.File] == nil {
			wanted[p.File] = map[int]bool{}
		}
		wanted[p.File][p.Line] = true
	}
	for _, p := range problems {
		want(p.Position)
		for i, s := range p.Trace {
			if i < maxRelated {
				want(s.Position)
			}
		}
	}
	for _, p := range r.Problems {
		if p.Confidential {
			delete(wanted[p.Position.File], p.Position.Line)
		}
	}
	out := quotes{}
	for _, file := range slices.Sorted(maps.Keys(wanted)) {
		data, err := r.Source(file)
		if err != nil || len(data) > maxSource {
			continue // a message without its line is still one
		}
		out.read(file, data, wanted[file])
	}
	return out
}

// read takes the wanted lines out of a file, but for those in which something is secret by its form: a problem may be about another
// part of them.
func (q quotes) read(file string, data []byte, wanted map[int]bool) {
	left := len(wanted)
	data = bytes.TrimPrefix(data, []byte("\uFEFF"))
	next := breakLF
	if isYAML(file) {
		next = breakYAML
	}
	for n := 1; left > 0; n++ {
		end, after := next(data)
		if wanted[n] {
			if text := string(data[:end]); confidential.What("", text) == "" {
				q[line{file, n}] = []rune(text)
			}
			left--
		}
		if after == end {
			return // there are no more lines
		}
		data = data[after:]
	}
}

// at returns the line of a place, if it is there.
func (q quotes) at(p v1alpha1.Position) ([]rune, bool) {
	l, ok := q[line{p.File, p.Line}]
	return l, ok
}

// isYAML reports whether a file is read by the rules of YAML, of which JSON is a part.
func isYAML(file string) bool {
	return slices.Contains([]string{".yaml", ".yml", ".json"}, path.Ext(file))
}

// breakLF finds the end of the first line, and the beginning of the one after it, where lines end by LF or CR LF.
func breakLF(data []byte) (end, after int) {
	i := bytes.IndexByte(data, '\n')
	switch {
	case i < 0:
		return len(data), len(data)
	case i > 0 && data[i-1] == '\r':
		return i - 1, i + 1
	default:
		return i, i + 1
	}
}

// breakYAML is breakLF for YAML, where CR alone and some characters of Unicode end a line too. The numbers of lines are
// those of the parser.
func breakYAML(data []byte) (end, after int) {
	for i := range data {
		switch data[i] {
		case '\n':
			return i, i + 1
		case '\r':
			if bytes.HasPrefix(data[i+1:], []byte("\n")) {
				return i, i + 2
			}
			return i, i + 1
		case 0xC2:
			if bytes.HasPrefix(data[i:], []byte("\u0085")) {
				return i, i + 2
			}
		case 0xE2:
			if bytes.HasPrefix(data[i:], []byte("\u2028")) || bytes.HasPrefix(data[i:], []byte("\u2029")) {
				return i, i + 3
			}
		}
	}
	return len(data), len(data)
}
