// SPDX-License-Identifier: Apache-2.0

package glob_test

import (
	"regexp"
	"strings"
	"testing"

	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/glob"
)

// TestMatch: a star is what ".*" is in a regular expression, and all else is itself.
func TestMatch(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		pattern := rapid.StringMatching(`[ab*]{0,6}`).Draw(t, "pattern")
		name := rapid.StringMatching(`[ab]{0,6}`).Draw(t, "name")
		want := regexp.MustCompile(`^` + strings.ReplaceAll(pattern, "*", ".*") + `$`).MatchString(name)
		if got := glob.Match(pattern, name); got != want {
			t.Errorf("%q matches %q: got %v, want %v", pattern, name, got, want)
		}
	})
}
