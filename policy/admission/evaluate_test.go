// SPDX-License-Identifier: Apache-2.0

package admission_test

import (
	"context"
	"errors"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/admission"
)

// everywhere writes a policy that looks at no namespace.
func everywhere(resources, rest string) string {
	return strings.Replace(vap(resources, rest), "    namespaceSelector: {matchLabels: {kubernetes.io/metadata.name: NS}}\n", "", 1)
}

// TestUnknown holds what only a cluster knows to being refused, and not to being taken for an answer.
func TestUnknown(t *testing.T) {
	const cannot = `NAME deny (error): the policy "admission/NAME" could not be evaluated: `
	const refused = `; what cannot be checked is refused`
	ns := "apiVersion: v1\nkind: Namespace\nmetadata: {name: NS, labels: {stage: test}}\n"
	hpa := "apiVersion: autoscaling/v2\nkind: HorizontalPodAutoscaler\nmetadata: {name: a, namespace: NS}\nspec: {maxReplicas: 3}\n"
	cases := map[string]struct {
		reason   string
		policies string
		objects  string
		user     *admission.User
		object   string
		want     []string
	}{
		"Namespace": {
			"the labels of a namespace that nobody declares", strings.Replace(vap("/configmaps", "validations: [{expression: 'true'}]"), "metadata.name: NS", "metadata.name: NS, stage: prod", 1), "", nil, configMap,
			[]string{cannot + "it selects namespaces by their labels, and those of this one are unknown" + refused},
		},
		"NamespaceIgnored": {
			"a failure policy is about the API server's failures, and that one knows them", strings.Replace(vap("/configmaps", "failurePolicy: Ignore\nvalidations: [{expression: 'true'}]"), "kubernetes.io/metadata.name: NS", "stage: prod", 1), "", nil, configMap,
			[]string{cannot + "it selects namespaces by their labels, and those of this one are unknown" + refused},
		},
		"NamespaceName":     {"its name is known", vap("/configmaps", "validations: [{expression: 'false', message: m}]"), "", nil, configMap, []string{"NAME deny: m"}},
		"NamespaceDeclared": {"one that is declared", strings.Replace(vap("/configmaps", "validations: [{expression: 'false', message: m}]"), "kubernetes.io/metadata.name: NS", "stage: test", 1), ns, nil, configMap, []string{"NAME deny: m"}},
		"NamespaceOtherwise": {
			"a policy for other kinds does not ask", strings.Replace(vap("/secrets", "validations: [{expression: 'true'}]"), "kubernetes.io/metadata.name: NS", "stage: prod", 1), "", nil, configMap, nil,
		},
		"NamespaceObject": {
			"what a namespace says of itself", everywhere("/configmaps", "validations: [{expression: 'namespaceObject.metadata.name != \"\"'}]"), "", nil, configMap,
			[]string{cannot + `it needs the namespace "here", which is unknown` + refused},
		},
		"BindingNamespace": {
			"the rules of a binding", strings.Replace(everywhere("/configmaps", "validations: [{expression: 'true'}]"), "validationActions: [Deny]", "validationActions: [Warn]\n  matchResources: {namespaceSelector: {matchExpressions: [{key: stage, operator: Exists}]}}", 1), "", nil, configMap,
			[]string{`NAME warn (error): the policy "admission/NAME" could not be evaluated: its binding "NAME-binding" selects namespaces by their labels, and those of this one are unknown`},
		},
		"User": {
			"who applies", everywhere("/configmaps", "matchConditions: [{name: a, expression: 'request.userInfo.username != \"admin\"'}]\nvalidations: [{expression: 'false'}]"), "", nil, configMap,
			[]string{cannot + "it depends on who applies the object, which is unknown" + refused},
		},
		"UserWhole": {
			"in whatever way it is asked", everywhere("/configmaps", "validations: [{expression: 'dyn(request).userInfo.username != \"admin\"'}]"), "", nil, configMap,
			[]string{cannot + "it depends on who applies the object, which is unknown" + refused},
		},
		"UserKnown": {
			"one that is known", everywhere("/configmaps", "validations: [{expression: '\"ops\" in request.userInfo.groups', messageExpression: 'request.userInfo.username + \" is not ops\"'}]"), "",
			&admission.User{Name: "trunkline", Groups: []string{"system:authenticated"}}, configMap,
			[]string{"NAME deny: trunkline is not ops"},
		},
		"Authorizer": {
			"who may do what", everywhere("/configmaps", "validations: [{expression: '!authorizer.group(\"\").resource(\"pods\").check(\"get\").allowed()'}]"), "", &admission.User{Name: "u"}, configMap,
			[]string{cannot + "it uses the authorizer, which only a cluster has" + refused},
		},
		"AuthorizerNotAsked": {
			"unless it is not asked", everywhere("/configmaps", "validations: [{expression: 'true || authorizer.group(\"\").resource(\"pods\").check(\"get\").allowed()'}]"), "", nil, configMap, nil,
		},
		"Params": {
			"a kind of parameters that nothing tells of", strings.Replace(everywhere("/configmaps", "paramKind: {apiVersion: example.org/v1, kind: Limit}\nvalidations: [{expression: 'true'}]"), "validationActions", "paramRef: {name: a, namespace: x, parameterNotFoundAction: Allow}\n  validationActions", 1), "", nil, configMap,
			[]string{cannot + "the kind of its parameters is not known: put the definition or the parameters beside the policy" + refused},
		},
		"ParamsBeside": {
			"parameters beside the policy tell of it", strings.Replace(everywhere("/configmaps", "paramKind: {apiVersion: example.org/v1, kind: Limit}\nvalidations: [{expression: 'object.data.theme == params.theme', message: m}]"), "validationActions", "paramRef: {name: a, parameterNotFoundAction: Allow}\n  validationActions", 1) +
				"---\napiVersion: example.org/v1\nkind: Limit\nmetadata: {name: a}\ntheme: light\n", "", nil, configMap, []string{"NAME deny: m"},
		},
		"ParamsScope": {
			"the API server's words", strings.Replace(everywhere("/namespaces", "paramKind: {apiVersion: v1, kind: ConfigMap}\nvalidations: [{expression: 'true'}]"), "validationActions", "paramRef: {name: a, namespace: x, parameterNotFoundAction: Deny}\n  validationActions", 1), "", nil, ns,
			[]string{cannot + "failed to configure binding: no params found for policy binding with `Deny` parameterNotFoundAction" + refused},
		},
		"Version": {
			"what only the API server converts", strings.Replace(everywhere("autoscaling/horizontalpodautoscalers", "validations: [{expression: 'true'}]"), `apiVersions: ["*"]`, "apiVersions: [v1]", 1), "", nil, hpa,
			[]string{cannot + "only the API server can convert it from v2 to v1" + refused},
		},
		"Object": {
			"an object that the API server cannot read", everywhere("apps/deployments", "validations: [{expression: 'true'}]"), "", nil, strings.Replace(deploy, "spec:\n", "spec:\n  replicas: many\n", 1),
			[]string{cannot + "the object cannot be read: json: cannot unmarshal string into Go struct field DeploymentSpec.spec.replicas of type int32" + refused},
		},
		"NoKind":       {"or that is none", everywhere("apps/deployments", "validations: [{expression: 'true'}]"), "", nil, "metadata: {name: a}\n", []string{cannot + "the object cannot be read: it has no apiVersion or no kind" + refused}},
		"ClusterScope": {"what is in no namespace", strings.Replace(everywhere("/namespaces", "validations: [{expression: 'namespaceObject == null', message: m}, {expression: 'false', message: n}]"), "resources: [namespaces]", "resources: [namespaces], scope: Cluster", 1), "", nil, ns, []string{"NAME deny: n"}},
		"Exempt": {
			"policies do not check policies", everywhere("admissionregistration.k8s.io/'*'", "validations: [{expression: 'false'}]"), "", nil,
			"apiVersion: admissionregistration.k8s.io/v1\nkind: ValidatingAdmissionPolicy\nmetadata: {name: a}\n", nil,
		},
		"Secret": {
			"a message does not say what is secret", everywhere("/secrets", "validations: [{expression: 'false', messageExpression: 'string(object.data.password)'}]"), "", nil,
			"apiVersion: v1\nkind: Secret\nmetadata: {name: a, namespace: NS}\nstringData: {password: hunter2}\n",
			[]string{"NAME deny: [redacted]"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			in := strings.NewReplacer("NS", "here")
			world := admission.NewWorld(objects(t, in.Replace(tc.objects)), nil, tc.user)
			got := words(mustLoad(t, in.Replace(tc.policies)).Evaluate(t.Context(), world, on(t, in.Replace(tc.object), "")))
			if diff := cmp.Diff(strings.Split(in.Replace(strings.Join(tc.want, "\n")), "\n"), strings.Split(strings.Join(got, "\n"), "\n")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestReleaseNamespace(t *testing.T) {
	s := on(t, strings.Replace(configMap, ", namespace: NS", "", 1), "")
	s.Release = map[string]any{"namespace": "orders-prod"}
	got := words(mustLoad(t, everywhere("/configmaps", "validations: [{expression: 'false', messageExpression: 'request.namespace + \" \" + string(object.metadata.namespace)'}]")).Evaluate(t.Context(), nil, s))
	if diff := cmp.Diff([]string{"NAME deny: orders-prod orders-prod"}, got); diff != "" {
		t.Errorf("an object without a namespace is in its release's (-want +got):\n%s", diff)
	}
	if s.On = v1alpha1.OnWorkload; mustLoad(t, everywhere("/configmaps", "validations: [{expression: 'false'}]")).Evaluate(t.Context(), nil, s) != nil {
		t.Error("a workload is no object")
	}
}

func TestVerdictHasItsPlaces(t *testing.T) {
	set := mustLoad(t, everywhere("/configmaps", "validations: [{expression: 'true'}, {expression: 'false', message: m}]"))
	s := on(t, configMap, "")
	s.ID = "ConfigMap settings"
	want := v1alpha1.Problems{{Rule: "admission/NAME", Severity: v1alpha1.Deny, Message: "ConfigMap settings: m", Trace: []v1alpha1.Step{
		{Position: v1alpha1.Position{File: "policies/p.yaml", Line: 7, Column: 52}, Message: "admission/NAME"},
		{Position: v1alpha1.Position{File: "policies/p.yaml", Line: 9, Column: 1}, Message: "binding NAME-binding"},
	}}}
	if diff := cmp.Diff(want, set.Evaluate(t.Context(), nil, s).Problems()); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if diff := cmp.Diff([]string{"admission/NAME"}, set.IDs()); diff != "" {
		t.Error(diff)
	}
}

func TestStoppedIsRefused(t *testing.T) {
	ctx, cancel := context.WithCancelCause(t.Context())
	cancel(errors.New("the daemon is ending"))
	set := mustLoad(t, everywhere("/configmaps", "failurePolicy: Ignore\nvalidations: [{expression: 'lists.range(1000).all(x, x >= 0)'}]"))
	got := set.Evaluate(ctx, nil, on(t, configMap, ""))
	if len(got) != 1 || !got[0].Unevaluated || !strings.Contains(got[0].Text, "it was stopped: the daemon is ending") {
		t.Errorf("got %v, want a refusal that says why", words(got))
	}
}

// TestOneSetForMany is for the race detector.
func TestOneSetForMany(t *testing.T) {
	set := mustLoad(t, everywhere("/configmaps", "variables: [{name: v, expression: object.data.theme}]\nvalidations: [{expression: 'variables.v == \"light\"', message: m}]"))
	shared := on(t, configMap, "")
	var wg sync.WaitGroup
	for range 30 {
		wg.Go(func() {
			if got := words(set.Evaluate(t.Context(), nil, shared)); len(got) != 1 || got[0] != "NAME deny: m" {
				t.Error(got)
			}
		})
	}
	wg.Wait()
}

// BenchmarkEvaluate checks a Deployment by 10 policies of the usual kinds.
func BenchmarkEvaluate(b *testing.B) {
	var policies []string
	for i := range 10 {
		policies = append(policies, strings.ReplaceAll(everywhere("apps/deployments", `validations: [{expression: 'object.spec.replicas < 5 && object.spec.template.spec.containers.all(c, has(c.resources.limits))', message: m}]`), "NAME", "p"+string(rune('a'+i))))
	}
	set := mustLoad(b, strings.Join(policies, "---\n"))
	s := on(b, strings.ReplaceAll(deploy, "NS", "here"), "")
	b.ReportAllocs()
	for b.Loop() {
		if got := set.Evaluate(b.Context(), nil, s); got != nil {
			b.Fatal(words(got))
		}
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N*10), "ns/policy")
}
