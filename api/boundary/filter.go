// SPDX-License-Identifier: Apache-2.0

package boundary

import (
	"errors"
	"fmt"
	"regexp"
	"strings"
)

// Hidden are the patterns of what is no data unless something else is said: what has a part that begins with "_" or ".".
func Hidden() []string { return []string{"**/_*", "**/_*/**", "**/.*", "**/.*/**"} }

// Filter says which keys are data, by Ant patterns as Clusterless has them: "?" is one character and "*" any number of them within a
// part of a key, and "**" as a whole part is any number of parts, also none. All other characters are themselves.
type Filter struct {
	includes, excludes []*regexp.Regexp
	prefix             string
}

// NewFilter makes a filter: data is what one of the includes matches and none of the excludes. A pattern that is none is an [Error].
func NewFilter(includes, excludes []string, ignoreCase bool) (*Filter, error) {
	f := &Filter{}
	for _, of := range []struct {
		name     string
		patterns []string
		into     *[]*regexp.Regexp
	}{{"includes", includes, &f.includes}, {"excludes", excludes, &f.excludes}} {
		for i, pattern := range of.patterns {
			e, err := compile(pattern, ignoreCase)
			if err != nil {
				return nil, wrong(`write it relative to the path of the dataset, as in "2026/**/*.csv"`, fmt.Errorf("the pattern %.200q %w", pattern, err), "filter", of.name, i)
			}
			*of.into = append(*of.into, e)
		}
	}
	if !ignoreCase {
		f.prefix = common(includes)
	}
	return f, nil
}

// Match reports whether a key, relative to the path of the dataset, is data. A key that ends in "/" stands for a folder, and is none.
func (f *Filter) Match(key string) bool {
	return !strings.HasSuffix(key, "/") && matches(f.includes, key) && !matches(f.excludes, key)
}

// Prefix is how the keys of all data begin, as far as the patterns say so: nothing else needs to be listed.
func (f *Filter) Prefix() string { return f.prefix }

func matches(expressions []*regexp.Regexp, key string) bool {
	for _, e := range expressions {
		if e.MatchString(key) {
			return true
		}
	}
	return false
}

// compile writes an Ant pattern as an expression of RE2, which takes time in proportion to the key whatever the pattern is.
func compile(pattern string, ignoreCase bool) (*regexp.Regexp, error) {
	switch {
	case pattern == "":
		return nil, errors.New("is empty")
	case strings.HasPrefix(pattern, "/"):
		return nil, errors.New("begins with /, and no key does")
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

// common is what all that match one of the patterns begin with.
func common(patterns []string) string {
	prefix := ""
	for i, pattern := range patterns {
		literal := pattern
		if at := strings.IndexAny(pattern, "*?"); at >= 0 {
			literal = pattern[:at]
			if strings.HasPrefix(pattern[at:], "**") {
				// "a/**" is "a", too.
				literal = strings.TrimSuffix(literal, "/")
			}
		} else {
			literal = strings.TrimSuffix(literal, "/")
		}
		if i == 0 {
			prefix = literal
			continue
		}
		for !strings.HasPrefix(literal, prefix) {
			prefix = prefix[:len(prefix)-1]
		}
	}
	return prefix
}
