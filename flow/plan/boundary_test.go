// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/plan"
)

// TestBoundaries: the lots of a boundary are never runs, and why one is not there is what it waits for; readers wait for that.
func TestBoundaries(t *testing.T) {
	tree := fstest.MapFS{
		"trunkline.yaml": {Data: []byte(declared["trunkline.yaml"])},
		"setup.yaml":     {Data: []byte(declared["setup.yaml"] + "---\n" + head + "kind: Environment\nmetadata: {name: quick}\nspec: {clusters: [one], stores: {lake: \"s3://lake/quick\"}, lots: {manifests: \"s3://m/quick/<project>/\"}}\n")},
		"orders.yaml": {Data: []byte(head + `kind: Project
metadata: {name: orders}
spec:
  owner: team
  image: ghcr.io/acme/orders:1
  environments: {prod: , dev: {workloads: {land: {suspend: true}}}, quick: {workloads: {land: {params: {arrival: immediate, lateness: 0s}}}}}
  datasets:
    - {name: raw, version: "1", path: lake://orders/raw/, lots: {unit: hourly, since: "2026-03-01T00:00:00Z"}}
    - {name: clean, version: "1", path: lake://orders/clean/, lots: {unit: hourly, since: "2026-03-01T00:00:00Z"}}
  workloads:
    - {name: land, blueprint: boundary, writes: {main: raw@1}, params: {lateness: 90m}}
    - {name: clean, blueprint: container-job, reads: {raw: raw@1}, writes: {main: clean@1}}
`)},
	}
	c, problems, err := catalog.Load(tree, blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatalf("%v\n%s", err, problems)
	}
	first := lot.Hourly.At(time.Date(2026, 3, 1, 0, 0, 0, 0, time.UTC))
	for _, tc := range []struct {
		env  string
		now  time.Duration
		want []string
	}{
		{"prod", 30 * time.Minute, []string{"not due until 2026-03-01T01:00:00Z"}},
		{"prod", time.Hour, []string{"waits until 2026-03-01T02:30:00Z for data that come late"}},
		{"prod", 150 * time.Minute, []string{"orders/land has not looked at what arrived of it yet, which a daemon does: it would be there by now, or empty"}},
		{"quick", 150 * time.Minute, []string{"nothing of it is known to have arrived"}},
		{"dev", 150 * time.Minute, []string{"orders/land is suspended"}},
	} {
		p := plan.New(plan.Of(c, tc.env), &plan.Seen{}, plan.Limits{AtOnce: 10, PerArc: 10, Backfill: 10}, first.Start.Add(tc.now))
		if starts := p.Plan().Starts; len(starts) > 0 {
			t.Errorf("%+v are started", starts)
		}
		var got []string
		for _, r := range p.Cause("orders/raw@1", first) {
			got = append(got, r.String())
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s after %s: -want +got:\n%s", tc.env, tc.now, diff)
		}
		if chain := p.Cause("orders/clean@1", first); tc.now >= time.Hour && chain[len(chain)-1].Arc != "orders/land" {
			t.Errorf("the cause of what reads it is %+v", chain)
		}
	}
}
