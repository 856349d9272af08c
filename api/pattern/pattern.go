// SPDX-License-Identifier: Apache-2.0

// Package pattern reads the patterns of paths that Ant has and Clusterless: "?" is one character and "*" any number of them within a part of
// a path, and "**" as a whole part is any number of parts, also none. All other characters are themselves.
//
// It is pure, and imports nothing of Trunkline.
package pattern

import (
	"errors"
	"regexp"
	"strings"
)

// Compile writes a pattern as an expression of RE2, which takes time in proportion to the path whatever the pattern is. An error says
// what the pattern is, as in "is empty".
func Compile(pattern string, ignoreCase bool) (*regexp.Regexp, error) {
	switch {
	case pattern == "":
		return nil, errors.New("is empty")
	case strings.HasPrefix(pattern, "/"):
		return nil, errors.New("begins with /, and no path does")
	case strings.Contains(pattern, "//"):
		return nil, errors.New("has a part without a name")
	}
	if strings.HasSuffix(pattern, "/") {
		pattern += "**" // as Ant reads it
	}
	var e strings.Builder
	e.WriteString("(?s")
	if ignoreCase {
		e.WriteString("i")
	}
	e.WriteString(")^")
	parts := collapsed(strings.Split(pattern, "/"))
	separated := true
	for i, part := range parts {
		last := i == len(parts)-1
		switch {
		case part == "**" && last && separated:
			e.WriteString(".*")
		case part == "**" && last:
			e.WriteString("(?:/.*)?")
		case part == "**" && separated:
			e.WriteString("(?:.*/)?")
		case part == "**":
			e.WriteString("/(?:.*/)?")
			separated = true
		default:
			if !separated {
				e.WriteString("/")
			}
			for _, r := range part {
				switch r {
				case '*':
					e.WriteString("[^/]*")
				case '?':
					e.WriteString("[^/]")
				default:
					e.WriteString(regexp.QuoteMeta(string(r)))
				}
			}
			separated = false
		}
	}
	e.WriteString("$")
	compiled, err := regexp.Compile(e.String())
	if err != nil {
		return nil, errors.New("is too long")
	}
	return compiled, nil
}

// collapsed writes "**" in a row as one.
func collapsed(parts []string) []string {
	out := parts[:0]
	for _, part := range parts {
		if part != "**" || len(out) == 0 || out[len(out)-1] != "**" {
			out = append(out, part)
		}
	}
	return out
}
