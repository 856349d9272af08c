// SPDX-License-Identifier: Apache-2.0

package ownership

import (
	"k8s.io/apimachinery/pkg/runtime"

	"trunkline.dev/trunkline/api/field"
)

// Without returns a copy of an object that does not declare the fields. Applying it leaves them as they are in the
// cluster, as long as someone else owns them. The keys of a list's element stay, since they name it.
func Without(o map[string]any, fields []field.Path) map[string]any {
	c := runtime.DeepCopyJSON(o)
	for _, p := range fields {
		if len(p) > 0 {
			remove(c, p)
		}
	}
	return c
}

// remove returns a value without what is at the path.
func remove(v any, p field.Path) any {
	step, last := p[0], len(p) == 1
	switch v := v.(type) {
	case map[string]any:
		child, ok := v[step.Field]
		switch {
		case step.List || !ok:
		case last:
			delete(v, step.Field)
		default:
			child = remove(child, p[1:])
			if table, ok := child.(map[string]any); ok && len(table) == 0 {
				delete(v, step.Field) // an empty table would be declared where there was none
			}
		}
		return v
	case []any:
		if !step.List || step.Index < 0 || step.Index >= len(v) {
			return v
		}
		if last {
			// The index of what comes after must stay: several paths of one object are removed in turn.
			v[step.Index] = keep(v[step.Index], step.Keys)
			return v
		}
		v[step.Index] = remove(v[step.Index], p[1:])
		return v
	}
	return v
}

// keep leaves nothing of a list's element but its keys.
func keep(v any, keys []field.Key) any {
	table, ok := v.(map[string]any)
	if !ok {
		return v // an element of a set is its own key
	}
	out := map[string]any{}
	for _, k := range keys {
		out[k.Name] = table[k.Name]
	}
	return out
}
