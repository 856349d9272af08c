// SPDX-License-Identifier: Apache-2.0

package catalog_test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
)

// TestTasks: workloads that have a schedule and ask for it are tasks where there is an Airflow, and their CronJobs start nothing there.
func TestTasks(t *testing.T) {
	t.Parallel()
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	env := func(name, more string) string {
		return head + "kind: Environment\nmetadata: {name: " + name + "}\nspec: {clusters: [one], stores: {lake: s3://dev}" + more + "}\n"
	}
	files := func(workloads string) map[string]string {
		return map[string]string{
			"trunkline.yaml": head + "kind: Platform\nmetadata: {name: acme}\nspec: {}\n---\n" + head + "kind: Cluster\nmetadata: {name: one}\n---\n" +
				env("dev", ", orchestrator: airflow") + "---\n" + env("plain", ""),
			"engine/project.yaml": head + "kind: Project\nmetadata: {name: engine}\nspec: {owner: t, environments: [dev], workloads: [{name: airflow, blueprint: airflow, image: \"a:1\"}]}\n",
			"orders/project.yaml": head + "kind: Project\nmetadata: {name: orders}\nspec:\n  owner: t\n  environments: [dev, plain]\n  image: \"a:1\"\n" +
				"  datasets: [{name: raw, version: \"1\", path: lake://orders/raw/}]\n" + workloads,
			"rates/project.yaml": head + "kind: Project\nmetadata: {name: rates}\nspec: {owner: t, environments: [dev]}\n",
		}
	}
	const load = "{name: load, blueprint: cron-job, schedule: \"0 6 * * *\", command: [x], writes: {main: raw@1}"
	for name, tc := range map[string]struct {
		reason, workloads string
		want, problems    []string
	}{
		"Native": {reason: "Without asking for it, the cluster's clock starts a workload.", workloads: "  workloads: [" + load + "}]\n"},
		"Task": {
			reason: "A workload may ask for it.", workloads: "  workloads: [" + load + ", orchestrator: airflow}]\n", want: []string{"load [] [] [orders/raw@1]"},
		},
		"Project": {
			reason:    "A project may for all of its workloads that have a schedule, and a workload may say otherwise.",
			workloads: "  orchestrator: airflow\n  workloads:\n    - " + load + "}\n    - {name: own, blueprint: cron-job, schedule: \"@daily\", command: [x], orchestrator: native}\n    - {name: once, blueprint: container-job, command: [x]}\n",
			want:      []string{"load [] [] [orders/raw@1]"},
		},
		"After": {
			reason:    "What comes after is a task of the same DAG, if it is one.",
			workloads: "  orchestrator: airflow\n  workloads:\n    - " + load + "}\n    - {name: report, blueprint: cron-job, schedule: \"0 6 * * *\", command: [x], after: [load, once], reads: {raw: raw@1}}\n    - {name: once, blueprint: container-job, command: [x]}\n",
			want:      []string{"load [] [] [orders/raw@1]", "report [load] [orders/raw@1] []"},
		},
		"Suspended": {reason: "What is suspended is left out.", workloads: "  orchestrator: airflow\n  workloads: [" + load + ", suspend: true}]\n"},
		"NoSchedule": {
			reason: "Without a schedule there is nothing to start it by.", workloads: "  workloads: [{name: once, blueprint: container-job, command: [x], orchestrator: airflow}]\n",
			problems: []string{"orchestrator once has no schedule, by which Airflow could start it"},
		},
		"TwoSchedules": {
			reason:    "One DAG has one schedule.",
			workloads: "  orchestrator: airflow\n  workloads:\n    - " + load + "}\n    - {name: report, blueprint: cron-job, schedule: \"0 7 * * *\", command: [x], after: [load]}\n",
			want:      []string{"load [] [] [orders/raw@1]", "report [load] [] []"},
			problems:  []string{`orchestrator report runs after load in one DAG, and their schedules in "dev" are "0 7 * * *" and "0 6 * * *"`},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			cat, problems, err := catalog.Load(dagTree(files(tc.workloads)), blueprints.FS)
			if err != nil {
				t.Fatal(err)
			}
			var found []string
			for _, p := range problems {
				found = append(found, p.Rule+" "+p.Message)
			}
			if diff := cmp.Diff(tc.problems, found); diff != "" {
				t.Errorf("%s: problems: -want +got:\n%s", tc.reason, diff)
			}
			p, _ := cat.Project("orders")
			for _, id := range cat.ReleasesOf(p) {
				rel := cat.Release(p, id)
				var got []string
				if rel.Dags != nil {
					for _, task := range rel.Dags.Tasks {
						got = append(got, fmt.Sprint(task.Workload, " ", task.After, " ", task.Inlets, " ", task.Outlets))
					}
				}
				want := tc.want
				if id.Environment == "plain" {
					want = nil
				}
				if diff := cmp.Diff(want, got); diff != "" {
					t.Errorf("%s: in %s: -want +got:\n%s", tc.reason, id.Environment, diff)
				}
				for _, w := range rel.Workloads {
					task := false
					for _, g := range got {
						task = task || strings.HasPrefix(g, w.Name+" ")
					}
					if w.Suspend != (task || name == "Suspended") {
						t.Errorf("%s: in %s the CronJob of %s is suspended: %t", tc.reason, id.Environment, w.Name, w.Suspend)
					}
				}
			}
		})
	}
}
