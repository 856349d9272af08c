// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"io/fs"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/webhooks/report"
)

// services renders a Deployment for each release, with as many cores as the project's text says.
type services struct{}

func (services) Render(_ context.Context, tree fs.FS, rel catalog.Release) (out render.Result, err error) {
	data, err := fs.ReadFile(tree, "projects/"+rel.ID.Project+"/app.yaml")
	if err != nil {
		return out, err
	}
	cores := "1"
	if _, after, ok := strings.Cut(string(data), "cores-"); ok {
		cores = after[:1]
	}
	out.Objects = []*unstructured.Unstructured{{Object: map[string]any{
		"apiVersion": "apps/v1", "kind": "Deployment", "metadata": map[string]any{
			"name": "app", "namespace": rel.Namespace, "labels": map[string]any{render.LabelWorkload: "app"},
		},
		"spec": map[string]any{"replicas": int64(1), "template": map[string]any{"spec": map[string]any{"containers": []any{map[string]any{
			"name": "app", "image": "img", "resources": map[string]any{"requests": map[string]any{"cpu": cores}},
		}}}}},
	}}}
	return out, nil
}

// TestCost: what a change costs is told, by project; a budget refuses what makes it dearer than that, and a change that costs
// nothing more says nothing.
func TestCost(t *testing.T) {
	priced := platform().with(files{
		"trunkline.yaml": strings.TrimSuffix(platform()["trunkline.yaml"], "\n") + "\nspec: {rates: {currency: EUR, cpu: '0.1'}}\n",
	})
	with := func(f files, cores string) files {
		return f.with(files{"projects/orders/app.yaml": strings.Replace(f["projects/orders/app.yaml"], "image: img", "image: cores-"+cores, 1)})
	}
	budget := priced.with(files{"environments.yaml": strings.Replace(priced["environments.yaml"], "{clusters: [one],", "{clusters: [one], budget: {perProject: '100'},", 1)})
	tiny := priced.with(files{"trunkline.yaml": strings.Replace(priced["trunkline.yaml"], "'0.1'", "'0.000001'", 1)})
	// November has 720 hours: a core for all of them is 72 EUR, in each of two environments.
	for name, tc := range map[string]struct {
		reason string
		base   files
		head   files
		state  CheckState
		want   *report.Cost
	}{
		"Dearer": {
			"Two cores more, in two environments.", priced, with(priced, "3"), Success,
			&report.Cost{Before: "288.00 EUR", After: "576.00 EUR", Change: "+288.00 EUR", Jumps: true, Parts: []report.CostPart{{What: "orders", Change: "+288.00 EUR"}}},
		},
		"Cheaper": {
			"Two cores less.", with(priced, "3"), priced, Success,
			&report.Cost{Before: "576.00 EUR", After: "288.00 EUR", Change: "-288.00 EUR", Parts: []report.CostPart{{What: "orders", Change: "-288.00 EUR"}}},
		},
		"Little": {"What is written as nothing is not told.", tiny, with(tiny, "3"), Success, nil},
		"Same":   {"Only a name changes.", priced, priced.with(files{"projects/orders/app.yaml": priced["projects/orders/app.yaml"] + "# more\n"}), Success, nil},
		"Budget": {"A project may cost 100 EUR in dev.", budget, with(budget, "3"), Failure, nil},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				time.Sleep(time.Until(time.Date(2026, 11, 28, 12, 0, 0, 0, time.UTC)))
				w := newWorld(t, tc.base)
				w.renderer = services{}
				w.accept(w.tip)
				w.pull(1, "olga", tc.head)
				e := w.engine(func(o *Options) { o.Renderer = services{} })
				w.during(e, func() {})
				if got := w.checks[0]; got.State != tc.state {
					t.Errorf("%s The check is %s: %s", tc.reason, got.State, got.Summary)
				}
				c, err := e.evaluate(t.Context(), w.tip, tc.head.tree(), []string{"olga"})
				if err != nil {
					t.Fatal(err)
				}
				r, err := reviewOf(c, time.Now())
				if err != nil {
					t.Fatal(err)
				}
				if diff := cmp.Diff(tc.want, r.Cost); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
				}
			})
		})
	}
}
