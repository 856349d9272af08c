// SPDX-License-Identifier: Apache-2.0

package pattern_test

import (
	"testing"

	"trunkline.dev/trunkline/api/pattern"
)

// TestCompileRefuses what never matches, and what means something else in the patterns of shells or Git.
func TestCompileRefuses(t *testing.T) {
	for text, want := range map[string]string{
		"":            "is empty",
		"/x":          "begins with /, and no path does",
		"a//b":        "has a part without a name",
		"../x":        "has the part .., which no path has",
		"a/../b":      "has the part .., which no path has",
		"./x":         "has the part ., which no path has",
		"a**b":        `has ** in "a**b", where it would be one *: write * within a part, and ** as a whole part, as in "**/*.csv"`,
		"in/**.csv":   `has ** in "**.csv", where it would be one *: write * within a part, and ** as a whole part, as in "**/*.csv"`,
		"***":         `has ** in "***", where it would be one *: write * within a part, and ** as a whole part, as in "**/*.csv"`,
		"[a]":         "has [a], and there are no choices: write ? for one character, * for several, or a pattern for each",
		"day=[0-9]/x": "has [0-9], and there are no choices: write ? for one character, * for several, or a pattern for each",
		"*.{csv,tsv}": "has {csv,tsv}, and there are no choices: write ? for one character, * for several, or a pattern for each",
	} {
		if _, err := pattern.Compile(text, false); err == nil || err.Error() != want {
			t.Errorf("%q: the error is %v, want %s", text, err, want)
		}
	}
	for _, text := range []string{"**", "**/*.csv", "a/**/b", "..x", "x..", "a[b", "{lot}", "$a", "a/", "*", "?"} {
		if _, err := pattern.Compile(text, false); err != nil {
			t.Errorf("%q: %v", text, err)
		}
	}
}
