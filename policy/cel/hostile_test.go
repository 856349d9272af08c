// SPDX-License-Identifier: Apache-2.0

package cel_test

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/policy/cel"
	"trunkline.dev/trunkline/policy/subject"
)

// chain nests a step many times, as in "[x].map(a, a+a).map(b, b+b)", whose result doubles with each.
func chain(first, step string, times int) string {
	var b strings.Builder
	b.WriteString(first)
	for i := range times {
		fmt.Fprintf(&b, ".map(v%d, %s)", i, strings.ReplaceAll(step, "X", fmt.Sprintf("v%d", i)))
	}
	return b.String()
}

// TestHostile holds expressions that would take the memory or the time of the process to their bounds. Each of them passes
// the compiler, and none may be taken for a verdict.
func TestHostile(t *testing.T) {
	cases := map[string]struct {
		reason     string
		expression string
		want       string
	}{
		"Loops":        {"loops in loops cost", `lists.range(1000).all(a, lists.range(1000).all(b, !object.text.contains(object.words)))`, "cost limit"},
		"Texts":        {"texts that double", chain(`["0123456789"]`, "X + X", 25) + `.size() == 1`, "would make a text"},
		"Formats":      {"formats that double", chain(`["0123456789"]`, `"%s%s".format([X, X])`, 25) + `.size() == 1`, "would make a text"},
		"Replace":      {"a text for every character of a text", chain(`["0123456789"]`, `X.replace("", X)`, 10) + `.size() == 1`, `"replace" would make a text`},
		"Join":         {"texts that are joined", chain(`["0123456789"]`, `[X, X].join("-")`, 25) + `.size() == 1`, "cost limit"},
		"Lists":        {"lists that double", chain(`[[1]]`, "X + X", 25) + `.size() == 1`, "would make a list"},
		"Compare":      {"lists that hold the same list twice, compared", chain(`[[1]]`, "[X, X]", 25) + ` == ` + chain(`[[1]]`, "[X, X]", 25), "cost limit"},
		"CompareNot":   {"the other comparison", chain(`[[1]]`, "[X, X]", 25) + ` != ` + chain(`[[1]]`, "[X, X]", 25), "cost limit"},
		"In":           {"found among", chain(`[[1]]`, "[X, X]", 25) + `[0] in ` + chain(`[[1]]`, "[X, X]", 25), "cost limit"},
		"Maps":         {"maps that hold the same map twice", chain(`[{"a": 1}]`, `{"a": X, "b": X}`, 25) + `[0] == ` + chain(`[{"a": 1}]`, `{"a": X, "b": X}`, 25) + `[0]`, "cost limit"},
		"Pairs":        {"each element held against each", `sets.intersects(lists.range(4000).map(x, [x]), lists.range(4000).map(x, [x, x]))`, "cost limit"},
		"Distinct":     {"each element held against each other", `lists.range(4000).map(x, [x]).distinct().size() == 4000`, "cost limit"},
		"Range":        {"a list of any length", `lists.range(1000000000).size() == 1`, "exceeds maximum allowed"},
		"Pattern":      {"a pattern that repeats", `"a".matches("((a{100}){10}b{1000}){1}" + chain)`, ""},
		"PatternText":  {"a long text and a large pattern", chain(`["aaaaaaaaaaaaaaaa"]`, "X + X", 14) + `[0].matches("(a?){1000}b")`, "the regular expression would take too long"},
		"PatternMade":  {"the same with a pattern that is made", chain(`["aaaaaaaaaaaaaaaa"]`, "X + X", 12) + `[0].matches("(a?){1000}" + string(1))`, "cost limit"},
		"PatternLong":  {"a pattern that is long", chain(`["aaaaaaaaaaaaaaaa"]`, "X + X", 10) + `.all(x, "a".matches(x))`, "longer than 1000 bytes"},
		"FindAll":      {"the same for finding", chain(`["aaaaaaaaaaaaaaaa"]`, "X + X", 14) + `[0].findAll("(a?){1000}b").size() == 1`, "the regular expression would take too long"},
		"Quantity":     {"a number with a long exponent", chain(`["1111111111111111"]`, "X + X", 10) + `.all(x, isQuantity(x))`, "at most 256 characters"},
		"Exponent":     {"a number that would have a thousand million digits", `["1e999999999", "1E-00999999999"].all(x, isQuantity(x) && quantity(x).isLessThan(quantity("2")))`, "the exponent of a quantity is at most 999"},
		"ExponentMade": {"the same, of the subject", `isQuantity("1e9" + "99999999")`, "the exponent of a quantity is at most 999"},
		"Precision":    {"digits without end", `"%.999999f".format([1.0]).size() == 1`, "more than 100 digits"},
		"Nested":       {"types of types of types take the compiler long", chain(`[1]`, "[X]", 200) + ` == [1]`, "nests lists, maps and macros deeper than 32"},
		"NestedCalls":  {"and so do calls of calls", strings.Repeat("optional.of(", 120) + "1" + strings.Repeat(")", 120) + ".hasValue()", "deeper than 100"},
		"NestedLists":  {"and lists of lists", strings.Repeat("[", 40) + "1" + strings.Repeat("]", 40) + " == []", "deeper than 32"},
		"LongFor":      {"a long expression that is cheap", strings.Repeat("true && ", 900) + "false", "failed expression"},
		"WholeSubject": {"the whole subject many times", `lists.range(9000).all(x, object == object)`, "cost limit"},
	}
	big := texts()
	big["data"] = map[string]any{}
	for i := range 2000 {
		big["data"].(map[string]any)[fmt.Sprintf("k%d", i)] = strings.Repeat("v", 100)
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			expression := strings.ReplaceAll(tc.expression, "+ chain", "")
			p, problems := compilePolicy(t, expression)
			got := problems.String()
			if p != nil {
				verdicts := p.Evaluate(t.Context(), &subject.Subject{On: v1alpha1.OnObject, Value: big})
				got = verdicts.Problems().String()
				if tc.want != "" && len(verdicts) == 0 {
					got = "(allowed)"
				}
			}
			if !strings.Contains(got, tc.want) {
				t.Errorf("%s:\ngot  %.300s\nwant %s", tc.reason, got, tc.want)
			}
		})
	}
}

// TestPolicyCost holds all expressions of a policy together to a bound: each of these is within that of one.
func TestPolicyCost(t *testing.T) {
	spec := v1alpha1.PolicySpec{On: v1alpha1.OnObject}
	for range 20 {
		spec.Validations = append(spec.Validations, v1alpha1.PolicyValidation{Expression: `!object.text.contains(object.words)`})
	}
	c, _ := compilers()
	p, problems := c.Compile(&v1alpha1.Policy{Metadata: v1alpha1.Metadata{Name: "p"}, Spec: spec}, nowhere)
	if problems != nil {
		t.Fatal(problems)
	}
	got := p.Evaluate(t.Context(), &subject.Subject{On: v1alpha1.OnObject, Value: texts()})
	if len(got) != 1 || !got[0].Unevaluated || !strings.Contains(got[0].Text, "its expressions cost more than 2000000 on one subject") {
		t.Errorf("got %v, want one refusal that names the limit", got.Problems())
	}
}

// TestVariableCost counts what variables cost to whoever uses them.
func TestVariableCost(t *testing.T) {
	spec := v1alpha1.PolicySpec{On: v1alpha1.OnObject, Validations: []v1alpha1.PolicyValidation{{Expression: "variables.v9 == 0"}}}
	for i := range 10 {
		expression := `(object.text.contains(object.words) ? 1 : 0)`
		if i > 0 {
			expression += fmt.Sprintf(" + variables.v%d", i-1)
		}
		spec.Variables = append(spec.Variables, v1alpha1.PolicyVariable{Name: fmt.Sprintf("v%d", i), Expression: expression})
	}
	c, _ := compilers()
	p, problems := c.Compile(&v1alpha1.Policy{Metadata: v1alpha1.Metadata{Name: "p"}, Spec: spec}, nowhere)
	if problems != nil {
		t.Fatal(problems)
	}
	got := p.Evaluate(t.Context(), &subject.Subject{On: v1alpha1.OnObject, Value: texts()})
	if len(got) != 1 || !got[0].Unevaluated || !strings.Contains(got[0].Text, "cost more than 2000000") {
		t.Errorf("got %v, want a refusal that names the limit", got.Problems())
	}
}

// texts returns an object in which a search costs 400,000, and takes no time.
func texts() map[string]any {
	return map[string]any{"text": strings.Repeat("x", 400_000), "words": strings.Repeat("y", 100)}
}

func nowhere(...any) v1alpha1.Position { return v1alpha1.Position{} }

func compilePolicy(t testing.TB, expression string) (*cel.Policy, v1alpha1.Problems) {
	t.Helper()
	c, err := compilers()
	if err != nil {
		t.Fatal(err)
	}
	return c.Compile(&v1alpha1.Policy{Metadata: v1alpha1.Metadata{Name: "p"}, Spec: v1alpha1.PolicySpec{
		On: v1alpha1.OnObject, Validations: []v1alpha1.PolicyValidation{{Expression: expression}},
	}}, nowhere)
}

// FuzzCEL compiles any text as an expression, a variable and a message, and evaluates it on any JSON. Nothing may panic, run
// away, or be taken for a verdict of the policy that it is not.
func FuzzCEL(f *testing.F) {
	for _, seed := range []string{
		`object.metadata.name == "a"`, `object.spec.containers.all(c, has(c.resources) && quantity(c.resources.limits.cpu).isLessThan(quantity("2")))`,
		`object.a.matches("^[a-z]+$") ? object.b in [1, 2] : object.?c.orValue(true)`, `"%s-%d".format([object.a, 3]) != ""`,
		chain(`[[1]]`, "X + X", 3) + ` == []`, `lists.range(10).transformList(i, v, i > 2, v * 2).size() > 2`, `url("https://a/b?c").getQuery()["c"] == []`,
		`ip("::1").family() == 6 && cidr("10.0.0.0/8").containsIP("10.1.1.1")`, `semver("1.2.3").isLessThan(semver("2.0.0"))`, `sets.contains([1], [object.n])`,
		`object.list.sort() == object.list.distinct().reverse().flatten()`, `"abc".replace("", "x").split("x").join("-").upperAscii() == ""`,
		`timestamp("2026-01-01T00:00:00Z") + duration("1h") > timestamp(object.t)`, `format.dns1123Label().validate(object.a).value() == []`, `b"a" + bytes(object.a) == b"x"`,
	} {
		f.Add(seed, `{"metadata": {"name": "a"}, "a": "b", "n": 1, "list": [1, "2", null], "t": "2026-01-01T00:00:00Z"}`)
	}
	f.Fuzz(func(t *testing.T, expression, value string) {
		var object map[string]any
		if err := json.Unmarshal([]byte(value), &object); err != nil {
			object = map[string]any{"a": value, "list": []any{value, value}}
		}
		c, err := compilers()
		if err != nil {
			t.Fatal(err)
		}
		p, problems := c.Compile(&v1alpha1.Policy{Metadata: v1alpha1.Metadata{Name: "p"}, Spec: v1alpha1.PolicySpec{
			On: v1alpha1.OnObject, Variables: []v1alpha1.PolicyVariable{{Name: "v", Expression: expression}},
			Validations: []v1alpha1.PolicyValidation{{Expression: "dyn(variables.v) == true"}},
		}}, nowhere)
		if (p == nil) == (len(problems) == 0) {
			t.Fatalf("a policy and its problems: %v", problems)
		}
		if p == nil {
			return
		}
		for _, v := range p.Evaluate(t.Context(), &subject.Subject{On: v1alpha1.OnObject, Value: object}) {
			if v.Severity != v1alpha1.Deny || len(v.Message) > 2*subject.MaxMessageBytes || strings.ContainsAny(v.Message, "\n") {
				t.Errorf("%+v", v)
			}
		}
	})
}
