package preview

import (
	"cmp"
	"encoding/base64"
	"fmt"
	"slices"
	"strings"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
)

// minPart is how long, in bytes, a secret value must be to be looked for inside of longer texts; a shorter one is only
// masked where it is the whole text, since it would be found everywhere by chance.
const minPart = 6

const redacted = "(redacted)"

// Mask hides the values of Secrets: in the Secrets, whatever side of a comparison they are on, and wherever else a
// text holds one of them.
type Mask struct {
	whole map[string]bool
	parts *strings.Replacer
}

// NewMask learns the values of all Secrets among the objects: those of a release as they are and as they will be. Nil
// objects are passed over.
func NewMask(objects ...*unstructured.Unstructured) Mask {
	m := Mask{whole: map[string]bool{}}
	for _, o := range objects {
		if isSecret(o) {
			for _, value := range secretValues(o) {
				m.learn(value)
			}
		}
	}
	var parts []string
	for value := range m.whole {
		if len(value) >= minPart {
			parts = append(parts, value)
		}
	}
	// The longest first: the replacer takes the first that fits, and a part of a value must not save the rest of it.
	slices.SortFunc(parts, func(a, b string) int { return cmp.Or(cmp.Compare(len(b), len(a)), cmp.Compare(a, b)) })
	pairs := make([]string, 0, 2*len(parts))
	for _, p := range parts {
		pairs = append(pairs, p, redacted)
	}
	m.parts = strings.NewReplacer(pairs...)
	return m
}

// learn takes in a value, and the forms in which it is written elsewhere.
func (m Mask) learn(value string) {
	for _, v := range []string{value, strings.TrimSpace(value), base64.StdEncoding.EncodeToString([]byte(value))} {
		if v != "" {
			m.whole[v] = true
		}
	}
	for line := range strings.Lines(value) { // a text of several lines is taken apart when it is printed
		if line = strings.TrimSpace(line); len(line) >= minPart {
			m.whole[line] = true
		}
	}
}

// Text masks what a text holds of secret values.
func (m Mask) Text(s string) string {
	if m.whole[s] {
		return redacted
	}
	if m.parts == nil {
		return s
	}
	return m.parts.Replace(s)
}

// Pair gives copies of an object before and after that can be shown. Either may be nil. What differs between the two
// differs in the copies as well, with the values left out.
func (m Mask) Pair(before, after *unstructured.Unstructured) (a, b *unstructured.Unstructured) {
	a, b = m.copied(before), m.copied(after)
	if !isSecret(before) && !isSecret(after) {
		return a, b
	}
	was, is := map[string]string{}, map[string]string{}
	if before != nil {
		was = secretValues(before)
	}
	if after != nil {
		is = secretValues(after)
	}
	hide(a, was, func(string) string { return "" })
	hide(b, is, func(key string) string {
		if old, there := was[key]; there && old != is[key] {
			return ", changed"
		}
		return ""
	})
	return a, b
}

func (m Mask) copied(o *unstructured.Unstructured) *unstructured.Unstructured {
	if o == nil {
		return nil
	}
	c := o.DeepCopy()
	if isSecret(c) {
		// What the client last sent is all of the Secret once more, in a form of the client's choice.
		annotations := c.GetAnnotations()
		if _, there := annotations[lastApplied]; there {
			annotations[lastApplied] = redacted
			c.SetAnnotations(annotations)
		}
	}
	for key, value := range c.Object {
		if key != "apiVersion" && key != "kind" {
			c.Object[key] = m.value(value)
		}
	}
	return c
}

const lastApplied = "kubectl.kubernetes.io/last-applied-configuration"

// value masks all texts below a value, which it changes.
func (m Mask) value(v any) any {
	switch v := v.(type) {
	case string:
		return m.Text(v)
	case map[string]any:
		for key, below := range v {
			v[key] = m.value(below)
		}
	case []any:
		for i, below := range v {
			v[i] = m.value(below)
		}
	}
	return v
}

// hide puts the sizes of the values where they were. The forms data and stringData say the same, and become one.
func hide(o *unstructured.Unstructured, values map[string]string, more func(key string) string) {
	if o == nil {
		return
	}
	delete(o.Object, "stringData")
	delete(o.Object, "data")
	if len(values) == 0 {
		return
	}
	data := make(map[string]any, len(values))
	for key, value := range values {
		data[key] = fmt.Sprintf("(redacted, %d bytes%s)", len(value), more(key))
	}
	o.Object["data"] = data
}

// isSecret goes by what the object is, and by nothing that it says of itself elsewhere.
func isSecret(o *unstructured.Unstructured) bool {
	return o != nil && o.GroupVersionKind().GroupKind() == schema.GroupKind{Kind: "Secret"}
}

// secretValues gives the values of a Secret, as the programs that use it see them. What is no base64, or no text, is
// given as it is written: an invalid Secret is a secret too.
func secretValues(o *unstructured.Unstructured) map[string]string {
	values := map[string]string{}
	take := func(name string, read func(string) string) {
		switch data := o.Object[name].(type) {
		case nil:
		case map[string]any:
			for key, value := range data {
				text, ok := value.(string)
				if !ok {
					text = fmt.Sprint(value)
				}
				values[key] = read(text)
			}
		default:
			values[name] = fmt.Sprint(data)
		}
	}
	take("data", func(s string) string {
		if plain, err := base64.StdEncoding.DecodeString(s); err == nil {
			return string(plain)
		}
		return s
	})
	take("stringData", func(s string) string { return s }) // it wins, as in the API server
	return values
}
