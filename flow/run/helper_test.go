// SPDX-License-Identifier: Apache-2.0

package run_test

import (
	"testing"
	"testing/fstest"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/run"
)

const platform = `
apiVersion: trunkline.dev/v1alpha1
kind: Platform
metadata: {name: acme}
---
apiVersion: trunkline.dev/v1alpha1
kind: Cluster
metadata: {name: one}
---
apiVersion: trunkline.dev/v1alpha1
kind: Environment
metadata: {name: prod}
spec:
  clusters: [one]
  stores: {lake: "s3://lake", tables: "glue:///"}
  lots: {manifests: "s3://manifests/<environment>/<project>/"}
---
apiVersion: trunkline.dev/v1alpha1
kind: Environment
metadata: {name: bare}
spec:
  clusters: [one]
  stores: {lake: "s3://lake"}
`

const rates = `
apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: rates}
spec:
  owner: team-rates
  environments: [prod, bare]
  image: a/b:1
  datasets:
    - {name: fx, version: "2", path: "lake://rates/fx/", external: true, lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: names, version: "1", path: "lake://rates/names/", external: true}
`

// orders reads hours, days of another project, and a dataset that is one whole.
const orders = `
apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: orders}
spec:
  owner: team-orders
  environments: [prod, bare]
  image: a/b:1
  datasets:
    - {name: raw, version: "1", path: "lake://orders/raw", external: true, lots: {unit: hourly, since: "2026-01-01T00:00:00Z"}}
    - {name: clean, version: "1", path: "lake://orders/clean/", lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: bad, version: "1", path: "lake://orders/bad/", lots: {unit: daily, since: "2026-01-01T00:00:00Z"}}
    - {name: log, version: "1", path: "lake://orders/log/"}
  workloads:
    - name: clean
      blueprint: container-job
      reads:
        raw: {dataset: raw@1, window: {lots: 24}}
        fx: {dataset: rates/fx@2, trigger: false}
        names: rates/names@1
      writes: {main: clean@1, bad-rows: bad@1, log: log@1}
      command: [sh, clean.sh, $.arcNotifyEvent.lot, "--key=$(KEY)", "$$5"]
      env: {GREETING: "it's $(KEY) of $(TRUNKLINE_LOT)", WHEN: "$(TRUNKLINE_LOT) $(NOPE) $(WHEN)"}
      secrets: {KEY: {name: warehouse, key: password}}
    - {name: whole, blueprint: container-job, writes: {main: log@1}, command: [a]}
`

// platformOf loads declarations.
func platformOf(t testing.TB, files ...string) *catalog.Catalog {
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

func lotOf(t testing.TB, id string) lot.Lot {
	t.Helper()
	l, err := lot.ParseID(id)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// of resolves an attempt at the second of January.
func of(t testing.TB, cat *catalog.Catalog, workload string) run.Run {
	t.Helper()
	id := catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "one"}
	r, err := run.Of(cat, plan.Of(cat, "prod"), id, workload, lotOf(t, "20260102P1D000"), "7")
	if err != nil {
		t.Fatal(err)
	}
	return r
}

func found(l lot.Lot, state manifest.State, uris ...string) run.Found {
	return run.Found{Lot: l, Manifest: manifest.Manifest{State: state, LotID: l.ID(), URIType: manifest.Identifier, URIs: uris}}
}

var noon = time.Date(2026, 1, 3, 12, 0, 0, 0, time.UTC)

// hours are manifests of all hours of the second of January, of which the first and the last have data.
func hours(t testing.TB) []run.Found {
	t.Helper()
	var all []run.Found
	for _, l := range lot.Hourly.Within(lotOf(t, "20260102P1D000")) {
		all = append(all, found(l, manifest.Empty))
	}
	for i, attempt := range map[int]string{0: "1", 23: "12"} {
		all[i] = found(all[i].Lot, manifest.Complete, "s3://lake/orders/raw/lot="+all[i].LotID+"/attempt="+attempt+"/a.csv",
			"s3://lake/orders/raw/lot="+all[i].LotID+"/attempt="+attempt+"/day=1/b.csv")
	}
	return all
}
