// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"encoding/base64"
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"
	"sigs.k8s.io/yaml"

	"trunkline.dev/trunkline/api/generated"
)

// parse reads an object from YAML.
func parse(t testing.TB, text string) *unstructured.Unstructured {
	t.Helper()
	if text == "" {
		return nil
	}
	o := &unstructured.Unstructured{}
	if err := yaml.Unmarshal([]byte(text), &o.Object); err != nil {
		t.Fatal(err)
	}
	return o
}

func b64(s string) string { return base64.StdEncoding.EncodeToString([]byte(s)) }

const sealedToken = "ENC[AES256_GCM,data:AA==,iv:AA==,tag:AA==,type:str]"

// made is a Secret whose password is made in the cluster: for a revision, as it is there.
func made(revision int, done, value string) string {
	spec := generated.Spec{Keys: map[string]generated.Key{"password": {Length: 32, Alphabet: "ab"}}, Revision: revision}
	out := "apiVersion: v1\nkind: Secret\nmetadata:\n  name: s\n  annotations:\n    " + generated.Annotation + ": '" + spec.String() + "'\n"
	if done != "" {
		out += "    " + generated.MadeAnnotation + ": '" + done + "'\n"
	}
	if value != "" {
		out += "data: {password: " + b64(value) + "}\n"
	}
	return out
}

// TestDiffOfSecrets: what is a Secret goes by what the object is, and none of its values is shown, on either side and in
// whatever form; that they change is.
func TestDiffOfSecrets(t *testing.T) {
	const head = "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\n"
	cases := map[string]struct {
		reason        string
		before, after string
		// has are lines that the diff must have; nothing else may differ.
		has  []string
		same bool
	}{
		"Changed": {
			reason: "That a value changes is told, and no more.",
			before: head + "data: {token: " + b64("canary-one") + "}", after: head + "data: {token: " + b64("canary-two") + "}",
			has: []string{"-  token: (redacted)", "+  token: (redacted, changed)"},
		},
		"SameInAnotherField": {
			reason: "stringData is what data becomes.",
			before: head + "data: {token: " + b64("canary-one") + "}", after: head + "stringData: {token: canary-one}", same: true,
		},
		"Created":  {reason: "A new Secret shows its keys.", after: head + "stringData: {token: canary-one}", has: []string{"+  token: (redacted)"}},
		"Removed":  {reason: "So does one that goes.", before: head + "stringData: {token: canary-one}", has: []string{"-  token: (redacted)"}},
		"KeyAdded": {reason: "Names of keys are no secrets.", before: head + "stringData: {a: canary-one}", after: head + "stringData: {a: canary-one, b: canary-two}", has: []string{"+  b: (redacted)"}},
		"NoBase64": {reason: "An invalid Secret is one too.", after: head + "data: {token: canary-one}", has: []string{"+  token: (redacted)"}},
		"NoText":   {reason: "Of whatever type its values are.", after: head + "data: {token: {deep: [canary-one]}}", has: []string{"+  token: (redacted)"}},
		"NoTable":  {reason: "And whatever stands in their place.", after: head + "data: canary-one", has: []string{"+  data: (redacted)"}},
		"Misspelt": {reason: "A field that is no field of a Secret holds what people have meant to put into one.", after: head + "stringdata: {token: canary-one}", has: []string{"+stringdata: (redacted)"}},
		"LastApplied": {
			reason: "kubectl puts all of a Secret into an annotation (CVE-2026-45737).",
			before: head + "data: {token: " + b64("canary-one") + "}",
			after: `{apiVersion: v1, kind: Secret, metadata: {name: s, annotations: {kubectl.kubernetes.io/last-applied-configuration:
  '{"apiVersion":"v1","data":{"token":"` + b64("canary-old") + `"},"stringData":{"x":"canary-\u006fld"}}'}}, data: {token: ` + b64("canary-one") + `}}`,
			has: []string{"+    kubectl.kubernetes.io/last-applied-configuration: (redacted)"},
		},
		"OtherAnnotation": {
			reason: "So do other tools, each in its own.",
			after:  `{apiVersion: v1, kind: Secret, metadata: {name: s, annotations: {kapp.k14s.io/original: "canary-\x6fne", trunkline.dev/prune: disabled}}}`,
			has:    []string{"+    kapp.k14s.io/original: (redacted)", "+    trunkline.dev/prune: disabled"},
		},
		"Spoofed": {
			reason: "What an object says of itself in labels and annotations does not make it another one.",
			after:  `{apiVersion: v1, kind: Secret, metadata: {name: s, labels: {kind: ConfigMap}, annotations: {kind: ConfigMap}}, type: ConfigMap, stringData: {kind: canary-one}}`,
			has:    []string{"+  kind: (redacted)", "+type: ConfigMap"},
		},
		"Embedded": {
			reason: "A Secret inside of another object is one.",
			before: `{apiVersion: a.example.com/v1, kind: Template, metadata: {name: s}, spec: {objects: [{apiVersion: v1, kind: Secret, stringData: {token: canary-one}}]}}`,
			after:  `{apiVersion: a.example.com/v1, kind: Template, metadata: {name: s}, spec: {objects: [{apiVersion: v1, kind: Secret, stringData: {token: canary-two}}]}}`,
			has:    []string{"-      token: (redacted)", "+      token: (redacted, changed)"},
		},
		"Encrypted": {
			reason: "Of what SOPS has encrypted it is told that it is.",
			before: head + "data: {token: '" + sealedToken + "'}\nsops: {mac: a, lastmodified: x}",
			after:  head + "data: {token: '" + strings.Replace(sealedToken, "AA", "BB", 1) + "'}\nsops: {mac: b, lastmodified: y}",
			has:    []string{"-  token: (encrypted)", "+  token: (encrypted, changed)"},
		},
		"Generated": {
			reason: "Values that are made in the cluster are announced.", after: made(0, "", ""), has: []string{"+  password: (generated)"},
		},
		"GeneratedKept": {
			reason: "Nothing changes of one that was made.", before: made(0, "0", "canary-one"), after: made(0, "0", "canary-one"), same: true,
		},
		"GeneratedAgain": {
			reason: "A raised revision makes them again.", before: made(0, "0", "canary-one"), after: made(1, "0", "canary-one"),
			has: []string{"-  password: (redacted)", "+  password: (generated, revision 1)"},
		},
		"GeneratedAdopted": {
			reason: "What is there is kept.", before: head + "data: {password: " + b64("canary-one") + "}", after: made(0, "", "canary-one"),
			has: []string{"   password: (redacted)"},
		},
		"SameButShort": {
			reason: "A short value is hidden where it is one.", after: head + "stringData: {pin: '17'}", has: []string{"+  pin: (redacted)"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			before, after := parse(t, tc.before), parse(t, tc.after)
			got, err := NewMask(before, after).Diff(before, after)
			if err != nil {
				t.Fatal(err)
			}
			for _, leak := range []string{"canary", "Y2FuYXJ5", "17\n", "AES256"} {
				if strings.Contains(got, leak) {
					t.Errorf("%s\nthe diff shows %q:\n%s", tc.reason, leak, got)
				}
			}
			if (got == "") != tc.same {
				t.Errorf("%s\nsame: %t, want %t:\n%s", tc.reason, got == "", tc.same, got)
			}
			for _, line := range tc.has {
				if !strings.Contains("\n"+got, "\n"+line+"\n") {
					t.Errorf("%s\nno line %q in:\n%s", tc.reason, line, got)
				}
			}
		})
	}
}

// TestValuesElsewhere: a value of a Secret of the release is hidden in its other objects and in errors too.
func TestValuesElsewhere(t *testing.T) {
	secret := parse(t, "apiVersion: v1\nkind: Secret\nmetadata: {name: s}\nstringData: {url: 'https://u:canary-one@host', lines: \"first \\\"line\\\"\\nsecond line\\n\", pin: '17', name: canary-name}")
	other := parse(t, `{apiVersion: v1, kind: ConfigMap, metadata: {name: canary-name, annotations: {a: "`+b64("https://u:canary-one@host")+`"}},
  data: {env: "URL=https://u:canary-one@host", json: '{"l":"first \"line\"\nsecond line\n"}', indented: "  second line", pin: '17'}}`)
	mask := NewMask(secret, nil, other)
	got, err := mask.Diff(nil, other)
	if err != nil {
		t.Fatal(err)
	}
	want := `+apiVersion: v1
+data:
+  env: URL=(redacted)
+  indented: '  (redacted)'
+  json: '{"l":"(redacted)"}'
+  pin: "17"
+kind: ConfigMap
+metadata:
+  annotations:
+    a: (redacted)
+  name: canary-name
`
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if got := mask.Text("admission webhook refused https://u:canary-one@host"); got != "admission webhook refused (redacted)" {
		t.Errorf("an error becomes %q", got)
	}
	if got := (Mask{}).Text("as it is"); got != "as it is" {
		t.Errorf("without Secrets a text becomes %q", got)
	}
}

// TestNoValueIsShown: for Secrets of any shape, no value is in the diff, and there is a diff if and only if something
// changes.
func TestNoValueIsShown(t *testing.T) {
	rapid.Check(t, func(rt *rapid.T) {
		var values []string
		draw := func(side string) *unstructured.Unstructured {
			o := map[string]any{"apiVersion": "v1", "kind": "Secret", "metadata": map[string]any{"name": "s"}}
			for _, field := range []string{"data", "stringData"} {
				table := map[string]any{}
				for i := range rapid.IntRange(0, 3).Draw(rt, side+field) {
					value := fmt.Sprintf("canary-%s", rapid.StringMatching(`[a-z"\\ \n]{0,12}`).Draw(rt, "value"))
					values = append(values, value, b64(value))
					if field == "data" && rapid.Bool().Draw(rt, "encoded") {
						value = b64(value)
					}
					table[fmt.Sprintf("k%d", i)] = value
				}
				if len(table) > 0 {
					o[field] = table
				}
			}
			return &unstructured.Unstructured{Object: o}
		}
		before, after := draw("before"), draw("after")
		kept := before.DeepCopy()
		got, err := NewMask(before, after).Diff(before, after)
		if err != nil {
			rt.Fatal(err)
		}
		for _, v := range append(values, "canary") {
			if strings.Contains(got, v) {
				rt.Fatalf("the diff shows %q:\n%s", v, got)
			}
		}
		was, _ := valuesOf(before.Object)
		is, _ := valuesOf(after.Object)
		if same := cmp.Equal(was, is); same != (got == "") {
			rt.Fatalf("same: %t, and the diff is\n%s", same, got)
		}
		if diff := cmp.Diff(kept.Object, before.Object); diff != "" {
			rt.Fatalf("the object itself was changed:\n%s", diff)
		}
	})
}
