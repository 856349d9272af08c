// SPDX-License-Identifier: Apache-2.0

package ownership

import (
	"fmt"
	"reflect"
	"slices"
	"time"

	"k8s.io/apimachinery/pkg/api/resource"
	"sigs.k8s.io/structured-merge-diff/v6/fieldpath"
	"sigs.k8s.io/structured-merge-diff/v6/value"

	"trunkline.dev/trunkline/api/field"
)

// Difference is a declared field for which something else runs.
type Difference struct {
	Path field.Path
	// Declared is what was sent, and Runs what the API server has instead; nil if it has nothing there.
	Declared, Runs any
}

// Instead compares what was sent to the API server with what it answered, field by field: what an admission webhook or
// policy has changed in the very apply, and what a definition does not know. What the API server merely writes differently,
// such as a quantity, or adds by default, is no difference. Values of Secrets are left out.
func Instead(sent, live map[string]any, owners Owners) ([]Difference, error) {
	set, err := parse(owners.Ours)
	if err != nil {
		return nil, err
	}
	secret := sent["kind"] == "Secret"
	var out []Difference
	w := walker{union: set, leaf: func(p field.Path, at fieldpath.Path) {
		if secret && len(p) > 0 && (p[0].Field == "data" || p[0].Field == "stringData") {
			return
		}
		declared, runs := valueAt(sent, p), valueOf(live, at)
		if !sameValue(declared, runs) {
			out = append(out, Difference{Path: p, Declared: declared, Runs: runs})
		}
	}}
	w.object(sent)
	slices.SortFunc(out, func(a, b Difference) int { return a.Path.Compare(b.Path) })
	return out, nil
}

// valueAt returns what is at a path of the object that the path was made from.
func valueAt(v any, p field.Path) any {
	for _, e := range p {
		switch at := v.(type) {
		case map[string]any:
			v = at[e.Field]
		case []any:
			if !e.List || e.Index < 0 || e.Index >= len(at) {
				return nil
			}
			v = at[e.Index]
		default:
			return nil
		}
	}
	return v
}

// valueOf returns what is at a path as the API server knows it, with elements of lists by key or value; nil if there is
// nothing.
func valueOf(v any, at fieldpath.Path) any {
	for _, pe := range at {
		switch in := v.(type) {
		case map[string]any:
			if pe.FieldName == nil {
				return nil
			}
			v = in[*pe.FieldName]
		case []any:
			i := slices.IndexFunc(in, func(item any) bool { return isItem(pe, item) })
			if i < 0 {
				return nil
			}
			v = in[i]
		default:
			return nil
		}
	}
	return v
}

// isItem reports whether an element of a list is the one that a step names.
func isItem(pe fieldpath.PathElement, item any) bool {
	if pe.Value != nil {
		return value.Equals(*pe.Value, value.NewValueInterface(item))
	}
	table, ok := item.(map[string]any)
	if pe.Key == nil || !ok {
		return false
	}
	for _, k := range *pe.Key {
		if !value.Equals(k.Value, value.NewValueInterface(table[k.Name])) {
			return false
		}
	}
	return true
}

// sameValue reports whether a declared value is there, perhaps with defaults beside it and in other words.
func sameValue(declared, runs any) bool {
	switch d := declared.(type) {
	case map[string]any:
		r, _ := runs.(map[string]any)
		for key, v := range d {
			if !sameValue(v, r[key]) {
				return false
			}
		}
		return true
	case []any:
		r, _ := runs.([]any)
		if len(d) != len(r) {
			return len(d) == 0
		}
		for i := range d {
			if !sameValue(d[i], r[i]) {
				return false
			}
		}
		return true
	case nil:
		return true
	}
	if runs == nil {
		return reflect.ValueOf(declared).IsZero() // an empty text, a zero or a false may be left out
	}
	return reflect.DeepEqual(declared, runs) || sameText(fmt.Sprint(declared), fmt.Sprint(runs))
}

// sameText reports whether two texts are the same number, quantity, duration or time in other words.
func sameText(a, b string) bool {
	if a == b {
		return true
	}
	return alike(a, b, resource.ParseQuantity, func(x, y resource.Quantity) bool { return x.Cmp(y) == 0 }) ||
		alike(a, b, time.ParseDuration, func(x, y time.Duration) bool { return x == y }) ||
		alike(a, b, func(s string) (time.Time, error) { return time.Parse(time.RFC3339, s) }, time.Time.Equal)
}

// alike reports whether two texts are read as the same.
func alike[T any](a, b string, parse func(string) (T, error), equal func(T, T) bool) bool {
	x, errX := parse(a)
	y, errY := parse(b)
	return errX == nil && errY == nil && equal(x, y)
}
