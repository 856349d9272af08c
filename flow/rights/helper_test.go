// SPDX-License-Identifier: Apache-2.0

package rights_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
)

const head = "apiVersion: trunkline.dev/v1alpha1\n"

const platform = head + `kind: Platform
metadata: {name: acme}
---
` + head + `kind: Cluster
metadata: {name: one}
---
` + head + `kind: Environment
metadata: {name: prod}
spec:
  clusters: [one]
  stores: {lake: "s3://lake", tables: "glue:///", ice: "iceberg://prod/", disk: "file:///data"}
  lots: {manifests: "s3://manifests/<environment>/<project>/"}
  identities: ["*"]
  identity: {eks.amazonaws.com/role-arn: "arn:aws:iam::123456789012:role/<identity>-<environment>"}
`

const rates = head + `kind: Project
metadata: {name: rates}
spec:
  owner: team-rates
  environments: [prod]
  datasets:
    - {name: fx, version: "2", path: "lake://rates/fx/", external: true, lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: names, version: "1", path: "lake://rates/names/", external: true}
`

const orders = head + `kind: Project
metadata: {name: orders}
spec:
  owner: team-orders
  environments: [prod]
  image: a/b:1
  datasets:
    - {name: raw, version: "1", path: "lake://orders/raw", external: true, lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: clean, version: "1", path: "lake://orders/clean/", lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: copy, version: "1", path: "lake://orders/copy/", lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: pulled, version: "1", path: "lake://orders/pulled/", lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: always, version: "1", path: "lake://orders/always/", lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: nightly, version: "1", path: "lake://orders/nightly/", lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: table, version: "1", path: "tables://sales/orders/", lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: log, version: "1", path: "lake://orders/log/"}
    - {name: mirror, version: "1", path: "lake://orders/mirror/"}
  workloads:
    - {name: own, blueprint: container-job, identity: own, command: [a], reads: {main: raw@1, names: rates/names@1}, writes: {main: clean@1}}
    - {name: copied, blueprint: copy, identity: copied, reads: {main: raw@1}, writes: {main: copy@1}}
    - {name: pulled, blueprint: pull, identity: pulled, params: {http: {url: "https://x.example/"}}, writes: {main: pulled@1}}
    - {name: always, blueprint: pull, identity: always, params: {http: {url: "https://x.example/", unchanged: fetch}}, writes: {main: always@1}}
    - {name: tabled, blueprint: catalog, identity: tabled, reads: {main: clean@1}, writes: {main: table@1}}
    - {name: nightly, blueprint: cron-job, identity: nightly, command: [a], schedule: "0 1 * * *", reads: {main: rates/fx@2}, writes: {main: nightly@1}}
    - {name: logs, blueprint: container-job, identity: logs, command: [a], writes: {main: log@1}}
    - {name: mirrored, blueprint: copy, identity: mirrored, reads: {main: rates/names@1}, writes: {main: mirror@1}}
    - {name: queries, blueprint: container-job, identity: queries, command: [a], reads: {main: table@1}}
`

// load loads declarations.
func load(t testing.TB, files ...string) *catalog.Catalog {
	t.Helper()
	tree := fstest.MapFS{"trunkline.yaml": {Data: []byte(platform)}}
	for i, file := range files {
		tree["projects/"+string(rune('a'+i))+"/project.yaml"] = &fstest.MapFile{Data: []byte(file)}
	}
	cat, problems, err := catalog.Load(tree, blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatalf("%v\n%s", err, problems)
	}
	return cat
}

// edited replaces text.
func edited(text string, pairs ...string) string { return strings.NewReplacer(pairs...).Replace(text) }
