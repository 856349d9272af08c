// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/docs/rules"
	"trunkline.dev/trunkline/policy"
)

// never breaks a rule in both environments, since the schedule is one for both, and shows it once.
func never() edit { return clock("0 6 30 2 *", "") }

const neverLine = ` schedule-never sales/project.yaml:14 the schedule "0 6 30 2 *" never fires: there is no such day`

func inEnvironment(env, rules string) edit {
	return edit{env, "  stores", "  rules: " + rules + "\n  stores"}
}

func TestModes(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		edits  []edit
		want   []string
	}{
		"Default":         {reason: "The page says that it denies.", want: []string{"deny" + neverLine}},
		"Warn":            {reason: "The platform says otherwise.", edits: []edit{settings("{rules: {schedule-never: warn}}")}, want: []string{"warn" + neverLine}},
		"Off":             {reason: "The platform says nothing of it.", edits: []edit{settings("{rules: {schedule-never: off}}")}},
		"OneEnvironment":  {reason: "Of two environments with one problem, the severe one counts.", edits: []edit{inEnvironment(prod, "{schedule-never: warn}")}, want: []string{"deny" + neverLine}},
		"OtherIsOff":      {reason: "Of two environments, one may be silent.", edits: []edit{inEnvironment(prod, "{schedule-never: warn}"), inEnvironment(dev, "{schedule-never: off}")}, want: []string{"warn" + neverLine}},
		"EnvironmentWins": {reason: "An environment wins over the platform, in both directions.", edits: []edit{settings("{rules: {schedule-never: off}}"), inEnvironment(prod, "{schedule-never: deny}")}, want: []string{"deny" + neverLine}},
		"BothOff":         {reason: "Where both are silent nothing is said.", edits: []edit{inEnvironment(prod, "{schedule-never: off}"), inEnvironment(dev, "{schedule-never: off}")}},
		"DefaultOff":      {reason: "A rule that is off by default is off.", edits: []edit{settings("{rules: {schedule-never: off}}")}},
		"Stricter": {
			reason: "What warns by default may deny.",
			edits:  []edit{settings("{rules: {schedule-never: off, secret-in-clear: deny}}"), {sales, "    - name: report\n", "    - name: report\n      env: {DB_PASSWORD: hunter2}\n"}},
			want:   []string{`deny secret-in-clear sales/project.yaml:10 "DB_PASSWORD" looks like a password, and everybody who can read the repository reads it`},
		},
		"Unknown": {
			reason: "The mode of a rule that there is not is a problem, and no mode.",
			edits:  []edit{settings("{rules: {schedule-nevre: off}}"), inEnvironment(prod, "{schedule: off}")},
			want: []string{
				`deny unknown-rule prod.yaml:6 there is no rule "schedule"`,
				"deny" + neverLine,
				`deny unknown-rule trunkline.yaml:4 there is no rule "schedule-nevre"`,
			},
		},
		"Fixed": {
			reason: "A rule that is fixed is not set, and saying so does nothing.",
			edits:  []edit{settings("{rules: {unknown-size: off, schedule-never: off}, exceptions: [{rule: unknown-size, reason: x}]}"), {sales, "    - name: report\n", "    - name: report\n      size: huge\n"}},
			want: []string{
				`deny unknown-size sales/project.yaml:10 there is no size "huge" on cluster "one"`,
				`deny unknown-rule trunkline.yaml:4 the rule "unknown-size" is fixed: it cannot be set or silenced`,
				`deny unknown-rule trunkline.yaml:4 the rule "unknown-size" is fixed: it cannot be set or silenced`,
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			got := said(mustCheck(t, policy.Input{Catalog: load(t, change(t, acme(), append(tc.edits, never())...))}))
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestFixedRulesStayDenied sets every rule that is fixed to nothing, and breaks one after the other by its case.
func TestFixedRulesStayDenied(t *testing.T) {
	known, err := rules.All()
	if err != nil {
		t.Fatal(err)
	}
	for _, id := range slices.Sorted(maps.Keys(known)) {
		if !known[id].Fixed {
			continue
		}
		got := said(mustCheck(t, policy.Input{Catalog: load(t, change(t, acme(), settings("{rules: {"+id+": off}}")))}))
		if diff := cmp.Diff([]string{`deny unknown-rule trunkline.yaml:4 the rule "` + id + `" is fixed: it cannot be set or silenced`}, got); diff != "" {
			t.Errorf("%s: -want +got:\n%s", id, diff)
		}
	}
}

func TestExceptions(t *testing.T) {
	overlap := edit{orders, "lake://orders/daily/", "lake://orders/raw/daily/"}
	const overlapLine = `deny path-overlap orders/project.yaml:10 the path "lake://orders/raw/daily/" of orders/daily@1 lies within that of orders/raw@1`
	for name, tc := range map[string]struct {
		reason string
		breaks edit
		// exception has what it names, and says nothing of the reason.
		exception string
		now       time.Time
		want      []string
		silenced  int
	}{
		"Everywhere":        {reason: "One that names nothing covers all.", breaks: never(), exception: "rule: schedule-never", silenced: 2},
		"OtherRule":         {reason: "One of another rule does not.", breaks: never(), exception: "rule: schedule-too-often", want: []string{"deny" + neverLine}},
		"Project":           {reason: "The project is named.", breaks: never(), exception: "rule: schedule-never, project: sales", silenced: 2},
		"OtherProject":      {reason: "Another one is.", breaks: never(), exception: "rule: schedule-never, project: orders", want: []string{"deny" + neverLine}},
		"Workload":          {reason: "The workload is named.", breaks: never(), exception: "rule: schedule-never, workload: clock", silenced: 2},
		"OtherWorkload":     {reason: "Another one is.", breaks: never(), exception: "rule: schedule-never, workload: report", want: []string{"deny" + neverLine}},
		"Environment":       {reason: "In the environment that is not named it is still there.", breaks: never(), exception: "rule: schedule-never, environment: prod", want: []string{"deny" + neverLine}, silenced: 1},
		"AllOfThem":         {reason: "All that is named must fit.", breaks: never(), exception: "rule: schedule-never, project: sales, workload: report, environment: prod", want: []string{"deny" + neverLine}},
		"DatasetOfNothing":  {reason: "What is not of a dataset is not covered by one.", breaks: never(), exception: "rule: schedule-never, dataset: daily", want: []string{"deny" + neverLine}},
		"Dataset":           {reason: "The dataset is named, with all its versions.", breaks: overlap, exception: "rule: path-overlap, dataset: daily", silenced: 1},
		"DatasetAtVersion":  {reason: "Or with one.", breaks: overlap, exception: "rule: path-overlap, dataset: daily@1", silenced: 1},
		"OtherVersion":      {reason: "Another version is another dataset.", breaks: overlap, exception: "rule: path-overlap, dataset: daily@2", want: []string{overlapLine}},
		"OtherDataset":      {reason: "The dataset around it is not the one that is in the wrong place.", breaks: overlap, exception: "rule: path-overlap, dataset: raw@1", want: []string{overlapLine}},
		"EnvironmentOfNone": {reason: "What is not of an environment is not covered by one.", breaks: overlap, exception: "rule: path-overlap, environment: prod", want: []string{overlapLine}},
		"LastMoment":        {reason: "It counts until the day begins.", breaks: overlap, exception: "rule: path-overlap, until: 2027-01-01", now: time.Date(2026, 12, 31, 23, 59, 59, 0, time.UTC), silenced: 1},
		"Over": {
			reason: "From the day on it does not, and is told to be over.", breaks: overlap, exception: "rule: path-overlap, until: 2027-01-01", now: time.Date(2027, 1, 1, 0, 0, 0, 0, time.UTC),
			want: []string{overlapLine, `warn exception-expired trunkline.yaml:4 the exception of the rule "path-overlap" ended on 2027-01-01`},
		},
		"NoSuchProject": {
			reason: "One for a project that is not there covers nothing.", breaks: never(), exception: "rule: schedule-never, project: sale",
			want: []string{"deny" + neverLine, `deny unknown-project trunkline.yaml:4 there is no project "sale"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			files := change(t, acme(), tc.breaks, settings("{exceptions: [{"+tc.exception+", reason: because}]}"))
			result := mustCheck(t, policy.Input{Catalog: load(t, files), Now: tc.now})
			if diff := cmp.Diff(tc.want, said(result)); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if len(result.Silenced) != tc.silenced {
				t.Errorf("%s\nsilenced are %d, want %d: %v", tc.reason, len(result.Silenced), tc.silenced, result.Silenced)
			}
			for _, s := range result.Silenced {
				if s.Exception.Reason != "because" || !strings.Contains(tc.exception, s.Problem.Rule) {
					t.Errorf("%s\n%q is silenced by %v", tc.reason, s.Problem.Message, s.Exception)
				}
			}
		})
	}
}

// TestTheBaseJudges makes changes that relax the rules that they break.
func TestTheBaseJudges(t *testing.T) {
	testChange(t, policy.RuleNever, map[string]changeCase{
		"RelaxedByThePlatform": {reason: "A mode that comes with the change checks the next one.", after: []edit{never(), settings("{rules: {schedule-never: off}}")}, want: []string{"deny" + neverLine, `warn privilege-widened trunkline.yaml:4 the rule "schedule-never" is relaxed: off instead of deny`}},
		"RelaxedByEnvironments": {reason: "That of an environment, too.", after: []edit{never(), inEnvironment(prod, "{schedule-never: off}"), inEnvironment(dev, "{schedule-never: off}")}, want: []string{
			`warn privilege-widened dev.yaml:6 the rule "schedule-never" is relaxed: off instead of deny`, `warn privilege-widened prod.yaml:6 the rule "schedule-never" is relaxed: off instead of deny`, "deny" + neverLine,
		}},
		"Excepted": {reason: "So does an exception.", after: []edit{never(), settings("{exceptions: [{rule: schedule-never, reason: x}]}")}, want: []string{"deny" + neverLine, `warn privilege-widened trunkline.yaml:4 an exception of the rule "schedule-never" is new, or covers more than it did`}},
		"ProlongedException": {
			reason: "And the new end of one, though it is not over for the next change.",
			before: []edit{settings("{exceptions: [{rule: schedule-never, reason: x, until: 2026-01-01}]}")},
			after:  []edit{never(), {platform, "2026-01-01", "2028-01-01"}}, want: []string{"deny" + neverLine, `warn privilege-widened trunkline.yaml:4 an exception of the rule "schedule-never" is new, or covers more than it did`},
		},
		"RelaxedBefore":  {reason: "What was relaxed before is relaxed.", before: []edit{settings("{rules: {schedule-never: off}}")}, after: []edit{never()}},
		"ExceptedBefore": {reason: "What was excepted before is excepted.", before: []edit{settings("{exceptions: [{rule: schedule-never, reason: x}]}")}, after: []edit{never()}},
		"Tightened": {
			reason: "A stricter mode checks from the next change on, so that it can be merged at all.",
			before: []edit{settings("{rules: {schedule-never: off}}"), never()}, after: []edit{{platform, "schedule-never: off", "schedule-never: deny"}},
		},
		"ExceptionTakenAway": {
			reason: "So does taking away an exception.",
			before: []edit{settings("{exceptions: [{rule: schedule-never, reason: x}]}"), never()}, after: []edit{{platform, "exceptions: [{rule: schedule-never, reason: x}]", ""}},
		},
		"NewEnvironment": {
			reason: "An environment that comes with the change has the modes of the platform.",
			after: []edit{
				never(),
				{"test.yaml", "", head + "kind: Environment\nmetadata: {name: test}\nspec: {clusters: [one], rules: {schedule-never: off}}\n"},
				{sales, "{dev: {}, prod: {}}", "{test: {}}"},
				{sales, "{daily: orders/daily@1, shops: orders/shops@1}", "{}"},
			},
			want: []string{
				"deny" + neverLine,
				`warn privilege-widened test.yaml:3 the environment "test" is new: it changes objects on one, with the daemon's own rights`,
				`warn privilege-widened test.yaml:4 the rule "schedule-never" is relaxed: off instead of deny`,
			},
		},
		"NonsenseInTheChange": {
			reason: "Settings that come with the change are themselves checked.",
			after:  []edit{settings("{rules: {schedule-nevre: off}}")},
			want:   []string{`deny unknown-rule trunkline.yaml:4 there is no rule "schedule-nevre"`},
		},
		"BaseWithoutAPlatform": {
			reason: "Where there was no platform, the one that comes checks itself.",
			before: []edit{{file: platform}}, after: []edit{{platform, "", acme()[platform]}, settings("{rules: {schedule-never: off}}"), never()},
		},
	})
}
