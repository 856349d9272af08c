// SPDX-License-Identifier: Apache-2.0

package boundary

import (
	"fmt"
	"regexp"
	"strings"

	"trunkline.dev/trunkline/api/param"
	"trunkline.dev/trunkline/api/pattern"
)

// Hidden are the patterns of what is no data unless something else is said: what has a part that begins with "_" or ".".
func Hidden() []string { return []string{"**/_*", "**/_*/**", "**/.*", "**/.*/**"} }

// Filter says which keys are data, by Ant patterns as Clusterless has them: "?" is one character and "*" any number of them within a
// part of a key, and "**" as a whole part is any number of parts, also none. All other characters are themselves.
type Filter struct {
	includes, excludes []*regexp.Regexp
	prefix             string
}

// NewFilter makes a filter: data is what one of the includes matches and none of the excludes. A pattern that is none is a [param.Error].
func NewFilter(includes, excludes []string, ignoreCase bool) (*Filter, error) {
	f := &Filter{}
	for _, of := range []struct {
		name     string
		patterns []string
		into     *[]*regexp.Regexp
	}{{"includes", includes, &f.includes}, {"excludes", excludes, &f.excludes}} {
		for i, text := range of.patterns {
			e, err := pattern.Compile(text, ignoreCase)
			if err != nil {
				return nil, param.Wrong(`write it relative to the path of the dataset, as in "2026/**/*.csv"`, fmt.Errorf("the pattern %.200q %w", text, err), "filter", of.name, i)
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
