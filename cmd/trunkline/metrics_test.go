// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	lotflow "trunkline.dev/trunkline/flow"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// TestMetrics: what operators set alarms on is told release by release, and counted by where it is.
func TestMetrics(t *testing.T) {
	board := status.NewBoard(time.Now)
	m := newMetrics(board)
	a, b := catalog.ReleaseID{Project: "a", Environment: "prod", Cluster: "eu"}, catalog.ReleaseID{Project: "b", Environment: "prod", Cluster: "eu"}
	for _, id := range []catalog.ReleaseID{a, b} {
		board.SetRelease(id, func(r *status.Release) {
			r.Result, r.Health = status.Applied, status.Healthy
			r.Held = &status.Held{Rule: "freeze", Reason: "it is cold"}
		})
	}
	board.SetRelease(a, func(r *status.Release) {
		r.Drifts = []status.Drift{{Object: "Deployment a/web", Fields: []string{".spec.replicas"}, Manager: "kubectl"}}
	})
	for _, kind := range []history.Kind{history.Drift, history.Corrected, history.Drift, history.Rollback, history.Healthy} {
		m.event(history.Event{Release: a, Kind: kind})
	}
	board.SetCluster(status.Cluster{Name: "eu", Reachable: true, Warning: "charts are told Kubernetes v1.35.0, and it is v1.36.0"})
	board.SetCluster(status.Cluster{Name: "us", Reachable: true})
	const want = `# HELP trunkline_cluster_differs 1 if the cluster is not what charts are told that it is.
# TYPE trunkline_cluster_differs gauge
trunkline_cluster_differs{cluster="eu"} 1
trunkline_cluster_differs{cluster="us"} 0
# HELP trunkline_drifts_total Objects that drifted, and those of them that were reverted.
# TYPE trunkline_drifts_total counter
trunkline_drifts_total{action="corrected",cluster="eu",environment="prod"} 1
trunkline_drifts_total{action="seen",cluster="eu",environment="prod"} 2
# HELP trunkline_releases Releases, by environment, cluster, result and health.
# TYPE trunkline_releases gauge
trunkline_releases{cluster="eu",environment="prod",health="healthy",result="applied"} 2
# HELP trunkline_releases_drifted Releases that drifted, and are left so.
# TYPE trunkline_releases_drifted gauge
trunkline_releases_drifted{cluster="eu",environment="prod"} 1
# HELP trunkline_releases_held Releases that wait to apply the newest commit, by the rule that holds them.
# TYPE trunkline_releases_held gauge
trunkline_releases_held{cluster="eu",environment="prod",rule="freeze"} 2
# HELP trunkline_rollbacks_total Releases that were rolled back, automatically or by hand.
# TYPE trunkline_rollbacks_total counter
trunkline_rollbacks_total{cluster="eu",environment="prod"} 1
`
	err := testutil.GatherAndCompare(m.registry, strings.NewReader(want),
		"trunkline_cluster_differs", "trunkline_drifts_total", "trunkline_releases", "trunkline_releases_drifted", "trunkline_releases_held", "trunkline_rollbacks_total")
	if err != nil {
		t.Error(err)
	}
}

// toldLots are those that a keeper tells of.
type toldLots struct {
	counts   []lotflow.Count
	datasets []lotflow.Dataset
	listed   map[string]time.Time
}

func (l toldLots) Counts() []lotflow.Count      { return l.counts }
func (l toldLots) Datasets() []lotflow.Dataset  { return l.datasets }
func (l toldLots) Listed() map[string]time.Time { return l.listed }

// kept is a dataset whose newest lot of three that there are has ended at noon; two are missing.
func kept(id string, change func(*lotflow.Dataset)) lotflow.Dataset {
	newest := lot.Hourly.At(noon.Add(-time.Hour))
	d := lotflow.Dataset{
		Environment: "prod", Cluster: "eu", Dataset: id, Workload: "orders/clean", Known: true, Running: 1, Failed: 2,
		Tally: plan.Tally{Due: 5, There: 3, Newest: newest, Oldest: newest},
	}
	change(&d)
	return d
}

var noon = time.Date(2026, 1, 1, 12, 0, 0, 0, time.UTC)

// TestLotMetrics: lots are counted by dataset, and nothing is said of what is not known.
func TestLotMetrics(t *testing.T) {
	c := &lotsCollector{toldLots{
		[]lotflow.Count{{Environment: "prod", Workload: "orders/clean", State: "running", Lots: 1}, {Environment: "prod", State: "queued", Lots: 7}},
		[]lotflow.Dataset{
			kept("orders/clean@1", func(d *lotflow.Dataset) { d.Late = lot.Hourly.At(noon) }),
			kept("orders/never@1", func(d *lotflow.Dataset) { d.Tally = plan.Tally{Due: 5} }),
			kept("orders/unknown@1", func(d *lotflow.Dataset) { d.Known = false }),
		},
		map[string]time.Time{"prod": noon},
	}, func() time.Time { return noon.Add(90 * time.Second) }}
	const want = `# HELP trunkline_dataset_age_seconds How long ago the newest lot of a dataset that is there has ended; of one that has none there is no value.
# TYPE trunkline_dataset_age_seconds gauge
trunkline_dataset_age_seconds{dataset="orders/clean@1",environment="prod"} 90
# HELP trunkline_dataset_late 1 if a dataset is late, by the freshness that it declares.
# TYPE trunkline_dataset_late gauge
trunkline_dataset_late{dataset="orders/clean@1",environment="prod"} 1
trunkline_dataset_late{dataset="orders/never@1",environment="prod"} 0
# HELP trunkline_dataset_lots Lots that are due, by dataset: there or missing.
# TYPE trunkline_dataset_lots gauge
trunkline_dataset_lots{dataset="orders/clean@1",environment="prod",state="missing"} 2
trunkline_dataset_lots{dataset="orders/clean@1",environment="prod",state="there"} 3
trunkline_dataset_lots{dataset="orders/never@1",environment="prod",state="missing"} 5
trunkline_dataset_lots{dataset="orders/never@1",environment="prod",state="there"} 0
# HELP trunkline_lots Lots that are running or have failed, by workload, and those that wait for their turn or are held.
# TYPE trunkline_lots gauge
trunkline_lots{environment="prod",state="queued",workload=""} 7
trunkline_lots{environment="prod",state="running",workload="orders/clean"} 1
# HELP trunkline_lots_listed_age_seconds How long ago all manifests of an environment were last listed; there is no value before they were.
# TYPE trunkline_lots_listed_age_seconds gauge
trunkline_lots_listed_age_seconds{environment="prod"} 90
`
	if err := testutil.CollectAndCompare(c, strings.NewReader(want)); err != nil {
		t.Error(err)
	}
}

// TestLotsOfReleases: the lots of a release are those of its datasets; a run that makes two of them is one.
func TestLotsOfReleases(t *testing.T) {
	got := lotsByRelease([]lotflow.Dataset{
		kept("orders/clean@1", func(*lotflow.Dataset) {}),
		kept("orders/bad@1", func(d *lotflow.Dataset) { d.Late = lot.Hourly.At(noon) }),
		kept("orders/clean@1", func(d *lotflow.Dataset) { d.Environment, d.Disabled = "dev", "ann" }),
		kept("rates/fx@1", func(d *lotflow.Dataset) { d.Workload, d.Running, d.Failed = "", 0, 0 }),
		kept("rates/none@1", func(d *lotflow.Dataset) { d.Known = false }),
		kept("rates/denied@1", func(d *lotflow.Dataset) { d.Environment, d.Known, d.Trouble = "dev", false, "AccessDenied" }),
		kept("rates/before@1", func(d *lotflow.Dataset) { d.Environment, d.Workload, d.Trouble = "dev", "", "AccessDenied" }),
	})
	want := map[catalog.ReleaseID]status.Lots{
		{Project: "orders", Environment: "prod", Cluster: "eu"}: {Running: 1, Failed: 2, Missing: 4, Late: 1, FailedOf: "clean", LateOf: "bad@1"},
		{Project: "orders", Environment: "dev", Cluster: "eu"}:  {Running: 1, Failed: 2, Missing: 2, Disabled: 1, FailedOf: "clean"},
		{Project: "rates", Environment: "prod", Cluster: "eu"}:  {Missing: 2},
		{Project: "rates", Environment: "dev", Cluster: "eu"}:   {Missing: 2, Unlisted: 2},
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
