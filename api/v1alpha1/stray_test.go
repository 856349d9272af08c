// SPDX-License-Identifier: Apache-2.0

package v1alpha1_test

import (
	"encoding/binary"
	"strings"
	"testing"
	"unicode/utf16"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// asUTF16 writes a text in UTF-16, with its mark or without.
func asUTF16(text string, order binary.AppendByteOrder, mark bool) string {
	var out []byte
	if mark {
		out = order.AppendUint16(out, 0xfeff)
	}
	for _, unit := range utf16.Encode([]rune(text)) {
		out = order.AppendUint16(out, unit)
	}
	return string(out)
}

// TestStray: what was meant to be a declaration is an error where it stands, and what others declare is none.
func TestStray(t *testing.T) {
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	without := strings.TrimPrefix(project, head)
	comment := func(text string) string {
		return "# " + strings.ReplaceAll(strings.TrimSuffix(text, "\n"), "\n", "\n# ") + "\n"
	}
	for name, tc := range map[string]struct {
		text string
		want string
	}{
		"NoVersion":  {without, "project.yaml:1:7: error: kind: the Project \"orders\" has no apiVersion, so that it would not count"},
		"Empty":      {"apiVersion:\n" + without, `unknown version ""`},
		"Letter":     {"apiVersion: trunklin.dev/v1alpha1\n" + without, `unknown version "trunklin.dev/v1alpha1"`},
		"Domain":     {"apiVersion: trunkline.io/v1alpha1\n" + without, `unknown version "trunkline.io/v1alpha1"`},
		"NoDomain":   {"apiVersion: v1alpha1\n" + without, `unknown version "v1alpha1"`},
		"Case":       {"apiVersion: Trunkline.dev/v1alpha1\n" + without, `unknown version "Trunkline.dev/v1alpha1"`},
		"Key":        {"apiversion: trunkline.dev/v1alpha1\n" + without, `"apiversion" is not apiVersion`},
		"KeyTwo":     {"api-version: trunkline.dev/v1alpha1\n" + without, `"api-version" is not apiVersion`},
		"ByteOrder":  {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n\ufeff" + project, "project.yaml:5:1: error: apiVersion: a byte order mark stands before apiVersion"},
		"JSON":       {`{"kind": "Cluster", "metadata": {"name": "one"}}`, `the Cluster "one" has no apiVersion`},
		"Second":     {"apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\n---\n" + without, `project.yaml:5:7: error: kind: the Project "orders" has no apiVersion`},
		"Commented":  {comment(project), "project.yaml:1: error: the Project \"orders\" is commented out"},
		"Hash":       {strings.ReplaceAll(comment(project), "# ", "#"), `the Project "orders" is commented out`},
		"Documents":  {comment(project) + "---\n" + comment(head+"kind: Cluster\nmetadata: {name: one}\n"), `the Project "orders" is commented out`},
		"UTF16":      {asUTF16(project, binary.LittleEndian, true), "the file is in UTF-16"},
		"UTF16Big":   {asUTF16(project, binary.BigEndian, true), "the file is in UTF-16"},
		"UTF16Plain": {asUTF16(project, binary.LittleEndian, false), "the file is in UTF-16"},

		"Others":     {"apiVersion: cluster.x-k8s.io/v1beta1\nkind: Cluster\nmetadata: {name: one}\n", ""},
		"OpenShift":  {"apiVersion: project.openshift.io/v1\nkind: Project\nmetadata: {name: one}\n", ""},
		"Kyverno":    {"apiVersion: kyverno.io/v1\nkind: Policy\nmetadata: {name: one}\n", ""},
		"Core":       {"apiVersion: v1\nkind: Project\nmetadata: {name: one}\n", ""},
		"Values":     {"kind: Cluster\nimage: {tag: 1}\n", ""},
		"Template":   {"kind: Cluster\nmetadata:\n  name: {{ .Release.Name }}\n", ""},
		"Data":       {"kind: Deployment\nmetadata: {name: a}\n", ""},
		"Prose":      {"# A declaration begins with apiVersion: trunkline.dev/v1alpha1\n# and its kind.\n", ""},
		"Example":    {"# apiVersion: trunkline.dev/v1alpha1\nvalues: 1\n", ""},
		"UTF16Other": {asUTF16("kind: Deployment\n", binary.LittleEndian, true), ""},
		"Binary":     {"\x00\x01\x00\x02", ""},
	} {
		t.Run(name, func(t *testing.T) {
			var f v1alpha1.File
			if v1alpha1.Declares([]byte(tc.text)) {
				f = v1alpha1.DecodeFile("project.yaml", []byte(tc.text))
			} else {
				f, _ = v1alpha1.Stray("project.yaml", []byte(tc.text))
			}
			got := f.Problems.String()
			if tc.want == "" && (got != "" || len(f.Broken) > 0) || !strings.Contains(got, tc.want) || len(f.Problems) > 1 {
				t.Errorf("-want +got:\n%s", cmp.Diff(tc.want, got))
			}
			if tc.want != "" && (len(f.Broken) == 0 || f.Broken[0].Name == "") {
				t.Error("it is not known what was meant to be declared")
			}
		})
	}
}
