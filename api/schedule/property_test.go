// SPDX-License-Identifier: Apache-2.0

package schedule_test

import (
	"fmt"
	"testing"
	"time"

	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/schedule"
)

// weekly draws an expression for days of the week: what it does in one year it does in each.
func weekly() *rapid.Generator[string] {
	return rapid.Custom(func(t *rapid.T) string {
		minute := rapid.OneOf(rapid.StringMatching(`[1-5]?[0-9]`), rapid.Just("*/20"), rapid.Just("0,59")).Draw(t, "minute")
		hour := rapid.OneOf(rapid.StringMatching(`1?[0-9]`), rapid.SampledFrom([]string{"0-3", "*/6", "1,3", "2", "23", "0,23"})).Draw(t, "hour")
		day := rapid.OneOf(rapid.Just("*"), rapid.StringMatching(`[0-6]`), rapid.SampledFrom([]string{"1-5", "0,6", "*/3", "mon"})).Draw(t, "day")
		return fmt.Sprintf("%s %s * * %s", minute, hour, day)
	})
}

func zones() *rapid.Generator[string] {
	return rapid.SampledFrom([]string{
		"UTC", "Europe/Brussels", "America/New_York", "America/Santiago", "America/Havana", "Asia/Beirut", "Asia/Kolkata",
		"Pacific/Auckland", "America/Nuuk", "Europe/Dublin", "Antarctica/Troll", "Atlantic/Azores", "Pacific/Chatham", "Australia/Lord_Howe",
	})
}

// TestBruteForce holds the shortest gap to that of all firings of a year and more, one by one.
func TestBruteForce(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		expression, zone := weekly().Draw(t, "expression"), zones().Draw(t, "zone")
		s, err := schedule.Parse(expression, zone)
		if err != nil {
			t.Fatal(err)
		}
		start := now().AddDate(0, 0, rapid.IntRange(0, 400).Draw(t, "day"))
		got, ok := s.Closest(start)
		if !ok {
			t.Fatal("there is none")
		}
		local := start.In(got.From.Location())
		at := time.Date(local.Year(), local.Month(), local.Day()+1, 0, 0, 0, 0, local.Location()).Add(-time.Second)
		var want schedule.Gap
		for end := at.AddDate(1, 0, 7); at.Before(end); {
			for _, next := range s.Next(at, 1000) {
				if g := (schedule.Gap{From: at, To: next}); at.Second() == 0 && (want.From.IsZero() || g.Length() < want.Length()) {
					want = g
				}
				at = next
			}
		}
		if got.Length() != want.Length() || !s.Next(got.From, 1)[0].Equal(got.To) {
			t.Fatalf("%s: got %s from %s, by brute force it is %s from %s", s, got.Length(), got.From, want.Length(), want.From)
		}
	})
}

// TestOftenIsClosest: what is answered at once is what all gaps of a year say.
func TestOftenIsClosest(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		s, err := schedule.Parse(weekly().Draw(t, "expression"), zones().Draw(t, "zone"))
		if err != nil {
			t.Fatal(err)
		}
		timeout := time.Duration(rapid.IntRange(0, 30*60).Draw(t, "minutes")) * time.Minute
		closest, ok := s.Closest(now())
		if _, often := s.Often(now(), timeout); often != (ok && closest.Length() < timeout) {
			t.Fatalf("%s every %s at its closest, and a run may take %s: often is %v", s, closest.Length(), timeout, often)
		}
	})
}

// TestGapIsReal: whatever the expression, the gap that is given is one, and no firing of the next years is closer.
func TestGapIsReal(t *testing.T) {
	field := func(low, high int) *rapid.Generator[string] {
		one := rapid.Custom(func(t *rapid.T) string {
			a, b := rapid.IntRange(low, high).Draw(t, "a"), rapid.IntRange(low, high).Draw(t, "b")
			switch low, high := min(a, b), max(a, b, 1); rapid.IntRange(0, 4).Draw(t, "form") {
			case 0:
				return "*"
			case 1:
				return fmt.Sprintf("%d-%d", low, high)
			case 2:
				return fmt.Sprintf("%d/%d", low, high)
			default:
				return fmt.Sprint(low)
			}
		})
		return rapid.Custom(func(t *rapid.T) string {
			list := one.Draw(t, "first")
			if rapid.Bool().Draw(t, "list") {
				list += "," + one.Draw(t, "second")
			}
			return list
		})
	}
	rapid.Check(t, func(t *rapid.T) {
		expression := fmt.Sprintf("%s %s %s %s %s", field(0, 59).Draw(t, "minute"), field(0, 23).Draw(t, "hour"), field(1, 31).Draw(t, "date"), field(1, 12).Draw(t, "month"), field(0, 6).Draw(t, "day"))
		s, err := schedule.Parse(expression, zones().Draw(t, "zone"))
		if err != nil {
			t.Fatalf("%s: %v", expression, err)
		}
		gap, ok := s.Closest(now())
		if ok == s.Never() {
			t.Fatalf("%s: never is %v, and there is a gap: %v", s, s.Never(), ok)
		}
		if !ok {
			return
		}
		if next := s.Next(gap.From, 1); !next[0].Equal(gap.To) {
			t.Fatalf("%s: after %s comes %s, not %s", s, gap.From, next[0], gap.To)
		}
		at, end := now().AddDate(0, 0, 1), now().AddDate(1, 0, 0)
		for i, next := range s.Next(at, 200) {
			if next.After(end) {
				return // Closest looks at a year; years later, a date and a day of the week may be closer
			}
			if i > 0 && next.Sub(at) < gap.Length() {
				t.Fatalf("%s: from %s to %s is less than %s", s, at, next, gap.Length())
			}
			at = next
		}
	})
}

func FuzzParse(f *testing.F) {
	for _, s := range []string{"0 6 * * *", "*/7 1-3 13 * 5", "0 0 30 2 *", "@every 1h", "@daily", "TZ=", "CRON_TZ=UTC * * * * *", ", , , , ,", "0 0 29 feb mon-fri/2", "? ? ? ? ?"} {
		f.Add(s, "Europe/Brussels")
		f.Add(s, "Australia/Lord_Howe")
	}
	f.Fuzz(func(t *testing.T, expression, zone string) {
		s, err := schedule.Parse(expression, zone)
		if err != nil {
			return
		}
		gap, ok := s.Closest(now())
		if ok == s.Never() {
			t.Fatalf("%s: never is %v, and there is a gap: %v", s, s.Never(), ok)
		}
		if next := s.Next(gap.From, 2); ok && !next[0].Equal(gap.To) {
			t.Fatalf("%s: after %s comes %s, not %s", s, gap.From, next[0], gap.To)
		}
	})
}

func BenchmarkSchedule(b *testing.B) {
	for _, bb := range [][2]string{{"0 6 * * *", ""}, {"*/5 * * * 1-5", ""}, {"0 0 31 * *", ""}, {"0 2 * * *", "Europe/Brussels"}, {"0 6 * * 1-5", "America/New_York"}, {"0 0 31 * *", "Africa/Casablanca"}, {"*/2 1-3 * * 0", "Australia/Lord_Howe"}} {
		b.Run(bb[0]+" "+bb[1], func(b *testing.B) {
			b.ReportAllocs()
			for b.Loop() {
				s, err := schedule.Parse(bb[0], bb[1])
				if err != nil {
					b.Fatal(err)
				}
				s.Often(now(), 30*time.Minute)
			}
		})
	}
}
