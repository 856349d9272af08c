// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/admission"
	"trunkline.dev/trunkline/policy/subject"
)

// load compiles policies from the text of one file.
func load(t testing.TB, text string) (*admission.Set, v1alpha1.Problems) {
	t.Helper()
	return admission.Load([]subject.Folder{{Path: "policies", Files: []subject.File{{Path: "policies/p.yaml", Data: []byte(text)}}}})
}

func mustLoad(t testing.TB, text string) *admission.Set {
	t.Helper()
	set, problems := load(t, text)
	if problems.Denied() {
		t.Fatal(problems)
	}
	return set
}

// objects reads objects.
func objects(t testing.TB, text string) []map[string]any {
	t.Helper()
	docs, problem := subject.ParseYAML("objects.yaml", []byte(text))
	if problem != nil {
		t.Fatal(problem)
	}
	out := make([]map[string]any, len(docs))
	for i, d := range docs {
		out[i] = d.Object()
	}
	return out
}

// on makes a subject of an object; old is what is in the cluster, or empty.
func on(t testing.TB, object, old string) *subject.Subject {
	t.Helper()
	s := &subject.Subject{On: v1alpha1.OnObject, Value: objects(t, object)[0]}
	if old != "" {
		s.Old = objects(t, old)[0]
	}
	return s
}

// words tells verdicts in short.
func words(vs subject.Verdicts) []string {
	var out []string
	for _, v := range vs {
		word := string(v.Severity)
		if v.Unevaluated {
			word += " (error)"
		}
		out = append(out, strings.TrimPrefix(v.Rule, "admission/")+" "+word+": "+v.Text)
	}
	return out
}

// parse reads what it can.
func parse(text string) []map[string]any {
	docs, _ := subject.ParseYAML("objects.yaml", []byte(text))
	var out []map[string]any
	for _, d := range docs {
		if o := d.Object(); o != nil {
			out = append(out, o)
		}
	}
	return out
}
