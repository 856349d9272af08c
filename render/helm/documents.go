// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"regexp"
	"strings"
	"unicode"

	"trunkline.dev/trunkline/render/internal/manifest"
)

// separator is where Helm cuts a rendered file into documents. What it takes for a separator is more than what YAML does:
// text may follow at once.
var separator = regexp.MustCompile(`(?:^|\s*\n)---\s*`)

// documents cuts a rendered file as Helm does. Each document loses the blanks at its ends and gets one line end, also when
// it ends in a text of which they were a part.
func documents(text string) []manifest.Document {
	var docs []manifest.Document
	trimmed := strings.TrimLeftFunc(text, unicode.IsSpace)
	at := len(text) - len(trimmed)
	above := strings.Count(text[:at], "\n")
	rest := strings.TrimRightFunc(trimmed, unicode.IsSpace)
	add := func(doc string) {
		// The separator takes all blanks before a document, except before the first one, which has none.
		if doc = strings.TrimRightFunc(doc, unicode.IsSpace); doc != "" {
			docs = append(docs, manifest.Document{Text: []byte(doc + "\n"), Above: above})
		}
	}
	from := 0
	for _, sep := range separator.FindAllStringIndex(rest, -1) {
		add(rest[from:sep[0]])
		above += strings.Count(rest[from:sep[1]], "\n")
		from = sep[1]
	}
	add(rest[from:])
	return docs
}
