// SPDX-License-Identifier: Apache-2.0

// Package markdown puts text that others chose into Markdown for a forge, so that it stays text: it ends no block, table
// or fence, is no HTML, mentions nobody, links nowhere, and cannot look like a verdict. A forge looks for mentions and
// references after it has rendered, where escaping does not help; it never looks into code. So whatever is more than plain
// words becomes code.
//
// It may import nothing of Trunkline.
package markdown

import (
	"fmt"
	"net/url"
	"regexp"
	"slices"
	"strings"
	"unicode"
	"unicode/utf8"

	"golang.org/x/text/unicode/bidi"
)

const (
	// maxCode bounds a name or value, in characters.
	maxCode = 300
	// maxURL bounds an address; a longer one is no link.
	maxURL = 2000
)

// Visible replaces what cannot be seen, line breaks and tabs aside: a terminal would obey control characters, and a reader
// would be deceived by characters that turn the direction of a text.
func Visible(s string) string {
	return strings.Map(func(r rune) rune {
		if r != '\n' && r != '\t' && !unicode.IsPrint(r) {
			return unicode.ReplacementChar
		}
		return r
	}, s)
}

// Line returns a text in one line.
func Line(s string) string { return strings.Join(strings.Fields(Visible(s)), " ") }

// Clip returns a text in one line of at most so many characters.
func Clip(s string, limit int) string {
	s = Line(s)
	if utf8.RuneCountInString(s) <= limit {
		return s
	}
	return strings.TrimSpace(string([]rune(s)[:limit-1])) + "…"
}

// Code returns someone else's text as code in a line, also within HTML. What could mean anything to Markdown or HTML is
// written as a character reference, which is never more than a character.
func Code(s string) string { return code(Clip(s, maxCode)) }

func code(s string) string {
	var b strings.Builder
	b.WriteString("<code")
	if strings.ContainsFunc(s, rightToLeft) {
		b.WriteString(` dir="auto"`) // keeps the text around it in its order
	}
	b.WriteString(">")
	last := rune(0)
	for i, r := range s {
		next, _ := utf8.DecodeRuneInString(s[i+utf8.RuneLen(r):])
		if unicode.IsLetter(r) || unicode.IsMark(r) || unicode.IsDigit(r) || strings.ContainsRune(" -/,+=;()'", r) ||
			r == '.' && last != 'w' && last != 'W' || r == ':' && next != '/' {
			b.WriteRune(r)
		} else {
			fmt.Fprintf(&b, "&#%d;", r)
		}
		last = r
	}
	b.WriteString("</code>")
	return b.String()
}

func rightToLeft(r rune) bool {
	p, _ := bidi.LookupRune(r)
	return p.Class() == bidi.R || p.Class() == bidi.AL
}

// Bold returns someone else's name as code in bold, for a line of Markdown and for HTML.
func Bold(s string) string { return "<b>" + Code(s) + "</b>" }

var (
	// plainWord has letters only, such as "don't" and "read-set", or is a small number, with a sign too, or a time of day.
	plainWord = regexp.MustCompile(`^(?:\p{L}[\p{L}\p{M}]*(?:['’-]\p{L}[\p{L}\p{M}]*)*|[+−-]?\d{1,6}(?:[.,]\d{1,6})*|\d{1,2}:\d{2})$`)
	// commit is what a forge may take for the beginning of one.
	commit = regexp.MustCompile(`(?i)[0-9a-f]{7}`)
	// pause ends a word that a sentence goes on after, or ends with.
	pause = `.,;:?)"'…`
)

// joints are signs that stand between words and mean nothing to Markdown, at the beginning of a line either.
var joints = []string{"→", "←", "–", "—", "·", "…"}

// Prose returns someone else's sentence, of at most so many characters: plain words as they are, and everything else,
// such as names, addresses and signs, as code.
func Prose(s string, limit int) string {
	words := strings.Fields(Clip(s, limit))
	if len(words) == 0 {
		return "(no text)" // nothing at all could make the line above a heading
	}
	for i, w := range words {
		head := w[:len(w)-len(strings.TrimLeft(w, `("'`))]
		core := w[len(head):]
		tail := core[len(strings.TrimRight(core, pause)):]
		core = strings.TrimSuffix(core, tail)
		switch {
		case slices.Contains(joints, w):
			continue
		case core == "":
			words[i] = code(w)
			continue
		case !plain(core):
			if quoted := strings.HasSuffix(head, `"`) && strings.HasPrefix(tail, `"`); quoted { // code needs no quotes
				head, tail = head[:len(head)-1], tail[1:]
			}
			core = code(core)
		case i == 0 && head == "":
			// A number at the beginning of a line would begin a list.
			tail = strings.NewReplacer(".", "&#46;", ")", "&#41;").Replace(tail)
		}
		words[i] = head + core + tail
	}
	return strings.Join(words, " ")
}

func plain(word string) bool {
	if !plainWord.MatchString(word) || strings.ContainsFunc(word, rightToLeft) {
		return false
	}
	return !commit.MatchString(word) && !strings.EqualFold(word, "www")
}

// Fence puts a text of several lines into a block of code of a language, of at most so many bytes on the whole.
// The fence is longer than any row of backticks in it, so that nothing in it can end the block; in a block nothing is a
// link, a mention or HTML. What is cut off is said. It returns an empty text if not even that fits.
func Fence(language, text string, room int) string {
	text = strings.TrimSuffix(Visible(text), "\n")
	longest, now := 0, 0
	for _, r := range text {
		if now++; r != '`' {
			now = 0
		}
		longest = max(longest, now)
	}
	fence := strings.Repeat("`", max(3, longest+1))
	frame := 2*len(fence) + len(language) + len("\n\n\n")
	if frame+len(text) > room {
		kept, left := headOf(text, room-frame-len("(9999999 more lines)"))
		if kept == "" {
			return ""
		}
		text = fmt.Sprintf("%s(%d more lines)", kept, left)
	}
	return fence + language + "\n" + text + "\n" + fence + "\n"
}

// headOf returns the whole lines of a text that fit, and how many do not.
func headOf(text string, room int) (kept string, left int) {
	end := 0
	for line := range strings.Lines(text) {
		if left > 0 || len(line) > room {
			left++
			continue
		}
		room -= len(line)
		end += len(line)
	}
	return text[:end], left
}

// Link returns a link of ours, to a web page by its address; only the text if the address is none. The text is ours too:
// Markdown.
func Link(text, address string) string {
	u, err := url.Parse(address)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || len(address) > maxURL {
		return text
	}
	u.User = nil // a password is no part of an address
	// What could end the address or mean anything within it.
	return "[" + text + "](" + strings.NewReplacer("(", "%28", ")", "%29", "<", "%3C", ">", "%3E", "\\", "%5C", "`", "%60", "|", "%7C", "*", "%2A", "_", "%5F", "~", "%7E", "[", "%5B", "]", "%5D", " ", "%20").Replace(u.String()) + ")"
}
