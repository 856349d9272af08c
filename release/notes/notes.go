// SPDX-License-Identifier: Apache-2.0

// Package notes reads CHANGELOG.md, whose form is that of Keep a Changelog.
package notes

import (
	"errors"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"time"

	"golang.org/x/mod/semver"
)

// Release is what the changelog says of one.
type Release struct {
	// Version has no v before it; it is empty for what is not released yet.
	Version string
	// Date is when it was released.
	Date time.Time
	// Text is what is below its heading.
	Text string
}

var (
	heading = regexp.MustCompile(`^## \[(Unreleased|\d+\.\d+\.\d+(?:-[0-9A-Za-z.-]+)?)\](?: - (\d{4}-\d{2}-\d{2}))?$`)
	kind    = regexp.MustCompile(`^### (.*)$`)
	kinds   = []string{"Upgrading", "Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
)

// Parse reads a changelog and holds it to its form: what is not released comes first, then the releases, the newest first, each with its
// date, and below each the kinds of change, each once.
func Parse(text string) ([]Release, error) {
	var out []Release
	var wrong []error
	var seen []string
	for number, line := range strings.Split(text, "\n") {
		bad := func(format string, args ...any) {
			wrong = append(wrong, fmt.Errorf("line %d: %s", number+1, fmt.Sprintf(format, args...)))
		}
		if strings.HasPrefix(line, "## ") {
			r, err := release(line)
			switch {
			case err != nil:
				bad("%v", err)
			case len(out) == 0 && r.Version != "":
				bad("the first heading is ## [Unreleased], which is there even if nothing is below it")
			case len(out) > 0 && r.Version == "":
				bad("[Unreleased] is there twice")
			case len(out) > 1 && semver.Compare("v"+r.Version, "v"+out[len(out)-1].Version) >= 0:
				bad("%s is not older than %s above it", r.Version, out[len(out)-1].Version)
			}
			out, seen = append(out, r), nil
			continue
		}
		if m := kind.FindStringSubmatch(line); m != nil {
			switch {
			case len(out) == 0:
				bad("%s belongs to no release", m[1])
			case !slices.Contains(kinds, m[1]):
				bad("%q is no kind of change: choose one of %s", m[1], strings.Join(kinds, ", "))
			case slices.Contains(seen, m[1]):
				bad("%s is there twice in a release", m[1])
			}
			seen = append(seen, m[1])
		}
		if len(out) > 0 {
			out[len(out)-1].Text += line + "\n"
		}
	}
	if len(out) == 0 {
		wrong = append(wrong, errors.New("there is no heading such as ## [1.2.0] - 2026-05-01"))
	}
	for i := range out {
		out[i].Text = strings.TrimSpace(out[i].Text)
	}
	return out, errors.Join(wrong...)
}

func release(line string) (Release, error) {
	m := heading.FindStringSubmatch(line)
	switch {
	case m == nil:
		return Release{}, fmt.Errorf("%q: write ## [1.2.0] - 2026-05-01", line)
	case m[1] == "Unreleased" && m[2] != "":
		return Release{}, errors.New("what is not released has no date")
	case m[1] == "Unreleased":
		return Release{}, nil
	case m[2] == "":
		return Release{}, fmt.Errorf("%s has no date: write ## [%s] - 2026-05-01", m[1], m[1])
	}
	date, err := time.Parse(time.DateOnly, m[2])
	if err != nil {
		return Release{}, fmt.Errorf("the date of %s: %w", m[1], err)
	}
	return Release{Version: m[1], Date: date}, nil
}

// Of is what a changelog says of a version, such as v1.2.0. What is between releases has the notes of what is not released yet.
func Of(releases []Release, version string) (string, error) {
	want := strings.TrimPrefix(version, "v")
	if between.MatchString(version) {
		want = ""
	}
	for _, r := range releases {
		if r.Version != want {
			continue
		}
		if r.Text == "" && want != "" {
			return "", fmt.Errorf("CHANGELOG.md says nothing of %s: move what is below [Unreleased] there", version)
		}
		return r.Text, nil
	}
	return "", fmt.Errorf("CHANGELOG.md has no heading ## [%s]: add it with the date, and move what is below [Unreleased] there", want)
}

// between matches the versions that the toolchain makes of commits without a tag.
var between = regexp.MustCompile(`[.-]\d{14}-[0-9a-f]{12}(\+.*)?$`)
