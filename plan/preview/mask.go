// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"cmp"
	"encoding/base64"
	"encoding/json"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/api/generated"
	"trunkline.dev/trunkline/api/sealed"
)

// minPart is how long, in bytes, a secret value must be to be looked for outside of Secrets; a shorter one would be
// found everywhere by chance.
const minPart = 8

// What stands in the place of values.
const (
	redacted  = "(redacted)"
	encrypted = "(encrypted)"
	differs   = "changed"
)

// Mask hides the values of Secrets: in the Secrets, whatever side of a comparison they are on, and wherever else a
// text holds one of them.
type Mask struct{ parts *strings.Replacer }

// NewMask learns the values of all Secrets among the objects: those of a release as they are and as they will be. Nil
// objects are passed over.
func NewMask(objects ...*unstructured.Unstructured) Mask {
	known := map[string]bool{}
	for _, o := range objects {
		if o != nil {
			eachSecret(o.Object, func(secret map[string]any) { learn(known, secret) })
		}
	}
	parts := make([]string, 0, len(known))
	for value := range known {
		parts = append(parts, value)
	}
	// The longest first: the replacer takes the first that fits, and a part of a value must not save the rest of it.
	slices.SortFunc(parts, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	pairs := make([]string, 0, 2*len(parts))
	for _, p := range parts {
		pairs = append(pairs, p, redacted)
	}
	return Mask{parts: strings.NewReplacer(pairs...)}
}

// learn records the values of a Secret, and the forms in which they are written elsewhere.
func learn(known map[string]bool, secret map[string]any) {
	values, _ := valuesOf(secret)
	for _, value := range values {
		if sealed.Value(value) {
			continue // it may be read by everybody
		}
		forms := []string{value, strings.TrimSpace(value), base64.StdEncoding.EncodeToString([]byte(value))}
		if quoted, err := json.Marshal(value); err == nil {
			forms = append(forms, strings.Trim(string(quoted), `"`))
		}
		for line := range strings.Lines(value) { // a text of several lines may be indented elsewhere
			forms = append(forms, strings.TrimSpace(line))
		}
		for _, form := range forms {
			if len(form) >= minPart {
				known[form] = true
			}
		}
	}
}

// Text masks what a text holds of secret values.
func (m Mask) Text(s string) string {
	if m.parts == nil {
		return s
	}
	return m.parts.Replace(s)
}

// Pair returns copies of an object before and after that can be shown. Either may be nil. What differs between the two
// differs in the copies as well, with the values left out.
func (m Mask) Pair(before, after *unstructured.Unstructured) (a, b *unstructured.Unstructured) {
	was := map[string]string{}
	a = m.shown(before, func(path, value string) string {
		was[path] = value
		return place(value)
	})
	b = m.shown(after, func(path, value string) string {
		if old, there := was[path]; there && old != value {
			return strings.Replace(place(value), ")", ", "+differs+")", 1)
		}
		return place(value)
	})
	return a, b
}

func place(value string) string {
	if sealed.Value(value) {
		return encrypted
	}
	return redacted
}

// shown copies an object, and has hide say what stands in the place of each secret value. What an object is called is
// no secret.
func (m Mask) shown(o *unstructured.Unstructured, hide func(path, value string) string) *unstructured.Unstructured {
	if o == nil {
		return nil
	}
	name, namespace, kind, version := o.GetName(), o.GetNamespace(), o.GetKind(), o.GetAPIVersion()
	content, ok := m.value(o.Object, "", hide).(map[string]any)
	if !ok {
		content = map[string]any{}
	}
	c := &unstructured.Unstructured{Object: content}
	c.SetAPIVersion(version)
	c.SetKind(kind)
	if name != "" {
		c.SetName(name)
	}
	if namespace != "" {
		c.SetNamespace(namespace)
	}
	return c
}

// value copies a value. A Secret counts as one wherever it stands, such as in an object that holds others.
func (m Mask) value(v any, path string, hide func(path, value string) string) any {
	switch v := v.(type) {
	case string:
		return m.Text(v)
	case map[string]any:
		if sealed.Secret(v) {
			return m.secret(v, path, hide)
		}
		out := make(map[string]any, len(v))
		for key, below := range v {
			out[key] = m.value(below, path+"/"+key, hide)
		}
		return out
	case []any:
		out := make([]any, len(v))
		for i, below := range v {
			out[i] = m.value(below, fmt.Sprintf("%s/%d", path, i), hide)
		}
		return out
	}
	return v
}

// open are the fields of a Secret that hold no values.
var open = []string{"apiVersion", "kind", "type", "immutable"}

// secret copies a Secret: all but what is known to hold no values is hidden.
func (m Mask) secret(o map[string]any, path string, hide func(path, value string) string) map[string]any {
	out := map[string]any{}
	values, rest := valuesOf(o)
	data := make(map[string]any, len(values))
	for key, value := range values {
		data[key] = hide(path+"/data/"+key, value)
	}
	if made, err := generated.Of(o); err == nil && made != nil {
		for _, key := range made.Pending(o).Keys {
			data[key] = made.Shown()
		}
	}
	if len(data) > 0 {
		out["data"] = data
	}
	for key, v := range rest {
		switch {
		case slices.Contains(open, key):
			out[key] = m.value(v, path+"/"+key, hide)
		case key == "metadata":
			out[key] = m.metadata(v, path, hide)
		case key == sealed.Part, key == "status": // how it is encrypted says nothing to people
		default:
			out[key] = hide(path+"/"+key, asText(v))
		}
	}
	return out
}

// ours is how the annotations begin that Trunkline reads or writes.
const ours = "trunkline.dev/"

// metadata copies the metadata of a Secret. An annotation can hold all of the Secret once more, in a form of its
// writer's choice, as that of kubectl apply does; so only ours are shown.
func (m Mask) metadata(v any, path string, hide func(path, value string) string) any {
	out, ok := m.value(v, path+"/metadata", hide).(map[string]any)
	if !ok {
		return hide(path+"/metadata", asText(v))
	}
	in, _ := v.(map[string]any)
	switch annotations := in["annotations"].(type) {
	case nil:
	case map[string]any:
		shown := make(map[string]any, len(annotations))
		for key, value := range annotations {
			if text, ok := value.(string); ok && strings.HasPrefix(key, ours) {
				shown[key] = m.Text(text)
			} else {
				shown[key] = hide(path+"/annotations/"+key, asText(value))
			}
		}
		out["annotations"] = shown
	default:
		out["annotations"] = hide(path+"/annotations", asText(annotations))
	}
	return out
}
