// SPDX-License-Identifier: Apache-2.0

// Package stay decides which pull requests are meant to get a preview environment, by what the trunk declares. It is pure. Whether there is room,
// and how long a preview stays, is for plan/previews.
//
// Of Trunkline it may import api and catalog.
package stay

import (
	"maps"
	"regexp"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// Pull is what of a pull request decides whether it gets a preview.
type Pull struct {
	// Author is a login, and Teams are those among the rules' authors that the author is in, as the rules write them.
	Author string
	Teams  []string
	Labels []string
	// Branch is the one that the pull request is to be merged into, and Trunk the one that the platform follows.
	Branch, Trunk string
	Draft         bool
	// Paths are those that it changes, relative to the folder of the platform.
	Paths []string
}

// Choose returns the environment that the preview of a pull request is derived from: the first by name whose rules want it. If
// none does, and only a label is missing, it returns that label.
func Choose(trunk *catalog.Catalog, p Pull) (environment, label string) {
	for _, name := range slices.Sorted(maps.Keys(trunk.Environments)) {
		rules := trunk.Environments[name].Spec.Preview
		if rules == nil {
			continue
		}
		if Wants(*rules, p) == "" {
			return name, ""
		}
		if label == "" && len(rules.Labels) > 0 {
			labelled := p
			labelled.Labels = rules.Labels[:1]
			if Wants(*rules, labelled) == "" {
				label = rules.Labels[0]
			}
		}
	}
	return "", label
}

// Wants reports what is missing for a pull request to get a preview, in words for people; empty if it gets one.
func Wants(rules v1alpha1.Preview, p Pull) string {
	branches := rules.Branches
	if len(branches) == 0 && p.Trunk != "" {
		branches = []string{p.Trunk}
	}
	for _, c := range []struct {
		ok   bool
		want string
	}{
		{!p.Draft || rules.Drafts, "it is a draft"},
		{len(branches) == 0 || matches(branches, p.Branch), "it is to be merged into " + p.Branch},
		{len(rules.Authors) == 0 || slices.ContainsFunc(rules.Authors, p.is), "its author is none of those who get previews"},
		{
			len(rules.Paths) == 0 || slices.ContainsFunc(p.Paths, func(path string) bool { return matches(rules.Paths, path) }),
			"it changes none of the paths that get previews",
		},
		{
			len(rules.Labels) == 0 || slices.ContainsFunc(rules.Labels, func(l string) bool { return slices.ContainsFunc(p.Labels, same(l)) }),
			"it has none of the labels " + strings.Join(rules.Labels, ", "),
		},
	} {
		if !c.ok {
			return c.want
		}
	}
	return ""
}

func same(a string) func(string) bool {
	return func(b string) bool { return strings.EqualFold(a, b) }
}

// is reports whether the author of the pull request is one of the rules' authors.
func (p Pull) is(author string) bool {
	return strings.EqualFold(strings.TrimPrefix(author, "@"), p.Author) || slices.Contains(p.Teams, author)
}

// matches reports whether one of the patterns is of a text: "**" stands for any text, and "*" for any without "/".
func matches(patterns []string, text string) bool {
	return slices.ContainsFunc(patterns, func(pattern string) bool {
		quoted := regexp.QuoteMeta(pattern)
		quoted = strings.ReplaceAll(quoted, `\*\*/`, `(.*/)?`)
		quoted = strings.ReplaceAll(quoted, `\*\*`, `.*`)
		quoted = strings.ReplaceAll(quoted, `\*`, `[^/]*`)
		return regexp.MustCompile(`^(?s:` + quoted + `)$`).MatchString(text)
	})
}
