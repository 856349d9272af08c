// SPDX-License-Identifier: Apache-2.0

package main

import (
	"testing"
	"time"
)

// TestCovered: times that overlap count once, and what is outside of the whole does not count.
func TestCovered(t *testing.T) {
	start := time.Now()
	at := func(s int) time.Time { return start.Add(time.Duration(s) * time.Second) }
	of := func(from, to int) ask { return ask{from: at(from), to: at(to)} }
	for _, test := range []struct {
		reason string
		calls  []ask
		want   int
	}{
		{"nothing was asked", nil, 0},
		{"one after the other, in any order", []ask{of(15, 17), of(11, 12)}, 3},
		{"two at once", []ask{of(11, 14), of(12, 16)}, 5},
		{"one within another", []ask{of(11, 18), of(12, 13), of(14, 15)}, 7},
		{"before, after, and over the ends", []ask{of(1, 5), of(8, 11), of(19, 25), of(30, 31)}, 2},
		{"over all of it", []ask{of(1, 31)}, 10},
	} {
		if got := covered(test.calls, at(10), at(20)); got != time.Duration(test.want)*time.Second {
			t.Errorf("%s: got %s, want %d s", test.reason, got, test.want)
		}
	}
}

func TestKind(t *testing.T) {
	for path, want := range map[string]string{
		"/api/v3/repos/acme/platform/pulls/7/reviews":           "/pulls/…/reviews",
		"/api/v3/repos/acme/platform/commits/0a1b2c/check-runs": "/commits/…/check-runs",
		"/api/v3/orgs/acme/teams/team/memberships/olga":         "/orgs/acme/teams/team/memberships/olga",
		"/acme/platform.git/git-upload-pack":                    "/acme/platform.git/git-upload-pack",
		"/api/v3/app/installations/12/access_tokens":            "/app/installations/…/access_tokens",
	} {
		if got := kind(path); got != want {
			t.Errorf("%s: got %q, want %q", path, got, want)
		}
	}
}
