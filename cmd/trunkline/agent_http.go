// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"io"
	"net/http"
	"strings"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/promhttp"

	"trunkline.dev/trunkline/reconciler/agent"
	"trunkline.dev/trunkline/reconciler/status"
)

// handler answers those who look after the agent. It is well whether or not the daemon answers: it keeps the cluster.
func (k *keptCluster) handler() http.Handler {
	waiting := newMetrics(status.NewBoard(time.Now))
	waiting.registry.MustRegister(&linkCollector{})
	mux := http.NewServeMux()
	mux.HandleFunc("GET /healthz", func(w http.ResponseWriter, _ *http.Request) {
		_, _ = io.WriteString(w, k.state()+"\n") // the caller has gone
	})
	mux.HandleFunc("GET /metrics", func(w http.ResponseWriter, r *http.Request) {
		m := waiting
		if now := k.now.Load(); now != nil {
			m = now.metrics
		}
		promhttp.HandlerFor(m.registry, promhttp.HandlerOpts{}).ServeHTTP(w, r)
	})
	return mux
}

// state says in a line how the agent is.
func (k *keptCluster) state() string {
	now := k.now.Load()
	if now == nil {
		st := k.coordinator.Status()
		return "not keeping the cluster: " + cmp.Or(st.Message, "the agent that does, or did lately, has the Lease "+st.Leader)
	}
	connected, since, why := now.link.Presence()
	if connected {
		return "connected to the daemon since " + since.UTC().Format(time.RFC3339)
	}
	return strings.TrimSpace("not connected to the daemon since " + since.UTC().Format(time.RFC3339) + ": " + why)
}

// linkCollector tells Prometheus of the connection to the daemon; link is nil while another agent keeps the cluster.
type linkCollector struct{ link *agent.Link }

// describedLink are the metrics of an agent.
func describedLink() (keeps, connected *prometheus.Desc) {
	return prometheus.NewDesc("trunkline_agent_keeps", "1 if the agent keeps the cluster, and is not waiting for another one that does.", nil, nil),
		prometheus.NewDesc("trunkline_agent_daemon_connected", "1 if the agent is connected to the daemon.", nil, nil)
}

// Describe implements [prometheus.Collector].
func (c *linkCollector) Describe(ch chan<- *prometheus.Desc) {
	keeps, connected := describedLink()
	ch <- keeps
	ch <- connected
}

// Collect implements [prometheus.Collector].
func (c *linkCollector) Collect(ch chan<- prometheus.Metric) {
	is := false
	if c.link != nil {
		is, _, _ = c.link.Presence()
	}
	keeps, connected := describedLink()
	ch <- prometheus.MustNewConstMetric(keeps, prometheus.GaugeValue, number(c.link != nil))
	ch <- prometheus.MustNewConstMetric(connected, prometheus.GaugeValue, number(is))
}
