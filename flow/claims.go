// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/assets"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/report"
)

// claimInterval is how often it is asked what tasks of an Airflow say that they have made.
const claimInterval = 10 * time.Second

// readOutlets notes the datasets of a project that come in lots, with the workloads that make them.
func (d *declared) readOutlets(p *catalog.Project) {
	if d.outlets == nil {
		return
	}
	for i := range p.Spec.Datasets {
		one := &p.Spec.Datasets[i]
		id := p.Name + "/" + one.Name + "@" + one.Version
		series, known := d.graph.Series(id)
		location, there := d.catalog.Location(id, d.name, catalog.Writes)
		store, kept := d.catalog.Manifests(id, d.name, catalog.Writes)
		if !known || !there || !kept {
			continue
		}
		d.outlets[id] = assets.Dataset{
			ID: id, Name: manifest.Dataset{Name: one.Name, Version: one.Version}, Unit: series.Unit, Since: series.Since, Retention: series.Retention,
			Location: strings.TrimSuffix(location, "/") + "/", Store: store, Workload: d.graph.Producer(id),
		}
	}
}

// claiming reads from time to time what the tasks of an environment's Airflow say that they have made.
type claiming struct {
	reader *assets.Reader
	pace
	// told is what was logged last of what is in the way.
	told string
}

// claimed is the event that it was read.
type claimed struct {
	state *state
	of    *claiming
	assets.Look
	err error
}

// claim has it read, if it is time, and returns in how long the next time is.
func (l *loop) claim(s *state, now time.Time) time.Duration {
	if l.opts.Airflow == nil || s.outlets == nil {
		delete(l.claims, s)
		s.refused = report.Refused{}
		return lookInterval
	}
	c := l.claims[s]
	if c == nil {
		c = &claiming{reader: assets.NewReader(l.opts.Airflow, l.opts.Stores)}
		l.claims[s] = c
	}
	switch {
	case c.busy || s.stock == nil: // what is there is not known
		return lookInterval
	case c.next.After(now):
		return min(lookInterval, c.next.Sub(now))
	}
	c.begins(now)
	scope := assets.Scope{Environment: s.name, Records: s.records, Datasets: s.outlets}
	l.aside(s, func() {
		came, err := c.reader.Look(l.ctx, scope, now)
		l.tell(claimed{s, c, came, err})
	})
	return lookInterval
}

// claimed takes what came of reading.
func (l *loop) claimed(e claimed) {
	if _, ok := l.upkeep[e.state]; !ok {
		return
	}
	for at, f := range e.Lots {
		e.state.noticed(at, f)
	}
	now := l.opts.Now()
	e.of.ended(now, now.Add(min(claimInterval, l.opts.Interval)))
	if e.err == nil || len(e.Refused) > 0 {
		refused := report.NewRefused(claimsOf(e.Refused))
		// What an earlier process has refused is news to this one.
		e.state.dirty = e.state.dirty || len(e.Written) > 0 || !slices.EqualFunc(refused.All(), e.state.refused.All(), sameClaim)
		e.state.refused = refused
	}
	if l.ctx.Err() == nil {
		l.tellClaims(e)
	}
}

// Refused reads what is kept of claims that were refused, beside the manifests of an environment, the oldest first. Those that cannot be read are in the error.
func Refused(ctx context.Context, records string, opts bucket.Options) (report.Refused, error) {
	var kept []assets.Refusal
	err := bucket.With(ctx, records, opts, func(f bucket.Folder) (err error) {
		kept, err = assets.Refused(ctx, f)
		return err
	})
	return report.NewRefused(claimsOf(kept)), err
}

// sameClaim reports whether the same is told of two events.
func sameClaim(a, b report.Claim) bool {
	return a.ID == b.ID && a.Dataset == b.Dataset && a.Why == b.Why
}

// claimsOf are refused events as they are shown.
func claimsOf(refused []assets.Refusal) []report.Claim {
	out := make([]report.Claim, 0, len(refused))
	for _, r := range refused {
		e := r.Event
		out = append(out, report.Claim{
			ID: fmt.Sprintf("%s/%d", r.Cluster, e.ID), Dataset: r.Dataset, Lots: r.Lots(), Cluster: r.Cluster, DAG: e.DAG, Task: e.Task, Run: e.Run, At: r.At, Why: r.Why,
		})
	}
	return out
}

// tellClaims logs what came of reading: what is in the way once, until it is another thing.
func (l *loop) tellClaims(e claimed) {
	words := []any{"environment", e.state.name}
	for _, c := range e.Written[:min(len(e.Written), manyLots)] {
		l.opts.Log.Info("a task of Airflow has made a lot", append(words, "dataset", c.Dataset.ID, "lot", c.Key.Lot.ID(), "state", string(c.Key.State), "dag", c.Event.DAG, "task", c.Event.Task)...)
	}
	if more := len(e.Written) - manyLots; more > 0 {
		l.opts.Log.Info("tasks of Airflow have made more lots", append(words, "lots", more)...)
	}
	for _, r := range e.New[:min(len(e.New), manyLots)] {
		l.opts.Log.Warn("an event of an asset is refused, and is kept beside the manifests", append(words, "dataset", r.Dataset, "lot", r.Lot, "dag", r.Event.DAG, "task", r.Event.Task, "run", r.Event.Run, "why", r.Why)...)
	}
	told := ""
	if e.err != nil {
		told = e.err.Error()
	}
	switch {
	case told != "" && told != e.of.told:
		l.opts.Log.Warn("cannot read what tasks of Airflow have made; it is tried again", append(words, "err", told)...)
	case told == "" && e.of.told != "":
		l.opts.Log.Info("what tasks of Airflow have made is read again", words...)
	}
	e.of.told = told
}
