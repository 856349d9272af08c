// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"errors"
	"fmt"
	"io/fs"
	"net/url"
	"path"
	"regexp"
	"strings"
)

// errRemote is why an entry is refused that Kustomize would fetch.
//
//nolint:staticcheck // Trunkline is a name
var errRemote = errors.New("Trunkline fetches nothing while it renders: commit the files to the repository and name their path, " +
	"with \"./\" in front if it looks like a URL")

// Kustomize takes an entry for a repository or a URL also when the tree has a path of the same name. What
// matters is how it begins, which is with a scheme, a user or GitHub's host; letter case does not.
var (
	userAtHost = regexp.MustCompile(`^[^/]*@`)
	githubHost = regexp.MustCompile(`(?i)^(www\.)?github\.com(/|:|$)`)
	scheme     = regexp.MustCompile(`(?i)^([a-z][a-z0-9+.-]*::|[a-z][a-z0-9+.-]*://|https?:|file:|ssh:|git:)`)
)

// remote reports whether an entry could be taken for something to fetch. A path that begins like that can be written with
// "./" in front. Two slashes in a row, and a colon or question mark elsewhere, are parts of a path.
func remote(entry string) bool {
	return strings.Contains(entry, `\`) || strings.Contains(entry, "://") || scheme.MatchString(entry) ||
		userAtHost.MatchString(entry) || githubHost.MatchString(entry)
}

// fetched reports whether Kustomize would load an entry over HTTP, where it wants a file.
func fetched(entry string) bool {
	u, err := url.Parse(entry)
	return err == nil && (u.Scheme == "http" || u.Scheme == "https")
}

// locate returns the path in the tree of an entry. As Kustomize does, it looks for a file first, unless the entry is a URL;
// then it takes what looks like a repository for one, and looks for a folder last. disguised says that it is a file that looks
// like a repository: [kustomization.plainly] has to write it.
func (k kustomization) locate(entry string) (full string, disguised bool, err error) {
	full, err = join(k.dir, entry)
	if !errors.Is(err, errRemote) || fetched(entry) || path.IsAbs(entry) {
		return full, false, err
	}
	file := path.Join(k.dir, entry)
	if !fs.ValidPath(file) {
		return "", false, err
	}
	if _, missing := k.files.ReadFile(path.Join(treeRoot, file)); missing != nil {
		return "", false, err
	}
	return file, true, nil
}

// plainly writes a file that looks like a repository as a path, which Kustomize cannot take for anything else: it fetches a
// repository also if there is something wrong with the file.
func (k kustomization) plainly(entry string) string {
	*k.altered = true
	return "./" + entry
}

// join returns the path in the tree of an entry in a kustomization in dir.
func join(dir, entry string) (string, error) {
	switch {
	case entry == "":
		return "", errors.New("is empty")
	case len(entry) > 1000 || strings.ContainsFunc(entry, func(r rune) bool { return r < ' ' || r == 0x7f }):
		return "", errors.New("is not a path")
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
