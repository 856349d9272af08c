// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// TestAStrictSchemaOfValues: what Trunkline tells a chart besides its values is nothing that the schema of the chart has to know;
// what people set is.
func TestAStrictSchemaOfValues(t *testing.T) {
	tree := charts(map[string]string{"a": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: m}\ndata: {v: {{ .Values.size }}, w: {{ .Values.global.trunkline.workload.name }}}\n"})
	tree["bp/a/values.schema.json"] = &fstest.MapFile{Data: []byte(`{"type": "object", "properties": {"size": {"type": "string"}}, "additionalProperties": false}`)}
	for name, tc := range map[string]struct {
		reason string
		params map[string]any
		want   string // empty if it renders
	}{
		"Known":   {"only what it knows", map[string]any{"size": "s"}, ""},
		"Unknown": {"a value that it does not know", map[string]any{"size": "s", "colour": "red"}, "colour"},
	} {
		t.Run(name, func(t *testing.T) {
			_, err := render.New(blueprints.FS).Render(t.Context(), tree, releaseOf(catalog.Workload{Name: "w", Blueprint: helmBlueprint("a"), Params: tc.params}))
			if (err == nil) != (tc.want == "") || err != nil && !strings.Contains(err.Error(), tc.want) {
				t.Errorf("%s: got %v, want %q", tc.reason, err, tc.want)
			}
		})
	}
}

// TestAKeyThatIsThereTwice: as in Helm, the last value counts; a warning names its line in what the template renders to.
func TestAKeyThatIsThereTwice(t *testing.T) {
	tree := charts(map[string]string{"a": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: one}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata:\n  name: two\n  name: three\ndata: {v: first, v: last}\n"})
	out, err := render.New(blueprints.FS).Render(t.Context(), tree, releaseOf(catalog.Workload{Name: "w", Blueprint: helmBlueprint("a")}))
	if err != nil {
		t.Fatal(err)
	}
	var lines []int
	for _, w := range out.Warnings {
		if !strings.HasSuffix(w.Source, "templates/all.yaml") {
			t.Errorf("the warning is of another file: %s", w)
		}
		lines = append(lines, w.Line)
	}
	if diff := cmp.Diff([]int{9, 10}, lines); diff != "" {
		t.Errorf("the lines of the warnings (-want +got):\n%s\n%v", diff, out.Warnings)
	}
	for _, o := range out.Objects {
		data, _ := o.Object["data"].(map[string]any)
		if o.GetKind() == "ConfigMap" && o.GetName() != "one" && (o.GetName() != "three" || data["v"] != "last") {
			t.Errorf("the object is %v", o.Object)
		}
	}
}
