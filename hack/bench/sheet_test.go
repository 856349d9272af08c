// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/number"
)

func TestMarkdown(t *testing.T) {
	for _, test := range []struct {
		reason string
		sheet  sheet
		want   string
	}{
		{reason: "a benchmark that measured nothing prints nothing", sheet: sheet{machine: []string{"2 cores"}}},
		{
			reason: "what has no number of apps, nothing beside it and no ratio has empty cells; notes come last",
			sheet: sheet{machine: []string{"2 cores", "idle"}, notes: []string{"Mind the gap."}, rows: []row{
				{what: "roll-out", apps: 1000, figure: "2 s", beside: "1 s: bare", ratio: 2},
				{what: "memory", figure: "9 MiB"},
			}},
			want: "2 cores\nidle\n\n| | apps | Trunkline | beside it | ratio |\n| --- | --- | --- | --- | --- |\n" +
				"| roll-out | 1,000 | 2 s | 1 s: bare | 2.00 |\n| memory |  | 9 MiB |  |  |\n\nMind the gap.\n",
		},
	} {
		if diff := cmp.Diff(test.want, test.sheet.markdown()); diff != "" {
			t.Errorf("%s (-want +got):\n%s", test.reason, diff)
		}
	}
}

func TestQuantile(t *testing.T) {
	for _, test := range []struct {
		reason string
		values []time.Duration
		q      float64
		want   time.Duration
	}{
		{"nothing was measured", nil, 0.5, 0},
		{"one value is every quantile", []time.Duration{7}, 0.95, 7},
		{"the middle of three, whatever their order", []time.Duration{9, 1, 5}, 0.5, 5},
		{"of an even number, the lower of the two in the middle", []time.Duration{4, 3, 2, 1}, 0.5, 2},
		{"with 20 values, 95 % leaves one out", []time.Duration{1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 12, 13, 14, 15, 16, 17, 18, 19, 99}, 0.95, 19},
		{"with fewer it is the greatest", []time.Duration{1, 2, 99}, 0.95, 99},
	} {
		if got := quantile(test.values, test.q); got != test.want {
			t.Errorf("%s: got %d, want %d", test.reason, got, test.want)
		}
	}
}

// TestQuantileHoldsItsShare states what a quantile is, and that asking for it leaves the values as they are.
func TestQuantileHoldsItsShare(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		values := rapid.SliceOfN(rapid.Map(rapid.Int64Range(0, 100), func(n int64) time.Duration { return time.Duration(n) }), 1, 50).Draw(t, "values")
		q := rapid.Float64Range(0.01, 1).Draw(t, "q")
		before := append([]time.Duration{}, values...)
		got := quantile(values, q)
		if diff := cmp.Diff(before, values); diff != "" {
			t.Fatalf("the values were changed (-before +after):\n%s", diff)
		}
		below, under := 0, 0
		for _, v := range values {
			if v <= got {
				below++
			}
			if v < got {
				under++
			}
		}
		if share := float64(len(values)) * q; float64(below) < share || float64(under) >= share {
			t.Errorf("the quantile %g of %v is %d: %d are at most that, %d are less", q, values, got, below, under)
		}
	})
}

func TestFigures(t *testing.T) {
	want := []string{"0 µs", "950 µs", "1.5 ms", "150 ms", "1.50 s", "75.0 s", "1", "999", "1,000", "1,234,567", "0 MiB", "2 MiB", "150 MiB"} // halves are rounded up
	got := []string{
		span(0), span(950 * time.Microsecond), span(1500 * time.Microsecond), span(150 * time.Millisecond), span(1500 * time.Millisecond), span(75 * time.Second),
		number.Of(1), number.Of(999), number.Of(1000), number.Of(1234567),
		mebibytes(0), mebibytes(3 << 19), mebibytes(150 << 20),
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("figures (-want +got):\n%s", diff)
	}
	if ratio(time.Second, 0) != 0 || ratio(0, time.Second) != 0 || ratio(3*time.Second, 2*time.Second) != 1.5 {
		t.Error("a ratio with nothing is none, and of 3 to 2 is 1.5")
	}
	if mean(nil) != 0 || mean([]time.Duration{1, 3}) != 2 {
		t.Error("the mean of nothing is 0, and of 1 and 3 is 2")
	}
}
