// SPDX-License-Identifier: Apache-2.0

package main

import (
	"html"
	"regexp"
	"strings"
)

var (
	tags  = regexp.MustCompile(`</?[a-z][^<>]*>`)
	links = regexp.MustCompile(` ?\[[^\]]*\]\([^)]*\)`)
)

// words returns the lines of a comment that a terminal can show: without marks of Markdown, up to the first thing that is
// folded, drawn or small. There is always one.
func words(comment string) []string {
	lines := []string{}
	for l := range strings.Lines(comment) {
		l = strings.TrimRight(l, "\n")
		switch {
		case strings.HasPrefix(l, "<!--"), strings.HasPrefix(l, "| ---"):
			continue
		case strings.HasPrefix(l, "<details"), strings.HasPrefix(l, "```"), strings.HasPrefix(l, "<sub>"):
			return append(strings.Split(strings.TrimSpace(strings.Join(lines, "\n")), "\n"), "…")
		}
		l = strings.TrimPrefix(l, "### ")
		l = strings.NewReplacer("**", "", `\`, "").Replace(l)
		lines = append(lines, html.UnescapeString(tags.ReplaceAllString(links.ReplaceAllString(l, ""), "")))
	}
	return strings.Split(strings.TrimSpace(strings.Join(lines, "\n")), "\n")
}

// comment prints the words of a comment.
func (s *story) comment(body string) {
	s.blank()
	for _, l := range words(body) {
		indent := l[:len(l)-len(strings.TrimLeft(l, " -"))]
		for i, part := range wrap(strings.TrimPrefix(l, indent), textWidth-len(margin)-2-len(indent)) {
			if i > 0 {
				indent = strings.Repeat(" ", len(indent))
			}
			s.line(strings.TrimRight(margin+s.dim("│ ")+indent+part, " "))
		}
	}
}
