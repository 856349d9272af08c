// SPDX-License-Identifier: Apache-2.0

package usage_test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"math"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/parquet-go/parquet-go"
	"github.com/parquet-go/parquet-go/compress"
	"github.com/parquet-go/parquet-go/deprecated"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/cost/usage"
)

// asDoubles is a charge as Amazon's and Azure's exports have it.
type asDoubles struct {
	BilledCost                                             float64
	BillingAccountId                                       *string           `parquet:",optional"`
	BillingCurrency                                        string            `parquet:",dict"`
	BillingPeriodStart, ChargePeriodStart, ChargePeriodEnd time.Time         `parquet:",timestamp(millisecond)"`
	ServiceName                                            *string           `parquet:",optional"`
	Tags                                                   map[string]string `parquet:",optional"`
	SkuPriceDetails                                        map[string]string
}

// asDecimals is a charge with decimals, timestamps of Spark and tags in JSON.
type asDecimals struct {
	ServiceName        string
	Tags               string `parquet:",json"`
	BilledCost         int64  `parquet:",decimal(9:18)"`
	BillingAccountId   int64
	BillingCurrency    string
	BillingPeriodStart int32 `parquet:",date"`
	ChargePeriodStart  deprecated.Int96
	ChargePeriodEnd    time.Time `parquet:",timestamp(nanosecond)"`
}

// asWide is a charge with an amount of sixteen bytes, and the others as text.
type asWide struct {
	BilledCost                                             [16]byte `parquet:",decimal(10:38)"`
	BillingAccountId, BillingCurrency                      string
	BillingPeriodStart, ChargePeriodStart, ChargePeriodEnd string
	ServiceName                                            string
}

// inParquet writes charges.
func inParquet[T any](t interface{ Fatal(...any) }, rows ...T) []byte {
	return compressed(t, &parquet.Snappy, rows...)
}

// compressed writes them with a compression.
func compressed[T any](t interface{ Fatal(...any) }, codec compress.Codec, rows ...T) []byte {
	var out bytes.Buffer
	w := parquet.NewGenericWriter[T](&out, parquet.Compression(codec), parquet.MaxRowsPerRowGroup(2))
	if _, err := w.Write(rows); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func november(n int) time.Time { return time.Date(2026, 11, n, 0, 0, 0, 0, time.UTC) }

// spark is a time as Spark 2 writes it.
func spark(at time.Time) deprecated.Int96 {
	midnight := at.Truncate(24 * time.Hour)
	nanos := uint64(at.Sub(midnight))
	return deprecated.Int96{uint32(nanos), uint32(nanos >> 32), uint32(midnight.Unix()/86400 + 2440588)}
}

func TestReadParquetBill(t *testing.T) {
	acme, ec2 := "acme", "EC2"
	doubles := func(amount float64, tags map[string]string) asDoubles {
		return asDoubles{BilledCost: amount, BillingAccountId: &acme, BillingCurrency: "EUR", BillingPeriodStart: november(1), ChargePeriodStart: november(2), ChargePeriodEnd: november(3), ServiceName: &ec2, Tags: tags}
	}
	one := func(account, cluster string, nano int64) []usage.Bill {
		return []usage.Bill{{Account: account, Period: "2026-11-01", Currency: "EUR", Items: []usage.Item{{Day: "2026-11-02", Cluster: cluster, Service: "EC2", Nano: nano}}}}
	}
	var minus [16]byte // -1.5, of which 10^10 are one
	for i := range minus {
		minus[i] = 0xff
	}
	for i, rest := 0, int64(-15_000_000_000); i < 8; i++ {
		minus[15-i] = byte(rest >> (8 * i))
	}
	wide := asWide{BilledCost: minus, BillingAccountId: "acme", BillingCurrency: "EUR", BillingPeriodStart: "2026-11-01", ChargePeriodStart: "2026-11-02T00:00:00Z", ChargePeriodEnd: "2026-11-03T00:00:00Z", ServiceName: "EC2"}
	nobody := doubles(1, nil)
	nobody.BillingAccountId = nil
	for name, tc := range map[string]struct {
		reason string
		file   []byte
		want   []usage.Bill
		err    string
	}{
		"Doubles": {
			reason: "A number of floating point is its shortest decimal form; 0.1 + 0.2 is 0.3.",
			file:   inParquet(t, doubles(0.1, nil), doubles(0.2, nil), doubles(1e-7, nil)), want: one("acme", "one", 300_000_100),
		},
		"Tags": {
			reason: "Tags that are a mapping say the cluster; the other mapping of the row does not.",
			file: inParquet(t, asDoubles{
				BilledCost: 2, BillingAccountId: &acme, BillingCurrency: "EUR", BillingPeriodStart: november(1), ChargePeriodStart: november(2), ChargePeriodEnd: november(3), ServiceName: &ec2,
				Tags: map[string]string{"team": "a", "aws:eks:cluster-name": "eu"}, SkuPriceDetails: map[string]string{"trunkline.dev/cluster": "us"},
			}),
			want: one("acme", "eu", 2e9),
		},
		"Decimals": {
			reason: "A decimal is exact, times may be days or of Spark 2, and tags JSON.",
			file: inParquet(t, asDecimals{
				ServiceName: "EC2", Tags: `{"trunkline.dev/cluster":"us"}`, BilledCost: -1_234_567_891, BillingAccountId: 123456789012, BillingCurrency: "EUR",
				BillingPeriodStart: int32(november(1).Unix() / 86400), ChargePeriodStart: spark(november(2).Add(time.Hour)), ChargePeriodEnd: november(3),
			}),
			want: one("123456789012", "us", -1_234_567_891),
		},
		"Wide":      {reason: "A decimal of sixteen bytes may be negative.", file: inParquet(t, wide), want: one("acme", "one", -1_500_000_000)},
		"Null":      {reason: "What is null is not said.", file: inParquet(t, nobody), want: one("", "one", 1e9)},
		"Empty":     {reason: "A bill without charges is none.", file: inParquet[asWide](t)},
		"Infinite":  {reason: "An amount is a number.", file: inParquet(t, doubles(1, nil), doubles(2, nil), doubles(math.Inf(1), nil)), err: "row 3: the column BilledCost"},
		"NotNumber": {reason: "And NaN is none.", file: inParquet(t, doubles(math.NaN(), nil)), err: "row 1: the column BilledCost"},
		"Zstd":      {reason: "What exports have is read.", file: compressed(t, &parquet.Zstd, wide), want: one("acme", "one", -1_500_000_000)},
		"Gzip":      {reason: "So is this.", file: compressed(t, &parquet.Gzip, wide), want: one("acme", "one", -1_500_000_000)},
		"LZ4":       {reason: "The library does not end with what is damaged in it.", file: compressed(t, &parquet.Lz4Raw, wide), err: "compressed by LZ4_RAW"},
		"Column":    {reason: "Another table is refused.", file: inParquet(t, struct{ BilledCost float64 }{1}), err: "it has no column BillingAccountId"},
		"Nested": {
			reason: "A column within another is not the column.",
			file:   inParquet(t, struct{ Details asWide }{wide}), err: "it has no column BilledCost",
		},
		"Cut":   {reason: "Half a file is an error.", file: inParquet(t, doubles(1, nil))[:200], err: "parquet"},
		"Magic": {reason: "So is one that only begins like one.", file: []byte("PAR1\x15\x04\x15PAR1"), err: "footer"},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := usage.ReadParquetBill(bytes.NewReader(tc.file), int64(len(tc.file)), "one")
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if tc.err == "" && err != nil || tc.err != "" && (err == nil || !strings.Contains(err.Error(), tc.err)) {
				t.Errorf("%s\nerror %v, want one with %q", tc.reason, err, tc.err)
			}
		})
	}
}

// TestParquetAsCSV has the same charges come to the same bills, however they are written.
func TestParquetAsCSV(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		var rows []asDoubles
		text := billHead
		for range rapid.IntRange(1, 9).Draw(t, "charges") {
			amount := float64(rapid.Int64Range(-1e12, 1e12).Draw(t, "amount")) / 1e6
			account, service := rapid.SampledFrom([]string{"a", "b"}).Draw(t, "account"), rapid.SampledFrom([]string{"EC2", "EBS"}).Draw(t, "service")
			begin := november(1).Add(time.Duration(rapid.IntRange(0, 40*24).Draw(t, "begin")) * time.Hour)
			end := begin.Add(time.Duration(rapid.IntRange(0, 72).Draw(t, "hours")) * time.Hour)
			row := asDoubles{BilledCost: amount, BillingAccountId: &account, BillingCurrency: "EUR", BillingPeriodStart: november(1), ChargePeriodStart: begin, ChargePeriodEnd: end, ServiceName: &service}
			tags := ""
			if cluster := rapid.SampledFrom([]string{"", "eu"}).Draw(t, "cluster"); cluster != "" {
				row.Tags = map[string]string{"eks:cluster-name": cluster}
				tags = fmt.Sprintf(`"{""eks:cluster-name"":""%s""}"`, cluster)
			}
			rows = append(rows, row)
			text += fmt.Sprintf("%v,%s,EUR,2026-11-01,%s,%s,%s,%s\n", amount, account, begin.Format(time.RFC3339), end.Format(time.RFC3339), service, tags)
		}
		want, err := usage.ReadBill(strings.NewReader(text), "one")
		if err != nil {
			t.Fatal(err)
		}
		file := inParquet(t, rows...)
		got, err := usage.ReadParquetBill(bytes.NewReader(file), int64(len(file)), "one")
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n-csv +parquet:\n%s", err, diff)
		}
		var packed bytes.Buffer
		w := gzip.NewWriter(&packed)
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
		if err := w.Close(); err != nil {
			t.Fatal(err)
		}
		got, err = usage.ReadBill(&packed, "one")
		if diff := cmp.Diff(want, got); diff != "" || err != nil {
			t.Errorf("%v\n-csv +gzip:\n%s", err, diff)
		}
	})
}

// FuzzReadParquetBill has files that are damaged read without a panic.
func FuzzReadParquetBill(f *testing.F) {
	acme := "acme"
	f.Add(inParquet(f, asDoubles{BilledCost: 1, BillingAccountId: &acme, BillingCurrency: "EUR", BillingPeriodStart: november(1), ChargePeriodStart: november(2), ChargePeriodEnd: november(3), Tags: map[string]string{"a": "b"}}))
	f.Add(inParquet(f, asDecimals{BillingCurrency: "EUR", ChargePeriodEnd: november(3)}))
	f.Fuzz(func(t *testing.T, file []byte) {
		bills, err := usage.ReadParquetBill(bytes.NewReader(file), int64(len(file)), "one")
		if err != nil && bills != nil {
			t.Errorf("%v, and yet there are %d bills", err, len(bills))
		}
	})
}
