// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
)

func TestDeclares(t *testing.T) {
	cases := map[string]struct {
		reason string
		data   string
		want   bool
	}{
		"YAML":        {"The usual form.", "apiVersion: trunkline.dev/v1alpha1", true},
		"Quoted":      {"Quotes change nothing.", `"apiVersion" : 'trunkline.dev/v1alpha1'`, true},
		"JSON":        {"JSON is YAML.", `{"apiVersion":"trunkline.dev/v1alpha1"}`, true},
		"Slash":       {"Some programs escape the slash in JSON.", `{"apiVersion":"trunkline.dev\/v1alpha1"}`, true},
		"Anchor":      {"An anchor may stand before the value.", "apiVersion: &v trunkline.dev/v1alpha1", true},
		"Tag":         {"A tag may stand before the value.", "apiVersion: !!str trunkline.dev/v1alpha1", true},
		"NextLine":    {"The value may stand on the next line, behind a comment.", "apiVersion: # ours\n  trunkline.dev/v1alpha1", true},
		"OtherGroup":  {"Others use apiVersion too.", "apiVersion: apps/v1", false},
		"Annotation":  {"A label of ours makes no declaration.", "apiVersion: v1\nmetadata: {annotations: {trunkline.dev/prune: disabled}}", false},
		"Helm":        {"A template with a label of ours is left alone: it is not even YAML.", "apiVersion: v1\n{{ include \"x\" . }}\n  trunkline.dev/part-of: a", false},
		"OtherDomain": {"A domain that ends like ours is not ours.", "apiVersion: nottrunkline.dev/v1", false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := v1alpha1.Declares([]byte(tc.data)); got != tc.want {
				t.Errorf("%s got %v, want %v", tc.reason, got, tc.want)
			}
			if docs, problems := v1alpha1.Decode("f", []byte(tc.data)); tc.want != (len(docs)+len(problems) > 0) && name != "Helm" {
				t.Errorf("%s Decode takes another view: %v %v", tc.reason, docs, problems)
			}
		})
	}
}

// TestMergesAreBounded merges a long mapping into another one a hundred thousand times, which must be refused
// before it is done.
func TestMergesAreBounded(t *testing.T) {
	var long strings.Builder
	for i := range 30_000 {
		fmt.Fprintf(&long, "k%d: a, ", i)
	}
	_, problems := v1alpha1.Decode("f", []byte("apiVersion: trunkline.dev/v1alpha1\nkind: Cluster\nmetadata: {name: a, labels: &l {"+
		long.String()+"}, annotations: {<<: ["+strings.Repeat("*l, ", 100_000)+"]}}\n"))
	if want := "more than 100000 values"; !strings.Contains(problems.String(), want) {
		t.Errorf("got %.300s, want %q", problems, want)
	}
}

func TestValuesAreShortAndPrintable(t *testing.T) {
	page := strings.Repeat("x", 900)
	_, problems := v1alpha1.Decode("f", []byte("apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: e, labels: \"\\e[2J"+page+"\"}\nspec: {clusters: "+page+", \"\\e]0;"+page+"\": 1}\n"))
	if len(problems) != 3 {
		t.Fatalf("got %d problems, want 3:\n%s", len(problems), problems)
	}
	for _, p := range problems {
		if text := p.String(); len(text) > 400 || strings.Contains(text, "\x1b") {
			t.Errorf("%d bytes, or control characters: %q", len(text), text)
		}
	}
}

func TestProblemString(t *testing.T) {
	p := v1alpha1.Problem{
		Position: v1alpha1.Position{File: "a\nb.yaml:1: all is fine", Line: 3, Column: 4}, Severity: v1alpha1.Warn,
		Path:    v1alpha1.FieldPath("spec", "a.b", 2, "c\x1b"),
		Message: "it\nis\tone line", Hint: "so\nis this",
		Trace: []v1alpha1.Step{{Message: "é", Position: v1alpha1.Position{File: "f"}}, {Message: "ab", Position: v1alpha1.Position{File: "g"}}},
	}
	want := "a\uFFFDb.yaml:1: all is fine:3:4: warning: spec.\"a.b\"[2].\"c\\x1b\": it is one line\n    é   f\n    ab  g\n    hint: so is this"
	if diff := cmp.Diff(want, p.String()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestDecodeFileTellsWhatItCouldNotRead(t *testing.T) {
	const h = "apiVersion: trunkline.dev/v1alpha1\n"
	cases := map[string]struct {
		reason, data string
		broken       []string
		unread       bool
	}{
		"Fine":        {"A good document is none of both.", h + "kind: Cluster\nmetadata: {name: a}\n", nil, false},
		"Typo":        {"A document with a problem is known by its name.", h + "kind: Cluster\nmetadata: {name: a}\nspac: {}\n", []string{"a"}, false},
		"NoName":      {"One without a name could be any.", h + "kind: Cluster\nmetadata: {}\n", nil, true},
		"UnknownKind": {"One of an unknown kind could be any.", h + "kind: Clutser\nmetadata: {name: a}\n", nil, true},
		"Syntax":      {"What stands behind a syntax error could be anything.", h + "kind: Cluster\nmetadata: {name: a\n", nil, true},
		"Others":      {"Someone else's documents are none of our business.", "apiVersion: v1\nkind: Secret\n", nil, false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := v1alpha1.DecodeFile("f", []byte(tc.data))
			var broken []string
			for _, d := range f.Broken {
				broken = append(broken, d.Name)
			}
			if diff := cmp.Diff(tc.broken, broken); diff != "" || f.Unread != tc.unread {
				t.Errorf("%s unread: %v, want %v; broken -want +got:\n%s", tc.reason, f.Unread, tc.unread, diff)
			}
		})
	}
}
