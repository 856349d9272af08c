// SPDX-License-Identifier: Apache-2.0

package cel_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/subject"
)

// policy makes a policy on workloads of a spec's rest.
func policy(spec string) string {
	return "kind: Policy\nmetadata: {name: p}\nspec:\n  " + strings.ReplaceAll(strings.TrimSpace(spec), "\n", "\n  ") + "\n"
}

const workload = `
name: clean
blueprint: container-job
retries: 2
env: {team: orders}
reads: {raw: raw@1, fx: {dataset: rates/fx@1, window: 24}}
`

func TestEvaluate(t *testing.T) {
	cases := map[string]struct {
		reason string
		policy string
		change func(*subject.Subject)
		want   []string
	}{
		"Holds":   {"what holds says nothing", "on: workload\nvalidations: [{expression: 'workload.retries == 2'}]", nil, nil},
		"Message": {"the message is the policy's", "on: workload\nvalidations: [{expression: 'workload.retries > 2', message: needs retries}]", nil, []string{"deny: needs retries"}},
		"Warn":    {"the severity is the policy's", "on: workload\nseverity: warn\nvalidations: [{expression: 'workload.retries > 2', message: needs retries}]", nil, []string{"warn: needs retries"}},
		"MessageExpression": {
			"an expression wins over the message",
			"on: workload\nvalidations: [{expression: 'false', message: m, messageExpression: '\"the workload \" + workload.name'}]", nil,
			[]string{"deny: the workload clean"},
		},
		"MessageFails": {
			"a message that fails does not hide the verdict",
			"on: workload\nvalidations: [{expression: 'false', message: m, messageExpression: 'workload.command[3]'}]", nil,
			[]string{"deny: m"},
		},
		"MessageEmpty": {"nor one that is empty", "on: workload\nvalidations: [{expression: 'false', message: m, messageExpression: '\" \"'}]", nil, []string{"deny: m"}},
		"NoMessage":    {"without one the expression says it", "on: workload\nvalidations: [{expression: 'workload.retries > 2'}]", nil, []string{"deny: failed expression: workload.retries > 2"}},
		"All":          {"all that is wrong is said", "on: workload\nvalidations: [{expression: 'false', message: a}, {expression: 'true'}, {expression: 'false', message: b}]", nil, []string{"deny: a", "deny: b"}},
		"OtherTarget":  {"a policy on something else says nothing", "on: dataset\nvalidations: [{expression: 'false'}]", nil, nil},
		"Missing": {
			"a field that is not there cannot be checked, and what cannot be checked is refused, warning or not",
			"on: workload\nseverity: warn\nvalidations: [{expression: 'workload.env.owner == \"x\"'}]", nil,
			[]string{`error: the policy "policy/p" could not be evaluated: spec.validations[0].expression: no such key: owner; what cannot be checked is refused`},
		},
		"Has": {"has asks first", "on: workload\nvalidations: [{expression: 'has(workload.env.owner)', message: no owner}]", nil, []string{"deny: no owner"}},
		"Optional": {
			"so do optional fields",
			"on: workload\nvalidations: [{expression: 'workload.?env.?owner.orValue(\"none\") != \"none\"', message: no owner}]", nil,
			[]string{"deny: no owner"},
		},
		"Forms": {
			"what is written in several forms is checked as it is written",
			"on: workload\nvalidations: [{expression: 'workload.reads.all(r, type(workload.reads[r]) == string || has(workload.reads[r].dataset))'}]", nil, nil,
		},
		"Variables": {
			"variables use those above them, and nothing is evaluated that is not used",
			"on: workload\nvariables: [{name: broken, expression: '1 / 0 == 1'}, {name: team, expression: workload.env.team}, {name: greeting, expression: '\"team \" + variables.team'}]\n" +
				"validations: [{expression: 'false', messageExpression: variables.greeting}]", nil,
			[]string{"deny: team orders"},
		},
		"BrokenVariable": {
			"a variable that fails fails whoever uses it",
			"on: workload\nvariables: [{name: broken, expression: '1 / 0 == 1'}]\nvalidations: [{expression: variables.broken}, {expression: 'false', message: m}]", nil,
			[]string{`error: the policy "policy/p" could not be evaluated: spec.validations[0].expression: the variable "broken": division by zero; what cannot be checked is refused`, "deny: m"},
		},
		"Precondition":      {"what it is false for is not checked", "on: workload\nmatch: {expression: 'workload.name == \"other\"'}\nvalidations: [{expression: 'false'}]", nil, nil},
		"PreconditionTrue":  {"what it is true for is", "on: workload\nmatch: {expression: 'workload.name == \"clean\"'}\nvalidations: [{expression: 'false', message: m}]", nil, []string{"deny: m"}},
		"PreconditionFails": {"what it fails for is refused", "on: workload\nmatch: {expression: 'workload.env.x == \"\"'}\nvalidations: [{expression: 'true'}]", nil, []string{`error: the policy "policy/p" could not be evaluated: spec.match.expression: no such key: x; what cannot be checked is refused`}},
		"InEnvironment":     {"one of the environments", "on: workload\nmatch: {environments: [prod, dev]}\nvalidations: [{expression: 'false', message: m}]", nil, []string{"deny: m"}},
		"OtherEnvironment":  {"none of the environments", "on: workload\nmatch: {environments: [dev]}\nvalidations: [{expression: 'false'}]", nil, nil},
		"NoEnvironment":     {"what has no environment is in none", "on: workload\nmatch: {environments: [prod]}\nvalidations: [{expression: 'false'}]", func(s *subject.Subject) { s.Environment = nil }, nil},
		"InProject":         {"one of the projects", "on: workload\nmatch: {projects: [orders]}\nvalidations: [{expression: 'false', message: m}]", nil, []string{"deny: m"}},
		"OtherProject":      {"none of the projects", "on: workload\nmatch: {projects: [rates]}\nvalidations: [{expression: 'false'}]", nil, nil},
		"Around":            {"what is around a subject has a name", "on: workload\nvalidations: [{expression: 'project.spec.owner == \"team-orders\" && environment.metadata.name == \"prod\" && release == null'}]", nil, nil},
		"Null":              {"what is not there is null", "on: workload\nvalidations: [{expression: 'environment == null'}]", func(s *subject.Subject) { s.Environment = nil }, nil},
		"Graph": {
			"the DAG around a subject",
			"on: workload\nvalidations: [{expression: 'upstream.all(n, n.owner == project.spec.owner || \"public\" in n.tags)', message: reads what is not public}, {expression: 'downstream.size() == 0'}]", nil,
			[]string{"deny: reads what is not public"},
		},
		"Kubernetes": {
			"the functions of the API server",
			`{on: workload, validations: [{expression: 'quantity("1Gi").isGreaterThan(quantity("500Mi")) && isIP("10.0.0.1") && url("https://a/b").getHost() == "a" && "x1".find("[0-9]") == "1" && [1, 2].isSorted() && semver("1.2.3").major() == 1 && !format.dns1123Label().validate("a-b").hasValue()'}]}`, nil, nil,
		},
		"NotBool": {"what is not declared to be true or false is compared", "on: workload\nvalidations: [{expression: 'dyn(true) == true'}]", nil, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := on(t, v1alpha1.OnWorkload, workload)
			s.Project = map[string]any{"metadata": map[string]any{"name": "orders"}, "spec": map[string]any{"owner": "team-orders"}}
			s.Environment = map[string]any{"metadata": map[string]any{"name": "prod"}}
			s.Up = func() []subject.Node {
				return []subject.Node{{ID: "orders/raw@1", Owner: "team-orders"}, {ID: "rates/fx@1", Owner: "team-rates", Tags: []string{"internal"}}}
			}
			if tc.change != nil {
				tc.change(s)
			}
			var got []string
			for _, v := range mustCompile(t, policy(tc.policy)).Evaluate(t.Context(), s) {
				word := string(v.Severity)
				if v.Unevaluated {
					word = "error"
				}
				got = append(got, word+": "+v.Text)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestJudgeObjects(t *testing.T) {
	deployment := "apiVersion: apps/v1\nkind: Deployment\nmetadata: {name: web, labels: {app: web}}\nspec: {replicas: 3}\n"
	configMap := "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: settings}\n"
	cases := map[string]struct {
		reason string
		match  string
		object string
		want   int
	}{
		"Kind":      {"the kind and the group", "[{group: apps, kinds: [Deployment]}]", deployment, 1},
		"OtherKind": {"another kind", "[{group: apps, kinds: [StatefulSet]}]", deployment, 0},
		"Group":     {"the same kind of another group", "[{group: example.org, kinds: [Deployment]}]", deployment, 0},
		"Core":      {"no group is the core group", "[{kinds: [ConfigMap]}]", configMap, 1},
		"NotCore":   {"which is not every group", "[{kinds: ['*']}]", deployment, 0},
		"Every":     {"all kinds of a group", "[{kinds: [ConfigMap]}, {group: apps, kinds: ['*']}]", deployment, 1},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p := mustCompile(t, policy("on: object\nmatch: {objects: "+tc.match+"}\nvalidations: [{expression: '!has(object.metadata.name)'}]"))
			if got := len(p.Evaluate(t.Context(), on(t, v1alpha1.OnObject, tc.object))); got != tc.want {
				t.Errorf("%s: got %d verdicts, want %d", tc.reason, got, tc.want)
			}
		})
	}
}

// TestVerdictHasItsPlaces holds a verdict to the field that it is about, and to where the policy says so.
func TestVerdictHasItsPlaces(t *testing.T) {
	p := mustCompile(t, `kind: Policy
metadata: {name: retries}
spec:
  on: project
  validations:
    - expression: project.spec.workloads.all(w, w.retries < 5)
      message: too many retries
      path: spec.workloads[1].retries
`)
	s := on(t, v1alpha1.OnProject, "kind: Project\nspec:\n  workloads:\n    - {name: a, retries: 1}\n    - {name: b, retries: 9}\n")
	s.ID = "project orders"
	want := v1alpha1.Problems{{
		Rule: "policy/retries", Position: v1alpha1.Position{File: "policy.yaml", Line: 5, Column: 26}, Path: "spec.workloads[1].retries",
		Severity: v1alpha1.Deny, Message: "project orders: too many retries",
		Trace: []v1alpha1.Step{{Position: v1alpha1.Position{File: "policy.yaml", Line: 6, Column: 19}, Message: "policy/retries"}},
	}}
	if diff := cmp.Diff(want, p.Evaluate(t.Context(), s).Problems()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestGraphIsNotBuiltInVain holds a policy that does not ask for the DAG to not paying for it.
func TestGraphIsNotBuiltInVain(t *testing.T) {
	s := on(t, v1alpha1.OnWorkload, workload)
	s.Up = func() []subject.Node { t.Error("the nodes were made"); return nil }
	p := mustCompile(t, policy("on: workload\nvalidations: [{expression: 'workload.retries == 2 || upstream.size() == 0'}]"))
	if got := p.Evaluate(t.Context(), s); got != nil {
		t.Error(got)
	}
}

func TestStoppedIsRefused(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the daemon is ending"))
	p := mustCompile(t, policy("on: workload\nvalidations: [{expression: 'lists.range(1000).all(x, x >= 0)'}]"))
	got := p.Evaluate(ctx, on(t, v1alpha1.OnWorkload, workload))
	if len(got) != 1 || !got[0].Unevaluated || !strings.Contains(got[0].Text, "it was stopped: the daemon is ending") {
		t.Errorf("got %+v, want a refusal that says why", got)
	}
}

// TestOnePolicyForMany is for the race detector.
func TestOnePolicyForMany(t *testing.T) {
	p := mustCompile(t, policy("on: workload\nvariables: [{name: n, expression: workload.retries}]\nvalidations: [{expression: 'variables.n == 2 && upstream.size() == 1'}]"))
	shared := on(t, v1alpha1.OnWorkload, workload)
	shared.Up = func() []subject.Node { return []subject.Node{{ID: "a"}} }
	var wg sync.WaitGroup
	for range 50 {
		wg.Go(func() {
			if got := p.Evaluate(t.Context(), shared); got != nil {
				t.Error(got)
			}
		})
	}
	wg.Wait()
}
