// SPDX-License-Identifier: Apache-2.0

// Package markdowntest holds Markdown to what a forge makes of it: a test renders it as GitHub's dialect and looks at the
// HTML.
//
// It may import nothing of Trunkline.
package markdowntest

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strings"
	"unicode"

	"github.com/yuin/goldmark"
	"github.com/yuin/goldmark/extension"
	"github.com/yuin/goldmark/renderer/html"
	xhtml "golang.org/x/net/html"
)

// Allowed is what may be in a text.
type Allowed struct {
	// Links are the beginnings of addresses that may be linked to.
	Links []string
	// Comments are the beginnings of comments of HTML that may be there.
	Comments []string
	// Headings is how many headings there must be.
	Headings int
}

// HTML renders as a forge does that passes HTML through; it takes away what is not safe only afterwards.
func HTML(text string) (string, error) {
	var out bytes.Buffer
	md := goldmark.New(goldmark.WithExtensions(extension.GFM), goldmark.WithRendererOptions(html.WithUnsafe()))
	err := md.Convert([]byte(text), &out)
	return out.String(), err
}

var (
	elements = strings.Fields("p h3 h4 ul ol li code pre em strong b a sub del blockquote table thead tbody tr th td details summary br hr")
	void     = []string{"br", "hr"}
	// active is what a forge turns into a link, a picture or a message to someone once it has rendered, outside of code and
	// links.
	active = map[string]*regexp.Regexp{
		"a mention":        regexp.MustCompile(`[@＠]`),
		"an issue":         regexp.MustCompile(`#\d|\b(?i:gh)-\d`),
		"a commit":         regexp.MustCompile(`(?i)\b[0-9a-f]{7,40}\b`),
		"an address":       regexp.MustCompile(`(?i)://|\bwww\.|mailto:`),
		"an emoji by name": regexp.MustCompile(`:[a-z0-9_+-]*[a-z_+-][a-z0-9_+-]*:|:100:|:1234:`),
	}
)

// Problems renders a text and returns what is wrong with it: what is not closed, elements and attributes that are not ours,
// links and mentions, and characters that cannot be seen.
func Problems(text string, allowed Allowed) (problems []string) {
	wrong := func(format string, args ...any) { problems = append(problems, fmt.Sprintf(format, args...)) }
	for _, r := range text {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			wrong("the character %U cannot be seen", r)
		}
	}
	page, err := HTML(text)
	if err != nil {
		wrong("rendering: %v", err)
	}
	var stack []string
	headings := 0
	for z := xhtml.NewTokenizer(strings.NewReader(page)); z.Next() != xhtml.ErrorToken; {
		switch token := z.Token(); token.Type {
		case xhtml.StartTagToken, xhtml.SelfClosingTagToken:
			if !slices.Contains(elements, token.Data) {
				wrong("an element <%s>", token.Data)
			}
			if strings.HasPrefix(token.Data, "h") && len(token.Data) == 2 && token.Data != "hr" {
				headings++
			}
			for _, a := range token.Attr {
				if p := attribute(token.Data, a, allowed); p != "" {
					wrong("%s", p)
				}
			}
			if !slices.Contains(void, token.Data) {
				stack = append(stack, token.Data)
			}
		case xhtml.EndTagToken:
			if len(stack) == 0 || stack[len(stack)-1] != token.Data {
				wrong("</%s> closes nothing, within %s", token.Data, strings.Join(stack, " "))
				return problems
			}
			stack = stack[:len(stack)-1]
		case xhtml.TextToken:
			if slices.ContainsFunc(stack, func(in string) bool { return in == "code" || in == "pre" || in == "a" }) {
				continue
			}
			for what, pattern := range active {
				if found := pattern.FindString(token.Data); found != "" {
					wrong("%s: %q in %q", what, found, token.Data)
				}
			}
		case xhtml.CommentToken:
			if !slices.ContainsFunc(allowed.Comments, func(begin string) bool { return strings.HasPrefix(token.Data, begin) }) {
				wrong("a comment %q", token.Data)
			}
		case xhtml.ErrorToken, xhtml.DoctypeToken:
			wrong("%s", token)
		}
	}
	if len(stack) > 0 {
		wrong("not closed: %s", strings.Join(stack, " "))
	}
	if headings != allowed.Headings {
		wrong("%d headings, want %d", headings, allowed.Headings)
	}
	slices.Sort(problems)
	return slices.Compact(problems)
}

// attribute says what is wrong with an attribute.
func attribute(element string, a xhtml.Attribute, allowed Allowed) string {
	switch {
	case element == "a" && a.Key == "href":
		if !slices.ContainsFunc(allowed.Links, func(begin string) bool { return strings.HasPrefix(a.Val, begin) }) {
			return fmt.Sprintf("a link to %q", a.Val)
		}
		return ""
	case element == "code" && (a.Key == "class" && (a.Val == "language-diff" || a.Val == "language-mermaid") || a.Key == "dir" && a.Val == "auto"),
		element == "details" && a.Key == "open", (element == "td" || element == "th") && (a.Key == "align" || a.Key == "style"):
		return ""
	}
	return fmt.Sprintf("an attribute %s=%q of <%s>", a.Key, a.Val, element)
}
