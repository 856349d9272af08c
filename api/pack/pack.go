// SPDX-License-Identifier: Apache-2.0

// Package pack says what shared packages are made of: their folders, their versions, and what identifies what a version holds.
//
// It is pure, and imports the standard library only.
package pack

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"maps"
	"path"
	"regexp"
	"slices"
	"strings"
)

const (
	// Folder is where a program finds packages, in the folder that it starts in.
	Folder = "packages"
	// Source is the folder beside the declaration of a package with what is not released.
	Source = "src"
	// Versions is the folder beside it with the folders of versions.
	Versions = "versions"
	// Trial is how what is not released is called as a version.
	Trial = "trial"
)

var (
	version = regexp.MustCompile(`^(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})\.(0|[1-9][0-9]{0,8})(-[0-9A-Za-z]+([.-][0-9A-Za-z]+)*)?$`)
	digest  = regexp.MustCompile(`^sha256:[0-9a-f]{64}$`)
)

// IsVersion reports whether a text is a semantic version, without what only a build knows.
func IsVersion(text string) bool { return len(text) <= 64 && version.MatchString(text) }

// IsDigest reports whether a text is a digest.
func IsDigest(text string) bool { return digest.MatchString(text) }

// Dir is the folder with what a version holds, beside the declaration of its package.
func Dir(version string) string {
	if version == Trial {
		return Source
	}
	return path.Join(Versions, version)
}

// Leavings reports whether a file or folder is what Python leaves behind by itself: it is no part of a package.
func Leavings(name string) bool {
	return name == "__pycache__" || strings.HasSuffix(name, ".pyc")
}

// Digest identifies files, by their paths in the package.
func Digest(files map[string][]byte) string {
	sum := sha256.New()
	for _, name := range slices.Sorted(maps.Keys(files)) {
		_, _ = fmt.Fprintf(sum, "%d %s %d\n%s", len(name), name, len(files[name]), files[name]) // which a hash cannot fail to take
	}
	return "sha256:" + hex.EncodeToString(sum.Sum(nil))
}
