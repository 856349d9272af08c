// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/report"
)

func TestGoldens(t *testing.T) {
	cases := map[string]struct {
		reason  string
		report  report.Report
		format  report.Format
		options report.Options
	}{
		"text-0.txt":       {"Without a terminal nothing is wrapped.", realistic(), report.Text, report.Options{}},
		"text-60.txt":      {"A narrow terminal: everything still fits.", realistic(), report.Text, report.Options{Width: 60}},
		"text-100.txt":     {"A usual terminal.", realistic(), report.Text, report.Options{Width: 100}},
		"text-colour.txt":  {"Colours change nothing but colours.", realistic(), report.Text, report.Options{Width: 100, Color: true}},
		"text-many.txt":    {"What everybody has wrong is shown a few times.", many(500), report.Text, report.Options{Width: 100}},
		"text-long.txt":    {"A long walk is shown from its ends.", long(), report.Text, report.Options{Width: 80}},
		"text-clean.txt":   {"Nothing wrong is said too.", nothing(), report.Text, report.Options{}},
		"text-hostile.txt": {"What would move the cursor, end the line or be a command is shown and does nothing.", hostile(), report.Text, report.Options{Width: 80}},
		"report.json":      {"The whole report for programs.", realistic(), report.JSON, report.Options{}},
		"clean.json":       {"Nothing wrong is an empty list.", nothing(), report.JSON, report.Options{}},
		"hostile.json":     {"Texts are exact and the bytes harmless.", hostile(), report.JSON, report.Options{}},
		"report.sarif":     {"The report for code scanning.", realistic(), report.SARIF, report.Options{}},
		"clean.sarif":      {"An empty list of results closes the alerts of before.", nothing(), report.SARIF, report.Options{}},
		"hostile.sarif":    {"Names of files are escaped, texts are no links.", hostile(), report.SARIF, report.Options{}},
		"github.txt":       {"Annotations for a pull request.", realistic(), report.GitHub, report.Options{}},
		"github-many.txt":  {"No more than are shown, and how many are not.", many(500), report.GitHub, report.Options{}},
		"github-clean.txt": {"Nothing wrong is a notice.", nothing(), report.GitHub, report.Options{}},
		"github-hostile.txt": {
			"No name of a file ends a property, and no message a command.", hostile(), report.GitHub, report.Options{},
		},
		"junit.xml":         {"Suites for CI systems.", realistic(), report.JUnit, report.Options{}},
		"junit-clean.xml":   {"Nothing wrong is a test that passes.", nothing(), report.JUnit, report.Options{}},
		"junit-hostile.xml": {"Texts end no element.", hostile(), report.JUnit, report.Options{}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			golden(t, name, write(t, tc.format, tc.report, tc.options))
			if t.Failed() {
				t.Log(tc.reason)
			}
		})
	}
}

func nothing() report.Report {
	r := realistic()
	r.Problems = nil
	return r
}

// long is a cycle through many workloads.
func long() report.Report {
	r := realistic()
	cycle := r.Problems[len(r.Problems)-1]
	for _, p := range r.Problems {
		if p.Rule == "dag-cycle" {
			cycle = p
		}
	}
	for len(cycle.Trace) < 5000 {
		cycle.Trace = append(cycle.Trace, cycle.Trace[:4]...)
	}
	r.Problems = v1alpha1.Problems{cycle}
	return r
}

// hostile is what someone would write who wants the report to say something else.
func hostile() report.Report {
	const file = "a:b,c%\n::error::x\x1b[2J\u202e/p.yaml"
	text := "name: \x1b[31mred\x1b[0m \u202edesrever ##[error]x ##vso[task.complete]\n"
	return report.Report{
		Source: func(string) ([]byte, error) { return []byte(text), nil },
		Problems: v1alpha1.Problems{
			{
				Rule: "x]\nerror[y", Position: v1alpha1.Position{File: file, Line: 1, Column: 7}, Path: "spec[\"a\r\nb\"]", Severity: v1alpha1.Deny,
				Message: "a\x00b\nerror[forged]: \u202epassed\u202c ##[group]z ]]> <b>&amp; [click](https://evil.example) ::set-output name=a::b \U000E0041\xff",
				Hint:    "one two three four five six seven eight nine ten eleven twelve ::add-mask::secret ##teamcity[x]",
				Trace: []v1alpha1.Step{
					{Position: v1alpha1.Position{File: "//host/x", Line: 1, Column: 8}, Message: "](1) \x1b]8;;http://evil\x07"},
					{Message: "nowhere"},
				},
			},
			{Severity: "unheard-of", Message: ""},
		},
	}
}
