// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"strings"
	"testing"
	"testing/fstest"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
)

// TestReplaysOfWhatNobodyStarts: a replay is of what runs lot by lot, also in the environments.
func TestReplaysOfWhatNobodyStarts(t *testing.T) {
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	const replay = `replay: [{id: one, from: "2026-01-01T00:00:00Z", until: "2026-02-01T00:00:00Z", reason: test}]`
	const always = `the workload always runs, as the blueprint "service" has it, and writes its lots by itself: there is nothing to make once more`
	for name, tc := range map[string]struct{ environments, of, workload, want string }{
		"Runs":     {"{dev: , prod: }", "", "blueprint: container-job, " + replay, ""},
		"Always":   {"{dev: , prod: }", "", "blueprint: service, " + replay, "project.yaml:10:76: error: spec.workloads[0].replay: " + always},
		"Dataset":  {"{dev: , prod: }", ", " + replay, "blueprint: service", "project.yaml:8:105: error: spec.datasets[0].replay: " + always},
		"Override": {"{dev: {workloads: {w: {schedule: 0 6 * * *}}}}", "", "blueprint: cron-job, " + replay, "project.yaml:10:77: error: spec.workloads[0].replay: the workload runs by the clock, and writes its lots by itself in each environment: there is nothing to make once more"},
		"OfOne":    {"{dev: {workloads: {w: {schedule: 0 6 * * *}}}, prod: {workloads: {w: {exclude: true}}}}", ", " + replay, "blueprint: cron-job", "project.yaml:8:105: error: spec.datasets[0].replay: the workload runs by the clock, and writes its lots by itself in each environment: there is nothing to make once more"},
		"OfSome":   {"{dev: {workloads: {w: {schedule: 0 6 * * *}}}, prod: }", ", " + replay, "blueprint: cron-job", "project.yaml:8:113: warning: spec.datasets[0].replay: in dev the workload runs by the clock, and writes its lots by itself: there the replay makes nothing once more"},
	} {
		t.Run(name, func(t *testing.T) {
			environment := func(name string) string {
				return "---\n" + head + "kind: Environment\nmetadata: {name: " + name + "}\nspec: {clusters: [one], stores: {lake: \"s3://lake/" + name + "\"}, lots: {manifests: \"s3://m/<environment>/\"}}\n"
			}
			_, problems, err := catalog.Load(fstest.MapFS{
				"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\n---\n" + head + "kind: Cluster\nmetadata: {name: one}\n" + environment("dev") + environment("prod"))},
				"project.yaml": {Data: []byte(head + `kind: Project
metadata: {name: orders}
spec:
  owner: team
  environments: ` + tc.environments + `
  datasets:
    - {name: out, version: "1", path: "lake://out/", lots: {unit: hourly, since: 2026-01-01T00:00:00Z}` + tc.of + `}
  workloads:
    - {name: w, image: "a/b:1", writes: {main: out@1}, ` + tc.workload + "}\n")},
			}, blueprints.FS)
			if err != nil {
				t.Fatal(err)
			}
			var got string
			for _, p := range problems {
				if p.Rule == catalog.RuleReplay {
					got, _, _ = strings.Cut(p.String(), "\n")
				}
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("-want +got:\n%s\n%s", diff, problems)
			}
		})
	}
}
