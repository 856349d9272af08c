// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"bytes"
	"encoding/csv"
	"encoding/json"
	"strings"
	"testing"
	"testing/fstest"
	"time"
	"unicode"
	"unicode/utf8"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/cost/report"
	"trunkline.dev/trunkline/render"
)

const head = "apiVersion: trunkline.dev/v1alpha1\n"

// long is as long as names may be, so that lines do not fit.
var long = strings.Repeat("a", 60)

// estimate is of a platform on two clusters with different currencies, with a pod of so many cores on each, and with a device
// whose name a repository made up.
func estimate(t *testing.T, cores int64, device string) *cost.Estimate {
	t.Helper()
	tree := fstest.MapFS{}
	for name, text := range map[string]string{
		"trunkline.yaml": head + "kind: Platform\nmetadata: {name: acme}\nspec: {rates: {cpu: \"1\", memory: \"0\"}}\n",
		"one.yaml":       head + "kind: Cluster\nmetadata: {name: one}\n---\n" + head + "kind: Cluster\nmetadata: {name: two}\nspec: {rates: {currency: EUR, cpu: \"1000000\", memory: \"0\"}}\n",
		"prod.yaml":      head + "kind: Environment\nmetadata: {name: prod}\nspec: {clusters: [one, two], namespace: <project>}\n",
		"p.yaml":         head + "kind: Project\nmetadata: {name: " + long + "}\nspec: {owner: team, environments: [prod], workloads: [{name: w, blueprint: kustomize, params: {path: .}}]}\n",
	} {
		tree[name] = &fstest.MapFile{Data: []byte(text)}
	}
	cat, problems, err := catalog.Load(tree, blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatal(err, problems)
	}
	requests := map[string]any{"cpu": cores, "memory": int64(0)}
	if device != "" {
		requests[device] = int64(1)
	}
	o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "apps/v1", "kind": "Deployment", "spec": map[string]any{"template": map[string]any{
		"spec": map[string]any{"containers": []any{map[string]any{"name": "c", "resources": map[string]any{"requests": requests}}}},
	}}}}
	o.SetName("web")
	o.SetLabels(map[string]string{render.LabelWorkload: "w"})
	terms := cost.Terms{Now: time.Date(2026, 11, 21, 0, 0, 0, 0, time.UTC), Lines: true}
	e, err := cost.Of(t.Context(), cat, terms, func(yield func(cost.Subject) bool) {
		for rel := range cat.Releases() {
			yield(cost.Subject{Release: &rel, Objects: func() ([]*unstructured.Unstructured, error) { return []*unstructured.Unstructured{o}, nil }})
		}
	}, nil)
	if err != nil {
		t.Fatal(err)
	}
	return e
}

func write(t *testing.T, f report.Format, r report.Report, columns int) string {
	t.Helper()
	var b bytes.Buffer
	if r.By == "" {
		r.By = cost.ByWorkload
	}
	if err := report.Write(&b, f, r, columns); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// hostile is the name of a device that a terminal would obey, and a spreadsheet.
const hostile = "=cmd()\x1b[31m\n\u202e@x"

func reports(t *testing.T) map[string]report.Report {
	before, after := estimate(t, 1, ""), estimate(t, 2, hostile)
	d := cost.Compare(before, after, nil)
	return map[string]report.Report{
		"estimate": {Platform: "acme", Revision: "head", Estimate: after, Exceeded: []string{"the budget\x1b is too small"}},
		"change":   {Platform: "acme", Revision: "head", Base: "base\x1b", Estimate: after, Diff: &d},
	}
}

// TestTextFits: no line is longer than the terminal, nothing in it is obeyed, and amounts are whole, in each currency.
func TestTextFits(t *testing.T) {
	for name, r := range reports(t) {
		for _, columns := range []int{0, 40, 80, 132} {
			got := write(t, report.Text, r, columns)
			most := max(columns, 80) // a narrower terminal breaks the lines itself
			for line := range strings.Lines(got) {
				line = strings.TrimSuffix(line, "\n")
				if utf8.RuneCountInString(line) > most {
					t.Errorf("%s: longer than %d columns: %q", name, most, line)
				}
				if strings.ContainsFunc(line, func(r rune) bool { return !unicode.IsPrint(r) }) {
					t.Errorf("%s: a terminal would obey %q", name, line)
				}
			}
			for _, want := range []string{"1440000000.00 EUR", "1440.00 USD", "=cmd()"} {
				if !strings.Contains(strings.Join(strings.Fields(got), " "), want) {
					t.Errorf("%s, %d columns: does not say %q:\n%s", name, columns, want, got)
				}
			}
		}
	}
}

func TestJSON(t *testing.T) {
	r := reports(t)["change"]
	var doc struct {
		Total  map[string]string `json:"total"`
		Change struct {
			Difference map[string]string `json:"difference"`
			Appeared   []struct {
				Reason string `json:"reason"`
			} `json:"notEstimatedAnyMore"`
		} `json:"change"`
	}
	if err := json.Unmarshal([]byte(write(t, report.JSON, r, 0)), &doc); err != nil {
		t.Fatal(err)
	}
	want := map[string]string{"USD": "720.000000", "EUR": "720000000.000000"}
	if diff := cmp.Diff(want, doc.Change.Difference); diff != "" {
		t.Errorf("difference (-want +got):\n%s", diff)
	}
	if len(doc.Change.Appeared) != 2 || !strings.Contains(doc.Change.Appeared[0].Reason, hostile) {
		t.Errorf("what is not estimated is not there as it is: %q", doc.Change.Appeared)
	}
}

// TestCSV: all rows have the columns of the first, and no cell begins like a formula unless it is a number.
func TestCSV(t *testing.T) {
	all := reports(t)
	cheaper := cost.Compare(estimate(t, 2, ""), estimate(t, 1, ""), nil)
	all["cheaper"] = report.Report{Platform: "acme", Estimate: estimate(t, 1, ""), Diff: &cheaper}
	priced := all["estimate"]
	for name, r := range all {
		rows, err := csv.NewReader(strings.NewReader(write(t, report.CSV, r, 0))).ReadAll()
		if err != nil {
			t.Fatalf("%s: %v", name, err)
		}
		if len(rows) < 3 {
			t.Errorf("%s: there are %d rows only", name, len(rows))
		}
		for _, row := range rows {
			for _, c := range row {
				if c != "" && strings.ContainsAny(c[:1], "=+@") || strings.HasPrefix(c, "-") && strings.Trim(c, "-0123456789.") != "" {
					t.Errorf("%s: a spreadsheet would take %q for a formula", name, c)
				}
			}
		}
	}
	if got := write(t, report.CSV, all["cheaper"], 0); !strings.Contains(got, ",-720.000000,") {
		t.Errorf("what is saved is no number:\n%s", got)
	}
	if got := write(t, report.CSV, priced, 0); !strings.Contains(got, "not estimated: ") {
		t.Errorf("what is not estimated is left out:\n%s", got)
	}
}
