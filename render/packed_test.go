// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"encoding/json"
	"fmt"
	"math"
	"testing"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/render"
)

// drawObject makes an object with values of every kind that engines render.
func drawObject(t *rapid.T, i int) *unstructured.Unstructured {
	text := rapid.OneOf(rapid.String(), rapid.SampledFrom([]string{"", "<&>", "\u2028", "é", "\x00"}))
	var value *rapid.Generator[any]
	value = rapid.Custom(func(t *rapid.T) any {
		switch rapid.IntRange(0, 6).Draw(t, "kind") {
		case 0:
			return text.Draw(t, "text")
		case 1:
			return rapid.Int64().Draw(t, "number")
		case 2:
			return float64(rapid.Int32().Draw(t, "fraction")) + 0.5
		case 3:
			return rapid.Bool().Draw(t, "bool")
		case 4:
			return rapid.SliceOfN(rapid.Deferred(func() *rapid.Generator[any] { return value }), 0, 3).Draw(t, "list")
		case 5:
			return rapid.MapOfN(text, rapid.Deferred(func() *rapid.Generator[any] { return value }), 0, 3).Draw(t, "map")
		default:
			return nil
		}
	})
	return &unstructured.Unstructured{Object: map[string]any{
		"apiVersion": rapid.SampledFrom([]string{"v1", "apps/v1", "example.com/v1beta1"}).Draw(t, "version"),
		"kind":       rapid.SampledFrom([]string{"ConfigMap", "Deployment"}).Draw(t, "kind"),
		"metadata":   map[string]any{"name": fmt.Sprint("o", i), "namespace": text.Draw(t, "namespace")}, "spec": value.Draw(t, "spec"),
	}}
}

// TestPackedIsTheSame: a packed release lists its objects and unpacks to the same ones, also when its parts were kept
// elsewhere meanwhile.
func TestPackedIsTheSame(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		objects := make([]*unstructured.Unstructured, rapid.IntRange(0, 6).Draw(t, "objects"))
		var want []render.Identity
		for i := range objects {
			objects[i] = drawObject(t, i)
			want = append(want, render.Identity{
				GroupKind: objects[i].GroupVersionKind().GroupKind(), Namespace: objects[i].GetNamespace(), Name: objects[i].GetName(),
			})
		}
		packed, err := render.Pack(objects)
		if err != nil {
			t.Fatal(err)
		}
		kept, err := json.Marshal(packed.Parts())
		if err != nil {
			t.Fatal(err)
		}
		var parts []render.Part
		if err := json.Unmarshal(kept, &parts); err != nil {
			t.Fatal(err)
		}
		again, err := render.Assemble(packed.Data(), parts, packed.Digest())
		if err != nil {
			t.Fatal(err)
		}
		for _, p := range []*render.Packed{packed, again} {
			var ids []render.Identity
			for _, part := range p.Parts() {
				ids = append(ids, part.Identity)
			}
			if diff := cmp.Diff(want, ids); diff != "" {
				t.Errorf("names (-want +got):\n%s", diff)
			}
			got, err := p.Unpack()
			if err != nil || p.Len() != len(objects) || p.Digest() != packed.Digest() {
				t.Fatal(err, p.Len(), p.Digest())
			}
			for i := range got {
				if diff := cmp.Diff(objects[i], got[i]); diff != "" {
					t.Errorf("object %d (-want +got):\n%s", i, diff)
				}
			}
		}
	})
}

func TestPackedDigest(t *testing.T) {
	object := func(name, value string) *unstructured.Unstructured {
		return &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": name}, "data": map[string]any{"key": value},
		}}
	}
	digest := func(objects ...*unstructured.Unstructured) string {
		t.Helper()
		p, err := render.Pack(objects)
		if err != nil {
			t.Fatal(err)
		}
		return p.Digest()
	}
	// It stands in the inventories of clusters: with another formula, every release would count as changed.
	if got, want := digest(object("a", "<1>"), object("b", "2")), "a37f91612ebaf393e523908e8d245e6f481b906347372d256b0d107f4e59f998"; got != want {
		t.Errorf("the digest is %s, want %s", got, want)
	}
	seen := map[string]string{}
	for name, d := range map[string]string{
		"nothing": digest(), "one": digest(object("a", "1")), "another value": digest(object("a", "2")),
		"another order": digest(object("b", "1"), object("a", "1")), "two": digest(object("a", "1"), object("b", "1")), "nil": (*render.Packed)(nil).Digest(),
	} {
		if other, twice := seen[d]; twice {
			t.Errorf("%s has the digest of %s", name, other)
		}
		seen[d] = name
	}
}

func TestPackRefuses(t *testing.T) {
	cases := map[string]struct {
		reason string
		value  any
		want   string
	}{
		"NotANumber": {"JSON has no such number", math.NaN(), "reading the rendered ConfigMap a: json: unsupported value: NaN"},
		"Function":   {"no engine gives one, and to leave it out would be silent", func() {}, "reading the rendered ConfigMap a: json: unsupported type: func()"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := render.Pack([]*unstructured.Unstructured{{Object: map[string]any{
				"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"name": "a"}, "data": tc.value,
			}}})
			if err == nil || err.Error() != tc.want {
				t.Errorf("%s: got %v, want %s", tc.reason, err, tc.want)
			}
		})
	}
}

func TestAssembleRefuses(t *testing.T) {
	part := func(end int) render.Part {
		return render.Part{Identity: render.Identity{GroupKind: schema.GroupKind{Kind: "ConfigMap"}, Name: "a"}, End: end}
	}
	cases := map[string]struct {
		reason string
		parts  []render.Part
		want   string
	}{
		"TooFar":    {"it would read what is not there", []render.Part{part(3)}, "a part of what was rendered ends at byte 3, which is not from 0 to 2"},
		"Backwards": {"parts follow each other", []render.Part{part(2), part(1)}, "a part of what was rendered ends at byte 1, which is not from 2 to 2"},
		"Negative":  {"no part ends before the first byte", []render.Part{part(-1)}, "a part of what was rendered ends at byte -1, which is not from 0 to 2"},
		"Rest":      {"an object would be lost", []render.Part{part(1)}, "1 bytes of what was rendered belong to no object"},
		"None":      {"all objects would be lost", nil, "2 bytes of what was rendered belong to no object"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			_, err := render.Assemble([]byte("{}"), tc.parts, "")
			if err == nil || err.Error() != tc.want {
				t.Errorf("%s: got %v, want %s", tc.reason, err, tc.want)
			}
		})
	}
}
