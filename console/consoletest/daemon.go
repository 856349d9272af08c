// SPDX-License-Identifier: Apache-2.0

// Package consoletest is a daemon for tests: the real console over a real board, with an actor and a trigger that record what
// they are asked for. Every request and answer that its client sees is held to the description of the API.
//
// Of Trunkline it may import access, api/lot, catalog, console, cost/usage, doctor, flow/plan, flow/report, reconciler/history,
// reconciler/status and webhooks/report.
package consoletest

import (
	"context"
	"fmt"
	"io"
	"net/http"
	"net/http/httptest"
	"slices"
	"sync"
	"testing"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/doctor"
	"trunkline.dev/trunkline/flow/report"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// Token is that of [WithToken], which is shared.
const Token = "s3cret-0123456789"

// Daemon is a daemon with nothing behind it.
type Daemon struct {
	*httptest.Server

	Board *status.Board
	// Err is what its actor and its history answer.
	Err error
	// Page is what its history answers.
	Page history.Page
	// LotsOf is what there is of datasets, View what is known of the lots of its one environment, LotRuns the runs of each lot, and
	// LotLogs their logs.
	LotsOf      []console.DatasetLots
	Environment string
	Seen        report.View
	LotRuns     []console.LotRun
	LotLogs     []console.LotLog
	// Workspaces are those that there are, of all people.
	Workspaces []console.Workspace
	// RemoteRuns are those that there are, and RunEvents what is told of each.
	RemoteRuns []console.RemoteRun
	RunEvents  []console.RunEvent
	// RunBase is what code is put on, and Layers are those that runs were started with.
	RunBase console.RunBase
	Layers  []console.RunLayer
	// Spent is what its costs answer, CostErr why not, Ahead what is going to be spent, and Bill what was billed.
	Spent   usage.Answer
	CostErr error
	Ahead   console.CostOutlook
	Bill    usage.Bill
	// Samples are what each run used.
	Samples []usage.Sample
	// Histories are where the history of each run is shown.
	Histories []string
	// Members are the objects of each release; nil: they are not seen.
	Members []status.Object
	// Ran are runs, by their names, and RunLogs their logs.
	Ran     map[string]console.RunFound
	RunLogs map[string]console.LotLog
	// TaskLogs are those of tasks of Airflow, by what is asked for.
	TaskLogs map[console.TaskRef]console.TaskLog
	// Changed is what each commit changed.
	Changed map[string]console.Difference
	// ClusterSetup and GitHubSetup are what is found around the daemon, and SetupErr why nothing is. MadeApp is an App that is registered, but
	// for its name, and RegisterErr why none is.
	ClusterSetup console.ClusterSetup
	GitHubSetup  console.GitHubSetup
	SetupErr     error
	MadeApp      console.MadeApp
	RegisterErr  error
	// Reported are the pull requests, with the reports on them.
	Reported []console.PullReport

	mu     sync.Mutex
	asked  []string
	filter *history.Filter
	costs  *usage.Filter
	clock  func() time.Time
}

// New returns a daemon that is not served yet, with changes to its options.
func New(changes ...func(*console.Options)) (*Daemon, http.Handler) {
	d := &Daemon{clock: time.Now} //nolint:forbidigo // a daemon of a test has the time of day
	d.Board = status.NewBoard(func() time.Time { return d.clock() })
	opts := console.Options{
		Now:   func() time.Time { return d.clock() },
		Board: d.Board, Actor: d, History: d, Lots: lots{d}, Costs: costs{d}, Pulls: pulls{d}, Objects: d, Setup: setup{d}, Commits: commits{d}, Runs: runs{d}, TaskLogs: taskLogs{d}, RemoteRuns: remoteRuns{d}, Workspaces: workspaces{d}, Apps: entrance{d}, Trigger: func() { d.record("sync") },
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) {
			w.Header().Set("Content-Type", "text/plain; version=0.0.4")
			_, _ = io.WriteString(w, "up 1\n")
		}),
	}
	d.ClusterSetup.Clusters, d.ClusterSetup.Findings, d.GitHubSetup.Findings = []console.SetupCluster{}, []doctor.Finding{}, []doctor.Finding{}
	for _, change := range changes {
		change(&opts)
	}
	return d, console.New(opts)
}

// Start serves a daemon until the test ends. Its client fails the test where the console is not as described.
func Start(t *testing.T, changes ...func(*console.Options)) *Daemon {
	t.Helper()
	d, handler := New(changes...)
	d.Server = httptest.NewServer(handler)
	t.Cleanup(d.Close)
	d.Client().Transport = described(t, d.Client().Transport)
	return d
}

// WithToken has a daemon ask for [Token].
func WithToken(o *console.Options) {
	o.Tokens = func() []console.Token { return []console.Token{{Secret: Token}} }
}

// Do implements [console.Actor].
func (d *Daemon) Do(_ context.Context, id catalog.ReleaseID, act string, by console.Attribution) error {
	d.record(fmt.Sprintf("%s %s by %s: %s", act, id, by.Principal, by.Why))
	return d.Err
}

// Approve implements [console.Actor].
func (d *Daemon) Approve(environment, digest string, by console.Attribution) error {
	d.record(fmt.Sprintf("approve %s of %s by %s: %s", digest, environment, by.Principal, by.Why))
	return d.Err
}

// Objects implements [console.Objects].
func (d *Daemon) Objects(context.Context, catalog.ReleaseID) ([]status.Object, error) {
	if d.Members == nil {
		return nil, console.ErrNotKnown
	}
	return slices.Clone(d.Members), nil
}

// Query implements [console.History].
func (d *Daemon) Query(_ context.Context, f history.Filter) (history.Page, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.filter = &f
	if d.Page.Events == nil {
		d.Page.Events = []history.Event{}
	}
	return d.Page, d.Err
}

// Filter returns what the history was last queried for; nil: it was not.
func (d *Daemon) Filter() *history.Filter {
	d.mu.Lock()
	defer d.mu.Unlock()
	return d.filter
}

// Asked returns what the actor and the trigger were asked for.
func (d *Daemon) Asked() []string {
	d.mu.Lock()
	defer d.mu.Unlock()
	return append([]string(nil), d.asked...)
}

func (d *Daemon) record(what string) {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.asked = append(d.asked, what)
}

// Show puts a state on the board, with the times that it has; its revision is the board's.
func (d *Daemon) Show(p status.Platform) {
	at := func(t time.Time) { d.clock = func() time.Time { return t } }
	at(p.Time)
	d.Board.SetName(p.Name)
	d.Board.SetSource(func(s *status.Source) { *s = p.Source })
	if p.Replica != nil {
		d.Board.SetReplica(*p.Replica)
	}
	for _, c := range p.Clusters {
		at(c.Since)
		d.Board.SetCluster(c)
	}
	for _, r := range p.Releases {
		at(r.Since)
		d.Board.SetRelease(r.ReleaseID, func(shown *status.Release) { *shown = r })
	}
	at(p.Time)
}
