// SPDX-License-Identifier: Apache-2.0

package render

import (
	"encoding/json"
	"strconv"
)

// sizeOf returns how many bytes a value of an object has as JSON, without writing it. It fails where JSON cannot carry it.
func sizeOf(v any) (int, error) {
	switch v := v.(type) {
	case nil:
		return len("null"), nil
	case bool:
		if v {
			return len("true"), nil
		}
		return len("false"), nil
	case int64:
		var digits [20]byte
		return len(strconv.AppendInt(digits[:0], v, 10)), nil
	case string:
		return sizeOfText(v)
	case map[string]any:
		if v == nil {
			return len("null"), nil
		}
		size := len("{}") + max(len(v)-1, 0)
		for key, value := range v {
			k, err := sizeOfText(key)
			if err != nil {
				return 0, err
			}
			s, err := sizeOf(value)
			if err != nil {
				return 0, err
			}
			size += k + len(":") + s
		}
		return size, nil
	case []any:
		if v == nil {
			return len("null"), nil
		}
		size := len("[]") + max(len(v)-1, 0)
		for _, value := range v {
			s, err := sizeOf(value)
			if err != nil {
				return 0, err
			}
			size += s
		}
		return size, nil
	}
	return written(v) // fractions, whose form has rules of its own, and what no engine renders
}

// sizeOfText returns the size of a text with its quotes.
func sizeOfText(s string) (int, error) {
	size := len(s) + len(`""`)
	for i := range len(s) {
		switch c := s[i]; {
		case c == '"', c == '\\', c == '\n', c == '\r', c == '\t':
			size++
		case c < ' ', c > '~', c == '<', c == '>', c == '&':
			return written(s)
		}
	}
	return size, nil
}

// written returns the size of what is written.
func written(v any) (int, error) {
	data, err := json.Marshal(v)
	return len(data), err
}
