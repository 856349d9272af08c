// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"fmt"
	"reflect"
	"testing"
	"time"

	"trunkline.dev/trunkline/api/schema"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// compiledSchema is another form of the parameters that stand beside it.
var compiledSchema = reflect.TypeFor[*schema.Schema]()

// fill returns a value in which nothing is empty.
func fill(v reflect.Value) {
	switch v.Kind() { //nolint:exhaustive // the rest fails the test that counts leaves
	case reflect.String:
		v.SetString("text")
	case reflect.Bool:
		v.SetBool(true)
	case reflect.Int, reflect.Int64:
		v.SetInt(7)
	case reflect.Pointer:
		v.Set(reflect.New(v.Type().Elem()))
		fill(v.Elem())
	case reflect.Interface:
		v.Set(reflect.ValueOf(int64(1)))
	case reflect.Slice:
		v.Set(reflect.MakeSlice(v.Type(), 1, 1))
		fill(v.Index(0))
	case reflect.Map:
		key, value := reflect.New(v.Type().Key()).Elem(), reflect.New(v.Type().Elem()).Elem()
		fill(key)
		fill(value)
		v.Set(reflect.MakeMap(v.Type()))
		v.SetMapIndex(key, value)
	case reflect.Struct:
		for field, value := range v.Fields() {
			if field.Type != compiledSchema {
				fill(value)
			}
		}
	}
}

// leaves calls visit for each place in v that can be another, with a function that changes it and returns one
// that changes it back.
func leaves(at string, v reflect.Value, visit func(at string, change func() func())) {
	replace := func(with reflect.Value) func() func() {
		return func() func() {
			old := reflect.New(v.Type()).Elem()
			old.Set(v)
			v.Set(with)
			return func() { v.Set(old) }
		}
	}
	switch v.Kind() { //nolint:exhaustive // as above
	case reflect.String:
		visit(at, replace(reflect.ValueOf("other").Convert(v.Type())))
	case reflect.Bool:
		visit(at, replace(reflect.ValueOf(false)))
	case reflect.Int, reflect.Int64:
		visit(at, replace(reflect.ValueOf(8).Convert(v.Type())))
	case reflect.Interface:
		for _, other := range []any{2, float64(1), "1", true, nil, []any{int64(1)}, map[string]any{"1": nil}} {
			with := reflect.New(v.Type()).Elem()
			if other != nil {
				with.Set(reflect.ValueOf(other))
			}
			visit(fmt.Sprintf("%s=%#v", at, other), replace(with))
		}
	case reflect.Pointer:
		visit(at+"=nil", replace(reflect.Zero(v.Type())))
		leaves(at, v.Elem(), visit)
	case reflect.Slice:
		visit(at+"=nil", replace(reflect.Zero(v.Type())))
		leaves(at+"[]", v.Index(0), visit)
	case reflect.Map:
		visit(at+"=nil", replace(reflect.Zero(v.Type())))
		key := v.MapKeys()[0]
		other := reflect.MakeMap(v.Type())
		other.SetMapIndex(reflect.ValueOf("other").Convert(key.Type()), v.MapIndex(key))
		visit(at+"{key}", replace(other))
		value := reflect.New(v.Type().Elem()).Elem()
		value.Set(v.MapIndex(key))
		leaves(at+"{}", value, func(at string, change func() func()) {
			visit(at, func() func() {
				undo := change()
				v.SetMapIndex(key, value)
				return func() {
					undo()
					v.SetMapIndex(key, value)
				}
			})
		})
	case reflect.Struct:
		for field, value := range v.Fields() {
			if field.Type != reflect.TypeFor[v1alpha1.Position]() && field.Type != compiledSchema {
				leaves(at+"."+field.Name, value, visit)
			}
		}
	}
}

// TestFingerprintSeesEverything: whichever field is another, so is the fingerprint; also one that is added later.
func TestFingerprintSeesEverything(t *testing.T) {
	var rel catalog.Release
	fill(reflect.ValueOf(&rel).Elem())
	want := render.Fingerprint(rel)
	if want == "" {
		t.Fatal("a release has no fingerprint")
	}
	seen, count := map[string]string{want: "the release itself"}, 0
	leaves("", reflect.ValueOf(&rel).Elem(), func(at string, change func() func()) {
		count++
		undo := change()
		got := render.Fingerprint(rel)
		undo()
		if other, twice := seen[got]; twice {
			t.Errorf("with another %s the fingerprint is that of %s", at, other)
		}
		seen[got] = at
		if render.Fingerprint(rel) != want {
			t.Fatalf("%s: the change was not undone, or the fingerprint is not the same twice", at)
		}
	})
	if count < 50 {
		t.Errorf("%d changes were tried only", count)
	}
}

func TestFingerprintOfWhatHasNone(t *testing.T) {
	endless := map[string]any{}
	endless["self"] = endless
	for _, params := range []map[string]any{{"f": func() {}}, {"m": map[int]string{1: ""}}, endless} {
		rel := catalog.Release{Workloads: []catalog.Workload{{Params: params, Timeout: time.Second}}}
		if got := render.Fingerprint(rel); got != "" {
			t.Errorf("got %s, want none", got)
		}
	}
}
