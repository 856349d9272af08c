// SPDX-License-Identifier: Apache-2.0

// Package formats_test holds the example to what it says.
package formats_test

import (
	"os"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/render"
)

// TestTheSame renders the three projects, which are to have the same objects in each environment.
func TestTheSame(t *testing.T) {
	e, err := evaluate.Head(t.Context(), evaluate.Input{
		Tree: os.DirFS("."), Library: blueprints.FS, Renderer: render.New(blueprints.FS), Now: time.Date(2026, 1, 1, 0, 0, 0, 0, time.UTC),
		Thorough: true, Want: func(catalog.ReleaseID) bool { return true },
	})
	if err != nil {
		t.Fatal(err)
	}
	if problems := e.Problems(); len(problems) > 0 {
		t.Errorf("it has problems:\n%s", problems)
	}
	have := map[string]map[string]any{} // by release, then by object
	for rel := range e.Releases() {
		out, ok := e.Rendered(rel.ID)
		if !ok || out.Err != nil {
			t.Fatalf("%s does not render: %v", rel.ID, out.Err)
		}
		objects, err := out.Objects.Unpack()
		if err != nil {
			t.Fatal(err)
		}
		have[rel.ID.Project+" "+rel.ID.Environment] = map[string]any{}
		for _, o := range objects {
			if o.GetLabels()[render.LabelWorkload] != "" {
				have[rel.ID.Project+" "+rel.ID.Environment][o.GetKind()+" "+o.GetName()] = plain(o.Object)
			}
		}
	}
	for _, env := range []string{"dev", "prod"} {
		want := have["rendered "+env]
		if len(want) != 2 {
			t.Fatalf("rendered has %d objects in %s, want 2", len(want), env)
		}
		for _, project := range []string{"jsonnet", "cue"} {
			if diff := cmp.Diff(want, have[project+" "+env]); diff != "" {
				t.Errorf("%s in %s (-rendered +%s):\n%s", project, env, project, diff)
			}
		}
	}
	if cmp.Equal(have["rendered dev"], have["rendered prod"]) {
		t.Error("the environments are the same")
	}
}

// plain is a value without what says whose it is.
func plain(value any) any {
	switch value := value.(type) {
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			out[i] = plain(item)
		}
		return out
	case map[string]any:
		out := map[string]any{}
		for key, item := range value {
			if key != "namespace" && !strings.HasPrefix(key, "trunkline.dev/") && key != "annotations" {
				out[key] = plain(item)
			}
		}
		if len(out) == 0 && len(value) > 0 {
			return nil
		}
		return out
	}
	return value
}
