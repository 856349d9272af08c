// SPDX-License-Identifier: Apache-2.0

package cluster

import (
	"strings"
	"testing"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/plan"
)

// anything draws any value that JSON has, with the words that are looked for in objects.
func anything(depth int) *rapid.Generator[any] {
	word := rapid.SampledFrom([]string{"", FieldManager, "Apply", "Update", "disabled", "-1", "99999999999999999999", "{", `{"f:data":{"f:a":{}}}`, ",.,", "\x1b[2J\xff", strings.Repeat("x", 20_000)})
	if depth == 0 {
		return rapid.Map(word, func(s string) any { return s })
	}
	below := anything(depth - 1)
	key := rapid.SampledFrom([]string{
		"metadata", "annotations", "labels", "managedFields", "manager", "operation", "fieldsV1", "f:data", "subresource", "uid", "resourceVersion",
		"deletionTimestamp", "name", "namespace", "time", labelPartOf, labelID, labelProject, annotationKinds, annotationMemory, annotationDigest, plan.PruneAnnotation,
	})
	return rapid.OneOf(
		rapid.Map(word, func(s string) any { return s }), rapid.Map(rapid.Int64(), func(n int64) any { return n }), rapid.Just[any](nil),
		rapid.Map(rapid.SliceOfN(below, 0, 3), func(l []any) any { return l }),
		rapid.Map(rapid.MapOfN(key, below, 0, 5), func(m map[string]any) any { return m }),
	)
}

// TestAnyObjectIsRead reads objects with anything in their metadata, as members and as inventories: what someone writes
// into a cluster does not end the daemon, again and again with each start.
func TestAnyObjectIsRead(t *testing.T) {
	w := &kindWatch{observer: newObserver(t.Context(), &Conn{cluster: New(Config{Name: "x"}, func(Event) {})})}
	rapid.Check(t, func(t *rapid.T) {
		o := &unstructured.Unstructured{Object: map[string]any{"apiVersion": "v1", "kind": "ConfigMap"}}
		for _, field := range []string{"metadata", "data", "status"} {
			if v := anything(4).Draw(t, field); v != nil {
				o.Object[field] = v
			}
		}
		if _, err := w.Transformer()(o); err != nil {
			t.Errorf("an object is not taken, so that its whole kind is not watched: %v", err)
		}
		i := inventoryOf(o)
		_ = i.Covers(inventoryOf(i.object()))
		_ = i.ApplySet()
	})
}
