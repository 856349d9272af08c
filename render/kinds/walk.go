// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"fmt"
	"maps"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apimachinery/pkg/runtime/schema"
	smdschema "sigs.k8s.io/structured-merge-diff/v6/schema"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// maxFaults bounds what is found out about one object.
const maxFaults = 20

// walker finds out where an object does not fit the fields of its kind. That it does not is known by then: the API server's
// code says so, but ends at the first unknown field of each level, and says nothing that people could act on.
type walker struct {
	schema *smdschema.Schema
	kind   schema.GroupVersionKind
	// secret says that values must not be told.
	secret bool
	// newer has unknown fields pass: they may be ones of a newer Kubernetes. excused says that there were some.
	newer, excused bool

	faults []Fault
}

func (w *walker) fault(path []any, v any, message, hint string) {
	if len(w.faults) < maxFaults {
		w.faults = append(w.faults, Fault{Path: slices.Clone(path), Value: v, Message: message, Hint: hint})
	}
}

// walk looks at a value that has to be of a type. Null fits any.
func (w *walker) walk(ref smdschema.TypeRef, v any, path []any) {
	atom, known := w.schema.Resolve(ref)
	if !known || v == nil {
		return
	}
	switch v := v.(type) {
	case map[string]any:
		if atom.Map != nil {
			w.fields(atom.Map, v, path)
			return
		}
	case []any:
		if atom.List != nil {
			w.items(atom.List, v, path)
			return
		}
	default:
		if atom.Scalar != nil && scalar(*atom.Scalar, v) {
			return
		}
	}
	w.fault(path, v, fmt.Sprintf("has to be %s, and is %s", wanted(atom), w.is(v)), quotes(atom, v))
}

func (w *walker) fields(t *smdschema.Map, m map[string]any, path []any) {
	for _, key := range slices.Sorted(maps.Keys(m)) {
		at := slices.Concat(path, []any{key})
		ref := t.ElementType
		if field, known := t.FindField(key); known {
			ref = field.Type
		} else if (ref == smdschema.TypeRef{}) {
			if w.newer {
				w.excused = true
				continue
			}
			w.unknown(t, key, at)
			continue
		}
		w.walk(ref, m[key], at)
	}
}

// unknown says of a field that there is none of its name.
func (w *walker) unknown(t *smdschema.Map, key string, path []any) {
	names := make([]string, 0, len(t.Fields))
	for _, f := range t.Fields {
		names = append(names, f.Name)
	}
	if len(w.faults) < maxFaults {
		w.faults = append(w.faults, Fault{
			Path: slices.Clone(path), Unknown: true, Message: noField(w.kind, path[:len(path)-1]), Hint: v1alpha1.Suggest(key, names),
		})
	}
}

// noField says that a kind has no such field at a path.
func noField(of schema.GroupVersionKind, path []any) string {
	at := ""
	if len(path) > 0 {
		at = v1alpha1.FieldPath(path...) + " in "
	}
	return fmt.Sprintf("is no field of %s%s %s, by Kubernetes 1.%d", at, of.GroupVersion(), of.Kind, Minor)
}

func (w *walker) items(t *smdschema.List, items []any, path []any) {
	seen := map[string]int{}
	for i, item := range items {
		at := slices.Concat(path, []any{i})
		if t.ElementRelationship == smdschema.Associative && !w.distinct(t, seen, item, at) {
			continue
		}
		w.walk(t.ElementType, item, at)
	}
}

// distinct checks that an item of a list can be told from the others by its keys, as server-side apply has to.
func (w *walker) distinct(t *smdschema.List, seen map[string]int, item any, path []any) bool {
	if item == nil {
		w.fault(path, item, "is null, and an item of this list cannot be", "remove it")
		return false
	}
	id := fmt.Sprintf("%T %v", item, item)
	if len(t.Keys) > 0 {
		m, ok := item.(map[string]any)
		if !ok {
			w.fault(path, item, "has to be a mapping, and is "+w.is(item), "")
			return false
		}
		if id, ok = w.key(t, m); !ok {
			w.fault(path, item, "has no "+strings.Join(t.Keys, " or ")+", by which the items of this list are told apart", "")
			return false
		}
	}
	i := path[len(path)-1].(int)
	if first, twice := seen[id]; twice {
		what := "is the same"
		if len(t.Keys) > 0 {
			what = "has the same " + strings.Join(t.Keys, " and ")
		}
		w.fault(path, item, fmt.Sprintf("%s as item %d, and only one of them can be applied", what, first), "remove one of them")
		return false
	}
	seen[id] = i
	return true
}

// key is what an item of a list is told apart by; false if it has none.
func (w *walker) key(t *smdschema.List, item map[string]any) (string, bool) {
	element, _ := w.schema.Resolve(t.ElementType)
	var parts []string
	found := false
	for _, name := range t.Keys {
		v, has := item[name]
		if !has && element.Map != nil {
			field, _ := element.FindField(name)
			v = field.Default
			has = v != nil
		}
		found = found || has
		parts = append(parts, fmt.Sprintf("%s=%T %v", name, v, v))
	}
	return strings.Join(parts, ","), found
}

func scalar(want smdschema.Scalar, v any) bool {
	switch v.(type) {
	case int64, float64:
		return want == smdschema.Numeric || want == smdschema.Untyped
	case string:
		return want == smdschema.String || want == smdschema.Untyped
	case bool:
		return want == smdschema.Boolean || want == smdschema.Untyped
	}
	return false
}

// wanted says in words what a type takes.
func wanted(a smdschema.Atom) string {
	switch {
	case a.Map != nil:
		return "a mapping"
	case a.List != nil:
		return "a list"
	case a.Scalar != nil && *a.Scalar == smdschema.Numeric:
		return "a number"
	case a.Scalar != nil && *a.Scalar == smdschema.Boolean:
		return "true or false"
	case a.Scalar != nil && *a.Scalar == smdschema.String:
		return "a text"
	}
	return "a single value"
}

// is says in words what a value is.
func (w *walker) is(v any) string {
	var kind, value string
	switch v := v.(type) {
	case map[string]any:
		return "a mapping"
	case []any:
		return "a list"
	case string:
		kind, value = "the text", strconv.Quote(shortened(v))
	case bool:
		kind, value = "the truth value", strconv.FormatBool(v)
	default:
		kind, value = "the number", fmt.Sprint(v)
	}
	if w.secret {
		return strings.Replace(kind, "the ", "a ", 1)
	}
	return kind + " " + value
}

// maxShown bounds a value in a message.
const maxShown = 40

func shortened(s string) string {
	if runes := []rune(s); len(runes) > maxShown {
		return string(runes[:maxShown]) + "…"
	}
	return s
}

// quotes says that a value has to be written with quotes, or without.
func quotes(a smdschema.Atom, v any) string {
	if a.Scalar == nil {
		return ""
	}
	text, isText := v.(string)
	switch _, number := strconv.ParseFloat(text, 64); {
	case *a.Scalar == smdschema.String && !isText:
		switch v.(type) {
		case bool, int64, float64:
			return "put it in quotes"
		}
	case *a.Scalar == smdschema.Numeric && isText && number == nil, *a.Scalar == smdschema.Boolean && (text == "true" || text == "false"):
		return "write it without quotes"
	case *a.Scalar == smdschema.Boolean && isText && slices.Contains([]string{"yes", "no", "on", "off"}, strings.ToLower(text)):
		return "write true or false"
	}
	return ""
}
