// SPDX-License-Identifier: Apache-2.0

package render_test

import (
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
)

// TestReplaysAreOnTheTemplate: the CronJob of a workload's lots names the replays that come with it, beside what its chart says, and
// nothing else does. A chart cannot name any itself.
func TestReplaysAreOnTheTemplate(t *testing.T) {
	text := "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x, annotations: {note: mine}}\n---\napiVersion: v1\nkind: ConfigMap\nmetadata: {name: conf}\n"
	rel := releaseOf(catalog.Workload{Name: "a", Blueprint: helmBlueprint("a"), Lots: true, Replays: []string{"one of orders/clean@1", "two of orders/a"}})
	out, err := render.New(blueprints.FS).Render(t.Context(), charts(map[string]string{"a": text}), rel)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]map[string]string{}
	for _, o := range out.Objects {
		got[o.GetKind()] = o.GetAnnotations()
	}
	want := map[string]string{"note": "mine", render.AnnotationReplays: "one of orders/clean@1\ntwo of orders/a"}
	if diff := cmp.Diff(want, got["CronJob"]); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	if len(got["ConfigMap"]) > 0 {
		t.Errorf("the ConfigMap has %v", got["ConfigMap"])
	}
	text = "apiVersion: batch/v1\nkind: CronJob\nmetadata: {name: x, annotations: {trunkline.dev/replays: one of orders/a}}\n"
	if _, err := render.New(blueprints.FS).Render(t.Context(), charts(map[string]string{"a": text}), rel); err == nil {
		t.Error("a chart may say that a replay came with it")
	}
}
