package plan_test

import (
	"fmt"
	"maps"
	"slices"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"k8s.io/apimachinery/pkg/types"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/reconciler/plan"
)

// names are all objects that the properties are about.
var names = []string{
	"CustomResourceDefinition widgets.acme.io", "Namespace a", "Namespace b", "ConfigMap a/x", "ConfigMap b/x", "Role a/x",
	"Deployment a/x", "Deployment b/x", "Widget a/x", "PersistentVolumeClaim b/x",
}

func drawInput(t *rapid.T) plan.Input {
	in := plan.Input{Applied: map[plan.Ref]string{}, Everything: rapid.Bool().Draw(t, "everything")}
	content := rapid.SampledFrom([]string{"one", "two"})
	for _, name := range names {
		if rapid.Bool().Draw(t, name+" is wanted") {
			in.Desired = append(in.Desired, object(name, content.Draw(t, "content")))
		}
		if rapid.Bool().Draw(t, name+" is there") {
			in.Members = append(in.Members, plan.Member{
				Ref: ref(name), UID: types.UID(name), Keep: rapid.Bool().Draw(t, "keep"), Deleting: rapid.Float64().Draw(t, "deleting") > 0.8,
			})
		}
		if rapid.Bool().Draw(t, name+" is known") {
			in.Applied[ref(name)] = digest(name, content.Draw(t, "applied"))
		}
	}
	return in
}

func compute(t *rapid.T, in plan.Input) plan.Plan {
	p, err := plan.Compute(in)
	if err != nil {
		t.Fatal(err)
	}
	return p
}

func TestPlanDependsOnItsInputOnly(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		before := fmt.Sprint(in)
		want := compute(t, in)
		if diff := cmp.Diff(want, compute(t, in)); diff != "" {
			t.Errorf("the same input gives another plan:\n%s", diff)
		}
		if after := fmt.Sprint(in); before != after {
			t.Errorf("the input was changed from\n%s\nto\n%s", before, after)
		}
		shuffled := in
		shuffled.Desired = rapid.Permutation(in.Desired).Draw(t, "desired")
		shuffled.Members = rapid.Permutation(in.Members).Draw(t, "members")
		if diff := cmp.Diff(want, compute(t, shuffled)); diff != "" {
			t.Errorf("another order gives another plan:\n%s", diff)
		}
	})
}

func TestPlanPrunesNothingElse(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		p := compute(t, in)
		stays := map[string]bool{} // namespaces
		wanted := map[plan.Ref]bool{}
		for _, o := range in.Desired {
			wanted[plan.RefOf(o)] = true
			stays[o.GetNamespace()] = true
		}
		for _, m := range in.Members {
			if m.Keep {
				stays[m.Ref.Namespace] = true
			}
		}
		for _, m := range slices.Concat(p.Prune...) {
			switch {
			case !slices.Contains(in.Members, m):
				t.Errorf("%s is pruned, and no member", m.Ref)
			case m.Keep:
				t.Errorf("%s is pruned, and must be kept", m.Ref)
			case wanted[m.Ref]:
				t.Errorf("%s is pruned, and wanted", m.Ref)
			case m.Ref.Kind == "Namespace" && stays[m.Ref.Name]:
				t.Errorf("%s is pruned, and holds what stays", m.Ref)
			}
		}
	})
}

// carryOut gives the state that a plan leads to: what is applied is there and known, what is pruned is gone with
// all that is in it, and what was being deleted is gone too.
func carryOut(in plan.Input, p plan.Plan) plan.Input {
	out := plan.Input{Desired: in.Desired, Applied: map[plan.Ref]string{}}
	gone, there := map[plan.Ref]bool{}, map[plan.Ref]bool{}
	for _, m := range slices.Concat(p.Prune...) {
		gone[m.Ref] = true
	}
	for _, m := range in.Members {
		if !m.Deleting && !gone[m.Ref] && !gone[ref("Namespace "+m.Ref.Namespace)] {
			out.Members = append(out.Members, m)
			there[m.Ref] = true
		}
	}
	maps.Copy(out.Applied, in.Applied)
	for _, a := range slices.Concat(p.Apply...) {
		out.Applied[a.Ref] = a.Digest
		if !there[a.Ref] {
			out.Members = append(out.Members, plan.Member{Ref: a.Ref})
		}
	}
	return out
}

func TestPlanLeadsToWhereNothingIsLeftToDo(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		in := drawInput(t)
		// What is known to be applied is there: the watch takes it off the list otherwise.
		there := map[plan.Ref]bool{}
		for i, m := range in.Members {
			// While an object that must be kept is being deleted all the same, its namespace waits for it.
			in.Members[i].Deleting = m.Deleting && !m.Keep
			there[m.Ref] = !in.Members[i].Deleting
		}
		for r := range in.Applied {
			if !there[r] {
				delete(in.Applied, r)
			}
		}
		after := carryOut(in, compute(t, in))
		if p := compute(t, after); !p.Empty() {
			t.Errorf("there is something left to do: %v", text(p))
		}
		var missing []string
		for _, o := range in.Desired {
			if !slices.ContainsFunc(after.Members, func(m plan.Member) bool { return m.Ref == plan.RefOf(o) }) {
				missing = append(missing, plan.RefOf(o).String())
			}
		}
		if diff := cmp.Diff([]string(nil), missing, cmpopts.EquateEmpty()); diff != "" {
			t.Errorf("not everything that is wanted is there:\n%s", diff)
		}
	})
}

func TestStagesOfAnyPlan(t *testing.T) {
	level := map[string]int{"CustomResourceDefinition": 0, "Namespace": 1, "ConfigMap": 2, "Role": 2, "PersistentVolumeClaim": 2, "Deployment": 3, "Widget": 3}
	rapid.Check(t, func(t *rapid.T) {
		p := compute(t, drawInput(t))
		last := -1
		for _, stage := range p.Apply {
			for i, a := range stage {
				if i == 0 && level[a.Ref.Kind] <= last || i > 0 && level[a.Ref.Kind] != last {
					t.Errorf("%s is applied out of order in %v", a.Ref, text(p))
				}
				last = level[a.Ref.Kind]
			}
		}
		last = 4
		for _, stage := range p.Prune {
			for i, m := range stage {
				if i == 0 && level[m.Ref.Kind] >= last || i > 0 && level[m.Ref.Kind] != last {
					t.Errorf("%s is pruned out of order in %v", m.Ref, text(p))
				}
				last = level[m.Ref.Kind]
			}
		}
	})
}
