// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"errors"
	"slices"
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/plan"
)

func TestScope(t *testing.T) {
	scope := plan.Scope{
		Namespace: "orders-prod", Account: "deployer", System: "trunkline-system", Namespaces: []string{"monitoring", "trunkline-system"},
		ClusterScoped: []schema.GroupKind{{Group: "acme.io", Kind: "Widget"}, {Kind: "ConfigMap"}, {Kind: "Namespace"}},
	}
	cases := map[string]struct {
		reason        string
		object        string
		clusterScoped bool
		own           bool
		want          string // part of the refusal; empty if it passes
	}{
		"Own namespace":     {"What a release is for.", "ConfigMap orders-prod/c", false, false, ""},
		"Allowed namespace": {"The environment names it.", "ConfigMap monitoring/c", false, false, ""},
		"Foreign namespace": {"Another project's is not its to change.", "ConfigMap rates-prod/c", false, false, `the release's namespace is "orders-prod"`},
		"System namespace":  {"Whoever writes inventories says what is whose, so nobody allows that.", "ConfigMap trunkline-system/c", false, false, "Trunkline's own"},
		"Allowed kind":      {"The environment names it.", "Widget w", true, false, ""},
		"Foreign kind":      {"Kinds of add-ons are found out here alone.", "Deployment d", true, false, `name "Deployment.apps" in spec.allow`},
		"Hidden kind":       {"The API server would drop the namespace and apply it for the whole cluster.", "Deployment orders-prod/d", true, false, "belong to the whole cluster"},
		"No namespace":      {"What was taken for cluster-scoped is not.", "ConfigMap c", false, false, "take \"ConfigMap\" out of clusterScoped"},
		"The namespace":     {"It is Trunkline that makes it.", "Namespace orders-prod", true, true, ""},
		"By the project":    {"Its labels decide what pods may do.", "Namespace orders-prod", true, false, "no other is its to make"},
		"Other namespace":   {"Not even Trunkline makes another one for it.", "Namespace other", true, true, "no other is its to make"},
		"The account":       {"A project does not change who deploys it.", "ServiceAccount orders-prod/deployer", false, false, "cannot be a part of it"},
		"Made account":      {"Trunkline does, if the environment says so.", "ServiceAccount orders-prod/deployer", false, true, ""},
		"Other account":     {"Its pods have theirs.", "ServiceAccount orders-prod/orders", false, false, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := scope.Check(ref(tc.object), tc.clusterScoped, tc.own)
			if tc.want == "" {
				if err != nil {
					t.Errorf("%s\ngot %v", tc.reason, err)
				}
				return
			}
			if _, typed := errors.AsType[*plan.ScopeError](err); !typed || !strings.Contains(err.Error(), tc.want) || !strings.Contains(err.Error(), ref(tc.object).String()) {
				t.Errorf("%s\ngot %v, want it to name the object and say %q", tc.reason, err, tc.want)
			}
		})
	}
	if err := (plan.Scope{}).Check(ref("ConfigMap orders-prod/c"), false, true); err == nil {
		t.Error("a scope that nobody has filled in lets something pass")
	}
}

// TestOwnSteps: only namespaces, and what gives an account its rights, are Trunkline's own to do, and nothing is done as the
// account before it has its rights, or after it has lost them.
func TestOwnSteps(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := inputs().Draw(t, "input")
		if rapid.Bool().Draw(t, "account") {
			in.Access = []*unstructured.Unstructured{object("ServiceAccount a/deployer", ""), object("Role a/deployer", "")}
		}
		for _, name := range []string{"ServiceAccount a/before", "Role a/before"} {
			if rapid.Bool().Draw(t, name) {
				in.Observed = append(in.Observed, seen(name, "", access))
			}
		}
		own := func(s plan.Step) bool {
			return s.Ref.Kind == "Namespace" || s.Ref.Name == "deployer" || s.Ref.Name == "before"
		}
		p := compute(t, in)
		for _, s := range slices.Concat(append(slices.Concat(p.Apply, p.Prune), p.Rest)...) {
			if s.Action != plan.Keep && (s.Origin == plan.Platform) != own(s) && (s.Action != plan.Blocked || s.Ref.Kind == "Namespace") {
				t.Fatalf("%s %s: it is %q", s.Action, s.Ref, s.Origin)
			}
		}
		others := func(stages [][]plan.Step) (first, last int) {
			first, last = len(stages), -1
			for i, stage := range stages {
				if slices.ContainsFunc(stage, func(s plan.Step) bool { return s.Origin != plan.Platform }) {
					first, last = min(first, i), i
				}
			}
			return first, last
		}
		firstApply, _ := others(p.Apply)
		for i, stage := range p.Apply {
			if i > firstApply && slices.ContainsFunc(stage, func(s plan.Step) bool { return s.Origin == plan.Platform }) {
				t.Fatalf("something is done as the account before it has its rights: %v", p.Apply)
			}
		}
		_, lastPrune := others(p.Prune)
		for i, stage := range p.Prune {
			if i < lastPrune && slices.ContainsFunc(stage, func(s plan.Step) bool { return s.Origin == plan.Platform }) {
				t.Fatalf("something is deleted as the account after it has lost its rights: %v", p.Prune)
			}
		}
	})
}
