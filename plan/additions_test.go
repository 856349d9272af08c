// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/ownership"
)

const declaredWeb = `
apiVersion: apps/v1
kind: Deployment
metadata: {name: web, namespace: a}
spec:
  template:
    spec:
      containers: [{name: main, image: img}]
`

// oursOfWeb is our entry of it.
const oursOfWeb = `{"f:metadata":{"f:annotations":{"f:trunkline.dev/digest":{}}},"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"main\"}":{".":{},"f:image":{},"f:name":{}}}}}}}`

// TestAdditions has what others add to an object, and what becomes of it.
func TestAdditions(t *testing.T) {
	const (
		container = `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"side\"}":{".":{},"f:image":{},"f:name":{},"f:env":{"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}}}}}}}}`
		env       = `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"main\"}":{"f:env":{".":{},"k:{\"name\":\"A\"}":{".":{},"f:name":{},"f:value":{}}},"f:name":{}}}}}}}`
		resources = `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"main\"}":{"f:resources":{".":{},"f:limits":{".":{},"f:cpu":{}}}}}}}}}`
		paused    = `{"f:spec":{"f:paused":{}}}`
		label     = `{"f:metadata":{"f:labels":{".":{},"f:team":{}}}}`
		contract  = `{"f:metadata":{"f:annotations":{"f:deployment.kubernetes.io/revision":{},"f:kubectl.kubernetes.io/last-applied-configuration":{}},"f:finalizers":{".":{},"v:\"a/b\"":{}}},"f:spec":{"f:template":{"f:metadata":{"f:annotations":{"f:kubectl.kubernetes.io/restartedAt":{}}}}}}`
	)
	ignore := []v1alpha1.DriftIgnore{{Fields: []string{".spec.paused"}}}
	cases := map[string]struct {
		reason    string
		by        string
		fields    string
		policy    plan.Additions
		drift     plan.Drift
		additions []string
		want      []string
	}{
		"Container":    {"A container is one addition.", "kubectl-edit", container, plan.LeaveAdditions, plan.Drift{Correct: true}, []string{`.spec.template.spec.containers[name="side"]`}, nil},
		"Environment":  {"So is a variable of a container of ours.", "kubectl-set", env, plan.LeaveAdditions, plan.Drift{Correct: true}, []string{`.spec.template.spec.containers[name="main"].env[name="A"]`}, nil},
		"Resources":    {"A limit.", "kubectl-edit", resources, plan.LeaveAdditions, plan.Drift{}, []string{`.spec.template.spec.containers[name="main"].resources.limits.cpu`}, nil},
		"Label":        {"A label.", "kubectl-label", label, plan.LeaveAdditions, plan.Drift{}, []string{".metadata.labels.team"}, nil},
		"Reported":     {"Where they are reported they are drift that is left.", "kubectl-patch", paused, plan.ReportAdditions, plan.Drift{Correct: true}, []string{".spec.paused"}, []string{"keep Deployment.apps a/web (drift reported .spec.paused by kubectl-patch)"}},
		"Corrected":    {"Where they are taken back the object is applied.", "kubectl-patch", paused, plan.CorrectAdditions, plan.Drift{Correct: true}, []string{".spec.paused"}, []string{"update Deployment.apps a/web (added by others, force)"}},
		"Damped":       {"Who adds again and again is left alone for a while.", "kubectl-patch", paused, plan.CorrectAdditions, plan.Drift{Correct: true, Damped: damped(".spec.paused")}, []string{".spec.paused"}, []string{"keep Deployment.apps a/web (drift reported .spec.paused by kubectl-patch)"}},
		"Ignored":      {"What is ignored is not told.", "kubectl-patch", paused, plan.CorrectAdditions, plan.Drift{Correct: true, Ignore: ignore}, nil, nil},
		"ByContract":   {"What controllers own by contract is no addition.", "kube-controller-manager", contract, plan.CorrectAdditions, plan.Drift{Correct: true}, nil, nil},
		"OurOwnUpdate": {"What admission has changed while we applied is attributed to us.", plan.FieldManager, paused, plan.CorrectAdditions, plan.Drift{Correct: true}, nil, nil},
		"Shared":       {"What we own as well is no addition.", "helm", oursOfWeb, plan.CorrectAdditions, plan.Drift{Correct: true}, nil, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := parse(t, declaredWeb)
			there := seenAs(o, func(s *plan.Observed) {
				s.Owners = ownership.Owners{Ours: oursOfWeb, Others: []ownership.Manager{{Name: tc.by, Operation: "Update", Fields: tc.fields}}}
			})
			p, err := plan.Compute(plan.Input{Desired: objects(o), Observed: all(there), Drift: tc.drift, Additions: tc.policy})
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, a := range p.Additions {
				for _, f := range a.Fields {
					got = append(got, f.Path.String())
					if f.Manager != tc.by {
						t.Errorf("%s\n%s is by %q", tc.reason, f.Path, f.Manager)
					}
				}
			}
			if diff := cmp.Diff(tc.additions, got); diff != "" {
				t.Errorf("%s\nadditions: -want +got:\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.want, text(p)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func damped(pattern string) map[plan.Ref][]field.Path {
	p, err := field.ParsePattern(pattern)
	if err != nil {
		panic(err)
	}
	return map[plan.Ref][]field.Path{ref("Deployment a/web"): {p}}
}

// TestAdditionsAreNotSentAndSpoilNothing: what is sent of an object that others have added to is what is declared.
func TestAdditionsAreNotSentAndSpoilNothing(t *testing.T) {
	o := parse(t, declaredWeb)
	there := seenAs(o, func(s *plan.Observed) {
		s.Digest = "old"
		s.Owners = ownership.Owners{Ours: oursOfWeb, Others: []ownership.Manager{{Name: "x", Fields: `{"f:spec":{"f:template":{"f:spec":{"f:containers":{"k:{\"name\":\"side\"}":{".":{},"f:name":{}}}}}}}`}}}
	})
	p, err := plan.Compute(plan.Input{Desired: objects(o), Observed: all(there), Additions: plan.ReportAdditions})
	if err != nil {
		t.Fatal(err)
	}
	step := p.Apply[0][0]
	if diff := cmp.Diff(o.Object, step.Object.Object); diff != "" {
		t.Errorf("-declared +sent:\n%s", diff)
	}
	if len(step.Left) != 1 {
		t.Errorf("what is left is %v", step.Left)
	}
}

func TestTampering(t *testing.T) {
	cm := "ConfigMap a/x"
	when := time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC)
	x := objects(object(cm, "new"))
	digestBy := func(name string) func(*plan.Observed) {
		return func(o *plan.Observed) {
			o.Digest = "other"
			o.Owners = ownership.Owners{Ours: `{"f:data":{}}`}
			if name != "" {
				o.Owners.Others = []ownership.Manager{{Name: name, Time: when, Fields: `{"f:metadata":{"f:annotations":{"f:trunkline.dev/digest":{}}}}`}}
			}
		}
	}
	vanished := map[plan.Ref]plan.Vanished{ref(cm): {UID: "1", At: when}}
	cases := map[string]struct {
		reason string
		in     plan.Input
		want   *plan.Tampering
		what   string
	}{
		"Deleted":     {"What someone deleted is made again, and that is told.", plan.Input{Desired: x, Vanished: vanished}, &plan.Tampering{What: plan.Deleted, At: when}, "create ConfigMap a/x (missing)"},
		"New":         {"What was never there was not deleted.", plan.Input{Desired: x}, nil, "create ConfigMap a/x (missing)"},
		"Back":        {"What is there again was not deleted either.", plan.Input{Desired: x, Vanished: vanished, Observed: all(seen(cm, "old"))}, nil, "update ConfigMap a/x (changed)"},
		"Digest":      {"Who changed the digest is told.", plan.Input{Desired: x, Observed: all(seen(cm, "new", digestBy("kubectl-annotate")))}, &plan.Tampering{What: plan.Undigested, At: when, Manager: "kubectl-annotate"}, `update ConfigMap a/x (drifted .metadata.annotations["trunkline.dev/digest"] by kubectl-annotate)`},
		"DigestGone":  {"Who removed it is not known.", plan.Input{Desired: x, Observed: all(seen(cm, "new", digestBy("")))}, &plan.Tampering{What: plan.Undigested}, `update ConfigMap a/x (drifted .metadata.annotations["trunkline.dev/digest"] by )`},
		"Changed":     {"A digest that is ours is of what was applied before.", plan.Input{Desired: x, Observed: all(seen(cm, "old"))}, nil, "update ConfigMap a/x (changed)"},
		"NoManagers":  {"Where someone wiped out who manages what, nobody knows.", plan.Input{Desired: x, Observed: all(seen(cm, "old", func(o *plan.Observed) { o.Owners = ownership.Owners{} }))}, nil, "update ConfigMap a/x (changed)"},
		"DigestStays": {"A digest that is the right one was not changed, whoever has it.", plan.Input{Desired: x, Observed: all(seen(cm, "new", func(o *plan.Observed) { o.Owners.Ours = `{"f:data":{}}` }))}, nil, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := plan.Compute(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if tc.what == "" {
				if !p.Empty() {
					t.Errorf("%s\ngot %v", tc.reason, text(p))
				}
				return
			}
			if diff := cmp.Diff([]string{tc.what}, text(p)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.want, p.Apply[0][0].Tampering, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
	deleted := plan.Tampering{What: plan.Deleted, At: when}
	if got := deleted.Found("1", "1"); got.What != plan.Unlabelled {
		t.Errorf("an object that is the same one as before has lost its label: got %s", got.What)
	}
	if got := deleted.Found("1", "2"); got.What != plan.Deleted {
		t.Errorf("an object that is another one was deleted: got %s", got.What)
	}
}
