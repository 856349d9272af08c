// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"
)

func TestUnified(t *testing.T) {
	lines := func(from, to int, change ...string) string {
		var b strings.Builder
		for i := from; i <= to; i++ {
			line := fmt.Sprintf("l%d", i)
			for c := 0; c < len(change); c += 2 {
				if change[c] == line {
					line = change[c+1]
				}
			}
			b.WriteString(line + "\n")
		}
		return b.String()
	}
	cases := map[string]struct {
		reason, was, is, want string
	}{
		"Same":    {"Nothing is said of what is the same.", lines(1, 9), lines(1, 9), ""},
		"Created": {"All of it is new: there is no place to name.", "", "a\nb\n", "+a\n+b\n"},
		"Removed": {"So it is with what goes.", "a\n", "", "-a\n"},
		"Context": {"Three lines are around a change.", lines(1, 9), lines(1, 9, "l5", "x"), "@@ -2,7 +2,7 @@\n l2\n l3\n l4\n-l5\n+x\n l6\n l7\n l8\n"},
		"Near":    {"Changes with little between them are shown together.", lines(1, 9), lines(1, 9, "l2", "x", "l9", "y"), "@@ -1,9 +1,9 @@\n l1\n-l2\n+x\n l3\n l4\n l5\n l6\n l7\n l8\n-l9\n+y\n"},
		"Far": {
			"Others are apart, each with its place, which counts what came before.",
			lines(1, 20), "new\n" + lines(1, 20, "l20", "x"), "@@ -1,3 +1,4 @@\n+new\n l1\n l2\n l3\n@@ -17,4 +18,4 @@\n l17\n l18\n l19\n-l20\n+x\n",
		},
		"LongLine": {"A line has an end.", "a: " + strings.Repeat("x", 600) + "\n", "b\n", "@@ -1,1 +1,1 @@\n-a: " + strings.Repeat("x", 497) + "… (103 bytes more)\n+b\n"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, unified(tc.was, tc.is)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestUnifiedIsBounded(t *testing.T) {
	var was, is strings.Builder
	for i := range 100_000 { // every second line changes
		fmt.Fprintf(&was, "l%d\ns\n", i)
		fmt.Fprintf(&is, "n%d\ns\n", i)
	}
	got := unified(was.String(), is.String())
	if len(got) > maxDiff+2*maxLine || !strings.HasSuffix(got, "(cut here, since the diff is longer than 131072 bytes)\n") {
		t.Errorf("the diff has %d bytes and ends with %q", len(got), got[len(got)-80:])
	}
}

// TestOpsAreBoth: what stays and goes is the old text, what stays and comes the new one.
func TestOpsAreBoth(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		text := rapid.Map(rapid.SliceOfN(rapid.SampledFrom([]string{"a\n", "b\n", "c\n", "\n", "é\n"}), 0, 40), func(l []string) string { return strings.Join(l, "") })
		was, is := text.Draw(rt, "was"), text.Draw(rt, "is")
		from, to := 1, 1
		for line := range strings.Lines(unified(was, is)) {
			var a, b, n, m int
			if strings.HasPrefix(line, "@@") {
				if _, err := fmt.Sscanf(line, "@@ -%d,%d +%d,%d @@", &a, &n, &b, &m); err != nil {
					rt.Fatal(err)
				}
				if a-from != b-to || a < from {
					rt.Fatalf("the hunk %q follows on old line %d and new line %d", line, from, to)
				}
				from, to = a, b
				continue
			}
			old, fresh := strings.SplitAfter(was, "\n"), strings.SplitAfter(is, "\n")
			if line[0] != '+' {
				if old[from-1] != line[1:] {
					rt.Fatalf("line %d of the old text is %q, and %q in the diff", from, old[from-1], line)
				}
				from++
			}
			if line[0] != '-' {
				if fresh[to-1] != line[1:] {
					rt.Fatalf("line %d of the new text is %q, and %q in the diff", to, fresh[to-1], line)
				}
				to++
			}
		}
		if (unified(was, is) == "") != (was == is) {
			rt.Fatal("a diff of what is the same, or none of what is not")
		}
	})
}
