// SPDX-License-Identifier: Apache-2.0

package cost_test

import (
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/cost"
)

// TestSparkApplications: what the operator of Kubeflow makes of an application is counted as its pods are.
func TestSparkApplications(t *testing.T) {
	const head = "apiVersion: sparkoperator.k8s.io/v1beta2\nkind: SparkApplication\n"
	cases := map[string]struct {
		reason, object string
		want           []string
	}{
		"Stream": {
			"A stream has a driver of 1 core and 1.5 GiB, and two executors of 2 cores and 4 GiB on spot machines, for the 720 hours of the month.",
			head + meta + `spec: {restartPolicy: {type: Always}, driver: {cores: 1, memory: 1g, memoryOverhead: 512m}, executor: {instances: 2, cores: 2, memory: 3g, memoryOverhead: "1024", nodeSelector: {trunkline.dev/lifecycle: spot}}}` + "\n",
			[]string{
				"SparkApplication x: 720 core-hour of cpu for 720.00 USD", "SparkApplication x: 1080 GiB-hour of memory for 108.00 USD",
				"SparkApplication x: 2880 core-hour of cpu spot for 720.00 USD", "SparkApplication x: 5760 GiB-hour of memory spot for 144.00 USD",
			},
		},
		"Dynamic": {
			"Of executors that Spark decides on, the fewest are counted, and how many more there may be is said.",
			head + meta + `spec: {restartPolicy: {type: Always}, driver: {coreRequest: 500m, memory: 640m}, executor: {cores: 1, memory: 640m}, dynamicAllocation: {enabled: true, minExecutors: 0, maxExecutors: 2}}` + "\n",
			[]string{
				"SparkApplication x: 360 core-hour of cpu for 360.00 USD", "SparkApplication x: 720 GiB-hour of memory for 72.00 USD",
				"SparkApplication x not estimated: Spark may decide on up to 2 executors; 0 are counted; at most 1584.00 USD",
			},
		},
		"Odd": {
			"What Spark would not read is not guessed.", head + meta + "spec: {driver: {memory: lots}}\n",
			[]string{`SparkApplication x not estimated: its pods cannot be read: driver: "lots" is no amount of memory of Spark`},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, said(estimate(t, objects(tc.object), cost.Terms{}))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestExecutorsAreCounted: an estimate has the executors that a driver makes when it runs, which no object declares.
func TestExecutorsAreCounted(t *testing.T) {
	workload := func(more string) files {
		return acme().with(files{"p/project.yaml": head + "kind: Project\nmetadata: {name: p}\nspec:\n  owner: team-p\n  environments: [prod]\n  image: i\n  workloads:\n" +
			"    - {name: w, typicalDuration: 30m, size: mx.small, command: [a.jar], " + more + "}\n"})
	}
	cases := map[string]struct {
		reason, workload string
		want             []string
	}{
		"Schedule": {
			"Two executors of 1 core and 4 GiB on spot machines, beside a driver of half a core and 2 GiB that is on none, for half an hour once a month.",
			`blueprint: spark-job, lifecycle: spot, schedule: "0 0 1 * *", params: {executors: {size: mx.medium}}`,
			[]string{
				"CronJob w: 1/4 core-hour of cpu for 0.25 USD", "CronJob w: 1 GiB-hour of memory for 0.10 USD",
				"CronJob w: 1 core-hour of cpu spot for 0.25 USD", "CronJob w: 4 GiB-hour of memory spot for 0.10 USD",
			},
		},
		"Stream": {
			"A stream runs for all of the month; of executors that Spark decides on, the fewest are counted.",
			`blueprint: spark-stream, params: {checkpoint: "lake://c/", executors: {dynamic: {min: 1, max: 2}}}`,
			[]string{
				"Deployment w: 360 core-hour of cpu for 360.00 USD", "Deployment w: 1440 GiB-hour of memory for 144.00 USD",
				"Deployment w: 360 core-hour of cpu for 360.00 USD", "Deployment w: 1440 GiB-hour of memory for 144.00 USD",
				"Deployment w not estimated: Spark may decide on up to 2 executors; 1 are counted; at most 504.00 USD",
			},
		},
		"History": {
			"A history server has no executors.", `blueprint: spark-history, params: {eventLogs: "lake://e/"}`,
			[]string{"Deployment w: 360 core-hour of cpu for 360.00 USD", "Deployment w: 1440 GiB-hour of memory for 144.00 USD"},
		},
		"Operator": {
			"What an operator starts takes the same.", `blueprint: spark-stream, params: {operator: kubeflow, checkpoint: "lake://c/", executors: {instances: 1}}`,
			[]string{
				"SparkApplication w: 360 core-hour of cpu for 360.00 USD", "SparkApplication w: 1440 GiB-hour of memory for 144.00 USD",
				"SparkApplication w: 360 core-hour of cpu for 360.00 USD", "SparkApplication w: 1440 GiB-hour of memory for 144.00 USD",
			},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			f := workload(tc.workload)
			if name == "History" {
				f["p/project.yaml"] = strings.Replace(f["p/project.yaml"], "typicalDuration: 30m, ", "", 1)
			}
			if diff := cmp.Diff(tc.want, said(estimate(t, f, cost.Terms{}))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}
