// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"strings"
	"testing"
	"unicode/utf8"
)

func TestTheLineAtTheBottomFitsTheTerminal(t *testing.T) {
	for _, width := range []int{1, 10, 40, 92, 200} {
		var out bytes.Buffer
		s := newStory(&out, width, false, clock)
		s.busy("pruning " + strings.Repeat("storefront/dev@dev, ", 10))
		s.idle()
		line, _, _ := strings.Cut(out.String(), "\r")
		if n := utf8.RuneCountInString(line); n >= max(width, len(margin)+10) || n > textWidth {
			t.Errorf("on %d columns the line has %d: %q", width, n, line)
		}
	}
}
