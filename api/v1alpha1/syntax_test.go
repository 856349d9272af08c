// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// TestSyntaxIsBlamedWhereItIs: a mistake is named where it was made, once, and in words that say what to do.
func TestSyntaxIsBlamedWhereItIs(t *testing.T) {
	const invalid = "error: not valid YAML: "
	for name, tc := range map[string]struct{ old, text, want string }{
		"At":         {"retries: 2", "schedule: @hourly", `project.yaml:16:17: ` + invalid + `a value cannot begin with "@"` + "\n" + `    hint: quote it: "@hourly"`},
		"AtInList":   {"environments: [dev, prod]", "environments: [dev, @prod]", `project.yaml:6:23: ` + invalid + `a value cannot begin with "@"`},
		"Backquote":  {"retries: 2", "timeZone: `UTC`", "project.yaml:16:17: " + invalid + "a value cannot begin with \"`\""},
		"Percent":    {"retries: 2", "timeZone: %TZ%", `project.yaml:16:17: ` + invalid + `a value cannot begin with "%"`},
		"Star":       {"retries: 2", "schedule: * 6 * * *", `project.yaml:16:17: ` + invalid + `a value cannot begin with "*"` + "\n" + `    hint: quote it: "* 6 * * *"`},
		"StarStep":   {"retries: 2", "schedule: */5 * * * *", `project.yaml:16:17: ` + invalid + `a value cannot begin with "*"`},
		"AtIsQuoted": {"retries: 2", `schedule: "@hourly"`, ""},

		"Conflict":      {"  owner: team-orders\n", "<<<<<<< HEAD\n  owner: a\n=======\n  owner: b\n>>>>>>> other\n", "project.yaml:5:1: error: the file has a merge conflict that is not resolved"},
		"ConflictBase":  {"  owner: team-orders\n", "<<<<<<< HEAD\n  owner: a\n||||||| base\n=======\n  owner: b\n>>>>>>> other\n", "project.yaml:5:1: error: the file has a merge conflict that is not resolved"},
		"ConflictBelow": {"      params:", "<<<<<<< HEAD\n      image: a\n=======\n      image: b\n>>>>>>> other\n      params:", "project.yaml:18:1: error: the file has a merge conflict"},
		"Line":          {"  owner: team-orders", "  owner: =======", ""},

		"Template":       {"owner: team-orders", "owner: {{ .Values.owner }}", "project.yaml:5:10: error: spec.owner: this is a template\n    hint: nothing renders it here"},
		"TemplateJinja":  {"owner: team-orders", "owner: {{ owner }}", "project.yaml:5:10: error: spec.owner: this is a template"},
		"TemplateList":   {"[dev, prod]", "[dev, {{ env }}]", "project.yaml:6:23: error: spec.environments[1]: this is a template"},
		"TemplateAll":    {"[dev, prod]", "{{ envs }}", "project.yaml:6:17: error: spec.environments: this is a template"},
		"TemplateKey":    {"  owner: team-orders", "  {{ key }}: team-orders\n  owner: a", "project.yaml:5:3: "},
		"TemplateBlock":  {"  owner: team-orders", "{{- if .Values.x }}\n  owner: team-orders", "project.yaml:5:1: " + invalid + "this is a template"},
		"TemplateBehind": {"owner: team-orders", "owner: {{ .Values.owner }}-x", "project.yaml:5:10: " + invalid + "this is a template"},
		"TemplateFor":    {"  owner: team-orders", "{% for x in y %}\n  owner: team-orders", "project.yaml:5:1: " + invalid + "this is a template"},
		"TemplateERB":    {"  owner: team-orders", "<%= x %>\n  owner: team-orders", "project.yaml:5:1: " + invalid + "this is a template"},
		"TemplateBeside": {"owner: team-orders", `owner: "{{ x }}" y`, "project.yaml:5:20: " + invalid + "there is text behind the quote"},
		"TemplateQuoted": {"owner: team-orders", `owner: "{{ x }}"`, ""},

		"Latin1":     {"owner: team-orders", "owner: team-b\xfccher", "project.yaml:5:16: " + invalid + "the byte 0xfc is not UTF-8"},
		"Latin1Note": {"owner: team-orders", "owner: a # b\xfccher", "project.yaml:5:15: " + invalid + "the byte 0xfc is not UTF-8"},
		"Control":    {"owner: team-orders", "owner: team\x07", "project.yaml:5:14: " + invalid + "the control character U+0007 is not allowed"},
		"Anchor":     {"owner: team-orders", "owner: *team", "project.yaml:5:10: " + invalid + "there is no anchor &team before this"},
		"AnchorList": {"[dev, prod]", "[dev, *prod]", "project.yaml:6:23: " + invalid + "there is no anchor &prod before this"},
		"AnchorKey":  {"params: {", "params: {<<: *all, ", "project.yaml:18:20: " + invalid + "there is no anchor &all before this"},

		"Tab":       {"  owner: team-orders", "\towner: team-orders", "project.yaml:5:1: " + invalid + "the line is indented with a tab\n    hint: YAML is indented with spaces, never with tabs"},
		"TabMixed":  {"  owner: team-orders", "  \towner: team-orders", "project.yaml:5:3: "},
		"TabDeep":   {"      retries: 2", "\t\t\tretries: 2", "project.yaml:16:1: " + invalid + "the line is indented with a tab"},
		"TabBehind": {"owner: team-orders", "owner:\tteam-orders", ""},
		"TabItem":   {"    - name: clean", "\t- name: clean", "project.yaml:13:1: " + invalid + "the line is indented with a tab"},

		"Quote":       {"owner: team-orders", `owner: "team-orders`, "project.yaml:5:10: " + invalid + "the quote \" that opens here is not closed in its line"},
		"QuoteSingle": {"owner: team-orders", "owner: 'team-orders", "project.yaml:5:10: " + invalid + "the quote ' that opens here is not closed"},
		"QuoteList":   {"[dev, prod]", `["dev, prod]`, "project.yaml:6:18: " + invalid + "the quote \" that opens here is not closed"},
		"QuoteLast":   {"none: null", `none: "null`, "project.yaml:18:74: " + invalid + "the quote \" that opens here is not closed"},
		"QuotePair":   {"reads: {raw: raw@1}\n      retries: 2", "command: [\"python, clean.py]\n      timeZone: \"UTC\"", "project.yaml:15:17: " + invalid + "the quote \" that opens here is not closed"},
		"QuoteInside": {"owner: team-orders", `owner: "team" orders`, "project.yaml:5:17: " + invalid + "there is text behind the quote that ends the value"},
		"QuoteApos":   {"owner: team-orders", `owner: 'it's'`, "project.yaml:5:14: " + invalid + "there is text behind the quote"},
		"Bracket":     {"[dev, prod]", "[dev, prod", "project.yaml:6:17: " + invalid + "the bracket [ that opens here is not closed"},
		"BracketMap":  {"{name: orders}", "{name: orders", "project.yaml:3:11: " + invalid + "the bracket { that opens here is not closed"},
		"BracketDeep": {"tags: [a, b]", "tags: [a, b", "project.yaml:18:50: " + invalid + "the bracket [ that opens here is not closed"},
		"BracketMore": {"[dev, prod]", "[dev, prod]]", "project.yaml:6:28: " + invalid + "the bracket ] closes none"},
		"BracketLast": {"none: null}", "none: null", "project.yaml:18:15: " + invalid + "the bracket { that opens here is not closed"},
		"BracketOnly": {"none: null}\n", "none: null}\n}\n", "project.yaml:19:1: " + invalid + "the bracket } closes none"},
		"Dash":        {"    - name: clean", "    -name: clean", "project.yaml:13:5: " + invalid + "a blank is missing behind the dash\n    hint: write a list item as - name:"},
		"NoBlank":     {"retries: 2", "retries:2", "project.yaml:16:7: " + invalid + "a blank is missing behind the colon\n    hint: write it as retries: VALUE"},
		"OldMac":      {project, strings.ReplaceAll(strings.Replace(project, "team-orders", `"team-orders`, 1), "\n", "\r"), "project.yaml:5:10: " + invalid + "the quote \" that opens here"},
		"Lines":       {"[dev, prod]", "[\n    dev,\n    prod,\n  ]", ""},

		"Item":       {"      path: lake://orders/raw/\n", "      path: lake://orders/raw/\n      - name: more\n", "project.yaml:12:7: " + invalid + "the list item begins in column 7, and what it stands beside in column 5 (line 8)"},
		"ItemLeft":   {"      path: lake://orders/raw/\n", "      path: lake://orders/raw/\n   - name: more\n", "project.yaml:12:4: " + invalid + "the list item begins in column 4, and what it stands beside in column 5 (line 8)"},
		"ItemFirst":  {"      retries: 2", "      command:\n        - a\n       - b", "project.yaml:18:8: " + invalid + "the list item begins in column 8, and what it stands beside in column 9 (line 17)"},
		"Key":        {"  environments:", "   environments:", "project.yaml:6:4: " + invalid + "the key begins in column 4, and what it stands beside in column 3 (line 5)"},
		"KeyLeft":    {"      retries: 2", "     retries: 2", "project.yaml:16:6: " + invalid + "the key begins in column 6, and what it stands beside in column 7 (line 15)"},
		"KeyOfItem":  {"      blueprint:", "    blueprint:", "project.yaml:14:5: " + invalid + "the key begins in column 5, and what it stands beside in column 7 (line 13)"},
		"Colon":      {"owner: team-orders", "owner: team: orders", "project.yaml:5:14: " + invalid + "mapping values are not allowed in this context\n    hint: a value that holds"},
		"NoColon":    {"owner: team-orders", "owner", "project.yaml:"},
		"Windows":    {"owner: team-orders", "owner: \"team-orders\r", "project.yaml:5:10: " + invalid + "the quote \" that opens here"},
		"ByteOrder":  {"apiVersion", "\ufeffapiVersion", ""},
		"Variable":   {"[dev, prod]", "[dev, ${ENV}/x]", "project.yaml:6:23: " + invalid + "a variable of a shell"},
		"OtherWords": {"owner: team-orders", "owner: |x", "project.yaml:5:3: " + invalid},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(project, tc.old, tc.text, 1)
			if text == project {
				t.Fatalf("there is no %q", tc.old)
			}
			_, problems := v1alpha1.Decode("project.yaml", []byte(text))
			if got := problems.String(); !strings.HasPrefix(got, tc.want) || (tc.want == "") != (got == "") {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
			if len(problems) > 1 {
				t.Errorf("one mistake is %d problems: %s", len(problems), problems)
			}
			windows, byWindows := v1alpha1.Decode("project.yaml", []byte(strings.ReplaceAll(strings.ReplaceAll(text, "\r", ""), "\n", "\r\n")))
			if strings.Contains(text, "\n") && tc.want != "" && (len(windows) > 0 || len(byWindows) != 1) {
				t.Errorf("with line ends of Windows: %s", byWindows)
			}
		})
	}
}

// TestWantedForms: what is written in another form than is wanted says how to write it.
func TestWantedForms(t *testing.T) {
	for name, tc := range map[string]struct{ old, text, want string }{
		"Environments":   {"[dev, prod]", "prod", `project.yaml:6:17: error: spec.environments: expected a list of environments, or a mapping with what is different in each, got the text "prod"` + "\n    hint: write it as a list: [prod]"},
		"Two":            {"[dev, prod]", "dev, prod", "hint: write it as a list: [dev, prod]"},
		"Blanks":         {"[dev, prod]", "dev prod", "hint: write it as a list: [dev, prod]"},
		"Number":         {"[dev, prod]", "1", `hint: write it as a list: ["1"]`},
		"Command":        {"retries: 2", "command: python clean.py", `expected a list, got the text "python clean.py"` + "\n    hint: write it as a list: [python, clean.py]"},
		"Datasets":       {"    - name: raw\n ", "      name: raw\n ", `spec.datasets: expected a list, got a mapping` + "\n    hint: write it as a list: begin each item with \"- \""},
		"Reads":          {"{raw: raw@1}", "[raw@1]", "spec.workloads[0].reads: expected a mapping, got a list\n    hint: write it as a mapping, without dashes: KEY: VALUE"},
		"Env":            {"retries: 2", "env: [{name: A, value: hunter2}]", "spec.workloads[0].env: expected a mapping, got a list\n    hint: write it as a mapping, without dashes: A: VALUE"},
		"EnvTexts":       {"retries: 2", "env: [A=hunter2]", "hint: write it as a mapping, without dashes: A: VALUE"},
		"EnvText":        {"retries: 2", "env: A=hunter2", "hint: write it as a mapping: A: VALUE"},
		"Owner":          {"owner: team-orders", "owner: [team-orders]", "expected a text, got a list\n    hint: write it without brackets: team-orders"},
		"Version":        {`version: "1"`, "version: 1", "expected a text, got 1 (int)\n    hint: put it in quotes: \"1\""},
		"EmptyIsNothing": {"[dev, prod]", `""`, "expected a list of environments"},
	} {
		t.Run(name, func(t *testing.T) {
			text := strings.Replace(project, tc.old, tc.text, 1)
			if text == project {
				t.Fatalf("there is no %q", tc.old)
			}
			_, problems := v1alpha1.Decode("project.yaml", []byte(text))
			if got := problems.String(); !strings.Contains(got, tc.want) || len(problems) != 1 {
				t.Errorf("got  %s\nwant %s", got, tc.want)
			}
		})
	}
}

// TestNearestFirst: of more names than are listed, those that resemble what was written are.
func TestNearestFirst(t *testing.T) {
	var valid []string
	for _, class := range []string{"cx", "gx", "mx"} {
		for _, size := range []string{"large", "medium", "micro", "nano", "small", "xlarge"} {
			valid = append(valid, class+"."+size)
		}
	}
	for name, want := range map[string]string{
		"mx.enormous": "want one of: mx.micro, mx.nano, mx.large, mx.medium, mx.small, mx.xlarge, cx.large, cx.medium, cx.micro, cx.nano, cx.small, cx.xlarge, and 6 more",
		"zzzzzzzzzzz": "want one of: cx.large, cx.medium, cx.micro, cx.nano, cx.small, cx.xlarge, gx.large, gx.medium, gx.micro, gx.nano, gx.small, gx.xlarge, and 6 more",
		"mx.smal":     `did you mean "mx.small"?`,
	} {
		if got := v1alpha1.Suggest(name, valid); got != want {
			t.Errorf("%s: got  %s\nwant %s", name, got, want)
		}
	}
}
