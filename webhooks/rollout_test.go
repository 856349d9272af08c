// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

var (
	ordersDev  = catalog.ReleaseID{Project: "orders", Environment: "dev", Cluster: "one"}
	ordersProd = catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "one"}
)

// TestRolledOut: how the state of a release is classed.
func TestRolledOut(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		action preview.Action
		seen   *status.Release
		want   report.RolledOut
	}{
		"Healthy":     {"It is done.", preview.Change, &status.Release{Result: status.Applied, Health: status.Healthy}, report.RolledOut{State: "healthy", Done: true}},
		"Progressing": {"Applied is not healthy.", preview.Change, &status.Release{Result: status.Applied, Health: status.Progressing, Message: "1 of 2 pods"}, report.RolledOut{State: "progressing", Reason: "1 of 2 pods"}},
		"Stalled":     {"It needs someone.", preview.Change, &status.Release{Result: status.Applied, Health: status.Stalled, Message: "no such image"}, report.RolledOut{State: "stalled", Failed: true, Reason: "no such image"}},
		"Unhealthy":   {"It failed.", preview.Change, &status.Release{Result: status.Applied, Health: status.Unhealthy, Message: "crashes"}, report.RolledOut{State: "failed", Failed: true, Reason: "crashes"}},
		"Invalid":     {"The API server refuses it.", preview.Change, &status.Release{Result: status.Failed, Message: "spec: invalid"}, report.RolledOut{State: "failed", Failed: true, Reason: "spec: invalid"}},
		"Applying":    {"It is under way.", preview.Change, &status.Release{Result: status.Applying}, report.RolledOut{State: "applying"}},
		"Retrying":    {"It may still work.", preview.Change, &status.Release{Result: status.Retrying, Message: "timeout"}, report.RolledOut{State: "retrying", Reason: "timeout"}},
		"Unknown":     {"The cluster does not answer.", preview.Change, &status.Release{Result: status.Applied, Health: status.Unknown, Message: "no answer"}, report.RolledOut{State: "unknown", Reason: "no answer"}},
		"Held":        {"A window holds it, whatever is in place.", preview.Change, &status.Release{Result: status.Applied, Health: status.Healthy, Held: &status.Held{Rule: string(gate.Closed), Reason: "until 08:00"}}, report.RolledOut{State: "held", Held: true, Reason: "until 08:00"}},
		"RolledBack": {
			"The commit before runs again, and is healthy: the merge has failed all the same.", preview.Change,
			&status.Release{Result: status.Applied, Health: status.Healthy, Commit: "abc", Held: &status.Held{Rule: string(gate.Quarantined), Reason: "not healthy in 10m"}},
			report.RolledOut{State: "rolled back", Failed: true, Reason: "not healthy in 10m", RolledBackTo: "abc"},
		},
		"Removed":  {"It is gone, as the merge wants it.", preview.Remove, nil, report.RolledOut{State: "removed", Done: true}},
		"Pruning":  {"It is being deleted.", preview.Remove, &status.Release{Result: status.Pruning}, report.RolledOut{State: "pruning"}},
		"NotKnown": {"Nobody has said anything of it.", preview.Create, nil, report.RolledOut{State: "waiting", Reason: "nothing is known of it yet"}},
	} {
		t.Run(name, func(t *testing.T) {
			var seen status.Release
			if tc.seen != nil {
				seen = *tc.seen
			}
			got := rolledOut(preview.Release{Action: tc.action}, seen, tc.seen != nil)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestDeploymentStatus: what the forge is told of an environment.
func TestDeploymentStatus(t *testing.T) {
	done, failed := report.RolledOut{ID: ordersDev, Done: true}, report.RolledOut{ID: ordersDev, Failed: true, Reason: "crashes"}
	held, going := report.RolledOut{ID: ordersDev, Held: true, Reason: "until 08:00"}, report.RolledOut{ID: ordersDev, State: "applying"}
	for name, tc := range map[string]struct {
		reason   string
		releases []report.RolledOut
		want     DeploymentStatus
	}{
		"Done":    {"All are healthy.", []report.RolledOut{done, done}, DeploymentStatus{State: DeploySuccess, Description: "2 of 2 healthy"}},
		"Going":   {"One is under way.", []report.RolledOut{done, going}, DeploymentStatus{State: DeployInProgress, Description: "1 of 2 healthy"}},
		"Failed":  {"One failed, whatever the others do.", []report.RolledOut{held, going, failed, done}, DeploymentStatus{State: DeployFailure, Description: "1 of 4 healthy; orders/dev@one: crashes"}},
		"Held":    {"All that is left waits.", []report.RolledOut{done, held}, DeploymentStatus{State: DeployQueued, Description: "1 of 2 healthy; orders/dev@one: until 08:00"}},
		"TooLong": {"The forge takes so many characters.", []report.RolledOut{{ID: ordersDev, Failed: true, Reason: strings.Repeat("ü", 200)}}, DeploymentStatus{State: DeployFailure, Description: "0 of 1 healthy; orders/dev@one: " + strings.Repeat("ü", 107) + "…"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(tc.want, deploymentStatus(tc.releases)); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// seen says on the board what releases are doing.
func (w *world) seen(result status.Result, health status.Health, held *status.Held, ids ...catalog.ReleaseID) {
	for _, id := range ids {
		w.board.SetRelease(id, func(r *status.Release) {
			r.Result, r.Health, r.Held, r.Commit, r.Message = result, health, held, w.tip, ""
		})
	}
	synctest.Wait()
	time.Sleep(2 * settle)
	synctest.Wait()
}

// TestMergeToDeploy: what is told of a merge from the moment of it until all is healthy, and after a restart.
func TestMergeToDeploy(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		w.pull(1, "olga", newImage())
		w.during(w.engine(), func() {})
		e := w.engine() // it has not seen the pull request open
		w.during(e, func() {
			sha := w.merge(1)
			w.take(e, Hint{Pull: 1})
			w.accept(sha)
			w.seen(status.Applying, status.Unknown, nil, ordersDev)
			w.seen(status.Applied, status.Healthy, nil, ordersDev)
			w.seen(status.Applied, status.Healthy, &status.Held{Rule: string(gate.Promotion), Reason: "soaks"}, ordersProd)
		})
		w.during(w.engine(), func() { w.seen(status.Applied, status.Healthy, nil, ordersProd) })
		want := []string{
			"dev in_progress: 0 of 1 healthy; orders/dev@one: the merge was not accepted yet",
			"prod in_progress: 0 of 1 healthy; orders/prod@one: the merge was not accepted yet",
			"dev in_progress: 0 of 1 healthy",
			"prod in_progress: 0 of 1 healthy; orders/prod@one: nothing is known of it yet",
			"dev success: 1 of 1 healthy",
			"prod queued: 0 of 1 healthy; orders/prod@one: soaks",
			"prod success: 1 of 1 healthy",
		}
		if diff := cmp.Diff(want, w.told); diff != "" {
			t.Errorf("other things were told of the deployments (-want +got):\n%s", diff)
		}
		if len(w.deployments) != 2 || !w.deployments[1].Production || w.deployments[0].Production {
			t.Errorf("the deployments are %+v", w.deployments)
		}
		if len(w.comments) != 2 {
			t.Errorf("there are %d comments: one for the review and one for the merge", len(w.comments))
		}
		before := len(w.writes)
		last := w.engine()
		w.during(last, func() { time.Sleep(time.Hour) })
		if len(last.pulls) != 0 {
			t.Errorf("all is told, and %d pull requests are kept", len(last.pulls))
		}
		if len(w.writes) != before {
			t.Errorf("all is told, and this is written: %v", w.writes[before:])
		}
	})
}

// TestFailedRollout: what fails is told with its reason, and what comes right later, too.
func TestFailedRollout(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		w.pull(1, "olga", newImage())
		e := w.engine()
		w.during(e, func() {
			w.accept(w.merge(1))
			w.take(e, Hint{Pull: 1})
			w.seen(status.Applied, status.Healthy, nil, ordersProd)
			w.seen(status.Applied, status.Healthy, &status.Held{Rule: string(gate.Quarantined), Reason: "not healthy in 10m"}, ordersDev)
			w.seen(status.Applied, status.Healthy, nil, ordersDev)
		})
		got := w.told[len(w.told)-2:]
		want := []string{"dev failure: 0 of 1 healthy; orders/dev@one: not healthy in 10m", "dev success: 1 of 1 healthy"}
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}
