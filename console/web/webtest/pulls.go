// SPDX-License-Identifier: Apache-2.0

package webtest

import (
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/catalog/draw"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/webhooks/report"
)

// Pulls are the pull requests of the platform, with texts of others.
func Pulls(text string) []console.PullReport {
	in := func(project, environment string) catalog.ReleaseID {
		return catalog.ReleaseID{Project: project, Environment: environment, Cluster: "west"}
	}
	facts := report.Facts{
		Outcome: report.Passed, Verdict: "this merge changes 2 releases and computes 744 lots", Head: Denied, Base: New, BaseRef: "main", At: Now().Add(-5 * time.Minute),
		Warned: []report.FactFinding{{Problem: v1alpha1.Problem{
			Rule: "path-overlap", Severity: v1alpha1.Warn, Message: "the path lake://clean/ is also written by " + text, Hint: "choose another one",
			Position: v1alpha1.Position{File: "orders.yaml", Line: 7}, About: v1alpha1.About{Project: "orders"},
		}, Old: true}},
		Widened: []string{"the account of orders in prod may read lake://fx/, " + text},
		Holds:   []report.FactHold{{Release: in("orders", "prod"), Reason: "prod is applied from 06:00 to 10:00 UTC"}},
		Lots:    []string{"orders/clean in prod computes 744 lots, 20260101PT1H000 to 20260131PT1H023 (6 h of runs)"},
		Cost: &report.Cost{
			Before: "214.60 EUR", After: "231.10 EUR", Change: "+16.50 EUR", Parts: []report.CostPart{{What: "orders in prod", Change: "+16.50"}}, Once: []report.CostPart{{What: "backfill of orders/clean", Change: "+1.20"}},
			Unknown: []string{text}, Accuracy: "estimates from 2026-08 to 2026-10 were 12 % low",
		},
		Groups: []report.FactGroup{{
			Title: "orders in dev, staging: change, the same but for names", Releases: []catalog.ReleaseID{in("orders", "dev"), in("orders", "staging")},
			Steps: []report.FactStep{{
				Object: "Deployment orders-dev/clean", Does: "update", Note: text,
				Diff: "@@ -12,7 +12,7 @@\n   containers:\n   - name: clean\n-    image: registry.example.com/orders:3\n+    image: registry.example.com/orders:4\n     env:\n     - {name: RATES, value: ecb}\n# " + text + "\n",
			}, {Object: "ConfigMap orders-dev/limits", Does: "create"}},
		}},
		Notes: []string{text},
		Flow: &draw.Graph{
			Nodes: []draw.Node{{ID: "orders/raw@1", Kind: draw.Dataset}, {ID: "orders/clean", Kind: draw.Workload, Change: draw.Touched}, {ID: "orders/clean@1", Kind: draw.Dataset}, {ID: "rates/fx@1", Kind: draw.Dataset, External: true}},
			Edges: []draw.Edge{{From: "orders/raw@1", To: "orders/clean"}, {From: "rates/fx@1", To: "orders/clean", Change: draw.Added}, {From: "orders/clean", To: "orders/clean@1"}},
		},
	}
	refused := report.Facts{
		Outcome: report.Refused, Verdict: "refused, 1 problem to fix", Head: Old, Base: New, BaseRef: "main", At: Now().Add(-3 * time.Hour), Secretless: true,
		Denied: []report.FactFinding{{Problem: v1alpha1.Problem{
			Rule: "dag-cycle", Severity: v1alpha1.Deny, Message: "the workloads depend on each other: " + text, Position: v1alpha1.Position{File: "rates.yaml", Line: 8}, About: v1alpha1.About{Project: "rates"},
			Trace: []v1alpha1.Step{{Message: text, Position: v1alpha1.Position{File: "orders.yaml", Line: 9}}},
		}}},
	}
	pull := func(name string, number int, title, author, state, head string, f *report.Facts, since time.Duration) console.PullReport {
		out := console.PullReport{Facts: f, Pull: report.Pull{
			Name: name, Number: number, Title: title, Author: author, State: state, Head: head, Branch: "change-" + name, Base: "main", URL: "https://git.example.com/acme/platform/pull/7", Updated: Now().Add(-since),
		}}
		if f != nil {
			s := f.Summary()
			out.Report = &s
		}
		return out
	}
	fork := pull("pr-9", 9, "Rates: read what orders writes "+text, "mallory "+text, "open", Old, &refused, 3*time.Hour)
	fork.Fork = true
	waiting := pull("pr-12", 12, "Archive: keep what is older than two years", "ann", "open", New, nil, time.Minute)
	waiting.Draft = true
	merged := pull("pr-5", 5, "Customers: three replicas of the API", "bob", "merged", New, nil, 30*time.Hour)
	return []console.PullReport{waiting, pull("pr-7", 7, "Orders: read the rates of the European Central Bank", "ann", "open", Denied, &facts, 6*time.Minute), fork, merged}
}

// Spent are what the platform did cost in the last two months.
func Spent() usage.Answer {
	out := usage.Answer{Currency: "EUR", Gaps: []usage.Gap{{Cluster: "east", From: Now().AddDate(0, 0, -9), Until: Now().AddDate(0, 0, -9).Add(47 * time.Minute), Lost: 2}}}
	add := func(day int, r usage.Row) {
		r.Day = usage.DayOf(Now()).AddDate(0, 0, -day).Format(time.DateOnly)
		out.Rows = append(out.Rows, r)
		out.Total += r.Nano
	}
	for day := range 60 {
		for i, project := range []string{"archive", "billing", "customers", "orders", "rates", "report"} {
			for j, environment := range []string{"dev", "staging", "prod"} {
				nano := int64((i*7+3)%11+1) * int64(1+3*j*j) * (200 + int64((day*37+i*11)%90)) * 700_000
				r := usage.Row{
					Cluster: "west", Kind: usage.Pod, Place: usage.Place{Project: project, Environment: environment, Owner: "team-" + project, Workload: "main"},
					Nano: nano, CoreHours: float64(nano) / 4e7, GiBHours: float64(nano) / 1e7, UsedCoreHours: float64(nano) / 1e8, UsedGiBHours: float64(nano) / 1.6e7,
				}
				if environment == "dev" {
					r.SpotNano = nano / 2
				}
				if project == "orders" && environment == "prod" {
					r.Lot = "20260101PT1H004"
					r.Run = "orders-clean-20260101pt1h004-2"
				}
				add(day, r)
			}
		}
		out.Idle = append(out.Idle, usage.Row{Day: usage.DayOf(Now()).AddDate(0, 0, -day).Format(time.DateOnly), Cluster: "west", Kind: usage.Idle, Nano: 4_000_000_000})
	}
	return out
}

// Samples are what each run used.
func Samples() (out []usage.Sample) {
	for i := range 90 {
		out = append(out, usage.Sample{
			Pod: "1", At: Now().Add(time.Duration(i-90) * time.Minute), Cores: 0.1 + float64((i*i)%37)/60, MiB: 80 + float64(i)*2.1, RequestedCores: 0.5, RequestedMiB: 256,
		})
	}
	return out
}

// Ahead is what the month is going to cost.
func Ahead() console.CostOutlook {
	return console.CostOutlook{
		Month: "2026-11", Currency: "EUR", At: Now().Add(-4 * time.Minute), Accuracy: &console.CostAccuracy{Since: "2026-08", Until: "2026-10", Percent: -12},
		Items: []console.CostForecast{
			{Environment: "dev", Spent: "61.200000000", ByRecent: "63.400000000", ByDeclared: "70.000000000"},
			{Environment: "dev", Project: "orders", Spent: "12.250000000", ByRecent: "12.800000000", ByDeclared: "14.000000000"},
			{Environment: "prod", Spent: "1208.110000000", ByRecent: "1259.300000000", ByDeclared: "1190.000000000", Budget: "1250.000000000", Exceeds: true},
			{Environment: "prod", Project: "orders", Spent: "402.500000000", ByRecent: "420.900000000", ByDeclared: "390.000000000", Budget: "500.000000000"},
			{Environment: "staging", Spent: "240.400000000", ByRecent: "250.100000000"},
		},
	}
}

// Bill is what a cloud has billed.
func Bill() usage.Bill {
	b := usage.Bill{Account: "1234", Period: "2026-11-01", Currency: "EUR"}
	for day := range 6 {
		b.Items = append(b.Items, usage.Item{Day: usage.DayOf(Now()).AddDate(0, 0, -day-2).Format(time.DateOnly), Cluster: "west", Service: "compute", Nano: 57_300_000_000 + int64(day)*900_000_000})
	}
	return b
}
