// SPDX-License-Identifier: Apache-2.0

package gate_test

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
)

// tally counts ConfigMaps and Deployments.
func tally(maps, deployments int) plan.Tally {
	return plan.Tally{schema.GroupKind{Kind: "ConfigMap"}: maps, {Group: "apps", Kind: "Deployment"}: deployments}
}

// TestShrinks: a release that loses everything, or many objects and most of them, waits for a person.
func TestShrinks(t *testing.T) {
	for _, tt := range []struct {
		reason        string
		before, after plan.Tally
		approved      int
		held          string // what the reason begins with
	}{
		{reason: "nothing was there", before: nil, after: nil},
		{reason: "a file that became a comment removes everything, however little it is", before: tally(1, 0), after: nil, held: "1 of its 1 objects"},
		{reason: "or all of it", before: tally(40, 0), after: tally(0, 0), held: "40 of its 40 objects"},
		{reason: "what a person has approved goes", before: tally(40, 0), after: nil, approved: 40},
		{reason: "and no more than that", before: tally(41, 0), after: nil, approved: 40, held: "41 of its 41 objects"},
		{reason: "five objects are never too many", before: tally(6, 0), after: tally(1, 0)},
		{reason: "six of seven are many, and most", before: tally(7, 0), after: tally(1, 0), held: "6 of its 7 objects"},
		{reason: "half is not more than half", before: tally(12, 0), after: tally(6, 0)},
		{reason: "one more than half is", before: tally(13, 0), after: tally(6, 0), held: "7 of its 13 objects"},
		{reason: "many that are not most", before: tally(100, 0), after: tally(60, 0)},
		{reason: "a release that grows loses nothing", before: tally(10, 0), after: tally(100, 0)},
		{reason: "all of them under other names are as many", before: tally(10, 10), after: tally(10, 10)},
		{reason: "a generated file for each workload is no workload", before: tally(0, 10), after: tally(10, 0), held: "10 of its 10 objects"},
		{reason: "more of one kind make up for none of another", before: tally(4, 16), after: tally(100, 2), held: "14 of its 20 objects"},
		{reason: "one object that becomes another kind is a change, and nothing is emptied", before: tally(0, 1), after: tally(1, 0)},
	} {
		t.Run(tt.reason, func(t *testing.T) {
			in := gate.Input{
				Digest: "new", InPlace: "old", Known: true,
				Shrinks: &gate.Shrinks{Environment: "prod", Before: tt.before, After: tt.after, Max: 50, Approved: tt.approved},
			}
			v := gate.Decide(in)
			if held := v.Hold == gate.Shrunk; held != (tt.held != "") || !strings.HasPrefix(v.Reason, tt.held) {
				t.Errorf("from %v to %v: held by %q: %s", tt.before, tt.after, v.Hold, v.Reason)
			}
			if v.Hold != "" && !v.Person() {
				t.Error("no person is asked")
			}
			in.Digest = in.InPlace
			if v := gate.Decide(in); v.Hold != "" {
				t.Errorf("what is in place is held by %q", v.Hold)
			}
		})
	}
}
