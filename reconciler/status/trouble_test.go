// SPDX-License-Identifier: Apache-2.0

package status

import (
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// TestTrouble: a line says why the newest commit does not count, the repository before what it holds.
func TestTrouble(t *testing.T) {
	head := &Commit{Hash: "0123456789abcdef0123456789abcdef01234567"}
	problem := func(severity v1alpha1.Severity, message string) v1alpha1.Problem {
		return v1alpha1.Problem{Position: v1alpha1.Position{File: "a.yaml", Line: 3}, Severity: severity, Message: message}
	}
	for reason, tt := range map[string]struct {
		source Source
		want   string
	}{
		"nothing is known yet":  {Source{}, ""},
		"it is accepted":        {Source{Head: head, Accepted: head}, ""},
		"a warning is no cause": {Source{Head: head, Problems: v1alpha1.Problems{problem(v1alpha1.Warn, "odd")}}, ""},
		"no way there":          {Source{Head: head, Error: "fetching branch \"main\": denied", Problems: v1alpha1.Problems{problem(v1alpha1.Deny, "wrong")}}, `fetching branch "main": denied`},
		"one mistake":           {Source{Head: head, Problems: v1alpha1.Problems{problem(v1alpha1.Warn, "odd"), problem(v1alpha1.Deny, "wrong\n  here")}}, "commit " + head.Short() + " is refused: a.yaml:3: wrong here"},
		"several":               {Source{Head: head, Problems: v1alpha1.Problems{problem(v1alpha1.Deny, "wrong"), problem(v1alpha1.Deny, "too")}}, "commit " + head.Short() + " is refused: a.yaml:3: wrong (and 1 more)"},
	} {
		if got := tt.source.Trouble(); got != tt.want {
			t.Errorf("%s: %q, want %q", reason, got, tt.want)
		}
	}
}
