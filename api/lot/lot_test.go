// SPDX-License-Identifier: Apache-2.0

package lot_test

import (
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/lot"
)

func at(t testing.TB, text string) time.Time {
	t.Helper()
	out, err := time.Parse(time.RFC3339Nano, text)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func TestID(t *testing.T) {
	cases := map[string]struct {
		reason string
		time   string
		unit   lot.Unit
		want   string
	}{
		"Fourths":       {"as Clusterless has it", "2023-02-06T23:52:06.5Z", lot.Fourths, "20230206PT15M095"},
		"Sixths":        {"as Clusterless has it", "2023-02-06T23:52:06.5Z", lot.Sixths, "20230206PT10M143"},
		"Twelfths":      {"as Clusterless has it", "2023-02-06T23:52:06.5Z", lot.Twelfths, "20230206PT5M286"},
		"ClsFourths":    {"what its own code answered", "2026-03-29T01:14:59Z", lot.Fourths, "20260329PT15M004"},
		"ClsSixths":     {"what its own code answered", "2026-03-29T01:14:59Z", lot.Sixths, "20260329PT10M007"},
		"ClsTwelfths":   {"what its own code answered", "2026-03-29T01:14:59Z", lot.Twelfths, "20260329PT5M014"},
		"ClsLast":       {"what its own code answered", "2026-12-31T23:55:00Z", lot.Twelfths, "20261231PT5M287"},
		"Adr":           {"the example of its decision record", "2023-01-01T04:10:00Z", lot.Twelfths, "20230101PT5M050"},
		"Hourly":        {"in the same manner", "2023-02-06T23:52:06.5Z", lot.Hourly, "20230206PT1H023"},
		"Daily":         {"in the same manner", "2023-02-06T23:52:06.5Z", lot.Daily, "20230206P1D000"},
		"Start":         {"the start belongs to the lot", "2023-02-06T00:05:00Z", lot.Twelfths, "20230206PT5M001"},
		"Before":        {"the end does not", "2023-02-06T00:04:59.999999999Z", lot.Twelfths, "20230206PT5M000"},
		"Zone":          {"days are those of UTC, whatever the zone", "2023-02-07T00:52:06+01:00", lot.Fourths, "20230206PT15M095"},
		"HalfHour":      {"also with zones that are off by half an hour", "2023-02-07T05:22:00+05:30", lot.Hourly, "20230206PT1H023"},
		"Leap":          {"the 29th of February", "2024-02-29T12:00:00Z", lot.Daily, "20240229P1D000"},
		"First":         {"the first second there is", "0001-01-01T00:00:00Z", lot.Sixths, "00010101PT10M000"},
		"Last":          {"the last one", "9999-12-31T23:59:59.999999999Z", lot.Fourths, "99991231PT15M095"},
		"Before1970":    {"seconds since 1970 are negative", "1969-12-31T23:59:59Z", lot.Hourly, "19691231PT1H023"},
		"TooEarly":      {"what an id cannot say is no lot", "0000-12-31T23:59:59Z", lot.Hourly, ""},
		"TooLate":       {"by its time in UTC", "9999-12-31T23:59:59-01:00", lot.Hourly, ""},
		"StillInBounds": {"by its time in UTC", "0000-12-31T23:00:00-01:00", lot.Hourly, "00010101PT1H000"},
		"NoUnit":        {"without a unit there is none", "2023-02-06T23:52:06.5Z", 0, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l := tc.unit.At(at(t, tc.time))
			if diff := cmp.Diff([]string{tc.want, strings.ToLower(tc.want)}, []string{l.ID(), l.Name()}); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if l.IsZero() != (tc.want == "") {
				t.Errorf("IsZero is %v of %q", l.IsZero(), tc.want)
			}
		})
	}
}

func TestParseID(t *testing.T) {
	cases := map[string]struct {
		reason, id, want string
	}{
		"Good":       {"an id gives the start of its lot", "20230101PT5M050", "2023-01-01T04:10:00Z"},
		"Empty":      {"too short", "", `"" is not the id of a lot: it is too short; want one as in "20230206PT5M286"`},
		"Short":      {"two digits", "20230101PT5M50", `after the day stands "PT5", which is not a length of lots`},
		"Long":       {"four digits", "20230101PT5M0050", `after the day stands "PT5M0", which is not a length of lots; want one of: PT5M, PT10M, PT15M, PT1H, P1D`},
		"Lower":      {"an id is in upper case", "20230101pt5m050", `after the day stands "pt5m"`},
		"Ordinal":    {"288 is of the next day", "20230101PT5M288", `a day has the lots 000 to 287, and none "288"`},
		"Day":        {"a day has one day", "20230101P1D001", `a day has the lots 000 to 000, and none "001"`},
		"Sign":       {"digits only", "20230101PT5M+50", `and none "+50"`},
		"Digits":     {"ASCII digits only", "20230101PT5M٣", "is not the id of a lot"},
		"Date":       {"there is no such day", "20230229PT5M000", "there is no day 20230229"},
		"LeapDay":    {"in a leap year there is", "20240229PT5M000", "2024-02-29T00:00:00Z"},
		"Month":      {"nor such a month", "20231301PT5M000", "there is no day 20231301"},
		"YearZero":   {"nor such a year", "00000101PT5M000", "there is no day 00000101"},
		"NoDay":      {"a day is eight digits", "2023-1-1PT5M000", "it does not begin with a day of eight digits"},
		"Unit":       {"lots of Clusterless' ids only", "20230101PT7M000", `"PT7M"`},
		"Equivalent": {"60 minutes are written as an hour", "20230101PT60M000", `"PT60M"`},
		"Space":      {"nothing around it", " 20230101PT5M050", "is not the id of a lot"},
		"Huge":       {"text of the repository is bounded", strings.Repeat("9", 5000), "is not the id of a lot"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			l, err := lot.ParseID(tc.id)
			got := l.Start.Format(time.RFC3339Nano)
			if err != nil {
				got = err.Error()
			}
			if !strings.Contains(got, tc.want) || len(got) > 300 {
				t.Errorf("%s\nwant %s\ngot  %s", tc.reason, tc.want, got)
			}
		})
	}
}

func TestParseName(t *testing.T) {
	l, err := lot.ParseName("20230206pt5m286")
	if err != nil || l.ID() != "20230206PT5M286" {
		t.Errorf("got %s, %v", l, err)
	}
	for _, bad := range []string{"20230206PT5M286", "20230206Pt5M286"} {
		if _, err := lot.ParseName(bad); err == nil {
			t.Errorf("%s was taken: a name is in lower case", bad)
		}
	}
}

func TestParseUnit(t *testing.T) {
	for _, name := range []string{"Fourths", "fourths", "SIXTHS", "twelfths", "Hourly", "DAILY"} {
		if u, err := lot.ParseUnit(name); err != nil || !strings.EqualFold(u.String(), name) {
			t.Errorf("%s: got %s, %v", name, u, err)
		}
	}
	for _, name := range []string{"", "Halves", "PT15M", "twelfthſ ", strings.Repeat("x", 1000)} {
		if u, err := lot.ParseUnit(name); err == nil || u.Valid() || len(err.Error()) > 200 {
			t.Errorf("%.20s: got %s, %v", name, u, err)
		}
	}
}

func TestUnits(t *testing.T) {
	type row struct {
		Duration time.Duration
		PerDay   int
		Divides  []string
	}
	got := map[string]row{}
	for _, u := range lot.Units() {
		r := row{u.Duration(), u.PerDay(), nil}
		for _, c := range lot.Units() {
			if u.Divides(c) {
				r.Divides = append(r.Divides, c.String())
			}
			if u.Finer(c) != c.Coarser(u) || u.Finer(c) != (u.Duration() < c.Duration()) {
				t.Errorf("%s and %s: finer and coarser do not agree", u, c)
			}
		}
		got[u.String()] = r
	}
	want := map[string]row{
		"Twelfths": {5 * time.Minute, 288, []string{"Twelfths", "Sixths", "Fourths", "hourly", "daily"}},
		"Sixths":   {10 * time.Minute, 144, []string{"Sixths", "hourly", "daily"}},
		"Fourths":  {15 * time.Minute, 96, []string{"Fourths", "hourly", "daily"}},
		"hourly":   {time.Hour, 24, []string{"hourly", "daily"}},
		"daily":    {24 * time.Hour, 1, []string{"daily"}},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Error(diff)
	}
}

func TestSeries(t *testing.T) {
	ids := func(lots []lot.Lot) (out []string) {
		for _, l := range lots {
			out = append(out, l.ID())
		}
		return out
	}
	hour := lot.Hourly.At(at(t, "2023-02-06T00:30:00Z"))
	fourth := lot.Fourths.At(at(t, "2023-02-06T00:15:00Z"))
	last := lot.Daily.At(at(t, "9999-12-31T00:00:00Z"))
	cases := map[string]struct {
		reason string
		got    []lot.Lot
		want   []string
	}{
		"Range":        {"half open", slices.Collect(lot.Range(lot.Hourly, at(t, "2023-02-06T22:00:00Z"), at(t, "2023-02-07T01:00:00Z"))), []string{"20230206PT1H022", "20230206PT1H023", "20230207PT1H000"}},
		"Unaligned":    {"lots that start in it", slices.Collect(lot.Range(lot.Hourly, at(t, "2023-02-06T22:00:00.000000001Z"), at(t, "2023-02-07T00:00:00.000000001Z"))), []string{"20230206PT1H023", "20230207PT1H000"}},
		"Backwards":    {"nothing", slices.Collect(lot.Range(lot.Hourly, at(t, "2023-02-07T00:00:00Z"), at(t, "2023-02-06T00:00:00Z"))), nil},
		"NoUnit":       {"nothing", slices.Collect(lot.Range(0, at(t, "2023-02-06T00:00:00Z"), at(t, "2023-02-07T00:00:00Z"))), nil},
		"Bounds":       {"cut at the years that ids can say", slices.Collect(lot.Range(lot.Daily, at(t, "9999-12-30T12:00:00Z"), at(t, "9999-12-31T23:00:00Z").AddDate(1, 0, 0))), []string{"99991231P1D000"}},
		"Early":        {"cut at the years that ids can say", slices.Collect(lot.Range(lot.Daily, at(t, "0001-01-01T00:00:00Z").AddDate(-4000, 0, 0), at(t, "0001-01-02T00:00:00Z"))), []string{"00010101P1D000"}},
		"Beyond":       {"nothing", slices.Collect(lot.Range(lot.Daily, last.End(), last.End().AddDate(1, 0, 0))), nil},
		"Within":       {"finer lots of an hour", lot.Fourths.Within(hour), []string{"20230206PT15M000", "20230206PT15M001", "20230206PT15M002", "20230206PT15M003"}},
		"WithinSame":   {"a lot is made of itself", lot.Hourly.Within(hour), []string{"20230206PT1H000"}},
		"WithinNone":   {"sixths do not line up with fourths", lot.Sixths.Within(fourth), nil},
		"WithinCoarse": {"an hour is not made of days", lot.Daily.Within(hour), nil},
		"WithinZero":   {"nothing is made of nothing", lot.Daily.Within(lot.Lot{}), nil},
		"Window":       {"ends with the lot", slices.Collect(lot.Hourly.Window(hour, 3)), []string{"20230205PT1H022", "20230205PT1H023", "20230206PT1H000"}},
		"WindowFiner":  {"of a finer unit", slices.Collect(lot.Twelfths.Window(fourth, 2)), []string{"20230206PT5M004", "20230206PT5M005"}},
		"WindowCoarse": {"of a coarser one, where it ends there too", slices.Collect(lot.Daily.Window(lot.Hourly.At(at(t, "2023-02-06T23:00:00Z")), 2)), []string{"20230205P1D000", "20230206P1D000"}},
		"WindowNone":   {"no hour ends at a quarter past", slices.Collect(lot.Hourly.Window(lot.Fourths.At(at(t, "2023-02-06T00:00:00Z")), 2)), nil},
		"WindowZero":   {"no lots, no window", slices.Collect(lot.Hourly.Window(hour, 0)), nil},
		"WindowEarly":  {"there is nothing before the year 1", slices.Collect(lot.Daily.Window(lot.Daily.At(at(t, "0001-01-02T00:00:00Z")), 1<<62)), []string{"00010101P1D000", "00010102P1D000"}},
		"WindowLast":   {"the last lot has one too", slices.Collect(lot.Daily.Window(last, 2)), []string{"99991230P1D000", "99991231P1D000"}},
		"NextOfLast":   {"none", []lot.Lot{last.Next()}, []string{""}},
		"PrevOfFirst":  {"none", []lot.Lot{lot.Hourly.At(at(t, "0001-01-01T00:00:00Z")).Prev()}, []string{""}},
		"NextOfNone":   {"none", []lot.Lot{lot.Lot{}.Next(), lot.Lot{}.Prev()}, []string{"", ""}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, ids(tc.got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestAligned(t *testing.T) {
	cases := map[string]struct {
		reason, time string
		want         []string
	}{
		"Midnight": {"every unit starts", "2026-01-01T00:00:00Z", []string{"Twelfths", "Sixths", "Fourths", "hourly", "daily"}},
		"Zone":     {"midnight elsewhere is no midnight", "2026-01-01T00:00:00+05:30", []string{"Twelfths", "Sixths", "Fourths"}},
		"Five":     {"five past", "2026-01-01T10:05:00Z", []string{"Twelfths"}},
		"Nano":     {"to the nanosecond", "2026-01-01T00:00:00.000000001Z", nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, u := range lot.Units() {
				if u.Aligned(at(t, tc.time)) {
					got = append(got, u.String())
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// times draws any time that an id can say, in any zone.
func times() *rapid.Generator[time.Time] {
	return rapid.Custom(func(t *rapid.T) time.Time {
		seconds := rapid.Int64Range(-62135596800, 253402300799).Draw(t, "seconds")
		zone := time.FixedZone("", rapid.IntRange(-14*3600, 14*3600).Draw(t, "zone"))
		return time.Unix(seconds, rapid.Int64Range(0, 999999999).Draw(t, "nanoseconds")).In(zone)
	})
}

func TestProperties(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := rapid.SampledFrom(lot.Units()).Draw(t, "unit")
		a, b := times().Draw(t, "a"), times().Draw(t, "b")
		l, m := u.At(a), u.At(b)
		if !l.Contains(a) || l.Contains(l.End()) || l.Contains(l.Start.Add(-1)) || !l.Contains(l.Start) || !u.Aligned(l.Start) {
			t.Fatalf("%s does not hold %s, or more than it should", l, a)
		}
		if got, err := lot.ParseID(l.ID()); err != nil || got != l {
			t.Fatalf("%s is read as %s: %v", l, got, err)
		}
		if got, err := lot.ParseName(l.Name()); err != nil || got != l {
			t.Fatalf("%s is read as %s: %v", l.Name(), got, err)
		}
		if strings.Compare(l.ID(), m.ID()) != l.Start.Compare(m.Start) || l.Compare(m) != -m.Compare(l) {
			t.Fatalf("%s and %s are not in the order of time", l, m)
		}
		if n := l.Next(); !n.IsZero() && (n.Prev() != l || !n.Start.Equal(l.End()) || n.ID() <= l.ID()) {
			t.Fatalf("after %s comes %s, and before that %s", l, n, n.Prev())
		}
		if lot.Count(u, l.Start, l.End()) != 1 {
			t.Fatalf("%s is not one lot", l)
		}
	})
}

// TestPartition: a day, cut anywhere, has each of its lots once, with numbers from 0 on.
func TestPartition(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		u := rapid.SampledFrom(lot.Units()).Draw(t, "unit")
		date := lot.Daily.At(times().Draw(t, "day"))
		cut := date.Start.Add(time.Duration(rapid.Int64Range(0, int64(24*time.Hour)).Draw(t, "cut")))
		halves := [][]lot.Lot{slices.Collect(lot.Range(u, date.Start, cut)), slices.Collect(lot.Range(u, cut, date.End()))}
		for i, c := range []int64{lot.Count(u, date.Start, cut), lot.Count(u, cut, date.End())} {
			if int(c) != len(halves[i]) {
				t.Fatalf("counted %d, there are %d", c, len(halves[i]))
			}
		}
		lots := slices.Concat(halves...)
		if diff := cmp.Diff(u.Within(date), lots); diff != "" || len(lots) != u.PerDay() {
			t.Fatalf("%d lots: %s", len(lots), diff)
		}
		at := date.Start
		for _, l := range lots {
			if !l.Start.Equal(at) {
				t.Fatalf("%s does not start where the one before it ends", l)
			}
			at = l.End()
		}
		if diff := cmp.Diff(lots, slices.Collect(u.Window(date, u.PerDay()))); diff != "" {
			t.Fatal(diff)
		}
	})
}

func TestAllocations(t *testing.T) {
	l := lot.Twelfths.At(at(t, "2023-02-06T23:52:06.5Z"))
	buffer := make([]byte, 0, 32)
	n := 0
	if got := testing.AllocsPerRun(100, func() {
		parsed, err := lot.ParseID("20230206PT5M286")
		if err != nil || parsed.Next().Prev() != l {
			t.Error("parsing")
		}
		for x := range lot.Range(lot.Hourly, l.Start, l.End().AddDate(0, 0, 1)) {
			buffer = x.AppendID(buffer[:0])
			n += len(buffer)
		}
	}); got > 0 {
		t.Errorf("%v allocations", got)
	}
}

func FuzzParseID(f *testing.F) {
	for _, id := range []string{"20230206PT15M095", "20230206pt10m143", "20230206P1D000", "20240229PT1H023", "00000000PT5M000", "99991231PT5M287", ""} {
		f.Add(id)
	}
	f.Fuzz(func(t *testing.T, id string) {
		if l, err := lot.ParseID(id); err == nil && (l.ID() != id || l.IsZero()) {
			t.Errorf("%q is read as %s", id, l)
		}
		if l, err := lot.ParseName(id); err == nil && (l.Name() != id || l.IsZero()) {
			t.Errorf("%q is read as %s", id, l)
		}
	})
}

func BenchmarkID(b *testing.B) {
	l := lot.Twelfths.At(time.Unix(1675727526, 0))
	b.ReportAllocs()
	for b.Loop() {
		parsed, err := lot.ParseID(l.ID())
		if err != nil {
			b.Fatal(err)
		}
		l = parsed
	}
}
