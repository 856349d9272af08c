// SPDX-License-Identifier: Apache-2.0

package airflow

import "testing"

func TestCron(t *testing.T) {
	for expression, tc := range map[string]struct {
		reason string
		good   bool
	}{
		"*/5 * * * *":       {"a step", true},
		"5/15 * * * *":      {"a step from a minute on", true},
		"0 22-4 * * *":      {"a range over midnight", true},
		"0 0 * * fri-mon":   {"a range over the end of the week", true},
		"0 0 * * 7":         {"Sunday is 0 and 7", true},
		"0 0 L * *":         {"the last day of the month", true},
		"0 0 * * L5":        {"the last Friday", true},
		"0 0 * * mon#2":     {"the second Monday", true},
		"0 0 15W * *":       {"the weekday next to a day", true},
		"0 0 ? * *":         {"any day", true},
		"R R * * *":         {"a random time", true},
		"* * * * * 0-0":     {"an equal range is all of the field", true},
		"0 0 * * * 0 2026":  {"seconds and years", true},
		"0 0 29 2 *":        {"a day that some years have", true},
		"0 0 31 2 *":        {"a day that no year has: croniter finds out later", true},
		"@midnight":         {"a name that croniter knows", true},
		"@DAILY":            {"croniter does not mind", true},
		"@reboot":           {"a name that nobody knows", false},
		"60 * * * *":        {"no such minute", false},
		"0 24 * * *":        {"no such hour", false},
		"0 0 0 * *":         {"no such day", false},
		"0 0 * 13 *":        {"no such month", false},
		"0 0 * * 8":         {"no such day of the week", false},
		"0 0 * * 1-6#3":     {"no week of a range of numbers", false},
		"0 0 * * mon#6":     {"no such week", false},
		"0 0 * * 1#1,3":     {"days of one week and of all", false},
		"0 0 15W,1 * *":     {"a weekday beside other days", false},
		"*/0 * * * *":       {"no step", false},
		"? * * * *":         {"any minute is a star", false},
		"H H * * *":         {"hashed without an id", false},
		"1,,2 * * * *":      {"an empty part", false},
		"-5 * * * *":        {"less than nothing", false},
		"* * * *":           {"too few fields", false},
		"* * * * * * * *":   {"too many fields", false},
		"0\u00a00 * * *":    {"a space that is none", false},
		"":                  {"nothing", false},
		"0 0 * * ٣":         {"digits are ASCII", false},
		"99999999999 * * *": {"a number beyond all", false},
	} {
		if got := wrongCron(expression); (got == "") != tc.good {
			t.Errorf("%q (%s): got %q, want it to be good: %t", expression, tc.reason, got, tc.good)
		}
	}
}

func wrongCron(s string) string {
	wrong, _ := cronWrong(s)
	return wrong
}
