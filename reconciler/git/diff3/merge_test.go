// SPDX-License-Identifier: Apache-2.0

package diff3_test

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/reconciler/git/diff3"
	"trunkline.dev/trunkline/reconciler/git/gittest"
)

// drawText draws lines that repeat themselves a lot, or not at all.
func drawText(t *rapid.T, alphabet int) []string {
	n := rapid.IntRange(0, 30).Draw(t, "lines")
	lines := make([]string, n)
	for i := range lines {
		lines[i] = fmt.Sprintf("line %d\n", rapid.IntRange(0, alphabet).Draw(t, "line"))
	}
	return lines
}

// edit changes a few runs of lines.
func edit(t *rapid.T, lines []string, alphabet int) []string {
	lines = slices.Clone(lines)
	for range rapid.IntRange(0, 3).Draw(t, "edits") {
		from := rapid.IntRange(0, len(lines)).Draw(t, "from")
		to := min(len(lines), from+rapid.IntRange(0, 3).Draw(t, "removed"))
		var with []string
		for range rapid.IntRange(0, 3).Draw(t, "added") {
			with = append(with, fmt.Sprintf("line %d\n", rapid.IntRange(0, alphabet).Draw(t, "line")))
		}
		lines = slices.Replace(lines, from, to, with...)
	}
	return lines
}

// ended is the text of lines, the last with or without its end.
func ended(t *rapid.T, lines []string) string {
	text := strings.Join(lines, "")
	if rapid.IntRange(0, 4).Draw(t, "end") == 0 {
		return strings.TrimSuffix(text, "\n")
	}
	return text
}

// TestMergeIsGits merges random texts and has git do the same.
func TestMergeIsGits(t *testing.T) {
	repo := gittest.New(t)
	rapid.Check(t, func(rt *rapid.T) {
		alphabet := rapid.SampledFrom([]int{1, 3, 8, 1000}).Draw(rt, "alphabet")
		lines := drawText(rt, alphabet)
		base, ours, theirs := ended(rt, lines), ended(rt, edit(rt, lines, alphabet)), ended(rt, edit(rt, lines, alphabet))
		holdAgainstGit(rt, t, repo, base, ours, theirs)
	})
}

func holdAgainstGit(rt rapid.TB, t *testing.T, repo *gittest.Repo, base, ours, theirs string) {
	b := repo.CommitWith(t, nil, "base", map[string]string{"f": base})
	o := repo.CommitWith(t, []string{b}, "ours", map[string]string{"f": ours})
	h := repo.CommitWith(t, []string{b}, "theirs", map[string]string{"f": theirs})
	want := repo.GitMerge(t, o, h)
	got, err := diff3.Merge([]byte(base), []byte(ours), []byte(theirs))
	switch {
	case err != nil && len(want.Conflicts) == 0:
		rt.Fatalf("got %v, git merges\n%q\n%q\n%q", err, base, ours, theirs)
	case err == nil && len(want.Conflicts) > 0:
		rt.Fatalf("merged, git has a conflict\n%q\n%q\n%q\ngot %q", base, ours, theirs, got)
	case err != nil:
		if !errors.Is(err, diff3.ErrConflict) {
			rt.Fatalf("got %v, want a conflict", err)
		}
		return
	}
	merged := repo.CommitWith(t, []string{b}, "merged", map[string]string{"f": string(got)})
	if tree := repo.TreeOf(t, merged); tree != want.Tree {
		rt.Fatalf("git merges something else\n%q\n%q\n%q\ngot %q", base, ours, theirs, got)
	}
}

func TestMerge(t *testing.T) {
	text := func(lines ...string) string { return strings.Join(lines, "\n") + "\n" }
	long := strings.Repeat("padding\n", 2000)
	for name, tc := range map[string]struct {
		base, ours, theirs string
		want               string
		err                error
	}{
		"nothing changed":              {text("a"), text("a"), text("a"), text("a"), nil},
		"one side changed":             {text("a", "b"), text("a", "B"), text("a", "b"), text("a", "B"), nil},
		"the other side changed":       {text("a", "b"), text("a", "b"), text("a", "B"), text("a", "B"), nil},
		"far apart":                    {text("a", "b", "c"), text("A", "b", "c"), text("a", "b", "C"), text("A", "b", "C"), nil},
		"beside each other":            {text("a", "b"), text("A", "b"), text("a", "B"), "", diff3.ErrConflict},
		"the same change":              {text("a", "b", "c"), text("a", "X", "c"), text("a", "X", "c"), text("a", "X", "c"), nil},
		"the same line, otherwise":     {text("a", "b", "c"), text("a", "X", "c"), text("a", "Y", "c"), "", diff3.ErrConflict},
		"removed and changed":          {text("a", "b", "c"), text("a", "c"), text("a", "B", "c"), "", diff3.ErrConflict},
		"removed by both":              {text("a", "b", "c"), text("a", "c"), text("a", "c"), text("a", "c"), nil},
		"added at one place":           {text("a", "c"), text("a", "x", "c"), text("a", "y", "c"), "", diff3.ErrConflict},
		"added to nothing by one":      {"", "", text("x"), text("x"), nil},
		"added to nothing by both":     {"", text("x"), text("y"), "", diff3.ErrConflict},
		"all removed, all changed":     {text("a"), "", text("b"), "", diff3.ErrConflict},
		"no end of the last line":      {"a\nb\nc", "A\nb\nc", "a\nb\nc", "A\nb\nc", nil},
		"an end for the last line":     {"a\nb\nc", "A\nb\nc", "a\nb\nc\n", "A\nb\nc\n", nil},
		"an end, and a line behind":    {"a\nb", "a\nb\n", "a\nb\nc", "", diff3.ErrConflict},
		"ends of Windows by one":       {text("a", "b", "c"), "a\r\nb\r\nc\r\n", text("a", "b", "C"), "", diff3.ErrConflict},
		"ends of Windows by all":       {"a\r\nb\r\nc\r\n", "A\r\nb\r\nc\r\n", "a\r\nb\r\nC\r\n", "A\r\nb\r\nC\r\n", nil},
		"no UTF-8":                     {"\xff\nb\nc\n", "\xfe\nb\nc\n", "\xff\nb\nC\n", "\xfe\nb\nC\n", nil},
		"binary base":                  {"a\x00\n", text("b"), text("c"), "", diff3.ErrBinary},
		"binary side":                  {text("a", "b", "c"), "\x00\n", text("a", "b", "d"), "", diff3.ErrBinary},
		"a zero far behind":            {text("a", "b") + long, text("A", "b") + long, text("a", "b") + long + "\x00", text("A", "b") + long + "\x00", nil},
		"blocks that look alike":       {text("a:", " x", "", "b:", " x", ""), text("a:", " x", "", "n:", " x", "", "b:", " x", ""), text("a:", " x", "", "b:", " y", ""), text("a:", " x", "", "n:", " x", "", "b:", " y", ""), nil},
		"lines that are everywhere":    {strings.Repeat("x\n", 200), "a\n" + strings.Repeat("x\n", 200), strings.Repeat("x\n", 200) + "b\n", "a\n" + strings.Repeat("x\n", 200) + "b\n", nil},
		"everywhere, and in the midst": {strings.Repeat("x\n", 200), strings.Repeat("x\n", 100) + "a\n" + strings.Repeat("x\n", 100), strings.Repeat("x\n", 200) + "b\n", strings.Repeat("x\n", 100) + "a\n" + strings.Repeat("x\n", 100) + "b\n", nil},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := diff3.Merge([]byte(tc.base), []byte(tc.ours), []byte(tc.theirs))
			if !errors.Is(err, tc.err) {
				t.Fatalf("error: got %v, want %v", err, tc.err)
			}
			if diff := cmp.Diff(tc.want, string(got)); diff != "" {
				t.Errorf("(-want +got):\n%s", diff)
			}
			if tc.err == nil || errors.Is(tc.err, diff3.ErrConflict) {
				holdAgainstGit(t, t, gittest.New(t), tc.base, tc.ours, tc.theirs)
			}
		})
	}
}

// TestBounds: what would take too much memory or time is refused, and that soon.
func TestBounds(t *testing.T) {
	// Every other line is the same: after each, all the rest is looked at again.
	alternating := func(other string) string {
		var text strings.Builder
		for i := range 100_000 {
			fmt.Fprintf(&text, "same %d\n%s %d\n", i, other, i)
		}
		return text.String()
	}
	for name, tc := range map[string]struct{ base, ours, theirs string }{
		"bytes":    {"a\n", strings.Repeat("a", diff3.MaxSize+1), "b\n"},
		"lines":    {"a\n", "b\n", strings.Repeat("\n", 500_001)},
		"compared": {alternating("a"), alternating("b"), alternating("c")},
	} {
		if _, err := diff3.Merge([]byte(tc.base), []byte(tc.ours), []byte(tc.theirs)); !errors.Is(err, diff3.ErrTooLarge) {
			t.Errorf("%s: got %v, want ErrTooLarge", name, err)
		}
	}
}

// FuzzMerge: what is true of any merge, for any bytes.
func FuzzMerge(f *testing.F) {
	f.Add([]byte("a\nb\nc\n"), []byte("A\nb\nc\n"), []byte("a\nb\nC\n"))
	f.Add([]byte(""), []byte("x"), []byte("x\r\n"))
	f.Add([]byte("a\na\na\n"), []byte("a\n\n"), []byte("\xff\x00"))
	f.Fuzz(func(t *testing.T, base, ours, theirs []byte) {
		merge := func(base, ours, theirs []byte) (string, error) {
			got, err := diff3.Merge(base, ours, theirs)
			return string(got), err
		}
		got, err := merge(base, ours, theirs)
		if again, errAgain := merge(base, theirs, ours); again != got || !errors.Is(errAgain, err) {
			t.Errorf("%q, %v, and the other way round %q, %v", got, err, again, errAgain)
		}
		if errors.Is(err, diff3.ErrBinary) {
			return
		}
		for name, sides := range map[string][2][]byte{"ours": {ours, base}, "theirs": {base, ours}, "both": {ours, ours}} {
			if got, err := merge(base, sides[0], sides[1]); err != nil || got != string(ours) {
				t.Errorf("%s alone: %q, %v, want %q", name, got, err, ours)
			}
		}
	})
}

// TestMarked: what is in conflict is between marks, as git has them, and the rest is merged.
func TestMarked(t *testing.T) {
	const base = "a\nb\nc\nd\ne\nf\ng\nh\n"
	cases := map[string]struct {
		reason, ours, theirs, want string
		conflicts                  int
	}{
		"None": {"What is far apart is merged.", "A\nb\nc\nd\ne\nf\ng\nh\n", "a\nb\nc\nd\ne\nf\ng\nH\n", "A\nb\nc\nd\ne\nf\ng\nH\n", 0},
		"One": {
			"Both sides of a conflict are there, and what else changed.", "a\nB\nc\nd\ne\nf\ng\nh\n", "a\n2\nc\nd\ne\nf\ng\nH\n",
			"a\n<<<<<<< us\nB\n=======\n2\n>>>>>>> them\nc\nd\ne\nf\ng\nH\n", 1,
		},
		"NoLineFeed": {"A mark begins a line.", "a\nb\nc\nd\ne\nf\ng\nX", "a\nb\nc\nd\ne\nf\ng\nY", "a\nb\nc\nd\ne\nf\ng\n<<<<<<< us\nX\n=======\nY\n>>>>>>> them\n", 1},
		"Removed":    {"A side can have nothing.", "a\nb\nc\nd\ne\nf\ng\n", "a\nb\nc\nd\ne\nf\ng\nH\n", "a\nb\nc\nd\ne\nf\ng\n<<<<<<< us\n=======\nH\n>>>>>>> them\n", 1},
	}
	for name, c := range cases {
		t.Run(name, func(t *testing.T) {
			got, conflicts, err := diff3.Marked([]byte(base), []byte(c.ours), []byte(c.theirs), "us", "them")
			if err != nil {
				t.Fatal(err)
			}
			if conflicts != c.conflicts {
				t.Errorf("%s\n%d conflicts, want %d", c.reason, conflicts, c.conflicts)
			}
			if diff := cmp.Diff(c.want, string(got)); diff != "" {
				t.Errorf("%s\n(-want, +got):\n%s", c.reason, diff)
			}
		})
	}
}
