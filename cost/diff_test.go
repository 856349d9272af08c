// SPDX-License-Identifier: Apache-2.0

package cost_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/cost"
)

// told is what a difference says, as texts.
func told(d cost.Diff) (out []string) {
	for _, c := range d.By(cost.ByProject) {
		out = append(out, fmt.Sprintf("%s: %s → %s", c.Name, c.Before.Text(d.Currency), c.After.Text(d.Currency)))
	}
	for _, o := range d.Once {
		what := withoutObject.FindString(o.Object + " ")
		if o.Lots.Count > 0 {
			what = strings.Join(o.Lots.Datasets, ", ")
		}
		known := ""
		if !o.Known {
			known = " unknown"
		}
		if o.Bounded {
			known = " at most"
		}
		out = append(out, fmt.Sprintf("once: %d runs of %s, %s core-hours,%s %s", o.Runs, strings.TrimSpace(withoutHash.ReplaceAllString(what, "")), o.CoreHours.RatString(), known, o.Amount.Text(d.Currency)))
	}
	for _, m := range d.Appeared {
		out = append(out, "not estimated now: "+firstOf(m.Reason))
	}
	for _, m := range d.Gone {
		out = append(out, "estimated now: "+firstOf(m.Reason))
	}
	return out
}

// firstOf is a reason without what is said by others.
func firstOf(reason string) string {
	first, _, _ := strings.Cut(reason, ": ")
	return first
}

func TestCompare(t *testing.T) {
	project := func(rest string) files {
		return flow("").with(files{"p/project.yaml": head + "kind: Project\nmetadata: {name: p}\nspec: {owner: team-p, environments: [prod], image: i, " + rest + "}\n"})
	}
	arc := func(unit, since, rest string) files {
		return project(`datasets: [{name: raw, version: "1", path: lake://raw/, lots: {unit: ` + unit + `, since: "` + since + `"}}], ` +
			`workloads: [{name: w, blueprint: container-job, timeout: 30m, writes: {raw: raw@1}` + rest + `}]`)
	}
	one := func(rest string) files {
		return project("workloads: [{name: w, blueprint: container-job, timeout: 30m" + rest + "}]")
	}
	service := func(replicas int) files {
		return project(fmt.Sprintf("workloads: [{name: w, blueprint: service, params: {replicas: %d}}]", replicas))
	}
	const typical = ", typicalDuration: 30m"
	for name, tc := range map[string]struct {
		reason        string
		before, after files
		lots          int64
		want          []string
	}{
		"Same": {reason: "What is as it was makes no difference.", before: service(1), after: service(1)},
		"More": {
			"A second replica costs as much as the first.", service(1), service(2), 0,
			[]string{"p: 720.00 USD → 1440.00 USD"},
		},
		"Stopped": {"What costs nothing any more is told.", service(1), service(0), 0, []string{"p: 720.00 USD → 0.00 USD"}},
		"Removed": {
			"So is a project that is gone.", service(1), acme().with(files{"trunkline.yaml": flow("")["trunkline.yaml"]}), 0,
			[]string{"p: 720.00 USD → 0.00 USD"},
		},
		"Dearer": {
			"A change of the rates changes what all cost.", service(1), service(1).with(files{"one.yaml": head + "kind: Cluster\nmetadata: {name: one}\nspec: {rates: {cpu: \"2\"}}\n"}), 0,
			[]string{"p: 720.00 USD → 1440.00 USD"},
		},
		"Lots": {
			"Lots that are computed cost what a run does, each.", arc("hourly", "2026-11-11T00:00:00Z", typical), arc("hourly", "2026-11-01T00:00:00Z", typical), 240,
			[]string{"p: 240.00 USD → 360.00 USD", "once: 240 runs of p/raw@1, 120 core-hours, 120.00 USD"},
		},
		"Replayed": {
			"So do those of a workload that is as it was.", arc("hourly", "2026-11-01T00:00:00Z", typical), arc("hourly", "2026-11-01T00:00:00Z", typical), 24,
			[]string{"once: 24 runs of p/raw@1, 12 core-hours, 12.00 USD"},
		},
		"None": {
			"None of them, and the month costs what its lots do.", arc("hourly", "2026-11-01T00:00:00Z", typical), arc("daily", "2026-11-01T00:00:00Z", typical), 0,
			[]string{"p: 360.00 USD → 15.00 USD"},
		},
		"Bounded": {
			"Nobody knows how long a run takes, but that it is not more than half an hour.", arc("hourly", "2026-11-11T00:00:00Z", ""), arc("hourly", "2026-11-10T00:00:00Z", ""), 24,
			[]string{
				"once: 24 runs of p/raw@1, 12 core-hours, at most 12.00 USD",
			},
		},
		"Unpriced": {
			"What is not estimated is told when it comes and when it goes.", service(1), objects("apiVersion: v1\nkind: Service\n" + meta + "spec: {type: LoadBalancer, ports: [{port: 80}]}\n").with(files{"trunkline.yaml": flow("")["trunkline.yaml"]}), 0,
			[]string{"p: 720.00 USD → 0.00 USD", "not estimated now: what the load balancer of a Service costs has no rate"},
		},
		"Unrendered": {
			"Of what does not render nothing is known, and no lots are computed.", arc("hourly", "2026-11-01T00:00:00Z", typical),
			objects("kind: [\n").with(files{"trunkline.yaml": flow("")["trunkline.yaml"]}), 24,
			[]string{"p: 360.00 USD → 0.00 USD", "not estimated now: it does not render"},
		},
		"Run": {
			"A Job that is new runs once.", service(0), one(typical), 0,
			[]string{"once: 1 runs of Job w, 1/2 core-hours, 0.50 USD"},
		},
		"RunAgain": {
			"So does one that has changed.", one(typical), one(typical + ", command: [again]"), 0,
			[]string{"once: 1 runs of Job w, 1/2 core-hours, 0.50 USD"},
		},
		"RunKept": {"One that is as it was does not.", one(typical), one(typical + ", description: The same."), 0, nil},
		"Resumed": {
			"One that was kept from starting does.", one(typical + ", suspend: true"), one(typical), 0,
			[]string{"once: 1 runs of Job w, 1/2 core-hours, 0.50 USD"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var lots []cost.Lots
			if tc.lots > 0 {
				lots = []cost.Lots{{Environment: "prod", Workload: "p/w", Datasets: []string{"p/raw@1"}, Count: tc.lots}}
			}
			got := cost.Compare(estimate(t, tc.before, cost.Terms{}), estimate(t, tc.after, cost.Terms{}), lots)
			if diff := cmp.Diff(tc.want, told(got)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if got.IsZero() != (len(tc.want) == 0) {
				t.Errorf("%s\nIsZero() is %t", tc.reason, got.IsZero())
			}
		})
	}
}
