// SPDX-License-Identifier: Apache-2.0

package watch_test

import (
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/notify"
	"trunkline.dev/trunkline/notify/watch"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

var orders = catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "eu"}

// lines are what is so, and what nothing is known of.
func lines(o notify.Observation) (out []string) {
	if o.Partial {
		out = append(out, "partial")
	}
	for _, c := range o.Conditions {
		out = append(out, string(c.Topic)+" ("+c.Subject.String()+"): "+c.Reason)
	}
	for _, b := range o.Blind {
		out = append(out, "? "+string(b.Topic)+" ("+b.Subject.String()+")")
	}
	return out
}

func TestObserve(t *testing.T) {
	well := status.Release{ReleaseID: orders, Result: status.Applied, Health: status.Healthy, Lots: &status.Lots{}}
	release := func(change func(*status.Release)) status.Platform {
		r := well
		change(&r)
		return status.Platform{Source: status.Source{Accepted: &status.Commit{}}, Releases: []status.Release{r}}
	}
	deny := func(project, message string) v1alpha1.Problem {
		return v1alpha1.Problem{
			Severity: v1alpha1.Deny, Message: message, Position: v1alpha1.Position{File: project + ".yaml", Line: 3, Column: 1}, About: v1alpha1.About{Project: project},
		}
	}
	for name, test := range map[string]struct {
		platform status.Platform
		follows  bool
		want     []string
	}{
		"all is well": {release(func(*status.Release) {}), false, nil},
		"a failure":   {release(func(r *status.Release) { r.Result, r.Message = status.Failed, "no image" }), false, []string{"release-failed (orders in prod on eu): no image"}},
		"not healthy": {release(func(r *status.Release) {
			r.Health, r.Message, r.Cause = status.Unhealthy, "it crashes", &status.Cause{Object: "Deployment/web"}
		}), false, []string{"release-failed (orders in prod on eu): Deployment/web: it crashes"}},
		"on its way, which is neither well nor failed": {release(func(r *status.Release) { r.Health = status.Progressing }), false, []string{"? release-failed (orders in prod on eu)"}},
		"another replica's":                            {release(func(r *status.Release) { r.Result, r.Health = status.Elsewhere, status.Unhealthy }), false, []string{"?  (orders in prod on eu)"}},
		"a hold":                                       {release(func(r *status.Release) { r.Held = &status.Held{Rule: "window", Reason: "closed", Until: noon} }), false, []string{"held (orders in prod on eu): window: closed; it goes on at 2026-12-01T12:00:00Z"}},
		"what a person has suspended is not held":      {release(func(r *status.Release) { r.Result, r.Held = status.Suspended, &status.Held{Rule: "suspended"} }), false, nil},
		"drift that was put back is no news": {release(func(r *status.Release) {
			r.Drifts = []status.Drift{{Object: "Deployment/web", Fields: []string{"spec.replicas"}, Corrected: true, Rounds: 1}}
		}), false, nil},
		"drift that was left": {release(func(r *status.Release) {
			r.Drifts = []status.Drift{{Object: "Deployment/web", Fields: []string{"spec.replicas"}, Manager: "kubectl"}}
		}), false, []string{"drift (orders in prod on eu): Deployment/web: spec.replicas by kubectl, left as it is"}},
		"a fight": {release(func(r *status.Release) {
			r.Drifts = []status.Drift{{Object: "Deployment/web", Fields: []string{"spec.replicas"}, Corrected: true, Rounds: 4}}
		}), false, []string{"drift (orders in prod on eu): Deployment/web: spec.replicas, put back 4 times"}},
		"lots": {release(func(r *status.Release) { r.Lots = &status.Lots{FailedOf: "load clean", LateOf: "raw@1"} }), false, []string{
			"lot-failed (orders/load in prod on eu): why load failed", "lot-failed (orders/clean in prod on eu): a run for a lot failed",
			"lot-late (orders/raw@1 in prod on eu): its newest lot is not there, and had to be by the freshness that the dataset declares",
		}},
		"a preview": {release(func(r *status.Release) { r.Result, r.Preview = status.Failed, &status.Preview{Of: "prod"} }), false, nil},
		"a commit that is refused, of which its projects hear": {status.Platform{Source: status.Source{
			Accepted: &status.Commit{}, Head: &status.Commit{Hash: "abc"}, Problems: v1alpha1.Problems{deny("orders", "no size"), deny("billing", "no store"), deny("orders", "no image")},
		}}, false, []string{
			"commit-refused (): orders.yaml:3:1: no size (and 2 more)", "commit-refused (orders): orders.yaml:3:1: no size (and 1 more)", "commit-refused (billing): billing.yaml:3:1: no store",
		}},
		"what is secret is not told": {status.Platform{Source: status.Source{
			Accepted: &status.Commit{}, Head: &status.Commit{Hash: "abc"},
			Problems: v1alpha1.Problems{{Rule: "secret-in-clear", Severity: v1alpha1.Deny, Message: "hunter2", Hint: "hunter2", Confidential: true, Position: v1alpha1.Position{File: "a.yaml", Line: 1}}},
		}}, false, []string{"commit-refused (): a.yaml:1: rule secret-in-clear"}},
		"a repository": {status.Platform{Source: status.Source{Accepted: &status.Commit{}, Error: "no route"}}, false, []string{"repository-unreachable (): no route"}},
		"clusters": {
			status.Platform{Source: status.Source{Accepted: &status.Commit{}}, Clusters: []status.Cluster{{Name: "eu", Message: "timeout"}, {Name: "us"}, {Name: "asia", Reachable: true}}},
			false,
			[]string{"cluster-unreachable (on eu): timeout", "? cluster-unreachable (on us)"},
		},
		"who follows tells of releases only": {
			status.Platform{Source: status.Source{Accepted: &status.Commit{}, Error: "no route"}},
			true,
			[]string{"? commit-refused ()", "? repository-unreachable ()", "? cluster-unreachable ()", "? over-budget ()", "? preview-ending ()"},
		},
		"before anything was accepted": {status.Platform{}, false, []string{"partial"}},
	} {
		t.Run(name, func(t *testing.T) {
			got := watch.Observe(test.platform, watch.Sight{Leads: !test.follows, Counted: true, Known: true, Why: func(_, _, workload string) string {
				if workload == "load" {
					return "why load failed"
				}
				return ""
			}})
			if diff := cmp.Diff(test.want, lines(got)); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
}

// TestWhatEndsSoon: budgets that do not last, and previews that are about to go, are told of by the replica that knows.
func TestWhatEndsSoon(t *testing.T) {
	accepted := status.Platform{Source: status.Source{Accepted: &status.Commit{}}}
	full := watch.Sight{
		Leads: true, Counted: true, Known: true, Now: noon,
		Budgets:  []watch.Budget{{Environment: "prod", Month: "2026-12", Reason: "too much"}, {Environment: "prod", Project: "orders", Month: "2026-12", Reason: "much"}},
		Previews: []watch.Preview{{"pr-1", noon.Add(6 * time.Hour)}, {"pr-2", noon.Add(6*time.Hour + time.Second)}, {"pr-3", noon.Add(-time.Minute)}, {Name: "pr-4"}},
	}
	sight := func(change func(*watch.Sight)) watch.Sight {
		s := full
		change(&s)
		return s
	}
	for name, c := range map[string]struct {
		reason string
		sight  watch.Sight
		want   []string
	}{
		"All": {"budgets, and the previews of the next hours", full, []string{
			"over-budget (in prod): too much", "over-budget (orders in prod): much",
			"preview-ending (in pr-1): nobody has used it lately; it is removed at 2026-12-01T18:00:00Z", "preview-ending (in pr-3): nobody has used it lately; it is removed at 2026-12-01T11:59:00Z",
		}},
		"NotCounted": {"where nothing was counted yet, a budget is not over", sight(func(s *watch.Sight) { s.Counted, s.Budgets, s.Previews = false, nil, nil }), []string{"? over-budget ()"}},
		"NotKnown":   {"where nobody knows of previews, none is over", sight(func(s *watch.Sight) { s.Known, s.Budgets, s.Previews = false, nil, nil }), []string{"? preview-ending ()"}},
		"Follows":    {"one replica tells", sight(func(s *watch.Sight) { s.Leads = false }), []string{"? commit-refused ()", "? repository-unreachable ()", "? cluster-unreachable ()", "? over-budget ()", "? preview-ending ()"}},
	} {
		t.Run(name, func(t *testing.T) {
			if diff := cmp.Diff(c.want, lines(watch.Observe(accepted, c.sight))); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
		})
	}
	first, next := watch.Observe(accepted, full), watch.Observe(accepted, sight(func(s *watch.Sight) {
		s.Budgets = []watch.Budget{{Environment: "prod", Month: "2027-01", Reason: "too much"}}
	}))
	if first.Conditions[0].Key() == next.Conditions[0].Key() {
		t.Error("the budget of the next month is told of as that of this one")
	}
}

func TestHappenings(t *testing.T) {
	events := []history.Event{
		{ID: 7, Kind: history.Rollback, Time: noon, Release: orders, Commit: "abc", Message: "back to abc"}, {ID: 8, Kind: history.LotFailed, Time: noon, Release: orders},
	}
	want := []notify.Happening{{ID: "7", Condition: notify.Condition{
		Topic: notify.RolledBack, Subject: notify.Subject{Project: "orders", Environment: "prod", Cluster: "eu"}, Commit: "abc", Reason: "back to abc", Since: noon,
		Link: "https://t.example.com/releases/orders/prod/eu",
	}}}
	if diff := cmp.Diff(want, watch.Happenings(events, watch.Links{Console: "https://t.example.com"})); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

const declared = `apiVersion: trunkline.dev/v1alpha1
kind: Platform
metadata: {name: acme}
spec:
  channels: [ops, data, pager]
  notify:
    - {to: ops}
    - {to: pager, about: [cluster-unreachable], environments: [prod], after: 10m, repeat: 4h}
---
apiVersion: trunkline.dev/v1alpha1
kind: Cluster
metadata: {name: eu}
---
apiVersion: trunkline.dev/v1alpha1
kind: Environment
metadata: {name: prod}
spec:
  clusters: [eu]
  notify: [{to: data, projects: ["ord*"]}]
---
apiVersion: trunkline.dev/v1alpha1
kind: Project
metadata: {name: orders}
spec:
  owner: team-orders
  environments: [prod]
  notify: [{to: data, about: [lot-late], only: ["raw@*"]}]
`

func TestRoutes(t *testing.T) {
	c, problems, err := catalog.Load(fstest.MapFS{"trunkline.yaml": {Data: []byte(declared)}}, blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatal(err, problems)
	}
	after := 10 * time.Minute
	want := []notify.Route{
		{Channel: "ops"},
		{Channel: "pager", Topics: []notify.Topic{notify.ClusterUnreachable}, Environments: []string{"prod"}, Clusters: []string{"eu"}, After: &after, Repeat: 4 * time.Hour},
		{Channel: "data", Projects: []string{"ord*"}, Environments: []string{"prod"}},
		{Channel: "data", Topics: []notify.Topic{notify.LotLate}, Projects: []string{"orders"}, Names: []string{"raw@*"}},
	}
	if diff := cmp.Diff(want, watch.Routes(c)); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// The topics of declarations are those that there are.
	for _, declarable := range []v1alpha1.NotificationTopic{
		v1alpha1.NotifyReleaseFailed, v1alpha1.NotifyRolledBack, v1alpha1.NotifyDrift, v1alpha1.NotifyHeld, v1alpha1.NotifyResourceFailed, v1alpha1.NotifyLotFailed, v1alpha1.NotifyLotLate,
		v1alpha1.NotifyCommitRefused, v1alpha1.NotifyRepositoryUnreachable, v1alpha1.NotifyClusterUnreachable, v1alpha1.NotifyOverBudget, v1alpha1.NotifyPreviewEnding,
	} {
		topic := notify.Topic(declarable)
		if topic.Title() == string(topic) || topic.Todo() == "" {
			t.Errorf("nobody is told what to do about %s", topic)
		}
	}
}
