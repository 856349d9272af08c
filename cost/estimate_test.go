// SPDX-License-Identifier: Apache-2.0

package cost_test

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math/big"
	"math/rand/v2"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/render"
)

// several returns a platform of two projects of one team and one of another, on two clusters with different currencies.
func several() files {
	f := acme().with(files{
		"two.yaml": head + "kind: Cluster\nmetadata: {name: two}\nspec: {rates: {currency: EUR, cpu: \"2\", memory: \"0.3\"}}\n",
		"dev.yaml": head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [one, two]}\n",
	})
	for i, owner := range []string{"team-a", "team-a", "team-b"} {
		name := fmt.Sprintf("p%d", i)
		f[name+"/project.yaml"] = head + "kind: Project\nmetadata: {name: " + name + "}\nspec: {owner: " + owner +
			", environments: [prod, dev], workloads: [{name: w0, blueprint: kustomize, params: {path: .}}, {name: w1, blueprint: kustomize, typicalDuration: 7m, params: {path: .}}]}\n"
	}
	return f
}

// drawObjects makes objects of a release.
func drawObjects(t *rapid.T) (list []*unstructured.Unstructured) {
	for i := range rapid.IntRange(0, 4).Draw(t, "objects") {
		pod := map[string]any{"containers": []any{map[string]any{"name": "c", "resources": map[string]any{"requests": map[string]any{
			"cpu":    fmt.Sprintf("%dm", rapid.IntRange(0, 9999).Draw(t, "cpu")),
			"memory": fmt.Sprintf("%d", rapid.Int64Range(0, 1<<40).Draw(t, "memory")),
		}}}}}
		o := &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "apps/v1", "kind": "Deployment", "spec": map[string]any{
				"replicas": rapid.Int64Range(0, 50).Draw(t, "replicas"), "template": map[string]any{"spec": pod},
			},
		}}
		if rapid.Bool().Draw(t, "cron") {
			o.Object = map[string]any{"apiVersion": "batch/v1", "kind": "CronJob", "spec": map[string]any{
				"schedule": "7 * * * *", "jobTemplate": map[string]any{"spec": map[string]any{"template": map[string]any{"spec": pod}}},
			}}
		}
		o.SetName(fmt.Sprintf("o%d", i))
		o.SetLabels(map[string]string{render.LabelWorkload: rapid.SampledFrom([]string{"w0", "w1"}).Draw(t, "workload")})
		list = append(list, o)
	}
	return list
}

// rendered are the objects of all releases.
type rendered map[catalog.ReleaseID][]*unstructured.Unstructured

func drawRendered(t *rapid.T, cat *catalog.Catalog) rendered {
	out := rendered{}
	for rel := range cat.Releases() {
		out[rel.ID] = drawObjects(t)
	}
	return out
}

// estimate estimates what the objects cost; those of the releases that are the same are not asked for.
func (r rendered) estimate(t rapid.TB, cat *catalog.Catalog, terms cost.Terms, before *cost.Estimate, same map[catalog.ReleaseID]bool) *cost.Estimate {
	terms.Now = now
	e, err := cost.Of(context.Background(), cat, terms, func(yield func(cost.Subject) bool) {
		for rel := range cat.Releases() {
			list, there := r[rel.ID]
			if !there {
				continue
			}
			objects := func() ([]*unstructured.Unstructured, error) {
				if same[rel.ID] {
					t.Errorf("%s is the same, and its objects were asked for", rel.ID)
				}
				return list, nil
			}
			if !yield(cost.Subject{Release: &rel, Objects: objects, Same: same[rel.ID]}) {
				return
			}
		}
	}, before)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

// sums are all that an estimate comes to.
func sums(e *cost.Estimate) any {
	out := map[string][]string{"total": {e.Total().Text("USD")}}
	for _, g := range cost.Groups() {
		for _, part := range e.By(g) {
			out[string(g)] = append(out[string(g)], fmt.Sprint(part.Name, " ", exactly(part.Monthly), " ", part.Missing))
		}
	}
	for _, r := range e.Releases() {
		out["releases"] = append(out["releases"], fmt.Sprint(r.ID, exactly(r.Monthly), r.Missing))
	}
	return out
}

// exactly is a sum to the last digit.
func exactly(s cost.Sum) (out []string) {
	for _, m := range s.Parts() {
		out = append(out, m.Amount().RatString()+" "+m.Currency())
	}
	return out
}

// TestSumsAddUp: the parts of each group, and the workloads of all releases, come to the whole, exactly and in each currency.
func TestSumsAddUp(t *testing.T) {
	cat := several().catalog(t)
	rapid.Check(t, func(t *rapid.T) {
		e := drawRendered(t, cat).estimate(t, cat, cost.Terms{Lines: true}, nil, nil)
		var releases, workloads, lines cost.Sum
		for _, r := range e.Releases() {
			releases = releases.Add(r.Monthly)
			for _, w := range r.Workloads {
				workloads = workloads.Add(w.Monthly)
				for _, l := range w.Lines {
					lines = lines.Add(cost.SumOf(l.Amount))
				}
			}
		}
		all := map[string]cost.Sum{"releases": releases, "workloads": workloads, "lines": lines}
		for _, g := range cost.Groups() {
			for _, part := range e.By(g) {
				all[string(g)] = all[string(g)].Add(part.Monthly)
			}
		}
		for of, sum := range all {
			if !sum.Equal(e.Total()) {
				t.Errorf("the %s come to %v, and the whole is %v", of, exactly(sum), exactly(e.Total()))
			}
		}
	})
}

// TestOrderDoesNotMatter: the order of the objects of a release changes nothing.
func TestOrderDoesNotMatter(t *testing.T) {
	cat := several().catalog(t)
	rapid.Check(t, func(t *rapid.T) {
		r := drawRendered(t, cat)
		shuffled := rendered{}
		random := rand.New(rand.NewPCG(rapid.Uint64().Draw(t, "seed"), 1))
		for id, list := range r {
			list = slices.Clone(list)
			random.Shuffle(len(list), func(i, j int) { list[i], list[j] = list[j], list[i] })
			shuffled[id] = list
		}
		a, b := r.estimate(t, cat, cost.Terms{}, nil, nil), shuffled.estimate(t, cat, cost.Terms{}, nil, nil)
		if diff := cmp.Diff(sums(a), sums(b)); diff != "" {
			t.Errorf("(-one order +another):\n%s", diff)
		}
		if d := cost.Compare(a, b, nil); !d.IsZero() || !d.Difference().IsZero() {
			t.Errorf("the same in another order makes a difference: %v", told(d))
		}
	})
}

// TestUpdateIsWhole: an estimate from the one before is the one that is made from nothing, and only what changed is asked for.
func TestUpdateIsWhole(t *testing.T) {
	cat := several().catalog(t)
	rapid.Check(t, func(t *rapid.T) {
		was := drawRendered(t, cat)
		before := was.estimate(t, cat, cost.Terms{}, nil, nil)
		is, same := rendered{}, map[catalog.ReleaseID]bool{}
		for _, id := range slices.SortedFunc(maps.Keys(was), catalog.ReleaseID.Compare) {
			switch rapid.IntRange(0, 3).Draw(t, "what becomes of it") {
			case 0:
				is[id] = drawObjects(t)
			case 1: // it is removed
			default:
				is[id], same[id] = was[id], true
			}
		}
		updated, whole := is.estimate(t, cat, cost.Terms{}, before, same), is.estimate(t, cat, cost.Terms{}, nil, nil)
		if diff := cmp.Diff(sums(whole), sums(updated)); diff != "" {
			t.Errorf("(-whole +updated):\n%s", diff)
		}
		d, other := cost.Compare(before, updated, nil), cost.Compare(before, whole, nil)
		if diff := cmp.Diff(told(other), told(d)); diff != "" {
			t.Errorf("differences (-whole +updated):\n%s", diff)
		}
		var parts cost.Sum
		for _, c := range d.By(cost.ByOwner) {
			parts = parts.Add(c.Difference())
		}
		if !parts.Equal(d.Difference()) {
			t.Errorf("the owners' differences come to %v, and the whole is %v", exactly(parts), exactly(d.Difference()))
		}
	})
}

// TestUpdateAsksAgain: what is the same is estimated again for another month, and when more is known of its runs.
func TestUpdateAsksAgain(t *testing.T) {
	f := flow(`{name: w, blueprint: container-job, timeout: 30m, reads: {raw: raw@1}, writes: {clean: clean@1}}`)
	cat := f.catalog(t)
	same := func(terms cost.Terms, before *cost.Estimate) string {
		terms.Now, terms.Lines = now, true
		e, err := cost.Of(t.Context(), cat, terms, func(yield func(cost.Subject) bool) {
			for s := range subjects(cat) {
				s.Same = true
				yield(s)
			}
		}, before)
		if err != nil {
			t.Fatal(err)
		}
		return e.Total().Text("USD")
	}
	known := cost.Terms{Typical: map[cost.WorkloadID]time.Duration{typical(): 6 * time.Minute}}
	first := estimate(t, f, known)
	for _, tc := range []struct {
		reason string
		terms  cost.Terms
		want   string
	}{
		{"720 times six minutes, as before", known, "72.00 USD"},
		{"it is not known any more how long they take", cost.Terms{}, "0.00 USD"},
		{"720 times twelve minutes", cost.Terms{Typical: map[cost.WorkloadID]time.Duration{typical(): 12 * time.Minute}}, "144.00 USD"},
		{"744 times six minutes", cost.Terms{Typical: known.Typical, Month: cost.Month{Year: 2026, Month: time.December}}, "74.40 USD"},
	} {
		if got := same(tc.terms, first); got != tc.want {
			t.Errorf("%s: %s, want %s", tc.reason, got, tc.want)
		}
	}
}

func TestOfEnds(t *testing.T) {
	cat := several().catalog(t)
	ctx, cancel := context.WithCancelCause(t.Context())
	boom := errors.New("boom")
	cancel(boom)
	if _, err := cost.Of(ctx, cat, cost.Terms{Now: now}, subjects(cat), nil); !errors.Is(err, boom) {
		t.Errorf("got %v, want what ended the context", err)
	}
}

func TestByIsLargestFirst(t *testing.T) {
	cat := several().catalog(t)
	deployment := func(cores int64) []*unstructured.Unstructured {
		o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "spec": map[string]any{"template": map[string]any{
			"spec": map[string]any{"containers": []any{map[string]any{"name": "c", "resources": map[string]any{"requests": map[string]any{"cpu": cores, "memory": int64(0)}}}}},
		}}}}
		o.SetLabels(map[string]string{render.LabelWorkload: "w0"})
		return []*unstructured.Unstructured{o}
	}
	id := func(project, env, cluster string) catalog.ReleaseID {
		return catalog.ReleaseID{Project: project, Environment: env, Cluster: cluster}
	}
	e := rendered{
		id("p0", "prod", "one"): deployment(1), id("p1", "prod", "one"): deployment(3), id("p1", "dev", "one"): nil,
		id("p2", "dev", "two"): deployment(2), id("p2", "dev", "one"): deployment(2),
	}.estimate(t, cat, cost.Terms{}, nil, nil)
	texts := func(g cost.Group) (out []string) {
		for _, p := range e.By(g) {
			out = append(out, p.Name+" "+p.Monthly.Text("USD"))
		}
		return out
	}
	want := map[cost.Group][]string{
		cost.ByProject:     {"p1 2160.00 USD", "p2 2880.00 EUR + 1440.00 USD", "p0 720.00 USD"},
		cost.ByEnvironment: {"prod 2880.00 USD", "dev 2880.00 EUR + 1440.00 USD"},
		cost.ByOwner:       {"team-a 2880.00 USD", "team-b 2880.00 EUR + 1440.00 USD"},
		cost.ByCluster:     {"one 4320.00 USD", "two 2880.00 EUR"},
		cost.ByRelease: {
			"p1/prod@one 2160.00 USD", "p2/dev@one 1440.00 USD", "p0/prod@one 720.00 USD", "p2/dev@two 2880.00 EUR", "p1/dev@one 0.00 USD",
		},
		cost.ByWorkload: {"p1/prod@one w0 2160.00 USD", "p2/dev@one w0 1440.00 USD", "p0/prod@one w0 720.00 USD", "p2/dev@two w0 2880.00 EUR"},
	}
	got := map[cost.Group][]string{}
	for _, g := range cost.Groups() {
		if want[g] != nil {
			got[g] = texts(g)
		}
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if in := e.In("p2", "dev"); in.Monthly.Text("USD") != "2880.00 EUR + 1440.00 USD" {
		t.Errorf("p2 in dev costs %s", in.Monthly.Text("USD"))
	}
}

func TestMoney(t *testing.T) {
	amount := func(text string) *big.Rat {
		r, ok := new(big.Rat).SetString(text)
		if !ok {
			t.Fatal(text)
		}
		return r
	}
	money := func(text, currency string) cost.Money { return cost.NewMoney(amount(text), currency) }
	for _, tc := range []struct{ reason, got, want string }{
		{"half a cent is rounded up", money("0.005", "USD").String(), "0.01 USD"},
		{"and down below zero", money("-0.005", "USD").String(), "-0.01 USD"},
		{"what rounds to nothing has no sign", money("-0.001", "USD").String(), "0.00 USD"},
		{"thirds are exact until they are written", cost.SumOf(money("1/3", "EUR"), money("2/3", "EUR")).Text("EUR"), "1.00 EUR"},
		{"currencies are kept apart", cost.SumOf(money("1", "USD"), money("2", "EUR"), money("3", "USD")).Text("USD"), "2.00 EUR + 4.00 USD"},
		{"nothing is nothing in some currency", cost.SumOf(money("1", "USD"), money("-1", "USD")).Text("EUR"), "0.00 EUR"},
		{"a price of nothing is nothing", cost.SumOf(money("0", "USD")).Text("EUR"), "0.00 EUR"},
		{"the zero value is nothing", cost.Money{}.Decimal(2), "0.00"},
	} {
		if tc.got != tc.want {
			t.Errorf("%s: got %s, want %s", tc.reason, tc.got, tc.want)
		}
	}
	r := amount("1")
	m := cost.NewMoney(r, "USD")
	r.SetInt64(7)
	m.Amount().SetInt64(8)
	if m.String() != "1.00 USD" {
		t.Errorf("an amount was changed from outside: %s", m)
	}
}

func TestMonth(t *testing.T) {
	for text, hours := range map[string]int64{"2026-11": 720, "2027-02": 672, "2028-02": 696, "2026-12": 744} {
		m, err := cost.ParseMonth(text)
		if err != nil || m.Hours() != hours || m.String() != text {
			t.Errorf("%s has %d hours, want %d: %v %v", text, m.Hours(), hours, m, err)
		}
	}
	for _, wrong := range []string{"", "2026-13", "11-2026", "2026-11-01"} {
		if m, err := cost.ParseMonth(wrong); err == nil {
			t.Errorf("%q was read as %v", wrong, m)
		}
	}
	if got := cost.MonthOf(time.Date(2026, 12, 1, 0, 30, 0, 0, time.FixedZone("", 3600))); got.String() != "2026-11" {
		t.Errorf("a month is that of UTC, and not %v", got)
	}
}
