// SPDX-License-Identifier: Apache-2.0

package usage_test

import (
	"errors"
	"math/big"
	"slices"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/cost/usage"
)

// noon is in the middle of a day in a month of 720 hours.
var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

func day(text string) time.Time {
	t, err := time.Parse(time.DateOnly, text)
	if err != nil {
		panic(err)
	}
	return t
}

// flat is a price of so many cents an hour.
func flat(cents int64) usage.Tariff {
	return usage.Tariff{Currency: "EUR", Steps: []usage.Step{{PerHour: big.NewRat(cents, 100)}}}
}

func TestSlices(t *testing.T) {
	type slice struct {
		Day    string
		Nano   int64
		Lasted time.Duration
	}
	for name, tc := range map[string]struct {
		reason string
		began  time.Time
		lasted time.Duration
		tariff usage.Tariff
		since  time.Time
		want   []slice
	}{
		"Day":      {"What begins and ends on one day costs what it does.", noon, time.Hour, flat(50), time.Time{}, []slice{{"2026-11-21", 500_000_000, time.Hour}}},
		"Midnight": {"What goes on at midnight is of both days.", noon, 18 * time.Hour, flat(100), time.Time{}, []slice{{"2026-11-21", 12e9, 12 * time.Hour}, {"2026-11-22", 6e9, 6 * time.Hour}}},
		"Exactly":  {"What ends at midnight is of no further day.", noon, 12 * time.Hour, flat(100), time.Time{}, []slice{{"2026-11-21", 12e9, 12 * time.Hour}}},
		"Nothing":  {"What never was there costs nothing.", noon, 0, flat(100), time.Time{}, nil},
		"Third": {
			"Days whose amounts cannot be written exactly add up to the rounded total.", noon.Add(11*time.Hour + 40*time.Minute), 40 * time.Minute,
			usage.Tariff{Currency: "EUR", Steps: []usage.Step{{PerHour: big.NewRat(1, 1)}}},
			time.Time{},
			[]slice{{"2026-11-21", 333_333_333, 20 * time.Minute}, {"2026-11-22", 333_333_334, 20 * time.Minute}},
		},
		"Change": {
			"A price that changes does not change the day before.", noon, 24 * time.Hour,
			usage.Tariff{Currency: "EUR", Steps: []usage.Step{{PerHour: big.NewRat(1, 1)}, {From: day("2026-11-22"), PerHour: big.NewRat(2, 1)}}},
			time.Time{},
			[]slice{{"2026-11-21", 12e9, 12 * time.Hour}, {"2026-11-22", 24e9, 12 * time.Hour}},
		},
		"Since": {"Days that are known are left out, and the others are as they were.", noon, 48 * time.Hour, flat(100), noon.Add(24 * time.Hour), []slice{{"2026-11-22", 24e9, 24 * time.Hour}, {"2026-11-23", 12e9, 12 * time.Hour}}},
		"Zone":  {"Days are those of UTC.", noon.In(time.FixedZone("", -11*3600)), time.Hour, flat(100), time.Time{}, []slice{{"2026-11-21", 1e9, time.Hour}}},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := usage.Slices(usage.Fact{Began: tc.began, Until: tc.began.Add(tc.lasted)}, tc.tariff, tc.since)
			if err != nil {
				t.Fatal(err)
			}
			var out []slice
			for _, s := range got {
				out = append(out, slice{s.Day.Format(time.DateOnly), s.Nano, s.Lasted})
			}
			if diff := cmp.Diff(tc.want, out); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
	dear := usage.Tariff{Steps: []usage.Step{{PerHour: big.NewRat(1e15, 1)}}}
	if _, err := usage.Slices(usage.Fact{Began: noon, Until: noon.Add(time.Hour)}, dear, time.Time{}); !errors.Is(err, usage.ErrTooMuch) {
		t.Errorf("What cannot be kept is no amount: %v", err)
	}
}

// drawThing makes something that was there for some time, and what it costs.
func drawThing(t *rapid.T) (usage.Fact, usage.Tariff) {
	began := noon.Add(time.Duration(rapid.Int64Range(-int64(40*24*time.Hour), int64(40*24*time.Hour)).Draw(t, "began")))
	until := began.Add(time.Duration(rapid.Int64Range(1, int64(60*24*time.Hour)).Draw(t, "lasted")))
	tariff := usage.Tariff{Currency: "EUR"}
	for _, at := range slices.Sorted(slices.Values(rapid.SliceOfNDistinct(rapid.IntRange(-50, 110), 1, 6, rapid.ID).Draw(t, "changes"))) {
		price := big.NewRat(rapid.Int64Range(0, 1e8).Draw(t, "price"), rapid.Int64Range(1, 1<<40).Draw(t, "per"))
		tariff.Steps = append(tariff.Steps, usage.Step{From: day("2026-11-01").AddDate(0, 0, at), PerHour: price})
	}
	return usage.Fact{Began: began, Until: until, Cores: big.NewRat(1, 4), MiB: big.NewRat(512, 1)}, tariff
}

// TestDaysAddUp: whatever something costs and whenever it was there, its days add up to the whole to the last digit, and to its length; and
// they are the same from whichever day on they are asked for.
func TestDaysAddUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		f, tariff := drawThing(t)
		all, err := usage.Slices(f, tariff, time.Time{})
		if err != nil {
			t.Fatal(err)
		}
		sum, lasted := new(big.Int), time.Duration(0)
		for i, s := range all {
			sum.Add(sum, big.NewInt(s.Nano))
			lasted += s.Lasted
			if i > 0 && !s.Day.Equal(all[i-1].Day.AddDate(0, 0, 1)) {
				t.Errorf("%s follows %s", s.Day, all[i-1].Day)
			}
		}
		if whole := wholeOf(f, tariff); sum.Cmp(whole) != 0 {
			t.Errorf("the days add up to %s, and the whole is %s", sum, whole)
		}
		if lasted != f.Until.Sub(f.Began) {
			t.Errorf("the days last %s, and it did %s", lasted, f.Until.Sub(f.Began))
		}
		since := f.Began.Add(time.Duration(rapid.Int64Range(0, int64(f.Until.Sub(f.Began))-1).Draw(t, "since")))
		some, err := usage.Slices(f, tariff, since)
		if err != nil {
			t.Fatal(err)
		}
		if len(some) == 0 || !some[0].Day.Equal(usage.DayOf(since)) {
			t.Fatalf("since %s they are %v", since, some)
		}
		if diff := cmp.Diff(all[len(all)-len(some):], some); diff != "" {
			t.Errorf("since %s they are others: %s", since, diff)
		}
	})
}

// wholeOf is what something costs, second way: it knows of no days, adds up price by price, and rounds once.
func wholeOf(f usage.Fact, tariff usage.Tariff) *big.Int {
	exact := new(big.Rat)
	for i, step := range tariff.Steps {
		from, until := f.Began.UnixNano(), f.Until.UnixNano()
		if i > 0 {
			from = max(from, step.From.UnixNano())
		}
		if i+1 < len(tariff.Steps) {
			until = min(until, tariff.Steps[i+1].From.UnixNano())
		}
		if until > from {
			exact.Add(exact, new(big.Rat).Mul(step.PerHour, big.NewRat(until-from, 3_600_000_000_000)))
		}
	}
	digits := exact.FloatString(9) // which rounds half away from zero
	whole, ok := new(big.Rat).SetString(digits)
	if !ok {
		panic(digits)
	}
	return whole.Mul(whole, big.NewRat(usage.Nano, 1)).Num()
}

// TestBetter: what is known of something ends up the same, in whatever order and however often it becomes known.
func TestBetter(t *testing.T) {
	type known struct {
		certainty usage.Certainty
		until     time.Time
	}
	rapid.Check(t, func(t *rapid.T) {
		all := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) known {
			c := rapid.SampledFrom([]usage.Certainty{usage.Running, usage.Lost, usage.Ended}).Draw(t, "certainty")
			return known{c, noon.Add(time.Duration(rapid.IntRange(0, 5).Draw(t, "until")) * time.Hour)}
		}), 1, 8).Draw(t, "all")
		end := func(list []known) known {
			best := known{until: time.Time{}}
			for _, k := range list {
				if usage.Better(k.certainty, k.until, best.certainty, best.until) {
					best = k
				}
			}
			return known{until: best.until} // of two that say the same, either
		}
		other := rapid.Permutation(slices.Concat(all, all)).Draw(t, "other")
		if a, b := end(all), end(other); a != b {
			t.Errorf("in one order %v, in another %v", a, b)
		}
	})
}
