// SPDX-License-Identifier: Apache-2.0

package stage

import (
	"io"
	"strings"
)

// lineWriter passes on what is written, and shows it line by line.
type lineWriter struct {
	to   io.Writer
	line func(string)
	rest string
}

// Write implements [io.Writer].
func (w *lineWriter) Write(p []byte) (int, error) {
	lines := strings.Split(w.rest+string(p), "\n")
	w.rest = lines[len(lines)-1]
	for _, line := range lines[:len(lines)-1] {
		w.line(line)
	}
	return w.to.Write(p)
}
