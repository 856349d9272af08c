// SPDX-License-Identifier: Apache-2.0

package rego_test

import (
	"fmt"
	"math/rand/v2"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/open-policy-agent/opa/v1/ast"
	oparego "github.com/open-policy-agent/opa/v1/rego"
	"github.com/open-policy-agent/opa/v1/types"

	"trunkline.dev/trunkline/policy/rego"
)

// callsEach is how many calls of each function are generated, each of them in all its forms.
const callsEach = 5

// TestBuiltinsAreOPAs calls every function that policies may call, with generated values of the types that it declares, here
// and by the engine alone. Either both give the same value, or both give none.
func TestBuiltinsAreOPAs(t *testing.T) {
	skip := map[string]string{
		"eq": "an operator of the compiler", "assign": "an operator of the compiler", "print": "a statement",
		"internal.print": "the compiler's own", "internal.test_case": "the compiler's own", "internal.template_string": "the compiler's own",
		"trace": "a statement", "rego.metadata.chain": "the compiler writes it out", "rego.metadata.rule": "the compiler writes it out",
	}
	for _, b := range rego.Capabilities().Builtins {
		if skip[b.Name] != "" {
			continue
		}
		t.Run(b.Name, func(t *testing.T) {
			t.Parallel()
			g := &values{rand: rand.New(rand.NewPCG(1, uint64(len(b.Name))))}
			defined := 0
			for i := range callsEach {
				var args []string
				for _, arg := range b.Decl.FuncArgs().Args {
					args = append(args, g.of(b.Name, len(args), arg))
				}
				call := fmt.Sprintf("%s(%s)", b.Name, strings.Join(args, ", "))
				if b.Infix != "" && strings.HasPrefix(b.Name, "internal.member") {
					call = strings.Join(args[:len(args)-1], ", ") + " in " + args[len(args)-1]
				}
				for _, form := range forms(b, call) {
					policy := "package main\n\n" + form
					want, wantErr := engine(t, policy)
					got, gotErr := ours(t, policy)
					if (wantErr == "") != (gotErr == "") || wantErr != "" && !strings.Contains(gotErr, wantErr) {
						t.Fatalf("call %d: %s\nfails with %q, the engine with %q", i, form, gotErr, wantErr)
					}
					if diff := cmp.Diff(want, got); diff != "" {
						t.Fatalf("call %d: %s (-engine +got):\n%s", i, form, diff)
					}
					if want != nil {
						defined++
					}
				}
			}
			if defined == 0 {
				t.Errorf("none of the calls of %s has a value: the values that are generated never fit", b.Name)
			}
		})
	}
}

// forms are the ways in which a function is called: for its value, for its truth, not for it, and for others.
func forms(b *ast.Builtin, call string) []string {
	const text = "base64.encode(json.marshal(x))"
	switch {
	case b.IsDeprecated():
		return []string{fmt.Sprintf("deny[%s] { x := %s }\n", text, call), fmt.Sprintf("deny[\"no\"] { not %s }\n", call)}
	case b.Relation:
		return []string{"deny contains " + text + " if " + strings.TrimSuffix(call, ")") + ", x)\n"}
	}
	return []string{
		fmt.Sprintf("deny contains %s if x := %s\n", text, call),
		fmt.Sprintf("deny contains \"yes\" if %s\n", call),
		fmt.Sprintf("deny contains \"no\" if not %s\n", call),
		fmt.Sprintf("deny contains base64.encode(json.marshal(xs)) if xs := [x | x := %s]\n", call),
		fmt.Sprintf("deny contains base64.encode(json.marshal(f(1))) if true\n\nf(_) := %s\n", call),
	}
}

// engine evaluates by the engine alone; of a function that fails the error is returned, as ours is.
func engine(t *testing.T, policy string) (texts []string, failure string) {
	t.Helper()
	found, err := oparego.New(oparego.Query("x := data.main.deny"), oparego.Module("policies/main.rego", policy),
		oparego.StrictBuiltinErrors(true), oparego.SetRegoVersion(version(policy)), oparego.Input(map[string]any{})).Eval(t.Context())
	if err != nil {
		return nil, message(err.Error())
	}
	for _, one := range found {
		for _, text := range one.Bindings["x"].([]any) {
			texts = append(texts, text.(string))
		}
	}
	return texts, ""
}

func version(policy string) ast.RegoVersion {
	if strings.Contains(policy, "deny[") {
		return ast.RegoV0
	}
	return ast.RegoV1
}

func ours(t *testing.T, policy string) (texts []string, failure string) {
	t.Helper()
	set, problems := rego.Load(folder(map[string]string{"main.rego": policy}))
	if problems != nil {
		return nil, problems.String()
	}
	for _, v := range set.Evaluate(t.Context(), object(t, "{}")) {
		if v.Unevaluated {
			return nil, v.Text
		}
		texts = append(texts, v.Text)
	}
	return texts, ""
}

// message is what an error of the engine says, without where and of which kind.
func message(text string) string {
	for _, code := range []string{"eval_builtin_error: ", "eval_type_error: ", "rego_type_error: ", "rego_parse_error: "} {
		if _, after, found := strings.Cut(text, code); found {
			line, _, _ := strings.Cut(after, "\n")
			return strings.TrimSpace(line)
		}
	}
	return text
}

// values generates the text of values.
type values struct{ rand *rand.Rand }

// fitting are values that functions want of which the type says too little.
var fitting = map[string][][]string{
	"sprintf":          {{`"%s and %v"`, `"%d"`, `"%v"`}},
	"base64.decode":    {{`"YWJj"`}},
	"base64url.decode": {{`"YWJj"`}},
	"hex.decode":       {{`"6162"`}},
	"json.unmarshal":   {{`"{\"a\": [1, null]}"`}},
	"yaml.unmarshal":   {{`"a: [1, x]"`}},
	"semver.compare":   {{`"1.2.3"`, `"1.10.0"`}, {`"1.2.3"`, `"2.0.0-rc.1"`}},
	"net.cidr_contains": {
		{`"10.0.0.0/8"`, `"fd00::/8"`}, {`"10.1.2.3"`, `"10.1.0.0/16"`},
	},
	"net.cidr_intersects":       {{`"10.0.0.0/8"`}, {`"10.1.0.0/16"`, `"11.0.0.0/8"`}},
	"net.cidr_overlap":          {{`"10.0.0.0/8"`}, {`"10.1.2.3"`}},
	"net.cidr_merge":            {{`["10.0.0.0/9", "10.128.0.0/9"]`, `{"10.0.0.0/24", "10.0.1.0/24"}`}},
	"net.cidr_contains_matches": {{`"10.0.0.0/8"`, `["10.0.0.0/8", "11.0.0.0/8"]`}, {`["10.1.2.3", "12.0.0.1"]`}},
	"time.parse_ns":             {{`"2006-01-02"`}, {`"2026-11-28"`}},
	"time.parse_rfc3339_ns":     {{`"2026-11-28T12:00:00Z"`}},
	"time.parse_duration_ns":    {{`"1h30m"`}},
	"time.clock":                {{`1764331200000000000`, `[1764331200000000000, "Europe/Berlin"]`}},
	"time.date":                 {{`1764331200000000000`}},
	"time.weekday":              {{`1764331200000000000`}},
	"time.format":               {{`1764331200000000000`, `[1764331200000000000, "Asia/Tokyo"]`}},
	"time.diff":                 {{`1764331200000000000`}, {`1700000000000000000`}},
	"time.add_date":             {{`1764331200000000000`}, {`1`}, {`2`}, {`3`}},
	"units.parse":               {{`"10K"`, `"1.5Gi"`, `"200m"`}},
	"units.parse_bytes":         {{`"10KB"`, `"1.5Gi"`}},
	"uuid.parse":                {{`"6ba7b810-9dad-11d1-80b4-00c04fd430c8"`}},
	"to_number":                 {{`"12"`, `"1.5"`, `true`, `null`}},
	"regex.replace":             {nil, {`"a+"`}}, "regex.split": {{`"a"`}}, "regex.match": {{`"^a"`}}, "re_match": {{`"^a"`}},
	"regex.find_n": {{`"[a-z]+"`}}, "regex.find_all_string_submatch_n": {{`"([a-z])([a-z])"`}}, "regex.is_valid": {{`"[a-"`, `"a+"`}},
	"glob.match":             {{`"*.com"`, `"a*"`}, {`["."]`, `[]`, `null`}, {`"a.com"`, `"abc"`}},
	"json.patch":             {{`{"a": {"b": 1}}`}, {`[{"op": "add", "path": "/a/c", "value": 2}]`, `[{"op": "remove", "path": ["a", "b"]}]`}},
	"json.filter":            {{`{"a": {"b": 1, "c": 2}}`}, {`["a/b"]`, `{["a", "c"]}`}},
	"json.remove":            {{`{"a": {"b": 1, "c": 2}}`}, {`["a/b"]`, `{["a", "c"]}`}},
	"graph.reachable":        {{`{"a": ["b"], "b": ["c"], "c": [], "d": []}`}, {`["a"]`, `{"b", "d"}`}},
	"io.jwt.decode":          {{`"eyJhbGciOiJub25lIn0.eyJzdWIiOiJhIn0."`}},
	"urlquery.decode":        {{`"a%20b"`}},
	"urlquery.decode_object": {{`"a=1&a=2&b=x"`}},
	"urlquery.encode_object": {{`{"a": "1", "b": ["x", "y"]}`}},
	"uri.parse":              {{`"https://u@example.com:8080/a/b?c=d#e"`}}, "uri.is_valid": {{`"https://example.com"`, `":"`}},
	"array.flatten":      {{`[1, [2, [3]]]`}},
	"numbers.range_step": {{`1`, `9`}, {`9`, `2`}, {`2`, `3`}},
	"bits.lsh":           {{`5`}, {`3`}},
	"bits.rsh":           {{`500`}, {`3`}},
	"strings.replace_n":  {{`{"a": "x", "b": "y"}`}},
	"strings.split_n":    {{`"a,b,c"`}, {`","`}, {`2`}},
	"object.union_n":     {{`[{"a": 1}, {"b": {"c": 2}}, {"a": 3}]`}},
	"object.subset":      {{`{"a": {"b": 1}}`, `[1, 2, 3]`, `{1, 2}`}, {`{"a": {}}`, `[2, 3]`, `{2}`}},
	"intersection":       {{`{{1, 2}, {2, 3}}`}},
	"union":              {{`{{1, 2}, {2, 3}}`}},
	"cast_array":         {{`{1, 2}`, `[1]`}}, "cast_set": {{`[1, 1]`}}, "cast_string": {{`"a"`}}, "cast_boolean": {{`true`}},
	"cast_null": {{`null`}}, "cast_object": {{`{"a": 1}`}},
	"json.marshal_with_options":             {{`{"a": [1]}`}, {`{"indent": " ", "pretty": true}`, `{}`}},
	"crypto.x509.parse_certificates":        {{certificate}},
	"crypto.x509.parse_certificate_request": {{request}},
	"walk":                                  {{`{"a": [1, {"b": 2}]}`}},
	"format_int":                            {{`12`, `255.5`}, {`2`, `8`, `10`, `16`}},
	"substring":                             {{`"abcdef"`}, {`1`, `2`}, {`2`, `-1`}},
	"indexof":                               {{`"abcabc"`}, {`"c"`, `"x"`}}, "indexof_n": {{`"abcabc"`}, {`"c"`}},
	"contains": {{`"abc"`, `"xyz"`}, {`"b"`}},
	"rem":      {{`17`, `-5`}, {`5`}}, "div": {{`17`, `1`}, {`5`, `3`}},
	"array.slice": {nil, {`0`, `1`}, {`2`}},
	"object.get":  {{`{"a": {"b": 1}}`}, {`"a"`, `["a", "b"]`, `"x"`}},
}

func (g *values) of(name string, at int, of types.Type) string {
	if list := fitting[name]; at < len(list) && len(list[at]) > 0 && g.rand.IntN(8) > 0 {
		return list[at][g.rand.IntN(len(list[at]))]
	}
	return g.typed(of, 3)
}

func (g *values) typed(of types.Type, depth int) string {
	switch of := of.(type) {
	case *types.NamedType:
		return g.typed(of.Type, depth)
	case types.Null:
		return "null"
	case types.Boolean:
		return pick(g, "true", "false")
	case types.Number:
		return pick(g, "0", "1", "2", "7", "-3", "2.5")
	case types.String:
		return pick(g, `""`, `"a"`, `"abc"`, `"ab,ab"`, `"Ä b"`, `"10"`)
	case *types.Array:
		if n := of.Len(); n > 0 && of.Dynamic() == nil {
			var parts []string
			for i := range n {
				parts = append(parts, g.typed(of.Select(i), depth-1))
			}
			return "[" + strings.Join(parts, ", ") + "]"
		}
		return "[" + g.several(of.Dynamic(), depth) + "]"
	case *types.Set:
		if parts := g.several(types.Values(of), depth); parts != "" {
			return "{" + parts + "}"
		}
		return "set()"
	case *types.Object:
		var parts []string
		for _, p := range of.StaticProperties() {
			parts = append(parts, fmt.Sprintf("%q: %s", p.Key, g.typed(p.Value, depth-1)))
		}
		if d := of.DynamicProperties(); d != nil && depth > 0 {
			for i := range g.rand.IntN(3) {
				parts = append(parts, fmt.Sprintf("\"k%d\": %s", i, g.typed(d.Value, depth-1)))
			}
		}
		return "{" + strings.Join(parts, ", ") + "}"
	case types.Any:
		if len(of) > 0 {
			return g.typed(of[g.rand.IntN(len(of))], depth)
		}
	}
	simple := []string{"null", "true", "1", `"a"`, `"abc"`, "-2"}
	if depth > 0 {
		simple = append(simple, "["+g.several(types.A, depth)+"]", fmt.Sprintf(`{"a": %s}`, g.typed(types.A, depth-1)), "{1, 2}")
	}
	return simple[g.rand.IntN(len(simple))]
}

func (g *values) several(of types.Type, depth int) string {
	if of == nil {
		of = types.A
	}
	var parts []string
	for range g.rand.IntN(4) {
		parts = append(parts, g.typed(of, depth-1))
	}
	return strings.Join(parts, ", ")
}

func pick(g *values, from ...string) string { return from[g.rand.IntN(len(from))] }

// A certificate, and a request of one, that were made for this test.
const (
	certificate = "\"MIIBejCCASGgAwIBAgIUVvdsXenjL7sA+TFxJIwn8QFaUw0wCgYIKoZIzj0EAwIwEjEQMA4GA1UEAwwHZXhhbXBsZTAgFw0yNjExMjkwNzU1MjhaGA8yMTI2MTEwNTA3NTUyOFowEjEQMA4GA1UEAwwHZXhhbXBsZTBZMBMGByqGSM49AgEGCCqGSM49AwEHA0IABOsaHGroMlwIBrmPaFYJxuboeQCIDirZ4PWQcZVrcFd76PSV1GbQW3bcQyB5QiQASqCMJ+/10WLDjvnwButn6KijUzBRMB0GA1UdDgQWBBR/uB1fZgjyqPBJrVPpLdipbOBtczAfBgNVHSMEGDAWgBR/uB1fZgjyqPBJrVPpLdipbOBtczAPBgNVHRMBAf8EBTADAQH/MAoGCCqGSM49BAMCA0cAMEQCICXJeRI4jyfKJ7xL9pKxWy/IghnmVXVLOhMvhAtAsPKIAiB1rA2Y0sQ8CQYDBtfaqpUP65xFpxtK8T+NtCyYb5DwlQ==\""
	request     = "\"LS0tLS1CRUdJTiBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0KTUlITU1IUUNBUUF3RWpFUU1BNEdBMVVFQXd3SFpYaGhiWEJzWlRCWk1CTUdCeXFHU000OUFnRUdDQ3FHU000OQpBd0VIQTBJQUJPc2FIR3JvTWx3SUJybVBhRllKeHVib2VRQ0lEaXJaNFBXUWNaVnJjRmQ3NlBTVjFHYlFXM2JjClF5QjVRaVFBU3FDTUorLzEwV0xEanZud0J1dG42S2lnQURBS0JnZ3Foa2pPUFFRREFnTklBREJGQWlBSnFzZGoKSjA0SGZxSkZiMTM0eEdhaEtwRnE3b1ZoL1pqZzAvRXo4MXZKaFFJaEFPRjdaSHFQdkdlVHVqaURFWEt6QWV2bwp5K1Z6WVRGZmczRy9kVURPaUNVQgotLS0tLUVORCBDRVJUSUZJQ0FURSBSRVFVRVNULS0tLS0K\""
)
