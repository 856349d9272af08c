// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"maps"
	"slices"
	"strings"
)

// unreadable finds out which values of an object cannot be read into the type of its kind: the deepest ones that cannot be when
// there is nothing beside them. The converter itself does not tell.
func (c Cluster) unreadable(k kind, o map[string]any, err error) []Fault {
	var faults []Fault
	var look func(v any, path []any) bool
	look = func(v any, path []any) bool {
		err := c.convert(k, alone(path, v))
		if err == nil || len(faults) >= maxFaults {
			return false
		}
		if len(path) > 0 && c.convert(k, alone(path, nil)) != nil {
			// Null is read into anything, so that it is not the value.
			faults = append(faults, Fault{Path: path, Unknown: true, Message: noField(k.GroupVersionKind, nil)})
			return true
		}
		deeper := false
		switch v := v.(type) {
		case map[string]any:
			for _, key := range slices.Sorted(maps.Keys(v)) {
				deeper = look(v[key], append(slices.Clone(path), key)) || deeper
			}
		case []any:
			for i, item := range v {
				deeper = look(item, append(slices.Clone(path), i)) || deeper
			}
		}
		if !deeper {
			faults = append(faults, Fault{Path: path, Value: v, Message: "cannot be read: " + reason(err)})
		}
		return true
	}
	if !look(o, nil) || len(faults) == 0 {
		return []Fault{{Message: "cannot be read: " + reason(err)}}
	}
	return faults
}

// alone is an object that has a value and nothing beside it. An item of a list is the first of it.
func alone(path []any, v any) map[string]any {
	for _, step := range slices.Backward(path) {
		if key, isKey := step.(string); isKey {
			v = map[string]any{key: v}
		} else {
			v = []any{v}
		}
	}
	return v.(map[string]any)
}

// reasons put what the types say into words.
var reasons = []struct{ text, words string }{
	{"cannot convert float64 to int", "it has to be a whole number"},
	{"unrecognized type: bool", "it has to be true or false"},
	{"unrecognized type: string", "it has to be a text"},
	{"unrecognized type: int", "it has to be a number"},
	{"into Go value of type int32", "it has to be a number or a text"},
	{"cannot restore slice", "it has to be a list"},
	{"cannot restore struct", "it has to be a mapping"},
	{"cannot restore map", "it has to be a mapping"},
	{"quantities must match", `it is no quantity: write it like "500m" or "1Gi"`},
	{"unable to parse quantity", `it is no quantity: write it like "500m" or "1Gi"`},
	{"illegal base64 data", "it has to be in base64; a Secret takes plain text in stringData"},
}

// reason is why a value cannot be read.
func reason(err error) string {
	for _, r := range reasons {
		if strings.Contains(err.Error(), r.text) {
			return r.words
		}
	}
	return oneLine(err.Error())
}

func oneLine(s string) string { return strings.Join(strings.Fields(s), " ") }
