// SPDX-License-Identifier: Apache-2.0

package web

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

// TestPullsLeadNowhere: an address that a forge gives a pull request is followed only if it is one of the web.
func TestPullsLeadNowhere(t *testing.T) {
	for address, want := range map[string]string{
		"https://git.example.com/a/pull/7": "https://git.example.com/a/pull/7", "javascript:alert(1)": "", "https://user:secret@git.example.com/a/pull/7": "", "//evil.example/x": "",
	} {
		if got := pullRowOf(&report.Pull{Name: "pr-7", URL: address}, nil, noon).Link; got != want {
			t.Errorf("%s leads to %q, want %q", address, got, want)
		}
	}
}

func TestPullRows(t *testing.T) {
	pull := func(name, state string, change func(*report.Pull)) report.Pull {
		p := report.Pull{Name: name, State: state, Head: "h2", Report: &report.Summary{Outcome: report.Passed, Head: "h2", Touches: []report.Touch{{Project: "orders", Environments: []string{"dev", "prod"}}}}}
		if change != nil {
			change(&p)
		}
		return p
	}
	all := []report.Pull{
		pull("pr-1", "open", nil), pull("pr-2", "open", func(p *report.Pull) { p.Report.Outcome, p.Report.Denied = report.Refused, 2 }),
		pull("pr-3", "open", func(p *report.Pull) { p.Head = "h3" }), pull("pr-4", "merged", nil), pull("pr-5", "open", func(p *report.Pull) { p.Report, p.Draft = nil, true }),
		pull("pr-6", "closed", nil),
	}
	p := &status.Platform{Releases: []status.Release{
		healthy("orders", "pr-1", "west", func(r *status.Release) { r.Preview = &status.Preview{Of: "dev", Asleep: true} }), healthy("orders", "dev", "west"),
	}}
	for state, want := range map[string][]string{
		"open":  {"pr-1 open passed preview asleep", "pr-2 open refused 2 problems", "pr-3 open passed of an older head", "pr-5 draft not evaluated yet"},
		"ended": {"pr-4 merged passed", "pr-6 closed passed"},
	} {
		var v pullsPage
		v.rows(all, state, p, noon)
		var got []string
		for _, r := range v.Rows {
			text := r.Name + " " + r.State.Text + " " + r.Result.Text + " " + r.Counts
			if r.Preview != nil {
				text += " preview " + r.Preview.Text
			}
			if r.Stale {
				text += " of an older head"
			}
			got = append(got, strings.Join(strings.Fields(text), " "))
		}
		if diff := cmp.Diff(want, got); diff != "" || v.Open != 4 {
			t.Errorf("%s: %d are open, -want +got:\n%s", state, v.Open, diff)
		}
	}
}

func TestPullCommands(t *testing.T) {
	open := report.Pull{State: "open"}
	for name, tc := range map[string]struct {
		pull    report.Pull
		preview *previewRow
		want    string
	}{
		"None":   {open, nil, "retry diff preview-up"},
		"Awake":  {open, &previewRow{}, "retry diff preview-sleep preview-extend preview-down"},
		"Asleep": {open, &previewRow{Asleep: true}, "retry diff preview-wake preview-extend preview-down"},
		"Merged": {report.Pull{State: "merged"}, nil, ""},
	} {
		var got []string
		for _, c := range pullCommands(tc.pull, tc.preview) {
			got = append(got, strings.ReplaceAll(strings.TrimPrefix(c.Text, "/trunkline "), " ", "-"))
		}
		if diff := cmp.Diff(tc.want, strings.Join(got, " ")); diff != "" {
			t.Errorf("%s -want +got:\n%s", name, diff)
		}
	}
}

// TestCostsAddUp: the rows of the page are the total, whatever they are added up by, and what was idle is none of it.
func TestCostsAddUp(t *testing.T) {
	answer := usage.Answer{Currency: "EUR", Total: 3_000_000_000, Idle: []usage.Row{{Day: "2026-11-02", Nano: 7_000_000_000}}, Rows: []usage.Row{
		{Day: "2026-11-01", Cluster: "west", Place: usage.Place{Project: "a", Environment: "dev"}, Nano: 500_000_000, CoreHours: 2, UsedCoreHours: 1},
		{Day: "2026-11-02", Cluster: "west", Place: usage.Place{Project: "a", Environment: "prod"}, Nano: 1_500_000_000, Unpriced: 1},
		{Day: "2026-11-02", Cluster: "east", Place: usage.Place{Project: "b", Environment: "prod"}, Nano: 1_000_000_000, SpotNano: 400_000_000},
	}}
	for by, want := range map[string][]string{
		"project":     {"a 2.00 EUR 66.7 %", "b 1.00 EUR 33.3 %"},
		"environment": {"prod 2.50 EUR 83.3 %", "dev 0.50 EUR 16.7 %"},
		"cluster":     {"west 2.00 EUR 66.7 %", "east 1.00 EUR 33.3 %"},
		"owner":       {"nothing in particular 3.00 EUR 100.0 %"},
	} {
		v := costsPage{Query: costsQuery{By: by, Since: day("2026-11-01"), Until: day("2026-11-03")}}
		v.fill(answer)
		var got []string
		for _, r := range v.Rows {
			got = append(got, r.Name+" "+r.Amount+" "+r.Share)
		}
		if diff := cmp.Diff(want, got); diff != "" || v.Idle != "7.00 EUR" || v.Total != "3.00 EUR" || v.Unpriced != 1 {
			t.Errorf("by %s: total %s, idle %s, -want +got:\n%s", by, v.Total, v.Idle, diff)
		}
		if !strings.Contains(string(v.Picture), "2026-11-02, idle: 7 EUR") {
			t.Errorf("by %s the picture has no idle share: %s", by, v.Picture)
		}
	}
}

func TestOutlookIsOfWhatIsAskedFor(t *testing.T) {
	o := console.CostOutlook{Currency: "EUR", Items: []console.CostForecast{
		{Environment: "dev", Spent: "1.000000000"},
		{Environment: "dev", Project: "a", Spent: "0.500000000"},
		{Environment: "prod", Spent: "1234.005000000", Budget: "9.000000000", Exceeds: true},
		{Environment: "prod", Project: "a", Spent: "2.000000000"},
	}}
	for name, tc := range map[string]struct {
		q    costsQuery
		want []string
	}{
		"All":         {costsQuery{}, []string{"/dev 1.00 EUR", "/prod 1,234.01 EUR above its budget"}},
		"Environment": {costsQuery{Environment: "dev"}, []string{"/dev 1.00 EUR", "a/dev 0.50 EUR"}},
		"Project":     {costsQuery{Project: "a"}, []string{"a/dev 0.50 EUR", "a/prod 2.00 EUR"}},
		"Owner":       {costsQuery{Owner: "x"}, nil},
	} {
		v := costsPage{Query: tc.q}
		v.outlook(o, noon)
		var got []string
		for _, r := range v.Outlook {
			text := r.Project + "/" + r.Environment + " " + r.Spent
			if r.Badge != nil {
				text += " " + r.Badge.Text
			}
			got = append(got, text)
		}
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s -want +got:\n%s", name, diff)
		}
	}
}

// TestRunPlots: what pods of a run use at once is added up, what was requested is a line, and what was not measured is no plot.
func TestRunPlots(t *testing.T) {
	if got := runPlots(nil); got != nil {
		t.Errorf("without samples there is %s", got)
	}
	var samples []usage.Sample
	for i := range 4 {
		for _, pod := range []string{"a", "b"} {
			samples = append(samples, usage.Sample{Pod: pod, At: noon.Add(time.Duration(i) * time.Minute), Cores: 1, MiB: 100, RequestedCores: 8, RequestedMiB: 64})
		}
	}
	plots := runPlots(samples)
	if len(plots) != 2 {
		t.Fatalf("there are %d plots", len(plots))
	}
	for i, want := range []string{"8 cores", "200 MiB"} {
		if text := string(plots[i]); !strings.Contains(text, want) || strings.Count(text, "<polyline") != 1 || !strings.Contains(text, `class="limit"`) {
			t.Errorf("plot %d: %s", i, text)
		}
	}
}

func TestMoney(t *testing.T) {
	for amount, want := range map[string]string{
		"1234567.005000000": "1,234,567.01 EUR", "0.004000000": "0.00 EUR", "-12.500000000": "-12.50 EUR", "": "", "x": "x EUR",
	} {
		if got := coins(amount, "EUR"); got != want {
			t.Errorf("%s is said as %q, want %q", amount, got, want)
		}
	}
}
