// SPDX-License-Identifier: Apache-2.0

package policy_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/policy"
)

// TestDags reads the DAG files that projects name. What is right in one is the matter of package policy/airflow.
func TestDags(t *testing.T) {
	const good = "from airflow import DAG\nwith DAG(dag_id='a'):\n    pass\n"
	dags := func(patterns string) edit { return edit{orders, "  owner:", "  dags: " + patterns + "\n  owner:"} }
	more := func(patterns string) string {
		return head + "kind: Project\nmetadata: {name: more}\nspec: {owner: t, environments: [dev], dags: " + patterns + "}\n"
	}
	for name, tc := range map[string]struct {
		reason string
		edits  []edit
		want   []string
	}{
		"Fine": {reason: "A DAG file with nothing wrong.", edits: []edit{dags("[dags/*.py]"), {"orders/dags/a.py", "", good}}},
		"Broken": {
			reason: "One that is no Python is shown in its own file.",
			edits:  []edit{dags("[dags/*.py]"), {"orders/dags/a.py", "", "from airflow import DAG\nwith DAG(\n"}},
			want:   []string{"deny airflow-syntax orders/dags/a.py"},
		},
		"TwiceNamed": {reason: "A file of two patterns is one file.", edits: []edit{dags("[dags/*.py, dags/a.py]"), {"orders/dags/a.py", "", good}}},
		"TwoProjects": {
			reason: "The files of all projects are loaded by one Airflow.",
			edits: []edit{
				dags("[dags/*.py]"),
				{"orders/dags/a.py", "", good},
				{sales, "  owner:", "  dags: [dags/*.py]\n  owner:"},
				{"sales/dags/a.py", "", good},
			},
			want: []string{"deny airflow-dag-id sales/dags/a.py"},
		},
		"NoFile": {reason: "A pattern stands for a file at least.", edits: []edit{dags("[dags/*.py]")}, want: []string{"deny unknown-file orders/project.yaml"}},
		"Outside": {
			reason: "Files of others are theirs.",
			edits:  []edit{dags("[../sales/*.py, /etc/*]")},
			want:   []string{"deny invalid-path orders/project.yaml", "deny invalid-path orders/project.yaml"},
		},
		"NoPattern": {reason: "What is no pattern stands for nothing.", edits: []edit{dags("['dags/[.py']")}, want: []string{"deny invalid-value orders/project.yaml"}},
		"Folder":    {reason: "A folder cannot be judged.", edits: []edit{dags("[dags]"), {"orders/dags/a.py", "", good}}, want: []string{"deny not-evaluated orders/project.yaml"}},
		"TooLarge": {
			reason: "A file that is too large cannot be judged, and is not let through.",
			edits:  []edit{dags("[dags/*.py]"), {"orders/dags/a.py", "", strings.Repeat("#", 1<<20+1)}},
			want:   []string{"deny not-evaluated orders/project.yaml"},
		},
		"FolderWithBrackets": {
			reason: "The project's own folder is no pattern.",
			edits: []edit{
				{"a[1]/p.yaml", "", more("['*.py']")}, {"a[1]/a.py", "", good},
			},
		},
		"FolderWithEverything": {
			reason: "Whatever it is named, and however far down the files are.",
			edits: []edit{
				{`x/a*?[\]/p.yaml`, "", more("['dags/[ab]*.py', c.py]")}, {`x/a*?[\]/dags/a.py`, "", good}, {`x/a*?[\]/c.py`, "", "from airflow import DAG\nwith DAG(\n"},
			},
			want: []string{`deny airflow-syntax x/a*?[\]/c.py`},
		},
		"FolderLikeAPattern": {
			reason: "Files of a folder that the name would fit as a pattern are not the project's.",
			edits: []edit{
				{"a*/b?/p.yaml", "", more("['*.py']")},
				{"a*/b?/a.py", "", good},
				{"ab/b?/a.py", "", "from airflow import DAG\nwith DAG(\n"},
				{"a*/bc/a.py", "", "from airflow import DAG\nwith DAG(\n"},
			},
		},
		"NoPatternInFolder": {
			reason: "What is no pattern is none in such a folder either.",
			edits:  []edit{{"a[1]/p.yaml", "", more("['[.py']")}}, want: []string{"deny invalid-value a[1]/p.yaml"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, line := range said(judge(t, policy.Input{Catalog: load(t, change(t, acme(), tc.edits...))})) {
				place, _, _ := strings.Cut(line, ":")
				got = append(got, place)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
