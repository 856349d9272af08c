// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"net/url"
	"strings"
	"testing"
	"testing/fstest"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"
	"golang.org/x/sync/semaphore"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/assets"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/report"
)

// claims is a loop with one environment, by whose Airflow nobody is asked in time: what a look says is the test's.
type claims struct {
	*loop

	state *state
	now   time.Time
	log   bytes.Buffer
	// looks are those that have begun.
	looks chan struct{}
}

// Clusters implements [assets.Airflow].
func (c *claims) Clusters(string) []string {
	c.looks <- struct{}{}
	return nil
}

// Do implements [assets.Airflow].
func (c *claims) Do(context.Context, string, string, string, string, url.Values, any, any) error {
	return errors.New("nobody asks")
}

func declaring(t *testing.T, environment string) *declared {
	t.Helper()
	const head = "apiVersion: trunkline.dev/v1alpha1\n"
	cat, _, err := catalog.Load(fstest.MapFS{
		"trunkline.yaml": {Data: []byte(head + "kind: Platform\nmetadata: {name: acme}\n---\n" + head + "kind: Cluster\nmetadata: {name: one}\n---\n" + head +
			"kind: Environment\nmetadata: {name: dev}\nspec:\n  clusters: [one]\n  stores: {lake: \"s3://lake\"}\n  lots: {manifests: \"s3://manifests/\"}\n" + environment)},
		"orders/project.yaml": {Data: []byte(head + `kind: Project
metadata: {name: orders}
spec:
  owner: team
  environments: [dev]
  image: a/b:1
  datasets:
  - {name: raw, version: "1", path: "lake://raw/", lots: {unit: hourly, since: 2026-06-01T00:00:00Z}, retention: 30d}
  - {name: made, version: "2", path: "lake://made/", lots: {unit: daily, since: 2026-06-01T00:00:00Z}}
  - {name: whole, version: "1", path: "lake://whole/"}
  workloads:
  - {name: make, blueprint: container-job, command: [run], writes: {main: made@2}}
`)},
	}, blueprints.FS)
	if err != nil {
		t.Fatal(err)
	}
	return declare(cat, "dev", "")
}

func newClaims(t *testing.T, environment string) *claims {
	t.Helper()
	c := &claims{now: time.Date(2026, 6, 2, 0, 30, 0, 0, time.UTC), looks: make(chan struct{}, 10)}
	k := New(Options{Airflow: c, Interval: time.Minute, Log: slog.New(slog.NewTextHandler(&c.log, nil)), Now: func() time.Time { return c.now }})
	c.loop = &loop{Keeper: k, ctx: t.Context(), events: make(chan any, 10), upkeep: map[*state]*upkeep{}, claims: map[*state]*claiming{}}
	c.state = newState(declaring(t, environment), plan.Limits{}, newFleet("one"))
	c.upkeep[c.state] = &upkeep{room: semaphore.NewWeighted(atWork)}
	return c
}

const airflows = "  orchestrator: airflow\n"

// TestOutlets: tasks of an environment's Airflow may make lots of datasets that have some, and nothing else; where there is no Airflow, of none.
func TestOutlets(t *testing.T) {
	got := map[string]string{}
	for id, d := range declaring(t, airflows).outlets {
		got[id] = fmt.Sprint(d.Unit, " at ", d.Location, " by ", d.Workload)
	}
	want := map[string]string{"orders/raw@1": "hourly at s3://lake/raw/ by ", "orders/made@2": "daily at s3://lake/made/ by orders/make"}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("outlets (-want +got):\n%s", diff)
	}
	if none := declaring(t, "").outlets; none != nil {
		t.Errorf("without an Airflow there are %v", none)
	}
}

// TestClaimsAreReadAtTimes: what tasks say is read once at a time, not before it is known what there is, and not where there is no Airflow.
func TestClaimsAreReadAtTimes(t *testing.T) {
	c := newClaims(t, airflows)
	if wait := c.claim(c.state, c.now); wait != lookInterval || c.claims[c.state].busy {
		t.Errorf("before a listing it begins, or is next in %s", wait)
	}
	c.state.lists(t, nil)
	c.claim(c.state, c.now)
	<-c.looks
	c.claim(c.state, c.now)
	e := (<-c.events).(claimed)
	c.claimed(e)
	if wait := c.claim(c.state, c.now); wait <= 0 || wait > lookInterval || c.claims[c.state].busy {
		t.Errorf("just after a look the next one begins, or in %s", wait)
	}
	c.now = c.now.Add(claimInterval)
	c.claim(c.state, c.now)
	<-c.looks
	c.claimed((<-c.events).(claimed))
	if len(c.looks) != 0 {
		t.Errorf("%d more looks than there is time for", len(c.looks))
	}

	c.state.refused = report.NewRefused([]report.Claim{{Dataset: "orders/raw@1"}})
	c.state.redeclare(declaring(t, ""))
	c.claim(c.state, c.now.Add(time.Hour))
	if len(c.claims) != 0 || len(c.state.refused.All()) != 0 || len(c.looks) != 0 {
		t.Error("without an Airflow any more, something is read or remembered")
	}
}

// TestClaimed: what came of a look counts for an environment that is kept still; what is refused is told as it is now, and what is in the way once.
func TestClaimed(t *testing.T) {
	refusal := func(dataset, lot string) assets.Refusal {
		return assets.Refusal{Dataset: dataset, Lot: lot, Why: "it is not there", Event: assets.Event{DAG: "sum", Task: "publish"}}
	}
	one, two := refusal("orders/raw@1", "2026-06-01T00"), refusal("orders/made@2", "2026-06-01")
	away := errors.New("cluster one: it does not answer")
	for name, tc := range map[string]struct {
		reason string
		looks  []claimed
		gone   bool
		want   map[string]int
		dirty  bool
		log    []string // in this order, each once
	}{
		"nothing":    {"nothing is no news", []claimed{{}}, false, nil, false, nil},
		"refused":    {"what is refused is counted by dataset, and told once", []claimed{{Look: assets.Look{Refused: []assets.Refusal{one, two}, New: []assets.Refusal{one, two}}}, {Look: assets.Look{Refused: []assets.Refusal{one, two}}}}, false, map[string]int{"orders/raw@1": 1, "orders/made@2": 1}, true, []string{"lot=2026-06-01T00", "lot=2026-06-01 "}},
		"withdrawn":  {"until it is not any more", []claimed{{Look: assets.Look{Refused: []assets.Refusal{one}}}, {}}, false, nil, true, nil},
		"remembered": {"what was refused before a restart is told, too", []claimed{{Look: assets.Look{Refused: []assets.Refusal{one}}}}, false, map[string]int{"orders/raw@1": 1}, true, nil},
		"away":       {"what is not known stays as it was", []claimed{{Look: assets.Look{Refused: []assets.Refusal{one}}}, {err: away}, {err: away}}, false, map[string]int{"orders/raw@1": 1}, true, []string{"does not answer"}},
		"back":       {"and that it is known again is told, too", []claimed{{err: away}, {}, {}}, false, nil, false, []string{"does not answer", "is read again"}},
		"other ways": {"another obstacle is another one", []claimed{{err: away}, {err: errors.New("who are you?")}}, false, nil, false, []string{"does not answer", "who are you?"}},
		"dropped":    {"of an environment that is not kept any more nothing counts", []claimed{{Look: assets.Look{Refused: []assets.Refusal{one}, New: []assets.Refusal{one}}}}, true, nil, false, nil},
	} {
		t.Run(name, func(t *testing.T) {
			c := newClaims(t, airflows)
			c.state.dirty = false
			of := &claiming{}
			if tc.gone {
				delete(c.upkeep, c.state)
			}
			for _, e := range tc.looks {
				e.state, e.of = c.state, of
				c.claimed(e)
			}
			got := map[string]int{}
			for _, r := range c.state.refused.All() {
				got[r.Dataset]++
			}
			if diff := cmp.Diff(tc.want, got, cmpopts.EquateEmpty()); diff != "" || c.state.dirty != tc.dirty {
				t.Errorf("%s: refused (-want +got), something changed: %t:\n%s", tc.reason, c.state.dirty, diff)
			}
			rest := c.log.String()
			for _, want := range tc.log {
				if _, after, found := strings.Cut(rest, want); !found || strings.Contains(after, want) {
					t.Errorf("%s: %q is not in the log once, in its place:\n%s", tc.reason, want, c.log.String())
				} else {
					rest = after
				}
			}
			if tc.log == nil && c.log.Len() > 0 {
				t.Errorf("%s: the log has %s", tc.reason, c.log.String())
			}
		})
	}
}
