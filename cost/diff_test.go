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
		if o.Dataset != "" {
			what = fmt.Sprintf("%s from %s until %s", o.Dataset, o.From.Format("2006-01-02T15"), o.Until.Format("2006-01-02T15"))
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
		want          []string
	}{
		"Same": {reason: "What is as it was makes no difference.", before: service(1), after: service(1)},
		"More": {
			"A second replica costs as much as the first.", service(1), service(2),
			[]string{"p: 720.00 USD → 1440.00 USD"},
		},
		"Stopped": {"What costs nothing any more is told.", service(1), service(0), []string{"p: 720.00 USD → 0.00 USD"}},
		"Removed": {
			"So is a project that is gone.", service(1), acme().with(files{"trunkline.yaml": flow("")["trunkline.yaml"]}),
			[]string{"p: 720.00 USD → 0.00 USD"},
		},
		"Dearer": {
			"A change of the rates changes what all cost.", service(1), service(1).with(files{"one.yaml": head + "kind: Cluster\nmetadata: {name: one}\nspec: {rates: {cpu: \"2\"}}\n"}),
			[]string{"p: 720.00 USD → 1440.00 USD"},
		},
		"Backfill": {
			"A series that begins ten days earlier has 240 more lots, once.", arc("hourly", "2026-11-11T00:00:00Z", typical), arc("hourly", "2026-11-01T00:00:00Z", typical),
			[]string{"p: 240.00 USD → 360.00 USD", "once: 240 runs of p/raw@1 from 2026-11-01T00 until 2026-11-11T00, 120 core-hours, 120.00 USD"},
		},
		"Later": {
			"One that begins later has nothing to make up for.", arc("hourly", "2026-11-01T00:00:00Z", typical), arc("hourly", "2026-11-11T00:00:00Z", typical),
			[]string{"p: 360.00 USD → 240.00 USD"},
		},
		"Started": {
			"A series that was to begin next year, and now began this month, has all lots up to now to compute.", arc("hourly", "2027-01-01T00:00:00Z", typical), arc("hourly", "2026-11-01T00:00:00Z", typical),
			[]string{"p: 0.00 USD → 360.00 USD", "once: 490 runs of p/raw@1 from 2026-11-01T00 until 2026-11-21T10, 245 core-hours, 245.00 USD"},
		},
		"NewUnit": {
			"Lots of another length are others: all that are complete are computed, 20 of November.", arc("hourly", "2026-11-01T00:00:00Z", typical), arc("daily", "2026-11-01T00:00:00Z", typical),
			[]string{"p: 360.00 USD → 15.00 USD", "once: 20 runs of p/raw@1 from 2026-11-01T00 until 2026-11-21T00, 10 core-hours, 10.00 USD"},
		},
		"NewArc": {
			"A new arc has all lots up to now to compute: 20 days and 10 hours.", service(0), arc("hourly", "2026-11-01T00:00:00Z", typical),
			[]string{"p: 0.00 USD → 360.00 USD", "once: 490 runs of p/raw@1 from 2026-11-01T00 until 2026-11-21T10, 245 core-hours, 245.00 USD"},
		},
		"Future": {
			"One that begins next year has none yet, nor any this month.", service(0), arc("hourly", "2027-01-01T00:00:00Z", typical), nil,
		},
		"SuspendedArc": {"What is kept from starting computes nothing.", service(0), arc("hourly", "2026-11-01T00:00:00Z", typical+", suspend: true"), nil},
		"Bounded": {
			"Nobody knows how long a run takes, but that it is not more than half an hour.", arc("hourly", "2026-11-11T00:00:00Z", ""), arc("hourly", "2026-11-10T00:00:00Z", ""),
			[]string{
				"once: 24 runs of p/raw@1 from 2026-11-10T00 until 2026-11-11T00, 12 core-hours, at most 12.00 USD",
			},
		},
		"Unpriced": {
			"What is not estimated is told when it comes and when it goes.", service(1), objects("apiVersion: v1\nkind: Service\n" + meta + "spec: {type: LoadBalancer, ports: [{port: 80}]}\n").with(files{"trunkline.yaml": flow("")["trunkline.yaml"]}),
			[]string{"p: 720.00 USD → 0.00 USD", "not estimated now: what the load balancer of a Service costs has no rate"},
		},
		"Unrendered": {
			"Of what does not render nothing is known, and no lots are computed.", arc("hourly", "2026-11-01T00:00:00Z", typical),
			objects("kind: [\n").with(files{"trunkline.yaml": flow("")["trunkline.yaml"]}),
			[]string{"p: 360.00 USD → 0.00 USD", "not estimated now: it does not render"},
		},
		"Run": {
			"A Job that is new runs once.", service(0), one(typical),
			[]string{"once: 1 runs of Job w, 1/2 core-hours, 0.50 USD"},
		},
		"RunAgain": {
			"So does one that has changed.", one(typical), one(typical + ", command: [again]"),
			[]string{"once: 1 runs of Job w, 1/2 core-hours, 0.50 USD"},
		},
		"RunKept": {"One that is as it was does not.", one(typical), one(typical + ", description: The same."), nil},
		"Resumed": {
			"One that was kept from starting does.", one(typical + ", suspend: true"), one(typical),
			[]string{"once: 1 runs of Job w, 1/2 core-hours, 0.50 USD"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := cost.Compare(estimate(t, tc.before, cost.Terms{}), estimate(t, tc.after, cost.Terms{}))
			if diff := cmp.Diff(tc.want, told(got)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if got.IsZero() != (len(tc.want) == 0) {
				t.Errorf("%s\nIsZero() is %t", tc.reason, got.IsZero())
			}
		})
	}
}
