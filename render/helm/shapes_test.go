// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"maps"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"trunkline.dev/trunkline/test/cached"
)

// shapes are charts that were rendered otherwise than by Helm, or refused, and their relatives. A template of a field is
// put into the ConfigMap of [object]; one that begins with a line end is a whole file.
var shapes = map[string]struct {
	reason, template, values string
	more                     map[string]string
}{
	"NullOverSubchart":  {"a null takes a default of a subchart away", "{{ .Values.sub | toJson | quote }}", "sub: {limits: null}", nil},
	"NullOfGlobal":      {"and a global value", "{{ .Values | toJson | quote }}", "global: {a: null}", nil},
	"NullInTable":       {"within a table", "{{ .Values.sub | toJson | quote }}", "sub: {limits: {cpu: null}}", nil},
	"NullOwn":           {"and one of the chart's own", "{{ .Values | toJson | quote }}", "own: null", nil},
	"NullDefault":       {"a default of null", "{{ .Values.nothing | default \"d\" }}", "", nil},
	"TplTwice":          {"a function that no file names, twice", `{{ tpl "{{ snakecase \"AbcD\" }}" . }}{{ tpl "{{ snakecase \"AbcD\" }}" . }}`, "", nil},
	"TplTwo":            {"in two texts", `{{ tpl "{{ kebabcase \"AbcD\" }}" . }}{{ tpl "{{ kebabcase \"XyZ\" | upper }}" . }}`, "", nil},
	"TplNested":         {"in a text in a text", `{{ tpl "{{ tpl \"{{ camelcase \\\"a_b\\\" }}\" . }}{{ camelcase \"c_d\" }}" . }}`, "", nil},
	"TplEmpty":          {"an empty text in a text", `{{ tpl "x{{ tpl \"\" . }}y" . }}`, "", nil},
	"TplBlank":          {"one of blanks", `{{ tpl "x{{ tpl \"  \" . }}y" . }}`, "", nil},
	"TplComment":        {"one of a comment", `{{ tpl "x{{ tpl \"{{/* c */}}\" . }}y" . }}`, "", nil},
	"TplDefine":         {"one that only defines", `{{ tpl "{{ tpl \"{{ define \\\"q\\\" }}q{{ end }}\" . }}z" . }}`, "", nil},
	"TplRedefine":       {"one that defines what is there", `{{ tpl "{{ define \"h\" }}new{{ end }}{{ include \"h\" . }}" . }}{{ include "h" . }}`, "", map[string]string{"templates/_h.tpl": `{{ define "h" }}old{{ end }}`}},
	"TplNil":            {"a value that is not there", `{{ tpl "[{{ .Values.no }}]" . | quote }}`, "", nil},
	"IncludeNil":        {"a value that is not there, measured", `{{ include "n" . | len }}`, "", map[string]string{"templates/_n.tpl": `{{ define "n" }}{{ .Values.no }}{{ end }}`}},
	"Deep":              {"six hundred levels of include", `{{ include "d" 600 }}`, "", map[string]string{"templates/_d.tpl": `{{ define "d" }}{{ if gt . 0 }}{{ include "d" (sub . 1 | int) }}{{ else }}end{{ end }}{{ end }}`}},
	"DeepByTwo":         {"of two that include each other", `{{ include "a" 900 }}`, "", map[string]string{"templates/_d.tpl": `{{ define "a" }}{{ if gt . 0 }}{{ include "b" (sub . 1 | int) }}{{ else }}end{{ end }}{{ end }}{{ define "b" }}{{ include "a" . }}{{ end }}`}},
	"Printf":            {"digits in a format that are no width", `{{ printf "release-20260801-%s" .Release.Name }}`, "", nil},
	"PrintfPercent":     {"a percent sign", `{{ printf "99999999%% of %s 88888888" .Release.Name | quote }}`, "", nil},
	"PrintfWidth":       {"a width", `{{ printf "%08.3f|%-6s|%+d|%x" 3.14159 "a" 7 255 | quote }}`, "", nil},
	"AsMap":             {"the values have methods", `{{ .Values.AsMap | toJson | quote }}`, "a: 1", nil},
	"YAML":              {"another one", `{{ .Values.YAML | quote }}`, "a: 1", nil},
	"PathValue":         {"and one with a path", `{{ .Values.PathValue "a.b" }}`, "a: {b: 1}", nil},
	"KubeVersion":       {"a version that is printed", `"{{ .Capabilities.KubeVersion }} {{ .Capabilities.KubeVersion.Version }}"`, "", nil},
	"HelmVersion":       {"that of Helm", `{{ .Capabilities.HelmVersion.Version | kindOf }}`, "", nil},
	"Service":           {"who renders", `{{ .Release.Service }}`, "", nil},
	"SharedDot":         {"what one file sets is there for the next", `{{ $_ := set . "mine" "m" }}{{ .mine }}`, "", map[string]string{"templates/a.yaml": object(`{{ .mine | default "none" }}`)}},
	"SharedValues":      {"also in the values", `{{ $_ := set .Values "mine" "m" }}x`, "", map[string]string{"templates/a.yaml": object(`{{ .Values.mine | default "none" }}`)}},
	"SeparatorText":     {"dashes that a text follows at once", "\na: 1\n---b: 2\n", "", nil},
	"SeparatorComment":  {"or a comment", "\napiVersion: v1\nkind: A\n---# second\napiVersion: v1\nkind: B\n", "", nil},
	"SeparatorBlanks":   {"blanks before and after", "\napiVersion: v1\nkind: A\n\n  \n---   \n\napiVersion: v1\nkind: B\n\n", "", nil},
	"SeparatorIndent":   {"dashes in a text", "\napiVersion: v1\nkind: A\ndata: |\n  a\n  ---\n  b\n", "", nil},
	"SeparatorFirst":    {"at the top", "\n---\napiVersion: v1\nkind: A\n---\n", "", nil},
	"SeparatorDashes":   {"more dashes", "\napiVersion: v1\nkind: A\n# x\n-----\nb: 1\n", "", nil},
	"BlockEnd":          {"a text at the end keeps one line end", "\napiVersion: v1\nkind: A\ndata: |\n  a\n\n\n---\nkind: B\ndata: |+\n  b\n\n\n", "", nil},
	"BlockStrip":        {"or none", "\napiVersion: v1\nkind: A\ndata: |-\n  a\n\n---\nkind: B\ndata: >\n  b   \n", "", nil},
	"Windows":           {"lines that end in CR LF", "\r\napiVersion: v1\r\nkind: A\r\n---\r\nkind: B\r\n", "", nil},
	"Twice":             {"a key that is there twice", "\napiVersion: v1\nkind: A\ndata: {a: 1}\nx: 1\nx: 2\n", "", nil},
	"TwiceDeep":         {"further down", "\napiVersion: v1\nkind: A\ndata:\n  a: 1\n  a: 2\n", "", nil},
	"Large":             {"a definition of a megabyte", "\napiVersion: v1\nkind: A\ndescription: " + strings.Repeat("long ", 200_000) + "\n", "", nil},
	"LargeSchema":       {"a schema of as much", `x`, "", map[string]string{"values.schema.json": `{"description": "` + strings.Repeat("long ", 200_000) + `"}`}},
	"StrictSchema":      {"a schema that knows no other values", `{{ .Values.a }}`, "a: 1", map[string]string{"values.yaml": "a: 0\n", "values.schema.json": `{"properties": {"a": {}, "sub": {}}, "additionalProperties": false}`}},
	"HookUnknown":       {"a hook that Helm does not know", "\napiVersion: v1\nkind: A\nmetadata: {name: a, annotations: {helm.sh/hook: crd-install}}\n", "", nil},
	"ThrownAway":        {"chance that nobody has", `{{ .Values.own | default (randAlphaNum 16) }}`, "", nil},
	"Comment":           {"a file of comments", "\n# nothing\n---\n# here\n", "", nil},
	"Notes":             {"notes of a name of their own", `x`, "", map[string]string{"templates/MY-NOTES.txt": "hello"}},
	"LargeNumber":       {"a large number", `"{{ .Values.n }}|{{ .Values.n | int64 }}|{{ toYaml .Values.n }}"`, "n: 12345678901", nil},
	"ImportedValues":    {"values of a subchart that its parent imports", `{{ .Values.limits | toJson | quote }}`, "", map[string]string{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: sub, version: 1.0.0, import-values: [{child: limits, parent: limits}]}]\n"}},
	"ImportedOverNull":  {"and that it has set to null", `{{ .Values.limits | toJson | quote }}`, "limits: {cpu: null}", map[string]string{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: sub, version: 1.0.0, import-values: [{child: limits, parent: limits}]}]\n"}},
	"ConditionDisabled": {"a subchart that is switched off", `x`, "sub: {on: false}", map[string]string{"Chart.yaml": "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: sub, version: 1.0.0, condition: sub.on}]\n"}},
}

// TestParityOfShapes compares charts of our own with what `helm template` makes of them, byte by byte.
func TestParityOfShapes(t *testing.T) {
	program := cached.Helm(t)
	for name, tc := range shapes {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "c")
			template := tc.template
			if !strings.HasPrefix(template, "\n") && !strings.HasPrefix(template, "\r\n") {
				template = object(template)
			}
			files := map[string]string{
				"Chart.yaml":                  "apiVersion: v2\nname: c\nversion: 1.0.0\ndependencies: [{name: sub, version: 1.0.0}]\n",
				"values.yaml":                 "own: mine\nnothing: ~\n" + tc.values + "\n",
				"charts/sub/Chart.yaml":       "apiVersion: v2\nname: sub\nversion: 1.0.0\n",
				"charts/sub/values.yaml":      "limits: {cpu: 1, memory: 2}\nglobal: {a: 1}\n",
				"charts/sub/templates/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: sub}\ndata:\n  v: {{ .Values | toJson | quote }}\n",
				"templates/x.yaml":            template,
			}
			maps.Copy(files, tc.more)
			if strings.HasPrefix(tc.values, "own:") {
				files["values.yaml"] = tc.values + "\n"
			}
			for file, text := range files {
				path := filepath.Join(dir, file)
				if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
					t.Fatal(err)
				}
				if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			values := filepath.Join(t.TempDir(), "values.yaml")
			if err := os.WriteFile(values, []byte(tc.values), 0o600); err != nil {
				t.Fatal(err)
			}
			for _, files := range [][]string{nil, {values}} {
				if what, why := compare(t.Context(), program, dir, files); what != equal && what != failsToo {
					t.Errorf("%s: %s: %s", tc.reason, what, why)
				} else if what == failsToo && !strings.HasPrefix(name, "Separator") {
					t.Errorf("%s: Helm refuses it: %s", tc.reason, why)
				}
			}
		})
	}
}

// TestCapabilities: what a cluster is declared to be is what a chart is told.
func TestCapabilities(t *testing.T) {
	const monitor = `{{ .Capabilities.APIVersions.Has "monitoring.coreos.com/v1/ServiceMonitor" }}`
	cases := map[string]struct {
		reason, template, version string
		apis                      []string
		want                      string
	}{
		"Default":  {"what is not declared is as Helm has it without a cluster", `{{ .Capabilities.KubeVersion }} {{ .Capabilities.APIVersions.Has "apps/v1" }}`, "", nil, "v1.36.0 true"},
		"Version":  {"the version that is declared", `{{ .Capabilities.KubeVersion }} {{ .Capabilities.KubeVersion.Minor }}`, "v1.33.4", nil, "v1.33.4 33"},
		"Short":    {"as it is written, which is what Helm does", `{{ .Capabilities.KubeVersion.Version }}`, "1.33", nil, "v1.33"},
		"Missing":  {"an add-on that is not declared", monitor, "", nil, "false"},
		"Kind":     {"an add-on by its kind", monitor, "", []string{"monitoring.coreos.com/v1/ServiceMonitor"}, "true"},
		"Added":    {"what is declared adds to what is there", `{{ .Capabilities.APIVersions.Has "apps/v1" }}`, "", []string{"monitoring.coreos.com/v1"}, "true"},
		"Complete": {"a complete list is what there is", `{{ .Capabilities.APIVersions.Has "policy/v1beta1" }} {{ .Capabilities.APIVersions.Has "v1" }}`, "", []string{"v1", "apps/v1"}, "false true"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := Render(t.Context(), Input{
				FS: one(object(`'`+tc.template+`'`), nil), Dir: "c", Name: "rel", Namespace: "ns", KubeVersion: tc.version, APIVersions: tc.apis,
			})
			if err != nil {
				t.Fatal(err)
			}
			data, _ := out.Objects[0].Object["data"].(map[string]any)
			if data["v"] != tc.want {
				t.Errorf("%s: got %v, want %s", tc.reason, data["v"], tc.want)
			}
		})
	}
}
