// SPDX-License-Identifier: Apache-2.0

package field_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/field"
)

func TestPatterns(t *testing.T) {
	main := field.Path{
		{Field: "spec"},
		{Field: "containers"},
		{List: true, Index: 1, Keys: []field.Key{{Name: "name", Value: `"main"`}}},
		{Field: "image"},
	}
	port := field.Path{{Field: "ports"}, {List: true, Keys: []field.Key{{Name: "port", Value: "80"}, {Name: "protocol", Value: `"TCP"`}}}}
	label := field.Path{{Field: "metadata"}, {Field: "labels"}, {Field: "a.b/c"}}
	cases := []struct {
		reason  string
		pattern string
		path    field.Path
		want    bool
	}{
		{"the field itself", `.spec.containers[name="main"].image`, main, true},
		{"a plain word needs no quotes", `.spec.containers[name=main].image`, main, true},
		{"what is above stands for all below", `.spec`, main, true},
		{"an element by its place", `.spec.containers[1]`, main, true},
		{"another place", `.spec.containers[0]`, main, false},
		{"any element", `.spec.containers[*].image`, main, true},
		{"any field", `.*.containers`, main, true},
		{"a field is no element", `.spec[*]`, main, false},
		{"any field is no element", `.spec.containers.*`, main, false},
		{"another name", `.spec.containers[name=side].image`, main, false},
		{"what is below is not what is above", `.spec.containers[name=main].image.tag`, main, false},
		{"one of two keys", `.ports[protocol=TCP]`, port, true},
		{"both keys, in any order", `.ports[protocol="TCP",port=80]`, port, true},
		{"a number is a number", `.ports[port="80"]`, port, false},
		{"a quoted field", `.metadata.labels["a.b/c"]`, label, true},
		{"part of a name is another name", `.metadata.label`, label, false},
	}
	for _, tc := range cases {
		p, err := field.ParsePattern(tc.pattern)
		if err != nil {
			t.Fatalf("%s: %v", tc.pattern, err)
		}
		if got := tc.path.Has(p); got != tc.want {
			t.Errorf("%s: %s has %s: got %v, want %v", tc.reason, tc.path, tc.pattern, got, tc.want)
		}
	}
}

func TestPatternErrors(t *testing.T) {
	for _, pattern := range []string{
		"", "spec", ".spec..x", ".spec[", ".a b", ".spec[name=]", ".spec[\"a]", ".x[12345]", strings.Repeat(".x", 33), strings.Repeat(".x", 400),
		".x | .y", ".x[?(@.a)]", `.["a"`,
	} {
		if p, err := field.ParsePattern(pattern); err == nil {
			t.Errorf("%.40q: got %s and no error", pattern, p)
		}
	}
}

func FuzzParsePattern(f *testing.F) {
	for _, s := range []string{".spec.replicas", `.a["b.c"][name=main,x="y"][3].*[*]`, `.a["\u0000"]`} {
		f.Add(s)
	}
	f.Fuzz(func(t *testing.T, s string) {
		p, err := field.ParsePattern(s)
		if err != nil {
			return
		}
		again, err := field.ParsePattern(p.String())
		if err != nil {
			t.Fatalf("%q is read as %s, which cannot be read: %v", s, p, err)
		}
		if diff := cmp.Diff(p, again); diff != "" {
			t.Errorf("%q is read as %s, which is another: %s", s, p, diff)
		}
	})
}
