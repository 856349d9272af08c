// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"math"
	"os"
	"strconv"
	"sync"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/spf13/pflag"

	"trunkline.dev/trunkline/catalog"
	lotflow "trunkline.dev/trunkline/flow"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/traces"
	"trunkline.dev/trunkline/webhooks"
	"trunkline.dev/trunkline/webhooks/report"
)

// tracing holds the flags of the daemon about traces.
type tracing struct {
	url, headersFile string
	ratio            float64
}

func (t *tracing) flags(f *pflag.FlagSet) {
	f.StringVar(&t.url, "traces", "", "`URL` of a receiver of OpenTelemetry, OTLP over HTTP, that is sent traces of commits and pull requests; default: none are made")
	f.StringVar(&t.headersFile, "traces-headers-file", "", "file with headers for that receiver, \"Name: value\" on each line")
	f.Float64Var(&t.ratio, "traces-ratio", 1, "share of the traces to send, from 0 to 1; the others are sent by no replica")
}

func (t *tracing) check() error {
	switch {
	case t.url == "" && t.headersFile != "":
		return usagef("--traces is missing: nothing is sent without it")
	case t.ratio < 0 || t.ratio > 1 || math.IsNaN(t.ratio):
		return usagef("--traces-ratio %s: choose a share from 0 to 1", strconv.FormatFloat(t.ratio, 'g', -1, 64))
	case t.url == "":
		return nil
	}
	if err := (traces.Target{URL: t.url}).Check(); err != nil {
		return usagef("--traces: %w", err)
	}
	return nil
}

// target reads the headers.
func (t *tracing) target() (traces.Target, error) {
	out := traces.Target{URL: t.url}
	text := ""
	if err := readSecret(t.headersFile, &text); err != nil {
		return out, err
	}
	var err error
	if out.Headers, err = traces.ParseHeaders(text); err != nil {
		return out, usagef("--traces-headers-file: %w", err)
	}
	return out, nil
}

// makeTraces makes what sends traces, if they are asked for.
func (d *daemon) makeTraces() error {
	d.metrics.registry.MustRegister(tracesCollector{d})
	if d.flags.traces.url == "" {
		return nil
	}
	target, err := d.flags.traces.target()
	if err != nil {
		return err
	}
	name, err := os.Hostname()
	if err != nil {
		name = ""
	}
	d.tracer, err = traces.New(context.Background(), traces.Options{ //nolint:contextcheck // nothing is asked for yet
		Target: target, Ratio: d.flags.traces.ratio, Version: programVersion(), Instance: name, Log: d.log, Now: time.Now,
	})
	return err
}

// startTraces sends traces until the function that it returns is called, which is when nothing is traced any more.
func (d *daemon) startTraces(ctx context.Context) (stop func()) {
	ctx, cancel := context.WithCancel(context.WithoutCancel(ctx))
	var running sync.WaitGroup
	running.Go(func() { d.tracer.Run(ctx) })
	return func() {
		cancel()
		running.Wait()
	}
}

// tracesHead tells of what a fetch has found.
func (d *daemon) tracesHead(h git.Head) {
	if h.Commit != "" {
		d.tracer.Fetched(h.Commit, h.Commit != h.Previous)
	}
}

// tracesJudged tells of a commit: where there are several replicas, the one that leads does.
func (d *daemon) tracesJudged(j reconciler.Judged) {
	if d.sharing.coordinator == nil || d.sharing.coordinator.Leads() {
		d.tracer.Judged(j.Commit.Hash, !j.Problems.Denied())
	}
}

func (d *daemon) tracesRun(r reconciler.Run) {
	d.tracer.Applied(traces.Applied{Release: r.Release, Commit: r.Commit, Took: r.Took, Objects: r.Applied, Pruned: r.Pruned, Failed: r.Err != nil})
}

func (d *daemon) tracesEvent(e history.Event) {
	if e.Release == (catalog.ReleaseID{}) {
		return
	}
	if e.Kind == history.Healthy || e.Kind == history.Unhealthy {
		d.tracer.Settled(e.Release, e.Commit, e.Kind == history.Healthy)
	}
}

func (d *daemon) tracesLot(e lotflow.Ended) {
	d.tracer.LotEnded(traces.LotRun{
		Release: e.Release, Workload: e.Workload, Lot: e.Lot.ID(), Attempt: e.Attempt, Took: e.Took, Outcome: e.Outcome, Failed: e.Outcome == "failed",
	})
}

// tracesReview returns what tells of the reviews of a repository.
func (d *daemon) tracesReview(source string) func(webhooks.Reviewed) {
	return func(r webhooks.Reviewed) {
		d.tracer.Reviewed(traces.Review{
			Source: source, Number: r.Pull.Number, Head: r.Pull.Head.SHA, Outcome: string(r.Outcome), Failed: r.Outcome == report.Unknown,
			Told: r.Told, Began: r.Began, Opened: r.Opened, Evaluated: r.Evaluated, Commented: r.Commented, Concluded: r.Concluded,
		})
	}
}

// tracesCollector reads the counts of spans when it is scraped.
type tracesCollector struct{ d *daemon }

func spansDescription() *prometheus.Desc {
	return prometheus.NewDesc("trunkline_trace_spans_total", "Spans of traces, by what became of them: sent, or dropped, since the receiver is away or slow.", []string{"result"}, nil)
}

// Describe implements [prometheus.Collector].
func (tracesCollector) Describe(out chan<- *prometheus.Desc) { out <- spansDescription() }

// Collect implements [prometheus.Collector].
func (c tracesCollector) Collect(out chan<- prometheus.Metric) {
	sent, dropped := c.d.tracer.Counts()
	out <- prometheus.MustNewConstMetric(spansDescription(), prometheus.CounterValue, float64(sent), "sent")
	out <- prometheus.MustNewConstMetric(spansDescription(), prometheus.CounterValue, float64(dropped), "dropped")
}
