// SPDX-License-Identifier: Apache-2.0

package webtest

// declarations are the declarations of the platform.
var declarations = map[string]string{
	"trunkline.yaml":      "kind: Platform\nmetadata: {name: acme}\nspec:\n  rules: {dataset-unwritten: warn, schedule-never: deny}\n  exceptions:\n    - {rule: dataset-unwritten, project: orders, reason: 'the shop writes it <script>alert(1)</script>', until: \"2027-04-01\"}\n    - {rule: path-overlap, reason: it was agreed, until: \"2026-10-01\"}\n    - {rule: schedule-never, project: rates, reason: for ever}\n",
	"clusters.yaml":       "kind: Cluster\nmetadata: {name: west}\n",
	"east.yaml":           "kind: Cluster\nmetadata: {name: east}\n",
	"dev.yaml":            "kind: Environment\nmetadata: {name: dev}\nspec: {clusters: [west], stores: {lake: s3://dev}}\n",
	"staging.yaml":        "kind: Environment\nmetadata: {name: staging}\nspec: {clusters: [west], stores: {lake: s3://staging}}\n",
	"prod.yaml":           "kind: Environment\nmetadata: {name: prod}\nspec: {clusters: [west, east], stores: {lake: s3://prod}}\n",
	"note/blueprint.yaml": "kind: Blueprint\nmetadata: {name: note}\nspec: {description: A note., engine: helm, source: chart}\n",
	"orders.yaml": `kind: Project
metadata: {name: orders}
spec:
  owner: team-orders
  environments: [dev, staging, prod]
  datasets:
    - {name: raw, version: "1", path: lake://raw/, external: true, tags: [pii], description: "Orders as the shop sends them.", lots: {unit: hourly, since: 2026-01-01T00:00:00Z}}
    - {name: clean, version: "1", path: lake://clean/, lots: {unit: hourly, since: 2026-01-01T00:00:00Z}}
  workloads:
    - {name: clean, blueprint: note, reads: {raw: orders/raw@1, fx: rates/fx@1}, writes: {main: orders/clean@1}}
`,
	"rates.yaml": `kind: Project
metadata: {name: rates}
spec:
  owner: team-rates
  environments: [dev, staging, prod]
  datasets:
    - {name: fx, version: "1", path: lake://fx/}
  workloads:
    - {name: fetch, blueprint: note, writes: {main: rates/fx@1}}
`,
	"report.yaml": `kind: Project
metadata: {name: report}
spec:
  owner: team-report
  environments: [dev, staging, prod]
  workloads:
    - {name: daily, blueprint: note, reads: {in: orders/clean@1}}
    - {name: mail, blueprint: note, after: [daily]}
`,
	"billing.yaml": `kind: Project
metadata: {name: billing}
spec:
  owner: team-billing
  environments: [dev, staging, prod]
  dependsOn: [orders]
  workloads:
    - {name: ledger, blueprint: note, reads: {in: orders/clean@1}}
`,
	"customers.yaml": "kind: Project\nmetadata: {name: customers}\nspec:\n  owner: team-customers\n  environments: [dev, staging, prod]\n  workloads:\n    - {name: api, blueprint: note}\n",
	"archive.yaml":   "kind: Project\nmetadata: {name: archive}\nspec:\n  owner: team-archive\n  environments: [dev, staging, prod]\n  workloads:\n    - {name: store, blueprint: note}\n",
}
