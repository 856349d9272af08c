// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"errors"
	"flag"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/report"
)

var update = flag.Bool("update", false, "write the golden files again")

// tree is a platform with all kinds of mistakes in it.
var tree = map[string]string{
	"environments/prod.yaml": `apiVersion: trunkline.dev/v1alpha1
kind: Environment
metadata: {name: prod}
spec:
  cluster: [one, two]
  promotesFrom: dev
`,
	"projects/orders/project.yaml": `apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: orders}
spec:
  owner: team-orders
  environments: [dev, prd]
  image: ghcr.io/acme/orders:latest
  datasets:
    - {name: raw, version: "1", path: lake://orders/raw/}
    - {name: clean, version: "2", path: lake://orders/clean/, schema: schemas/claen.json}
  workloads:
    - name: land
      blueprint: job
      writes: {main: raw@1}
    - name: clean
      blueprint: job
      reads: {raw: raw@1, fx: rates/fx@1}
      writes: {main: clean@2}
      after: [land]
      schedule: "61 6 * * *"
      params:
        mode: fsat
`,
	"projects/rates/project.yaml": `apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: rates}
spec:
  owner: team-rates
  environments: {dev: {}, prod: {}}
  datasets:
    - {name: fx, version: "1", path: lake://rates/fx/}
  workloads:
    - {name: fetch, blueprint: job, reads: {sold: orders/clean@2}, writes: {main: fx@1}}
`,
	"projects/dags/daily.py": "from airflow import DAG\r\n\r\nwith DAG(\"daily\", schedule=\"@dayly\") as dag:\r\n\ttask = BashOperator(task_id=\"load\")\r\n",
	"projects/wide/project.yaml": "metadata: {name: wide, labels: {説明: \"東京の注文 🚚\", rôle: café}}\n" +
		"spec:\n\towner: x\n  note: \u00a0no-break\n" +
		"  command: [python, -c, \"" + strings.Repeat("print(1); ", 40) + "\", --sizze, small, " + strings.Repeat("--verbose, ", 40) + "]\n",
}

// at finds the place of a text in a file of the tree.
func at(file, text string) v1alpha1.Position {
	before, _, ok := strings.Cut(tree[file], text)
	if !ok {
		panic(text + " is not in " + file)
	}
	last := before[strings.LastIndex(before, "\n")+1:]
	return v1alpha1.Position{File: file, Line: strings.Count(before, "\n") + 1, Column: utf8.RuneCountInString(last) + 1}
}

// in is at for a text that follows another one.
func in(file, line, text string) v1alpha1.Position {
	p := at(file, line)
	i := strings.Index(line, text)
	p.Column += utf8.RuneCountInString(line[:i])
	return p
}

const (
	prod   = "environments/prod.yaml"
	orders = "projects/orders/project.yaml"
	rates  = "projects/rates/project.yaml"
	daily  = "projects/dags/daily.py"
	wide   = "projects/wide/project.yaml"
)

// source reads the tree.
func source(file string) ([]byte, error) {
	if text, ok := tree[file]; ok {
		return []byte(text), nil
	}
	return nil, fs.ErrNotExist
}

var rules = map[string]report.Rule{
	"dag-cycle":              {Title: "the DAG has no cycles", Help: "# dag-cycle\n\nA dataset cannot be made from itself.\n", HelpURI: "https://trunkline.dev/rules/dag-cycle"},
	"decode":                 {Title: "declarations hold known fields only", Help: "# decode\n\nUnknown fields are mistakes.\n"},
	"environment-unknown":    {Title: "environments are declared"},
	"image-mutable-tag":      {Title: "images are named by digest", Severity: v1alpha1.Warn},
	"airflow-schedule":       {Title: "schedules of DAG files can be read"},
	"never-broken":           {Title: "a rule that nothing breaks"},
	"dataset-schema-missing": {Title: "schemas are in the tree"},
}

// realistic are the problems of the tree.
func realistic() report.Report {
	ps := v1alpha1.Problems{
		{
			Rule: "platform-missing", Position: v1alpha1.Position{File: "trunkline.yaml"}, Severity: v1alpha1.Deny,
			Message: "the file is missing: it declares the platform", Hint: "create it with a document of kind Platform",
		},
		{
			Rule: "decode", Position: at(prod, "cluster:"), Path: "spec", Severity: v1alpha1.Deny,
			Message: `unknown field "cluster"`, Hint: `did you mean "clusters"?`,
		},
		{
			Rule: "not-yet", Position: in(prod, "promotesFrom: dev", "dev"), Path: "spec.promotesFrom", Severity: v1alpha1.Warn,
			Message: `Environment "prod": this version does not act on "promotesFrom" yet`,
		},
		{
			Rule: "environment-unknown", Position: at(orders, "prd"), Path: "spec.environments[1]", Severity: v1alpha1.Deny,
			Message: `there is no environment "prd"`, Hint: `did you mean "prod"?`,
		},
		{
			Rule: "image-mutable-tag", Position: at(orders, "ghcr.io"), Path: "spec.image", Severity: v1alpha1.Warn,
			Message: `the image "ghcr.io/acme/orders:latest" is named by a tag, which may stand for something else tomorrow`,
			Hint:    "pin its digest, as in \"ghcr.io/acme/orders@sha256:…\"; `trunkline promote` writes digests",
		},
		{
			Rule: "dataset-schema-missing", Position: at(orders, "schemas/claen.json"), Path: "spec.datasets[1].schema", Severity: v1alpha1.Deny,
			Message: `there is no file "projects/orders/schemas/claen.json"`, Hint: `did you mean "schemas/clean.json"?`,
		},
		{
			Rule: "dag-cycle", Position: at(orders, "clean@2}"), Severity: v1alpha1.Deny,
			Message: "the data flow has a cycle: orders/clean -> orders/clean@2 -> rates/fetch -> rates/fx@1 -> orders/clean",
			Hint:    "remove one of these edges; a dataset cannot depend on itself, directly or through others",
			Trace: []v1alpha1.Step{
				{Position: at(orders, "clean@2}"), Message: "orders/clean writes orders/clean@2"},
				{Position: at(rates, "orders/clean@2"), Message: "rates/fetch reads orders/clean@2"},
				{Position: at(rates, "fx@1}}"), Message: "rates/fetch writes rates/fx@1"},
				{Position: at(orders, "rates/fx@1"), Message: "orders/clean reads rates/fx@1"},
			},
		},
		{
			Rule: "schedule", Position: at(orders, `"61 6`), Path: "spec.workloads[1].schedule", Severity: v1alpha1.Deny,
			Message: `"61 6 * * *" is not a schedule: minutes go from 0 to 59`,
		},
		{
			Rule: "params", Position: at(orders, "fsat"), Path: "spec.workloads[1].params.mode", Severity: v1alpha1.Deny,
			Message: `"fsat" is not one of "fast", "safe"`, Hint: `did you mean "fast"?`,
		},
		{
			Rule: "airflow-schedule", Position: at(daily, `"@dayly"`), Severity: v1alpha1.Deny,
			Message: `"@dayly" is no schedule that Airflow can read`, Hint: `did you mean "@daily"?`,
		},
		{
			Rule: "airflow-task", Position: at(daily, "BashOperator"), Severity: v1alpha1.Warn, Message: "a BashOperator without a command does nothing",
		},
		{
			Rule: "decode", Position: at(wide, "\"東京"), Path: "metadata.labels.説明", Severity: v1alpha1.Deny,
			Message: `"東京の注文 🚚" is not a label: use letters, digits, dots and dashes`,
		},
		{
			Rule: "decode", Position: at(wide, "rôle"), Path: "metadata.labels.rôle", Severity: v1alpha1.Deny, Message: `"rôle" is not a name of a label`,
		},
		{Rule: "decode", Position: at(wide, "owner: x"), Severity: v1alpha1.Deny, Message: "found a tab where an indentation is wanted"},
		{
			Rule: "decode", Position: at(wide, "--sizze"), Path: "spec.command[3]", Severity: v1alpha1.Warn,
			Message: `the option "--sizze" is not known`, Hint: `did you mean "--size"?`,
		},
		{Rule: "decode", Position: v1alpha1.Position{File: wide, Line: 4}, Severity: v1alpha1.Deny, Message: "the line holds a no-break space"},
		{Rule: "decode", Position: v1alpha1.Position{File: wide, Line: 99, Column: 3}, Severity: v1alpha1.Deny, Message: "the line is gone"},
	}
	ps.Sort()
	return report.Report{
		Problems: ps, Rules: rules, Source: source, Tool: report.Tool{Version: "1.2.3", URI: "https://trunkline.dev"},
		Summary: report.Summary{
			Revision: "0123456789abcdef0123456789abcdef01234567", Base: "main",
			Projects: 1204, Datasets: 6400, Workloads: 9601, Releases: 2400, Files: 1231,
		},
	}
}

// many is one mistake made by everybody.
func many(n int) report.Report {
	return report.Report{Rules: rules, Source: source, Problems: slices.Repeat(realistic().Problems[:1], n)}
}

func write(t testing.TB, f report.Format, r report.Report, o report.Options) string {
	t.Helper()
	var b bytes.Buffer
	if err := report.Write(&b, f, r, o); err != nil {
		t.Fatalf("writing %s: %v", f, err)
	}
	return b.String()
}

// golden compares a text with a file of testdata.
func golden(t *testing.T, name, got string) {
	t.Helper()
	file := filepath.Join("testdata", name)
	if *update {
		if err := os.WriteFile(file, []byte(got), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	want, err := os.ReadFile(file)
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		t.Fatal(err)
	}
	if diff := cmp.Diff(string(want), got); diff != "" {
		t.Errorf("%s (write it again with -update)\n-want +got:\n%s", file, diff)
	}
}
