// SPDX-License-Identifier: Apache-2.0

package excerpt

import (
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"testing"

	"pgregory.net/rapid"
)

// TestExcerpt: of whatever is written in whatever pieces, whole lines of the beginning and of the end are kept, no more than may be, and all
// bytes are accounted for.
func TestExcerpt(t *testing.T) {
	note := regexp.MustCompile(`(?m)^\[(\d+) bytes are left out here\]$\n`)
	rapid.Check(t, func(t *rapid.T) {
		e := New(rapid.IntRange(1, 40).Draw(t, "most"))
		var all strings.Builder
		for i, size := range rapid.SliceOf(rapid.IntRange(0, 60)).Draw(t, "pieces") {
			piece := strings.Repeat(string(rune('a'+i%26)), size)
			if rapid.Bool().Draw(t, "ends a line") {
				piece += "\n"
			}
			all.WriteString(piece)
			if n, err := e.Write([]byte(piece)); n != len(piece) || err != nil {
				t.Fatalf("wrote %d, %v", n, err)
			}
		}
		text := e.Text(func(s string) string { return s })
		at := note.FindStringSubmatchIndex(text)
		if at == nil {
			if text != all.String() {
				t.Fatalf("%q became %q", all.String(), text)
			}
			return
		}
		first, last := text[:at[0]], text[at[1]:]
		left, _ := strconv.Atoi(text[at[2]:at[3]])
		if !strings.HasPrefix(all.String(), first) || !strings.HasSuffix(all.String(), last) || len(first)+left+len(last) != all.Len() {
			t.Fatalf("%q became %q", all.String(), text)
		}
		if len(first) > e.most || len(last) > e.most || first != "" && !strings.HasSuffix(first, "\n") {
			t.Fatalf("kept are %q and %q, of %d bytes each at most", first, last, e.most)
		}
		if before := all.String()[:all.Len()-len(last)]; last != "" && before != "" && !strings.HasSuffix(before, "\n") {
			t.Fatalf("the end %q begins within a line", last)
		}
	})
}

// TestCut: a line that is not known to be whole is not kept, and what is left out of an unknown size is said to be.
func TestCut(t *testing.T) {
	plain := func(s string) string { return s }
	for name, tc := range map[string]struct {
		most int
		text string
		want string
	}{
		"whole":       {100, "a\nb\n", "a\nb\n"},
		"half a line": {100, "a\nsec", "a\n"},
		"no line":     {100, "sec", ""},
		"in the end":  {5, "aaa\nb\nsec", "aaa\nb\n"},
	} {
		t.Run(name, func(t *testing.T) {
			e := New(tc.most)
			fmt.Fprint(e, tc.text)
			e.Cut()
			if got := e.Text(plain); got != tc.want {
				t.Errorf("got %q, want %q", got, tc.want)
			}
		})
	}
	e := New(4)
	fmt.Fprint(e, "aaa\nbbb\nccc\n")
	e.Skip()
	fmt.Fprint(e, "zzz\n")
	if got, want := e.Text(plain), "aaa\n[a part is left out here]\n"; got != want {
		t.Errorf("got %q, want %q", got, want)
	}
}
