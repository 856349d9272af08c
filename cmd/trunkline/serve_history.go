// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"log/slog"
	"path/filepath"
	"regexp"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	lotflow "trunkline.dev/trunkline/flow"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// The places where history can be kept.
const (
	historySQLite   = "sqlite"
	historyPostgres = "postgres"
	historyOff      = "off"
	// historyFile is in the data folder.
	historyFile = "history.db"
)

// keeping holds the flags of the daemon about history.
type keeping struct {
	where   string
	dsnFile string
	// dsn is what the file holds; it has a password, and so is never a flag.
	dsn    string
	age    time.Duration
	events int64
}

func (k *keeping) flags(cmd *cobra.Command) {
	f := cmd.Flags()
	f.StringVar(&k.where, "history", historySQLite, "where to keep what happened: sqlite (a file in the data folder), postgres or off")
	f.StringVar(&k.dsnFile, "history-dsn-file", "", "file with the connection string of the PostgreSQL database, which holds its password")
	f.DurationVar(&k.age, "history-keep", history.DefaultAge, "how long to keep what happened")
	f.Int64Var(&k.events, "history-events", history.DefaultEvents, "how many events to keep, the newest ones")
}

func (k *keeping) check() error {
	switch {
	case k.where != historySQLite && k.where != historyPostgres && k.where != historyOff:
		return usagef("--history %q: choose sqlite, postgres or off", k.where)
	case k.where == historyPostgres && k.dsnFile == "":
		return usagef("--history postgres: name the file that holds the connection string: --history-dsn-file FILE")
	case k.where != historyPostgres && k.dsnFile != "":
		return usagef("--history-dsn-file is for --history postgres")
	case k.age < time.Hour:
		return usagef("--history-keep is at least 1h")
	case k.events < 1:
		return usagef("--history-events is at least 1")
	}
	return nil
}

// database returns where history is kept.
func (k *keeping) database(data string) (history.Database, error) {
	if k.where == historyPostgres {
		d, err := history.Postgres(k.dsn)
		if err != nil {
			return d, fmt.Errorf("reading %s: %w", k.dsnFile, err)
		}
		return d, nil
	}
	return history.SQLite(filepath.Join(data, historyFile))
}

// historian records what the reconciler reports as events. Without a recorder it does nothing.
type historian struct {
	recorder *history.Recorder
	board    *status.Board

	mu sync.Mutex
	// failing holds the error of every release whose last run failed.
	failing map[catalog.ReleaseID]string
}

// newHistorian returns the historian that the flags ask for.
func newHistorian(k *keeping, tables []history.Tables, data string, board *status.Board, log *slog.Logger) (*historian, error) {
	h := &historian{board: board, failing: map[catalog.ReleaseID]string{}}
	if k.where == historyOff {
		return h, nil
	}
	d, err := k.database(data)
	if err != nil {
		return nil, err
	}
	h.recorder = history.NewRecorder(history.Options{
		Database: d, Tables: tables, Retention: history.Retention{Age: k.age, Events: k.events}, Log: log, Now: time.Now,
	})
	return h, nil
}

// start writes history until the function that it returns is called, which is when nothing records any more.
func (h *historian) start(ctx context.Context) (stop func()) {
	if h.recorder == nil {
		return func() {}
	}
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { h.recorder.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// forConsole returns what answers queries; nil where no history is kept.
func (h *historian) forConsole() console.History {
	if h.recorder == nil {
		return nil
	}
	return h.recorder
}

func (h *historian) record(e history.Event) {
	if h.recorder != nil {
		e.Platform = h.board.Name()
		h.recorder.Record(e)
	}
}

// judged records a commit.
func (h *historian) judged(j reconciler.Judged) { h.record(judgedEvent(j)) }

func judgedEvent(j reconciler.Judged) history.Event {
	e := history.Event{Kind: history.Accepted, Commit: j.Commit.Hash, By: j.Commit.Author, Message: j.Commit.Subject}
	if j.Commit.Parts != "" {
		e.Message += " [" + partsFor(j.Commit) + "]"
	}
	if !j.Problems.Denied() {
		return e
	}
	e.Kind = history.Refused
	denying := 0
	for _, p := range j.Problems {
		if p.Severity != v1alpha1.Deny {
			continue
		}
		if denying++; denying == 1 {
			e.Why = p.String()
		}
	}
	if denying > 1 {
		e.Why = fmt.Sprintf("%d errors, the first one: %s", denying, e.Why)
	}
	return e
}

// ran records a run, if it is an event.
func (h *historian) ran(run reconciler.Run) {
	h.mu.Lock()
	e, isEvent := runEvent(run, h.failing)
	h.mu.Unlock()
	if isEvent {
		h.record(e)
	}
}

// lotEnded records a run for a lot, if it made one or failed.
func (h *historian) lotEnded(e lotflow.Ended) {
	if e.Outcome != "made" && e.Outcome != "failed" {
		return
	}
	kind := history.LotFailed
	if e.Made() {
		kind = history.LotMade
	}
	h.record(history.Event{Kind: kind, Release: e.Release, Object: e.Workload, Message: e.Lot.ID() + ", attempt " + e.Attempt, Why: e.Why, Took: e.Took})
}

// digits are what differs between two texts of the same error: ports, counts and times.
var digits = regexp.MustCompile(`[0-9]+`)

// runEvent returns the event of a run, and whether it is one: it wrote something, it fails otherwise than the one before, or
// it is the first that does not fail. A release whose cluster is away fails all day long, and that is one event. It keeps
// in failing what to compare the next one with.
func runEvent(run reconciler.Run, failing map[catalog.ReleaseID]string) (history.Event, bool) {
	e := history.Event{
		Kind: history.Ran, Release: run.Release, Commit: run.Commit, Applied: run.Applied, Pruned: run.Pruned, Took: run.Took,
	}
	wrote := run.Applied+run.Pruned > 0
	before, failed := failing[run.Release]
	if run.Err == nil {
		delete(failing, run.Release)
		if failed {
			e.Message = "succeeds again"
		}
		return e, wrote || failed
	}
	e.Kind, e.Message = history.Failed, run.Err.Error()
	now := digits.ReplaceAllString(e.Message, "#")
	failing[run.Release] = now
	return e, wrote || !failed || now != before
}

// historyCollector reads the counts of a recorder when it is scraped.
type historyCollector struct{ recorder *history.Recorder }

func historyDescriptions() (events, waiting *prometheus.Desc) {
	return prometheus.NewDesc("trunkline_history_events_total", "Events of the history, by what became of them.", []string{"result"}, nil),
		prometheus.NewDesc("trunkline_history_waiting", "Events that are not written yet.", nil, nil)
}

// Describe implements [prometheus.Collector].
func (c *historyCollector) Describe(ch chan<- *prometheus.Desc) {
	events, waiting := historyDescriptions()
	ch <- events
	ch <- waiting
}

// Collect implements [prometheus.Collector].
func (c *historyCollector) Collect(ch chan<- prometheus.Metric) {
	events, waiting := historyDescriptions()
	s := c.recorder.Stats()
	for _, count := range []struct {
		result string
		n      int64
	}{{"written", s.Written}, {"dropped", s.Dropped}, {"rejected", s.Rejected}} {
		ch <- prometheus.MustNewConstMetric(events, prometheus.CounterValue, float64(count.n), count.result)
	}
	ch <- prometheus.MustNewConstMetric(waiting, prometheus.GaugeValue, float64(s.Waiting))
}
