// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"testing"

	"trunkline.dev/trunkline/catalog"
)

// TestRunsPerLot: only where an environment keeps the lots of what a workload writes does it run once for each.
func TestRunsPerLot(t *testing.T) {
	keeps := kept("dev.yaml", "s3://m/<environment>/<project>/")
	for name, tc := range map[string]struct {
		reason string
		edits  []edit
		want   bool
	}{
		"Lots":     {"What it writes has lots, and the environment keeps them.", []edit{ordersInLots, keeps}, true},
		"NoLots":   {"What it writes is one whole.", []edit{keeps}, false},
		"NotKept":  {"The environment keeps no lots: everything is as it was before there were any.", []edit{ordersInLots}, false},
		"Other":    {"Another environment keeps them.", []edit{ordersInLots, kept("prod.yaml", "s3://m/")}, false},
		"Schedule": {"What runs by the clock writes its lots by itself.", []edit{ordersInLots, keeps, {orders, "name: land\n      blueprint: job", "name: land\n      schedule: \"@daily\"\n      params: {queue: q}\n      blueprint: clock"}}, false},
	} {
		t.Run(name, func(t *testing.T) {
			if got := workload(t, devOne, "land", tc.edits...).Lots; got != tc.want {
				t.Errorf("%s\nlots: %t, want %t", tc.reason, got, tc.want)
			}
		})
	}
}

// TestPreviewsHaveTemplates: what runs once for each lot is a template in a preview too, of which nobody makes runs.
func TestPreviewsHaveTemplates(t *testing.T) {
	cat, problems := load(t, mapFS(change(t, ordersInLots, kept("dev.yaml", "s3://m/<environment>/<project>/"), previewing)))
	if problems.Denied() {
		t.Fatalf("the platform is refused:\n%s", problems)
	}
	p, err := cat.Preview(catalog.PreviewOf{Trunk: cat, Environment: "dev", Pull: catalog.Pull{Number: 7}, Changed: []string{"orders"}})
	if err != nil {
		t.Fatal(err)
	}
	for project := range p.Catalog.Projects() {
		for _, id := range p.Catalog.ReleasesOf(project) {
			for _, w := range p.Catalog.Release(project, id).Workloads {
				if w.Name == "land" && !w.Lots {
					t.Error("a program that makes one lot would be run without any")
				}
			}
		}
	}
}
