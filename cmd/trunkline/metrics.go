// SPDX-License-Identifier: Apache-2.0

package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// metrics are what Prometheus is told.
type metrics struct {
	registry *prometheus.Registry
	fetches  *prometheus.CounterVec
	sources  *prometheus.CounterVec
	runs     *prometheus.CounterVec
	duration prometheus.Histogram
	objects  *prometheus.CounterVec
	drifts   *prometheus.CounterVec
	returns  *prometheus.CounterVec
	reloads  *prometheus.CounterVec
	outdated prometheus.Gauge
}

func newMetrics(board *status.Board) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		fetches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trunkline_git_fetches_total", Help: "Fetches of the repository, by result.",
		}, []string{"result"}),
		sources: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trunkline_source_fetches_total", Help: "Fetches of repositories that the platform includes, by source and result.",
		}, []string{"source", "result"}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trunkline_runs_total", Help: "Runs of releases, by result.",
		}, []string{"result"}),
		duration: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "trunkline_run_duration_seconds", Help: "How long runs of releases took.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}),
		objects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trunkline_objects_total", Help: "Objects that were written, by what was done to them.",
		}, []string{"action"}),
		drifts: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trunkline_drifts_total", Help: "Objects that drifted, and those of them that were reverted.",
		}, []string{"environment", "cluster", "action"}),
		returns: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trunkline_rollbacks_total", Help: "Releases that were rolled back, automatically or by hand.",
		}, []string{"environment", "cluster"}),
	}
	m.reloads = prometheus.NewCounterVec(prometheus.CounterOpts{
		Name: "trunkline_config_reloads_total", Help: "How often the configuration file was read again, by result.",
	}, []string{"result"})
	m.outdated = prometheus.NewGauge(prometheus.GaugeOpts{
		Name: "trunkline_config_refused", Help: "1 if the configuration file, as it is now, is refused, and the one before is in use.",
	})
	for _, result := range []string{"ok", "error"} { // born at zero, so that the first error is an increase
		m.fetches.WithLabelValues(result)
		m.runs.WithLabelValues(result)
		m.reloads.WithLabelValues(result)
	}
	for _, action := range []string{"applied", "pruned"} {
		m.objects.WithLabelValues(action)
	}
	m.registry.MustRegister(m.fetches, m.sources, m.runs, m.duration, m.objects, m.drifts, m.returns, m.reloads, m.outdated, &boardCollector{board: board},
		collectors.NewGoCollector(), collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}))
	return m
}

func result(err error) string {
	if err != nil {
		return "error"
	}
	return "ok"
}

func (m *metrics) fetched(err error) { m.fetches.WithLabelValues(result(err)).Inc() }

func (m *metrics) fetchedSource(name string, err error) {
	m.sources.WithLabelValues(name, result(err)).Inc()
}

func (m *metrics) configured(err error) {
	m.reloads.WithLabelValues(result(err)).Inc()
	m.outdated.Set(number(err != nil))
}

func (m *metrics) observe(run reconciler.Run) {
	m.runs.WithLabelValues(result(run.Err)).Inc()
	m.duration.Observe(run.Took.Seconds())
	m.objects.WithLabelValues("applied").Add(float64(run.Applied))
	m.objects.WithLabelValues("pruned").Add(float64(run.Pruned))
}

// event counts what happens to releases by others than the repository.
func (m *metrics) event(e history.Event) {
	switch e.Kind { //nolint:exhaustive // runs are counted when they end, and everything else is on the board
	case history.Drift:
		m.drifts.WithLabelValues(e.Release.Environment, e.Release.Cluster, "seen").Inc()
	case history.Corrected:
		m.drifts.WithLabelValues(e.Release.Environment, e.Release.Cluster, "corrected").Inc()
	case history.Rollback:
		m.returns.WithLabelValues(e.Release.Environment, e.Release.Cluster).Inc()
	}
}

// boardCollector reads the board when it is scraped.
type boardCollector struct{ board *status.Board }

// described are the metrics that come from the board.
type described struct{ releases, drifted, held, refused, source, reachable, differs *prometheus.Desc }

func descriptions() described {
	where := []string{"environment", "cluster"}
	return described{
		releases: prometheus.NewDesc("trunkline_releases", "Releases, by environment, cluster, result and health.", append(where, "result", "health"), nil),
		drifted:  prometheus.NewDesc("trunkline_releases_drifted", "Releases that drifted, and are left so.", where, nil),
		held: prometheus.NewDesc("trunkline_releases_held", "Releases that wait to apply the newest commit, by the rule that holds them.",
			append(where, "rule"), nil),
		refused: prometheus.NewDesc("trunkline_commit_refused", "1 if the newest commit is refused.", nil, nil),
		source: prometheus.NewDesc("trunkline_source_refused",
			"1 if the newest commit of a repository that the platform includes is not accepted, or there is none.", []string{"source"}, nil),
		reachable: prometheus.NewDesc("trunkline_cluster_reachable", "1 if the cluster answers.", []string{"cluster"}, nil),
		differs:   prometheus.NewDesc("trunkline_cluster_differs", "1 if the cluster is not what charts are told that it is.", []string{"cluster"}, nil),
	}
}

// Describe implements [prometheus.Collector].
func (c *boardCollector) Describe(ch chan<- *prometheus.Desc) {
	d := descriptions()
	for _, desc := range []*prometheus.Desc{d.releases, d.drifted, d.held, d.refused, d.source, d.reachable, d.differs} {
		ch <- desc
	}
}

// Collect implements [prometheus.Collector].
func (c *boardCollector) Collect(ch chan<- prometheus.Metric) {
	d := descriptions()
	p := c.board.Snapshot()
	type series struct {
		desc   *prometheus.Desc
		labels [4]string
		n      int
	}
	counts := map[series]int{}
	for _, r := range p.Releases {
		counts[series{desc: d.releases, labels: [4]string{r.Environment, r.Cluster, string(r.Result), string(r.Health)}, n: 4}]++
		if r.Drifted() {
			counts[series{desc: d.drifted, labels: [4]string{r.Environment, r.Cluster}, n: 2}]++
		}
		if r.Held != nil {
			counts[series{desc: d.held, labels: [4]string{r.Environment, r.Cluster, r.Held.Rule}, n: 3}]++
		}
	}
	for s, n := range counts {
		ch <- prometheus.MustNewConstMetric(s.desc, prometheus.GaugeValue, float64(n), s.labels[:s.n]...)
	}
	ch <- prometheus.MustNewConstMetric(d.refused, prometheus.GaugeValue, number(p.Source.Refused()))
	for _, s := range p.Source.Sources {
		ch <- prometheus.MustNewConstMetric(d.source, prometheus.GaugeValue, number(s.Refused() || s.Accepted == nil), s.Name)
	}
	for _, cl := range p.Clusters {
		ch <- prometheus.MustNewConstMetric(d.reachable, prometheus.GaugeValue, number(cl.Reachable), cl.Name)
		ch <- prometheus.MustNewConstMetric(d.differs, prometheus.GaugeValue, number(cl.Warning != ""), cl.Name)
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
