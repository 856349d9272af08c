// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
)

func TestChangesOfPrices(t *testing.T) {
	for name, tc := range map[string]struct{ reason, changes, want string }{
		"Order": {"The earliest is the first.", `[{from: "2026-11-20", cpu: "1"}, {from: "2026-11-10", cpu: "2"}]`, "prices change on 2026-11-10, which is not after the change before it, on 2026-11-20"},
		"Twice": {"A day is there once.", `[{from: "2026-11-20", cpu: "1"}, {from: "2026-11-20", cpu: "2"}]`, "prices change on 2026-11-20, which is not after"},
		"Never": {"From when is said.", `[{cpu: "1"}]`, "from"},
		"Fine":  {"In order.", `[{from: "2026-11-10", cpu: "1"}, {from: "2026-11-20", cpu: "2"}]`, ""},
	} {
		for _, file := range []string{"kind: Platform\nmetadata: {name: acme}", "kind: Cluster\nmetadata: {name: one}"} {
			tree := fstest.MapFS{"trunkline.yaml": {Data: []byte("apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: acme}\n")}}
			at := "one.yaml"
			if strings.Contains(file, "Platform") {
				at = "trunkline.yaml"
			}
			tree[at] = &fstest.MapFile{Data: []byte("apiVersion: trunkline.dev/v1alpha1\n" + file + "\nspec: {rates: {changes: " + tc.changes + "}}\n")}
			_, problems, err := catalog.Load(tree, blueprints.FS)
			if err != nil {
				t.Fatal(err)
			}
			if got := problems.String(); tc.want == "" && problems.Denied() || !strings.Contains(got, tc.want) {
				t.Errorf("%s: %s\ngot %q, want %q", name, tc.reason, got, tc.want)
			}
		}
	}
}
