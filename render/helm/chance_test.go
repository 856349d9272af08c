// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"fmt"
	"strings"
	"testing"
)

// object is a template with a value in a field.
func object(value string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata:\n  v: " + value + "\n"
}

// unstable are calls whose result differs on each render with Helm.
var unstable = []string{
	`now`, `now | date "2006"`, `now | unixEpoch`, `ago (toDate "2006" "2020")`, `randAlpha 5`, `randAlphaNum 1`, `randAscii 5`, `randNumeric 5`,
	`randBytes 5`, `randInt 1 5`, `shuffle "abc"`, `uuidv4`, `bcrypt "x"`, `htpasswd "u" "p"`, `encryptAES "k" "v"`, `genPrivateKey "rsa"`,
	`(genCA "a" 1).Cert`, `(genSelfSignedCert "a" nil nil 1).Key`, `(genSignedCert "a" nil nil 1 (genCA "a" 1)).Key`,
	`date "2006" "no time"`, `htmlDate nil`, `durationRound (toDate "2006" "2020")`,
	`randAlphaNum 16 | b64enc`, `randAlphaNum 16 | lower | trunc 1`, `sha256sum (randAlphaNum 16)`, `dict "a" (uuidv4) | toYaml`,
	`tpl "{{ randAlphaNum 8 }}" .`, `include "random" .`, `(split "-" uuidv4)._0`,
}

// TestWrittenChanceIsRefused: what is different on each render is refused if an object has it, by its name, where it is
// called, and by the field that has it.
func TestWrittenChanceIsRefused(t *testing.T) {
	for _, call := range unstable {
		chart := one(object(`{{ print (`+call+`) | quote }}`), map[string]string{"templates/_r.tpl": `{{ define "random" }}{{ randAlphaNum 4 }}{{ end }}`})
		err := renderOne(t, chart)
		if err == nil || !strings.Contains(err.Error(), " returns another result on each render, and the ConfigMap \"m\" in data.v has it") ||
			!strings.Contains(err.Error(), "template c/templates/x.yaml:5: ") && !strings.Contains(err.Error(), "template c/templates/_r.tpl:1: ") {
			t.Errorf("%s: got %v, want a refusal with the line and the field", call, err)
		}
	}
	for _, name := range []string{"env", "expandenv"} {
		if err := renderOne(t, one(`{{ `+name+` "HOME" }}`, nil)); err == nil || !strings.Contains(err.Error(), "not defined") {
			t.Errorf("%s: got %v, want that there is no such function", name, err)
		}
	}
}

// TestWhoseChanceIsWritten: of several calls, the one is named whose result an object has.
func TestWhoseChanceIsWritten(t *testing.T) {
	template := object(`{{ $a := randAlphaNum 4 }}{{ $b := now }}{{ $c := uuidv4 }}{{ $b.Year }}`)
	err := renderOne(t, one(template, nil))
	want := `chart c: template c/templates/x.yaml:5: now returns another result on each render, and the ConfigMap "m" in data.v has it`
	if err == nil || !strings.HasPrefix(err.Error(), want) {
		t.Errorf("want %s\ngot  %v", want, err)
	}
}

// TestChanceThatIsThrownAway: a chart may ask for chance, if no object has what it makes of it.
func TestChanceThatIsThrownAway(t *testing.T) {
	cases := map[string]struct{ reason, value, want string }{
		"Default":   {"the value is set", `{{ .Values.v | default (randAlphaNum 16) }}`, "w"},
		"Coalesce":  {"the value is the first that is set", `{{ coalesce .Values.v (uuidv4) }}`, "w"},
		"Ternary":   {"the other value is taken", `{{ ternary .Values.v (randAlphaNum 8) true }}`, "w"},
		"Variable":  {"a variable that nobody uses", `{{ $x := genCA "a" 365 }}{{ .Values.v }}`, "w"},
		"Branch":    {"a branch that is not taken", `{{ if false }}{{ now }}{{ end }}w`, "w"},
		"Length":    {"what is the same of all", `{{ randAlphaNum 16 | len | quote }}`, "16"},
		"Once":      {"the value is kept if it is there", `{{ $d := dict "a" "w" }}{{ if not (hasKey $d "a") }}{{ $_ := set $d "a" (randAlphaNum 3) }}{{ end }}{{ $d.a }}`, "w"},
		"Clock":     {"a question to which the answer stays", `{{ if gt (now | date "2006" | int) 2000 }}w{{ end }}`, "w"},
		"Date":      {"a date that is given needs no clock", `{{ date "2006" (toDate "2006" "2020") | quote }}`, "2020"},
		"Tpl":       {"in a text", `{{ tpl "{{ .Values.v | default (randAlphaNum 16) }}" . }}`, "w"},
		"Comment":   {"a comment of YAML is no field", `w # {{ now }}`, "w"},
		"EmptyText": {"nothing at random", `{{ randAlphaNum 0 }}w`, "w"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			out, err := Render(t.Context(), Input{FS: one(object(tc.value), map[string]string{
				"templates/NOTES.txt": "made at {{ now }}",
				"templates/t.yaml":    "apiVersion: v1\nkind: Pod\nmetadata: {name: 'test-{{ randAlpha 5 | lower }}', annotations: {helm.sh/hook: test}}\n",
			}), Dir: "c", Name: "rel", Namespace: "ns", Values: map[string]any{"v": "w"}})
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			data, _ := out.Objects[0].Object["data"].(map[string]any)
			if got := fmt.Sprint(data["v"]); got != tc.want {
				t.Errorf("%s: got %q, want %q", tc.reason, got, tc.want)
			}
		})
	}
}

// TestChancesHaveNothingInCommon: what two renders make at random differs at each place, and in lower case too. Otherwise
// a chart that takes one letter of it would pass.
func TestChancesHaveNothingInCommon(t *testing.T) {
	for n := range 200 {
		a, b := draw{0, n}.text(repeated("aA0", 64)), draw{1, n}.text(repeated("aA0", 64))
		a, b = strings.ToLower(a), strings.ToLower(b)
		for i := range a {
			if a[i] == b[i] {
				t.Fatalf("call %d: %q and %q are the same at %d", n, a, b, i)
			}
		}
	}
}
