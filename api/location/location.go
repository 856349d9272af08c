// SPDX-License-Identifier: Apache-2.0

// Package location reads the addresses of folders of object stores, such as "s3://lake/orders/".
//
// It is pure, and imports nothing of Trunkline.
package location

import (
	"fmt"
	"slices"
	"strings"
	"unicode"
)

// Location is where a folder is.
type Location struct {
	// Scheme is that of the store's own address: "s3a", as Spark calls it, is "s3".
	Scheme string
	// Bucket is empty for a folder of this machine.
	Bucket string
	// Folder is the path below the bucket or on the disk; it is empty, or ends in "/".
	Folder string
}

// schemes are the kinds of store.
var schemes = []string{"s3", "gs", "azblob", "file"}

// String is the address of the folder, which ends in "/".
func (l Location) String() string { return l.Scheme + "://" + l.Bucket + "/" + l.Folder }

// Parse reads an address. One that could be read in two ways is refused, and so is one with credentials; no error shows
// any.
func Parse(address string) (Location, error) {
	scheme, rest, ok := strings.Cut(address, "://")
	if !ok {
		return Location{}, fmt.Errorf("the location %q is no address of a store, such as s3://bucket/folder/", hidden(address))
	}
	bad := func(why string, a ...any) (Location, error) {
		return Location{}, fmt.Errorf("the location %q %s", hidden(scheme)+"://"+hidden(rest), fmt.Sprintf(why, a...))
	}
	l := Location{Scheme: scheme}
	l.Bucket, l.Folder, _ = strings.Cut(rest, "/")
	if scheme == "s3a" || scheme == "s3n" {
		l.Scheme = "s3"
	}
	if !slices.Contains(schemes, l.Scheme) {
		return bad("is in a kind of store that is not known; want one of: %s", strings.Join(schemes, ", "))
	}
	if l.Folder != "" && !strings.HasSuffix(l.Folder, "/") {
		l.Folder += "/"
	}
	parts := strings.Split(strings.TrimSuffix(l.Folder, "/"), "/")
	switch {
	case l.Bucket == "" && l.Scheme != "file", l.Bucket != "" && l.Scheme == "file":
		return bad("names no bucket; a folder of this machine is written file:///folder/")
	case strings.ContainsAny(l.Bucket, "?#@:%") || strings.ContainsFunc(l.Bucket, unreadable):
		return bad("names no bucket: no name of one has any of ?#@:%%; credentials are those of the cloud's own tools")
	case l.Scheme == "file" && l.Folder == "":
		return bad("is a whole disk; name a folder of it")
	case l.Folder != "" && slices.ContainsFunc(parts, func(s string) bool { return s == "" || s == "." || s == ".." }):
		return bad(`is no folder of a store: a part of it is empty, "." or ".."`)
	case strings.ContainsAny(l.Folder, "?#") || strings.ContainsFunc(l.Folder, unreadable):
		return bad("has a character that no folder should have: one of ?#, or one that cannot be seen")
	}
	return l, nil
}

func unreadable(r rune) bool {
	return unicode.IsControl(r) || unicode.Is(unicode.Cf, r) || r == unicode.ReplacementChar
}

// hidden leaves what may be credentials out of a text: what is before an "@", and what is behind a "?".
func hidden(text string) string {
	if at := strings.LastIndexByte(text, '@'); at >= 0 {
		text = "***" + text[at:]
	}
	if at := strings.IndexAny(text, "?#"); at >= 0 {
		text = text[:at+1] + "***"
	}
	if len(text) > 200 {
		text = strings.ToValidUTF8(text[:200], "") + "…"
	}
	return text
}
