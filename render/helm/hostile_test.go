// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"fmt"
	"runtime"
	"strings"
	"testing"
	"testing/fstest"
	"time"
)

// one is a chart with one template and whatever else is given.
func one(template string, more map[string]string) fstest.MapFS {
	fsys := fstest.MapFS{
		"c/Chart.yaml":       {Data: []byte("apiVersion: v2\nname: c\nversion: 1.0.0\n")},
		"c/templates/x.yaml": {Data: []byte(template)},
	}
	for name, text := range more {
		fsys["c/"+name] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// testSteps is a tenth of what a chart may take: the race detector makes each step slow.
const testSteps = 100_000

func renderOne(t *testing.T, fsys fstest.MapFS) error {
	t.Helper()
	_, err := Render(t.Context(), Input{FS: fsys, Dir: "c", Name: "rel", Namespace: "ns", Values: map[string]any{"v": "w"}, Steps: testSteps})
	return err
}

// TestHostileTemplates: each of these ends Helm's own engine, or the process around it, or would go on for
// years. They must end as an error, and in bounded memory; the steps that they may take bound the time, and how long
// that is on a busy machine is logged only.
func TestHostileTemplates(t *testing.T) {
	const x = "chart c: template c/templates/x.yaml:1: "
	doubled := `{{ $x := "xxxxxxxxxxxxxxxx" }}{{ range until 60 }}{{ $x = print $x $x }}{{ end }}{{ len $x }}`
	shared := `{{ $x := list 1 }}{{ range until 60 }}{{ $x = list $x $x }}{{ end }}`
	cases := map[string]struct {
		reason, template, want string
	}{
		"Repeat":       {"one call takes all memory", `{{ repeat 1000000000000 "x" }}`, x + "the result would have more than 16 MiB"},
		"Until":        {"a list of a billion numbers", `{{ range until 1000000000 }}{{ end }}`, x + "the result would have more than 16 MiB"},
		"UntilStep":    {"the same by steps", `{{ untilStep 0 9223372036854775807 1 }}`, x + "the result would have more than 16 MiB"},
		"Seq":          {"the same as text", `{{ seq 0 1 2000000000 }}`, x + "the result would have more than 16 MiB"},
		"Negative":     {"the other way round", `{{ until -1000000000 }}`, x + "the result would have more than 16 MiB"},
		"RangeInteger": {"a loop over a number, without a body", `{{ range 9000000000000 }}{{ end }}`, x + "the chart takes more than 100000 steps to render"},
		"Nested":       {"loops in loops, without a call in them", `{{ $l := until 10000 }}{{ range $l }}{{ range $l }}{{ range $l }}{{ end }}{{ end }}{{ end }}`, x + "the chart takes more than 100000 steps to render"},
		"Output":       {"a loop that writes", `{{ range until 100000 }}` + strings.Repeat("x", 1000) + `{{ end }}`, "chart c: the chart renders to more than 16 MiB"},
		"Doubling":     {"a text that doubles sixty times", doubled, x + "a value has more than 16 MiB"},
		"Sharing":      {"a list that names itself twice, sixty times, printed", shared + `{{ $x }}`, x + "a value has more than 16 MiB"},
		"SharingYAML":  {"the same as YAML", shared + `{{ toYaml $x }}`, x + "a value has more than 16 MiB"},
		"SharingCopy":  {"the same copied", shared + `{{ $y := deepCopy $x }}`, x + "a value has more than 16 MiB"},
		"Self":         {"a table in itself, printed: a stack overflow in fmt", `{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ $d }}`, x + "the value contains itself or is nested deeper than 200 levels"},
		"SelfYAML":     {"the same by toYaml", `{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ toYaml $d }}`, x + "the value contains itself or is nested deeper than 200 levels"},
		"SelfValues":   {"the same in the values", `{{ $_ := set .Values "v" .Values }}{{ .Values }}`, x + "the value contains itself or is nested deeper than 200 levels"},
		"SelfRelease":  {"the same by merge", `{{ $d := dict }}{{ $_ := set $d "d" $d }}{{ merge (dict "d" (dict)) $d }}`, x + "the value contains itself or is nested deeper than 200 levels"},
		"Include":      {"a template that includes itself", `{{ define "a" }}{{ include "a" . }}{{ end }}{{ include "a" . }}`, x + "templates nest 2001 levels deep, which is too much: does one include itself?"},
		"Template":     {"the same by template", `{{ define "a" }}{{ template "a" . }}{{ end }}{{ template "a" . }}`, x + "templates nest 2001 levels deep, which is too much: does one include itself?"},
		"TwiceEach":    {"templates that include the next one twice", twice(60), "the chart takes more than 100000 steps to render"},
		"Tpl":          {"a text that renders itself", `{{ $t := "{{ tpl .t . }}" }}{{ tpl $t (dict "t" $t "Template" .Template) }}`, "levels deep, which is too much: does one include itself?"},
		"Indent":       {"a number of blanks", `{{ indent 1000000000 "x" }}`, x + "the result would have more than 16 MiB"},
		"Nindent":      {"the same with a line", `{{ "a\nb" | nindent 1000000000 }}`, x + "the result would have more than 16 MiB"},
		"Printf":       {"padding", `{{ printf "%0999999d%0999999d%0999999d%0999999d%0999999d%0999999d%0999999d%0999999d%0999999d%0999999d%0999999d%0999999d%0999999d%0999999d%0999999d%0999999d%0999999d" 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 }}`, x + "the result would have more than 16 MiB"},
		"PrintfIndex":  {"one argument many times", `{{ $a := repeat 1000000 "x" }}{{ printf "` + strings.Repeat("%[1]s", 40) + `" $a }}`, x + "the result would have more than 16 MiB"},
		"Replace":      {"every letter by a book", `{{ $a := repeat 100000 "x" }}{{ replace "x" $a $a }}`, x + "the result would have more than 16 MiB"},
		"Regex":        {"the same by expressions", `{{ $a := repeat 100000 "x" }}{{ regexReplaceAll "x" $a $a }}`, x + "the result would have more than 16 MiB"},
		"Join":         {"a long separator", `{{ join (repeat 1000000 "x") (until 1000) }}`, x + "the result would have more than 16 MiB"},
		"Wrap":         {"a long line end", `{{ wrapWith 1 (repeat 100000 "y") (repeat 100000 "x ") }}`, x + "the result would have more than 16 MiB"},
		"Scrypt":       {"a slow function in a loop", `{{ range until 1000 }}{{ derivePassword 1 "long" "p" "u" "s" }}{{ end }}`, x + "the chart takes more than 100000 steps to render"},
		"FromYaml":     {"an alias bomb by fromYaml", `{{ fromYaml "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f]" | toJson | fail }}`, x + `{"Error":"line 7: the aliases expand to more than 4 MiB"}`},
		"OwnNames":     {"the sandbox's own functions", `{{ trunkline__leave }}`, `chart c: template c/templates/x.yaml:1: function "trunkline__leave" not defined`},
		"Parens":       {"an expression that would take the parser's stack", `{{ ` + strings.Repeat("(", 200_000) + `}}`, "max expression depth exceeded"},
		"Long":         {"a template with more actions than any has", strings.Repeat("{{if 1}}", 70_000), "chart c: template c/templates/x.yaml has 70000 actions; the limit is 65536"},
		"Deep":         {"blocks in blocks, within the length", strings.Repeat("{{if 1}}", 65_000), "unexpected EOF"},
		"Blocks":       {"blocks in blocks in templates in templates", `{{ define "a" }}` + strings.Repeat("{{if 1}}", 210) + `{{ include "a" . }}` + strings.Repeat("{{end}}", 211) + `{{ include "a" . }}`, "blocks and parentheses nest deeper than 200 levels"},
		"Pipes":        {"the same with parentheses", `{{ define "a" }}{{ ` + strings.Repeat("(", 5000) + `include "a" .` + strings.Repeat(")", 5000) + `}}{{ end }}{{ include "a" . }}`, "blocks and parentheses nest deeper than 200 levels"},
		"Stack":        {"the most that is taken of both at once", `{{ define "a" }}` + strings.Repeat("{{if 1}}", 190) + `{{ include "a" . }}` + strings.Repeat("{{end}}", 191) + `{{ include "a" . }}`, "levels deep, which is too much: does one include itself?"},
		"Division":     {"a panic in a function", `{{ div 1 0 }}`, "integer divide by zero"},
		"Index":        {"a panic in a builtin", `{{ index (list 1) 999999999 }}`, "out of range"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			var before, after runtime.MemStats
			runtime.ReadMemStats(&before)
			began := time.Now()
			err := renderOne(t, one(tc.template, nil))
			runtime.ReadMemStats(&after)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\nwant %s\ngot  %.300v", tc.reason, tc.want, err)
			}
			t.Logf("took %s and %d MiB", time.Since(began).Round(time.Millisecond), (after.TotalAlloc-before.TotalAlloc)>>20)
		})
	}
}

// twice makes n templates that each include the next one twice.
func twice(n int) string {
	var b strings.Builder
	for i := range n {
		fmt.Fprintf(&b, `{{ define "t%d" }}{{ include "t%d" . }}{{ include "t%d" . }}{{ end }}`, i, i+1, i+1)
	}
	fmt.Fprintf(&b, `{{ define "t%d" }}x{{ end }}{{ include "t0" . }}`, n)
	return b.String()
}

func TestRefusedCharts(t *testing.T) {
	cases := map[string]struct {
		reason string
		files  map[string]string
		want   string
	}{
		"NoChart":    {"no Chart.yaml", map[string]string{"Chart.yaml": ""}, "chart c: validation: chart.metadata.name is required"},
		"Dot":        {"a chart named . (Helm CVE-2026-35206)", map[string]string{"Chart.yaml": "apiVersion: v2\nname: .\nversion: 1.0.0\n"}, `chart c: validation: chart.metadata.name "." is not allowed`},
		"DotDot":     {"a chart named .. (Helm CVE-2024-25620)", map[string]string{"Chart.yaml": "apiVersion: v2\nname: ..\nversion: 1.0.0\n"}, `chart c: validation: chart.metadata.name ".." is not allowed`},
		"Slash":      {"a chart named by a path", map[string]string{"Chart.yaml": "apiVersion: v2\nname: ../x\nversion: 1.0.0\n"}, `chart c: validation: chart.metadata.name "../x" is invalid`},
		"Subchart":   {"a subchart with such a name", map[string]string{"charts/s/Chart.yaml": "apiVersion: v2\nname: ..\nversion: 1.0.0\n"}, `is not allowed`},
		"Missing":    {"a dependency that was not vendored", map[string]string{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: redis, version: 1.x, repository: 'https://example.com'}]\n"}, "chart c: the dependency \"redis\" is not in charts/; Trunkline fetches nothing: run `helm dependency build` and commit the folder charts"},
		"Null":       {"an empty dependency (Helm panics)", map[string]string{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [~]\n"}, `chart c: `},
		"Malformed":  {"a Chart.yaml of another form (Helm CVE-2024-26147)", map[string]string{"Chart.yaml": "[]"}, `chart c: cannot load Chart.yaml`},
		"Library":    {"a library by itself", map[string]string{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\ntype: library\n"}, "chart c: a chart of type library renders nothing by itself"},
		"Kubernetes": {"a chart for another Kubernetes", map[string]string{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\nkubeVersion: '<1.30.0'\n"}, "chart c: the chart wants Kubernetes <1.30.0; charts are rendered for v1.36.0: spec.kubeVersion of the cluster says for which"},
		"Schema":     {"values against their schema", map[string]string{"values.schema.json": `{"properties": {"v": {"type": "number"}}}`}, "chart c: c/values.schema.json: v: expected a number, got a text"},
		"RemoteRef":  {"a schema that refers to the network", map[string]string{"values.schema.json": `{"$ref": "http://169.254.169.254/latest"}`}, `chart c: c/values.schema.json: the schema is not valid: "http://169.254.169.254/latest": a schema may refer to its own parts only`},
		"FileRef":    {"a schema that refers to the disk", map[string]string{"values.schema.json": `{"$ref": "file:///etc/passwd"}`}, `a schema may refer to its own parts only`},
		"SelfRef":    {"a schema that refers to itself (Helm CVE-2025-32387)", map[string]string{"values.schema.json": `{"$ref": "#"}`}, `chart c: c/values.schema.json: the schema refers to itself endlessly`},
		"Values":     {"an alias bomb in the values", map[string]string{"values.yaml": "a: &a [x,x,x,x,x,x,x,x,x]\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a]\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b]\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c]\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d]\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e]\ng: [*f,*f,*f,*f,*f,*f,*f,*f]\n"}, "chart c: values.yaml: line 7: the aliases expand to more than 4 MiB"},
		"Large":      {"a chart that is larger than any is", map[string]string{"blob": strings.Repeat("x", 9<<20)}, "chart c: the chart has more than 8 MiB"},
		"Archive":    {"an archive that expands (Helm CVE-2025-32386)", map[string]string{"charts/s.tgz": archive(t, "s", strings.Repeat("\x00", 12<<20))}, "chart c: charts/s.tgz: the archive expands to more than 8 MiB"},
		"NoArchive":  {"an archive that is none", map[string]string{"charts/s.tgz": "x"}, "chart c: charts/s.tgz: "},
		"Syntax":     {"a template that does not parse", map[string]string{"templates/y.yaml": "a\n{{ if }}\n"}, "chart c: template c/templates/y.yaml:2: missing value for if"},
		"Required":   {"a required value, in a partial", map[string]string{"templates/_h.tpl": `{{ define "h" }}` + "\n" + `{{ required "name the image" .Values.image }}{{ end }}`, "templates/y.yaml": "a: b\n{{ include \"h\" . }}"}, "chart c: template c/templates/_h.tpl:2: name the image"},
		"YAML":       {"a template that renders to no YAML", map[string]string{"templates/y.yaml": "a: b\n---\nc: [\n"}, "chart c: c/templates/y.yaml: line "},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			err := renderOne(t, one("", tc.files))
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s\nwant %s\ngot  %.400v", tc.reason, tc.want, err)
			}
		})
	}
}

// archive makes a packaged chart.
func archive(t *testing.T, name, blob string) string {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for file, text := range map[string]string{
		"Chart.yaml": "apiVersion: v2\nname: " + name + "\nversion: 1.0.0\n", "blob": blob,
		"templates/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: from-" + name + "}\n",
	} {
		if err := w.WriteHeader(&tar.Header{Name: name + "/" + file, Size: int64(len(text)), Mode: 0o644}); err != nil {
			t.Fatal(err)
		}
		if _, err := w.Write([]byte(text)); err != nil {
			t.Fatal(err)
		}
	}
	for _, c := range []interface{ Close() error }{w, zipped} {
		if err := c.Close(); err != nil {
			t.Fatal(err)
		}
	}
	return out.String()
}

// TestTakenCharts are the neighbours of what is refused.
func TestTakenCharts(t *testing.T) {
	cases := map[string]struct {
		reason string
		files  map[string]string
		want   int
	}{
		"Test":    {"tests are left out, as an installation leaves them out", map[string]string{"templates/t.yaml": "apiVersion: v1\nkind: Pod\nmetadata: {name: p, annotations: {helm.sh/hook: test}}\n"}, 0},
		"Archive": {"a vendored archive", map[string]string{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: s, version: 1.0.0}]\n", "charts/s.tgz": archive(t, "s", "")}, 1},
		"CRDs":    {"definitions of crds/, that are no templates", map[string]string{"crds/w.yaml": "apiVersion: apiextensions.k8s.io/v1\nkind: CustomResourceDefinition\nmetadata: {name: '{{ x }}'}\n"}, 1},
		"Ignored": {"what .helmignore names", map[string]string{".helmignore": "templates/bad.yaml\n", "templates/bad.yaml": "{{ nope"}, 0},
		"Notes":   {"notes are for people", map[string]string{"templates/NOTES.txt": "Hello: {{ .Release.Name }}: bye"}, 0},
		"DotFile": {"a name that begins with dots", map[string]string{"..file.yaml": "x"}, 0},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			result, err := Render(t.Context(), Input{FS: one("", tc.files), Dir: "c", Name: "rel", Namespace: "ns"})
			if err != nil || len(result.Objects) != tc.want {
				t.Errorf("%s: got %d objects and error %v, want %d", tc.reason, len(result.Objects), err, tc.want)
			}
		})
	}
}
