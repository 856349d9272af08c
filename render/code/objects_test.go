// SPDX-License-Identifier: Apache-2.0

package code_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/render/code"
)

const object = `{"apiVersion": "v1", "kind": "ConfigMap", "metadata": {"name": "a"}}`

func TestObjects(t *testing.T) {
	cases := map[string]struct {
		reason, value string
		want          []string
	}{
		"One":    {"The value itself may be an object.", object, []string{"main"}},
		"List":   {"A list has objects, in its order.", "[" + object + "," + object + "]", []string{"main ([0])", "main ([1])"}},
		"Table":  {"A table has objects by names, which do not matter, in the order of those.", `{"b": ` + object + `, "a-1": ` + object + `}`, []string{`main (["a-1"])`, "main (b)"}},
		"Nested": {"Tables and lists nest.", `{"apps": {"web": [` + object + `]}}`, []string{"main (apps.web[0])"}},
		"Null":   {"What is null was left out by a condition.", `{"a": null, "b": [null, ` + object + `]}`, []string{"main (b[1])"}},
		"Empty":  {"A table without anything has no object.", `{"a": {}, "b": []}`, nil},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			objects, err := code.Objects("main", []byte(tc.value))
			if err != nil {
				t.Fatal(err)
			}
			var got []string
			for _, o := range objects {
				got = append(got, o.Source)
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n(-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

func TestNoObjects(t *testing.T) {
	cases := map[string]struct{ reason, value, want string }{
		"Text":      {"What a text says may be secret.", `{"apps": {"replicas": "s3cret"}}`, `main: in its value, apps.replicas is a text, where an object`},
		"Number":    {"A field of the program itself is not passed over.", `{"replicas": 3}`, `main: in its value, replicas is a number`},
		"Itself":    {"The value itself may be none.", `true`, `main: its value is true or false`},
		"NoKind":    {"Half an object is a mistake, and no table.", `{"a": {"apiVersion": "v1"}}`, `a has an apiVersion but no kind`},
		"NoVersion": {"So is the other half.", `[{"kind": "Job"}]`, `[0] has a kind but no apiVersion`},
		"Deep":      {"What nests without end is refused.", strings.Repeat("[", 100) + strings.Repeat("]", 100), "deeper than 64 levels"},
		"Many":      {"So is what has no end.", "[" + strings.Repeat(object+",", 10_000) + object + "]", "more than 10000 objects"},
		"NotJSON":   {"An engine may fail.", `{`, "its value is not JSON"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := code.Objects("main", []byte(tc.value))
			if err == nil || !strings.Contains(err.Error(), tc.want) || strings.Contains(err.Error(), "s3cret") {
				t.Errorf("%s\nGot %v, want one that says %q", tc.reason, err, tc.want)
			}
		})
	}
}
