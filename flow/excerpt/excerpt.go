// SPDX-License-Identifier: Apache-2.0

// Package excerpt keeps of a text of any length, such as a log, its first and its last part.
//
// It is pure. It imports nothing of Trunkline.
package excerpt

import (
	"bytes"
	"fmt"
	"strings"
)

// Excerpt is what is kept of a text that is written to it.
type Excerpt struct {
	// most is how long each of the parts may be, in bytes.
	most int
	// first is the first part. Last is a ring: the oldest of its bytes is at oldest, once it is full.
	first, last []byte
	oldest      int
	// left counts the bytes between the parts; some is set if it is not known how many there are.
	left int64
	some bool
}

// New makes an excerpt whose two parts may be of so many bytes each.
func New(most int) *Excerpt { return &Excerpt{most: most} }

// Write keeps what is the beginning or may be the end.
func (e *Excerpt) Write(p []byte) (int, error) {
	n := len(p)
	if room := min(e.most-len(e.first), len(p)); room > 0 {
		e.first = append(e.first, p[:room]...)
		p = p[room:]
	}
	if over := len(p) - e.most; over > 0 {
		e.left += int64(over) + int64(len(e.last))
		e.last, e.oldest, p = e.last[:0], 0, p[over:]
	}
	if room := min(e.most-len(e.last), len(p)); room > 0 {
		e.last = append(e.last, p[:room]...)
		p = p[room:]
	}
	e.left += int64(len(p))
	for len(p) > 0 {
		copied := copy(e.last[e.oldest:], p)
		e.oldest, p = (e.oldest+copied)%e.most, p[copied:]
	}
	return n, nil
}

// Skip forgets the last part: what follows is not known to follow upon it.
func (e *Excerpt) Skip() {
	e.last, e.oldest, e.some = nil, 0, true
}

// Cut takes off a line that was not written to its end: half a value would not be found in it.
func (e *Excerpt) Cut() {
	if len(e.last) == 0 {
		e.first = e.first[:bytes.LastIndexByte(e.first, '\n')+1]
		return
	}
	tail := e.tail()
	e.last, e.oldest = tail[:bytes.LastIndexByte(tail, '\n')+1], 0
}

// tail is the last part in its order.
func (e *Excerpt) tail() []byte {
	return append(append([]byte{}, e.last[e.oldest:]...), e.last[:e.oldest]...)
}

// Text is what was kept, each part passed through a function, with a line between that says what was left out. Where something was, only
// whole lines are kept.
func (e *Excerpt) Text(of func(string) string) string {
	first, tail := e.first, e.tail()
	if e.left == 0 && !e.some {
		return of(string(first) + string(tail))
	}
	whole := bytes.LastIndexByte(first, '\n') + 1
	from := bytes.IndexByte(tail, '\n') + 1
	left := e.left + int64(len(first)-whole) + int64(from)
	if from == 0 {
		left += int64(len(tail))
		tail = nil
	}
	note := fmt.Sprintf("[%d bytes are left out here]\n", left)
	if e.some {
		note = "[a part is left out here]\n"
	}
	return of(string(first[:whole])) + note + of(string(tail[from:]))
}

// Ended ends a text that is not empty with a line.
func Ended(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}

// Line ends the last line.
func (e *Excerpt) Line() {
	end := e.first
	if len(e.last) > 0 {
		end = e.tail()
	}
	if !bytes.HasSuffix(end, []byte("\n")) && len(end) > 0 {
		_, _ = e.Write([]byte("\n"))
	}
}
