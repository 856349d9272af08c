// SPDX-License-Identifier: Apache-2.0

package v1alpha1

import (
	"bytes"
	"errors"
	"io"
	"slices"

	"go.yaml.in/yaml/v3"
)

// maxLocated bounds the files whose mistakes are looked for: the parser reads parts of them some dozens of times.
const maxLocated = 128 << 10

// maxAttempts bounds how often the parser is asked for the last line that it can read.
const maxAttempts = 60

// located is where the parser of YAML stumbles. Its own messages name the beginning of what it was reading, which may be the
// first line of the file.
type located struct {
	// at is the number of the first line with which it fails as it does with the whole file, and whole that of the last line
	// before it up to which the file can be read. What begins in the line after that is not finished where it fails.
	at, whole int
}

// locate finds where the parser stumbles, by reading the file up to a line. It is 0 where that is not known.
func locate(data []byte) (l located) {
	ends := lineEnds(data)
	failure := parseError(data)
	if failure == "" || len(data) > maxLocated {
		return l
	}
	low, high := 0, len(ends)
	for high-low > 1 {
		if middle := (low + high) / 2; parseError(data[:ends[middle-1]]) == failure {
			high = middle
		} else {
			low = middle
		}
	}
	l.at = high
	readable := func(lines int) bool { return lines == 0 || parseError(data[:ends[lines-1]]) == "" }
	for attempts := 0; l.whole < l.at-1 && attempts < maxAttempts; {
		// Within what is finished only later, such as a list over several lines, nothing can be read: what is found is the
		// line before such a thing, and the search goes on behind it.
		low, high := l.whole, l.at
		for ; high-low > 1; attempts++ {
			if middle := (low + high) / 2; readable(middle) {
				low = middle
			} else {
				high = middle
			}
		}
		next := low + 1
		for next < l.at && attempts < maxAttempts && !readable(next) {
			next++
			attempts++
		}
		if l.whole = low; next >= l.at || attempts >= maxAttempts {
			break
		}
		l.whole = next
	}
	return l
}

// parseError returns the parser's message on all documents of a text; empty if it reads them.
func parseError(data []byte) string {
	parser := yaml.NewDecoder(bytes.NewReader(data))
	for {
		var node yaml.Node
		if err := parser.Decode(&node); errors.Is(err, io.EOF) {
			return ""
		} else if err != nil {
			return err.Error()
		}
	}
}

// lineEnds are the offsets behind the lines of a text.
func lineEnds(data []byte) (ends []int) {
	for i, c := range data {
		if c == '\n' {
			ends = append(ends, i+1)
		}
	}
	if len(data) > 0 && data[len(data)-1] != '\n' {
		ends = append(ends, len(data))
	}
	return ends
}

// opened is what a part of a text opens, as one reads it who knows of quotes and brackets only.
type opened struct {
	// quote is the offset of the first quote with which the text does not end in its line, bracket that of the first
	// bracket that another kind closes, or of the innermost that is open at the end, extra that of the first bracket that closes none, and behind that of the first text
	// behind a closing quote; each -1 if there is none.
	quote, bracket, extra, behind int
}

// scanOpened reads a part of a text from the beginning of a line on, in which nothing is open.
func scanOpened(text []byte) opened {
	o := opened{quote: -1, bracket: -1, extra: -1, behind: -1}
	var open []int
	fresh := true // a value may begin here
	for i := 0; i < len(text); i++ {
		switch c := text[i]; {
		case c == '\n' && len(open) == 0:
			fresh = true
		case c == ' ' || c == '\t' || c == '\r' || c == '\n':
		case c == '#' && (i == 0 || slices.Contains([]byte(" \t\n"), text[i-1])):
			if end := bytes.IndexByte(text[i:], '\n'); end >= 0 {
				i += end - 1
			} else {
				i = len(text)
			}
		case (c == '"' || c == '\'') && fresh:
			end := closing(text, i)
			if lines := bytes.IndexByte(text[i:min(end, len(text))], '\n'); o.quote < 0 && (end >= len(text) || lines >= 0) {
				o.quote = i
			}
			fresh = false
			if i = end; o.behind < 0 {
				rest, _, _ := bytes.Cut(text[min(i+1, len(text)):], []byte("\n"))
				if rest = bytes.TrimLeft(rest, " \t\r"); len(rest) > 0 && !bytes.ContainsRune([]byte(":,]}#"), rune(rest[0])) {
					o.behind = len(text) - len(bytes.TrimLeft(text[min(i+1, len(text)):], " \t\r"))
				}
			}
		case (c == '[' || c == '{') && (fresh || len(open) > 0):
			open, fresh = append(open, i), true
		case (c == ']' || c == '}') && len(open) == 0 && fresh && o.extra < 0:
			o.extra = i
		case (c == ']' || c == '}') && len(open) > 0:
			if last := open[len(open)-1]; o.bracket < 0 && (text[last] == '[') != (c == ']') {
				o.bracket = last
			}
			open, fresh = open[:len(open)-1], false
			if len(open) == 0 {
				rest, _, _ := bytes.Cut(text[i+1:], []byte("\n"))
				if rest = bytes.TrimLeft(rest, " \t\r"); o.extra < 0 && len(rest) > 0 && (rest[0] == ']' || rest[0] == '}') {
					o.extra = len(text) - len(bytes.TrimLeft(text[i+1:], " \t\r"))
				}
			}
		case c == ',' && len(open) > 0, (c == ':' || c == '-' || c == '?') && (i+1 == len(text) || slices.Contains([]byte(" \t\r\n"), text[i+1])):
			fresh = true
		default:
			fresh = false
		}
	}
	if len(open) > 0 && o.bracket < 0 {
		o.bracket = open[len(open)-1]
	}
	return o
}

// closing returns the offset of the quote that ends the one at an offset; the length of the text if there is none.
func closing(text []byte, at int) int {
	quote := text[at]
	for i := at + 1; i < len(text); i++ {
		switch {
		case text[i] == '\\' && quote == '"':
			i++
		case text[i] != quote:
		case quote == '\'' && i+1 < len(text) && text[i+1] == quote:
			i++
		default:
			return i
		}
	}
	return len(text)
}
