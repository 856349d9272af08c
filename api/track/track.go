// SPDX-License-Identifier: Apache-2.0

// Package track decides which tag of a repository an image that is followed means: a tag itself, or the newest version of a
// semver range. It is pure.
//
// Of Trunkline it may import api/v1alpha1.
package track

import (
	"fmt"
	"regexp"
	"strings"

	"github.com/Masterminds/semver/v3"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// maxLength bounds ranges and the names of repositories, which are as long as that in no registry.
const maxLength = 255

// Track is what is followed of a repository.
type Track struct {
	tag    string
	within *semver.Constraints
}

// Parse reads a tag or a semver range. What could be a tag is one.
func Parse(text string) (Track, error) {
	if v1alpha1.IsTag(text) {
		return Track{tag: text}, nil
	}
	if len(text) > maxLength {
		return Track{}, fmt.Errorf("a range has at most %d characters", maxLength)
	}
	within, err := semver.NewConstraint(text)
	if err != nil {
		return Track{}, fmt.Errorf("%q is neither a tag nor a semver range", text)
	}
	return Track{within: within}, nil
}

// Range reports whether it is a range, for which the tags of the repository are listed.
func (t Track) Range() bool { return t.within != nil }

// Tag is the tag that is followed; empty for a range.
func (t Track) Tag() string { return t.tag }

// Newest returns the highest version of a range among tags. Only whole versions count, such as "1.4.2" and "v1.4.2"; versions
// before a release only if the range names one.
func (t Track) Newest(tags []string) (string, bool) {
	var best *semver.Version
	newest := ""
	for _, tag := range tags {
		v, ok := version(tag)
		if !ok || t.within == nil || !t.within.Check(v) {
			continue
		}
		// The same version may have two tags, and each look has to find the same one.
		if best == nil || v.GreaterThan(best) || v.Equal(best) && tag < newest {
			best, newest = v, tag
		}
	}
	return newest, best != nil
}

// Back reports whether a tag is a lower version than the one in force, although that is in the range. A registry from which a tag
// is gone says so, and is not followed back.
func (t Track) Back(inForce, to string) bool {
	was, ok := version(inForce)
	is, known := version(to)
	return t.within != nil && ok && known && t.within.Check(was) && is.LessThan(was)
}

// version reads a tag that is a whole version.
func version(tag string) (*semver.Version, bool) {
	v, err := semver.StrictNewVersion(strings.TrimPrefix(tag, "v"))
	return v, err == nil
}

var (
	repositoryForm = regexp.MustCompile(`^([A-Za-z0-9-]+(?:\.[A-Za-z0-9-]+)*(?::[0-9]{1,5})?)/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*(?:/[a-z0-9]+(?:(?:[._]|__|-+)[a-z0-9]+)*)*$`)
	digestForm     = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// Registry returns the registry of a repository, such as "ghcr.io"; ok is false if the repository does not name one.
func Registry(repository string) (registry string, ok bool) {
	m := repositoryForm.FindStringSubmatch(repository)
	if m == nil || len(repository) > maxLength || !strings.ContainsAny(m[1], ".:") && m[1] != "localhost" {
		return "", false
	}
	return m[1], true
}

// IsDigest reports whether a text is the digest of an image.
func IsDigest(text string) bool { return digestForm.MatchString(text) }
