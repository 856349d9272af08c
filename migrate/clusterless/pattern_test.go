// SPDX-License-Identifier: Apache-2.0

package clusterless

import (
	"testing"

	"pgregory.net/rapid"

	"trunkline.dev/trunkline/api/pattern"
)

// TestTranslated: a pattern matches here what it matches in Clusterless, and is one that is not refused.
func TestTranslated(t *testing.T) {
	for was, want := range map[string]string{
		"**/*.csv":  "**/*.csv", // most are the same
		"a/":        "a/",
		"[a":        "[a",
		"**.csv":    "*.csv", // two stars within a part are one
		"a/b***/**": "a/b*/**",
		"***":       "*",
		"a//b":      "a/b", // an empty part is none
		"a//":       "a/",
		"[ab]":      "?ab?", // there are no choices
		"{a,b}/**x": "?a,b?/*x",
		"":          "", // these match nothing
		"/":         "",
		"/x":        "",
		"./x":       "",
		"a/../b":    "",
	} {
		now, why := translated(was)
		if now != want || (now == was && was != "") != (why == "") {
			t.Errorf("%q becomes %q, want %q: %s", was, now, want, why)
		}
	}
	rapid.Check(t, func(t *rapid.T) {
		was := rapid.StringMatching(`[a.*?/{},\[\]]{0,12}`).Draw(t, "pattern")
		now, why := translated(was)
		if _, err := pattern.Compile(now, false); now != "" && err != nil {
			t.Errorf("%q becomes %q, which %v", was, now, err)
		}
		if now != was && why == "" {
			t.Errorf("%q becomes %q without a word", was, now)
		}
	})
}
