// SPDX-License-Identifier: Apache-2.0

package gate_test

import (
	"testing"

	"trunkline.dev/trunkline/plan/gate"
)

// TestShrinks: a release that loses everything, or many objects and most of them, waits for a person.
func TestShrinks(t *testing.T) {
	for _, tt := range []struct {
		reason        string
		before, after int
		approved      bool
		held          bool
	}{
		{reason: "nothing was there", before: 0, after: 0},
		{reason: "a file that became a comment removes everything, however little it is", before: 1, after: 0, held: true},
		{reason: "or all of it", before: 40, after: 0, held: true},
		{reason: "what a person has approved goes", before: 40, after: 0, approved: true},
		{reason: "five objects are never too many", before: 6, after: 1},
		{reason: "six of seven are many, and most", before: 7, after: 1, held: true},
		{reason: "half is not more than half", before: 12, after: 6},
		{reason: "one more than half is", before: 13, after: 6, held: true},
		{reason: "many that are not most", before: 100, after: 60},
		{reason: "a release that grows loses nothing", before: 10, after: 100},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			in := gate.Input{
				Digest: "new", InPlace: "old", Known: true,
				Shrinks: &gate.Shrinks{Environment: "prod", Before: tt.before, After: tt.after, Max: 50, Approved: tt.approved},
			}
			v := gate.Decide(in)
			if held := v.Hold == gate.Shrunk; held != tt.held {
				t.Errorf("from %d to %d objects: held by %q", tt.before, tt.after, v.Hold)
			}
			if tt.held && !v.Person() {
				t.Error("no person is asked")
			}
			in.Digest = in.InPlace
			if v := gate.Decide(in); v.Hold != "" {
				t.Errorf("what is in place is held by %q", v.Hold)
			}
		})
	}
}
