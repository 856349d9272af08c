// SPDX-License-Identifier: Apache-2.0

package schedule_test

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/schedule"
)

// now is a Saturday.
func now() time.Time { return time.Date(2026, 11, 21, 10, 7, 30, 0, time.UTC) }

func parse(t testing.TB, expression, zone string) schedule.Schedule {
	t.Helper()
	s, err := schedule.Parse(expression, zone)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func TestParseErrors(t *testing.T) {
	cases := map[string]struct {
		reason, expression, zone string
		part, want               string
		known                    string // one that is offered
	}{
		"Empty":       {"nothing", "", "", "expression", `the schedule is empty; want five fields, as in "0 6 * * *"`, ""},
		"Blank":       {"nothing", " \t", "", "expression", `the schedule is empty`, ""},
		"Four":        {"too few fields", "0 6 * *", "", "expression", `the schedule "0 6 * *" has 4 fields; want minute, hour, day of month, month and day of week`, ""},
		"Seconds":     {"what other systems take", "0 0 6 * * *", "", "expression", `has 6 fields; want minute, hour, day of month, month and day of week, as in "0 6 * * *"; there is no field for seconds`, ""},
		"Minute":      {"the field is named, with what it takes", "60 * * * *", "", "minute", `the minute "60" is not valid; want 0 to 59, as in "5", "1-5", "*/2" or "1,3"`, ""},
		"Hour":        {"only the element that is wrong", "0 1,2,24 * * *", "", "hour", `the hour "24" is not valid; want 0 to 23`, ""},
		"Zero":        {"days count from 1", "0 0 0 * *", "", "day of month", `the day of month "0" is not valid; want 1 to 31`, ""},
		"Month":       {"names are offered", "0 0 1 jnu *", "", "month", `the month "jnu" is not valid; want 1 to 12 or jan to dec`, "jun"},
		"Seven":       {"Sunday is 0 for a CronJob", "0 0 * * 7", "", "day of week", `the day of week "7" is not valid; want 0 to 6 (Sunday is 0) or sun to sat`, ""},
		"Backwards":   {"a range over midnight", "0 22-4 * * *", "", "hour", `the hour "22-4" goes backwards; a range goes up, and two ranges are written as in "22-23,0-4"`, ""},
		"StepZero":    {"a step of nothing", "*/0 * * * *", "", "minute", `the minute "*/0" is not valid`, ""},
		"Negative":    {"a number with a sign", "-5 * * * *", "", "minute", `the minute "-5" is not valid`, ""},
		"List":        {"a list of nothing, which the library takes and never fires", "0 , * * *", "", "hour", `the hour "," lists nothing; want 0 to 23`, ""},
		"Quartz":      {"words of other crons", "0 0 L * *", "", "day of month", `the day of month "L" is not valid`, ""},
		"TZ":          {"a zone in the expression", "TZ=Europe/Brussels 0 6 * * *", "", "zone", `names its zone, which a CronJob refuses; give the time zone in its own field`, ""},
		"CRON_TZ":     {"its other form", "CRON_TZ=UTC 0 6 * * *", "", "zone", `names its zone`, ""},
		"TZEmpty":     {"where the library panics", "TZ=", "", "zone", `names its zone`, ""},
		"TZLater":     {"where it is no prefix", "  TZ=/etc/passwd 6 * * *", "", "zone", `names its zone`, ""},
		"Macro":       {"a macro that there is not", "@reboot", "", "expression", `"@reboot" is not a macro of schedules; want one of: @annually, @daily`, "@daily"},
		"Every":       {"no delay", "@every", "", "expression", `"@every" has no duration; want a length of time, as in "@every 1h30m"`, ""},
		"EveryWord":   {"no length of time", "@every day", "", "expression", `"day" is not a duration`, ""},
		"EveryLess":   {"less than a second", "@every 500ms", "", "expression", `"500ms" is less than a second, which a CronJob would round up to a second`, ""},
		"EveryMinus":  {"backwards", "@every -5h", "", "expression", `"-5h" is less than a second`, ""},
		"EveryHalf":   {"parts of seconds", "@every 1.5s", "", "expression", `"1.5s" is not a whole number of seconds; a CronJob would leave out the rest`, ""},
		"EveryLong":   {"more than can be counted", "@every 99999999h", "", "expression", `"99999999h" is not a duration`, ""},
		"Zone":        {"no such zone", "0 6 * * *", "Europe/Brussel", "zone", `"Europe/Brussel" is not a time zone of the IANA database, as in "Europe/Brussels"`, "Europe/Brussels"},
		"ZoneCase":    {"case matters, as it does to Kubernetes", "0 6 * * *", "europe/brussels", "zone", `"europe/brussels" is not a time zone`, "Europe/Brussels"},
		"ZoneLocal":   {"the machine's zone is no zone", "0 6 * * *", "Local", "zone", `"Local" is not a time zone`, ""},
		"ZonePath":    {"nothing is read from the disk", "0 6 * * *", "../../etc/passwd", "zone", `is not a time zone`, ""},
		"ZoneTrick":   {"nor from between the names", "0 6 * * *", "Zulu 1 2\n", "zone", `is not a time zone`, ""},
		"Long":        {"text of the repository is bounded", strings.Repeat("1,", 501) + " * * * *", "", "expression", `the schedule has 1010 bytes; the limit is 1000`, ""},
		"LongElement": {"and quoted shortly", strings.Repeat("9", 900) + " * * * *", "", "minute", `the minute "9999`, ""},
		"Unicode":     {"anything else", "\x00\xff * * * *", "", "minute", `the minute "\x00\xff" is not valid`, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := schedule.Parse(tc.expression, tc.zone)
			e, ok := errors.AsType[*schedule.Error](err)
			if !ok {
				t.Fatalf("%s: got %v", tc.reason, err)
			}
			if e.Part != tc.part || !strings.Contains(e.Error(), tc.want) || len(e.Error()) > 300 {
				t.Errorf("%s\nwant %s: %s\ngot  %s: %s", tc.reason, tc.part, tc.want, e.Part, e)
			}
			if tc.known != "" && !strings.Contains(strings.Join(e.Known, " "), tc.known) {
				t.Errorf("%s is not among %q", tc.known, e.Known)
			}
		})
	}
}

func TestNext(t *testing.T) {
	cases := map[string]struct {
		reason, expression, zone, after string
		want                            []string
	}{
		"Daily":    {"in UTC", "0 6 * * *", "", "2026-11-21T10:07:30Z", []string{"2026-11-22T06:00:00Z", "2026-11-23T06:00:00Z"}},
		"Exactly":  {"after, not at", "0 6 * * *", "", "2026-11-21T06:00:00Z", []string{"2026-11-22T06:00:00Z", "2026-11-23T06:00:00Z"}},
		"Zone":     {"in its zone", "0 6 * * *", "Europe/Brussels", "2026-11-21T10:07:30Z", []string{"2026-11-22T06:00:00+01:00", "2026-11-23T06:00:00+01:00"}},
		"Names":    {"names in any case", "0 0 * Jan MON", "", "2026-11-21T10:07:30Z", []string{"2027-01-04T00:00:00Z", "2027-01-11T00:00:00Z"}},
		"Either":   {"day of month or day of week, if both are restricted", "0 0 13 * 5", "", "2026-11-21T10:07:30Z", []string{"2026-11-27T00:00:00Z", "2026-12-04T00:00:00Z"}},
		"Macro":    {"as Kubernetes takes it", "@weekly", "", "2026-11-21T10:07:30Z", []string{"2026-11-22T00:00:00Z", "2026-11-29T00:00:00Z"}},
		"Every":    {"a delay counts from the time given", "@every 90m", "", "2026-11-21T10:07:30Z", []string{"2026-11-21T11:37:30Z", "2026-11-21T13:07:30Z"}},
		"LeapDay":  {"the 29th of February comes", "0 0 29 2 *", "", "2026-11-21T10:07:30Z", []string{"2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"}},
		"Century":  {"also after eight years, where the library gives up", "0 0 29 2 *", "", "2096-03-01T00:00:00Z", []string{"2104-02-29T00:00:00Z", "2108-02-29T00:00:00Z"}},
		"Never":    {"the 30th does not", "0 0 30 2 *", "", "2026-11-21T10:07:30Z", nil},
		"Doubled":  {"the clock is set back", "30 2 * * *", "Europe/Brussels", "2026-10-24T23:00:00Z", []string{"2026-10-25T02:30:00+02:00", "2026-10-25T02:30:00+01:00"}},
		"Skipped":  {"the clock is set forward", "30 2 * * *", "Europe/Brussels", "2027-03-27T00:00:00Z", []string{"2027-03-27T02:30:00+01:00", "2027-03-29T02:30:00+02:00"}},
		"Back":     {"the library would give the same time forever, where a clock is set back from 3:45", "0 3 * * *", "Pacific/Chatham", "2027-04-03T14:00:00Z", []string{"2027-04-04T03:00:00+12:45", "2027-04-05T03:00:00+12:45"}},
		"OddComma": {"the library takes an empty place in a list", "0,,30 6 * * *", "", "2026-11-21T10:07:30Z", []string{"2026-11-22T06:00:00Z", "2026-11-22T06:30:00Z"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			after, err := time.Parse(time.RFC3339, tc.after)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, n := range parse(t, tc.expression, tc.zone).Next(after, 2) {
				got = append(got, n.Format(time.RFC3339))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
	if got := len(parse(t, "* * * * *", "").Next(now(), 1<<30)); got != 1000 {
		t.Errorf("%d firings are given, want at most 1000", got)
	}
}

func TestNever(t *testing.T) {
	cases := map[string]struct {
		reason string
		want   bool
	}{
		"0 0 30 2 *":       {"February has no 30th", true},
		"0 0 31 2,4 *":     {"nor has April a 31st", true},
		"0 0 31 */2 *":     {"January has", false},
		"0 0 29 2 *":       {"February has a 29th, now and then", false},
		"0 0 30,31 2 1":    {"or a Monday, if both are restricted", false},
		"0 0 31 2 */1":     {"a star with a step of one restricts nothing", true},
		"0 0 31 2 0-6":     {"every day of the week is a restriction: it fires on each day of February", false},
		"0 0 30 2 */2":     {"so is a star with a step", false},
		"@every 1h":        {"a delay is always over some time", false},
		"@yearly":          {"once a year is not never", false},
		"* * * * *":        {"always", false},
		"0 0 * 2 1":        {"Mondays in February", false},
		"0 0 31 4,6,9,* *": {"a star among others is a star", false},
	}
	for expression, tc := range cases {
		t.Run(expression, func(t *testing.T) {
			s := parse(t, expression, "")
			if s.Never() != tc.want {
				t.Errorf("%s: got %v", tc.reason, s.Never())
			}
			if _, ok := s.Closest(now()); ok == tc.want {
				t.Errorf("an interval is given: %v", ok)
			}
		})
	}
}

func TestClosest(t *testing.T) {
	cases := []struct {
		reason, expression, zone string
		want                     string
	}{
		{"each minute", "* * * * *", "", "1m0s from 2026-11-22T00:00:00Z"},
		{"a step that does not divide the hour starts again in each", "*/7 * * * *", "", "4m0s from 2026-11-22T00:56:00Z"},
		{"a step that does not divide the day, likewise", "0 */5 * * *", "", "4h0m0s from 2026-11-22T20:00:00Z"},
		{"between the last of a day and the first of the next", "0 1,23 * * *", "", "2h0m0s from 2026-11-22T23:00:00Z"},
		{"weekdays are a day apart", "0 6 * * 1-5", "", "24h0m0s from 2026-11-23T06:00:00Z"},
		{"the first of a month after the shortest", "0 0 1 * *", "", "672h0m0s from 2027-02-01T00:00:00Z"},
		{"the 31st is never closer than August to July", "0 0 31 * *", "", "744h0m0s from 2026-12-31T00:00:00Z"},
		{"the 30th, from November to December", "0 0 30 * *", "", "720h0m0s from 2026-11-30T00:00:00Z"},
		{"the 29th of February", "0 0 29 2 *", "", "35064h0m0s from 2028-02-29T00:00:00Z"},
		{"a delay is a delay", "@every 90m", "Europe/Brussels", "1h30m0s from 2026-11-21T12:37:30+01:00"},
		{"set back: twice within an hour", "0 2 * * *", "Europe/Brussels", "1h0m0s from 2027-10-31T02:00:00+02:00"},
		{"set forward: an hour less", "0 6 * * *", "Europe/Brussels", "23h0m0s from 2027-03-27T06:00:00+01:00"},
		{"both: the shorter", "0 1,3 * * *", "Europe/Brussels", "1h0m0s from 2027-03-28T01:00:00+01:00"},
		{"every hour passes through both", "0 * * * *", "Europe/Brussels", "1h0m0s from 2026-11-22T00:00:00+01:00"},
		{"weekdays do not see a change on Sunday", "0 2 * * 1-5", "Europe/Brussels", "24h0m0s from 2026-11-23T02:00:00+01:00"},
		{"Sundays do", "0 2 * * 0", "Europe/Brussels", "1h0m0s from 2027-10-31T02:00:00+02:00"},
		{"half an hour", "45 * * * *", "Australia/Lord_Howe", "30m0s from 2027-04-04T01:45:00+11:00"},
		{"the library misses a Friday in Cairo", "0 6 * * 5", "Africa/Cairo", "168h0m0s from 2026-11-27T06:00:00+02:00"},
		{"nor only in the hours that are named on the Chatham Islands", "0,59 1,3 * * *", "Pacific/Chatham", "1m0s from 2027-04-04T02:59:00+12:45"},
		{"a zone without changes", "30 2 * * *", "Asia/Kolkata", "24h0m0s from 2026-11-22T02:30:00+05:30"},
	}
	for _, tc := range cases {
		t.Run(tc.expression+" "+tc.zone, func(t *testing.T) {
			g, ok := parse(t, tc.expression, tc.zone).Closest(now())
			got := fmt.Sprintf("%s from %s", g.Length(), g.From.Format(time.RFC3339))
			if diff := cmp.Diff(tc.want, got); diff != "" || !ok {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestOften(t *testing.T) {
	cases := []struct {
		reason, expression, zone string
		timeout                  time.Duration
		want                     bool
	}{
		{"a run that may take an hour, every quarter", "*/15 * * * *", "", time.Hour, true},
		{"it may take exactly as long", "0 * * * *", "", time.Hour, false},
		{"a day, but for the one when the clock is set forward", "0 6 * * *", "Europe/Brussels", 24 * time.Hour, true},
		{"a day, exactly", "0 6 * * *", "", 24 * time.Hour, false},
		{"between the last of a day and the first of the next", "50 0,23 * * *", "", 61 * time.Minute, true},
		{"and exactly as long", "50 0,23 * * *", "", time.Hour, false},
		{"what comes twice in a night", "0 2 * * *", "Europe/Brussels", 61 * time.Minute, true},
		{"and lasts an hour", "0 2 * * *", "Europe/Brussels", time.Hour, false},
		{"or half of one", "45 * * * *", "Australia/Lord_Howe", 31 * time.Minute, true},
		{"on a day of the week that has none", "0 2 * * 3", "Europe/Brussels", 2 * time.Hour, false},
		{"no timeout", "* * * * *", "", 0, false},
		{"never is not often", "0 0 30 2 *", "", time.Hour, false},
	}
	for _, tc := range cases {
		t.Run(tc.reason, func(t *testing.T) {
			if g, got := parse(t, tc.expression, tc.zone).Often(now(), tc.timeout); got != tc.want {
				t.Errorf("%s every %s: got %v (%v), want %v", tc.expression, tc.timeout, got, g, tc.want)
			}
		})
	}
}

func TestCount(t *testing.T) {
	march := func(zone string) (from, before time.Time) {
		z, err := time.LoadLocation(zone)
		if err != nil {
			t.Fatal(err)
		}
		return time.Date(2026, 3, 1, 0, 0, 0, 0, z), time.Date(2026, 4, 1, 0, 0, 0, 0, z)
	}
	for name, tc := range map[string]struct {
		reason, expression, zone string
		want                     int64
	}{
		"Daily":      {"A firing at the first instant counts, and one at the end does not.", "0 0 * * *", "UTC", 31},
		"Hourly":     {"31 days of 24 hours.", "0 * * * *", "UTC", 744},
		"Summer":     {"One hour of the month is left out when summer time begins.", "0 * * * *", "Europe/Brussels", 743},
		"LeftOut":    {"A time that the day of the change does not have is not made up for.", "30 2 * * *", "Europe/Brussels", 30},
		"Weekdays":   {"March 2026 begins on a Sunday: 22 working days.", "0 6 * * 1-5", "UTC", 22},
		"Never":      {"The 30th of February does not come.", "0 0 30 2 *", "UTC", 0},
		"OtherMonth": {"It fires in January only.", "0 0 1 1 *", "UTC", 0},
		"Minutes":    {"Every minute of 31 days.", "* * * * *", "UTC", 44640},
		"Delay":      {"A delay is counted without going through it.", "@every 1s", "UTC", 2678400},
		"LongDelay":  {"A delay longer than the month does not fire.", "@every 800h", "UTC", 0},
	} {
		t.Run(name, func(t *testing.T) {
			from, before := march(tc.zone)
			s := parse(t, tc.expression, tc.zone)
			if got := s.Count(from, before); got != tc.want {
				t.Errorf("%s: counted %d, want %d", tc.reason, got, tc.want)
			}
			if got := s.Count(before, from); got != 0 {
				t.Errorf("counted %d in no time at all", got)
			}
		})
	}
	if got := (schedule.Schedule{}).Count(now(), now().Add(time.Hour)); got != 0 {
		t.Errorf("no schedule fires %d times", got)
	}
}

func BenchmarkCountMinutes(b *testing.B) {
	s := parse(b, "* * * * *", "Europe/Brussels")
	for b.Loop() {
		s.Count(now(), now().AddDate(0, 1, 0))
	}
}
