// SPDX-License-Identifier: Apache-2.0

package manifest

import (
	"encoding/json"
	"errors"
	"strconv"
	"unicode/utf8"

	yamlv2 "go.yaml.in/yaml/v2"
	utiljson "k8s.io/apimachinery/pkg/util/json"
	"sigs.k8s.io/yaml"
)

// errNoObject says that a document is a text, a number or a list.
var errNoObject = errors.New("a document that is no object")

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

// decodeByJSON is [decode] by its definition.
func decodeByJSON(doc []byte) (map[string]any, error) {
	js, err := yaml.YAMLToJSONStrict(doc)
	if err != nil {
		return nil, err
	}
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
