// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/ownership"
)

func parse(t *testing.T, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	data, err := yaml.YAMLToJSON([]byte(text))
	if err == nil {
		err = o.UnmarshalJSON(data)
	}
	if err != nil {
		t.Fatal(err)
	}
	return o
}

// TestContracts has objects that declare what a controller owns by contract, and what is sent of them.
func TestContracts(t *testing.T) {
	cases := map[string]struct {
		reason         string
		declared, sent string // without kind and name
	}{
		"AggregatedRole": {
			"The rules are those of the roles that it aggregates.",
			"kind: ClusterRole, apiVersion: rbac.authorization.k8s.io/v1, aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}, rules: []",
			"kind: ClusterRole, apiVersion: rbac.authorization.k8s.io/v1, aggregationRule: {clusterRoleSelectors: [{matchLabels: {a: b}}]}",
		},
		"Role": {
			"Without an aggregation they are the role's own, also if there are none.",
			"kind: ClusterRole, apiVersion: rbac.authorization.k8s.io/v1, rules: []", "",
		},
		"InjectedWebhook": {
			"cert-manager fills the bundle of each webhook.",
			"kind: ValidatingWebhookConfiguration, apiVersion: admissionregistration.k8s.io/v1, metadata: {annotations: {cert-manager.io/inject-ca-from: a/b}}, webhooks: [{name: a, clientConfig: {caBundle: Cg==, url: u}}, {name: b, clientConfig: {caBundle: Cg==, url: u}}]",
			"kind: ValidatingWebhookConfiguration, apiVersion: admissionregistration.k8s.io/v1, metadata: {annotations: {cert-manager.io/inject-ca-from: a/b}}, webhooks: [{name: a, clientConfig: {url: u}}, {name: b, clientConfig: {url: u}}]",
		},
		"OwnWebhook": {
			"A bundle that nobody injects is declared.",
			"kind: MutatingWebhookConfiguration, apiVersion: admissionregistration.k8s.io/v1, webhooks: [{name: a, clientConfig: {caBundle: Cg==}}]", "",
		},
		"InjectedDefinition": {
			"A definition has one for its conversion.",
			"kind: CustomResourceDefinition, apiVersion: apiextensions.k8s.io/v1, metadata: {annotations: {cert-manager.io/inject-ca-from-secret: a/b}}, spec: {group: g, conversion: {strategy: Webhook, webhook: {clientConfig: {caBundle: Cg==, url: u}}}}",
			"kind: CustomResourceDefinition, apiVersion: apiextensions.k8s.io/v1, metadata: {annotations: {cert-manager.io/inject-ca-from-secret: a/b}}, spec: {group: g, conversion: {strategy: Webhook, webhook: {clientConfig: {url: u}}}}",
		},
		"InjectedAPIService": {
			"So has an aggregated API.",
			"kind: APIService, apiVersion: apiregistration.k8s.io/v1, metadata: {annotations: {cert-manager.io/inject-apiserver-ca: 'true'}}, spec: {group: g, caBundle: Cg==}",
			"kind: APIService, apiVersion: apiregistration.k8s.io/v1, metadata: {annotations: {cert-manager.io/inject-apiserver-ca: 'true'}}, spec: {group: g}",
		},
		"EmptyClusterIP": {
			"Charts write that they leave the address to the API server.",
			"kind: Service, apiVersion: v1, spec: {clusterIP: '', clusterIPs: [], ports: [{port: 80, nodePort: 0}], healthCheckNodePort: 0}",
			"kind: Service, apiVersion: v1, spec: {ports: [{port: 80}]}",
		},
		"Headless": {"None is an address of a kind.", "kind: Service, apiVersion: v1, spec: {clusterIP: None, ports: [{port: 80, nodePort: 30000}]}", ""},
		"EmptyClaim": {
			"The volume is bound to the claim.", "kind: PersistentVolumeClaim, apiVersion: v1, spec: {volumeName: '', accessModes: [ReadWriteOnce]}",
			"kind: PersistentVolumeClaim, apiVersion: v1, spec: {accessModes: [ReadWriteOnce]}",
		},
		"NoClass":    {"A claim without a class is meant to have none.", "kind: PersistentVolumeClaim, apiVersion: v1, spec: {storageClassName: ''}", ""},
		"NamedClaim": {"Who names a volume wants that one.", "kind: PersistentVolumeClaim, apiVersion: v1, spec: {volumeName: v}", ""},
		"Revision": {
			"It was exported from a cluster.", "kind: Deployment, apiVersion: apps/v1, metadata: {annotations: {deployment.kubernetes.io/revision: '3', a: b}}",
			"kind: Deployment, apiVersion: apps/v1, metadata: {annotations: {a: b}}",
		},
		"LastApplied": {
			"So was this.", "kind: ConfigMap, apiVersion: v1, metadata: {annotations: {kubectl.kubernetes.io/last-applied-configuration: '{}'}}",
			"kind: ConfigMap, apiVersion: v1",
		},
		"Restarted": {
			"To restart by a commit is to declare when.", "kind: Deployment, apiVersion: apps/v1, spec: {template: {metadata: {annotations: {kubectl.kubernetes.io/restartedAt: x}}}}", "",
		},
		"Queued":     {"A queue decides when a Job runs.", "kind: Job, apiVersion: batch/v1, metadata: {labels: {kueue.x-k8s.io/queue-name: q}}, spec: {suspend: true, parallelism: 1}", "kind: Job, apiVersion: batch/v1, metadata: {labels: {kueue.x-k8s.io/queue-name: q}}, spec: {parallelism: 1}"},
		"Suspended":  {"Without one the declaration does.", "kind: Job, apiVersion: batch/v1, spec: {suspend: true}", ""},
		"Token":      {"The token is filled in.", "kind: Secret, apiVersion: v1, type: kubernetes.io/service-account-token, data: {}", "kind: Secret, apiVersion: v1, type: kubernetes.io/service-account-token"},
		"OtherOfIt":  {"Another kind of the same name is not Kubernetes'.", "kind: ClusterRole, apiVersion: acme.io/v1, aggregationRule: {}, rules: []", ""},
		"WrongShape": {"What has another shape is left to the API server to refuse.", "kind: Service, apiVersion: v1, spec: [{clusterIP: ''}]", ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			declared := parse(t, "{"+tc.declared+"}")
			declared.SetName("x")
			before := declared.DeepCopy()
			want := declared
			if tc.sent != "" {
				want = parse(t, "{"+tc.sent+"}")
				want.SetName("x")
			}
			p, err := plan.Compute(plan.Input{Desired: objects(declared)})
			if err != nil {
				t.Fatal(err)
			}
			step := p.Apply[0][0]
			if diff := cmp.Diff(want.Object, step.Object.Object); diff != "" {
				t.Errorf("%s\n-want +sent:\n%s", tc.reason, diff)
			}
			if step.Digest != digestOf(declared) {
				t.Errorf("%s\nthe digest is not of the whole: a cluster kept before would be written to", tc.reason)
			}
			if diff := cmp.Diff(before.Object, declared.Object); diff != "" {
				t.Errorf("the declared object was changed:\n%s", diff)
			}
		})
	}
}

// TestContractsAreNoDrift: what a controller has taken by contract is neither drift nor taken back.
func TestContractsAreNoDrift(t *testing.T) {
	correct := plan.Drift{Correct: true}
	cases := map[string]struct {
		reason, declared, ours, theirs string
		want                           []string
	}{
		"AggregatedRole": {
			"The controller has filled in the rules.", "{kind: ClusterRole, apiVersion: rbac.authorization.k8s.io/v1, metadata: {name: x}, aggregationRule: {clusterRoleSelectors: []}, rules: []}",
			`{"f:aggregationRule":{}}`, `{"f:rules":{}}`, nil,
		},
		"OldAggregatedRole": {
			"A version before has sent the rules and owns them still.", "{kind: ClusterRole, apiVersion: rbac.authorization.k8s.io/v1, metadata: {name: x}, aggregationRule: {clusterRoleSelectors: []}, rules: []}",
			`{"f:aggregationRule":{},"f:rules":{}}`, `{}`, nil,
		},
		"BoundClaim": {
			"The claim was bound.", "{kind: PersistentVolumeClaim, apiVersion: v1, metadata: {name: x}, spec: {volumeName: '', storageClassName: s}}",
			`{"f:spec":{"f:storageClassName":{}}}`, `{"f:spec":{"f:volumeName":{}}}`, nil,
		},
		"Restarted": {
			"Someone has restarted it by hand.", "{kind: Deployment, apiVersion: apps/v1, metadata: {name: x}, spec: {template: {metadata: {annotations: {kubectl.kubernetes.io/restartedAt: a}}}}}",
			`{}`, `{"f:spec":{"f:template":{"f:metadata":{"f:annotations":{"f:kubectl.kubernetes.io/restartedAt":{}}}}}}`, nil,
		},
		"AnotherField": {
			"A field beside it is drift as ever.", "{kind: PersistentVolumeClaim, apiVersion: v1, metadata: {name: x}, spec: {volumeName: '', storageClassName: s}}",
			`{}`, `{"f:spec":{"f:storageClassName":{}}}`,
			[]string{"update PersistentVolumeClaim x (drifted .spec.storageClassName by them, force)"},
		},
		"NamedClaim": {
			"A volume that is declared is.", "{kind: PersistentVolumeClaim, apiVersion: v1, metadata: {name: x}, spec: {volumeName: v}}",
			`{}`, `{"f:spec":{"f:volumeName":{}}}`,
			[]string{"update PersistentVolumeClaim x (drifted .spec.volumeName by them, force)"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			o := parse(t, tc.declared)
			there := seenAs(o, func(s *plan.Observed) {
				s.Owners = ownership.Owners{Ours: tc.ours, Others: []ownership.Manager{{Name: "them", Fields: tc.theirs}}}
			})
			p, err := plan.Compute(plan.Input{Desired: objects(o), Observed: all(there), Drift: correct})
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, text(p)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestFinished(t *testing.T) {
	job := func(content string) *unstructured.Unstructured { return object("Job a/migrate", content) }
	ended := func(how plan.Ending) func(*plan.Observed) { return func(o *plan.Observed) { o.Ending = how } }
	done := func(content string, how plan.Ending) plan.Finished {
		return plan.Finished{}.With(digestOf(job(content)), how)
	}
	later := with(object("Deployment a/d", ""), plan.WaveAnnotation, "1")
	first := digestOf(job("1"))[:16]
	cases := map[string]struct {
		reason   string
		in       plan.Input
		want     []string
		done     []plan.Done
		finished plan.Finished
	}{
		"New":      {"One that never ran is run.", plan.Input{Desired: objects(job("1"))}, []string{"create Job.batch a/migrate (missing)"}, nil, nil},
		"Seen":     {"That it has ended is to be remembered.", plan.Input{Desired: objects(job("1")), Observed: all(seenAs(job("1"), ended(plan.Completed)))}, nil, nil, plan.Finished{{Digest: first}}},
		"Gone":     {"It has removed itself: it is not run again.", plan.Input{Desired: objects(job("1")), Finished: done("1", plan.Completed)}, nil, []plan.Done{{Ref: ref("Job a/migrate"), Ending: plan.Completed}}, plan.Finished{{Digest: first}}},
		"Going":    {"It is removing itself.", plan.Input{Desired: objects(job("1")), Finished: done("1", plan.Completed), Observed: all(seenAs(job("1"), ended(plan.Completed), deleting))}, nil, []plan.Done{{Ref: ref("Job a/migrate"), Ending: plan.Completed}}, plan.Finished{{Digest: first}}},
		"GoneFast": {"It had removed itself before the watch showed it at all.", plan.Input{Desired: objects(job("1")), Finished: done("1", plan.Completed), Applied: map[plan.Ref]plan.Applied{ref("Job a/migrate"): {Digest: digestOf(job("1")), Version: "9"}}}, nil, []plan.Done{{Ref: ref("Job a/migrate"), Ending: plan.Completed}}, plan.Finished{{Digest: first}}},
		"Failed":   {"What failed for good is not tried again either.", plan.Input{Desired: objects(job("1")), Finished: done("1", plan.FailedForGood)}, nil, []plan.Done{{Ref: ref("Job a/migrate"), Ending: plan.FailedForGood}}, plan.Finished{{Digest: first, Failed: true}}},
		"Changed":  {"What is declared differently is another Job.", plan.Input{Desired: objects(job("2")), Finished: done("1", plan.Completed)}, []string{"create Job.batch a/migrate (missing)"}, nil, plan.Finished{{Digest: first}}},
		"Back":     {"Who rolls back to it does not run it again.", plan.Input{Desired: objects(job("1")), Finished: done("1", plan.Completed).With(digestOf(job("2")), plan.Completed)}, nil, []plan.Done{{Ref: ref("Job a/migrate"), Ending: plan.Completed}}, plan.Finished{{Digest: digestOf(job("2"))[:16]}, {Digest: first}}},
		"ByHand":   {"Applying everything again is no wish to run it again.", plan.Input{Desired: objects(job("1")), Finished: done("1", plan.Completed), Everything: true}, nil, []plan.Done{{Ref: ref("Job a/migrate"), Ending: plan.Completed}}, plan.Finished{{Digest: first}}},
		"Stays":    {"One that stays when it has ended is made again when it is deleted: someone wants it run.", plan.Input{Desired: objects(job("1")), Finished: plan.Finished{}.With(digestOf(job("1")), plan.Running)}, []string{"create Job.batch a/migrate (missing)"}, nil, nil},
		"Wave":     {"The wave after it begins.", plan.Input{Desired: objects(job("1"), later), Finished: done("1", plan.Completed)}, []string{"create Deployment.apps a/d (missing)"}, []plan.Done{{Ref: ref("Job a/migrate"), Ending: plan.Completed}}, plan.Finished{{Digest: first}}},
		"BadWave":  {"The wave after one that failed does not.", plan.Input{Desired: objects(job("1"), later), Finished: done("1", plan.FailedForGood)}, []string{"blocked Deployment.apps a/d (waiting for Job.batch a/migrate)"}, []plan.Done{{Ref: ref("Job a/migrate"), Ending: plan.FailedForGood}}, plan.Finished{{Digest: first, Failed: true}}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := plan.Compute(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, text(p)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.done, p.Done); diff != "" {
				t.Errorf("%s\ndone: -want +got:\n%s", tc.reason, diff)
			}
			if diff := cmp.Diff(tc.finished, p.Finished, cmpopts.EquateEmpty()); diff != "" {
				t.Errorf("%s\nto be remembered: -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestFinishedIsBounded(t *testing.T) {
	var f plan.Finished
	for i := range 200 {
		f = f.With(strings.Repeat(string(rune('a'+i%26)), 16+i), plan.Completed).With(digest("Job a/x", string(rune(i))), plan.FailedForGood)
	}
	if len(f) != 64 {
		t.Errorf("%d endings are remembered", len(f))
	}
	if before := f[0]; f.With(digest("Job a/y", ""), plan.Completed)[1] != before || f[0] != before {
		t.Error("the newest is not the first, or the receiver was changed")
	}
}
