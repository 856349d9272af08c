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

// failures are charts that fail, with what is said of it and what Helm says of the cause: Helm's own message has that, too,
// and the place, somewhere in its chain. A template is c/templates/x.yaml.
var failures = map[string]struct {
	reason, template string
	more             map[string]string
	want             string
	helm             []string
}{
	"Field": {
		"the expression is told, since the message has its last part only",
		"a: 1\nb: {{ .Values.image.tag.name }}\n", nil,
		"template c/templates/x.yaml:2: nil pointer evaluating interface {}.tag, in {{ .Values.image.tag.name }}",
		[]string{"c/templates/x.yaml:2", "nil pointer evaluating interface {}.tag", ".Values.image.tag.name"},
	},
	"Include": {
		"the file of the mistake, and the one that was rendered",
		"a: 1\nb: {{ include \"c.name\" . }}\n",
		map[string]string{"templates/_h.tpl": "{{ define \"c.name\" }}\n{{ include \"c.tag\" . }}{{ end }}\n\n{{ define \"c.tag\" }}{{ .Values.image.tag }}{{ end }}\n"},
		"template c/templates/_h.tpl:4: nil pointer evaluating interface {}.tag, in {{ .Values.image.tag }} (included by c/templates/x.yaml:2)",
		[]string{"c/templates/_h.tpl:4", "c/templates/x.yaml:2", "nil pointer evaluating interface {}.tag"},
	},
	"Library": {
		"each file in between, since which one gives the wrong argument is not known",
		"{{ include \"c.image\" . }}\n",
		map[string]string{
			"templates/_h.tpl":               "{{ define \"c.image\" }}\n{{ include \"common.image\" (dict \"image\" .Values.image) }}{{ end }}\n",
			"charts/common/Chart.yaml":       "apiVersion: v2\nname: common\nversion: 1.0.0\ntype: library\n",
			"charts/common/templates/_i.tpl": "{{ define \"common.image\" }}\n\n{{ .image.tag }}{{ end }}\n",
		},
		"template c/charts/common/templates/_i.tpl:3: nil pointer evaluating interface {}.tag, in {{ .image.tag }} (included by c/templates/_h.tpl:2, c/templates/x.yaml:1)",
		[]string{"c/charts/common/templates/_i.tpl:3", "c/templates/_h.tpl:2", "c/templates/x.yaml:1", "nil pointer evaluating interface {}.tag"},
	},
	"Long": {
		"of many files the nearest, and the first",
		"{{ include \"a\" . }}\n",
		map[string]string{
			"templates/_a.tpl": "{{ define \"a\" }}{{ include \"b\" . }}{{ end }}\n", "templates/_b.tpl": "{{ define \"b\" }}{{ include \"d\" . }}{{ end }}\n",
			"templates/_d.tpl": "{{ define \"d\" }}{{ include \"e\" . }}{{ end }}\n", "templates/_e.tpl": "{{ define \"e\" }}{{ include \"f\" . }}{{ end }}\n",
			"templates/_f.tpl": "{{ define \"f\" }}{{ .Values.image.tag }}{{ end }}\n",
		},
		"template c/templates/_f.tpl:1: nil pointer evaluating interface {}.tag, in {{ .Values.image.tag }} " +
			"(included by c/templates/_e.tpl:1, c/templates/_d.tpl:1, c/templates/_b.tpl:1, …, c/templates/x.yaml:1)",
		[]string{"c/templates/_f.tpl:1", "c/templates/x.yaml:1"},
	},
	"Template": {
		"the action leaves no trace of its own in the message",
		"{{ template \"c.name\" . }}\n",
		map[string]string{"templates/_h.tpl": "{{ define \"c.name\" }}\n{{ fail \"no name\" }}{{ end }}\n"},
		"template c/templates/_h.tpl:2: no name (included by c/templates/x.yaml)",
		[]string{"c/templates/_h.tpl:2", "no name"},
	},
	"Required": {
		"what a chart says itself stands alone",
		"a: {{ required \"set image.tag\" .Values.no }}\n", nil,
		"template c/templates/x.yaml:1: set image.tag",
		[]string{"c/templates/x.yaml:1", "set image.tag"},
	},
	"RequiredInclude": {
		"also when a helper says it",
		"a: {{ include \"c.tag\" . | quote }}\n",
		map[string]string{"templates/_h.tpl": "{{ define \"c.tag\" }}{{ required \"set image.tag\" .Values.no }}{{ end }}\n"},
		"template c/templates/_h.tpl:1: set image.tag (included by c/templates/x.yaml:1)",
		[]string{"c/templates/x.yaml:1", "set image.tag"},
	},
	"Tpl": {
		"a text of values has no file",
		"{{ tpl .Values.text . }}\n",
		map[string]string{"values.yaml": "text: '{{ .Values.a.b }}'\n"},
		"template c/templates/x.yaml:1: in the text given to tpl: nil pointer evaluating interface {}.b, in {{ .Values.a.b }}",
		[]string{"c/templates/x.yaml:1", "nil pointer evaluating interface {}.b", ".Values.a.b"},
	},
	"TplParse": {
		"one that is none is told with where it is",
		"{{ tpl .Values.text . }}\n",
		map[string]string{"values.yaml": "text: '{{ foo }}'\n"},
		`template c/templates/x.yaml:1: in the text given to tpl: function "foo" not defined, in {{ tpl .Values.text . }}`,
		[]string{"c/templates/x.yaml:1", `function "foo" not defined`, "tpl .Values.text ."},
	},
	"TplInclude": {
		"what it includes has a file again",
		"{{ tpl .Values.text . }}\n",
		map[string]string{"values.yaml": "text: '{{ include \"h\" . }}'\n", "templates/_h.tpl": "{{ define \"h\" }}\n{{ .Values.a.b }}{{ end }}\n"},
		"template c/templates/_h.tpl:2: nil pointer evaluating interface {}.b, in {{ .Values.a.b }} (included by c/templates/x.yaml:1)",
		[]string{"c/templates/_h.tpl:2", "c/templates/x.yaml:1", "nil pointer evaluating interface {}.b"},
	},
	"NoTemplate": {
		"a template that is not there",
		"{{ include \"c.nmae\" . }}\n", nil,
		`template c/templates/x.yaml:1: there is no template "c.nmae"`,
		[]string{"c/templates/x.yaml:1", `no template "c.nmae"`},
	},
	"NoTemplateAction": {
		"the same by the action",
		"{{ template \"c.nmae\" . }}\n", nil,
		`template c/templates/x.yaml:1: template "c.nmae" not defined`,
		[]string{"c/templates/x.yaml:1", `template "c.nmae" not defined`},
	},
	"Function": {
		"a function that fails is named",
		"a: {{ index .Values.list 3 }}\n",
		map[string]string{"values.yaml": "list: [1]\n"},
		"template c/templates/x.yaml:1: index out of range: 3, in {{ index .Values.list 3 }}",
		[]string{"c/templates/x.yaml:1", "index out of range: 3", "index .Values.list 3"},
	},
	"Arguments": {
		"one that gets too few says so itself",
		"a: {{ .Values.v | nindent }}\n", nil,
		"template c/templates/x.yaml:1: wrong number of args for nindent: want 2 got 1",
		[]string{"c/templates/x.yaml:1", "wrong number of args for nindent: want 2 got 1"},
	},
	"Parse": {
		"what is no template is told by its line",
		"a: 1\n{{ if }}\n", nil,
		"template c/templates/x.yaml:2: missing value for if",
		[]string{"c/templates/x.yaml:2", "missing value for if"},
	},
	"Range": {
		"a value that is quoted by the engine itself is not",
		"{{ range .Values.v }}{{ end }}\n", nil,
		"template c/templates/x.yaml:1: range can't iterate over what is neither a list nor a table, in {{ .Values.v }}",
		[]string{"c/templates/x.yaml:1", "range can't iterate over"},
	},
	"Secret": {
		"a secret in a message of a function is hidden",
		"{{ urlParse .Values.url }}{{ mustToDate \"2006\" .Values.db.password }}\n",
		map[string]string{"values.yaml": "url: a\ndb: {password: hunter2}\n"},
		`template c/templates/x.yaml:1: parsing time "[redacted]" as "2006": cannot parse "[redacted]" as "2006", in {{ mustToDate "2006" .Values.db.password }}`,
		[]string{"c/templates/x.yaml:1", `as "2006"`},
	},
	"SecretSaid": {
		"also if the chart quotes it",
		"{{ fail (printf \"%s is too short\" .Values.db.password) }}\n",
		map[string]string{"values.yaml": "db: {password: hunter2}\n"},
		"template c/templates/x.yaml:1: [redacted] is too short",
		[]string{"c/templates/x.yaml:1", "is too short"},
	},
}

func TestMessages(t *testing.T) {
	for name, tc := range failures {
		t.Run(name, func(t *testing.T) {
			err := renderOne(t, one(tc.template, tc.more))
			if err == nil || err.Error() != "chart c: "+tc.want {
				t.Errorf("%s\ngot  %v\nwant chart c: %s", tc.reason, err, tc.want)
			}
		})
	}
}

// TestMessagesLoseNothing holds what is said of a failure to what Helm's own program says of it.
func TestMessagesLoseNothing(t *testing.T) {
	program := cached.Helm(t)
	for name, tc := range failures {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			dir := filepath.Join(t.TempDir(), "c")
			more := maps.Clone(tc.more)
			if more == nil {
				more = map[string]string{}
			}
			more["values.yaml"] += "v: w\n"
			if err := os.CopyFS(filepath.Dir(dir), one(tc.template, more)); err != nil {
				t.Fatal(err)
			}
			_, err := templated(t.Context(), program, dir, nil)
			for _, part := range tc.helm {
				if err == nil || !strings.Contains(err.Error(), part) {
					t.Errorf("Helm does not say %q: %v", part, err)
				}
			}
		})
	}
}
