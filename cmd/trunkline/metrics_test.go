// SPDX-License-Identifier: Apache-2.0

package main

import (
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus/testutil"

	"trunkline.dev/trunkline/catalog"
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
