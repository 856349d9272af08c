// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"
	"helm.sh/helm/v3/pkg/chart/loader"
	"helm.sh/helm/v3/pkg/chartutil"
	helmengine "helm.sh/helm/v3/pkg/engine"
)

// parity are templates that render the same on each run of Helm's own engine.
var parity = map[string]string{
	"text":      "plain text\n",
	"values":    `{{ .Values.name }} {{ .Values.missing }} {{ .Values.nested.list | toYaml | nindent 2 }}`,
	"missing":   `{{ .Values.nested.nothing }}|{{ .Values.missing | default "d" }}|{{ with .Values.missing }}x{{ end }}`,
	"nil":       `{{ quote nil }} {{ .Values.nothing }} {{ list nil 1 | toJson }}`,
	"release":   `{{ .Release.Name }} {{ .Release.Namespace }} {{ .Release.IsInstall }} {{ .Release.IsUpgrade }} {{ .Release.Revision }}`,
	"chart":     `{{ .Chart.Name }} {{ .Chart.Version }} {{ .Chart.AppVersion }} {{ .Chart.IsRoot }} {{ .Template.Name }} {{ .Template.BasePath }}`,
	"caps":      `{{ .Capabilities.KubeVersion.Version }} {{ .Capabilities.KubeVersion.Minor }} {{ .Capabilities.APIVersions.Has "apps/v1" }}`,
	"include":   `{{ include "parent.helper" . | indent 4 }} {{ template "parent.helper" . }} {{ include "child.helper" . }}`,
	"tpl":       `{{ tpl "{{ .Values.name }} {{ include \"parent.helper\" . }}" . }} {{ tpl .Values.template . }}`,
	"tpldefine": `{{ tpl "{{ define \"inner\" }}in{{ end }}{{ include \"inner\" . }}" . }}`,
	"nestedtpl": `{{ tpl "{{ tpl \"{{ .Values.name }}\" . }}" . }}`,
	"files":     `{{ .Files.Get "conf/a.txt" }} {{ (.Files.Glob "conf/*").AsConfig }} {{ (.Files.Glob "conf/*").AsSecrets }} {{ range .Files.Lines "conf/a.txt" }}[{{ . }}]{{ end }} {{ .Files.Get "none" }}`,
	"range":     `{{ range $i, $v := .Values.nested.list }}{{ $i }}={{ $v }},{{ end }}{{ range $k, $v := .Values.nested.map }}{{ $k }}={{ $v }},{{ end }}{{ range until 3 }}{{ . }}{{ else }}none{{ end }}`,
	"break":     `{{ range until 9 }}{{ if eq . 5 }}{{ break }}{{ end }}{{ if eq . 2 }}{{ continue }}{{ end }}{{ . }}{{ end }}`,
	"rangeint":  `{{ range 3 }}{{ . }}{{ end }}`,
	"vars":      `{{ $x := 1 }}{{ if true }}{{ $x = add $x 2 }}{{ end }}{{ $x }} {{ with $y := "y" }}{{ $y }}{{ end }}`,
	"numbers":   `{{ .Values.int }} {{ .Values.float }} {{ .Values.big }} {{ int64 .Values.big }} {{ mul 3 4 }} {{ div 7 2 }} {{ round 3.14159 2 }} {{ addf 0.1 0.2 }}`,
	"printf":    `{{ printf "%s-%d-%05.2f-%v-%q" "a" 7 3.14159 (list 1 2) "q" }} {{ print 1 2 "a" "b" }} {{ println "x" }}`,
	"strings":   `{{ "hello" | upper | repeat 3 | trunc 8 | quote }} {{ replace "a" "bb" "banana" }} {{ join "-" (list 1 "b" true) }} {{ cat "a" "b" }} {{ wrap 5 "a b c d e" }} {{ camelcase "a_b" }} {{ squote "it's" }}`,
	"lists":     `{{ list 3 1 2 | sortAlpha }} {{ concat (list 1) (list 2) | toJson }} {{ append (list 1) 2 }} {{ uniq (list 1 1 2) }} {{ chunk 2 (list 1 2 3) | toJson }} {{ slice (list 1 2 3) 1 2 }} {{ seq 1 2 9 }} {{ untilStep 1 10 3 }} {{ without (list 1 2) 1 }}`,
	"dicts":     `{{ $d := dict "a" 1 "b" (dict "c" 2) }}{{ $_ := set $d "z" 26 }}{{ toJson $d }} {{ get $d "a" }} {{ hasKey $d "q" }} {{ dig "b" "c" 0 $d }} {{ merge (dict "x" 1) $d | toJson }} {{ pick $d "a" | toJson }} {{ omit $d "b" | toJson }} {{ deepCopy $d | toJson }} {{ keys (dict "one" 1) }} {{ values (dict "one" 1) }}`,
	"encode":    `{{ "x" | b64enc | b64dec }} {{ toYaml .Values.nested }} {{ toYamlPretty .Values.nested }} {{ toToml .Values.nested }} {{ fromYaml "a: [1, 2]" | toJson }} {{ fromJson "{\"a\": 1.5}" }} {{ fromYamlArray "[1]" }} {{ fromJsonArray "[1]" }} {{ fromToml "a = 1" }} {{ toPrettyJson .Values.nested }} {{ fromYaml "a: [" | toJson }}`,
	"hash":      `{{ sha256sum "x" }} {{ adler32sum "x" }} {{ derivePassword 1 "long" "p" "u" "s" }}`,
	"regex":     `{{ regexReplaceAll "a(x*)b" "-ab-axxb-" "${1}W" }} {{ regexMatch "^a" "abc" }} {{ regexFindAll "[0-9]" "a1b2" -1 }} {{ regexSplit "z+" "pizza" -1 }}`,
	"types":     `{{ kindOf .Values.nested }} {{ typeOf 1 }} {{ kindIs "map" .Values.nested }} {{ typeOf .Values.nested }} {{ deepEqual (list 1) (list 1) }}`,
	"time":      `{{ date "2006-01-02" (toDate "2006-01-02" "2026-03-04") }} {{ dateInZone "15:04" (int64 0) "UTC" }} {{ duration "95" }} {{ durationRound "2h10m5s" }} {{ unixEpoch (toDate "2006" "2026") }}`,
	"semver":    `{{ semverCompare ">=1.36.0" .Capabilities.KubeVersion.Version }} {{ (semver "1.2.3").Minor }}`,
	"flow":      `{{ ternary "a" "b" true }} {{ coalesce nil "" "c" }} {{ empty "" }} {{ and 1 0 }} {{ or 0 "x" }} {{ not true }} {{ if and .Values.name (eq (int .Values.int) 7) }}yes{{ else if true }}no{{ end }}`,
	"off":       `[{{ lookup "v1" "Secret" "ns" "name" }}] [{{ getHostByName "example.com" }}]`,
	"html":      `{{ html "<a>" }} {{ js "'" }} {{ urlquery "a b" }} {{ .Values.text }}`,
	"trim":      "a {{- /* comment */ -}} b\n{{- if true }}\n  c\n{{- end }}\n",
	"block":     `{{ block "blk" . }}default {{ .Values.name }}{{ end }}`,
	"subcharts": `{{ .Subcharts.child.Chart.Name }} {{ .Subcharts.child.Values.own }} {{ .Values.child.own }} {{ .Values.global.g }}`,
	// Sorts before _helpers.tpl, so that it is parsed after it.
	"Empty": `{{ define "parent.helper" }}{{ end }}{{ include "parent.helper" . }}`,
}

func parityChart() fstest.MapFS {
	fsys := fstest.MapFS{
		"c/Chart.yaml":  {Data: []byte("apiVersion: v2\nname: parent\nversion: 1.2.3\nappVersion: \"9\"\ndependencies:\n- {name: child, version: 0.1.0, condition: child.enabled}\n- {name: unwanted, version: 0.1.0, condition: unwanted.enabled}\n")},
		"c/values.yaml": {Data: []byte("name: joe\nnothing: ~\nint: 7\nfloat: 1.5\nbig: 10000000000\ntext: <&>\ntemplate: 'x{{ .Values.int }}'\nnested: {list: [1, b, true], map: {z: 1, a: 2}}\nchild: {own: fromparent}\nunwanted: {enabled: false}\nglobal: {g: glob}\n")},
		"c/conf/a.txt":  {Data: []byte("one\ntwo\n")}, "c/conf/b.bin": {Data: []byte{0, 1}},
		"c/templates/_helpers.tpl":               {Data: []byte(`{{ define "parent.helper" }}helped {{ .Release.Name }}{{ end }}{{ define "child.helper" }}of the parent{{ end }}`)},
		"c/templates/NOTES.txt":                  {Data: []byte("notes {{ .Values.name }}")},
		"c/charts/child/Chart.yaml":              {Data: []byte("apiVersion: v2\nname: child\nversion: 0.1.0\n")},
		"c/charts/child/values.yaml":             {Data: []byte("own: default\nother: 1\n")},
		"c/charts/child/templates/x.yaml":        {Data: []byte(`{{ .Values.own }} {{ .Values.other }} {{ .Values.global.g }} {{ .Chart.IsRoot }} {{ include "child.helper" . }} {{ .Release.Name }}`)},
		"c/charts/child/templates/_h.tpl":        {Data: []byte(`{{ define "child.helper" }}of the child{{ end }}`)},
		"c/charts/lib/Chart.yaml":                {Data: []byte("apiVersion: v2\nname: lib\nversion: 0.1.0\ntype: library\n")},
		"c/charts/lib/templates/ignored.yaml":    {Data: []byte("not rendered")},
		"c/charts/unwanted/Chart.yaml":           {Data: []byte("apiVersion: v2\nname: unwanted\nversion: 0.1.0\n")},
		"c/charts/unwanted/templates/never.yaml": {Data: []byte("{{ fail \"never\" }}")},
	}
	for name, text := range parity {
		fsys["c/templates/"+name+".yaml"] = &fstest.MapFile{Data: []byte(text)}
	}
	return fsys
}

// TestRendersAsHelmDoes compares this package with Helm's own loader, values and engine, byte by byte. Only
// what is not the same twice with Helm is left out.
func TestRendersAsHelmDoes(t *testing.T) {
	in := Input{FS: parityChart(), Dir: "c", Name: "rel", Namespace: "ns", Values: map[string]any{"name": "jim"}}
	want := helmsOwn(t, in)
	got := ours(t, in)
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("rendered otherwise than Helm (-helm +got):\n%s", diff)
	}
	if len(got) < len(parity) {
		t.Errorf("%d files rendered of %d", len(got), len(parity))
	}
}

func helmsOwn(t testing.TB, in Input) map[string]string {
	t.Helper()
	files, err := readChart(in.FS, in.Dir)
	if err != nil {
		t.Fatal(err)
	}
	c, err := loader.LoadFiles(files)
	if err != nil {
		t.Fatal(err)
	}
	if err := chartutil.ProcessDependenciesWithMerge(c, in.Values); err != nil {
		t.Fatal(err)
	}
	kube, err := chartutil.ParseKubeVersion(KubeVersion)
	if err != nil {
		t.Fatal(err)
	}
	caps := chartutil.DefaultCapabilities.Copy()
	caps.KubeVersion = *kube
	vals, err := chartutil.ToRenderValues(c, in.Values,
		chartutil.ReleaseOptions{Name: in.Name, Namespace: in.Namespace, Revision: 1, IsInstall: true}, caps)
	if err != nil {
		t.Fatal(err)
	}
	out, err := helmengine.Engine{}.Render(c, vals)
	if err != nil {
		t.Fatal(err)
	}
	return out
}

func ours(t testing.TB, in Input) map[string]string {
	t.Helper()
	c, err := load(in.FS, in.Dir, nil)
	if err != nil {
		t.Fatal(err)
	}
	if err := prepare(c, in); err != nil {
		t.Fatal(err)
	}
	out, err := renderFiles(t.Context(), c, in, &chance{})
	if err != nil {
		t.Fatal(err)
	}
	return out
}
