// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"strings"

	"github.com/aymanbagabas/go-udiff"
)

const (
	// maxLine bounds a line of a diff, in bytes.
	maxLine = 500
	// maxDiff bounds a diff, in bytes.
	maxDiff = 128 << 10
	// around is how many lines are shown before and after a change.
	around = 3
)

// op is a line that stays (' '), goes ('-') or comes ('+').
type op struct {
	kind byte
	line string
}

// unified returns the lines that differ between two texts, with some around them, as "diff -u" does; without the names of
// files, and without saying where if one of the texts is empty. Long lines and long diffs are cut, and say so.
func unified(was, is string) string {
	ops := opsOf(was, udiff.Lines(was, is))
	var b strings.Builder
	from, to := 1, 1
	for i := 0; i < len(ops); {
		end := hunk(ops, i)
		if end == i { // a line far from any change
			from, to, i = from+1, to+1, i+1
			continue
		}
		gone, come := count(ops[i:end])
		if was != "" && is != "" {
			fmt.Fprintf(&b, "@@ -%d,%d +%d,%d @@\n", from, gone, to, come)
		}
		for _, o := range ops[i:end] {
			if b.Len() > maxDiff {
				fmt.Fprintf(&b, "(cut here, since the diff is longer than %d bytes)\n", maxDiff)
				return b.String()
			}
			b.WriteByte(o.kind)
			b.WriteString(clipped(o.line))
		}
		from, to, i = from+gone, to+come, end
	}
	return b.String()
}

// opsOf returns all lines in the order in which they are shown.
func opsOf(was string, edits []udiff.Edit) []op {
	var ops []op
	add := func(kind byte, text string) {
		for line := range strings.Lines(text) {
			ops = append(ops, op{kind, line})
		}
	}
	at := 0
	for _, e := range edits { // they are in order, and of whole lines
		add(' ', was[at:e.Start])
		add('-', was[e.Start:e.End])
		add('+', e.New)
		at = e.End
	}
	add(' ', was[at:])
	return ops
}

// hunk returns the end of the hunk that begins with a line; the line itself if none does.
func hunk(ops []op, begin int) int {
	end, last := begin, -1
	for i := begin; i < len(ops); i++ {
		if ops[i].kind != ' ' {
			last = i
		}
		switch {
		case last < 0 && i-begin >= around: // no change is near enough
			return begin
		case last >= 0 && i-last > 2*around:
			return min(last+around+1, len(ops))
		}
		end = i + 1
	}
	if last < 0 {
		return begin
	}
	return min(last+around+1, end)
}

// count returns the numbers of lines of a hunk in the old text and in the new one.
func count(ops []op) (from, to int) {
	for _, o := range ops {
		if o.kind != '+' {
			from++
		}
		if o.kind != '-' {
			to++
		}
	}
	return from, to
}

func clipped(line string) string {
	line = strings.TrimSuffix(line, "\n")
	if more := len(line) - maxLine; more > 0 {
		line = fmt.Sprintf("%s… (%d bytes more)", strings.ToValidUTF8(line[:maxLine], ""), more)
	}
	return line + "\n"
}
