// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"io/fs"
	"maps"
	"strings"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
)

// head begins every declaration of these tests.
const head = "apiVersion: trunkline.dev/v1alpha1\n"

// library holds two embedded blueprints: job takes most fields, clock takes a schedule too.
var library = fstest.MapFS{
	"job/blueprint.yaml": file(head + `kind: Blueprint
metadata: {name: job}
spec:
  engine: helm
  source: chart
  fields: [image, command, env, files, size, retries, timeout]
  parameters:
    type: object
    additionalProperties: false
    properties:
      mode: {enum: [fast, safe]}
      replicas: {type: integer, minimum: 1}
      limits:
        type: object
        additionalProperties: false
        properties: {rows: {type: integer}}
`),
	"spark-stream/blueprint.yaml": file(head + `kind: Blueprint
metadata: {name: spark-stream}
spec: {engine: helm, source: chart, fields: [image, command, size, files], parameters: {type: object}}
`),
	"clock/blueprint.yaml": file(head + `kind: Blueprint
metadata: {name: clock}
spec:
  engine: helm
  source: chart
  fields: [image, schedule]
  parameters:
    type: object
    required: [queue]
    properties: {queue: {type: string}, depth: {type: integer}}
`),
}

// acme is a small platform in which nothing is wrong; the cases of the tests break it in one place each.
var acme = map[string]string{
	"trunkline.yaml": head + `kind: Platform
metadata: {name: acme}
spec:
  roots: [.]
`,
	"clusters.yaml": head + `kind: Cluster
metadata: {name: one}
---
` + head + `kind: Cluster
metadata: {name: two}
spec:
  sizes: {mx.small: {cpu: "3", memory: 5Gi}}
`,
	"dev.yaml": head + `kind: Environment
metadata: {name: dev}
spec:
  clusters: [one]
  stores: {lake: "file:///dev/"}
`,
	"prod.yaml": head + `kind: Environment
metadata: {name: prod}
spec:
  clusters: [one, two]
  stores: {lake: s3://prod, queue: kafka://broker}
`,
	"orders/project.yaml": head + `kind: Project
metadata: {name: orders}
spec:
  owner: team-orders
  environments: [dev, prod]
  image: orders:1
  datasets:
    - {name: raw, version: "1", path: lake://orders/raw/}
    - {name: clean, version: "2", path: lake://orders/clean/, schema: clean.json}
  workloads:
    - name: land
      blueprint: job
      writes: {main: raw@1}
    - name: clean
      blueprint: job
      reads: {raw: raw@1, fx: rates/fx@1}
      writes: {main: clean@2}
      after: [land]
      params: {mode: fast}
`,
	"orders/clean.json": `{}`,
	"rates/project.yaml": head + `kind: Project
metadata: {name: rates}
spec:
  owner: team-rates
  environments: {dev: {}, prod: {}}
  datasets:
    - {name: fx, version: "1", path: lake://rates/fx/}
  workloads:
    - {name: fetch, blueprint: job, writes: {main: fx@1}}
`,
}

func file(text string) *fstest.MapFile { return &fstest.MapFile{Data: []byte(text)} }

func mapFS(files map[string]string) fstest.MapFS {
	tree := fstest.MapFS{}
	for name, text := range files {
		tree[name] = file(text)
	}
	return tree
}

// edit says what a case changes: the first old text in the file becomes the new one. Without an old text the
// new one is the whole file, and without either there is no such file.
type edit struct{ file, old, new string }

func change(t *testing.T, edits ...edit) map[string]string {
	t.Helper()
	files := maps.Clone(acme)
	for _, e := range edits {
		switch {
		case e.old != "":
			if !strings.Contains(files[e.file], e.old) {
				t.Fatalf("the case changes nothing: %q is not in %s", e.old, e.file)
			}
			files[e.file] = strings.Replace(files[e.file], e.old, e.new, 1)
		case e.new != "":
			files[e.file] = e.new
		default:
			delete(files, e.file)
		}
	}
	return files
}

func load(t *testing.T, tree fs.FS) (*catalog.Catalog, v1alpha1.Problems) {
	t.Helper()
	cat, problems, err := catalog.Load(tree, library)
	if err != nil {
		t.Fatalf("loading: %v", err)
	}
	return cat, problems
}
