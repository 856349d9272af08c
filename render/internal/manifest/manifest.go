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
)

// MaxBytes bounds what one workload renders to.
const MaxBytes = 16 << 20

// Object is a rendered object and where it comes from.
type Object struct {
	*unstructured.Unstructured

	// Source is the template or file, for messages; empty when the engine does not tell.
	Source string
}

// Parse reads the documents of a rendered file. Empty ones are passed over; a key given twice is refused, as
// one of the two values would be lost without a word.
func Parse(source string, data []byte) ([]Object, error) {
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("%s: more than %d MiB", source, MaxBytes>>20)
	}
	if err := CheckAliases(data); err != nil {
		return nil, fmt.Errorf("%s: %w", source, err)
	}
	var out []Object
	line := 0
	for _, doc := range Split(data) {
		above := line
		line += bytes.Count(doc, []byte("\n"))
		if len(bytes.TrimSpace(doc)) == 0 {
			continue
		}
		content, err := decode(doc)
		if errors.Is(err, errNoObject) {
			return nil, fmt.Errorf("%s: %w", source, err)
		}
		if err != nil {
			return nil, fmt.Errorf("%s: %s", source, syntax(err, above))
		}
		if len(content) == 0 {
			continue
		}
		out = append(out, Object{&unstructured.Unstructured{Object: content}, source})
	}
	return out, nil
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
func Split(data []byte) [][]byte {
	var docs [][]byte
	start := 0
	for at := 0; at < len(data); {
		end := len(data)
		if i := bytes.IndexByte(data[at:], '\n'); i >= 0 {
			end = at + i + 1
		}
		if rest, ok := bytes.CutPrefix(data[at:end], []byte("---")); ok {
			if len(rest) == 0 || bytes.IndexByte([]byte(" \t\r\n"), rest[0]) >= 0 {
				docs = append(docs, data[start:at])
				start = at + len("---")
			}
		}
		at = end
	}
	return append(docs, data[start:])
}
