// SPDX-License-Identifier: Apache-2.0

// Package filter chooses objects by their paths, with the patterns that Ant has and Clusterless: "?" is one character of a name, "*" any
// number of them, and "**" any number of folders.
//
// It is pure, and imports nothing of Trunkline.
package filter

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Spec says which paths are chosen. The zero value chooses all.
type Spec struct {
	// Includes are patterns of which a path has to match one; none: every path is.
	Includes []string `json:"includes"`
	// Excludes are patterns of which a path may match none.
	Excludes []string `json:"excludes"`
	// IgnoreCase has capital letters match small ones.
	IgnoreCase bool `json:"ignoreCase"`
}

// Filter chooses paths.
type Filter struct{ includes, excludes []*regexp.Regexp }

const (
	// maxPatterns and maxPattern bound what a filter has; each path is compared with all of it.
	maxPatterns = 1000
	maxPattern  = 1024
)

// New reads the patterns.
func New(s Spec) (Filter, error) {
	includes, err := compile("includes", s.Includes, s.IgnoreCase)
	if err != nil {
		return Filter{}, err
	}
	excludes, err := compile("excludes", s.Excludes, s.IgnoreCase)
	return Filter{includes, excludes}, err
}

// Match reports whether a path such as "day=1/a.csv" is chosen.
func (f Filter) Match(path string) bool {
	return (len(f.includes) == 0 || matches(f.includes, path)) && !matches(f.excludes, path)
}

func matches(patterns []*regexp.Regexp, path string) bool {
	for _, p := range patterns {
		if p.MatchString(path) {
			return true
		}
	}
	return false
}

func compile(list string, patterns []string, ignoreCase bool) ([]*regexp.Regexp, error) {
	if len(patterns) > maxPatterns {
		return nil, fmt.Errorf("%s has %d patterns; the limit is %d", list, len(patterns), maxPatterns)
	}
	out := make([]*regexp.Regexp, len(patterns))
	for i, p := range patterns {
		text, err := expression(p)
		if err != nil {
			return nil, fmt.Errorf("%s[%d]: the pattern %.100q %w", list, i, p, err)
		}
		if ignoreCase {
			text = "(?i)" + text
		}
		if out[i], err = regexp.Compile("(?s)^(?:" + text + ")$"); err != nil {
			return nil, fmt.Errorf("%s[%d]: the pattern %.100q: %w", list, i, p, err)
		}
	}
	return out, nil
}

// expression writes a pattern as a regular expression.
func expression(pattern string) (string, error) {
	switch {
	case pattern == "":
		return "", errors.New("is empty")
	case len(pattern) > maxPattern:
		return "", fmt.Errorf("is longer than %d bytes", maxPattern)
	case strings.HasPrefix(pattern, "/"):
		return "", errors.New(`begins with "/": paths are relative to the folder of the data`)
	}
	if strings.HasSuffix(pattern, "/") {
		pattern += "**" // a folder is all that is in it
	}
	segments := strings.Split(pattern, "/")
	var b strings.Builder
	for i, segment := range segments {
		last := i == len(segments)-1
		switch {
		case segment == "**" && last && i == 0:
			b.WriteString(".*")
		case segment == "**" && last:
			// "a/**" is also "a" itself: the "/" before it goes with it.
			text := strings.TrimSuffix(b.String(), "/")
			b.Reset()
			b.WriteString(text + "(?:/.*)?")
		case segment == "**":
			b.WriteString("(?:[^/]*/)*")
		default:
			b.WriteString(name(segment))
			if !last {
				b.WriteString("/")
			}
		}
	}
	return b.String(), nil
}

// name writes the pattern of a name. Within one, "**" is "*".
func name(pattern string) string {
	var b strings.Builder
	for _, r := range pattern {
		switch r {
		case '?':
			b.WriteString("[^/]")
		case '*':
			b.WriteString("[^/]*")
		default:
			b.WriteString(regexp.QuoteMeta(string(r)))
		}
	}
	return b.String()
}
