// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"fmt"
	"maps"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/plan"
)

// TestMerge is what merging makes of the lots that are declared, at ten past noon of the third day.
func TestMerge(t *testing.T) {
	now := epoch.AddDate(0, 0, 2).Add(12*time.Hour + 10*time.Minute)
	orders := func(pairs ...string) func(map[string]string) {
		return func(files map[string]string) {
			for i := 0; i < len(pairs); i += 2 {
				if !strings.Contains(files["orders.yaml"], pairs[i]) {
					t.Fatalf("there is no %q", pairs[i])
				}
				files["orders.yaml"] = strings.ReplaceAll(files["orders.yaml"], pairs[i], pairs[i+1])
			}
		}
	}
	const since = `retention: 90d, lots: {unit: hourly, since: "2026-03-02T00:00:00Z"}`
	cases := map[string]struct {
		reason string
		change func(map[string]string)
		want   []string
	}{
		"Nothing": {"what was declared is not computed again", func(map[string]string) {}, nil},
		"Back": {
			"exactly the new lots; also those of the day, whose window was not whole",
			orders(since, strings.Replace(since, "03-02T", "03-01T", 1), `name: sum, version: "1", path: lake://orders/sum/, lots: {unit: daily, since: "2026-03-02`, `name: sum, version: "1", path: lake://orders/sum/, lots: {unit: daily, since: "2026-03-01`),
			[]string{
				"prod orders/clean computes 24 from 20260301PT1H000 to 20260301PT1H023", "prod orders/sum computes 1 from 20260301P1D000 to 20260301P1D000",
			},
		},
		"Forward": {"the lots before stay, and are nobody's", orders(since, strings.Replace(since, "03-02T00", "03-02T05", 1)), []string{
			"dev orders/clean@2 loses 5 from 20260302PT1H000 to 20260302PT1H004: before its first lot",
			"prod orders/clean@2 loses 5 from 20260302PT1H000 to 20260302PT1H004: before its first lot",
		}},
		"Version": {"a new version is all of it, and the old one is nobody's", orders(`{name: clean, version: "2"`, `{name: clean, version: "3"`, "clean@2", "clean@3"), []string{
			"prod orders/clean computes 36 from 20260302PT1H000 to 20260303PT1H011",
			"dev orders/clean@2 loses 36 from 20260302PT1H000 to 20260303PT1H011: not declared any more",
			"prod orders/clean@2 loses 36 from 20260302PT1H000 to 20260303PT1H011: not declared any more",
		}},
		"Arc": {"a new arc on old data, which says how long it takes", orders("  workloads:\n", `    - {name: more, version: "1", path: lake://orders/more/, lots: {unit: hourly, since: "2026-02-01T00:00:00Z"}}
  workloads:
    - {name: more, blueprint: container-job, typicalDuration: 30m, reads: {raw: raw@1}, writes: {more: more@1}}
`), []string{
			"prod orders/more computes 60 from 20260301PT1H000 to 20260303PT1H011 in 30h0m0s",
			"dev orders/more computes 60 from 20260301PT1H000 to 20260303PT1H011 in 30h0m0s",
			"prod orders/more@1 never has 672 from 20260201PT1H000 to 20260228PT1H023: orders/raw@1 begins with 20260301PT1H000",
			"dev orders/more@1 never has 672 from 20260201PT1H000 to 20260228PT1H023: orders/raw@1 begins with 20260301PT1H000",
		}},
		"TooEarly": {
			"what was moved back before its inputs is said; of inputs of which one will do, the first to begin decides",
			orders(`name: sum, version: "1", path: lake://orders/sum/, lots: {unit: daily, since: "2026-03-02`, `name: sum, version: "1", path: lake://orders/sum/, lots: {unit: daily, since: "2026-02-27`),
			[]string{
				"prod orders/sum computes 1 from 20260301P1D000 to 20260301P1D000",
				"prod orders/sum@1 never has 2 from 20260227P1D000 to 20260228P1D000: orders/raw@1 begins with 20260301PT1H000",
			},
		},
		"Expires": {
			"what is not kept any more is removed where the environment says so: what ended two days before, of what there was",
			func(files map[string]string) {
				files["setup.yaml"] = strings.Replace(files["setup.yaml"], "s3://prod}", `s3://prod}, lots: {manifests: "s3://m/<project>/", retention: {enforce: true, perDay: 7}}`, 1)
				orders("retention: 90d", "retention: 1d")(files)
			},
			[]string{"prod orders/clean@2 is kept 24h0m0s and loses 12 from 20260302PT1H000 to 20260302PT1H011, 7 a day"},
		},
		"ExpiresStays": {
			"but not of what comes from outside, unless that is said",
			func(files map[string]string) {
				files["setup.yaml"] = strings.Replace(files["setup.yaml"], "s3://prod}", `s3://prod}, lots: {manifests: "s3://m/<project>/", retention: {enforce: true}}`, 1)
				orders("orders/raw/, external: true", "orders/raw/, retention: 1d, external: true")(files)
			},
			nil,
		},
		"NotEnforced": {"where it does not, nothing is", orders("retention: 90d", "retention: 1d"), nil},
		"Unwritten": {"the dataset stays, and nobody writes it", orders("      writes: {sum: sum@1}\n", ""), []string{
			"prod orders/sum@1 loses 1 from 20260302P1D000 to 20260302P1D000: no workload writes it any more",
		}},
		"Excluded": {"likewise", orders("environments: {prod: ,", "environments: {prod: {workloads: {sum: {exclude: true}}},"), []string{
			"prod orders/sum@1 loses 1 from 20260302P1D000 to 20260302P1D000: no workload writes it any more",
		}},
		"Suspended": {"what stops for a while loses nothing, and what goes on computes nothing that was declared", orders("environments: {prod: ,", "environments: {prod: {suspend: true},"), nil},
		"Unit": {"other lots are other data", orders(since, strings.Replace(since, "hourly", "Fourths", 1), "lots: 24, offset: 2", "lots: 96, offset: 8"), []string{
			"prod orders/clean computes 144 from 20260302PT15M000 to 20260303PT15M047",
			"dev orders/clean@2 loses 36 from 20260302PT1H000 to 20260303PT1H011: not declared any more",
			"prod orders/clean@2 loses 36 from 20260302PT1H000 to 20260303PT1H011: not declared any more",
		}},
		"Project": {"a project that goes leaves what it made", func(files map[string]string) {
			delete(files, "rates.yaml")
			orders(", rates: {dataset: rates/fx@1, trigger: false}", "")(files)
		}, []string{
			"dev rates/ticks@1 loses 60 from 20260301PT1H000 to 20260303PT1H011: not declared any more",
			"prod rates/ticks@1 loses 60 from 20260301PT1H000 to 20260303PT1H011: not declared any more",
			"dev rates/fx@1 loses 2 from 20260301P1D000 to 20260302P1D000: not declared any more",
			"prod rates/fx@1 loses 2 from 20260301P1D000 to 20260302P1D000: not declared any more",
			"test rates/fx@1 loses 2 from 20260301P1D000 to 20260302P1D000: not declared any more",
		}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			files := maps.Clone(declared)
			tc.change(files)
			base := load(t, declared)
			for _, head := range []*catalog.Catalog{load(t, files), updated(t, base, files)} {
				got := map[string]bool{}
				m := plan.Merge(base, head, now)
				for _, c := range m.Compute {
					text := fmt.Sprintf("%s %s computes %d from %s to %s", c.Environment, c.Arc, c.Lots, c.First, c.Last)
					if c.Takes() > 0 {
						text += " in " + c.Takes().String()
					}
					got[text] = true
				}
				for _, n := range m.Nobodys {
					got[fmt.Sprintf("%s %s loses %d from %s to %s: %s", n.Environment, n.Series, n.Lots, n.First, n.Last, n.Loss)] = true
				}
				for _, n := range m.Never {
					got[fmt.Sprintf("%s %s never has %d from %s to %s: %s begins with %s", n.Environment, n.Series, n.Lots, n.First, n.Last, n.Input, n.Begins)] = true
				}
				for _, e := range m.Expire {
					got[fmt.Sprintf("%s %s is kept %s and loses %d from %s to %s, %d a day", e.Environment, e.Series, e.Kept, e.Lots, e.First, e.Last, e.PerDay)] = true
				}
				want := map[string]bool{}
				for _, text := range tc.want {
					want[text] = true
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
				}
			}
		})
	}
}

// updated is the catalog of some files, made by updating another.
func updated(t *testing.T, base *catalog.Catalog, files map[string]string) *catalog.Catalog {
	t.Helper()
	tree := fstest.MapFS{}
	var changed []string
	for name, text := range files {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
		if declared[name] != text {
			changed = append(changed, name)
		}
	}
	for name := range declared {
		if _, there := files[name]; !there {
			changed = append(changed, name)
		}
	}
	c, problems, err := base.Update(tree, changed)
	if err != nil || problems.Denied() {
		t.Fatal(err, problems)
	}
	return c
}
