// SPDX-License-Identifier: Apache-2.0

package code

import (
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	utiljson "k8s.io/apimachinery/pkg/util/json"

	"trunkline.dev/trunkline/render/internal/manifest"
)

const (
	// maxNested bounds how deep objects lie in the value of a program.
	maxNested = 64
	// maxObjects bounds how many are taken out of it; a release may have fewer.
	maxObjects = 10_000
)

// Objects finds the objects in the value of a program: what has an apiVersion and a kind is one, and everything else is a list or a
// table of more, whatever the names in it. null is nothing, so that a condition may leave an object out. The source of an object is
// the program and where in its value it is.
func Objects(source string, value []byte) ([]manifest.Object, error) {
	var content any
	if err := utiljson.Unmarshal(value, &content); err != nil {
		return nil, fmt.Errorf("%s: its value is not JSON: %w", source, err)
	}
	f := finder{source: source}
	if err := f.find(content, "", 0); err != nil {
		return nil, err
	}
	return f.out, nil
}

type finder struct {
	source string
	out    []manifest.Object
}

func (f *finder) find(v any, at string, depth int) error {
	if depth > maxNested {
		return f.wrong(at, fmt.Errorf("lies deeper than %d levels", maxNested))
	}
	switch v := v.(type) {
	case nil:
		return nil
	case []any:
		for i, item := range v {
			if err := f.find(item, fmt.Sprintf("%s[%d]", at, i), depth+1); err != nil {
				return err
			}
		}
		return nil
	case map[string]any:
		_, versioned := v["apiVersion"].(string)
		_, kind := v["kind"].(string)
		switch {
		case versioned && kind:
			if len(f.out) == maxObjects {
				return fmt.Errorf("%s: makes more than %d objects", f.source, maxObjects)
			}
			f.out = append(f.out, manifest.Object{Unstructured: &unstructured.Unstructured{Object: v}, Source: f.source + place(at)})
			return nil
		case versioned:
			return f.wrong(at, errors.New("has an apiVersion but no kind"))
		case kind:
			return f.wrong(at, errors.New("has a kind but no apiVersion"))
		}
		for _, name := range slices.Sorted(maps.Keys(v)) {
			if err := f.find(v[name], key(at, name), depth+1); err != nil {
				return err
			}
		}
		return nil
	}
	return f.wrong(at, fmt.Errorf("is %s, where an object of Kubernetes, or a list or table of those, is wanted; keep what is for "+
		"the program itself out of its value", describe(v)))
}

func (f *finder) wrong(at string, err error) error {
	if at == "" {
		return fmt.Errorf("%s: its value %w", f.source, err)
	}
	return fmt.Errorf("%s: in its value, %s %w", f.source, at, err)
}

func place(at string) string {
	if at == "" {
		return ""
	}
	return " (" + at + ")"
}

// key is the place of something in a table, as both languages write it.
func key(at, name string) string {
	plain := name != ""
	for i, r := range name {
		plain = plain && (r == '_' || r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || i > 0 && r >= '0' && r <= '9')
	}
	switch {
	case !plain:
		return fmt.Sprintf("%s[%q]", at, name)
	case at == "":
		return name
	}
	return at + "." + name
}

func describe(v any) string {
	switch v.(type) {
	case string:
		return "a text" // which may be secret
	case bool:
		return "true or false"
	}
	return "a number"
}
