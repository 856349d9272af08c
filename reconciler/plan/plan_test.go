package plan_test

import (
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/reconciler/plan"
)

// versions are the apiVersions of the kinds that these tests use.
var versions = map[string]string{
	"CustomResourceDefinition": "apiextensions.k8s.io/v1", "Namespace": "v1", "ConfigMap": "v1", "Role": "rbac.authorization.k8s.io/v1",
	"Deployment": "apps/v1", "Widget": "acme.io/v1", "PersistentVolumeClaim": "v1", "ServiceAccount": "v1",
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

func ref(name string) plan.Ref { return plan.RefOf(object(name, "")) }

func digest(name, content string) string {
	d, err := plan.Digest(object(name, content))
	if err != nil {
		panic(err)
	}
	return d
}

// text prints a plan: what is applied with its reason, then what is pruned, a line a stage.
func text(p plan.Plan) []string {
	var out []string
	for _, stage := range p.Apply {
		var line []string
		for _, a := range stage {
			line = append(line, a.Ref.String()+" ("+string(a.Reason)+")")
		}
		out = append(out, "apply "+strings.Join(line, ", "))
	}
	for _, stage := range p.Prune {
		var line []string
		for _, m := range stage {
			line = append(line, m.Ref.String())
		}
		out = append(out, "prune "+strings.Join(line, ", "))
	}
	for _, k := range p.Keep {
		out = append(out, "keep "+k.Ref.String()+" ("+string(k.Reason)+")")
	}
	return out
}

func TestCompute(t *testing.T) {
	cm, member := "ConfigMap a/x", plan.Member{Ref: ref("ConfigMap a/x"), UID: "1"}
	deleting, keep := member, member
	deleting.Deleting, keep.Keep = true, true
	is := func(content string) map[plan.Ref]string { return map[plan.Ref]string{member.Ref: digest(cm, content)} }
	x := []*unstructured.Unstructured{object(cm, "new")}
	cases := map[string]struct {
		reason    string
		in        plan.Input
		want      []string
		unchanged int
	}{
		"Nothing":           {"Nothing wanted and nothing there is nothing to do.", plan.Input{}, nil, 0},
		"Missing":           {"What the cluster lacks is applied.", plan.Input{Desired: x}, []string{"apply ConfigMap a/x (missing)"}, 0},
		"Unchanged":         {"What is known to be as declared is left alone.", plan.Input{Desired: x, Members: []plan.Member{member}, Applied: is("new")}, nil, 1},
		"Changed":           {"What renders to something new is applied.", plan.Input{Desired: x, Members: []plan.Member{member}, Applied: is("old")}, []string{"apply ConfigMap a/x (changed)"}, 0},
		"Unknown":           {"What is there and was never applied by this process may be anything.", plan.Input{Desired: x, Members: []plan.Member{member}}, []string{"apply ConfigMap a/x (unknown)"}, 0},
		"AppliedNotSeen":    {"What was just applied need not have come by the watch yet.", plan.Input{Desired: x, Applied: is("new")}, nil, 1},
		"Everything":        {"A resync applies what is there as well.", plan.Input{Desired: x, Members: []plan.Member{member}, Applied: is("new"), Everything: true}, []string{"apply ConfigMap a/x (unknown)"}, 0},
		"EverythingMissing": {"A resync brings back what is not there.", plan.Input{Desired: x, Applied: is("new"), Everything: true}, []string{"apply ConfigMap a/x (missing)"}, 0},
		"Deleting":          {"What is being deleted counts as missing once it is not known any more.", plan.Input{Desired: x, Members: []plan.Member{deleting}}, []string{"apply ConfigMap a/x (missing)"}, 0},
		"Prune":             {"What is there and not wanted is deleted.", plan.Input{Members: []plan.Member{member}, Applied: is("new")}, []string{"prune ConfigMap a/x"}, 0},
		"PruneNotTwice":     {"What is being deleted is not deleted again.", plan.Input{Members: []plan.Member{deleting}}, nil, 0},
		"Keep":              {"What says so stays.", plan.Input{Members: []plan.Member{keep}}, []string{"keep ConfigMap a/x (prune disabled)"}, 0},
		"KeepNamespace": {
			"A namespace stays with what stays in it; another one does not.",
			plan.Input{Members: []plan.Member{keep, {Ref: ref("Namespace a")}, {Ref: ref("Namespace b")}}},
			[]string{"prune Namespace b", "keep ConfigMap a/x (prune disabled)", "keep Namespace a (not empty)"},
			0,
		},
		"KeepNamespaceOfWanted": {
			"A namespace stays with what is wanted in it, though it is not declared itself.",
			plan.Input{Desired: x, Members: []plan.Member{member, {Ref: ref("Namespace a")}}, Applied: is("new")},
			[]string{"keep Namespace a (not empty)"},
			1,
		},
		"KeepDefinition": {
			"A definition stays with what stays of its kind: deleting it would delete that too.",
			plan.Input{Members: []plan.Member{
				{Ref: ref("Widget a/w"), Keep: true}, {Ref: ref("CustomResourceDefinition widgets.acme.io")}, {Ref: ref("CustomResourceDefinition gears.other.io")},
			}},
			[]string{
				"prune CustomResourceDefinition.apiextensions.k8s.io gears.other.io",
				"keep Widget.acme.io a/w (prune disabled)", "keep CustomResourceDefinition.apiextensions.k8s.io widgets.acme.io (not empty)",
			},
			0,
		},
		"Stages": {
			"Definitions, namespaces, what others refer to, the rest; deleted the other way round.",
			plan.Input{
				Desired: []*unstructured.Unstructured{
					object("Deployment a/d", ""), object("Role a/r", ""), object("ConfigMap a/c", ""), object("Namespace a", ""),
					object("CustomResourceDefinition x.acme.io", ""), object("Widget a/w", ""),
				},
				Members: []plan.Member{
					{Ref: ref("CustomResourceDefinition y.acme.io")},
					{Ref: ref("Namespace b")},
					{Ref: ref("ServiceAccount b/s")},
					{Ref: ref("PersistentVolumeClaim b/p")},
					{Ref: ref("Deployment b/d")},
					{Ref: ref("Widget b/w")},
				},
			},
			[]string{
				"apply CustomResourceDefinition.apiextensions.k8s.io x.acme.io (missing)", "apply Namespace a (missing)",
				"apply ConfigMap a/c (missing), Role.rbac.authorization.k8s.io a/r (missing)",
				"apply Widget.acme.io a/w (missing), Deployment.apps a/d (missing)",
				"prune Widget.acme.io b/w, Deployment.apps b/d", "prune PersistentVolumeClaim b/p, ServiceAccount b/s",
				"prune Namespace b", "prune CustomResourceDefinition.apiextensions.k8s.io y.acme.io",
			},
			0,
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := plan.Compute(tc.in)
			if err != nil {
				t.Fatal(err)
			}
			if diff := cmp.Diff(tc.want, text(p), cmpopts.EquateEmpty()); diff != "" || p.Unchanged != tc.unchanged {
				t.Errorf("%s\nunchanged: %d, want %d; -want +got:\n%s", tc.reason, p.Unchanged, tc.unchanged, diff)
			}
			if wantEmpty := !slices.ContainsFunc(tc.want, func(s string) bool { return !strings.HasPrefix(s, "keep") }); p.Empty() != wantEmpty {
				t.Errorf("Empty: got %v, want %v", p.Empty(), wantEmpty)
			}
		})
	}
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
		d, err := plan.Digest(o)
		if err != nil {
			t.Fatal(err)
		}
		got[d] = true
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
