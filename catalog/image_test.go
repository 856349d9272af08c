// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"strings"
	"testing"
)

// TestFollowedImages holds what is refused of an image that is followed, wherever it is declared, and what it is otherwise.
func TestFollowedImages(t *testing.T) {
	digest := "sha256:" + strings.Repeat("0f", 32)
	for name, tc := range map[string]struct {
		reason, image string
		// want is what runs, and says the problem.
		want, says string
	}{
		"Tag":       {"A tag without a digest is named by the tag.", "repository: r.example/a, track: stable", "r.example/a:stable", ""},
		"Digest":    {"The digest is in force.", "repository: r.example/a, track: stable, digest: '" + digest + "'", "r.example/a:stable@" + digest, ""},
		"Range":     {"The version is in force.", "repository: r.example/a, track: '^1.4', tag: 1.4.2", "r.example/a:1.4.2", ""},
		"Bare":      {"A range is no image.", "repository: r.example/a, track: '^1.4'", "", "a range alone is not an image"},
		"NoHost":    {"It is not known whom to ask.", "repository: acme/a, track: stable", "", "is not a repository of images that can be followed"},
		"Tagged":    {"There would be two tags.", "repository: 'r.example/a:1', track: stable", "", "is not a repository of images that can be followed"},
		"NoTrack":   {"A mapping says what is followed.", "repository: r.example/a", "", `the field "track" is missing`},
		"BadTrack":  {"It is neither.", "repository: r.example/a, track: 'a b'", "", "is neither a tag nor a semver range"},
		"TwoTags":   {"The tag is what is followed.", "repository: r.example/a, track: stable, tag: other", "", "the tag in force is that of a range"},
		"BadTag":    {"It would be something else in a reference.", "repository: r.example/a, track: '^1', tag: 'a@b'", "", "is not a tag"},
		"BadDigest": {"It would be something else in a reference.", "repository: r.example/a, track: stable, digest: 'sha256:0'", "", "is not a digest"},
	} {
		t.Run(name, func(t *testing.T) {
			for place, put := range map[string]func(string) edit{"override": override, "project": ofProject, "own": own} {
				edited := put("image: {" + tc.image + "}")
				if tc.says == "" {
					if got := workload(t, devOne, "land", edited).Image; got != tc.want {
						t.Errorf("%s, %s: it is %q, want %q", place, tc.reason, got, tc.want)
					}
					continue
				}
				_, problems := load(t, mapFS(change(t, edited)))
				if !problems.Denied() || !strings.Contains(problems.String(), tc.says) {
					t.Errorf("%s, %s: it says\n%s, want %s", place, tc.reason, problems, tc.says)
				}
			}
		})
	}
}
