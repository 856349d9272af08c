// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/cost/usage"
)

func TestExceeds(t *testing.T) {
	limit := int64(100)
	for name, tc := range map[string]struct {
		reason string
		of     expected
		want   bool
	}{
		"None":     {"Without a budget nothing exceeds it.", expected{Outlook: usage.Outlook{Spent: 1000}}, false},
		"Spent":    {"What was spent is gone.", expected{budget: &limit, Outlook: usage.Outlook{Spent: 101}}, true},
		"Recent":   {"It goes on like the last days.", expected{budget: &limit, Outlook: usage.Outlook{Recent: true, ByRecent: 101}}, true},
		"Declared": {"It goes on as is declared.", expected{budget: &limit, Outlook: usage.Outlook{Declared: true, ByDeclared: 101}}, true},
		"Kept":     {"All that may be spent is not too much.", expected{budget: &limit, Outlook: usage.Outlook{Spent: 100, Recent: true, ByRecent: 100}}, false},
		"Unknown":  {"What is not known is no amount.", expected{budget: &limit, Outlook: usage.Outlook{ByRecent: 101, ByDeclared: 101}}, false},
	} {
		if got := tc.of.exceeds(); got != tc.want {
			t.Errorf("%s: %s: %t", name, tc.reason, got)
		}
	}
}

// TestCostsAreTold: callers are told of each project, and metrics only of environments: there may be many projects.
func TestCostsAreTold(t *testing.T) {
	limit := int64(5e9)
	o := &outlook{
		at: time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC), currency: "EUR", accuracy: &console.CostAccuracy{Since: "2026-08", Until: "2026-10", Percent: -12},
		items: []expected{
			{environment: "dev", Outlook: usage.Outlook{Spent: 1e9, Recent: true, ByRecent: 3e9}},
			{environment: "prod", Outlook: usage.Outlook{Spent: 2e9, Declared: true, ByDeclared: 9e9}, budget: &limit},
			{environment: "prod", project: "orders", Outlook: usage.Outlook{Spent: 6e9}, budget: &limit},
			{environment: "prod", project: "rates", Outlook: usage.Outlook{Spent: 1e9}, budget: &limit},
			{environment: "", Outlook: usage.Outlook{Spent: 7}},
		},
	}
	var c counting
	c.outlook.Store(o)
	registry := prometheus.NewRegistry()
	registry.MustRegister(&costCollector{&c})
	families, err := registry.Gather()
	if err != nil {
		t.Fatal(err)
	}
	var got []string
	for _, f := range families {
		for _, m := range f.GetMetric() {
			var labels []string
			for _, l := range m.GetLabel() {
				labels = append(labels, l.GetValue())
			}
			got = append(got, fmt.Sprintf("%s%v%v", f.GetName(), labels, m.GetGauge().GetValue()))
		}
	}
	slices.Sort(got)
	want := []string{
		"trunkline_cost_budget[EUR prod]5", "trunkline_cost_estimate_error_percent[]-12", "trunkline_cost_forecast[declared EUR prod]9", "trunkline_cost_forecast[recent EUR dev]3",
		"trunkline_cost_projects_over_budget[prod]1", "trunkline_cost_spent[EUR dev]1", "trunkline_cost_spent[EUR prod]2",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	told := o.told()
	wantTold := []console.CostForecast{
		{Environment: "dev", Spent: "1.000000000", ByRecent: "3.000000000"},
		{Environment: "prod", Spent: "2.000000000", ByDeclared: "9.000000000", Budget: "5.000000000", Exceeds: true},
		{Environment: "prod", Project: "orders", Spent: "6.000000000", Budget: "5.000000000", Exceeds: true},
		{Environment: "prod", Project: "rates", Spent: "1.000000000", Budget: "5.000000000"},
		{Spent: "0.000000007"},
	}
	if diff := cmp.Diff(wantTold, told.Items); diff != "" || told.Month != "2026-11" {
		t.Errorf("in %s, -want +got:\n%s", told.Month, diff)
	}
	if got := c.accurate(); got != "estimates from 2026-08 to 2026-10 were 12 % low" {
		t.Errorf("a pull request says %q", got)
	}
}
