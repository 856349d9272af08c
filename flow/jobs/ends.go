// SPDX-License-Identifier: Apache-2.0

package jobs

import (
	"bytes"
	"fmt"
	"strings"
)

// ends keeps the first and the last part of a text that may be of any length.
type ends struct {
	// most is how long each of the parts may be, in bytes.
	most int
	// first is the first part. Last is a ring: the oldest of its bytes is at oldest, once it is full.
	first, last []byte
	oldest      int
	// left counts the bytes between the parts; some is set if it is not known how many there are.
	left int64
	some bool
}

// Write keeps what is the beginning or may be the end.
func (e *ends) Write(p []byte) (int, error) {
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

// skip forgets the last part: what follows is not known to follow upon it.
func (e *ends) skip() {
	e.last, e.oldest, e.some = nil, 0, true
}

// cut takes off a line that was not written to its end: half a value would not be found in it.
func (e *ends) cut() {
	if len(e.last) == 0 {
		e.first = e.first[:bytes.LastIndexByte(e.first, '\n')+1]
		return
	}
	tail := e.tail()
	e.last, e.oldest = tail[:bytes.LastIndexByte(tail, '\n')+1], 0
}

// tail is the last part in its order.
func (e *ends) tail() []byte {
	return append(append([]byte{}, e.last[e.oldest:]...), e.last[:e.oldest]...)
}

// text is what was kept, each part passed through a function, with a line between that says what was left out. Where something was, only
// whole lines are kept.
func (e *ends) text(of func(string) string) string {
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

// ended ends a text that is not empty with a line.
func ended(text string) string {
	if text == "" || strings.HasSuffix(text, "\n") {
		return text
	}
	return text + "\n"
}
