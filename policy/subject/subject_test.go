// SPDX-License-Identifier: Apache-2.0

package subject_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/subject"
)

func TestNodesAreMadeOnce(t *testing.T) {
	calls := 0
	s := &subject.Subject{Up: func() []subject.Node { calls++; return []subject.Node{{ID: "a"}} }}
	if calls != 0 {
		t.Error("the nodes are made before anybody asks")
	}
	s.Upstream()
	if got := s.Upstream(); len(got) != 1 || calls != 1 {
		t.Errorf("got %d nodes from %d calls, want 1 from 1", len(got), calls)
	}
	if got := s.Downstream(); got != nil {
		t.Errorf("got %v, want none where there is nothing to ask", got)
	}
}

func TestAgainst(t *testing.T) {
	s := &subject.Subject{ID: "workload orders/clean", Place: func(path ...any) v1alpha1.Position {
		return v1alpha1.Position{File: "orders.yaml", Line: len(path)}
	}}
	got := s.Against("policy/owner", v1alpha1.Warn, "has no\nowner", "add one", "spec", "owner")
	want := subject.Verdict{Text: "has no owner", Problem: v1alpha1.Problem{
		Rule: "policy/owner", Position: v1alpha1.Position{File: "orders.yaml", Line: 2}, Path: "spec.owner", Severity: v1alpha1.Warn,
		Message: "workload orders/clean: has no owner", Hint: "add one",
	}}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("a message is one line and begins with what it is about (-want +got):\n%s", diff)
	}
	refused := s.Refuse(&subject.UnevaluatedError{Policy: "policy/owner", Because: "no such key: spec"})
	if !refused.Unevaluated || refused.Severity != v1alpha1.Deny {
		t.Errorf("got %+v, want a refusal that says that it is one", refused)
	}
	if want := `workload orders/clean: the policy "policy/owner" could not be evaluated: no such key: spec; what cannot be checked is refused`; refused.Message != want {
		t.Errorf("got  %s\nwant %s", refused.Message, want)
	}
}

// TestSecretsAreNotSaid holds what is said of a Secret to not saying its values, in whatever form a policy quotes them.
func TestSecretsAreNotSaid(t *testing.T) {
	s := &subject.Subject{
		On: v1alpha1.OnObject,
		Value: map[string]any{
			"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "db"},
			"data": map[string]any{"password": "aHVudGVyMg==", "short": "YQ=="}, "stringData": map[string]any{"key": "-----BEGIN\nabcdef\n-----END"},
		},
		Old: map[string]any{"apiVersion": "v1", "kind": "Secret", "data": map[string]any{"password": "b2xkcGFzcw=="}},
	}
	said := s.Against("policy/p", v1alpha1.Deny, "db: hunter2 was oldpass, aHVudGVyMg==; the key is -----BEGIN abcdef -----END and abcdef; a cat", "")
	want := "db: [redacted] was [redacted], [redacted]; the key is [redacted] and [redacted]; a cat"
	if said.Message != want || said.Text != want {
		t.Errorf("got  %s\nwant %s", said.Message, want)
	}
	refused := s.Refuse(&subject.UnevaluatedError{Policy: "rego/main", Because: `to_number: parsing "hunter2"`})
	if strings.Contains(refused.Message, "hunter2") {
		t.Errorf("an error says %s", refused.Message)
	}
}

func TestBound(t *testing.T) {
	s := &subject.Subject{}
	many := make(subject.Verdicts, subject.MaxVerdicts+5)
	for i := range many {
		many[i] = s.Against("rego/main", v1alpha1.Warn, strings.Repeat("x", 10_000), "")
	}
	many[len(many)-1].Severity = v1alpha1.Deny
	got := s.Bound("rego/main", many)
	if len(got) != subject.MaxVerdicts+1 || !got.Problems().Denied() {
		t.Errorf("got %d verdicts, denied %t; want the first 100, and that what is left out denies too", len(got), got.Problems().Denied())
	}
	if n := len(got[0].Message); n > subject.MaxMessageBytes+len("…") {
		t.Errorf("a message of %d bytes got through", n)
	}
}

func TestPath(t *testing.T) {
	cases := map[string]struct {
		reason string
		text   string
		want   []any
		fails  bool
	}{
		"Keys":    {"dots part keys", "spec.owner", []any{"spec", "owner"}, false},
		"Index":   {"an index is a number", "spec.workloads[2].name", []any{"spec", "workloads", 2, "name"}, false},
		"Quoted":  {"a key with a dot is quoted", `metadata.labels."a.b/c"`, []any{"metadata", "labels", "a.b/c"}, false},
		"Empty":   {"nothing is the whole", "", nil, false},
		"Missing": {"two dots miss a key", "spec..owner", nil, true},
		"Open":    {"an index ends", "spec[1", nil, true},
		"Minus":   {"there are no negative indexes", "spec[-1]", nil, true},
		"Huge":    {"an index has a size", "spec[99999999999999999999]", nil, true},
		"Long":    {"a path has a length", strings.Repeat("a.", 100) + "a", nil, true},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			got, err := subject.ParsePath(tc.text)
			if diff := cmp.Diff(tc.want, got); diff != "" || (err != nil) != tc.fails {
				t.Errorf("%s: error %v (-want +got):\n%s", tc.reason, err, diff)
			}
		})
	}
}

func TestPathRoundTrip(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		path := []any{rapid.StringMatching(`[a-z./\[\] \n]{1,8}`).Draw(t, "first")}
		for range rapid.IntRange(0, 5).Draw(t, "more") {
			if rapid.Bool().Draw(t, "index") {
				path = append(path, rapid.IntRange(0, 1000).Draw(t, "n"))
			} else {
				path = append(path, rapid.StringMatching(`[a-z./\[\]\n]{1,8}`).Draw(t, "key"))
			}
		}
		text := v1alpha1.FieldPath(path...)
		got, err := subject.ParsePath(text)
		if diff := cmp.Diff(path, got); diff != "" || err != nil {
			t.Fatalf("%s: %v\n%s", text, err, diff)
		}
	})
}
