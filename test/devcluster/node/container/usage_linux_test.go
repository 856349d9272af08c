// SPDX-License-Identifier: Apache-2.0

package container

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
)

func TestParseStat(t *testing.T) {
	for reason, c := range map[string]struct {
		stat string
		want processTime
		ok   bool
	}{
		"own times and those of children that were waited for": {"7 (sh) S 3 7 7 0 -1 4194304 1 2 0 0 100 20 3 4 20 0 1 0 5 6 7", processTime{3, 1270 * time.Millisecond}, true},
		"a name may look like fields":                          {"7 (a) S 9 (b) R 3 7 7 0 -1 4194304 1 2 0 0 1 0 0 0 20 0 1", processTime{3, 10 * time.Millisecond}, true},
		"a line that is cut off":                               {"7 (sh) S 3 7", processTime{}, false},
		"no line":                                              {"", processTime{}, false},
	} {
		got, ok := parseStat([]byte(c.stat))
		if diff := cmp.Diff([]any{c.want.parent, c.want.cpu, c.ok}, []any{got.parent, got.cpu, ok}); diff != "" {
			t.Errorf("%s (-want +got):\n%s", reason, diff)
		}
	}
}

func TestParsePSS(t *testing.T) {
	for reason, c := range map[string]struct {
		content string
		want    int64
	}{
		"the part of what is shared counts":   {"5581-7fff ---p 00000000 00:00 0 [rollup]\nRss:   900 kB\nPss:   12 kB\nPss_Dirty:  8 kB\n", 12 << 10},
		"a process that has ended holds none": {"", 0},
		"nothing that is no number":           {"Pss: lots\n", 0},
	} {
		if diff := cmp.Diff(c.want, parsePSS([]byte(c.content))); diff != "" {
			t.Errorf("%s (-want +got):\n%s", reason, diff)
		}
	}
}

// TestUsageNeverDecreases has the times of a process count that nobody waited for, once they were seen.
func TestUsageNeverDecreases(t *testing.T) {
	u := newUsage(-1) // of no process
	u.most = time.Minute
	if diff := cmp.Diff(Usage{CPU: time.Minute}, u.now()); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
	u.past = time.Hour
	if diff := cmp.Diff(Usage{CPU: time.Hour}, u.now()); diff != "" {
		t.Errorf("usage (-want +got):\n%s", diff)
	}
}
