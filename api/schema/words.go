// SPDX-License-Identifier: Apache-2.0

package schema

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"github.com/santhosh-tekuri/jsonschema/v6/kind"
)

// properties are the keys that the part of the schema at a URL knows.
func (s *Schema) properties(url string) []string {
	part, _ := s.part(url).(map[string]any)
	known, _ := part["properties"].(map[string]any)
	return slices.Sorted(maps.Keys(known))
}

// example says for people what a text at a URL of the schema looks like, which its pattern does not: like its default, or as it is described.
func (s *Schema) example(url string) string {
	part, _ := s.part(url).(map[string]any)
	if usual, ok := part["default"].(string); ok && usual != "" {
		return fmt.Sprintf("write it like %q", usual)
	}
	described, _ := part["description"].(string)
	return strings.TrimSuffix(described, ".")
}

// part follows the fragment of a URL, a JSON pointer, into the schema.
func (s *Schema) part(url string) any {
	_, fragment, _ := strings.Cut(url, "#")
	at := s.raw
	for token := range strings.SplitSeq(strings.TrimPrefix(fragment, "/"), "/") {
		if token == "" {
			continue
		}
		token = strings.NewReplacer("~1", "/", "~0", "~").Replace(token)
		switch v := at.(type) {
		case map[string]any:
			at = v[token]
		case []any:
			i, err := strconv.Atoi(token)
			if err != nil || i < 0 || i >= len(v) {
				return nil
			}
			at = v[i]
		default:
			return nil
		}
	}
	return at
}

// forms lists what each alternative says, if each says it with one type.
func (s *Schema) forms(e *jsonschema.ValidationError) string {
	var want []string
	for _, c := range e.Causes {
		k, ok := c.ErrorKind.(*kind.Type)
		if !ok {
			return ""
		}
		want = append(want, k.Want...)
	}
	if len(want) == 0 {
		return ""
	}
	return ": want " + strings.Join(want, " or ")
}

// path turns the tokens of a JSON pointer into keys and indexes: only the value tells which is which.
func path(value any, tokens []string) []any {
	out := make([]any, len(tokens))
	for i, t := range tokens {
		out[i] = t
		switch v := value.(type) {
		case map[string]any:
			value = v[t]
		case []any:
			n, err := strconv.Atoi(t)
			if err != nil || n < 0 || n >= len(v) {
				return out
			}
			out[i], value = n, v[n]
		}
	}
	return out
}

func pointer(tokens []string) string { return "/" + strings.Join(tokens, "/") }

func quoted(names []string) string {
	q := make([]string, len(names))
	for i, n := range names {
		q[i] = strconv.Quote(n)
	}
	return strings.Join(q, ", ")
}

func values(vs []any) string {
	out := make([]string, len(vs))
	for i, v := range vs {
		data, err := json.Marshal(v)
		if err != nil {
			return ""
		}
		out[i] = string(data)
	}
	return strings.Join(out, ", ")
}

// texts are the texts among the values.
func texts(vs []any) []string {
	var out []string
	for _, v := range vs {
		if t, ok := v.(string); ok {
			out = append(out, t)
		}
	}
	return out
}

// article puts the article before a type of JSON.
func article(name string) string {
	switch name {
	case "null":
		return name
	case "string":
		return "a text"
	case "object":
		return "a mapping"
	case "array":
		return "a list"
	case "integer":
		return "a whole number"
	default:
		return "a " + name
	}
}

func articles(names []string) string {
	out := make([]string, len(names))
	for i, n := range names {
		out[i] = article(n)
	}
	return strings.Join(out, " or ")
}
