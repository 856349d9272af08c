// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"errors"
	"io/fs"
	"maps"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/render"
)

var now = time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)

// stub renders each release to one ConfigMap, and to more that a test names; none of it needs an engine.
type stub struct {
	more map[string][]string // names of ConfigMaps in the namespace "shared", by release
	errs map[string]error

	mu       sync.Mutex
	rendered []string
}

func (s *stub) Render(_ context.Context, _ fs.FS, rel catalog.Release) (render.Result, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	s.rendered = append(s.rendered, rel.ID.String())
	if err := s.errs[rel.ID.String()]; err != nil {
		return render.Result{}, err
	}
	objects := []*unstructured.Unstructured{configMap(rel.Namespace, "own")}
	for _, name := range s.more[rel.ID.String()] {
		objects = append(objects, configMap("shared", name))
	}
	return render.Result{Objects: objects}, nil
}

// asked returns what was rendered since the last call, sorted.
func (s *stub) asked() []string {
	s.mu.Lock()
	defer s.mu.Unlock()
	out := slices.Sorted(slices.Values(s.rendered))
	s.rendered = nil
	return out
}

func configMap(namespace, name string) *unstructured.Unstructured {
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name, "namespace": namespace},
	}}
}

const objectPolicy = declarationHead + "kind: Policy\nmetadata: {name: names}\nspec:\n  on: object\n" +
	"  validations: [{expression: \"object.metadata.name != 'bad'\", message: that is a bad name}]\n"

// evaluated evaluates a commit by default options, which change may change.
func evaluated(t *testing.T, c commitFiles, r Renderer, change func(*Input)) *Evaluation {
	t.Helper()
	in := Input{Tree: c.tree(), Library: blueprints.FS, Renderer: r, Now: now}
	if change != nil {
		change(&in)
	}
	e, err := Head(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func rulesOf(problems v1alpha1.Problems) (out []string) {
	for _, p := range problems {
		out = append(out, string(p.Severity)+" "+p.Rule)
	}
	return out
}

// all are the releases of firstCommit.
var all = []string{"p0/dev@one", "p0/prod@one", "p0/prod@two", "p1/dev@one"}

// TestHead: what is rendered, handed out and refused, in one table.
func TestHead(t *testing.T) {
	broken := errors.New("boom")
	for _, tc := range []struct {
		reason   string
		files    map[string]string // to add to firstCommit
		renderer *stub
		change   func(*Input)
		// declared and handed are the calls of OnDeclared and OnRendered.
		declared bool
		rendered []string
		handed   []string
		kept     int
		want     []string
	}{
		{
			reason:   "Where no policy judges objects, each release is handed out as soon as it is rendered.",
			renderer: &stub{}, declared: true, rendered: all, handed: all, kept: 4,
		},
		{
			reason: "Where one does, none is before all are judged.",
			files:  map[string]string{"policies.yaml": objectPolicy}, renderer: &stub{}, declared: true, rendered: all, kept: 4,
		},
		{
			reason:   "An object that a policy denies refuses the head.",
			files:    map[string]string{"policies.yaml": objectPolicy},
			renderer: &stub{more: map[string][]string{"p1/dev@one": {"bad"}}}, declared: true, rendered: all, kept: 4, want: []string{"deny policy/names"},
		},
		{
			reason: "Declarations that are refused are not rendered.",
			files:  map[string]string{"a/p1/project.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nspec: {}\n"}, renderer: &stub{},
			want: []string{"deny missing-field", "deny missing-field", "deny missing-field"},
		},
		{
			reason: "Not even to find all that is wrong, if they cannot be linked.",
			files:  map[string]string{"a/p1/project.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Project\nspec: {}\n", "policies.yaml": objectPolicy}, renderer: &stub{},
			change: func(in *Input) { in.Thorough = true },
			want:   []string{"deny missing-field", "deny missing-field", "deny missing-field"},
		},
		{
			reason:   "A release that does not render is reported by its own result, and refuses nothing.",
			files:    map[string]string{"policies.yaml": objectPolicy},
			renderer: &stub{errs: map[string]error{"p1/dev@one": broken}}, declared: true, rendered: all, kept: 4,
		},
		{
			reason:   "For people it is something that cannot be judged.",
			files:    map[string]string{"policies.yaml": objectPolicy},
			renderer: &stub{errs: map[string]error{"p1/dev@one": broken}}, declared: true, rendered: all, kept: 4,
			change: func(in *Input) { in.Thorough = true }, want: []string{"deny not-evaluated"},
		},
		{
			reason:   "What is not wanted is not rendered.",
			renderer: &stub{}, declared: true, rendered: []string{"p1/dev@one"}, handed: []string{"p1/dev@one"}, kept: 1,
			change: func(in *Input) { in.Want = func(id catalog.ReleaseID) bool { return id.Project == "p1" } },
		},
		{
			reason: "Unless it has to be judged; then it is not kept.",
			files:  map[string]string{"policies.yaml": objectPolicy}, renderer: &stub{more: map[string][]string{"p0/dev@one": {"bad"}}},
			declared: true, rendered: all, kept: 0,
			change: func(in *Input) { in.Want = func(catalog.ReleaseID) bool { return false } }, want: []string{"deny policy/names"},
		},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			c := firstCommit()
			maps.Copy(c, tc.files)
			var mu sync.Mutex
			var handed []string
			declared, acceptable := false, 0
			e := evaluated(t, c, tc.renderer, func(in *Input) {
				in.OnDeclared = func(*catalog.Catalog) { declared = true }
				in.OnAcceptable = func(e *Evaluation) {
					if acceptable++; !declared || e.Len() != len(all) || e.Denied() {
						t.Errorf("acceptable before it was declared (%t), with %d releases and the problems %v", declared, e.Len(), e.Problems())
					}
				}
				in.OnRendered = func(rel catalog.Release, out Rendered) {
					mu.Lock()
					defer mu.Unlock()
					if acceptable != 1 {
						t.Errorf("something is handed out, and the head was found acceptable %d times", acceptable)
					}
					handed = append(handed, rel.ID.String())
				}
				if tc.change != nil {
					tc.change(in)
				}
			})
			slices.Sort(handed)
			type outcome struct {
				Declared         bool
				Rendered, Handed []string
				Kept             int
				Problems         []string
			}
			want := outcome{tc.declared, tc.rendered, tc.handed, tc.kept, tc.want}
			got := outcome{declared, tc.renderer.asked(), handed, len(resultsOf(e)), rulesOf(e.Problems())}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestUpdateTakesPoliciesOver: what is the same is not loaded again, and what is not is.
func TestUpdateTakesPoliciesOver(t *testing.T) {
	first := firstCommit()
	first["policies.yaml"] = objectPolicy
	r := &stub{more: map[string][]string{"p1/dev@one": {"bad"}}}
	before := evaluated(t, first, &stub{}, nil)
	if before.Denied() {
		t.Fatal(before.Problems())
	}
	next := func(change func(commitFiles)) *Evaluation {
		c := maps.Clone(first)
		change(c)
		return evaluated(t, c, r, func(in *Input) { in.Before, in.Changed = before, first.changed(c) })
	}
	same := next(func(c commitFiles) { c["docs/notes.md"] = "x" })
	if same.own != before.own || same.Denied() {
		t.Errorf("policies are loaded again for a file that declares nothing, or what they judge is another: %v", same.Problems())
	}
	if asked := r.asked(); asked != nil {
		t.Errorf("rendered again: %v", asked)
	}
	lax := next(func(c commitFiles) { delete(c, "policies.yaml"); c["a/p1/k8s/own.yaml"] += "\n" })
	if lax.own == before.own || lax.own.ChecksObjects() {
		t.Error("a policy that is gone still judges")
	}
}

// TestChangeIsJudgedByItsBase: nothing that a change says of policies, rules or owners judges that change, and what cannot
// be judged is never silently accepted.
func TestChangeIsJudgedByItsBase(t *testing.T) {
	const governed = "spec: {governance: {owners: [team]}}\n"
	ada, eve := policy.Person{Login: "ada", Teams: []string{"team"}}, policy.Person{Login: "eve"}
	touch := func(c commitFiles) {
		c["a/p1/project.yaml"] = strings.Replace(c["a/p1/project.yaml"], "environments: [dev]", "environments: [dev, prod]", 1)
	}
	for _, tc := range []struct {
		reason   string
		before   func(commitFiles)
		after    func(commitFiles)
		people   []policy.Person
		want     []string
		unjudged string
	}{
		{reason: "An owner changes a project.", after: touch, people: []policy.Person{ada}},
		{reason: "Who is none does not.", after: touch, people: []policy.Person{eve}, want: []string{"deny ownership"}},
		{reason: "Someone whose teams are not known is none.", after: touch, people: []policy.Person{{Login: "ada"}}, want: []string{"deny ownership"}},
		{reason: "Who approves may be one.", after: touch, people: []policy.Person{eve, ada}},
		{reason: "If nobody is known, that is said.", after: touch, unjudged: "whether an owner made or approved the change"},
		{
			reason: "Also of a change of nothing: who knows.", after: func(commitFiles) {},
			unjudged: "whether an owner made or approved the change",
		},
		{
			reason: "A line of CODEOWNERS that is not valid counts for nothing, as on GitHub, and is not in the way of its fix.",
			before: func(c commitFiles) { c["CODEOWNERS"] = "/a [\n* @eve\n" },
			after:  func(c commitFiles) { c["CODEOWNERS"] = "/a @eve\n* @eve\n" }, people: []policy.Person{eve},
		},
		{
			reason: "A change that makes one invalid is refused.",
			before: func(c commitFiles) { c["CODEOWNERS"] = "* @eve\n" },
			after:  func(c commitFiles) { c["CODEOWNERS"] = "* @eve\n/a [\n" }, people: []policy.Person{eve}, want: []string{"deny not-evaluated"},
		},
		{
			reason: "So is one that breaks a policy, although it is not judged by it.",
			before: func(c commitFiles) { c["policies.yaml"] = objectPolicy },
			after:  func(c commitFiles) { c["policies.yaml"] = strings.ReplaceAll(objectPolicy, "!= 'bad'", "!=") }, unjudged: "whether an owner made or approved the change",
			want: []string{"warn privilege-widened", "deny policy/names"},
		},
		{
			reason: "The change that fixes a broken policy is not judged by what is broken.",
			before: func(c commitFiles) { c["policies.yaml"] = strings.ReplaceAll(objectPolicy, "!= 'bad'", "!=") },
			after:  func(c commitFiles) { c["policies.yaml"] = objectPolicy }, unjudged: "whether an owner made or approved the change", want: []string{"warn privilege-widened"},
		},
		{
			reason: "The same of a folder of policies in Rego.",
			before: func(c commitFiles) {
				c["trunkline.yaml"] += "spec: {policies: [rego]}\n"
				c["rego/a.rego"] = "package a\n\ndeny contains\n"
			},
			after: func(c commitFiles) { c["rego/a.rego"] = "package a\n\ndeny contains \"no\" if false\n" }, unjudged: "whether an owner made or approved the change", want: []string{"warn privilege-widened"},
		},
		{
			reason: "A schema that is broken is refused.",
			before: func(c commitFiles) { dataset(c, `{"type": "object"}`) },
			after:  func(c commitFiles) { dataset(c, `{"type": "objekt", "properties": [`) }, unjudged: "whether an owner made or approved the change",
			want: []string{"deny invalid-schema"},
		},
		{
			reason: "One that was broken can be fixed.",
			before: func(c commitFiles) { dataset(c, `{"type": "objekt", "properties": [`) },
			after:  func(c commitFiles) { dataset(c, `{"type": "object"}`) }, unjudged: "whether an owner made or approved the change",
		},
		{
			reason: "It is no fault of a change of something else.",
			before: func(c commitFiles) { dataset(c, `{"type": "objekt"}`) },
			after:  func(c commitFiles) { c["b/data/run.py"] += "\n" }, unjudged: "whether an owner made or approved the change",
		},
		{
			reason: "A new project with one is refused.",
			before: func(commitFiles) {}, after: func(c commitFiles) { dataset(c, `[]`) }, unjudged: "whether an owner made or approved the change",
			want: []string{"deny invalid-schema"},
		},
		{
			reason: "A change of CODEOWNERS does not judge itself.",
			after:  func(c commitFiles) { touch(c); c["CODEOWNERS"] = "* eve\n" }, people: []policy.Person{eve},
			want: []string{"deny ownership", "deny not-evaluated", "deny ownership"}, // of CODEOWNERS, in which a login has its @, and of the project
		},
		{
			reason: "A base that is not valid has owners, who cannot be asked.",
			before: func(c commitFiles) { c["trunkline.yaml"] = "kind: [\n" },
			after: func(c commitFiles) {
				c["trunkline.yaml"] = firstCommit()["trunkline.yaml"]
				touch(c)
			},
			people: []policy.Person{ada}, want: []string{"deny not-evaluated"},
		},
		{
			reason: "Nor can they if nobody is known.",
			before: func(c commitFiles) { c["trunkline.yaml"] = "" },
			after:  func(c commitFiles) { c["trunkline.yaml"] = firstCommit()["trunkline.yaml"] },
			want:   []string{"deny not-evaluated"},
		},
		{
			reason: "Where there is no platform yet, nothing can be broken.",
			before: func(c commitFiles) { delete(c, "trunkline.yaml") },
			after:  func(c commitFiles) { c["trunkline.yaml"] = firstCommit()["trunkline.yaml"] },
			people: []policy.Person{eve}, unjudged: "what the change breaks, since the base declares no platform",
		},
		{
			reason: "A policy that the change takes away judges it.",
			before: func(c commitFiles) { c["policies.yaml"] = objectPolicy },
			after:  func(c commitFiles) { delete(c, "policies.yaml"); touch(c) }, people: []policy.Person{ada},
			want: []string{"deny policy/names", "deny ownership", "warn privilege-widened"},
		},
		{
			reason: "One that it brings does not, yet.",
			before: func(c commitFiles) { c["trunkline.yaml"] += governed },
			after:  func(c commitFiles) { c["policies.yaml"] = objectPolicy; touch(c) }, people: []policy.Person{ada},
		},
	} {
		t.Run(tc.reason, func(t *testing.T) {
			first := firstCommit()
			if tc.before != nil {
				tc.before(first)
			}
			next := maps.Clone(first)
			tc.after(next)
			base, err := Load(first.tree(), blueprints.FS)
			if err != nil {
				t.Fatal(err)
			}
			r := &stub{more: map[string][]string{"p1/prod@one": {"bad"}}}
			e := evaluated(t, next, r, func(in *Input) {
				in.Before, in.Changed, in.Change, in.Thorough = base, first.changed(next), &Change{People: tc.people}, true
			})
			if diff := cmp.Diff(tc.want, rulesOf(e.Problems())); diff != "" {
				t.Errorf("-want +got:\n%s\n%v", diff, e.Problems())
			}
			if got := strings.Join(e.Unjudged(), "; "); !strings.HasPrefix(got, tc.unjudged) || tc.unjudged == "" && got != "" {
				t.Errorf("not judged is %q, want %q", got, tc.unjudged)
			}
		})
	}
}

// dataset adds a project with a dataset of a schema.
func dataset(c commitFiles, schema string) {
	c["dev.yaml"] = strings.Replace(firstCommit()["dev.yaml"], "spec: {", "spec: {stores: {lake: s3://lake}, ", 1)
	c.project("b/data", "data", "job", "dev")
	c["b/data/project.yaml"] += "  datasets: [{name: d, version: \"1\", path: lake://d/, external: true, schema: d.json}]\n"
	c["b/data/d.json"] = schema
}

// TestHeadEnds: a context that ends ends the evaluation, and no half of it is returned.
func TestHeadEnds(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Head(ctx, Input{
		Tree: firstCommit().tree(), Library: blueprints.FS, Renderer: &stub{}, Now: now, OnDeclared: func(*catalog.Catalog) { cancel() },
	})
	if !errors.Is(err, context.Canceled) {
		t.Errorf("got %v", err)
	}
}

// TestRulesCountByDays: what was judged on one day is judged again on the next, also if nothing changes.
func TestRulesCountByDays(t *testing.T) {
	c := firstCommit()
	c["trunkline.yaml"] += "spec: {exceptions: [{rule: image-digest, reason: x, until: 2026-11-30}]}\n"
	first := evaluated(t, c, &stub{}, nil)
	later := evaluated(t, c, &stub{}, func(in *Input) { in.Before, in.Now = first, now.AddDate(0, 0, 3) })
	full := evaluated(t, c, &stub{}, func(in *Input) { in.Now = now.AddDate(0, 0, 3) })
	if diff := cmp.Diff(full.Problems(), later.Problems()); diff != "" {
		t.Errorf("-full +update:\n%s", diff)
	}
	if slices.Equal(rulesOf(first.Problems()), rulesOf(later.Problems())) {
		t.Errorf("an exception that has expired is not reported: %v, %v", first.Problems(), later.Problems())
	}
}
