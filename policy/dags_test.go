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
	const broken = "from airflow import DAG\nwith DAG(\n"
	const two = "from datetime import datetime\nfrom airflow import DAG\nfrom airflow.operators.dummy import DummyOperator\nwith DAG('a', schedule_interval='@daily', start_date=datetime(2026, 1, 1)):\n    DummyOperator(task_id='b')\n"
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
		"Folder":    {reason: "A folder is no DAG file.", edits: []edit{dags("[dags]"), {"orders/dags/a.py", "", good}}, want: []string{"deny unknown-file orders/project.yaml"}},
		"LikeAFile": {reason: "Nor is one that is called like one.", edits: []edit{dags("[dags/*.py]"), {"orders/dags/a.py/x.txt", "", good}}, want: []string{"deny unknown-file orders/project.yaml"}},
		"TooLarge": {
			reason: "A file that is too large is undecided, and the others of its pattern are not.",
			edits:  []edit{dags("[dags/*.py]"), {"orders/dags/a.py", "", strings.Repeat("#", 1<<20+1)}, {"orders/dags/b.py", "", "from airflow import DAG\nwith DAG(\n"}},
			want:   []string{"warn airflow-undecided orders/dags/a.py", "deny airflow-syntax orders/dags/b.py"},
		},
		"AnyFolder": {
			reason: "Two stars are any number of folders, none and two among them.",
			edits:  []edit{dags("['dags/**/*.py']"), {"orders/dags/a.py", "", broken}, {"orders/dags/x/y/b.py", "", broken}, {"orders/dags/x/c.txt", "", broken}, {"orders/other/d.py", "", broken}},
			want:   []string{"deny airflow-syntax orders/dags/a.py", "deny airflow-syntax orders/dags/x/y/b.py"},
		},
		"AnyFolderAlone":  {reason: "All files below.", edits: []edit{dags("['dags/**']"), {"orders/dags/x/a.py", "", broken}}, want: []string{"deny airflow-syntax orders/dags/x/a.py"}},
		"AnyFolderFirst":  {reason: "Two stars first.", edits: []edit{dags("['**/dags/*.py']"), {"orders/x/dags/a.py", "", broken}, {"orders/dags/b.py", "", good}}, want: []string{"deny airflow-syntax orders/x/dags/a.py"}},
		"AnyFolderTwice":  {reason: "Two stars twice.", edits: []edit{dags("['**/dags/**/*.py']"), {"orders/x/dags/y/a.py", "", broken}}, want: []string{"deny airflow-syntax orders/x/dags/y/a.py"}},
		"AnyFolderNone":   {reason: "And none of them.", edits: []edit{dags("['none/**/*.py']")}, want: []string{"deny unknown-file orders/project.yaml"}},
		"StarsWithinName": {reason: "Two stars in a name would be one, which nobody means.", edits: []edit{dags("['dags/**.py']"), {"orders/dags/a.py", "", good}}, want: []string{"deny invalid-value orders/project.yaml"}},
		"Ignored": {
			reason: "What .airflowignore names is not loaded: patterns of .gitignore for Airflow 3.",
			edits:  []edit{dags("['dags/**/*.py']"), {"orders/dags/.airflowignore", "", "# helpers\nlib/\n*_old.py\n"}, {"orders/dags/lib/a.py", "", broken}, {"orders/dags/b_old.py", "", broken}, {"orders/dags/c.py", "", broken}},
			want:   []string{"deny airflow-syntax orders/dags/c.py"},
		},
		"IgnoredBelow": {
			reason: "One in a folder below is for that folder.",
			edits:  []edit{dags("['dags/**/*.py']"), {"orders/dags/x/.airflowignore", "", "*.py\n!b.py\n"}, {"orders/dags/x/a.py", "", broken}, {"orders/dags/x/b.py", "", broken}, {"orders/dags/c.py", "", broken}},
			want:   []string{"deny airflow-syntax orders/dags/c.py", "deny airflow-syntax orders/dags/x/b.py"},
		},
		"IgnoredByAirflow2": {
			reason: "Regular expressions for Airflow 2.",
			edits:  []edit{dags("['dags/**/*.py']\n  airflow: '2.11'"), {"orders/dags/.airflowignore", "", "lib/a[0-9]\n"}, {"orders/dags/lib/a1.py", "", broken}, {"orders/dags/lib/b.py", "", broken}},
			want:   []string{"deny airflow-syntax orders/dags/lib/b.py"},
		},
		"Version2": {
			reason: "What Airflow 2 accepts is fine where it is declared.",
			edits:  []edit{dags("[dags/*.py]\n  airflow: '2.11'"), {"orders/dags/a.py", "", two}},
		},
		"Version3": {
			reason: "And is not where it is not.",
			edits:  []edit{dags("[dags/*.py]"), {"orders/dags/a.py", "", two}},
			want:   []string{"deny airflow-load orders/dags/a.py", "deny airflow-schedule orders/dags/a.py"},
		},
		"AirflowOfTheOwner": {
			reason: "A dag_id is unique in one Airflow, and each owner has one.",
			edits: []edit{
				dags("[dags/*.py]\n  airflow: '3.1'"),
				{"orders/dags/a.py", "", good},
				{sales, "  owner:", "  dags: [dags/*.py]\n  owner:"},
				{"sales/dags/a.py", "", good},
			},
		},
		"Imports": {
			reason: "What a file imports of its project is followed, from the folder of the DAGs and from beside it.",
			edits: []edit{
				dags("[dags/*.py]"),
				{"orders/dags/a.py", "", "from airflow import DAG\nfrom lib.make import tasks\nwith DAG('a'):\n    tasks()\n"},
				{"orders/lib/make.py", "", "from airflow.providers.standard.operators.empty import EmptyOperator\ndef tasks():\n    EmptyOperator(task_id='not one')\n"},
			},
			want: []string{"deny airflow-task-id orders/dags/a.py"},
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
			for _, line := range said(mustCheck(t, policy.Input{Catalog: load(t, change(t, acme(), tc.edits...))})) {
				place, _, _ := strings.Cut(line, ":")
				got = append(got, place)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}
