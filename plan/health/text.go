// SPDX-License-Identifier: Apache-2.0

package health

import (
	"regexp"
	"strings"
	"unicode"
	"unicode/utf8"

	"trunkline.dev/trunkline/api/confidential"
)

const (
	// MaxMessageBytes bounds a message or summary: what admission says is shown in full, and never more than this.
	MaxMessageBytes = 4 << 10
	// MaxLogLines bounds the end of a log that is shown, in lines.
	MaxLogLines = 20
	// MaxLogBytes bounds it in bytes.
	MaxLogBytes = 4 << 10
	// maxLineBytes bounds a text before it is looked at.
	maxLineBytes = 64 << 10
)

// escape is what terminals obey: control sequences, titles and hyperlinks, and single escapes.
var escape = regexp.MustCompile(`\x1b\[[0-?]*[ -/]*[@-~]|\x1b\][^\x07\x1b]*(\x07|\x1b\\)?|\x1b[@-Z\\-_]?`)

// Line makes one line of bounded length of a text that others made: nothing in it can move a cursor or turn the
// direction of writing, and addresses have lost what gives access.
func Line(text string) string {
	return cut(strings.Join(strings.Fields(clean(text)), " "), MaxMessageBytes)
}

// clean takes out of a text what a terminal would obey, and what gives access to something.
func clean(text string) string {
	text = cut(text, maxLineBytes)
	text = escape.ReplaceAllString(strings.ToValidUTF8(text, string(unicode.ReplacementChar)), "")
	text = confidential.Addresses(text)
	return strings.Map(func(r rune) rune {
		switch {
		case r == '\n' || r == '\t':
			return r
		case unicode.IsSpace(r):
			return ' '
		case unicode.IsPrint(r):
			return r
		default:
			return -1
		}
	}, text)
}

// cut shortens a text to a number of bytes, between two characters.
func cut(text string, most int) string {
	const mark = "…"
	if len(text) <= most {
		return text
	}
	end := most - len(mark)
	for end > 0 && !utf8.RuneStart(text[end]) {
		end--
	}
	return text[:end] + mark
}

// LogLines returns the last lines of a log, cleaned and bounded; the beginning of what is longer is left out. Redact is
// applied to the whole text first, so that a value of several lines is found.
func LogLines(log string, redact func(string) string) []string {
	log = strings.ReplaceAll(log, "\r\n", "\n")
	log = strings.ReplaceAll(log, "\r", "\n") // a progress bar writes one line over and over
	if redact != nil {
		log = redact(log)
	}
	if extra := len(log) - maxLineBytes; extra > 0 {
		log = log[extra:]
	}
	lines := strings.Split(strings.TrimRight(clean(log), "\n \t"), "\n")
	lines = lines[max(0, len(lines)-MaxLogLines):]
	size := 0
	for i := len(lines) - 1; i >= 0; i-- {
		lines[i] = cut(strings.TrimRight(lines[i], " \t"), MaxLogBytes/4)
		if size += len(lines[i]) + 1; size > MaxLogBytes {
			lines = lines[i+1:]
			break
		}
	}
	if len(lines) == 1 && lines[0] == "" {
		return nil
	}
	return lines
}
