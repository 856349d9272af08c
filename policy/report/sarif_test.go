// SPDX-License-Identifier: Apache-2.0

package report_test

import (
	"encoding/json"
	"fmt"
	"go/ast"
	"go/parser"
	"go/token"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"strconv"
	"strings"
	"testing"

	"github.com/owenrumney/go-sarif/v3/pkg/report/v210/sarif"
	"github.com/santhosh-tekuri/jsonschema/v6"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/report"
)

// sarifSchema is the JSON Schema of SARIF 2.1.0 that its standard publishes. It is taken out of the module that
// also reads reports in these tests, which keeps it in a constant.
func sarifSchema(t *testing.T) *jsonschema.Schema {
	t.Helper()
	out, err := exec.CommandContext(t.Context(), "go", "list", "-m", "-f", "{{.Dir}}", "github.com/owenrumney/go-sarif/v3").Output()
	if err != nil {
		t.Fatalf("finding the module with the schema: %v", err)
	}
	file := filepath.Join(strings.TrimSpace(string(out)), "pkg", "report", "v210", "sarif", "schema.go")
	parsed, err := parser.ParseFile(token.NewFileSet(), file, nil, 0)
	if err != nil {
		t.Fatal(err)
	}
	text := ""
	ast.Inspect(parsed, func(n ast.Node) bool {
		if v, ok := n.(*ast.ValueSpec); ok && v.Names[0].Name == "schema" {
			text, err = strconv.Unquote(v.Values[0].(*ast.BasicLit).Value)
		}
		return true
	})
	if err != nil || !strings.Contains(text, "sarif-schema-2.1.0.json") {
		t.Fatalf("%s does not hold the schema of SARIF 2.1.0 any more (%v)", file, err)
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		t.Fatal(err)
	}
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	if err := c.AddResource("sarif.json", doc); err != nil {
		t.Fatal(err)
	}
	s, err := c.Compile("sarif.json")
	if err != nil {
		t.Fatal(err)
	}
	return s
}

func validateSARIF(s *jsonschema.Schema, text string) error {
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return fmt.Errorf("not JSON: %w", err)
	}
	return s.Validate(doc)
}

func TestSARIFIsValid(t *testing.T) {
	schema := sarifSchema(t)
	for _, name := range []string{"report.sarif", "clean.sarif", "hostile.sarif"} {
		data, err := os.ReadFile(filepath.Join("testdata", name))
		if err != nil {
			t.Fatal(err)
		}
		if err := validateSARIF(schema, string(data)); err != nil {
			t.Errorf("%s: %v", name, err)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		r := anyReport().Draw(t, "report")
		var b strings.Builder
		if err := report.Write(&b, report.SARIF, r, report.Options{}); err != nil {
			t.Fatal(err)
		}
		if err := validateSARIF(schema, b.String()); err != nil {
			t.Fatalf("%v:\n%s", err, b.String())
		}
		checkResults(t, r, b.String())
	})
}

// TestTheSchemaRefuses holds the schema of these tests to refuse what is wrong.
func TestTheSchemaRefuses(t *testing.T) {
	schema := sarifSchema(t)
	data, err := os.ReadFile(filepath.Join("testdata", "report.sarif"))
	if err != nil {
		t.Fatal(err)
	}
	for _, broken := range []struct{ reason, old, new string }{
		{"lines count from 1", `"startLine": 5`, `"startLine": 0`},
		{"a level is one of four", `"level": "error"`, `"level": "deny"`},
		{"a result has a message", `"message"`, `"massage"`},
		{"the kind of columns is one of two", `"unicodeCodePoints"`, `"runes"`},
		{"a file's name is escaped", `projects/wide/project.yaml`, `projects/100%/project.yaml`},
	} {
		text := strings.Replace(string(data), broken.old, broken.new, 1)
		if text == string(data) || validateSARIF(schema, text) == nil {
			t.Errorf("%s, and with %s the report is valid", broken.reason, broken.new)
		}
	}
}

// checkResults reads a report with a library of others, and holds it to the problems.
func checkResults(t *rapid.T, r report.Report, text string) {
	log, err := sarif.FromString(text, sarif.WithStrictValidation())
	if err != nil {
		t.Fatal(err)
	}
	run := log.Runs[0]
	if len(run.Results) != len(r.Problems) {
		t.Fatalf("%d results for %d problems", len(run.Results), len(r.Problems))
	}
	prints := map[string]bool{}
	for i, p := range r.Problems {
		got := run.Results[i]
		if id := *run.Tool.Driver.Rules[got.RuleIndex].ID; id != *got.RuleID {
			t.Fatalf("the rule is %q by its id and %q by its index", *got.RuleID, id)
		}
		at := got.Locations[0].PhysicalLocation
		if file, err := url.PathUnescape(*at.ArtifactLocation.URI); err != nil || p.Position.File != "" && file != p.Position.File {
			t.Fatalf("the file is %q (%v), want %q", file, err, p.Position.File)
		}
		if ref, err := url.Parse(*at.ArtifactLocation.URI); err != nil || ref.Scheme != "" || ref.Host != "" || ref.RawQuery != "" {
			t.Fatalf("%q is more than a path (%v)", *at.ArtifactLocation.URI, err)
		}
		if *at.Region.StartLine != max(1, p.Position.Line) || *at.Region.StartColumn != max(1, p.Position.Column) ||
			*at.Region.EndColumn < *at.Region.StartColumn {
			t.Fatalf("the region of %+v is %+v", p.Position, at.Region)
		}
		if len(got.RelatedLocations) != len(p.Trace) {
			t.Fatalf("%d places for %d steps", len(got.RelatedLocations), len(p.Trace))
		}
		id := got.PartialFingerprints["primaryLocationLineHash"]
		if prints[id] {
			t.Fatalf("two results have the fingerprint %s", id)
		}
		prints[id] = true
	}
}

// TestFingerprints holds the identity of a problem to what it is, not to where it is.
func TestFingerprints(t *testing.T) {
	problem := v1alpha1.Problem{
		Rule: "decode", Position: v1alpha1.Position{File: "a.yaml", Line: 5, Column: 3}, Path: "spec.workloads[2].reads.raw",
		Message: `already declared at "b.yaml:3:18" in line 12`,
	}
	changed := func(change func(p *v1alpha1.Problem)) v1alpha1.Problem {
		p := problem
		change(&p)
		return p
	}
	cases := map[string]struct {
		reason string
		other  v1alpha1.Problem
		same   bool
	}{
		"Moved":      {"A line was put in above.", changed(func(p *v1alpha1.Problem) { p.Position.Line = 6 }), true},
		"OtherMoved": {"A line was put in above the other place.", changed(func(p *v1alpha1.Problem) { p.Message = `already declared at "b.yaml:4:18" in line 13` }), true},
		"OneMore":    {"A workload was put in before.", changed(func(p *v1alpha1.Problem) { p.Path = "spec.workloads[3].reads.raw" }), true},
		"File":       {"Another file is another problem.", changed(func(p *v1alpha1.Problem) { p.Position.File = "b.yaml" }), false},
		"Field":      {"So is another field.", changed(func(p *v1alpha1.Problem) { p.Path = "spec.workloads[2].reads.fx" }), false},
		"Rule":       {"So is another rule.", changed(func(p *v1alpha1.Problem) { p.Rule = "params" }), false},
		"Message":    {"So is another message.", changed(func(p *v1alpha1.Problem) { p.Message = "x" }), false},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if got := fingerprint(t, problem) == fingerprint(t, tc.other); got != tc.same {
				t.Errorf("%s: the same is %v, want %v", tc.reason, got, tc.same)
			}
		})
	}
}

type written struct {
	Runs []struct {
		Invocations []struct {
			ToolExecutionNotifications []struct{ Message struct{ Text string } }
		}
		Results []struct {
			PartialFingerprints map[string]string
			Message             struct{ Text string }
			RelatedLocations    []any
		}
	}
}

func read(t *testing.T, r report.Report) written {
	t.Helper()
	var log written
	if err := json.Unmarshal([]byte(write(t, report.SARIF, r, report.Options{})), &log); err != nil {
		t.Fatal(err)
	}
	return log
}

func fingerprint(t *testing.T, p v1alpha1.Problem) string {
	t.Helper()
	return read(t, report.Report{Problems: v1alpha1.Problems{p}}).Runs[0].Results[0].PartialFingerprints["primaryLocationLineHash"]
}

func TestLongTracesAreCut(t *testing.T) {
	result := read(t, long()).Runs[0].Results[0]
	if got := len(result.RelatedLocations); got != 100 {
		t.Errorf("%d related locations, want the 100 that are looked at", got)
	}
	if !strings.HasSuffix(result.Message.Text, "\n… and 4,900 further steps") {
		t.Errorf("the message does not say that steps are left out: …%q", result.Message.Text[len(result.Message.Text)-80:])
	}
}
