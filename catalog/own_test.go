// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
)

// TestOwnPlace: people's own runs write below a folder of theirs, which no dataset and no preview can have.
func TestOwnPlace(t *testing.T) {
	head := "apiVersion: trunkline.dev/v1alpha1\n"
	tree := fstest.MapFS{}
	for name, text := range map[string]string{
		"trunkline.yaml": "kind: Platform\nmetadata: {name: acme}\n",
		"one.yaml":       "kind: Cluster\nmetadata: {name: one}\n",
		"dev.yaml":       "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [one], stores: {lake: \"s3://x/y/\", bare: \"s3://z\"}, lots: {manifests: \"s3://m/<project>/\"}}\n",
		"orders.yaml": `kind: Project
metadata: {name: orders}
spec:
  owner: team
  environments: [dev]
  datasets:
    - {name: raw, version: "1", path: lake://raw/, external: true, lots: {unit: daily, since: 2026-01-01T00:00:00Z}}
    - {name: flat, version: "1", path: bare://flat/, external: true}
`,
	} {
		tree[name] = &fstest.MapFile{Data: []byte(head + text)}
	}
	c, problems, err := catalog.Load(tree, fstest.MapFS{})
	if err != nil || problems.Denied() {
		t.Fatal(err, problems)
	}
	for name, tc := range map[string]struct {
		reason, dataset, env, person string
		want                         catalog.Own
		ok                           bool
	}{
		"lots": {
			"its manifests lie there, too", "orders/raw@1", "dev", "ann",
			catalog.Own{Data: "s3://x/y/trunkline-previews/acme/runs/ann/dev/raw/", Manifests: "s3://x/y/trunkline-previews/acme/runs/ann/dev/manifests/"},
			true,
		},
		"whole":       {"a dataset without lots has no manifests", "orders/flat@1", "dev", "ann", catalog.Own{Data: "s3://z/trunkline-previews/acme/runs/ann/dev/flat/"}, true},
		"nobody":      {"nobody has no folder", "orders/flat@1", "dev", "", catalog.Own{}, false},
		"elsewhere":   {"there is no such environment", "orders/flat@1", "prod", "ann", catalog.Own{}, false},
		"not a thing": {"there is no such dataset", "orders/none@1", "dev", "ann", catalog.Own{}, false},
	} {
		t.Run(name, func(t *testing.T) {
			got, ok := c.OwnPlace(tc.dataset, tc.env, tc.person)
			if diff := cmp.Diff(tc.want, got); diff != "" || ok != tc.ok {
				t.Errorf("%s: ok %t, -want +got:\n%s", tc.reason, ok, diff)
			}
		})
	}
}
