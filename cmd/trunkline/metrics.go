package main

import (
	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"

	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/status"
)

// metrics are what Prometheus is told.
type metrics struct {
	registry *prometheus.Registry
	fetches  *prometheus.CounterVec
	runs     *prometheus.CounterVec
	took     prometheus.Histogram
	objects  *prometheus.CounterVec
}

func newMetrics(board *status.Board) *metrics {
	m := &metrics{
		registry: prometheus.NewRegistry(),
		fetches: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trunkline_git_fetches_total", Help: "Fetches of the repository, by result.",
		}, []string{"result"}),
		runs: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trunkline_runs_total", Help: "Runs of releases, by result.",
		}, []string{"result"}),
		took: prometheus.NewHistogram(prometheus.HistogramOpts{
			Name: "trunkline_run_duration_seconds", Help: "How long runs of releases took.",
			Buckets: prometheus.ExponentialBuckets(0.01, 2, 12),
		}),
		objects: prometheus.NewCounterVec(prometheus.CounterOpts{
			Name: "trunkline_objects_total", Help: "Objects that were written, by what was done to them.",
		}, []string{"action"}),
	}
	for _, result := range []string{"ok", "error"} { // born at zero, so that the first error is an increase
		m.fetches.WithLabelValues(result)
		m.runs.WithLabelValues(result)
	}
	for _, action := range []string{"applied", "pruned"} {
		m.objects.WithLabelValues(action)
	}
	m.registry.MustRegister(m.fetches, m.runs, m.took, m.objects, &boardCollector{board: board},
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

func (m *metrics) observe(run reconciler.Run) {
	m.runs.WithLabelValues(result(run.Err)).Inc()
	m.took.Observe(run.Took.Seconds())
	m.objects.WithLabelValues("applied").Add(float64(run.Applied))
	m.objects.WithLabelValues("pruned").Add(float64(run.Pruned))
}

// boardCollector reads the board when it is scraped.
type boardCollector struct{ board *status.Board }

func descriptions() (releases, refused, reachable *prometheus.Desc) {
	return prometheus.NewDesc("trunkline_releases", "Releases, by environment, cluster, result and health.",
			[]string{"environment", "cluster", "result", "health"}, nil),
		prometheus.NewDesc("trunkline_commit_refused", "1 if the newest commit is refused.", nil, nil),
		prometheus.NewDesc("trunkline_cluster_reachable", "1 if the cluster answers.", []string{"cluster"}, nil)
}

// Describe implements [prometheus.Collector].
func (c *boardCollector) Describe(ch chan<- *prometheus.Desc) {
	releases, refused, reachable := descriptions()
	ch <- releases
	ch <- refused
	ch <- reachable
}

// Collect implements [prometheus.Collector].
func (c *boardCollector) Collect(ch chan<- prometheus.Metric) {
	releases, refused, reachable := descriptions()
	p := c.board.Snapshot()
	type key struct{ environment, cluster, result, health string }
	counts := map[key]int{}
	for _, r := range p.Releases {
		counts[key{r.Environment, r.Cluster, string(r.Result), string(r.Health)}]++
	}
	for k, n := range counts {
		ch <- prometheus.MustNewConstMetric(releases, prometheus.GaugeValue, float64(n), k.environment, k.cluster, k.result, k.health)
	}
	ch <- prometheus.MustNewConstMetric(refused, prometheus.GaugeValue, number(p.Source.Refused()))
	for _, cl := range p.Clusters {
		ch <- prometheus.MustNewConstMetric(reachable, prometheus.GaugeValue, number(cl.Reachable), cl.Name)
	}
}

func number(b bool) float64 {
	if b {
		return 1
	}
	return 0
}
