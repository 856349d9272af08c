// SPDX-License-Identifier: Apache-2.0

package schedule_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/schedule"
)

// TestClockChanges: what a schedule names that does not come, or comes twice, when the clock of its zone is set.
func TestClockChanges(t *testing.T) {
	now := time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC)
	for name, tc := range map[string]struct {
		reason, expression, zone string
		want                     []string
	}{
		"Night":     {"both, in Brussels", "30 2 * * *", "Europe/Brussels", []string{"skips 02:30 at 2027-03-28 03:00", "doubles 02:30 at 2027-10-31 02:00"}},
		"Sharp":     {"the first minute of the hour", "0 2 * * *", "Europe/Brussels", []string{"skips 02:00 at 2027-03-28 03:00", "doubles 02:00 at 2027-10-31 02:00"}},
		"Behind":    {"the hour behind it comes once", "0 3 * * *", "Europe/Brussels", nil},
		"Ahead":     {"and so does the one before", "59 1 * * *", "Europe/Brussels", nil},
		"NewYork":   {"where the hour repeated is another than the one skipped", "30 1 * * *", "America/New_York", []string{"doubles 01:30 at 2027-11-07 01:00"}},
		"Gap":       {"and the other way round", "30 2 * * *", "America/New_York", []string{"skips 02:30 at 2027-03-14 03:00"}},
		"Midnight":  {"a clock that is set at midnight", "0 0 * * *", "America/Havana", []string{"skips 00:00 at 2027-03-14 01:00", "doubles 00:00 at 2027-11-07 00:00"}},
		"Macro":     {"a macro names midnight", "@daily", "America/Havana", []string{"skips 00:00 at 2027-03-14 01:00", "doubles 00:00 at 2027-11-07 00:00"}},
		"Half":      {"a clock that is set by half an hour", "15 2 * * *", "Australia/Lord_Howe", []string{"skips 02:15 at 2027-10-03 02:30"}},
		"Weekday":   {"clocks are set on Sundays", "30 2 * * 1-5", "Europe/Brussels", nil},
		"Sunday":    {"of which there is one", "30 2 * * 0", "Europe/Brussels", []string{"skips 02:30 at 2027-03-28 03:00", "doubles 02:30 at 2027-10-31 02:00"}},
		"Month":     {"in a month in which no clock is set", "30 2 * 1 *", "Europe/Brussels", nil},
		"Hourly":    {"each hour that passes", "30 * * * *", "Europe/Brussels", nil},
		"Often":     {"more often", "*/15 1-4 * * *", "Europe/Brussels", nil},
		"UTC":       {"a clock that nobody sets", "30 2 * * *", "UTC", nil},
		"NoSummer":  {"nor there", "30 2 * * *", "Asia/Tokyo", nil},
		"Every":     {"a delay knows no clock", "@every 5h", "Europe/Brussels", nil},
		"Never":     {"what never fires", "30 2 30 2 *", "Europe/Brussels", nil},
		"TwiceADay": {"one of two times", "30 2,14 * * *", "Europe/Brussels", []string{"skips 02:30 at 2027-03-28 03:00", "doubles 02:30 at 2027-10-31 02:00"}},
	} {
		t.Run(name, func(t *testing.T) {
			s, err := schedule.Parse(tc.expression, tc.zone)
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, c := range s.ClockChanges(now) {
				word := "doubles "
				if c.Skips() {
					word = "skips "
				}
				got = append(got, word+c.Fires+" at "+c.At.Format("2006-01-02 15:04"))
			}
			if diff := cmp.Diff(tc.want, got, cmp.Transformer("none", func(s []string) []string { return append([]string{}, s...) })); diff != "" {
				t.Errorf("%s: -want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestZonesThatAreNotWhatTheySeem: an abbreviation stands for one offset or for the clock of a place that it does not name, and
// what is none is told by the place that was meant.
func TestZonesThatAreNotWhatTheySeem(t *testing.T) {
	for zone, want := range map[string]string{
		"EST":       "has no summer time: it is UTC-5 all year|America/New_York",
		"MST":       "has no summer time: it is UTC-7 all year|America/Denver",
		"HST":       "|",
		"CET":       "is an abbreviation, and names no place whose clock it follows|Europe/Berlin",
		"EST5EDT":   "is an abbreviation, and names no place whose clock it follows|America/New_York",
		"Etc/GMT+5": "is UTC-5: the sign is the other way round|Etc/GMT-5",
		"Etc/GMT-2": "is UTC+2: the sign is the other way round|Etc/GMT+2",
		"Etc/GMT+0": "|", "Europe/Brussels": "|", "UTC": "|", "GMT": "|", "Japan": "|", "": "|",
	} {
		why, meant := schedule.Seems(zone)
		if got := why + "|" + meant; got != want {
			t.Errorf("%s: got %q, want %q", zone, got, want)
		}
	}
	for zone, want := range map[string]string{
		"PST": "America/Los_Angeles", "CEST": "Europe/Berlin", "BST": "Europe/London", "JST": "Asia/Tokyo", "Brussels": "Europe/Brussels",
		"new_york": "America/New_York", "New York": "America/New_York", "GMT+2": "Etc/GMT-2", "UTC-5": "Etc/GMT+5", "+01:00": "Etc/GMT-1", "UTC+5:30": "", "est": "America/New_York",
		"Eastern Standard Time": "America/New_York", "W. Europe Standard Time": "Europe/Berlin", "Europe/Brussel": "",
	} {
		if got := schedule.Meant(zone); got != want {
			t.Errorf("%s: got %q, want %q", zone, got, want)
		}
	}
}
