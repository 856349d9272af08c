// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"bytes"
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// MaxBytes bounds what one workload renders to.
const MaxBytes = 16 << 20

// Object is a rendered object and where it comes from.
type Object struct {
	*unstructured.Unstructured

	// Source is the template or file, for messages; empty when the engine does not tell.
	Source string
}

// Warning is what is odd about rendered text, and refuses nothing.
type Warning struct {
	// Source is the template or file; empty when the engine does not tell.
	Source string
	// Line is the line of what was rendered; 0 if it is not known.
	Line int
	// Message says what is odd, and what it means.
	Message string
}

// Document is one document of a text, and how many lines of the text are above it.
type Document struct {
	Text  []byte
	Above int
}

// Parse reads the documents of a rendered file. Empty ones are passed over; a key given twice is refused, as
// one of the two values would be lost without a word.
func Parse(source string, data []byte) ([]Object, error) {
	objects, twice, err := ParseDocuments(source, Split(data))
	if err == nil && len(twice) > 0 {
		err = fmt.Errorf("%s: line %d: %s", source, twice[0].Line, twice[0].Message)
	}
	return objects, err
}

// ParseDocuments reads documents as [Parse] does, but takes the last value of a key that is there twice, and warns.
func ParseDocuments(source string, docs []Document) ([]Object, []Warning, error) {
	var out []Object
	var warnings []Warning
	size := 0
	for _, doc := range docs {
		if size += len(doc.Text); size > MaxBytes {
			return nil, nil, fmt.Errorf("%s: more than %d MiB", source, MaxBytes>>20)
		}
		if len(bytes.TrimSpace(doc.Text)) == 0 {
			continue
		}
		if err := CheckAliases(doc.Text); err != nil {
			return nil, nil, fmt.Errorf("%s: %s", source, explain(err, doc))
		}
		content, err := decode(doc.Text)
		if twice, ok := errors.AsType[*duplicateError](err); ok {
			warnings = append(warnings, twice.warnings(source, doc.Above)...)
			content, err = twice.content, nil
		}
		if errors.Is(err, errNoObject) {
			return nil, nil, fmt.Errorf("%s: %w", source, err)
		}
		if err != nil {
			return nil, nil, fmt.Errorf("%s: %s", source, explain(err, doc))
		}
		if len(content) == 0 {
			continue
		}
		out = append(out, Object{&unstructured.Unstructured{Object: content}, source})
	}
	return out, warnings, nil
}

// explain says what is wrong with a document that is not YAML, and where, with lines counted from the top of the file.
func explain(err error, doc Document) string {
	if text := err.Error(); !strings.HasPrefix(text, "yaml: ") || strings.Contains(text, "unmarshal errors") || strings.Contains(text, "exceeded max") {
		return syntax(err, doc.Above)
	}
	p := v1alpha1.ExplainSyntax("", err, doc.Text)
	text := strings.TrimPrefix(p.Message, "not valid YAML: ")
	if p.Hint != "" {
		text += "; " + p.Hint
	}
	if p.Position.Line == 0 {
		return text
	}
	return fmt.Sprintf("line %d: %s", p.Position.Line+doc.Above, text)
}

var lineNumber = regexp.MustCompile(`\bline (\d+)`)

// syntax returns the parser's message on one line, with lines counted from the top of the file.
func syntax(err error, above int) string {
	text := strings.TrimPrefix(err.Error(), "yaml: ")
	text = strings.TrimPrefix(text, "unmarshal errors:\n  ")
	text = lineNumber.ReplaceAllStringFunc(text, func(s string) string {
		n, _ := strconv.Atoi(strings.TrimPrefix(s, "line ")) // the expression takes digits only
		return "line " + strconv.Itoa(n+above)
	})
	return strings.ReplaceAll(text, "\n  ", "; ")
}

// Split cuts YAML into its documents, at lines that are "---" or begin with "--- ". What stands behind the
// dashes belongs to the document.
func Split(data []byte) []Document {
	var docs []Document
	start, above := 0, 0
	cut := func(end int) {
		docs = append(docs, Document{data[start:end], above})
		above += bytes.Count(data[start:end], []byte("\n"))
	}
	for at := 0; at < len(data); {
		end := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if rest, ok := bytes.CutPrefix(data[at:end], []byte("---")); ok {
			if len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0 {
				cut(at)
				start = at + len("---")
			}
		}
		at = end
	}
	cut(len(data))
	return docs
}
