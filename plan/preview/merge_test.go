// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
)

// now is a Wednesday.
var now = time.Date(2026, 12, 16, 10, 0, 0, 0, time.UTC)

// platform loads a platform with the project "orders", whose environments are declared by their specs, and with more
// projects, which are given by name and spec.
func platform(t testing.TB, environments map[string]string, more ...string) *catalog.Catalog {
	t.Helper()
	const head = "apiVersion: trunkline.dev/v1alpha1\nkind: "
	names := make([]string, 0, len(environments))
	text := head + "Cluster\nmetadata: {name: one}\n"
	for name, spec := range environments {
		names = append(names, name)
		text += "---\n" + head + "Environment\nmetadata: {name: " + name + "}\nspec: {clusters: [one], " + spec + "}\n"
	}
	slices.Sort(names)
	tree := fstest.MapFS{
		"trunkline.yaml": {Data: []byte(head + "Platform\nmetadata: {name: acme}\n")},
		"all.yaml":       {Data: []byte(text)},
		"orders.yaml": {Data: []byte(head + "Project\nmetadata: {name: orders}\nspec: {owner: team, environments: [" + strings.Join(names, ", ") +
			"], workloads: [{name: o, blueprint: objects}]}\n")},
		"objects/chart/Chart.yaml": {Data: []byte("name: c")},
		"objects/blueprint.yaml":   {Data: []byte(head + "Blueprint\nmetadata: {name: objects}\nspec: {engine: helm, source: chart}\n")},
	}
	for i, project := range more {
		tree[fmt.Sprint("project", i, ".yaml")] = &fstest.MapFile{Data: []byte(head + "Project\nmetadata: " + project + "\n")}
	}
	c, problems, err := catalog.Load(tree, fstest.MapFS{})
	if err != nil || problems.Denied() {
		t.Fatalf("%v %v", err, problems)
	}
	return c
}

func release(env string) catalog.ReleaseID {
	return catalog.ReleaseID{Project: "orders", Environment: env, Cluster: "one"}
}

func objects(t testing.TB, texts ...string) (out []*unstructured.Unstructured) {
	t.Helper()
	for _, text := range texts {
		out = append(out, parse(t, text))
	}
	return out
}

func configMap(name, value string, annotations ...string) string {
	return fmt.Sprintf("{apiVersion: v1, kind: ConfigMap, metadata: {namespace: ns, name: %s, annotations: {%s}}, data: {v: %q}}",
		name, strings.Join(annotations, ", "), value)
}

// said puts what happens to a release into one line for each object, and one for what else is said.
func said(r Release) (lines []string) {
	for _, s := range r.Steps {
		line := fmt.Sprintf("%s %s: %s", s.Action, s.Ref, s.Reason)
		if s.Replaces != "" {
			line += " in place of " + s.Replaces
		}
		if s.Note != "" {
			line += "; " + s.Note
		}
		lines = append(lines, line)
	}
	if r.Held.Hold != "" {
		lines = append(lines, "held: "+string(r.Held.Hold)+": "+r.Held.Reason)
	}
	if r.Err != "" {
		lines = append(lines, "error: "+r.Err)
	}
	return lines
}

func TestMerge(t *testing.T) {
	secret := "{apiVersion: v1, kind: Secret, metadata: {namespace: ns, name: s}, stringData: {token: canary-one}}"
	leaky := errors.New("template t: cannot use canary-one")
	cases := map[string]struct {
		reason  string
		env     string // of the environment "dev"
		was, is *Rendered
		action  Action
		same    int
		want    []string
	}{
		"Same": {
			reason: "What is as it was needs nothing.",
			was:    &Rendered{Objects: objects(t, configMap("a", "1"))}, is: &Rendered{Objects: objects(t, configMap("a", "1"))}, action: Unchanged, same: 1,
		},
		"Objects": {
			reason: "Each object is told of, and those that stay are counted.",
			was:    &Rendered{Objects: objects(t, configMap("a", "1"), configMap("b", "1"), configMap("c", "1"))},
			is:     &Rendered{Objects: objects(t, configMap("a", "1"), configMap("b", "2"), configMap("d", "1"))},
			action: Change, same: 1,
			want: []string{"update ConfigMap ns/b: changed", "create ConfigMap ns/d: missing", "delete ConfigMap ns/c: not declared"},
		},
		"Account": {
			reason: "What gives the account its rights that deploys it is there first, and is told of too.",
			was:    &Rendered{Objects: objects(t, configMap("a", "1"))},
			is: &Rendered{Objects: objects(t, configMap("a", "1"), configMap("b", "1")), Access: objects(t,
				"{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: ns, name: deployer}}",
				"{apiVersion: rbac.authorization.k8s.io/v1, kind: RoleBinding, metadata: {namespace: ns, name: deployer.role}}")},
			action: Change, same: 1,
			want: []string{"create ServiceAccount ns/deployer: missing", "create RoleBinding.rbac.authorization.k8s.io ns/deployer.role: missing", "create ConfigMap ns/b: missing"},
		},
		"AccountGone": {
			reason: "An account that is not named any more goes, though the project has not changed.",
			was: &Rendered{Objects: objects(t, configMap("a", "1")), Access: objects(t,
				"{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: ns, name: deployer}}")},
			is: &Rendered{Objects: objects(t, configMap("a", "1"))}, action: Change, same: 1,
			want: []string{"delete ServiceAccount ns/deployer: not declared"},
		},
		"Waves": {
			reason: "What waits for an earlier wave is told of as well: one plan alone would not go that far.",
			was:    &Rendered{Objects: objects(t, configMap("a", "1", "trunkline.dev/wave: '1'"), configMap("old", "1"))},
			is:     &Rendered{Objects: objects(t, configMap("a", "2", "trunkline.dev/wave: '1'"), configMap("b", "1", "trunkline.dev/wave: '-1'"), configMap("c", "1"))},
			action: Change,
			want: []string{
				"create ConfigMap ns/b: missing", "create ConfigMap ns/c: missing", "update ConfigMap ns/a: changed", "delete ConfigMap ns/old: not declared",
			},
		},
		"Kept": {
			reason: "What is not declared any more and stays is told of, and is no change.",
			was:    &Rendered{Objects: objects(t, configMap("a", "1"), configMap("k", "1", "trunkline.dev/prune: disabled"))},
			is:     &Rendered{Objects: objects(t, configMap("a", "1"))}, action: Unchanged, same: 1,
			want: []string{"keep ConfigMap ns/k: prune disabled"},
		},
		"Replaced": {
			reason: "Objects with a digest in their names are followed.",
			was:    &Rendered{Objects: objects(t, configMap("f-0123abcd", "1"), configMap("g-0123abcd", "1"), configMap("g-1123abcd", "1"))},
			is:     &Rendered{Objects: objects(t, configMap("f-4567cdef", "2"), configMap("g-2123abcd", "2"))}, action: Change,
			want: []string{
				"create ConfigMap ns/f-4567cdef: missing in place of f-0123abcd", "create ConfigMap ns/g-2123abcd: missing",
				"delete ConfigMap ns/f-0123abcd: not declared", "delete ConfigMap ns/g-0123abcd: not declared", "delete ConfigMap ns/g-1123abcd: not declared",
			},
		},
		"Created": {reason: "A release that is new is created.", is: &Rendered{Objects: objects(t, configMap("a", "1"))}, action: Create, want: []string{"create ConfigMap ns/a: missing"}},
		"Removed": {
			reason: "One that is not declared any more is removed, and a namespace goes last.",
			was:    &Rendered{Objects: objects(t, "{apiVersion: v1, kind: Namespace, metadata: {name: ns}}", configMap("a", "1"))}, action: Remove,
			want: []string{"delete ConfigMap ns/a: not declared", "delete Namespace ns: not declared; it stays if others have data in it"},
		},
		"Protected": {
			reason: "The protection of an environment holds a removal.", env: "protected: true",
			was: &Rendered{Objects: objects(t, configMap("a", "1"))}, action: Remove,
			want: []string{"delete ConfigMap ns/a: not declared", "held: protected: the environment is protected: name the project in its removals to have it deleted"},
		},
		"Frozen": {
			reason: "A freeze holds a change.", env: `freezes: [{from: "2026-12-16T00:00:00Z", until: "2026-12-17T00:00:00Z", reason: audit}]`,
			was: &Rendered{Objects: objects(t, configMap("a", "1"))}, is: &Rendered{Objects: objects(t, configMap("a", "2"))}, action: Change,
			want: []string{"update ConfigMap ns/a: changed", "held: freeze: frozen until 2026-12-17T00:00:00Z: audit"},
		},
		"Closed": {
			reason: "So does a window that is not open.", env: `windows: [{schedule: "0 8 * * *", duration: 1h}]`,
			was: &Rendered{Objects: objects(t, configMap("a", "1"))}, is: &Rendered{Objects: objects(t, configMap("a", "2"))}, action: Change,
			want: []string{"update ConfigMap ns/a: changed", "held: window: outside of the deploy windows: the next one opens at 2026-12-17T08:00:00Z"},
		},
		"Suspended": {
			reason: "What is suspended is left as it is.",
			was:    &Rendered{Objects: objects(t, configMap("a", "1"))}, is: &Rendered{Suspended: true, Objects: objects(t, configMap("a", "2"))}, action: Change,
			want: []string{"update ConfigMap ns/a: changed", "held: suspended: it is left as it is until its project is not suspended any more"},
		},
		"Broken": {
			reason: "An error is told without the values of Secrets that are known.",
			was:    &Rendered{Objects: objects(t, secret)}, is: &Rendered{Err: leaky}, action: Fail,
			want: []string{"error: it does not render any more: template t: cannot use (redacted)"},
		},
		"BrokenAsBefore": {reason: "Whether it is the change that breaks it is what people ask.", was: &Rendered{Err: errors.New("boom")}, is: &Rendered{Err: errors.New("boom")}, action: Fail, want: []string{"error: it does not render, as before: boom"}},
		"BrokenNew":      {reason: "A new release may not render.", is: &Rendered{Err: errors.New("boom")}, action: Fail, want: []string{"error: it does not render: boom"}},
		"Fixed": {
			reason: "What is in place came from an older commit than the base.",
			was:    &Rendered{Err: errors.New("boom")}, is: &Rendered{Objects: objects(t, configMap("a", "1"))}, action: Change,
			want: []string{"error: it renders now; what changes is not known, since the base does not render: boom"},
		},
		"Twice": {
			reason: "What cannot be planned is told.",
			was:    &Rendered{}, is: &Rendered{Objects: objects(t, configMap("a", "1"), configMap("a", "2"))}, action: Fail,
			want: []string{"error: planning: the release holds ConfigMap ns/a twice"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			c := platform(t, map[string]string{"dev": tc.env})
			side := func(r *Rendered) Side {
				s := Side{Catalog: c, Releases: map[catalog.ReleaseID]Rendered{}}
				if r != nil {
					s.Releases[release("dev")] = *r
				}
				return s
			}
			got := Merge(side(tc.was), side(tc.is), now)
			if len(got) != 1 || got[0].ID != release("dev") || got[0].Action != tc.action || got[0].Unchanged != tc.same {
				t.Fatalf("%s\ngot %+v", tc.reason, got)
			}
			if diff := cmp.Diff(tc.want, said(got[0])); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestMergeShrinks: empty is not "remove all", and neither is less than half.
func TestMergeShrinks(t *testing.T) {
	c := platform(t, map[string]string{"dev": ""})
	own := func(more ...*unstructured.Unstructured) []*unstructured.Unstructured {
		return append(objects(t, "{apiVersion: v1, kind: Namespace, metadata: {name: ns}}", "{apiVersion: v1, kind: ServiceAccount, metadata: {namespace: ns, name: o}}"), more...)
	}
	many := func(n int, value string) (out []*unstructured.Unstructured) {
		for i := range n {
			out = append(out, objects(t, configMap(fmt.Sprint("c", i), value))...)
		}
		return out
	}
	renamed := func(all []*unstructured.Unstructured) []*unstructured.Unstructured {
		for _, o := range all {
			o.SetName(o.GetName() + "-7f9c")
		}
		return all
	}
	secrets := func(n int) []*unstructured.Unstructured {
		all := many(n, "1")
		for _, o := range all {
			o.SetKind("Secret")
		}
		return all
	}
	for _, tc := range []struct {
		reason  string
		was, is []*unstructured.Unstructured
		want    string
	}{
		{"One object that is gone is everything.", own(many(1, "1")...), own(), "1 of its 1 objects would be deleted"},
		{"So are a few.", own(many(3, "1")...), own(), "3 of its 3 objects would be deleted"},
		{"Many of which most are gone.", own(many(12, "1")...), own(many(5, "1")...), "7 of its 12 objects would be deleted"},
		{"Few of which most are gone may be meant.", own(many(6, "1")...), own(many(1, "1")...), ""},
		{"Many of which most stay, too.", own(many(20, "1")...), own(many(13, "1")...), ""},
		{"All that change stay.", own(many(20, "1")...), own(many(20, "2")...), ""},
		{"All that are named differently are replaced.", own(many(20, "1")...), own(renamed(many(20, "1"))...), ""},
		{"As many of another kind are others.", own(many(20, "1")...), own(secrets(20)...), "20 of its 20 objects would be deleted"},
		{"A release that had nothing loses nothing.", own(), own()[:1], ""},
		{"Nor does one that is new.", nil, own(), ""},
		{"More is not less.", own(many(1, "1")...), own(many(20, "1")...), ""},
	} {
		side := func(o []*unstructured.Unstructured) Side {
			s := Side{Catalog: c, Releases: map[catalog.ReleaseID]Rendered{}}
			if o != nil {
				s.Releases[release("dev")] = Rendered{Objects: o}
			}
			return s
		}
		got := Merge(side(tc.was), side(tc.is), now)[0].Held
		if held := got.Hold == gate.Shrunk; held != (tc.want != "") || !strings.HasPrefix(got.Reason, tc.want) {
			t.Errorf("%s Held by %+v, want %q", tc.reason, got, tc.want)
		}
	}
}

// TestMergePromotes: a release waits for the one that it is promoted from if that changes too, and only then.
func TestMergePromotes(t *testing.T) {
	c := platform(t, map[string]string{"dev": "", "prod": "promotesFrom: dev"})
	side := func(dev, prod string) Side {
		return Side{Catalog: c, Releases: map[catalog.ReleaseID]Rendered{
			release("dev"): {Objects: objects(t, configMap("a", dev))}, release("prod"): {Objects: objects(t, configMap("a", prod))},
		}}
	}
	secondWaits(t, side, gate.Promotion)
}

// secondWaits checks that the second of two releases waits for the first one if that changes too, and only then.
func secondWaits(t *testing.T, side func(first, second string) Side, hold gate.Rule) {
	t.Helper()
	both := Merge(side("1", "1"), side("2", "2"), now)
	if got := both[1].Held; got.Hold != hold || got.Reason != "waiting for orders/dev@one to take the commit" {
		t.Errorf("the second release is held by %+v", got)
	}
	if got := both[0].Held; got.Hold != "" {
		t.Errorf("the first release is held by %+v", got)
	}
	if got := Merge(side("1", "1"), side("1", "2"), now)[1].Held; got.Hold != "" {
		t.Errorf("a release waits for one that stays as it is: %+v", got)
	}
}

// TestMergeWaits: what a release depends on has the state already, unless the merge changes it too.
func TestMergeWaits(t *testing.T) {
	c := platform(t, map[string]string{"dev": ""}, "{name: sales}\nspec: {owner: team, environments: [dev], dependsOn: [orders], workloads: [{name: o, blueprint: objects}]}")
	sales := catalog.ReleaseID{Project: "sales", Environment: "dev", Cluster: "one"}
	side := func(orders, reports string) Side {
		return Side{Catalog: c, Releases: map[catalog.ReleaseID]Rendered{
			release("dev"): {Objects: objects(t, configMap("o", orders))}, sales: {Objects: objects(t, configMap("s", reports))},
		}}
	}
	secondWaits(t, side, gate.Depends)
}

// TestMergeMoves: what moves to another cluster goes once it is there, also from a protected environment, and counts as no removal.
func TestMergeMoves(t *testing.T) {
	const head = "apiVersion: trunkline.dev/v1alpha1\nkind: "
	side := func(drained string) Side {
		text := head + "Cluster\nmetadata: {name: one}\n" + drained + "---\n" + head + "Cluster\nmetadata: {name: two}\n---\n" +
			head + "Environment\nmetadata: {name: prod}\nspec: {clusters: [one, two], protected: true}\n"
		projects := ""
		for i := range 10 {
			projects += fmt.Sprintf("---\n%sProject\nmetadata: {name: p%d}\nspec: {owner: team, environments: {prod: {cluster: {}}}}\n", head, i)
		}
		c, problems, err := catalog.Load(fstest.MapFS{
			"trunkline.yaml": {Data: []byte(head + "Platform\nmetadata: {name: acme}\n")}, "all.yaml": {Data: []byte(text)}, "projects.yaml": {Data: []byte(projects)},
		}, fstest.MapFS{})
		if err != nil || problems.Denied() {
			t.Fatalf("%v %v", err, problems)
		}
		s := Side{Catalog: c, Releases: map[catalog.ReleaseID]Rendered{}}
		for rel := range c.Releases() {
			s.Releases[rel.ID] = Rendered{Objects: objects(t, configMap("a", "1"))}
		}
		return s
	}
	got := Merge(side(""), side("spec: {drained: {reason: upgrade}}\n"), now)
	if len(got) != 20 {
		t.Fatalf("%d releases change, want 10 that come and 10 that go", len(got))
	}
	for _, r := range got {
		want := gate.Verdict{}
		if r.ID.Cluster == "one" {
			want = gate.Verdict{Hold: gate.Moving, Reason: "its project moves to another cluster: waiting for " + r.ID.Project + "/prod@two to take the commit"}
		}
		if diff := cmp.Diff(want, r.Held); diff != "" {
			t.Errorf("%s: -want +got:\n%s", r.ID, diff)
		}
	}
}

// TestMergeCountsRemovals: too many removals are held all together, by what the head declares.
func TestMergeCountsRemovals(t *testing.T) {
	c := platform(t, map[string]string{"dev": ""})
	base := Side{Catalog: c, Releases: map[catalog.ReleaseID]Rendered{}}
	head := Side{Catalog: c, Releases: map[catalog.ReleaseID]Rendered{}}
	for i := range 10 {
		id := catalog.ReleaseID{Project: fmt.Sprintf("p%d", i), Environment: "dev", Cluster: "one"}
		base.Releases[id] = Rendered{Objects: objects(t, configMap("a", "1"))}
		if i >= 6 {
			head.Releases[id] = base.Releases[id]
		}
	}
	for i, r := range Merge(base, head, now) {
		if held := r.Held.Hold == gate.ManyRemoved; held != (i < 6) {
			t.Errorf("%s: held by %q", r.ID, r.Held.Hold)
		}
	}
	if got := Merge(base, head, now)[0].Held.Reason; !strings.Contains(got, "6 of the 10 releases of dev would be deleted") {
		t.Errorf("the reason is %q", got)
	}
}

// TestMergingAgainChangesNothing: for random releases, nothing happens between a state and itself, every object is told
// of once or counted, and the order of objects does not matter.
func TestMergingAgainChangesNothing(t *testing.T) {
	c := platform(t, map[string]string{"dev": ""})
	side := func(o []*unstructured.Unstructured) Side {
		return Side{Catalog: c, Releases: map[catalog.ReleaseID]Rendered{release("dev"): {Objects: o}}}
	}
	rapid.Check(t, func(rt *rapid.T) {
		draw := func(label string) (out []*unstructured.Unstructured) {
			for _, name := range rapid.SliceOfNDistinct(rapid.SampledFrom([]string{"a", "b", "c", "d-0123abcd", "d-4567abcd", "e"}), 0, 6, rapid.ID[string]).Draw(rt, label) {
				annotations := rapid.SampledFrom([]string{"", "trunkline.dev/prune: disabled", "trunkline.dev/wave: '1'", "trunkline.dev/wave: '-5'"}).Draw(rt, "annotation")
				out = append(out, objects(t, configMap(name, rapid.SampledFrom([]string{"1", "2"}).Draw(rt, "value"), annotations))...)
			}
			return out
		}
		was, is := draw("was"), draw("is")
		same := Merge(side(is), side(is), now)[0]
		if same.Action != Unchanged || len(same.Steps) > 0 {
			rt.Fatalf("between a state and itself happens %v", said(same))
		}
		r := Merge(side(was), side(is), now)[0]
		told := map[plan.Ref]int{}
		for _, s := range r.Steps {
			if told[s.Ref]++; told[s.Ref] > 1 || s.Action == plan.Blocked {
				rt.Fatalf("%s is told of twice, or as blocked: %v", s.Ref, said(r))
			}
		}
		if all := len(byRef(append(slices.Clone(was), is...))); r.Err == "" && len(told)+r.Unchanged != all {
			rt.Fatalf("%d objects are told of and %d unchanged, of %d: %v", len(told), r.Unchanged, all, said(r))
		}
		slices.Reverse(was)
		slices.Reverse(is)
		if again := Merge(side(was), side(is), now)[0]; !slices.Equal(said(r), said(again)) && r.Action != Unchanged {
			rt.Fatalf("in another order happens something else:\n%v\n%v", said(r), said(again))
		}
	})
}

func TestPicker(t *testing.T) {
	ids := []catalog.ReleaseID{
		{Project: "orders", Environment: "dev", Cluster: "one"},
		{Project: "orders", Environment: "prod", Cluster: "two"},
		{Project: "fx-rates", Environment: "prod", Cluster: "one"},
	}
	cases := map[string]struct {
		reason   string
		patterns []string
		want     []int
		unused   []string
		err      string
	}{
		"None":    {reason: "Without patterns all are meant.", want: []int{0, 1, 2}},
		"Project": {reason: "A project is all of its releases.", patterns: []string{"orders"}, want: []int{0, 1}},
		"Glob":    {reason: "A star stands for any part.", patterns: []string{"fx-*", "*/dev"}, want: []int{0, 2}},
		"Cluster": {reason: "As it is written elsewhere.", patterns: []string{"orders/prod@two"}, want: []int{1}},
		"Slashes": {reason: "Or with slashes only.", patterns: []string{"*/*/one"}, want: []int{0, 2}},
		"Unused":  {reason: "A pattern that means nothing is a mistake.", patterns: []string{"orders", "order/dev"}, want: []int{0, 1}, unused: []string{"order/dev"}},
		"Empty":   {reason: "A part that is empty is one too.", patterns: []string{"orders/"}, err: "names no release"},
		"Deep":    {reason: "So are too many.", patterns: []string{"a/b/c/d"}, err: "names no release"},
		"Bad":     {reason: "So is half a pattern.", patterns: []string{"a["}, err: "is no pattern"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			p, err := NewPicker(tc.patterns...)
			if tc.err != "" {
				if err == nil || !strings.Contains(err.Error(), tc.err) {
					t.Errorf("%s\ngot the error %v, want one with %q", tc.reason, err, tc.err)
				}
				return
			}
			var got []int
			for i, id := range ids {
				if p.Picks(id) {
					got = append(got, i)
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" || err != nil {
				t.Errorf("%s\n%v, -want +got:\n%s", tc.reason, err, diff)
			}
			if diff := cmp.Diff(tc.unused, p.Unused(ids)); diff != "" {
				t.Errorf("%s\nunused, -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
