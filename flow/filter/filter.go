// SPDX-License-Identifier: Apache-2.0

// Package filter chooses objects by their paths.
//
// It is pure. Of Trunkline it imports api/pattern only.
package filter

import (
	"fmt"
	"regexp"

	"trunkline.dev/trunkline/api/pattern"
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
		if len(p) > maxPattern {
			return nil, fmt.Errorf("%s[%d]: the pattern %.100q is longer than %d bytes", list, i, p, maxPattern)
		}
		var err error
		if out[i], err = pattern.Compile(p, ignoreCase); err != nil {
			return nil, fmt.Errorf("%s[%d]: the pattern %.100q %w", list, i, p, err)
		}
	}
	return out, nil
}
