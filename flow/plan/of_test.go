// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/plan"
)

const head = "apiVersion: trunkline.dev/v1alpha1\n"

// declared is a platform of two projects with lots.
var declared = map[string]string{
	"trunkline.yaml": head + "kind: Platform\nmetadata: {name: acme}\nspec: {roots: [.]}\n",
	"setup.yaml": head + "kind: Cluster\nmetadata: {name: one}\n---\n" +
		head + "kind: Environment\nmetadata: {name: prod}\nspec: {clusters: [one], stores: {lake: s3://prod}}\n---\n" +
		head + "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [one], stores: {lake: s3://dev}}\n---\n" +
		head + "kind: Environment\nmetadata: {name: test}\nspec: {clusters: [one], stores: {lake: s3://test}}\n",
	"orders.yaml": head + `kind: Project
metadata: {name: orders}
spec:
  owner: team
  image: ghcr.io/acme/orders:1
  environments: {prod: , dev: {workloads: {clean: {suspend: true}, sum: {exclude: true}}}}
  datasets:
    - {name: raw, version: "1", path: lake://orders/raw/, external: true, lots: {unit: hourly, since: "2026-03-01T00:00:00Z"}}
    - {name: clean, version: "2", path: lake://orders/clean/, retention: 90d, lots: {unit: hourly, since: "2026-03-02T00:00:00Z"}}
    - {name: sum, version: "1", path: lake://orders/sum/, lots: {unit: daily, since: "2026-03-02T00:00:00Z"}}
    - {name: countries, version: "1", path: lake://orders/countries/, external: true}
  workloads:
    - name: clean
      blueprint: container-job
      reads: {raw: raw@1, countries: countries@1, rates: {dataset: rates/fx@1, trigger: false}}
      writes: {clean: clean@2}
    - name: sum
      blueprint: container-job
      join: any
      reads: {clean: {dataset: clean@2, window: {lots: 24, offset: 2}}, raw: {dataset: raw@1, window: {lots: 24}}}
      writes: {sum: sum@1}
    - name: mail
      blueprint: container-job
      reads: {sum: sum@1}
`,
	"rates.yaml": head + `kind: Project
metadata: {name: rates}
spec:
  owner: team
  image: ghcr.io/acme/rates:1
  environments: {prod: , dev: , test: {workloads: {fetch: {suspend: true}, listen: {exclude: true}}}}
  datasets:
    - {name: ticks, version: "1", path: lake://rates/ticks/, lots: {unit: hourly, since: "2026-03-01T00:00:00Z"}}
    - {name: fx, version: "1", path: lake://rates/fx/, lots: {unit: daily, since: "2026-03-01T00:00:00Z"}}
  workloads:
    - {name: fetch, blueprint: cron-job, schedule: "0 6 * * *", writes: {fx: fx@1}}
    - {name: listen, blueprint: service, writes: {ticks: ticks@1}}
`,
}

func load(t *testing.T, files map[string]string) *catalog.Catalog {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	c, problems, err := catalog.Load(tree, blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatal(err, problems)
	}
	return c
}

func TestOf(t *testing.T) {
	c := load(t, declared)
	arcsOf := func(environment string) (out []plan.Arc) {
		g := plan.Of(c, environment)
		for _, id := range g.Arcs() {
			a, _ := g.Arc(id)
			out = append(out, a)
		}
		return out
	}
	cleanReads := []plan.Read{
		{Role: "rates", Series: "rates/fx@1", Lots: 1},
		{Role: "raw", Series: "orders/raw@1", Lots: 1, Trigger: true},
	}
	sumReads := []plan.Read{
		{Role: "clean", Series: "orders/clean@2", Lots: 24, Offset: 2, Trigger: true},
		{Role: "raw", Series: "orders/raw@1", Lots: 24, Trigger: true},
	}
	cases := map[string]struct {
		reason string
		env    string
		want   []plan.Arc
	}{
		"Prod": {"a dataset without lots is not waited for, and a workload that writes none has none", "prod", []plan.Arc{
			{ID: "orders/clean", Writes: []string{"orders/clean@2"}, Reads: cleanReads},
			{ID: "orders/sum", Writes: []string{"orders/sum@1"}, Reads: sumReads, Need: 1},
			{ID: "rates/fetch", Writes: []string{"rates/fx@1"}, Stop: plan.Scheduled, ByItself: true},
			{ID: "rates/listen", Writes: []string{"rates/ticks@1"}, Stop: plan.Steady, ByItself: true},
		}},
		"Dev": {"an environment decides what runs", "dev", []plan.Arc{
			{ID: "orders/clean", Writes: []string{"orders/clean@2"}, Reads: cleanReads, Stop: plan.Suspended},
			{ID: "orders/sum", Writes: []string{"orders/sum@1"}, Reads: sumReads, Need: 1, Stop: plan.Excluded},
			{ID: "rates/fetch", Writes: []string{"rates/fx@1"}, Stop: plan.Scheduled, ByItself: true},
			{ID: "rates/listen", Writes: []string{"rates/ticks@1"}, Stop: plan.Steady, ByItself: true},
		}},
		"Test": {"what runs by the clock does so also while it does not run", "test", []plan.Arc{
			{ID: "rates/fetch", Writes: []string{"rates/fx@1"}, Stop: plan.Suspended, ByItself: true},
			{ID: "rates/listen", Writes: []string{"rates/ticks@1"}, Stop: plan.Excluded, ByItself: true},
		}},
		"None": {"there is no such environment", "stage", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, arcsOf(tc.env), cmpopts.IgnoreFields(plan.Arc{}, "Digest")); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
	g := plan.Of(c, "prod")
	want := plan.Series{ID: "orders/clean@2", Unit: lot.Hourly, Since: epoch.AddDate(0, 0, 1), Retention: 90 * 24 * time.Hour}
	if got, _ := g.Series("orders/clean@2"); !cmp.Equal(want, got) {
		t.Error(cmp.Diff(want, got))
	}
	if got := g.Producer("orders/sum@1"); got != "orders/sum" {
		t.Errorf("orders/sum@1 is made by %q", got)
	}
}

// TestDigestsTellWorkloadsApart has a workload that changes be another, and no other.
func TestDigestsTellWorkloadsApart(t *testing.T) {
	digest := func(files map[string]string, id string) string {
		a, _ := plan.Of(load(t, files), "prod").Arc(id)
		return a.Digest
	}
	changed := maps.Clone(declared)
	changed["orders.yaml"] = declared["orders.yaml"] + "      size: mx.large\n" // of mail, which is the last
	if digest(declared, "orders/clean") == "" || digest(declared, "orders/clean") != digest(changed, "orders/clean") {
		t.Error("another workload has changed, and this one is not what it was")
	}
	changed["orders.yaml"] = strings.Replace(declared["orders.yaml"], "ghcr.io/acme/orders:1", "ghcr.io/acme/orders:2", 1)
	if digest(declared, "orders/clean") == digest(changed, "orders/clean") {
		t.Error("another image is the same workload")
	}
}

// TestInputs has each lot read the lots that its window says.
func TestInputs(t *testing.T) {
	cases := map[string]struct {
		reason    string
		mine      lot.Unit
		read      lot.Unit
		n, offset int
		lot       string
		want      []string
	}{
		"Same":      {"the lot itself", lot.Hourly, lot.Hourly, 1, 0, "20260302PT1H005", []string{"20260302PT1H005"}},
		"Around":    {"the coarser lot around it", lot.Hourly, lot.Daily, 1, 0, "20260302PT1H005", []string{"20260302P1D000"}},
		"Within":    {"the finer lots of it", lot.Hourly, lot.Fourths, 4, 0, "20260302PT1H001", []string{"20260302PT15M004", "20260302PT15M005", "20260302PT15M006", "20260302PT15M007"}},
		"Last":      {"the last of those", lot.Hourly, lot.Fourths, 1, 0, "20260302PT1H001", []string{"20260302PT15M007"}},
		"Back":      {"three that end with it", lot.Hourly, lot.Hourly, 3, 0, "20260302PT1H001", []string{"20260301PT1H023", "20260302PT1H000", "20260302PT1H001"}},
		"Offset":    {"the two before it", lot.Hourly, lot.Hourly, 2, 1, "20260302PT1H001", []string{"20260301PT1H023", "20260302PT1H000"}},
		"Days":      {"of coarser lots the one around it counts as the last", lot.Hourly, lot.Daily, 2, 1, "20260305PT1H001", []string{"20260303P1D000", "20260304P1D000"}},
		"Beginning": {"what begins before there is anything is left out", lot.Hourly, lot.Hourly, 3, 0, "20260301PT1H001", []string{"20260301PT1H000", "20260301PT1H001"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			g := plan.NewGraph([]plan.Series{{ID: "in", Unit: tc.read, Since: epoch}, {ID: "out", Unit: tc.mine, Since: epoch}},
				[]plan.Arc{{ID: "arc", Writes: []string{"out"}, Reads: []plan.Read{{Role: "in", Series: "in", Lots: tc.n, Offset: tc.offset, Trigger: true}}}})
			l, err := lot.ParseID(tc.lot)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, in := range g.Inputs("arc", l)["in"] {
				got = append(got, in.ID())
			}
			if !slices.Equal(tc.want, got) {
				t.Errorf("%s: %s", tc.reason, cmp.Diff(tc.want, got))
			}
		})
	}
}
