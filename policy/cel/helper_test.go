// SPDX-License-Identifier: Apache-2.0

package cel_test

import (
	"bytes"
	"encoding/json"
	"sync"
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/cel"
	"trunkline.dev/trunkline/policy/subject"
)

// compilers holds the compiler that the tests share.
var compilers = sync.OnceValues(cel.NewCompiler)

// parse reads a document.
func parse(t testing.TB, text string) subject.Document {
	t.Helper()
	docs, problem := subject.ParseYAML("policy.yaml", []byte(text))
	if problem != nil {
		t.Fatal(problem)
	}
	return docs[0]
}

// compile compiles a policy from its declaration.
func compile(t testing.TB, text string) (*cel.Policy, v1alpha1.Problems) {
	t.Helper()
	c, err := compilers()
	if err != nil {
		t.Fatal(err)
	}
	doc := parse(t, text)
	data, err := json.Marshal(doc.Object())
	if err != nil {
		t.Fatal(err)
	}
	var policy v1alpha1.Policy
	decoder := json.NewDecoder(bytes.NewReader(bytes.Replace(data, []byte(`"apiVersion":"trunkline.dev/v1alpha1",`), nil, 1)))
	if err := decoder.Decode(&policy); err != nil {
		t.Fatal(err)
	}
	return c.Compile(&policy, doc.Position)
}

// mustCompile is for policies that have no problems.
func mustCompile(t testing.TB, text string) *cel.Policy {
	t.Helper()
	p, problems := compile(t, text)
	if problems != nil {
		t.Fatal(problems)
	}
	return p
}

// on returns a subject from the YAML of its value.
func on(t testing.TB, target v1alpha1.PolicyTarget, text string) *subject.Subject {
	t.Helper()
	doc := parse(t, text)
	return &subject.Subject{On: target, Value: doc.Object(), Place: doc.Position}
}
