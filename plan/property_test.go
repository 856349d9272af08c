// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/typed"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/ownership"
)

var names = []string{
	"ConfigMap a/x", "ConfigMap b/y", "Namespace a", "Namespace b", "Deployment a/d", "Widget a/w", "PersistentVolumeClaim a/p", "Job a/j",
	"CustomResourceDefinition widgets.acme.io", "Role a/r",
}

func desiredObjects() *rapid.Generator[[]*unstructured.Unstructured] {
	return rapid.Custom(func(t *rapid.T) []*unstructured.Unstructured {
		var out []*unstructured.Unstructured
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "names") {
			o := object(name, rapid.SampledFrom([]string{"1", "2"}).Draw(t, "content"))
			if rapid.Bool().Draw(t, "waves") {
				o = with(o, plan.WaveAnnotation, fmt.Sprint(rapid.IntRange(-1, 1).Draw(t, "wave")))
			}
			out = append(out, o)
		}
		return out
	})
}

func observedObjects() *rapid.Generator[[]plan.Observed] {
	return rapid.Custom(func(t *rapid.T) []plan.Observed {
		var out []plan.Observed
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "names") {
			o := seen(name, rapid.SampledFrom([]string{"1", "2"}).Draw(t, "content"), rapid.SampledFrom([]func(*plan.Observed){
				func(*plan.Observed) {}, deleting, foreign, unsettled, keep, letGo, edited, erased,
			}).Draw(t, "change"))
			out = append(out, o)
		}
		return out
	})
}

func inputs() *rapid.Generator[plan.Input] {
	return rapid.Custom(func(t *rapid.T) plan.Input {
		in := plan.Input{
			Desired: desiredObjects().Draw(t, "desired"), Observed: observedObjects().Draw(t, "observed"),
			Drift: plan.Drift{Correct: rapid.Bool().Draw(t, "correct")}, Applied: map[plan.Ref]plan.Applied{},
			Everything: rapid.Bool().Draw(t, "everything"),
		}
		if rapid.Bool().Draw(t, "ignore") {
			in.Drift.Ignore = []v1alpha1.DriftIgnore{{Fields: []string{".data"}}}
		}
		for _, name := range rapid.SliceOfDistinct(rapid.SampledFrom(names), rapid.ID).Draw(t, "applied") {
			in.Applied[ref(name)] = plan.Applied{
				Digest: digest(name, rapid.SampledFrom([]string{"1", "2"}).Draw(t, "digest")), Version: plan.Version(rapid.SampledFrom([]string{"9", "10", "11"}).Draw(t, "version")),
			}
		}
		return in
	})
}

func compute(t *rapid.T, in plan.Input) plan.Plan {
	p, err := plan.Compute(in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestSameInputSamePlan: shuffling what goes in changes nothing, and neither does asking twice.
func TestSameInputSamePlan(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := inputs().Draw(t, "in")
		before := compute(t, in)
		in.Desired = rapid.Permutation(in.Desired).Draw(t, "shuffled desired")
		in.Observed = rapid.Permutation(in.Observed).Draw(t, "shuffled observed")
		if diff := cmp.Diff(before, compute(t, in)); diff != "" {
			t.Fatalf("another order gives another plan:\n%s", diff)
		}
	})
}

// TestWhatIsDeleted: nothing is deleted that is declared, that the release does not have, or that says it stays.
func TestWhatIsDeleted(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := inputs().Draw(t, "in")
		p := compute(t, in)
		for _, step := range slices.Concat(p.Prune...) {
			i := slices.IndexFunc(in.Observed, func(o plan.Observed) bool { return o.Ref == step.Ref })
			declared := slices.ContainsFunc(in.Desired, func(o *unstructured.Unstructured) bool { return plan.RefOf(o) == step.Ref })
			if i < 0 || declared || in.Observed[i].Foreign || in.Observed[i].Prune == plan.PruneDisabled || step.UID != in.Observed[i].UID {
				t.Fatalf("%s is deleted; declared: %v", step.Ref, declared)
			}
			// A namespace takes all that is in it along.
			for _, o := range in.Observed {
				if step.Ref.Kind == "Namespace" && o.Ref.Namespace == step.Ref.Name && o.Prune == plan.PruneDisabled && !o.Deleting && !o.Foreign {
					t.Fatalf("%s is deleted, with %s in it, which says that it stays", step.Ref, o.Ref)
				}
			}
		}
	})
}

// TestEveryObjectOnce: each declared object is in the plan once, or unchanged.
func TestEveryObjectOnce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := inputs().Draw(t, "in")
		p := compute(t, in)
		count := map[plan.Ref]int{}
		for _, s := range slices.Concat(slices.Concat(p.Apply...), slices.Concat(p.Prune...), p.Rest) {
			if count[s.Ref]++; count[s.Ref] > 1 {
				t.Fatalf("%s is there twice: %v", s.Ref, text(p))
			}
		}
		unchanged := 0
		for _, o := range in.Desired {
			if count[plan.RefOf(o)] == 0 {
				unchanged++
			}
		}
		if unchanged != p.Unchanged {
			t.Fatalf("%d are not in the plan, %d are unchanged", unchanged, p.Unchanged)
		}
	})
}

// model is a cluster that does what a plan says, as an API server would.
type model struct {
	objects map[plan.Ref]plan.Observed
	version int
}

func (m *model) do(t *rapid.T, p plan.Plan) {
	for _, s := range slices.Concat(p.Apply...) {
		m.version++
		o := plan.Observed{
			Ref: s.Ref, UID: "new", Version: plan.Version(fmt.Sprint(m.version)), Digest: s.Digest, Settled: true,
			Owners: ownership.Owners{Ours: fieldsOf(t, s.Object)},
		}
		if before, ok := m.objects[s.Ref]; ok {
			o.UID, o.Prune = before.UID, before.Prune
			if !s.Force {
				o.Owners.Others = before.Owners.Others
			}
		}
		m.objects[s.Ref] = o
	}
	for _, s := range slices.Concat(p.Prune...) {
		delete(m.objects, s.Ref)
	}
}

func fieldsOf(t *rapid.T, o *unstructured.Unstructured) string {
	set := fieldpath.NewSet()
	for _, part := range []string{"data", "metadata"} {
		content := map[string]any{part: o.Object[part]}
		if part == "metadata" {
			content = map[string]any{part: map[string]any{"annotations": o.Object[part].(map[string]any)["annotations"]}}
		}
		v, err := typed.DeducedParseableType.FromUnstructured(content)
		if err != nil {
			t.Fatal(err)
		}
		more, err := v.ToFieldSet()
		if err != nil {
			t.Fatal(err)
		}
		set = set.Union(more)
	}
	data, err := set.ToJSON()
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

// TestPlansEnd: doing what the plans say leads to a state that needs nothing, in as many steps as
// there are waves.
func TestPlansEnd(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := inputs().Draw(t, "in")
		in.Applied = nil
		m := &model{objects: map[plan.Ref]plan.Observed{}, version: 100}
		for _, o := range in.Observed {
			if !o.Deleting { // it is gone by now
				m.objects[o.Ref] = o
			}
		}
		var p plan.Plan
		for range 5 {
			in.Observed = nil
			for _, o := range m.objects {
				o.Settled = true // given time
				in.Observed = append(in.Observed, o)
			}
			p = compute(t, in)
			m.do(t, p)
			in.Everything = false
		}
		if !p.Empty() || len(p.Blocked()) > 0 {
			t.Fatalf("there is no end to it: %v", text(p))
		}
		for _, o := range in.Desired {
			if m.objects[plan.RefOf(o)].Digest != digestOf(o) {
				t.Fatalf("%s is not as declared", plan.RefOf(o))
			}
		}
	})
}

// TestWavesWait: no object is applied while one of an earlier wave is not as declared and healthy.
func TestWavesWait(t *testing.T) {
	wave := func(o *unstructured.Unstructured) int {
		n := 0
		_, _ = fmt.Sscan(o.GetAnnotations()[plan.WaveAnnotation], &n)
		return n
	}
	rapid.Check(t, func(t *rapid.T) {
		in := inputs().Draw(t, "in")
		p := compute(t, in)
		acts := map[plan.Ref]bool{}
		for _, s := range slices.Concat(p.Apply...) {
			acts[s.Ref] = true
		}
		for _, a := range in.Desired {
			for _, b := range in.Desired {
				early, late := plan.RefOf(a), plan.RefOf(b)
				basic := early.Kind == "Namespace" || early.Kind == "CustomResourceDefinition" || late.Kind == "Namespace" || late.Kind == "CustomResourceDefinition"
				if wave(a) < wave(b) && acts[early] && acts[late] && !basic {
					t.Fatalf("%s is applied with %s, which is of an earlier wave", late, early)
				}
			}
		}
	})
}
