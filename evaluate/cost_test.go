// SPDX-License-Identifier: Apache-2.0

package evaluate

import (
	"context"
	"fmt"
	"io/fs"
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
	lots "trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/render"
)

// rates are those of the platforms here: a core costs 720 dollars in a month of 720 hours.
const rates = "rates: {cpu: \"1\", memory: \"0\", storage: \"0\"}"

// costly is a platform with two services, and an arc that reads the dataset of another project.
func costly() commitFiles {
	project := func(name, rest string) string {
		return declarationHead + "kind: Project\nmetadata: {name: " + name + "}\nspec: {owner: team, environments: [prod], image: i, " + rest + "}\n"
	}
	return commitFiles{
		"trunkline.yaml": declarationHead + "kind: Platform\nmetadata: {name: acme}\nspec: {" + rates + ", rules: {image-digest: off}}\n",
		"one.yaml":       declarationHead + "kind: Cluster\nmetadata: {name: one}\n",
		"prod.yaml":      declarationHead + "kind: Environment\nmetadata: {name: prod}\nspec: {clusters: [one], stores: {lake: s3://lake}, lots: {manifests: \"s3://manifests/<project>/\"}}\n",
		"a/p.yaml":       project("a", "workloads: [{name: w, blueprint: service, size: mx.medium}]"),
		"b/p.yaml":       project("b", "workloads: [{name: w, blueprint: service, size: mx.medium}]"),
		"raw/p.yaml":     project("raw", "datasets: [{name: raw, version: \"1\", path: lake://raw/, external: true, lots: {unit: daily, since: \"2026-01-01T00:00:00Z\"}}]"),
		"arc/p.yaml": project("arc", "datasets: [{name: out, version: \"1\", path: lake://out/, lots: {unit: daily, since: \"2026-01-01T00:00:00Z\"}}], "+
			"workloads: [{name: w, blueprint: container-job, size: mx.medium, typicalDuration: 1h, reads: {raw: {dataset: raw/raw@1, window: {lots: 1}}}, writes: {out: out@1}}]"),
	}
}

// edit returns the files with another text in one of them.
func (c commitFiles) edit(t *testing.T, name, old, other string) commitFiles {
	t.Helper()
	out := maps.Clone(c)
	if strings.Count(c[name], old) != 1 {
		t.Fatalf("%s does not hold %q once:\n%s", name, old, c[name])
	}
	out[name] = strings.Replace(c[name], old, other, 1)
	return out
}

// evaluated evaluates files, as a change of others if there are some.
func (c commitFiles) evaluated(t *testing.T, before *Evaluation, was commitFiles, renderer Renderer) *Evaluation {
	t.Helper()
	in := Input{Tree: c.tree(), Library: blueprints.FS, Renderer: renderer, Now: now, Thorough: true, Before: before, Cost: &cost.Terms{Now: now}}
	if before != nil {
		in.Changed, in.Change = was.changed(c), &Change{}
	}
	e, err := Head(t.Context(), in)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func broken(e *Evaluation) (out []string) {
	for _, p := range e.Problems() {
		if p.Rule == policy.RuleBudget {
			out = append(out, string(p.Severity)+" "+p.Message)
		}
	}
	return out
}

// TestCostOfAChange: what a head costs is the same whether it is evaluated as a change or from nothing, whatever the change
// is in, and only what it is in is estimated again.
func TestCostOfAChange(t *testing.T) {
	was := costly()
	for name, tc := range map[string]struct {
		reason string
		is     commitFiles
		before string
		want   string
		again  int
	}{
		"Nothing":  {"two services and thirty hours", was, "1470.00 USD", "1470.00 USD", 0},
		"Project":  {"a service more", was.edit(t, "a/p.yaml", "size: mx.medium", "size: mx.large"), "1470.00 USD", "2190.00 USD", 1},
		"Typical":  {"renders to the same and takes longer", was.edit(t, "arc/p.yaml", "1h", "2h"), "1470.00 USD", "1470.00 USD", 1},
		"Timeout":  {"and may", was.edit(t, "arc/p.yaml", "1h", "2h, timeout: 3h"), "1470.00 USD", "1500.00 USD", 1},
		"Lots":     {"of the dataset that is written", was.edit(t, "arc/p.yaml", "daily", "hourly"), "1470.00 USD", "2160.00 USD", 1},
		"Rates":    {"of the platform", was.edit(t, "trunkline.yaml", `cpu: "1"`, `cpu: "2"`), "1470.00 USD", "2940.00 USD", 4},
		"Cluster":  {"of the cluster", was.edit(t, "one.yaml", "{name: one}", "{name: one}\nspec: {rates: {cpu: \"3\"}}"), "1470.00 USD", "4410.00 USD", 4},
		"Currency": {"of the platform", was.edit(t, "trunkline.yaml", `cpu: "1"`, `currency: EUR, cpu: "1"`), "1470.00 USD", "1470.00 EUR", 4},
	} {
		t.Run(name, func(t *testing.T) {
			renderer := render.New(blueprints.FS)
			before := was.evaluated(t, nil, nil, renderer)
			changed, whole := tc.is.evaluated(t, before, was, renderer), tc.is.evaluated(t, nil, nil, renderer)
			got := []string{before.Cost().Total().Text("USD"), changed.Cost().Total().Text("USD"), whole.Cost().Total().Text("USD")}
			if diff := cmp.Diff([]string{tc.before, tc.want, tc.want}, got); diff != "" {
				t.Errorf("%s (-want +got: before, as a change, from nothing):\n%s", tc.reason, diff)
			}
			again := 0
			for _, r := range changed.Cost().Releases() {
				if old, ok := before.Cost().Release(r.ID); !ok || old != r {
					again++
				}
			}
			if again != tc.again {
				t.Errorf("%s: %d releases are estimated again, want %d", tc.reason, again, tc.again)
			}
		})
	}
}

// TestCostOfLots: what a merge has computed is what it costs, lot by lot.
func TestCostOfLots(t *testing.T) {
	was := costly()
	renderer := render.New(blueprints.FS)
	before := was.evaluated(t, nil, nil, renderer)
	for name, tc := range map[string]struct {
		reason, old, other, want string
	}{
		"Backfill":  {"Ten days earlier, an hour each.", "2026-01-01", "2025-12-22", "10 10.00 USD"},
		"Retention": {"What is not kept any more is not computed.", `since: "2026-01-01T00:00:00Z"}`, `since: "2025-12-22T00:00:00Z"}, retention: 1d`, ""},
		"Suspended": {"Nor is what is kept from starting.", `since: "2026-01-01T00:00:00Z"}}], workloads: [{`, `since: "2025-12-22T00:00:00Z"}}], workloads: [{suspend: true, `, ""},
	} {
		t.Run(name, func(t *testing.T) {
			is := was.edit(t, "arc/p.yaml", tc.old, tc.other).edit(t, "raw/p.yaml", "2026-01-01", "2025-01-01")
			head := is.evaluated(t, before, was, renderer)
			d, known := Costs(before, head, lots.Merge(before.Catalog(), head.Catalog(), now))
			if !known {
				t.Fatal("it is not known")
			}
			got := ""
			for _, o := range d.Once {
				got += fmt.Sprintf("%d %s", o.Runs, o.Amount.Text("USD"))
			}
			if got != tc.want {
				t.Errorf("%s\ngot  %s\nwant %s", tc.reason, got, tc.want)
			}
		})
	}
}

// TestLotsTakeWhatTheyUsuallyDo: how long lots take is declared, or known of the runs before.
func TestLotsTakeWhatTheyUsuallyDo(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, declared string
		known            time.Duration
		want             time.Duration
	}{
		"Declared": {"What is declared counts,", ", typicalDuration: 1h", 6 * time.Minute, time.Hour},
		"Known":    {"and what the runs before took where nothing is.", "", 6 * time.Minute, 6 * time.Minute},
		"Unknown":  {"Nobody knows.", "", 0, 0},
	} {
		t.Run(name, func(t *testing.T) {
			was := costly().edit(t, "arc/p.yaml", ", typicalDuration: 1h", tc.declared)
			is := was.edit(t, "arc/p.yaml", "2026-01-01", "2025-12-22").edit(t, "raw/p.yaml", "2026-01-01", "2025-01-01")
			renderer := render.New(blueprints.FS)
			before, head := was.evaluated(t, nil, nil, renderer), is.evaluated(t, nil, nil, renderer)
			known := map[cost.WorkloadID]time.Duration{}
			if tc.known > 0 {
				known[cost.WorkloadID{ReleaseID: catalog.ReleaseID{Project: "arc", Environment: "prod", Cluster: "one"}, Workload: "w"}] = tc.known
			}
			head, err := head.Priced(t.Context(), cost.Terms{Now: now, Typical: known}, nil)
			if err != nil {
				t.Fatal(err)
			}
			merged, err := Merge(before, head, now)
			if err != nil || len(merged.Lots.Compute) != 1 {
				t.Fatalf("%v, %v", merged.Lots, err)
			}
			if got := merged.Lots.Compute[0].Each; got != tc.want {
				t.Errorf("%s got %v, want %v", tc.reason, got, tc.want)
			}
		})
	}
}

func TestBudgets(t *testing.T) {
	budget := func(c commitFiles, budget string) commitFiles {
		return c.edit(t, "prod.yaml", "spec: {", "spec: {budget: "+budget+", ")
	}
	larger := func(c commitFiles) commitFiles { return c.edit(t, "a/p.yaml", "size: mx.medium", "size: mx.large") }
	const over = `deny the project "a" would cost 1440.00 USD a month in "prod", where a project may cost 1000.00 USD`
	for name, tc := range map[string]struct {
		reason   string
		was, is  commitFiles
		want     []string
		unjudged []string
	}{
		"Within": {reason: "what is within is fine", is: budget(costly(), `{perProject: "720", monthly: "1470"}`)},
		"Above":  {reason: "what is above is not", is: larger(budget(costly(), `{perProject: "1000"}`)), want: []string{over}},
		"All": {
			reason: "neither are all together", is: budget(costly(), `{monthly: "1469.99"}`),
			want: []string{`deny the environment "prod" would cost 1470.00 USD a month; its budget is 1469.99 USD`},
		},
		"Dearer": {
			reason: "a change that exceeds it is refused", was: budget(costly(), `{perProject: "1000"}`), is: larger(budget(costly(), `{perProject: "1000"}`)),
			want: []string{over},
		},
		"Other": {
			reason: "a change of something else is not", was: larger(budget(costly(), `{perProject: "1000"}`)),
			is: larger(budget(costly(), `{perProject: "1000"}`)).edit(t, "b/p.yaml", "mx.medium", "mx.small"),
		},
		"Lowered": {
			reason: "a change that lowers a budget below what is spent is", was: larger(budget(costly(), `{perProject: "2000"}`)), is: larger(budget(costly(), `{perProject: "1000"}`)),
			want: []string{over},
		},
		"Incomplete": {
			reason: "what is not estimated is said", is: budget(costly(), `{perProject: "1000"}`).edit(t, "arc/p.yaml", "typicalDuration: 1h, ", ""),
			unjudged: []string{`what is not estimated in "prod" against its budget ("trunkline cost" lists it: 1)`},
		},
		"Currency": {
			reason: "so is what is in another currency", is: budget(costly(), `{perProject: "1000"}`).edit(t, "one.yaml", "{name: one}", "{name: one}\nspec: {rates: {currency: EUR, cpu: \"1\", memory: \"0\"}}"),
			unjudged: []string{`1470.00 EUR a month in "prod" against its budget, which is in USD`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			renderer := render.New(blueprints.FS)
			var before *Evaluation
			if tc.was != nil {
				before = tc.was.evaluated(t, nil, nil, renderer)
			}
			got := tc.is.evaluated(t, before, tc.was, renderer)
			if diff := cmp.Diff(tc.want, broken(got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			var unjudged []string
			for _, what := range got.Unjudged() {
				if what != "whether an owner made or approved the change, since it is not known who did" {
					unjudged = append(unjudged, what)
				}
			}
			if diff := cmp.Diff(tc.unjudged, unjudged); diff != "" {
				t.Errorf("%s: unjudged (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// renderNothing is a renderer that fails a test which it is asked in.
type renderNothing struct{ t *testing.T }

func (r renderNothing) Render(_ context.Context, _ fs.FS, rel catalog.Release) (render.Result, error) {
	r.t.Errorf("%s is rendered", rel.ID)
	return render.Result{Objects: []*unstructured.Unstructured{}}, nil
}

// TestBudgetsNeedObjects: where there is a budget, what it is about is rendered, and nothing is passed on before it is judged.
func TestBudgetsNeedObjects(t *testing.T) {
	in := func(c commitFiles, renderer Renderer, passed *int) Input {
		return Input{
			Tree: c.tree(), Library: blueprints.FS, Renderer: renderer, Now: now, Cost: &cost.Terms{Now: now},
			Want: func(catalog.ReleaseID) bool { return false }, OnRendered: func(catalog.Release, Rendered) { *passed++ },
		}
	}
	passed := 0
	if _, err := Head(t.Context(), in(costly(), renderNothing{t}, &passed)); err != nil {
		t.Fatal(err)
	}
	e, err := Head(t.Context(), in(costly().edit(t, "prod.yaml", "spec: {", `spec: {budget: {monthly: "1"}, `), render.New(blueprints.FS), &passed))
	if err != nil {
		t.Fatal(err)
	}
	if passed > 0 {
		t.Errorf("%d releases were passed on before the budget was known to be kept", passed)
	}
	if !e.Denied() || len(e.Cost().Releases()) != 4 {
		t.Errorf("the budget is not held: %v", e.Problems())
	}
}
