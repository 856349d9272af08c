// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"
	"errors"
	"strconv"
	"strings"
	"unicode/utf8"

	yamlv2 "go.yaml.in/yaml/v2"
	yamlv3 "go.yaml.in/yaml/v3"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// errNoObject says that a document is a text, a number or a list.
var errNoObject = errors.New("a document that is not an object")

// decode reads a document as Kubernetes' own tools do, a key given twice refused: what it is in JSON is what counts. An
// empty document is nil.
//
// What a document says nearly always is the same in both languages, and taken over as it was parsed. To write it as JSON
// and read that again, which is how it is defined, takes as long as parsing it.
func decode(doc []byte) (map[string]any, error) {
	var content any
	if yamlv2.UnmarshalStrict(doc, &content) == nil {
		if value, same := plain(content, 0); same {
			return object(value)
		}
	}
	return decodeByJSON(doc) // which has the words for what is wrong
}

// duplicateError is a document in which a key is there twice.
type duplicateError struct {
	// content is the document as Kubernetes' tools read it if they are not strict: with the last of the values.
	content map[string]any
	err     error
}

func (e *duplicateError) Error() string { return e.err.Error() }

// warnings returns one for each key.
func (e *duplicateError) warnings(source string, above int) []Warning {
	var out []Warning
	for message := range strings.SplitSeq(syntax(e.err, above), "; ") {
		w := Warning{Source: source, Message: message}
		if line, rest, ok := strings.Cut(strings.TrimPrefix(message, "line "), ": "); ok {
			if n, err := strconv.Atoi(line); err == nil {
				w.Line, w.Message = n, rest
			}
		}
		out = append(out, w)
	}
	return out
}

// decodeByJSON is [decode] by its definition. If the document is refused only because a key is there twice, the error is
// a [duplicateError].
func decodeByJSON(doc []byte) (map[string]any, error) {
	js, err := yaml.YAMLToJSONStrict(doc)
	if err != nil {
		if js, lax := yaml.YAMLToJSON(doc); lax == nil {
			content, wrong := ofJSON(js)
			if wrong != nil {
				return nil, wrong
			}
			if !repeats(doc) {
				return content, nil
			}
			return nil, &duplicateError{content, err}
		}
		return nil, err
	}
	return ofJSON(js)
}

// repeats reports whether a table of a document has a key twice. The strict decoder takes a key for repeated too that is merged
// from an anchor and set beside it, which is what merging is for.
func repeats(doc []byte) bool {
	var root yamlv3.Node
	if err := yamlv3.Unmarshal(doc, &root); err != nil {
		return true
	}
	return repeatsIn(&root)
}

func repeatsIn(n *yamlv3.Node) bool {
	seen := map[string]bool{}
	for i, child := range n.Content {
		if n.Kind == yamlv3.MappingNode && i%2 == 0 && child.Kind == yamlv3.ScalarNode {
			if seen[child.Value] {
				return true
			}
			seen[child.Value] = true
		}
		if repeatsIn(child) {
			return true
		}
	}
	return false
}

func ofJSON(js []byte) (map[string]any, error) {
	if string(js) == "null" {
		return nil, nil
	}
	var content map[string]any
	if err := utiljson.Unmarshal(js, &content); err != nil {
		return nil, errNoObject
	}
	return content, nil
}

func object(value any) (map[string]any, error) {
	if value == nil {
		return nil, nil
	}
	content, ok := value.(map[string]any)
	if !ok {
		return nil, errNoObject
	}
	return content, nil
}

// maxPlain bounds the nesting of what is taken over; manifests have ten levels.
const maxPlain = 200

// plain returns what a parsed value is in JSON; false where that is not plain to see, such as for a key that is no text.
func plain(v any, depth int) (any, bool) {
	if depth > maxPlain {
		return nil, false
	}
	switch v := v.(type) {
	case nil, bool:
		return v, true
	case string:
		return v, utf8.ValidString(v)
	case int:
		return int64(v), true
	case float64:
		return plainNumber(v)
	case []any:
		for i := range v {
			var same bool
			if v[i], same = plain(v[i], depth+1); !same {
				return nil, false
			}
		}
		return v, true
	case map[any]any:
		out := make(map[string]any, len(v))
		for key, value := range v {
			text, isText := key.(string)
			if !isText || !utf8.ValidString(text) {
				return nil, false
			}
			var same bool
			if out[text], same = plain(value, depth+1); !same {
				return nil, false
			}
		}
		return out, true
	}
	return nil, false
}

// plainNumber returns what becomes of a fraction by way of JSON, in which 1.0 is written as 1.
func plainNumber(f float64) (any, bool) {
	text, err := json.Marshal(f)
	if err != nil {
		return nil, false
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return n, true
	}
	return f, true
}
