// SPDX-License-Identifier: Apache-2.0

package plan_test

import (
	"maps"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/flow/plan"
)

// TestLimitsOf is what is declared over what is given.
func TestLimitsOf(t *testing.T) {
	files := maps.Clone(declared)
	files["setup.yaml"] = strings.Replace(files["setup.yaml"], "stores: {lake: s3://prod}", `stores: {lake: s3://prod}, lots: {manifests: "s3://m/<environment>/", limits: {runs: 7, backfill: 50, live: 2h, order: newest}}`, 1)
	files["orders.yaml"] = strings.Replace(files["orders.yaml"], "    - name: sum\n", "    - name: sum\n      lots: {atOnce: 2}\n", 1)
	c := load(t, files)
	given := plan.DefaultLimits()
	given.Pause = time.Second
	for env, want := range map[string]plan.Limits{
		"prod": {AtOnce: 7, PerArc: 10, Arcs: map[string]int{"orders/sum": 2}, Backfill: 50, Live: 2 * time.Hour, NewestFirst: true, Pause: time.Second},
		"dev":  {AtOnce: 100, PerArc: 10, Arcs: map[string]int{"orders/sum": 2}, Backfill: 80, Pause: time.Second},
	} {
		if diff := cmp.Diff(want, plan.LimitsOf(c, env, given)); diff != "" {
			t.Errorf("%s: -want +got:\n%s", env, diff)
		}
	}
}
