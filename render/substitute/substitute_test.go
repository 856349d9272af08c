// SPDX-License-Identifier: Apache-2.0

package substitute_test

import (
	"strings"
	"testing"

	"github.com/fluxcd/pkg/envsubst"
	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/render/substitute"
)

func object(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

// settings is a ConfigMap with one value.
func settings(value string) string {
	return "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata:\n  a: " + value + "\n"
}

func TestObject(t *testing.T) {
	t.Setenv("HOME", "/root/secret")
	t.Setenv("secret", "of the process")
	vars := substitute.Vars{"region": "eu-west-1", "replicas": "3", "empty": "", "lines": "a\nb\n", "on": "true", "path": "a/b/c", "HOME": "home"}
	for name, tc := range map[string]struct {
		reason, text, want string
	}{
		"Variable":   {"the value is put in", settings("x-${region}-y"), settings("x-eu-west-1-y")},
		"Number":     {"a text that is one variable has the type of the value, as in Flux", settings("${replicas}"), settings("3")},
		"Quoted":     {"quotes of the file are not seen: Flux replaces in the YAML that Kustomize writes", settings(`"${on}"`), settings("true")},
		"Colon":      {"a text that needs quotes keeps them", settings(`"x: ${replicas}"`), settings(`"x: 3"`)},
		"Default":    {"a default counts if there is no value", settings("${none:=d}"), settings("d")},
		"Default2":   {"also in the other forms", settings("${none:-d}${none=e}"), settings("de")},
		"Empty":      {"and if the value is empty", settings("${empty:=d}"), settings("d")},
		"NotDefault": {"but not if there is one", settings("${region:=d}"), settings("eu-west-1")},
		"Nested":     {"a default may be a variable", settings("${none:=${region}}"), settings("eu-west-1")},
		"Replace":    {"parts are replaced", settings("${region//-/_}${region/-/_}"), settings("eu_west_1eu_west-1")},
		"Case":       {"letter case is changed", settings("${region^^}"), settings("EU-WEST-1")},
		"Cut":        {"patterns are cut off", settings("${path##*/}"), settings("c")},
		"Part":       {"parts are taken by place", settings("${region:0:2}"), settings("eu")},
		"Length":     {"the length is a number", settings("${#region}"), settings("9")},
		"Escape":     {"two dollar signs are one, and no variable", settings("$${region}"), settings("${region}")},
		"Dollar":     {"a dollar sign without a brace is a text", settings("$region"), settings("$region")},
		"Lines":      {"line breaks of a value are left out", settings("${lines}"), settings("ab")},
		"Process":    {"the environment of the process is never read", settings("${HOME}"), settings("home")},
		"Name": {
			"names and keys are replaced, too", "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: \"c-${region}\"}\ndata: {\"${region}\": x}\n",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c-eu-west-1}\ndata: {eu-west-1: x}\n",
		},
		"Annotation": {
			"an object can say that it stays as it is",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\ndata: {a: \"${none}\"}\n",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, annotations: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\ndata: {a: \"${none}\"}\n",
		},
		"Label": {
			"by a label, too",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, labels: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\ndata: {a: \"${none}\"}\n",
			"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c, labels: {kustomize.toolkit.fluxcd.io/substitute: disabled}}\ndata: {a: \"${none}\"}\n",
		},
	} {
		t.Run(name, func(t *testing.T) {
			got, err := substitute.Object(object(t, tc.text), vars)
			if err != nil {
				t.Fatalf("%s: %v", tc.reason, err)
			}
			if diff := cmp.Diff(asYAML(t, object(t, tc.want)), asYAML(t, got)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestNothingToReplaceBy(t *testing.T) {
	o := object(t, settings("${none}"))
	if got, err := substitute.Object(o, nil); err != nil || got != o {
		t.Errorf("without variables nothing is replaced, as in Flux: got %v, %v", got, err)
	}
}

func TestRefused(t *testing.T) {
	many := strings.Repeat("${a//b/c}", 9000)
	long := substitute.Vars{"a": strings.Repeat("a", 9000), "b": "b"}
	for name, tc := range map[string]struct {
		reason, text string
		vars         substitute.Vars
		want         string
	}{
		"Undefined":   {"a variable without a value and default", settings("x${none}"), nil, `data.a: the variable "none" has no value and no default; give it one, write "${none:=DEFAULT}", or "$${none}" for the text itself`},
		"Process":     {"one of the process", settings("${PATH}"), nil, `the variable "PATH" has no value`},
		"Changed":     {"one that is changed", settings("${none^^}"), nil, `the variable "none" has no value`},
		"InDefault":   {"one in a default", settings("${other:=${none}}"), nil, `the variable "none" has no value`},
		"Unclosed":    {"a brace that is not closed", settings("'${b'"), nil, `data.a: missing closing brace; write "$${" for the text "${"`},
		"Shell":       {"what is meant for a shell", settings("'${b@Q}'"), nil, `data.a: missing closing brace`},
		"NotYAML":     {"what is no YAML any more", settings("${bad}"), substitute.Vars{"bad": "{a"}, "is no YAML any more once the variables are replaced"},
		"Grows":       {"what grows without end", settings(many), long, "is too much to replace"},
		"GrowsInside": {"a replacement in a replacement", settings("${a//a/${a//a/${a}}}"), long, "is too much to replace"},
		"Slow":        {"what takes too long", settings(strings.Repeat("${a##*b*b*b}", 100)), long, "is too much to replace"},
		"Dollars":     {"what would nest too deep in the library", settings(strings.Repeat("$$x", 6000)), long, "has more than 10000 dollar signs"},
	} {
		t.Run(name, func(t *testing.T) {
			vars := tc.vars
			if vars == nil {
				vars = substitute.Vars{"b": "b"}
			}
			_, err := substitute.Object(object(t, tc.text), vars)
			if err == nil || !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: got %v, want %s", tc.reason, err, tc.want)
			}
		})
	}
}

func TestNames(t *testing.T) {
	for _, name := range []string{"a", "_a1", "A_B"} {
		if err := (substitute.Vars{name: ""}).Check(); err != nil {
			t.Errorf("%q: %v", name, err)
		}
	}
	for _, name := range []string{"", "1a", "a-b", "a.b", "ä", "a b"} {
		if err := (substitute.Vars{name: ""}).Check(); err == nil {
			t.Errorf("%q is taken for the name of a variable", name)
		}
	}
}

func TestUndefined(t *testing.T) {
	o := object(t, settings("${b} ${a} ${a} ${c:=d} ${e:=${f}} ${known}"))
	if diff := cmp.Diff([]string{"a", "b", "f"}, substitute.Undefined(o, substitute.Vars{"known": "x"})); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestBoundIsNoLess: nothing that passes is larger than the bound, and what passes is what the library makes.
func TestBoundIsNoLess(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		vars := substitute.Vars{"a": rapid.StringMatching(`[a-c]{0,20}`).Draw(t, "a"), "b": rapid.StringMatching(`[a-c]{0,20}`).Draw(t, "b")}
		parts := rapid.SliceOfN(rapid.SampledFrom([]string{
			"${a}", "${b//a/${a}}", "${a/#a/b}", "${c:=${b}}", "${a##*b}", "${b%a*}", "x", "$$", "${#a}", "${a^^}", "${a:1:2}", "${b:=x}", "${a//b/}",
		}), 0, 8).Draw(t, "parts")
		text := "v" + strings.Join(parts, "-") // a text in any case, and never the beginning of a list
		o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "K", "x": text}}
		got, err := substitute.Object(o, vars)
		if err != nil {
			t.Fatal(err)
		}
		in, err := yaml.Marshal(o.Object)
		if err != nil {
			t.Fatal(err)
		}
		out, err := envsubst.Eval(string(in), func(name string) (string, bool) { v, ok := vars[name]; return v, ok })
		if err != nil {
			t.Fatal(err)
		}
		want := map[string]any{}
		if err := yaml.Unmarshal([]byte(out), &want); err != nil {
			t.Fatal(err)
		}
		if diff := cmp.Diff(asYAML(t, &unstructured.Unstructured{Object: want}), asYAML(t, got)); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

type fataler interface{ Fatal(args ...any) }

func asYAML(t fataler, o *unstructured.Unstructured) string {
	data, err := yaml.Marshal(o.Object)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}
