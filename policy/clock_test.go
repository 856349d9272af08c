// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"testing"

	"trunkline.dev/trunkline/policy"
)

// clock replaces the schedule of sales/clock, and adds fields to it.
func clock(schedule, more string) edit {
	return edit{sales, `schedule: "0 6 * * *"`, `schedule: "` + schedule + `"` + more}
}

func TestNever(t *testing.T) {
	testRule(t, policy.RuleNever, map[string]ruleCase{
		"NoSuchDay": {
			reason: "The 31st of a month of thirty days does not come.",
			edits:  []edit{clock("0 6 31 4,6,9,11 *", "")},
			want:   []string{`deny schedule-never sales/project.yaml:14 the schedule "0 6 31 4,6,9,11 *" never fires: there is no such day`},
		},
		"ThirtiethOfFebruary": {
			reason: "Nor does the 30th of February.",
			edits:  []edit{clock("0 6 30 2 *", "")},
			want:   []string{`deny schedule-never sales/project.yaml:14 the schedule "0 6 30 2 *" never fires: there is no such day`},
		},
		"LeapDay":      {reason: "The 29th of February comes.", edits: []edit{clock("0 6 29 2 *", "")}},
		"OneOfSeveral": {reason: "One month that has the day is enough.", edits: []edit{clock("0 6 31 4,5 *", "")}},
		"DayOfTheWeek": {reason: "A day of the week fires beside a day of the month.", edits: []edit{clock("0 6 30 2 1", "")}},
		"Override": {
			reason: "What an environment overrides is checked there, and shown where it stands.",
			edits:  []edit{{sales, "prod: {}", `prod: {workloads: {clock: {schedule: "0 6 30 2 *"}}}`}},
			want:   []string{`deny schedule-never sales/project.yaml:6 the schedule "0 6 30 2 *" never fires: there is no such day`},
		},
		"OverriddenEverywhere": {
			reason: "A schedule that every environment replaces is nobody's.",
			edits: []edit{
				clock("0 6 30 2 *", ""),
				{sales, "{dev: {}, prod: {}}", `{dev: {workloads: {clock: {schedule: "@daily"}}}, prod: {workloads: {clock: {schedule: "@daily"}}}}`},
			},
		},
	})
}

func TestOften(t *testing.T) {
	testRule(t, policy.RuleOften, map[string]ruleCase{
		"TooOften": {
			reason: "A run may take an hour by default, and half an hour is sooner.",
			edits:  []edit{clock("*/30 * * * *", "")},
			want:   []string{`deny schedule-too-often sales/project.yaml:14 the schedule "*/30 * * * *" fires every 30m at its closest (2026-11-22 00:00 UTC and 00:30 UTC), and a run may take 1h`},
		},
		"JustInTime": {reason: "A run that must end when the next begins is in time.", edits: []edit{clock("*/30 * * * *", "\n      timeout: 30m")}},
		"ASecondLate": {
			reason: "A second more is too long.",
			edits:  []edit{clock("*/30 * * * *", "\n      timeout: 30m1s")},
			want:   []string{`deny schedule-too-often sales/project.yaml:14 the schedule "*/30 * * * *" fires every 30m at its closest (2026-11-22 00:00 UTC and 00:30 UTC), and a run may take 30m1s`},
		},
		"AtMidnight": {
			reason: "Firings of two days may be closer than those of one.",
			edits:  []edit{clock("50 0,23 * * *", "\n      timeout: 61m")},
			want:   []string{`deny schedule-too-often sales/project.yaml:14 the schedule "50 0,23 * * *" fires every 1h at its closest (2026-11-22 23:50 UTC and 00:50 UTC), and a run may take 1h1m`},
		},
		"ClockSetBack": {
			reason: "What fires once a day fires twice in a night in which the clock is set back.",
			edits:  []edit{clock("0 2 * * *", "\n      timeZone: Europe/Brussels\n      timeout: 2h")},
			want:   []string{`deny schedule-too-often sales/project.yaml:14 the schedule "0 2 * * *" fires every 1h at its closest (2027-10-31 02:00 CEST and 02:00 CET), and a run may take 2h`},
		},
		"NoSuchNight": {reason: "In UTC there is no such night.", edits: []edit{clock("0 2 * * *", "\n      timeout: 2h")}},
		"ByTheEnvironment": {
			reason: "The timeout may come from an environment's defaults; the other is not concerned.",
			edits:  []edit{{prod, "  stores", "  defaults: {timeout: 25h}\n  stores"}},
			want:   []string{`deny schedule-too-often sales/project.yaml:14 the schedule "0 6 * * *" fires every 24h at its closest (2026-11-22 06:00 UTC and 06:00 UTC), and a run may take 25h`},
		},
		"ByAnOverride": {
			reason: "The nearest timeout counts.",
			edits: []edit{
				{prod, "  stores", "  defaults: {timeout: 25h}\n  stores"},
				{sales, "prod: {}", "prod: {workloads: {clock: {timeout: 1h}}}"},
			},
		},
		"Never": {
			reason: "What never fires is not too often; that is said alone.",
			edits:  []edit{clock("* * 30 2 *", "")},
			want:   []string{`deny schedule-never sales/project.yaml:14 the schedule "* * 30 2 *" never fires: there is no such day`},
		},
		"NotASchedule": {
			reason: "What cannot be read is said by the catalog, once.",
			edits:  []edit{clock("* * *", "")},
			want:   []string{`deny invalid-schedule sales/project.yaml:14 the schedule "* * *" has 3 fields; want minute, hour, day of month, month and day of week, as in "0 6 * * *"`},
		},
		"Excluded": {reason: "A workload that is left out does not fire.", edits: []edit{clock("* * * * *", "\n      exclude: true")}},
	})
}

func TestTrigger(t *testing.T) {
	testRule(t, policy.RuleTrigger, map[string]ruleCase{
		"Both": {
			reason: "A workload runs by the clock or for each lot; it is said once for all environments.",
			edits:  []edit{clock("0 6 * * *", "\n      reads: {daily: orders/daily@1}")},
			want:   []string{`deny schedule-and-trigger sales/project.yaml:14 the workload runs by the clock, and for each daily lot of orders/daily@1 that it reads`},
		},
		"Untriggered": {reason: "A read that triggers nothing goes with a schedule.", edits: []edit{clock("0 6 * * *", "\n      reads: {daily: {dataset: orders/daily@1, trigger: false}}")}},
		"NoLots":      {reason: "A dataset without lots triggers nothing.", edits: []edit{clock("0 6 * * *", "\n      reads: {shops: orders/shops@1}")}},
		"ByOverride": {
			reason: "A schedule that only one environment has is a schedule there.",
			edits: []edit{
				{sales, "      schedule: \"0 6 * * *\"\n", "      reads: {daily: orders/daily@1}\n"},
				{sales, "prod: {}", `prod: {workloads: {clock: {schedule: "0 6 * * *"}}}`},
			},
			want: []string{`deny schedule-and-trigger sales/project.yaml:6 the workload runs by the clock, and for each daily lot of orders/daily@1 that it reads`},
		},
	})
}
