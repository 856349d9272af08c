// SPDX-License-Identifier: Apache-2.0

package reference_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/reference"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// every calls a function for each field of each kind, with the path that leads to it; each type once a kind.
func every(visit func(path string, f *reference.Field)) {
	for _, k := range reference.Kinds() {
		seen := map[*reference.Struct]bool{}
		var walk func(path string, fields []*reference.Field)
		walk = func(path string, fields []*reference.Field) {
			for _, f := range fields {
				at := path + "." + f.Name
				visit(at, f)
				form := f.Form
				for form.Of != nil {
					form = form.Of
				}
				if form.Struct != nil && !seen[form.Struct] {
					seen[form.Struct] = true
					walk(at, form.Struct.Fields)
				}
			}
		}
		walk(strings.ToLower(string(k.Name)), k.Struct.Fields)
	}
}

func TestEveryFieldIsDescribed(t *testing.T) {
	count := 0
	every(func(path string, f *reference.Field) {
		count++
		if f.Doc == "" || !strings.HasSuffix(f.Doc, ".") {
			t.Errorf("%s: has no description that is a sentence: %q", path, f.Doc)
		}
		if strings.Contains(f.Doc, "efault:") {
			t.Errorf("%s: its default is not in the form that is understood: %q", path, f.Doc)
		}
	})
	if count < 150 {
		t.Errorf("looked at %d fields only", count)
	}
}

// noDefault are optional fields whose comment does not say what holds without them.
func noDefault() map[string]bool {
	return map[string]bool{
		// Of a policy's test, what is not given is not there.
		"policytest.spec.cases.upstream.kind": true, "policytest.spec.cases.upstream.project": true,
		"policytest.spec.cases.upstream.owner": true, "policytest.spec.cases.file": true,
		"policytest.spec.cases.expect.exactly": true,
		"policy.spec.description":              true, "policy.spec.validations.messageExpression": true,
	}
}

func TestEveryScalarHasADefaultOrIsRequired(t *testing.T) {
	exempt := noDefault()
	every(func(path string, f *reference.Field) {
		if !f.Form.Type.Scalar() {
			return
		}
		switch missing := f.Default == ""; {
		case f.Required && !missing:
			t.Errorf("%s: is required, and has the default %q", path, f.Default)
		case !f.Required && missing && !exempt[path]:
			t.Errorf("%s: says neither that it is required nor what holds without it: %q", path, f.Doc)
		case !missing && exempt[path]:
			t.Errorf("%s: has a default now: take it off the list", path)
		}
	})
}

func TestEveryNumberHasAUnit(t *testing.T) {
	every(func(path string, f *reference.Field) {
		switch f.Form.Type {
		case reference.Quantity, reference.Amount, reference.Number:
			if f.Unit == "" {
				t.Errorf("%s: is a %s without a unit: give it the tag unit", path, f.Form)
			}
		default:
			if f.Unit != "" {
				t.Errorf("%s: a %s has no unit of its own, and the tag says %q", path, f.Form, f.Unit)
			}
		}
	})
}

func TestTextsAreForPeople(t *testing.T) {
	kinds := map[string]*reference.Field{}
	every(func(path string, f *reference.Field) { kinds[path] = f })
	tests := map[string]struct {
		reason string
		path   string
		want   reference.Field
	}{
		"the name in Go is taken off": {
			reason: "who writes YAML does not know it", path: "environment.spec.soak",
			want: reference.Field{
				Name: "soak", Default: "none", Examples: []string{"24h"},
				Doc: "How long a commit must have been healthy in the environment of promotesFrom before it is promoted, such as \"24h\".",
			},
		},
		"a default in the middle": {
			reason: "what follows belongs to the description", path: "project.spec.datasets.lots",
			want: reference.Field{
				Name: "lots", Default: "the dataset is one whole",
				Doc: "Declares the intervals the data comes in. It is part of the contract with readers. Where the environment keeps lots, a workload that writes the dataset runs once for each.",
			},
		},
		"a unit": {
			reason: "it stands in the tag", path: "platform.spec.rates.cpu",
			want: reference.Field{
				Name: "cpu", Default: "built in", Unit: "currency, for a core and hour", Examples: []string{"0.0425"},
				Doc: "The price of one core for an hour, such as \"0.0425\".",
			},
		},
	}
	for name, tc := range tests {
		t.Run(name, func(t *testing.T) {
			got := *kinds[tc.path]
			got.Form = nil
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s: %s (-want +got):\n%s", tc.path, tc.reason, diff)
			}
		})
	}
}

func TestExamplesAreValid(t *testing.T) {
	for _, k := range reference.Kinds() {
		docs, problems := v1alpha1.Decode("example.yaml", []byte(k.Example))
		if len(problems) > 0 || len(docs) != 1 {
			t.Errorf("%s: the example gives %d declarations, and\n%s", k.Name, len(docs), problems)
			continue
		}
		if docs[0].Kind != k.Name {
			t.Errorf("%s: the example is a %s", k.Name, docs[0].Kind)
		}
	}
}

// TestExampleOfTheDaemon: that of a daemon is read as one, and by nothing that reads a repository.
func TestExampleOfTheDaemon(t *testing.T) {
	all := reference.All()
	k := all[len(all)-1]
	if doc, problems := v1alpha1.DecodeDaemonConfiguration("example.yaml", []byte(k.Example)); doc == nil || len(problems) > 0 {
		t.Errorf("%s: %s", k.Name, problems)
	}
	if docs, problems := v1alpha1.Decode("example.yaml", []byte(k.Example)); len(docs) > 0 || !problems.Denied() {
		t.Errorf("a repository can say how a daemon runs: %v", docs)
	}
}

func TestKindsAreThoseOfTheDecoder(t *testing.T) {
	var got []v1alpha1.Kind
	for _, k := range reference.Kinds() {
		got = append(got, k.Name)
	}
	if diff := cmp.Diff(v1alpha1.Kinds(), got); diff != "" {
		t.Errorf("the kinds that are described (-want +got):\n%s", diff)
	}
}
