// SPDX-License-Identifier: Apache-2.0

package boundary

import (
	"errors"
	"fmt"
	"path"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/param"
)

// TestFilter holds patterns to Ant's, which are Clusterless'.
func TestFilter(t *testing.T) {
	for _, tc := range []struct {
		reason, pattern, key string
		want                 bool
	}{
		{"everything", "**", "a/b/c.csv", true},
		{"everything, also at the top", "**", "c.csv", true},
		{"a star stays in its part", "*.csv", "a/c.csv", false},
		{"a star may be nothing", "c*.csv", "c.csv", true},
		{"a question mark is one character", "?.csv", "c.csv", true},
		{"and not none", "c?.csv", "c.csv", false},
		{"and not a separator", "a?c", "a/c", false},
		{"and a character of several bytes", "?.csv", "é.csv", true},
		{"two stars may be no part", "a/**/c", "a/c", true},
		{"or several", "a/**/c", "a/x/y/c", true},
		{"and are whole parts", "a/**/c", "ax/c", false},
		{"at the end, what is in a folder", "a/**", "a/x/y", true},
		{"at the end, the folder itself", "a/**", "a", true},
		{"at the end, not what only begins alike", "a/**", "ab", false},
		{"at the beginning, the top", "**/c", "c", true},
		{"at the beginning, any depth", "**/c", "x/y/c", true},
		{"at the beginning, whole parts", "**/c", "xc", false},
		{"a pattern that ends in a slash is what is below", "a/", "a/x/y", true},
		{"a dot is a dot", "a.csv", "axcsv", false},
		{"one bracket is a bracket", "[ab{c", "[ab{c", true},
		{"a backslash is one", `a\b`, `a\b`, true},
		{"a line break is a character", "a*b", "a\nb", true},
		{"case counts", "A", "a", false},
		{"the idiom for markers", "**/_*", "x/_SUCCESS", true},
		{"which leaves out the top's, too", "**/_*", "_SUCCESS", true},
		{"and not what is in a folder of that name", "**/_*", "_temporary/x", false},
	} {
		f, err := NewFilter([]string{tc.pattern}, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		if got := f.Match(tc.key); got != tc.want {
			t.Errorf("%s: %q matches %q: %t", tc.reason, tc.pattern, tc.key, got)
		}
	}
	f, err := NewFilter([]string{"IN/**"}, []string{"**/*.TMP"}, true)
	if err != nil {
		t.Fatal(err)
	}
	for key, want := range map[string]bool{"in/a.csv": true, "In/a.tmp": false, "out/a.csv": false, "in/folder/": false} {
		if f.Match(key) != want {
			t.Errorf("without regard to case %q is data: %t", key, !want)
		}
	}
}

// TestPrefix: whatever is data begins with the prefix, which is as long as the patterns say.
func TestPrefix(t *testing.T) {
	for want, includes := range map[string][]string{
		"":         {"**"},
		"in":       {"in/**"},
		"in/2026-": {"in/2026-*.csv", "in/2026-01/**"},
		"a":        {"a/b", "a"},
		"exact":    {"exact"},
	} {
		f, err := NewFilter(includes, nil, false)
		if err != nil || f.Prefix() != want {
			t.Errorf("the keys of %q begin with %q, want %q; %v", includes, f.Prefix(), want, err)
		}
	}
	part := rapid.SampledFrom([]string{"a", "b", "ab", "*", "?", "**", "a*", "*b", "*a*"})
	name := rapid.SampledFrom([]string{"a", "b", "ab", "aab", "_"})
	rapid.Check(t, func(t *rapid.T) {
		patterns := rapid.SliceOfN(rapid.Custom(func(t *rapid.T) string {
			return strings.Join(rapid.SliceOfN(part, 1, 4).Draw(t, "parts"), "/")
		}), 1, 3).Draw(t, "patterns")
		key := strings.Join(rapid.SliceOfN(name, 1, 4).Draw(t, "names"), "/")
		f, err := NewFilter(patterns, nil, false)
		if err != nil {
			t.Fatal(err)
		}
		if f.Match(key) && !strings.HasPrefix(key, f.Prefix()) {
			t.Fatalf("%q is data by %q, and does not begin with %q", key, patterns, f.Prefix())
		}
		want := false
		for _, p := range patterns {
			want = want || ant(strings.Split(p, "/"), strings.Split(key, "/"))
		}
		if got := f.Match(key); got != want {
			t.Fatalf("%q matches %q: %t", patterns, key, got)
		}
	})
}

// ant is Ant's definition, part by part.
func ant(pattern, key []string) bool {
	switch {
	case len(pattern) == 0:
		return len(key) == 0
	case pattern[0] == "**":
		return ant(pattern[1:], key) || len(key) > 0 && ant(pattern, key[1:])
	case len(key) == 0:
		return false
	}
	ok, err := path.Match(pattern[0], key[0])
	return err == nil && ok && ant(pattern[1:], key[1:])
}

// TestKeyTime: the time of a key is that of its groups, and no other.
func TestKeyTime(t *testing.T) {
	const hive = `year=(?<year>\d{4})/month=(?<month>\d+)/day=(?<day>\d+)/hour=(?<hour>\d+)/`
	k, err := NewKeyTime(hive, time.Hour)
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		key  string
		want string
	}{
		{"year=2026/month=1/day=02/hour=3/a.csv", "2026-01-02T03:00:00Z"},
		{"raw/year=2026/month=12/day=31/hour=23/a.csv", "2026-12-31T23:00:00Z"},
		{"year=2026/month=13/day=01/hour=00/a.csv", ""},
		{"year=2026/month=2/day=30/hour=00/a.csv", ""},
		{"year=2026/month=2/day=3/hour=24/a.csv", ""},
		{"year=0000/month=2/day=3/hour=24/a.csv", ""},
		{"year=2026/month=99999999999999999999/day=3/hour=2/a.csv", ""},
		{"2026/1/2/3/a.csv", ""},
		{"", ""},
	} {
		got, err := k.Of(tc.key)
		if text := got.Format(time.RFC3339); err == nil && text != tc.want || err != nil && tc.want != "" {
			t.Errorf("the time of %q is %s, %v; want %q", tc.key, text, err, tc.want)
		}
	}
}

// TestParams is what is refused, and where.
func TestParams(t *testing.T) {
	type object = map[string]any
	for _, tc := range []struct {
		params object
		path   []any
		want   string
	}{
		{nil, nil, ""},
		{object{"arrival": "immediate"}, nil, ""},
		{object{"arrival": "immediate", "lateness": "0s"}, nil, ""},
		{object{"lateness": "90m", "filter": object{"includes": []any{"a/**"}, "excludes": []any{}}}, nil, ""},
		{object{"lateness": "1d"}, []any{"lateness"}, `"1d" is not how long late data are waited for`},
		{object{"lateness": "-1h"}, []any{"lateness"}, `"-1h" is not how long late data are waited for`},
		{object{"lateness": "745h"}, []any{"lateness"}, `"745h" is not how long late data are waited for`},
		{object{"arrival": "immediate", "lateness": "1h"}, []any{"lateness"}, "what arrives counts at once, so that nothing is waited for"},
		{object{"filter": object{"includes": []any{"**", "/a"}}}, []any{"filter", "includes", 1}, `the pattern "/a" begins with /, and no path does`},
		{object{"filter": object{"excludes": []any{"a//b"}}}, []any{"filter", "excludes", 0}, `the pattern "a//b" has a part without a name`},
		{object{"filter": object{"excludes": []any{""}}}, []any{"filter", "excludes", 0}, `the pattern "" is empty`},
		{object{"lotSource": "key"}, []any{"lotSource"}, "nothing says how the time is read from a key"},
		{object{"keyTime": "x"}, []any{"keyTime"}, "the time of a key is not asked for"},
		{object{"lotSource": "key", "keyTime": "("}, []any{"keyTime"}, "\"(\" is not a regular expression: error parsing regexp: missing closing ): `(`"},
		{object{"lotSource": "key", "keyTime": `(?<year>\d{4})(?<month>\d\d)(?<day>\d\d)`}, []any{"keyTime"}, `it has no group "hour", without which nobody knows the lot`},
		{object{"lotSource": "key", "keyTime": `(?<year>.)(?<month>.)(?<day>.)(?<hour>.)(?<second>.)`}, []any{"keyTime"}, `it has a group "second" and none that is called "minute"`},
		{object{"lotSource": "key", "keyTime": `(?<years>.)`}, []any{"keyTime"}, `the group "years" stands for nothing; want one of: year, month, day, hour, minute, second`},
		{object{"lotSource": "key", "keyTime": `(?<year>\d{4})(?<month>\d\d)(?<day>\d\d)(?<hour>\d\d)`}, nil, ""},
	} {
		_, err := Parse(tc.params, time.Hour)
		var got []any
		text := ""
		if e, ok := errors.AsType[*param.Error](err); ok {
			got, text = e.Path, e.Error()
		} else if err != nil {
			t.Errorf("%v: %v", tc.params, err)
		}
		if diff := cmp.Diff(fmt.Sprint(tc.path, tc.want), fmt.Sprint(got, text)); diff != "" {
			t.Errorf("%v: -want +got:\n%s", tc.params, diff)
		}
	}
}

// TestDefaults: without params a boundary waits for the end of a lot, and leaves out what programs leave out.
func TestDefaults(t *testing.T) {
	spec, err := Parse(nil, time.Hour)
	if err != nil || spec.Arrival != Interval || spec.Source != Modified || spec.Lateness != 0 {
		t.Fatalf("%+v, %v", spec, err)
	}
	for key, want := range map[string]bool{"a/b.csv": true, "_SUCCESS": false, "_temporary/0/a": false, "a/.crc": false, ".git/x": false, "a_b": true} {
		if spec.Filter.Match(key) != want {
			t.Errorf("%q is data: %t", key, !want)
		}
	}
}
