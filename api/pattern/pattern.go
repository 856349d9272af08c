// SPDX-License-Identifier: Apache-2.0

// Package pattern reads the patterns of paths that Ant has and Clusterless: "?" is one character and "*" any number of them within a part of
// a path, and "**" as a whole part is any number of parts, also none. All other characters are themselves. What is written as in other
// kinds of pattern, such as a class, is refused: it would match something else than is meant, or nothing.
//
// It is pure, and imports nothing of Trunkline.
package pattern

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// class is what other kinds of pattern have for a choice.
var class = regexp.MustCompile(`\[[^\]/]+\]|\{[^}/]*,[^}/]*\}`)

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
	case class.MatchString(pattern):
		return nil, fmt.Errorf("has %s, and there are no choices: write ? for one character, * for several, or a pattern for each", class.FindString(pattern))
	}
	for part := range strings.SplitSeq(pattern, "/") {
		switch {
		case part == "." || part == "..":
			return nil, fmt.Errorf("has the part %s, which no path has", part)
		case part != "**" && strings.Contains(part, "**"):
			return nil, fmt.Errorf("has ** in %q, where it would be one *: write * within a part, and ** as a whole part, as in \"**/*.csv\"", part)
		}
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
