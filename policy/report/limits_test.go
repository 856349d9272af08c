// SPDX-License-Identifier: Apache-2.0

package report

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
)

func TestUploadIsCut(t *testing.T) {
	r := Report{Problems: make(v1alpha1.Problems, maxResults+4)}
	for i := range r.Problems {
		r.Problems[i] = v1alpha1.Problem{Severity: v1alpha1.Deny, Position: v1alpha1.Position{File: "a.yaml", Line: i + 1}}
		if i < 10 {
			r.Problems[i].Severity = v1alpha1.Warn
		}
	}
	kept, invocation := r.upload()
	levels := map[string]int{}
	for i, p := range kept {
		levels[word(p)]++
		if i > 0 && p.Position.Compare(kept[i-1].Position) < 0 {
			t.Fatalf("the results are not in the order of places: %v behind %v", p.Position, kept[i-1].Position)
		}
	}
	if diff := cmp.Diff(map[string]int{"error": maxResults - 6, "warning": 6}, levels); diff != "" {
		t.Errorf("warnings are left out first\n-want +got:\n%s", diff)
	}
	want := sarifInvocation{ExecutionSuccessful: true, ToolExecutionNotifications: []sarifNotification{{
		Level: "warning", Message: sarifText{
			Text: "4 problems are left out of 25,004, warnings first: code scanning takes 25,000 in one upload. -o json shows all.",
		},
	}}}
	if diff := cmp.Diff(want, invocation); diff != "" {
		t.Errorf("the report has to say that something is left out\n-want +got:\n%s", diff)
	}
	r.Problems = r.Problems[:maxResults]
	if kept, invocation := r.upload(); len(kept) != maxResults || len(invocation.ToolExecutionNotifications) > 0 {
		t.Errorf("what fits is cut to %d, or said to be: %+v", len(kept), invocation)
	}
}
