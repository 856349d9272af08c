// SPDX-License-Identifier: Apache-2.0

package cost_test

import (
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/cost"
)

// flow returns a platform with a workload of a core, in an environment that keeps lots.
func flow(workload string) files {
	return acme().with(files{
		"trunkline.yaml":   head + "kind: Platform\nmetadata: {name: acme}\nspec: {rates: {cpu: \"1\", memory: \"0\"}, sizes: {core: {cpu: \"1\", memory: 1Gi}}, defaults: {size: core}}\n",
		"environment.yaml": head + "kind: Environment\nmetadata: {name: prod}\nspec: {clusters: [one], stores: {lake: s3://lake}, lots: {manifests: \"s3://manifests/<project>/\"}}\n",
		"p/project.yaml": head + `kind: Project
metadata: {name: p}
spec:
  owner: team-p
  environments: [prod]
  image: i
  datasets:
    - {name: raw, version: "1", path: lake://raw/, external: true, lots: {unit: hourly, since: "2026-01-01T00:00:00Z"}}
    - {name: clean, version: "1", path: lake://clean/, lots: {unit: hourly, since: "2026-01-01T00:00:00Z"}}
    - {name: day, version: "1", path: lake://day/, lots: {unit: daily, since: "2026-11-11T00:00:00Z"}}
    - {name: whole, version: "1", path: lake://whole/}
  workloads: [` + workload + "]\n",
	})
}

func TestRuns(t *testing.T) {
	clean := `{name: w, blueprint: container-job, timeout: 30m, reads: {raw: raw@1}, writes: {clean: clean@1}`
	for name, tc := range map[string]struct {
		reason, workload string
		terms            cost.Terms
		want             []string
	}{
		"Lots": {
			"A workload runs once for each lot that it writes: 720 times 12 minutes.", clean + ", typicalDuration: 12m}",
			cost.Terms{},
			[]string{"144 core-hour of cpu for 144.00 USD", "144 GiB-hour of memory for 0.00 USD"},
		},
		"OwnLots": {
			"Those count that it writes, from the first on, whatever it reads: 20 days of November.",
			`{name: w, blueprint: container-job, typicalDuration: 15m, reads: {raw: {dataset: raw@1, window: {lots: 24}}}, writes: {day: day@1}}`,
			cost.Terms{},
			[]string{"5 core-hour of cpu for 5.00 USD", "5 GiB-hour of memory for 0.00 USD"},
		},
		"Whole": {
			"One that writes none runs once, and costs nothing each month.",
			`{name: w, blueprint: container-job, typicalDuration: 1h, reads: {raw: {dataset: raw@1, trigger: false}}, writes: {whole: whole@1}}`,
			cost.Terms{},
			nil,
		},
		"OtherMonth": {
			"February has 28 days: 672 times the half hour that it may take.", clean + ", typicalDuration: 1h}",
			cost.Terms{Month: cost.Month{Year: 2027, Month: time.February}},
			[]string{"336 core-hour of cpu for 336.00 USD", "336 GiB-hour of memory for 0.00 USD"},
		},
		"Unknown": {
			"Nobody knows how long a run takes, but how long it may.", clean + "}",
			cost.Terms{},
			[]string{"not estimated: how long a run takes is not known: set typicalDuration of the workload; at most 360.00 USD"},
		},
		"History": {
			"The runs before say it.", clean + "}",
			cost.Terms{Typical: map[cost.WorkloadID]time.Duration{typical(): 6 * time.Minute}},
			[]string{"72 core-hour of cpu for 72.00 USD", "72 GiB-hour of memory for 0.00 USD"},
		},
		"Declared": {
			"What is declared wins.", clean + ", typicalDuration: 12m}",
			cost.Terms{Typical: map[cost.WorkloadID]time.Duration{typical(): 6 * time.Minute}},
			[]string{"144 core-hour of cpu for 144.00 USD", "144 GiB-hour of memory for 0.00 USD"},
		},
		"Suspended": {"What is kept from starting costs nothing.", clean + ", typicalDuration: 12m, suspend: true}", cost.Terms{}, nil},
		"Schedule": {
			"By the clock of its zone, where March 2026 has an hour less: 743 times an hour.",
			`{name: w, blueprint: cron-job, typicalDuration: 1h, schedule: "0 * * * *", timeZone: Europe/Brussels, params: {concurrencyPolicy: Allow}}`,
			cost.Terms{Month: cost.Month{Year: 2026, Month: time.March}},
			[]string{"743 core-hour of cpu for 743.00 USD", "743 GiB-hour of memory for 0.00 USD"},
		},
		"NotThisMonth": {"What does not run in the month costs nothing in it.", `{name: w, blueprint: cron-job, schedule: "0 0 1 1 *"}`, cost.Terms{}, nil},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, text := range said(estimate(t, flow(tc.workload), tc.terms)) {
				got = append(got, withoutObject.ReplaceAllString(text, ""))
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

// TestRunsOfLots: lots cost where they are run, and nowhere else.
func TestRunsOfLots(t *testing.T) {
	platform := flow(`{name: w, blueprint: container-job, typicalDuration: 1h, writes: {day: day@1}}`)
	environment := func(rest string) files {
		return platform.with(files{
			"environment.yaml": head + "kind: Environment\nmetadata: {name: prod}\nspec: {stores: {lake: s3://lake}, " + rest + "}\n",
			"two.yaml":         head + "kind: Cluster\nmetadata: {name: two}\n",
		})
	}
	const keeps = `lots: {manifests: "s3://manifests/<project>/"}`
	for name, tc := range map[string]struct {
		reason string
		files  files
		want   string
	}{
		"Kept":     {"20 of November, an hour each.", platform, "20.00 USD"},
		"Clusters": {"All runs of an environment are on its first cluster.", environment("clusters: [two, one], " + keeps), "20.00 USD"},
		"NotKept":  {"Where none are kept, it runs once.", environment("clusters: [one]"), "0.00 USD"},
	} {
		t.Run(name, func(t *testing.T) {
			if got := estimate(t, tc.files, cost.Terms{}).Total().Text("USD"); got != tc.want {
				t.Errorf("%s: got %s, want %s", tc.reason, got, tc.want)
			}
		})
	}
}
