// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"errors"
	"fmt"
	"io/fs"
	"path"
	"regexp"
	"strings"
)

// errRemote is why an entry is refused that Kustomize would fetch.
//
//nolint:staticcheck // Trunkline is a name
var errRemote = errors.New("Trunkline fetches nothing while it renders: commit the files to the repository and name their path")

// Kustomize takes an entry for a repository or a URL also when the tree has a path of the same name. What
// matters is how it begins; letter case does not.
var (
	userAtHost = regexp.MustCompile(`^[^/]*@`)
	githubHost = regexp.MustCompile(`(?i)^github\.com(/|:|$)`)
)

// remote reports whether an entry could be taken for something to fetch. A path that has any of these is rare
// enough to be refused with the rest; it can be written with "./" in front, apart from those with a colon, a
// question mark or two slashes in a row.
func remote(entry string) bool {
	return strings.ContainsAny(entry, ":?\\") || strings.Contains(entry, "//") ||
		userAtHost.MatchString(entry) || githubHost.MatchString(entry)
}

// join returns the path in the tree of an entry in a kustomization in dir.
func join(dir, entry string) (string, error) {
	switch {
	case entry == "":
		return "", errors.New("is empty")
	case len(entry) > 1000 || strings.ContainsFunc(entry, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", errors.New("is no path")
	case remote(entry):
		return "", fmt.Errorf("%q is remote, or looks like it: %w", entry, errRemote)
	case path.IsAbs(entry):
		return "", fmt.Errorf("%q is absolute: paths are relative to the kustomization", entry)
	}
	full := path.Join(dir, entry)
	if !fs.ValidPath(full) {
		return "", fmt.Errorf("%q leads out of the repository", entry)
	}
	return full, nil
}
