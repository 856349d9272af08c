// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/field"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/ownership"
)

// versions are the apiVersions of the kinds that these tests use.
var versions = map[string]string{
	"CustomResourceDefinition": "apiextensions.k8s.io/v1", "Namespace": "v1", "ConfigMap": "v1", "Role": "rbac.authorization.k8s.io/v1",
	"Deployment": "apps/v1", "Widget": "acme.io/v1", "PersistentVolumeClaim": "v1", "ServiceAccount": "v1", "Job": "batch/v1",
	"HorizontalPodAutoscaler": "autoscaling/v2", "ScaledObject": "keda.sh/v1alpha1",
}

// object makes an object from "Kind namespace/name" or "Kind name".
func object(name, content string) *unstructured.Unstructured {
	kind, rest, _ := strings.Cut(name, " ")
	o := &unstructured.Unstructured{Object: map[string]any{"data": content}}
	o.SetAPIVersion(versions[kind])
	o.SetKind(kind)
	if ns, n, ok := strings.Cut(rest, "/"); ok {
		o.SetNamespace(ns)
		rest = n
	}
	o.SetName(rest)
	return o
}

func with(o *unstructured.Unstructured, annotation, value string) *unstructured.Unstructured {
	o.SetAnnotations(map[string]string{annotation: value})
	return o
}

func ref(name string) plan.Ref { return plan.RefOf(object(name, "")) }

func digest(name, content string) string { return digestOf(object(name, content)) }

func digestOf(o *unstructured.Unstructured) string {
	d, err := plan.Digest(o)
	if err != nil {
		panic(err)
	}
	return d
}

// seen is the object as we applied it, healthy and untouched.
func seen(name, content string, change ...func(*plan.Observed)) plan.Observed {
	return seenAs(object(name, content), change...)
}

func seenAs(object *unstructured.Unstructured, change ...func(*plan.Observed)) plan.Observed {
	o := plan.Observed{
		Ref: plan.RefOf(object), UID: "1", Version: "10", Digest: digestOf(object), Settled: true,
		Owners: ownership.Owners{Ours: `{"f:data":{},"f:spec":{"f:replicas":{}},"f:metadata":{"f:annotations":{"f:trunkline.dev/digest":{},"f:trunkline.dev/wave":{},"f:trunkline.dev/adopt":{}}}}`},
	}
	for _, c := range change {
		c(&o)
	}
	return o
}

func deleting(o *plan.Observed)  { o.Deleting = true }
func access(o *plan.Observed)    { o.Origin = plan.Platform }
func foreign(o *plan.Observed)   { o.Foreign = true }
func unsettled(o *plan.Observed) { o.Settled = false }
func keep(o *plan.Observed)      { o.Prune = plan.PruneDisabled }
func letGo(o *plan.Observed)     { o.Prune = plan.PruneEnabled }

// edited has someone else take the data.
func edited(o *plan.Observed) {
	o.Owners = ownership.Owners{Ours: `{}`, Others: []ownership.Manager{{Name: "kubectl-edit", Fields: `{"f:data":{}}`}}}
}

// erased has someone remove the data.
func erased(o *plan.Observed) { o.Owners = ownership.Owners{Ours: `{}`} }

// text prints a plan: what is applied with its reason, then what is pruned, a line a stage.
func text(p plan.Plan) []string {
	var out []string
	for _, stage := range p.Apply {
		var line []string
		for _, a := range stage {
			how := string(a.Reason)
			for _, f := range a.Fields {
				how += " " + f.Path.String() + " by " + f.Manager
			}
			if a.Force {
				how += ", force"
			}
			line = append(line, string(a.Action)+" "+a.Ref.String()+" ("+how+")")
		}
		out = append(out, strings.Join(line, ", "))
	}
	for _, stage := range p.Prune {
		var line []string
		for _, m := range stage {
			line = append(line, m.Ref.String())
		}
		out = append(out, "delete "+strings.Join(line, ", "))
	}
	for _, s := range p.Rest {
		why := string(s.Reason)
		if s.For != (plan.Ref{}) {
			why += " for " + s.For.String()
		}
		for _, f := range s.Left {
			why += " " + f.Path.String() + " by " + f.Manager
		}
		out = append(out, string(s.Action)+" "+s.Ref.String()+" ("+why+")")
	}
	return out
}

type planCase struct {
	reason    string
	in        plan.Input
	want      []string
	unchanged int
}

func testPlans(t *testing.T, cases map[string]planCase) {
	t.Helper()
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := plan.Compute(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, text(p), cmpopts.EquateEmpty()); diff != "" || p.Unchanged != tc.unchanged {
				t.Errorf("%s\nunchanged: %d, want %d; -want +got:\n%s", tc.reason, p.Unchanged, tc.unchanged, diff)
			}
			acts := slices.ContainsFunc(tc.want, func(s string) bool { return !strings.HasPrefix(s, "keep") && !strings.HasPrefix(s, "blocked") })
			if p.Empty() == acts {
				t.Errorf("Empty: got %v", p.Empty())
			}
		})
	}
}

func objects(o ...*unstructured.Unstructured) []*unstructured.Unstructured { return o }

func all(o ...plan.Observed) []plan.Observed { return o }

// TestDecide has a case for each row of the decision table, and for what it leaves alone.
func TestDecide(t *testing.T) {
	cm := "ConfigMap a/x"
	x := objects(object(cm, "new"))
	applied := func(content, version string) map[plan.Ref]plan.Applied {
		return map[plan.Ref]plan.Applied{ref(cm): {Digest: digest(cm, content), Version: plan.Version(version)}}
	}
	testPlans(t, map[string]planCase{
		"Nothing":       {"Nothing wanted and nothing there is nothing to do.", plan.Input{}, nil, 0},
		"Missing":       {"What the cluster lacks is created.", plan.Input{Desired: x}, []string{"create ConfigMap a/x (missing)"}, 0},
		"Unchanged":     {"What says that it is as declared is left alone, also by a process that has not applied it.", plan.Input{Desired: x, Observed: all(seen(cm, "new"))}, nil, 1},
		"Changed":       {"What renders to something new is applied.", plan.Input{Desired: x, Observed: all(seen(cm, "old"))}, []string{"update ConfigMap a/x (changed)"}, 0},
		"ChangedForced": {"Where drift is corrected, what was ours is taken back with the change.", plan.Input{Desired: x, Observed: all(seen(cm, "old")), Drift: plan.Drift{Correct: true}}, []string{"update ConfigMap a/x (changed, force)"}, 0},
		"NotSeenYet":    {"What was just applied need not have come by the watch yet.", plan.Input{Desired: x, Applied: applied("new", "11")}, nil, 1},
		"OldSeen":       {"What the watch shows may be older than what was applied.", plan.Input{Desired: x, Applied: applied("new", "11"), Observed: all(seen(cm, "old"))}, nil, 1},
		"OldSeenEdited": {"Who owned fields before we applied says nothing of now.", plan.Input{Desired: x, Applied: applied("new", "11"), Observed: all(seen(cm, "old", edited)), Drift: plan.Drift{Correct: true}}, nil, 1},
		"ChangedTwice":  {"A newer change does not wait for the watch.", plan.Input{Desired: x, Applied: applied("old", "11")}, []string{"update ConfigMap a/x (changed)"}, 0},
		"SeenSince":     {"What the watch shows is newer than what was applied.", plan.Input{Desired: x, Applied: applied("new", "9"), Observed: all(seen(cm, "old"))}, []string{"update ConfigMap a/x (changed)"}, 0},
		"Everything":    {"What is there is applied again on request.", plan.Input{Desired: x, Observed: all(seen(cm, "new")), Everything: true}, []string{"update ConfigMap a/x (unknown)"}, 0},
		"Deleting":      {"What is being deleted has to be gone before it can be made again.", plan.Input{Desired: x, Observed: all(seen(cm, "new", deleting))}, []string{"blocked ConfigMap a/x (being deleted)"}, 0},
		"Within": {
			"Nothing is tried in a namespace on its way out, and what it waits for is told by name.",
			plan.Input{Desired: objects(object("Namespace a", ""), object(cm, "new")), Observed: all(seen("Namespace a", "", deleting), seen(cm, "old"))},
			[]string{"blocked ConfigMap a/x (being deleted for Namespace a)", "blocked Namespace a (being deleted)"},
			0,
		},
		"Beside": {
			"Another namespace is another matter.",
			plan.Input{Desired: objects(object("Namespace a", ""), object("ConfigMap b/x", "new")), Observed: all(seen("Namespace a", "", deleting))},
			[]string{"create ConfigMap b/x (missing)", "blocked Namespace a (being deleted)"},
			0,
		},
		"Foreign": {"What someone else made is adopted, without taking fields from them.", plan.Input{Desired: x, Observed: all(seen(cm, "", foreign)), Drift: plan.Drift{Correct: true}}, []string{"adopt ConfigMap a/x (already there)"}, 0},
		"ForeignForced": {
			"An object may ask to take fields over.",
			plan.Input{Desired: objects(with(object(cm, "new"), plan.AdoptAnnotation, "enabled")), Observed: all(seen(cm, "", foreign))},
			[]string{"adopt ConfigMap a/x (already there, force)"},
			0,
		},
	})
}

func TestDrift(t *testing.T) {
	cm := "ConfigMap a/x"
	x := objects(object(cm, "new"))
	correct := plan.Drift{Correct: true}
	data := field.Path{{Field: "data"}}
	deployment := func() *unstructured.Unstructured {
		o := object("Deployment a/d", "")
		o.Object["spec"] = map[string]any{"replicas": int64(1)}
		return o
	}
	scaled := func(by, subresource string) func(*plan.Observed) {
		return func(o *plan.Observed) {
			o.Owners = ownership.Owners{Ours: `{"f:data":{}}`, Others: []ownership.Manager{{Name: by, Subresource: subresource, Fields: `{"f:spec":{"f:replicas":{}}}`}}}
		}
	}
	hpa := object("HorizontalPodAutoscaler a/h", "")
	hpa.Object["spec"] = map[string]any{"scaleTargetRef": map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "name": "d"}}
	keda := object("ScaledObject a/k", "")
	keda.Object["spec"] = map[string]any{"scaleTargetRef": map[string]any{"name": "d"}}
	ours := func(o *plan.Observed) {
		o.Owners.Ours = `{"f:data":{},"f:spec":{"f:scaleTargetRef":{"f:apiVersion":{},"f:kind":{},"f:name":{}}}}`
	}
	testPlans(t, map[string]planCase{
		"Corrected": {"What someone changed is taken back.", plan.Input{Desired: x, Observed: all(seen(cm, "new", edited)), Drift: correct}, []string{"update ConfigMap a/x (drifted .data by kubectl-edit, force)"}, 0},
		"Erased":    {"What someone removed is brought back.", plan.Input{Desired: x, Observed: all(seen(cm, "new", erased)), Drift: correct}, []string{"update ConfigMap a/x (drifted .data by , force)"}, 0},
		"Reported":  {"Where drift is only reported, it is.", plan.Input{Desired: x, Observed: all(seen(cm, "new", edited))}, []string{"keep ConfigMap a/x (drift reported .data by kubectl-edit)"}, 0},
		"Damped": {
			"A field that someone takes again and again is left for a while.",
			plan.Input{Desired: x, Observed: all(seen(cm, "new", edited)), Drift: plan.Drift{Correct: true, Damped: map[plan.Ref][]field.Path{ref(cm): {data}}}},
			[]string{"keep ConfigMap a/x (drift reported .data by kubectl-edit)"},
			0,
		},
		"Ignored": {
			"Others may change what is ignored.",
			plan.Input{Desired: x, Observed: all(seen(cm, "new", edited)), Drift: plan.Drift{Correct: true, Ignore: []v1alpha1.DriftIgnore{{Fields: []string{".data"}}}}},
			nil, 1,
		},
		"IgnoredErased": {
			"To remove a field is not to take it: it is brought back.",
			plan.Input{Desired: x, Observed: all(seen(cm, "new", erased)), Drift: plan.Drift{Correct: true, Ignore: []v1alpha1.DriftIgnore{{Fields: []string{".data"}}}}},
			[]string{"update ConfigMap a/x (drifted .data by , force)"},
			0,
		},
		"IgnoredOfOthers": {
			"A rule is for the kinds and names that it says.",
			plan.Input{Desired: x, Observed: all(seen(cm, "new", edited)), Drift: plan.Drift{Correct: true, Ignore: []v1alpha1.DriftIgnore{
				{Kind: "Secret", Fields: []string{".data"}}, {Name: "y*", Fields: []string{".data"}}, {Kind: "ConfigMap", Name: "x", Fields: []string{".metadata"}},
			}}},
			[]string{"update ConfigMap a/x (drifted .data by kubectl-edit, force)"},
			0,
		},
		"NeverGiven": {
			"What the API server did not give us when we applied is no drift.",
			plan.Input{
				Desired: x, Observed: all(seen(cm, "new", erased)), Drift: correct,
				Applied: map[plan.Ref]plan.Applied{ref(cm): {Digest: digest(cm, "new"), Version: "10", Lost: []field.Path{data}}},
			},
			nil, 1,
		},
		"Scaled":          {"kubectl scale is drift.", plan.Input{Desired: objects(deployment()), Observed: all(seenAs(deployment(), scaled("kubectl", "scale"))), Drift: correct}, []string{"update Deployment.apps a/d (drifted .spec.replicas by kubectl, force)"}, 0},
		"Autoscaled":      {"Kubernetes' autoscaler may scale.", plan.Input{Desired: objects(deployment()), Observed: all(seenAs(deployment(), scaled("kube-controller-manager", "scale"))), Drift: correct}, nil, 1},
		"ScaledBesideHPA": {"Where the release has an autoscaler, replicas are its business, whoever it writes as.", plan.Input{Desired: objects(deployment(), hpa), Observed: all(seenAs(deployment(), scaled("x", "")), seenAs(hpa, ours)), Drift: correct}, nil, 2},
		"ScaledByKEDA":    {"KEDA scales Deployments unless it says otherwise.", plan.Input{Desired: objects(deployment(), keda), Observed: all(seenAs(deployment(), scaled("x", "")), seenAs(keda, ours)), Drift: correct}, nil, 2},
	})
}

// TestLeft tells what is sent of an object of which others may keep fields.
func TestLeft(t *testing.T) {
	o := object("ConfigMap a/x", "new")
	o.Object["spec"] = map[string]any{"replicas": int64(1)}
	old := seen("ConfigMap a/x", "old", edited)
	old.Owners.Ours = `{"f:spec":{"f:replicas":{}}}`
	ignore := []v1alpha1.DriftIgnore{{Fields: []string{".data"}}}
	cases := []struct {
		reason string
		drift  plan.Drift
		data   bool
		force  bool
	}{
		{"where drift is corrected, all of the object", plan.Drift{Correct: true}, true, true},
		{"where it is reported, without what others have taken", plan.Drift{}, false, false},
		{"without what others may have", plan.Drift{Correct: true, Ignore: ignore}, false, true},
		{"without what they fight about", plan.Drift{Correct: true, Damped: map[plan.Ref][]field.Path{old.Ref: {{{Field: "data"}}}}}, false, true},
	}
	for _, tc := range cases {
		p, err := plan.Compute(plan.Input{Desired: objects(o), Observed: all(old), Drift: tc.drift})
		if err != nil {
			t.Fatal(err)
		}
		step := p.Apply[0][0]
		_, data := step.Object.Object["data"]
		if data != tc.data || step.Force != tc.force || step.Digest != digestOf(o) {
			t.Errorf("%s: data is sent: %v, by force: %v, the digest is of the whole: %v", tc.reason, data, step.Force, step.Digest == digestOf(o))
		}
	}
}

func TestPrune(t *testing.T) {
	cm := "ConfigMap a/x"
	x := objects(object(cm, "new"))
	testPlans(t, map[string]planCase{
		"Prune":         {"What is there and not wanted is deleted.", plan.Input{Observed: all(seen(cm, ""))}, []string{"delete ConfigMap a/x"}, 0},
		"PruneNotTwice": {"What is being deleted is not deleted again.", plan.Input{Observed: all(seen(cm, "", deleting))}, nil, 0},
		"PruneForeign":  {"What is not part of the release is not its to delete.", plan.Input{Observed: all(seen(cm, "", foreign))}, nil, 0},
		"Keep":          {"What says so stays.", plan.Input{Observed: all(seen(cm, "", keep))}, []string{"keep ConfigMap a/x (prune disabled)"}, 0},
		"KeepNamespace": {
			"A namespace stays with what stays in it; another one does not.",
			plan.Input{Observed: all(seen(cm, "", keep), seen("Namespace a", ""), seen("Namespace b", ""))},
			[]string{"delete Namespace b", "keep ConfigMap a/x (prune disabled)", "keep Namespace a (not empty)"},
			0,
		},
		"KeepNamespaceOfWanted": {
			"A namespace stays with what is wanted in it, though it is not declared itself.",
			plan.Input{Desired: x, Observed: all(seen(cm, "new"), seen("Namespace a", ""))},
			[]string{"keep Namespace a (not empty)"},
			1,
		},
		"KeepDefinition": {
			"A definition stays with what stays of its kind: deleting it would delete that too.",
			plan.Input{Observed: all(seen("Widget a/w", "", keep), seen("CustomResourceDefinition widgets.acme.io", ""), seen("CustomResourceDefinition gears.other.io", ""))},
			[]string{
				"delete CustomResourceDefinition.apiextensions.k8s.io gears.other.io",
				"keep Widget.acme.io a/w (prune disabled)", "keep CustomResourceDefinition.apiextensions.k8s.io widgets.acme.io (not empty)",
			},
			0,
		},
		"KeepData": {
			"A claim on a volume stays with its namespace: the data would be gone.",
			plan.Input{Observed: all(seen("PersistentVolumeClaim a/p", ""), seen("Namespace a", ""), seen("Deployment a/d", ""))},
			[]string{"delete Deployment.apps a/d", "keep Namespace a (not empty)", "keep PersistentVolumeClaim a/p (holds data)"},
			0,
		},
		"PruneData": {
			"A claim that says so goes.",
			plan.Input{Observed: all(seen("PersistentVolumeClaim a/p", "", letGo), seen("Namespace a", ""))},
			[]string{"delete PersistentVolumeClaim a/p", "delete Namespace a"},
			0,
		},
		"Dispose": {
			"Of what may be disposed of nothing stays.",
			plan.Input{Remove: true, Disposable: true, Observed: all(seen("PersistentVolumeClaim a/p", ""), seen(cm, "", keep), seen("Namespace a", ""))},
			[]string{"delete ConfigMap a/x, PersistentVolumeClaim a/p", "delete Namespace a"},
			0,
		},
		"DisposeNotYet": {
			"Data stays for as long as the release does.",
			plan.Input{Disposable: true, Observed: all(seen("PersistentVolumeClaim a/p", ""))},
			[]string{"keep PersistentVolumeClaim a/p (holds data)"},
			0,
		},
	})
}

func TestStages(t *testing.T) {
	wave := func(name, n string) *unstructured.Unstructured { return with(object(name, n), plan.WaveAnnotation, n) }
	first, second := wave("Job a/migrate", "-1"), object("Deployment a/d", "")
	testPlans(t, map[string]planCase{
		"Stages": {
			"Namespaces, definitions, what others refer to, the rest; deleted the other way round.",
			plan.Input{
				Desired: objects(
					object("Deployment a/d", ""), object("Role a/r", ""), object("ConfigMap a/c", ""), object("Namespace a", ""),
					object("CustomResourceDefinition x.acme.io", ""), object("Widget a/w", ""),
				),
				Observed: all(
					seen("CustomResourceDefinition y.acme.io", ""), seen("Namespace b", ""), seen("ServiceAccount b/s", ""),
					seen("Deployment b/d", ""), seen("Widget b/w", ""),
				),
			},
			[]string{
				"create Namespace a (missing)", "create CustomResourceDefinition.apiextensions.k8s.io x.acme.io (missing)",
				"create ConfigMap a/c (missing), create Role.rbac.authorization.k8s.io a/r (missing)",
				"create Widget.acme.io a/w (missing), create Deployment.apps a/d (missing)",
				"delete Widget.acme.io b/w, Deployment.apps b/d", "delete ServiceAccount b/s",
				"delete CustomResourceDefinition.apiextensions.k8s.io y.acme.io", "delete Namespace b",
			},
			0,
		},
		"Access": {
			"What gives an account its rights comes right after the namespace, and goes right before it.",
			plan.Input{
				Desired: objects(object("Namespace a", ""), object("CustomResourceDefinition x.acme.io", ""), wave("ConfigMap a/first", "-5")),
				Access:  objects(object("ServiceAccount a/deployer", ""), object("Role a/deployer", "")),
				Observed: all(
					seen("Namespace b", ""), seen("ServiceAccount b/deployer", "", access), seen("ServiceAccount b/other", ""),
					seen("CustomResourceDefinition y.acme.io", ""),
				),
			},
			[]string{
				"create Namespace a (missing)", "create ServiceAccount a/deployer (missing), create Role.rbac.authorization.k8s.io a/deployer (missing)",
				"create CustomResourceDefinition.apiextensions.k8s.io x.acme.io (missing)", "create ConfigMap a/first (missing)",
				"delete ServiceAccount b/other", "delete CustomResourceDefinition.apiextensions.k8s.io y.acme.io", "delete ServiceAccount b/deployer",
				"delete Namespace b",
			},
			0,
		},
		"AccessStays": {
			"What stays has to be deleted by someone, later.",
			plan.Input{Observed: all(seen("Namespace b", ""), seen("ServiceAccount b/deployer", "", access), seen("PersistentVolumeClaim b/data", ""))},
			[]string{
				"keep Namespace b (not empty)", "keep PersistentVolumeClaim b/data (holds data)", "keep ServiceAccount b/deployer (not empty)",
			},
			0,
		},
		"AccessRenamed": {
			"The account before goes although something of the namespace stays: there is another.",
			plan.Input{
				Desired: objects(object("Namespace b", "")), Access: objects(object("ServiceAccount b/new", "")),
				Observed: all(seen("Namespace b", ""), seen("ServiceAccount b/deployer", "", access), seen("PersistentVolumeClaim b/data", "")),
			},
			[]string{
				"create ServiceAccount b/new (missing)", "delete ServiceAccount b/deployer", "keep PersistentVolumeClaim b/data (holds data)",
			},
			1,
		},
		"WaveFirst": {
			"A wave waits for the one before; nothing is pruned meanwhile.",
			plan.Input{Desired: objects(second, first, object("Namespace a", "")), Observed: all(seen("ConfigMap a/old", ""))},
			[]string{
				"create Namespace a (missing)", "create Job.batch a/migrate (missing)",
				"blocked ConfigMap a/old (waiting)", "blocked Deployment.apps a/d (waiting for Job.batch a/migrate)",
			},
			0,
		},
		"WaveRunning": {
			"A Job that runs is waited for.",
			plan.Input{Desired: objects(second, first), Observed: all(seenAs(first, unsettled))},
			[]string{"blocked Deployment.apps a/d (waiting for Job.batch a/migrate)"},
			1,
		},
		"WaveDone": {
			"A Job that is complete lets the next wave begin.",
			plan.Input{Desired: objects(second, first), Observed: all(seenAs(first))},
			[]string{"create Deployment.apps a/d (missing)"},
			1,
		},
		"WaveUnseen": {
			"What was applied and not seen yet is not there yet.",
			plan.Input{Desired: objects(second, first), Applied: map[plan.Ref]plan.Applied{ref("Job a/migrate"): {Digest: digestOf(first), Version: "11"}}},
			[]string{"blocked Deployment.apps a/d (waiting for Job.batch a/migrate)"},
			1,
		},
		"WaveThere": {
			"What is as declared in a later wave waits for nothing.",
			plan.Input{Desired: objects(second, first), Observed: all(seenAs(first, unsettled), seenAs(second))},
			nil, 2,
		},
		"NoWave": {
			"A wave that is no number is none.",
			plan.Input{Desired: objects(second, wave("Job a/migrate", "early"))},
			[]string{"create Deployment.apps a/d (missing), create Job.batch a/migrate (missing)"},
			0,
		},
	})
}

func TestComputeRefusesTheSameObjectTwice(t *testing.T) {
	o := object("Deployment a/d", "")
	other := o.DeepCopy()
	other.SetAPIVersion("apps/v1beta1") // the same object in another version
	_, err := plan.Compute(plan.Input{Desired: []*unstructured.Unstructured{o, other}})
	if want := "planning: the release holds Deployment.apps a/d twice"; err == nil || err.Error() != want {
		t.Errorf("got %v, want %q", err, want)
	}
}

func TestDigest(t *testing.T) {
	a := &unstructured.Unstructured{Object: map[string]any{"kind": "ConfigMap", "apiVersion": "v1", "data": map[string]any{"x": "1", "y": "2"}}}
	b := &unstructured.Unstructured{Object: map[string]any{"data": map[string]any{"y": "2", "x": "1"}, "apiVersion": "v1", "kind": "ConfigMap"}}
	c := b.DeepCopy()
	c.Object["data"] = map[string]any{"x": "1"}
	got := map[string]bool{}
	for _, o := range []*unstructured.Unstructured{a, b, c} {
		got[digestOf(o)] = true
	}
	if len(got) != 2 {
		t.Errorf("got %d digests of two contents", len(got))
	}
}

func TestRef(t *testing.T) {
	want := []string{"ConfigMap a/x", "ConfigMap b/a", "Namespace a", "Deployment.apps a/x"}
	refs := []plan.Ref{ref("Deployment a/x"), ref("Namespace a"), ref("ConfigMap b/a"), ref("ConfigMap a/x")}
	slices.SortFunc(refs, plan.Ref.Compare)
	var got []string
	for _, r := range refs {
		got = append(got, r.String())
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func TestVersions(t *testing.T) {
	for _, tc := range []struct {
		a, b plan.Version
		want bool
	}{{"9", "10", true}, {"10", "9", false}, {"10", "10", false}, {"", "1", false}, {"x", "1", false}} {
		if got := tc.a.Before(tc.b); got != tc.want {
			t.Errorf("%q before %q: got %t, want %t", tc.a, tc.b, got, tc.want)
		}
	}
}
