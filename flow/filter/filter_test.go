// SPDX-License-Identifier: Apache-2.0

package filter_test

import (
	"path"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/flow/filter"
)

// TestMatch holds the patterns to what Ant's manual says of its own, and to the idioms of Clusterless.
func TestMatch(t *testing.T) {
	for _, c := range []struct {
		reason string
		spec   filter.Spec
		yes    []string
		no     []string
	}{
		{"without patterns, all", filter.Spec{}, []string{"a", "a/b/c", "_SUCCESS"}, nil},
		{"the default of Clusterless", filter.Spec{Includes: []string{"**"}}, []string{"a", "a/b/c"}, nil},
		{"a name is in no folder", filter.Spec{Includes: []string{"*.csv"}}, []string{"x.csv", ".csv"}, []string{"a/x.csv", "x.csv.gz", "xcsv"}},
		{"one character", filter.Spec{Includes: []string{"?.csv"}}, []string{"x.csv", "é.csv"}, []string{"xy.csv", ".csv", "/.csv"}},
		{"folders, none among them", filter.Spec{Includes: []string{"**/CVS/*"}}, []string{"CVS/Repository", "org/apache/CVS/Entries"}, []string{"org/CVS/foo/bar/Entries"}},
		{"below a folder, and itself", filter.Spec{Includes: []string{"org/jakarta/**"}}, []string{"org/jakarta/a/b", "org/jakarta"}, []string{"org/jakartas/x", "org/x"}},
		{"in the middle", filter.Spec{Includes: []string{"org/**/CVS/*"}}, []string{"org/CVS/E", "org/a/b/CVS/E"}, []string{"org/CVS/a/E"}},
		{"a folder anywhere", filter.Spec{Includes: []string{"**/test/**"}}, []string{"test", "a/test/b", "test/x"}, []string{"a/tests/b"}},
		{"what ends in a slash is all of it", filter.Spec{Includes: []string{"day=1/"}}, []string{"day=1/x", "day=1/y/z"}, []string{"day=10/x"}},
		{"markers stay out", filter.Spec{Excludes: []string{"**/_*"}}, []string{"a/b", "a_b"}, []string{"_SUCCESS", "a/_SUCCESS"}},
		{"excluded wins", filter.Spec{Includes: []string{"*"}, Excludes: []string{"b*"}}, []string{"a"}, []string{"b"}},
		{"case counts", filter.Spec{Includes: []string{"*.CSV"}}, []string{"a.CSV"}, []string{"a.csv"}},
		{"unless it does not", filter.Spec{Includes: []string{"*.CSV"}, IgnoreCase: true}, []string{"a.CSV", "A.csv"}, []string{"a.tsv"}},
		{"what is special elsewhere is not here", filter.Spec{Includes: []string{"a[1.{b}+$"}}, []string{"a[1.{b}+$"}, []string{"a1.b", "a1.{b}+"}},
		{"a line break is a character of a name", filter.Spec{Includes: []string{"a?b", "c/**"}}, []string{"a\nb", "c/\n"}, nil},
	} {
		f, err := filter.New(c.spec)
		if err != nil {
			t.Errorf("%s: %v", c.reason, err)
			continue
		}
		for _, p := range c.yes {
			if !f.Match(p) {
				t.Errorf("%s: %+v does not choose %q", c.reason, c.spec, p)
			}
		}
		for _, p := range c.no {
			if f.Match(p) {
				t.Errorf("%s: %+v chooses %q", c.reason, c.spec, p)
			}
		}
	}
}

func TestNewRefuses(t *testing.T) {
	got := map[string]string{}
	for name, spec := range map[string]filter.Spec{
		"empty":    {Includes: []string{"a", ""}},
		"absolute": {Excludes: []string{"/a"}},
		"long":     {Includes: []string{strings.Repeat("a", 1025)}},
		"many":     {Includes: slices.Repeat([]string{"a"}, 1001)},
	} {
		_, err := filter.New(spec)
		if err == nil {
			t.Errorf("%s: it is taken", name)
			continue
		}
		got[name] = err.Error()
	}
	long := strings.Repeat("a", 100)
	want := map[string]string{
		"empty":    `includes[1]: the pattern "" is empty`,
		"absolute": `excludes[0]: the pattern "/a" begins with /, and no path does`,
		"long":     `includes[0]: the pattern "` + long + `" is longer than 1024 bytes`,
		"many":     `includes has 1001 patterns; the limit is 1000`,
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
}

// TestNames: within one folder, a pattern matches what Go's own matcher of names says.
func TestNames(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab.?*]{1,6}`).Filter(func(p string) bool {
			return p == "**" || p != "." && p != ".." && !strings.Contains(p, "**") // which are refused
		}).Draw(t, "pattern")
		name := rapid.StringMatching(`[ab.]{0,6}`).Draw(t, "name")
		f, err := filter.New(filter.Spec{Includes: []string{pattern}})
		if err != nil {
			t.Fatal(err)
		}
		want, err := path.Match(pattern, name)
		if err != nil {
			t.Fatal(err)
		}
		if pattern == "**" {
			want = true
		}
		if got := f.Match(name); got != want {
			t.Errorf("%q matches %q: %v, want %v", pattern, name, got, want)
		}
	})
}
