// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/test/cached"
)

// runCost runs "trunkline cost", and returns what it printed.
func runCost(t *testing.T, args ...string) (string, error) {
	t.Helper()
	cmd := newCost()
	var out bytes.Buffer
	cmd.SetArgs(args)
	cmd.SetOut(&out)
	cmd.SetErr(&out)
	cmd.SilenceUsage, cmd.SilenceErrors = true, true
	err := cmd.ExecuteContext(t.Context())
	return out.String(), err
}

// trimmed is a text without the spaces at the ends of its lines.
func trimmed(text string) string {
	var lines []string
	for line := range strings.Lines(text) {
		lines = append(lines, strings.TrimRight(line, " \n"))
	}
	return strings.Join(lines, "\n")
}

func TestWhatItDidCost(t *testing.T) {
	d := consoletest.Start(t)
	at := time.Date(2026, 11, 2, 3, 0, 0, 0, time.UTC)
	d.Spent = usage.Answer{
		Currency: "EUR", Total: 3_505_000_000,
		Rows: []usage.Row{
			{Day: "2026-11-01", Place: usage.Place{Project: "orders"}, Nano: 2_505_000_000, CoreHours: 2, GiBHours: 4, UsedCoreHours: 1},
			{Day: "2026-11-01", Place: usage.Place{Project: "rates"}, Nano: 1_000_000_000, CoreHours: 1, GiBHours: 2, Unpriced: 2},
		},
		Idle: []usage.Row{{Day: "2026-11-01", Cluster: "eu", Kind: usage.Idle, Nano: 5e9}},
		Gaps: []usage.Gap{{Cluster: "eu", From: at, Until: at.Add(time.Hour), Lost: 1}},
	}
	got, err := runCost(t, "--server", d.URL, "--since", "2026-11-01", "--until", "2026-11-03", "--by", "day,project", "--cluster", "eu")
	if err != nil {
		t.Fatal(err)
	}
	want := `DAY         PROJECT    AMOUNT                       CORE-HOURS      GIB-HOURS
2026-11-01  orders     2.51 EUR                     2.00 (1.00 used)  4.00
2026-11-01  rates      1.00 EUR (2 without a price)  1.00            2.00
total: 3.51 EUR
not taken by the platform in eu on 2026-11-01: 5.00 EUR
nobody looked at eu from 2026-11-02 03:00:00 to 2026-11-02 04:00:00; 1 pods ended meanwhile, nobody knows when`
	fields := func(text string) (out [][]string) {
		for line := range strings.Lines(text) {
			out = append(out, strings.Fields(line))
		}
		return out
	}
	if diff := cmp.Diff(fields(want), fields(trimmed(got))); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if f := d.CostFilter(); f.Cluster != "eu" || !slices.Equal(f.By, []usage.Dimension{usage.ByDay, usage.ByProject}) || f.Until.Day() != 3 {
		t.Errorf("it asked for %+v", f)
	}
	csv, err := runCost(t, "--server", d.URL, "--since", "2026-11-01", "--by", "project", "-o", "csv")
	wantCSV := "project,amount,currency,spotAmount,storageAmount,coreHours,memoryGiBHours,usedCoreHours,usedMemoryGiBHours,unpriced\n" +
		"orders,2.505000000,EUR,0,0,2,4,1,0,0\nrates,1.000000000,EUR,0,0,1,2,0,0,2\n"
	if diff := cmp.Diff(wantCSV, csv); diff != "" || err != nil {
		t.Errorf("%v\n-want +got:\n%s", err, diff)
	}
	for name, tc := range map[string]struct {
		args []string
		want string
	}{
		"Folder":  {[]string{".", "--since", "7d"}, "--since says what it did cost"},
		"By":      {[]string{"--since", "7d", "--by", "uid"}, "nothing that costs are added up by"},
		"Until":   {[]string{"--since", "2026-11-02", "--until", "2026-11-02"}, "is not after --since"},
		"Format":  {[]string{"--since", "7d", "-o", "xml"}, "choose table, json or csv"},
		"Nowhere": {[]string{"--since", "7d", "--server", "http://127.0.0.1:1"}, "is it running"},
	} {
		if _, err := runCost(t, tc.args...); err == nil || !strings.Contains(err.Error(), tc.want) {
			t.Errorf("%s: %v, want %q", name, err, tc.want)
		}
	}
}

func TestBillsAndOutlook(t *testing.T) {
	d := consoletest.Start(t)
	file := filepath.Join(t.TempDir(), "bill.csv")
	bill := "BilledCost,BillingAccountId,BillingCurrency,BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,ServiceName\n" +
		"5.5,acme,EUR,2026-11-01,2026-11-01,2026-11-02,EC2\n"
	if err := os.WriteFile(file, []byte(bill), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, want := range []string{"acme, 2026-11-01: the bill is kept (1 sums of days, clusters and services)\n", "acme, 2026-11-01: the bill was there already (1 sums of days, clusters and services)\n"} {
		got, err := runCost(t, "import", file, "--cluster", "eu", "--server", d.URL)
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n-want +got:\n%s", err, diff)
		}
	}
	d.Spent = usage.Answer{Currency: "EUR", Rows: []usage.Row{{Day: "2026-11-01", Cluster: "eu", Nano: 5e9}}}
	got, err := runCost(t, "bills", "--since", "2026-11-01", "--server", d.URL)
	if err != nil || !strings.Contains(got, "5.00") || !strings.Contains(got, "0.50") || !strings.Contains(got, "EC2 5.50") {
		t.Errorf("%v: the difference is 0.50:\n%s", err, got)
	}
	if err := os.WriteFile(file, []byte("PAR1\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, err := runCost(t, "import", file, "--server", d.URL); err == nil || !strings.Contains(err.Error(), "reading the bill "+file+": ") {
		t.Errorf("a file that only begins like Parquet is refused, with its name: %v", err)
	}
	if _, err := runCost(t, "outlook", "--server", d.URL); err == nil || !strings.Contains(err.Error(), "does not know yet") {
		t.Errorf("it is not known yet: %v", err)
	}
	d.Ahead = console.CostOutlook{
		Month: "2026-11", Currency: "EUR", At: time.Unix(1, 0).UTC(), Accuracy: &console.CostAccuracy{Since: "2026-08", Until: "2026-10", Percent: -12},
		Items: []console.CostForecast{{Environment: "prod", Spent: "10.000000000", ByRecent: "31.005000000", Budget: "30.000000000", Exceeds: true}},
	}
	got, err = runCost(t, "outlook", "--server", d.URL)
	if err == nil || !strings.Contains(got, "30.00 (exceeded)") || !strings.Contains(got, "estimates from 2026-08 to 2026-10 were 12 % low") {
		t.Errorf("%v:\n%s", err, got)
	}
}

// TestBillOfAnotherProgram imports what another program wrote as Parquet: DuckDB, with a mapping, a decimal and times in a zone.
func TestBillOfAnotherProgram(t *testing.T) {
	python := filepath.Join(cached.Transform(t), "python")
	d := consoletest.Start(t)
	for name, from := range map[string]string{
		"doubles": `SELECT 5.25::DOUBLE AS BilledCost, 'acme' AS BillingAccountId, 'EUR' AS BillingCurrency, TIMESTAMP '2026-11-01' AS BillingPeriodStart,
			TIMESTAMP '2026-11-02' AS ChargePeriodStart, TIMESTAMP '2026-11-03' AS ChargePeriodEnd, 'EC2' AS ServiceName, MAP {'aws:eks:cluster-name': 'eu'} AS Tags`,
		"decimals": `SELECT 5.25::DECIMAL(38, 18) AS BilledCost, 'acme' AS BillingAccountId, 'EUR' AS BillingCurrency, DATE '2026-11-01' AS BillingPeriodStart,
			TIMESTAMPTZ '2026-11-02 00:00:00Z' AS ChargePeriodStart, TIMESTAMP_NS '2026-11-03 00:00:00' AS ChargePeriodEnd, 'EC2' AS ServiceName,
			'{"aws:eks:cluster-name": "eu"}'::JSON AS Tags`,
	} {
		file := filepath.Join(t.TempDir(), name+".parquet")
		out, err := exec.CommandContext(t.Context(), python, "-I", "-c", "import duckdb, sys; duckdb.execute(sys.argv[1])",
			"COPY ("+from+") TO '"+file+"' (FORMAT parquet, COMPRESSION zstd)").CombinedOutput()
		if err != nil {
			t.Fatalf("%v\n%s", err, out)
		}
		want := []usage.Bill{{Account: "acme", Period: "2026-11-01", Currency: "EUR", Items: []usage.Item{{Day: "2026-11-02", Cluster: "eu", Service: "EC2", Nano: 5_250_000_000}}}}
		got, err := readBills(file, "other")
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%s: %v\n-want +got:\n%s", name, err, diff)
		}
		if said, err := runCost(t, "import", file, "--server", d.URL); err != nil || !strings.HasPrefix(said, "acme, 2026-11-01: the bill ") {
			t.Errorf("%s: %v: %s", name, err, said)
		}
	}
}
