// SPDX-License-Identifier: Apache-2.0

package clusterless

import (
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/pattern"
)

// patterns are those of a filter that match something, written as they may be here, where what is easily mistaken is refused. It notes what is changed.
// That no pattern is left of some is an error, since without any all would match.
func (m *migration) patterns(c component, n *node, path, name string) (out []string, err error) {
	all, err := c.texts(n, name)
	for i, was := range all {
		at := n.get(name).items[i]
		what := fmt.Sprintf("%s: %s.%s: the pattern %q", c, path, name, was)
		now, why := translated(was)
		switch {
		case now == "":
			m.note(c.deployable, at, what, why+": it is left out", "write one that matches what is meant")
			continue
		case now != was:
			m.note(c.deployable, at, what, fmt.Sprintf("%s: it is %q", why, now), "see that it matches what is meant")
		}
		if _, err := pattern.Compile(now, false); err != nil {
			return nil, c.at(at, "%s.%s: the pattern %q %v", path, name, was, err)
		}
		out = append(out, now)
	}
	if err == nil && len(all) > 0 && len(out) == 0 && name == "includes" {
		err = c.at(n.get(name), "%s.%s: no pattern matches anything: write others, or none", path, name)
	}
	return out, err
}

// translated is a pattern that matches the same, and why it is another one; empty if it matches nothing. Ant has no choices, such as "[ab]" or "{a,b}": they are
// characters, for each bracket of which "?" stands here.
func translated(was string) (now, why string) {
	if was == "" {
		return "", "it is empty"
	}
	if strings.HasPrefix(was, "/") {
		return "", "it begins with /, and no path does"
	}
	parts := slices.DeleteFunc(strings.Split(was, "/"), func(part string) bool { return part == "" })
	if strings.HasSuffix(was, "/") {
		parts = append(parts, "") // all that is below
	}
	if slices.Contains(parts, ".") || slices.Contains(parts, "..") {
		return "", "it has a part . or .., which no path has"
	}
	for i, part := range parts {
		for part != "**" && strings.Contains(parts[i], "**") {
			parts[i], why = strings.ReplaceAll(parts[i], "**", "*"), "** within a part is one *"
		}
	}
	now = strings.Join(parts, "/")
	if now != was && why == "" {
		why = "// is one /"
	}
	if _, err := pattern.Compile(now, false); err != nil && strings.ContainsAny(now, "[{") {
		now, why = strings.NewReplacer("[", "?", "]", "?", "{", "?", "}", "?").Replace(now), "there are no choices, and brackets are characters"
	}
	return now, why
}
