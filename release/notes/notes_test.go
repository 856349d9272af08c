// SPDX-License-Identifier: Apache-2.0

package notes

import (
	"os"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
)

// TestChangelog holds this repository's own changelog to its form.
func TestChangelog(t *testing.T) {
	text, err := os.ReadFile("../../CHANGELOG.md")
	if err != nil {
		t.Fatal(err)
	}
	if _, err := Parse(string(text)); err != nil {
		t.Errorf("CHANGELOG.md:\n%v", err)
	}
}

const good = `# Changelog

Words.

## [Unreleased]

### Added

- Next.

## [1.10.0] - 2026-07-02

### Upgrading

- Set a.

### Fixed

- b.

## [1.9.0-rc.1] - 2026-05-01

First.
`

func TestParse(t *testing.T) {
	got, err := Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	var flat []string
	for _, r := range got {
		flat = append(flat, r.Version+"|"+r.Date.Format("2006-01-02")+"|"+r.Text)
	}
	want := []string{"|0001-01-01|### Added\n\n- Next.", "1.10.0|2026-07-02|### Upgrading\n\n- Set a.\n\n### Fixed\n\n- b.", "1.9.0-rc.1|2026-05-01|First."}
	if diff := cmp.Diff(want, flat); diff != "" {
		t.Error(diff)
	}
}

func TestParseRefuses(t *testing.T) {
	for _, tt := range []struct{ name, reason, text, want string }{
		{"nothing", "an empty file has no release", "", "no heading"},
		{"no date", "a release has a date", "## [Unreleased]\n## [1.0.0]\n", "line 2: 1.0.0 has no date"},
		{"a date too much", "what is next has none", "## [Unreleased] - 2026-05-01\n", "has no date"},
		{"a day that is none", "", "## [Unreleased]\n## [1.0.0] - 2026-02-30\n", "the date of 1.0.0"},
		{"a v", "tags have it, headings have not", "## [Unreleased]\n## [v1.0.0] - 2026-05-01\n", "write ## [1.2.0]"},
		{"order", "the newest first, by number", "## [Unreleased]\n## [1.9.0] - 2026-05-01\n## [1.10.0] - 2026-06-01\n", "1.10.0 is not older than 1.9.0"},
		{"twice", "", "## [Unreleased]\n## [1.9.0] - 2026-05-01\n## [1.9.0] - 2026-05-01\n", "is not older"},
		{"no place for the next", "a change has to have somewhere to go", "## [1.9.0] - 2026-05-01\n", "the first heading is ## [Unreleased]"},
		{"the next twice", "", "## [Unreleased]\n## [Unreleased]\n", "twice"},
		{"a kind that is none", "people look for the usual ones", "## [Unreleased]\n### Improved\n", "\"Improved\" is no kind"},
		{"a kind twice", "a merge of two branches makes it", "## [Unreleased]\n### Added\n### Fixed\n### Added\n", "line 4: Added is there twice"},
		{"a change of no release", "", "### Added\n", "belongs to no release"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			if _, err := Parse(tt.text); err == nil || !strings.Contains(err.Error(), tt.want) {
				t.Errorf("%s: error %v, want one that says %q", tt.reason, err, tt.want)
			}
		})
	}
}

func TestOf(t *testing.T) {
	releases, err := Parse(good)
	if err != nil {
		t.Fatal(err)
	}
	for _, tt := range []struct{ name, version, want, wrong string }{
		{"a release", "v1.9.0-rc.1", "First.", ""},
		{"of a commit after a release", "v1.10.1-0.20260703000000-0123456789ab", "### Added\n\n- Next.", ""},
		{"of a commit before all", "v0.0.0-20260703000000-0123456789ab", "### Added\n\n- Next.", ""},
		{"without notes", "v2.0.0", "", "add it with the date"},
	} {
		t.Run(tt.name, func(t *testing.T) {
			got, err := Of(releases, tt.version)
			if got != tt.want || (err == nil) != (tt.wrong == "") || err != nil && !strings.Contains(err.Error(), tt.wrong) {
				t.Errorf("got %q, %v", got, err)
			}
		})
	}
	if _, err := Of([]Release{{}, {Version: "1.0.0"}}, "v1.0.0"); err == nil || !strings.Contains(err.Error(), "says nothing") {
		t.Errorf("a release without notes: %v", err)
	}
}

func FuzzParse(f *testing.F) {
	f.Add(good)
	f.Add("## [Unreleased]\n### Added")
	f.Fuzz(func(t *testing.T, text string) {
		releases, err := Parse(text)
		if err == nil && len(releases) == 0 {
			t.Error("there is nothing, and no error")
		}
		for _, r := range releases {
			if strings.Contains(r.Text, "\n## [") {
				t.Errorf("the text of %q goes on into the next", r.Version)
			}
		}
	})
}
