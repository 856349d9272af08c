// SPDX-License-Identifier: Apache-2.0

package track_test

import (
	"testing"

	"trunkline.dev/trunkline/api/track"
)

func TestNewest(t *testing.T) {
	t.Parallel()
	for name, tc := range map[string]struct {
		reason, follows string
		tags            []string
		want            string
	}{
		"Highest":     {"Versions are no texts.", "^1.4", []string{"1.9.0", "1.10.0", "1.4.0"}, "1.10.0"},
		"Within":      {"Others are not in the range.", "^1.4", []string{"1.3.9", "2.0.0", "1.4.0"}, "1.4.0"},
		"Wildcard":    {"A star is a range.", "1.4.*", []string{"1.4.3", "1.5.0"}, "1.4.3"},
		"Equal":       {"A sign before what could be a tag makes it a range.", "=1.x", []string{"1.4.3", "1.5.0", "2.0.0"}, "1.5.0"},
		"Prefix":      {"Many repositories write a v.", ">=1", []string{"v1.2.3", "latest"}, "v1.2.3"},
		"Twice":       {"The order of tags does not matter.", ">=1", []string{"v1.2.3", "1.2.3"}, "1.2.3"},
		"TwiceTurned": {"The order of tags does not matter.", ">=1", []string{"1.2.3", "v1.2.3"}, "1.2.3"},
		"Parts":       {"1.9 moves along, and is no version.", "^1", []string{"1.9", "1", "1.8.2"}, "1.8.2"},
		"Before":      {"What comes before a release is no release.", "^1", []string{"1.0.0", "1.1.0-rc.1"}, "1.0.0"},
		"Asked":       {"Unless it is asked for.", ">=1.0.0-0", []string{"1.0.0", "1.1.0-rc.1"}, "1.1.0-rc.1"},
		"None":        {"There is none.", "^3", []string{"1.0.0"}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			follows, err := track.Parse(tc.follows)
			if err != nil || !follows.Range() {
				t.Fatalf("%q is no range: %v", tc.follows, err)
			}
			if got, ok := follows.Newest(tc.tags); got != tc.want || ok != (tc.want != "") {
				t.Errorf("%s Newest is %q", tc.reason, got)
			}
		})
	}
}

func TestParse(t *testing.T) {
	t.Parallel()
	for text, want := range map[string]string{
		"stable": "tag", "1.4": "tag", "1.x": "tag", "v2": "tag", "^1": "range", "~1.4.2": "range", ">=1 <2": "range", "1.4.*": "range", "*": "range",
		"": "error", "two words": "error", "^": "error", "a/b": "error", "stable@sha256:1": "error",
	} {
		got := "tag"
		switch follows, err := track.Parse(text); {
		case err != nil:
			got = "error"
		case follows.Range():
			got = "range"
		}
		if got != want {
			t.Errorf("%q is a %s, want %s", text, got, want)
		}
	}
}

func TestRegistry(t *testing.T) {
	t.Parallel()
	for repository, want := range map[string]string{
		"ghcr.io/acme/orders": "ghcr.io", "docker.io/library/postgres": "docker.io", "localhost:5000/a": "localhost:5000", "localhost/a": "localhost", "r.example:443/a_b/c.d--e": "r.example:443",
		"acme/orders": "", "postgres": "", "ghcr.io": "", "ghcr.io/": "", "ghcr.io/Orders": "", "ghcr.io/a:1": "", "ghcr.io/a@sha256:1": "", "https://ghcr.io/a": "",
		"user:pw@ghcr.io/a": "", "ghcr.io/../a": "", "ghcr.io/a?b": "", "": "",
	} {
		if got, ok := track.Registry(repository); got != want || ok != (want != "") {
			t.Errorf("the registry of %q is %q, want %q", repository, got, want)
		}
	}
}
