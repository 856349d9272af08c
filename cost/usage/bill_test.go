// SPDX-License-Identifier: Apache-2.0

package usage_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/cost/usage"
)

const billHead = "BilledCost,BillingAccountId,BillingCurrency,BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd,ServiceName,Tags\n"

// charged is a line of a bill for a day.
func charged(amount, day, service, tags string) string {
	return fmt.Sprintf("%s,acme,EUR,2026-11-01T00:00:00Z,2026-11-%sT00:00:00Z,2026-11-%sT12:00:00Z,%s,%q\n", amount, day, day, service, tags)
}

func TestReadBill(t *testing.T) {
	eks := strings.ReplaceAll(`{"aws:eks:cluster-name":"eu"}`, `"`, `""`)
	tagged := func(line string) string { return strings.ReplaceAll(line, `\"`, `"`) }
	for name, tc := range map[string]struct {
		reason, file string
		want         []usage.Bill
		err          string
	}{
		"Sums": {
			reason: "Charges of a day, cluster and service are added up, and credits taken off.",
			file: billHead + tagged(charged("1.5", "02", "EC2", eks)) + tagged(charged("0.25", "02", "EC2", eks)) + charged("3", "02", "EBS", "") +
				charged("-0.000000001", "02", "EBS", ""),
			want: []usage.Bill{{Account: "acme", Period: "2026-11-01", Currency: "EUR", Items: []usage.Item{
				{Day: "2026-11-02", Cluster: "eu", Service: "EC2", Nano: 1_750_000_000}, {Day: "2026-11-02", Cluster: "one", Service: "EBS", Nano: 2_999_999_999},
			}}},
		},
		"Days": {
			reason: "A charge for several days is cut at midnight.",
			file:   billHead + "30,acme,EUR,2026-11-01,2026-11-01T12:00:00Z,2026-11-03T00:00:00Z,EC2,\n",
			want: []usage.Bill{{Account: "acme", Period: "2026-11-01", Currency: "EUR", Items: []usage.Item{
				{Day: "2026-11-01", Cluster: "one", Service: "EC2", Nano: 10e9}, {Day: "2026-11-02", Cluster: "one", Service: "EC2", Nano: 20e9},
			}}},
		},
		"Bills": {
			reason: "Each account has a bill of its own.",
			file:   billHead + charged("1", "02", "EC2", "") + strings.Replace(charged("2", "02", "EC2", ""), "acme", "other", 1),
			want: []usage.Bill{
				{Account: "acme", Period: "2026-11-01", Currency: "EUR", Items: []usage.Item{{Day: "2026-11-02", Cluster: "one", Service: "EC2", Nano: 1e9}}},
				{Account: "other", Period: "2026-11-01", Currency: "EUR", Items: []usage.Item{{Day: "2026-11-02", Cluster: "one", Service: "EC2", Nano: 2e9}}},
			},
		},
		"Empty":     {reason: "A bill without charges is none.", file: billHead},
		"Order":     {reason: "Columns are known by their names.", file: "ServiceName,BilledCost,BillingAccountId,BillingCurrency,BillingPeriodStart,ChargePeriodStart,ChargePeriodEnd\nEC2,1,acme,EUR,2026-11-01,2026-11-02,2026-11-03\n", want: []usage.Bill{{Account: "acme", Period: "2026-11-01", Currency: "EUR", Items: []usage.Item{{Day: "2026-11-02", Cluster: "one", Service: "EC2", Nano: 1e9}}}}},
		"Parquet":   {reason: "Another format is refused.", file: "PAR1\x15\x04\x15", err: "it has no column BilledCost"},
		"Mixed":     {reason: "A bill has one currency.", file: billHead + charged("1", "02", "EC2", "") + strings.Replace(charged("1", "02", "EC2", ""), "EUR", "USD", 1), err: "in EUR and in USD"},
		"Infinite":  {reason: "An amount is a number.", file: billHead + charged("Inf", "02", "EC2", ""), err: "line 2: the column BilledCost"},
		"Exponent":  {reason: "Its size is bounded before it is read.", file: billHead + charged("1e999999999", "02", "EC2", ""), err: "line 2: the column BilledCost"},
		"Much":      {reason: "More than can be kept is no amount.", file: billHead + charged("1e50", "02", "EC2", ""), err: "more than can be kept"},
		"Long":      {reason: "A charge for a thousand years is refused.", file: billHead + "1,acme,EUR,2026-11-01,2026-11-01,2199-11-03,EC2,\n", err: "more than 400 days"},
		"Backwards": {reason: "A charge ends after it begins.", file: billHead + "1,acme,EUR,2026-11-01,2026-11-03,2026-11-01,EC2,\n", err: "before its start"},
		"Huge":      {reason: "A field is bounded.", file: billHead + charged("1", "02", strings.Repeat("x", 5000), ""), err: "ServiceName is longer than"},
		"Record":    {reason: "So is a charge.", file: billHead + "\"" + strings.Repeat("x", 3<<20), err: "a charge is larger than"},
		"Ragged":    {reason: "A line has all columns.", file: billHead + "1,acme\n", err: "line 2"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := usage.ReadBill(strings.NewReader(tc.file), "one")
			if tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) || tc.err == "" && err != nil {
				t.Fatalf("%s\nthe error is %v, want %q", tc.reason, err, tc.err)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestReconcile(t *testing.T) {
	counted := []usage.Row{{Day: "2026-11-02", Cluster: "one", Nano: 3}, {Day: "2026-11-03", Cluster: "one", Nano: 4}}
	billed := []usage.Item{{Day: "2026-11-02", Cluster: "one", Service: "EC2", Nano: 5}, {Day: "2026-11-02", Cluster: "one", Service: "EBS", Nano: 1}, {Day: "2026-11-02", Cluster: "two", Service: "EC2", Nano: 7}}
	want := []usage.Against{
		{Day: "2026-11-02", Cluster: "one", Counted: 3, Billed: 6, Services: map[string]int64{"EC2": 5, "EBS": 1}},
		{Day: "2026-11-02", Cluster: "two", Billed: 7, Services: map[string]int64{"EC2": 7}},
		{Day: "2026-11-03", Cluster: "one", Counted: 4, Services: map[string]int64{}},
	}
	if diff := cmp.Diff(want, usage.Reconcile(counted, billed)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

// FuzzReadBill: whatever a file holds, it is a bill or an error, and each amount can be written down.
func FuzzReadBill(f *testing.F) {
	f.Add(billHead + charged("1.5", "02", "EC2", ""))
	f.Add(billHead + "1e9,a,EUR,2026-11-01,2026-11-01,2026-11-30,S,{}\n")
	f.Add("\"")
	f.Fuzz(func(t *testing.T, file string) {
		bills, err := usage.ReadBill(strings.NewReader(file), "one")
		if err != nil && bills != nil && !errors.Is(err, usage.ErrTooMuch) {
			t.Errorf("both a bill and an error: %v", err)
		}
		for _, b := range bills {
			if len(b.Items) == 0 || b.Currency == "" {
				t.Errorf("a bill of nothing: %+v", b)
			}
		}
	})
}
