// SPDX-License-Identifier: Apache-2.0

package main

import (
	"time"

	"github.com/prometheus/client_golang/prometheus"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/resources"
	"trunkline.dev/trunkline/reconciler/status"
)

// makeResources makes what keeps what projects have made in the cloud.
func (d *daemon) makeResources() error {
	clouds, err := resources.AWS(d.flags.stores.Endpoint)
	if err != nil {
		return &usageError{err}
	}
	count := prometheus.NewGaugeVec(prometheus.GaugeOpts{
		Name: "trunkline_resources", Help: "Buckets, databases and tables that projects declare, by how they are doing: made, waiting or failed.",
	}, []string{"environment", "state"})
	d.metrics.registry.MustRegister(count)
	d.resources = resources.New(resources.Options{
		Accepted: d.rec.Catalog, Clouds: clouds, Interval: resources.DefaultInterval, Log: d.log, Now: time.Now,
		Happened: func(e resources.Event) { d.past.record(resourceEvent(e, d.board.Snapshot().Source.Accepted)) },
		Told: func(all []resources.State) {
			d.board.SetResources(resourcesByRelease(all))
			count.Reset()
			for _, s := range all {
				count.WithLabelValues(s.Release.Environment, stateOf(s)).Inc()
			}
		},
	})
	return nil
}

// resourceEvent is what is recorded of what was done to a resource. What a commit asked for was done by who made that.
func resourceEvent(e resources.Event, accepted *status.Commit) history.Event {
	kinds := map[resources.Act]history.Kind{
		resources.Made: history.ResourceMade, resources.Changed: history.ResourceChanged, resources.Corrected: history.ResourceCorrected,
		resources.Removed: history.ResourceRemoved,
	}
	out := history.Event{Kind: kinds[e.Act], Release: e.Release, Object: e.ID, Fields: e.Fields, Took: e.Took}
	if accepted != nil {
		out.Commit = accepted.Hash
		if e.Act != resources.Corrected {
			out.By = accepted.Author
		}
	}
	return out
}

// stateOf is how a resource is doing, in a word.
func stateOf(s resources.State) string {
	switch {
	case s.Err != "":
		return "failed"
	case s.Made:
		return "made"
	}
	return "waiting"
}

// resourcesByRelease sums up how the resources of each release are doing.
func resourcesByRelease(all []resources.State) map[catalog.ReleaseID]status.Resources {
	out := map[catalog.ReleaseID]status.Resources{}
	for _, s := range all {
		r := out[s.Release]
		switch stateOf(s) {
		case "failed":
			if r.Failed++; r.Message == "" {
				r.Message = s.Err
			}
		case "made":
			r.Made++
		default:
			r.Waiting++
		}
		out[s.Release] = r
	}
	return out
}
