// SPDX-License-Identifier: Apache-2.0

package rego_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/rego"
	"trunkline.dev/trunkline/policy/subject"
)

// doubling makes a rule whose values each hold the one before twice.
func doubling(first, step string, times int, last string) string {
	var b strings.Builder
	fmt.Fprintf(&b, "package main\n\ndeny[msg] {\n  a0 := %s\n", first)
	for i := range times {
		fmt.Fprintf(&b, "  a%d := %s\n", i+1, strings.ReplaceAll(step, "X", fmt.Sprintf("a%d", i)))
	}
	return b.String() + "  " + strings.ReplaceAll(last, "X", fmt.Sprintf("a%d", times)) + "\n  msg := \"got through\"\n}\n"
}

// TestHostile holds policies that would take the memory or the time of the process to their bounds. None may be taken for a
// verdict.
func TestHostile(t *testing.T) {
	rule := func(body string) string {
		return "package main\n\ndeny[msg] { " + body + "; msg := \"got through\" }\n"
	}
	cases := map[string]struct {
		reason string
		policy string
		want   string
	}{
		"Loops":      {"loops in loops are counted", rule("some i, j, k; x := input.list[i]; y := input.list[j]; z := input.list[k]; x + y + z == -1"), "it takes more than 500000 steps"},
		"Texts":      {"texts that double", doubling(`"0123456789"`, `concat("", [X, X])`, 40, `count(X) > 0`), `"concat" gets more than`},
		"Formats":    {"formats that double", doubling(`"0123456789"`, `sprintf("%s%s", [X, X])`, 40, `count(X) > 0`), `"sprintf" would make a text`},
		"Padding":    {"padding", rule(`x := sprintf("%999999d", [1]); count(x) > 0`), "would pad to more than 999"},
		"PaddingArg": {"padding that is asked for", rule(`x := sprintf("%*d", [999999, 1]); count(x) > 0`), "would pad to more than 999"},
		"Replace":    {"a text for every character of a text", doubling(`"0123456789"`, `replace(X, "", X)`, 40, `count(X) > 0`), `"replace" would make a text`},
		"ReplaceN":   {"the same with many", doubling(`"0123456789"`, `strings.replace_n({"0": X, "1": X}, X)`, 40, `count(X) > 0`), `"strings.replace_n" would make a text`},
		"RegexRepl":  {"the same with a pattern", doubling(`"0123456789"`, `regex.replace(X, "[0-9]", X)`, 40, `count(X) > 0`), "would make a text"},
		"Arrays":     {"lists that double", doubling(`[1]`, `array.concat(X, X)`, 40, `count(X) > 0`), `"array.concat" gets more than`},
		"Compare":    {"lists that hold the same list twice, compared", "package main\n\n" + pairs(40) + "deny[msg] { r40 != [r40]; msg := \"got through\" }\n", `"neq" gets more than`},
		"Marshal":    {"and written", "package main\n\n" + pairs(40) + "deny[msg] { json.marshal(r40) != \"\"; msg := \"got through\" }\n", `"json.marshal" gets more than`},
		"Result":     {"and given as a verdict", "package main\n\n" + pairs(40) + "deny[msg] { msg := r40 }\n", "neither a string nor an object"},
		"Member":     {"and looked for", "package main\n\nimport future.keywords.in\n\n" + pairs(40) + "deny[msg] { input.list in r40; msg := \"got through\" }\n", `gets more than`},
		"Numbers":    {"numbers that double their digits", doubling(`9999999999`, `X * X`, 40, `X > 0`), "digits"},
		"Exponent":   {"a number of a thousand million digits", rule(`x := 1e999999999; y := x + 1; y > 0`), "number too big"},
		"ExponentIn": {"the same from a text", rule(`x := json.unmarshal("1e999999999"); y := x + 1; y > 0`), "number too big"},
		"Shift":      {"bits", rule(`x := bits.lsh(1, 9999999999); x > 0`), "would make a number"},
		"Range":      {"a list of any length", rule(`x := numbers.range(1, 999999999); count(x) > 0`), "a range has more than"},
		"RangeHuge":  {"of numbers of any size", rule(`x := numbers.range(1, 1e300); count(x) > 0`), "a range has more than"},
		"Pattern":    {"a pattern that repeats, on a long text", doubling(`"aaaaaaaaaa"`, `concat("", [X, X])`, 13, `regex.match("(a?){1000}b", X)`), "a pattern would take too long"},
		"PatternV0":  {"by its old name", doubling(`"aaaaaaaaaa"`, `concat("", [X, X])`, 13, `re_match("(a?){1000}b", X)`), "a pattern would take too long"},
		"PatternBig": {"a pattern that is long", doubling(`"aaaaaaaaaa"`, `concat("", [X, X])`, 8, `regex.match(X, "a")`), "a pattern has more than 1000 bytes"},
		"Bomb":       {"YAML that doubles", rule("x := yaml.unmarshal(\"a: &a [1,1,1,1,1,1,1,1,1]\\nb: &b [*a,*a,*a,*a,*a,*a,*a,*a,*a]\\nc: &c [*b,*b,*b,*b,*b,*b,*b,*b,*b]\\nd: &d [*c,*c,*c,*c,*c,*c,*c,*c,*c]\\ne: &e [*d,*d,*d,*d,*d,*d,*d,*d,*d]\\nf: &f [*e,*e,*e,*e,*e,*e,*e,*e,*e]\\ng: [*f,*f,*f,*f,*f,*f,*f,*f,*f]\"); count(x) > 0"), "excessive aliasing"},
		"Walk":       {"walks in walks", rule("walk(input, [p, v]); walk(input, [q, w]); walk(input, [r, x]); v == w; x == -1"), "it takes more than 500000 steps"},
		"Messages":   {"messages without end", "package main\n\ndeny[msg] { x := numbers.range(1, 5000)[_]; msg := sprintf(\"m%d\", [x]) }\n", "more of the policy's messages are left out"},
		"LongText":   {"a message without end", "package main\n\ndeny[msg] { msg := input.text }\n", "xxx…"},
		"Stopped":    {"a limit cannot be caught", rule(`not count(numbers.range(1, 999999999)) > 0`), "a range has more than"},
	}
	list := make([]any, 500)
	for i := range list {
		list[i] = int64(i)
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			set, problems := rego.Load(folder(map[string]string{"main.rego": tc.policy}))
			got := problems.String()
			if set != nil {
				s := &subject.Subject{On: v1alpha1.OnObject, Value: map[string]any{"list": list, "text": strings.Repeat("x", 500_000)}}
				got = set.Evaluate(t.Context(), s).Problems().String()
			}
			if len(got) > 1<<20 || !strings.Contains(got, tc.want) || strings.Contains(got, "got through") {
				t.Errorf("%s:\ngot  %.600s\nwant %s", tc.reason, got, tc.want)
			}
		})
	}
}

// pairs are rules of which each holds the one before twice.
func pairs(n int) string {
	out := "r0 = [1]\n"
	for i := range n {
		out += fmt.Sprintf("r%d = [r%d, r%d]\n", i+1, i, i)
	}
	return out
}

// FuzzRego compiles any text as a policy, with any data, and evaluates it on any JSON. Nothing may panic or run away.
func FuzzRego(f *testing.F) {
	for _, seed := range []string{
		"package main\n\ndeny[msg] { input.kind == \"Deployment\"; not input.spec.x; msg := sprintf(\"%s\", [input.metadata.name]) }\n",
		"package main\n\nimport rego.v1\n\ndeny contains msg if { some c in input.list; c > 1; msg := concat(\",\", [format_int(c, 10)]) }\n",
		"package a.b\n\nimport data.lib\n\nviolation[{\"msg\": m}] { m := lib.name }\nexception[r] { r := [\"a\"] }\nwarn_x[m] { regex.match(\"^a+$\", input.a); m := \"x\" }\n",
		doubling(`[1]`, `array.concat(X, X)`, 5, `count(X) > 0`), doubling(`"a"`, `sprintf("%s%s", [X, X])`, 5, `X != ""`),
		"package main\n\nf(x) = y { y := x * 2 } else = 3 { true }\ndeny[m] { m := {k: v | v := input[k]; f(v) > 2} }\n",
		"package main\n\ndeny[m] { walk(input, [p, v]); is_string(v); m := json.marshal({\"p\": p, \"v\": v}) }\ndefault allow = false\n",
		"package main\n\ndeny[m] { x := {1, 2} & {2, 3} | {4}; m := x[_]; every y in x { y > 1 } }\n",
		"package main\n\ndeny[m] { m := yaml.marshal(input); count(split(m, \"\\n\")) > 1; time.parse_rfc3339_ns(input.t) > 0; units.parse_bytes(\"1Gi\") > 1 }\n",
	} {
		f.Add(seed, "lib: {name: x}\n", `{"kind": "Deployment", "metadata": {"name": "a"}, "list": [1, 2, 3], "a": "aaa", "t": "2026-01-01T00:00:00Z"}`)
	}
	f.Fuzz(func(t *testing.T, policy, data, value string) {
		var input map[string]any
		if err := json.Unmarshal([]byte(value), &input); err != nil {
			input = map[string]any{"a": value, "list": []any{value, value}}
		}
		set, problems := rego.Load(folder(map[string]string{"main.rego": policy, "data.yaml": data}))
		if (set == nil) == (len(problems) == 0) {
			t.Fatalf("a set and its problems: %v", problems)
		}
		if set == nil {
			return
		}
		for _, v := range set.Evaluate(t.Context(), &subject.Subject{On: v1alpha1.OnObject, Value: input}) {
			if len(v.Message) > 2*subject.MaxMessageBytes || strings.ContainsAny(v.Message, "\n") || v.Rule == "" {
				t.Errorf("%+v", v)
			}
		}
	})
}
