// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net/url"
	"slices"
	"sync"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/assets"
	"trunkline.dev/trunkline/reconciler/airflow"
	"trunkline.dev/trunkline/reconciler/reach"
	"trunkline.dev/trunkline/reconciler/tunnel"
)

// airflows reaches the Airflows that the platform deploys, as the daemon itself.
type airflows struct {
	d *daemon

	keys    airflowKeys
	mu      sync.Mutex
	clients map[catalog.AirflowPlace]*airflow.Client
}

func newAirflows(d *daemon) *airflows {
	return &airflows{d: d, clients: map[catalog.AirflowPlace]*airflow.Client{}}
}

// Clusters implements [assets.Airflow].
func (a *airflows) Clusters(environment string) (names []string) {
	if c := a.d.rec.Catalog(); c != nil {
		for _, place := range c.Airflows(environment) {
			names = append(names, place.Cluster)
		}
	}
	slices.Sort(names)
	return slices.Compact(names)
}

// Do implements [assets.Airflow].
func (a *airflows) Do(ctx context.Context, environment, cluster, method, path string, query url.Values, body, into any) error {
	at, there := a.named(environment, cluster)
	if !there {
		return fmt.Errorf("the environment %q has no Airflow on the cluster %q", environment, cluster)
	}
	if err := a.client(at).Do(ctx, method, path, query, body, into); err != nil {
		switch {
		case errors.Is(err, airflow.ErrTooLarge):
			return fmt.Errorf("%w: %w", assets.ErrTooLarge, err)
		case errors.Is(err, airflow.ErrNotThere):
			return fmt.Errorf("%w: %w", assets.ErrNotThere, err)
		case errors.Is(err, airflow.ErrFailed):
			return fmt.Errorf("%w: %w", assets.ErrFailed, err)
		}
		return err
	}
	return nil
}

// in are the Airflows of an environment; of a preview, too, while it is awake.
func (a *airflows) in(environment string) (out []catalog.DeployedAirflow) {
	if _, is := catalog.PreviewPull(environment); is {
		return slices.DeleteFunc(a.d.rec.PreviewAirflows(), func(at catalog.DeployedAirflow) bool { return at.Environment != environment })
	}
	if c := a.d.rec.Catalog(); c != nil {
		return c.DeployedAirflows(environment)
	}
	return nil
}

// all are those of all environments and previews.
func (a *airflows) all() []catalog.DeployedAirflow {
	out := a.d.rec.PreviewAirflows()
	if c := a.d.rec.Catalog(); c != nil {
		for env := range c.Environments {
			out = append(out, c.DeployedAirflows(env)...)
		}
	}
	return out
}

// named is that of an environment on a cluster; false if there is none.
func (a *airflows) named(environment, cluster string) (catalog.DeployedAirflow, bool) {
	for _, at := range a.in(environment) {
		if at.Cluster == cluster {
			return at, true
		}
	}
	return catalog.DeployedAirflow{}, false
}

// client is that of an Airflow.
func (a *airflows) client(at catalog.DeployedAirflow) *airflow.Client {
	w := a.way(at)
	a.mu.Lock()
	defer a.mu.Unlock()
	key := at.AirflowPlace
	key.Account = w.as.Account // as whom it is reached
	token := func(ctx context.Context) (string, error) { return w.token(ctx, "trunkline", airflow.Op) }
	if a.clients[key] == nil {
		a.clients[key] = airflow.New(airflow.Options{Base: at.Base, Dial: w.dial, Token: token})
	}
	return a.clients[key]
}

// way is how an Airflow is reached: as the account of the release that runs it.
func (a *airflows) way(at catalog.DeployedAirflow) way {
	return way{
		place: at.AirflowPlace, as: tunnel.As{Namespace: at.Namespace, Account: cmp.Or(at.Deployer, a.d.flags.account)}, keys: &a.keys,
		reach: func() *tunnel.Cluster { return a.d.tunnels.named(at.Cluster) }, afar: func() *reach.Cluster { return a.d.afar.named(at.Cluster) },
	}
}

// waitsForAsset reports whether a DAG file of an environment is known to have a dataset as an asset.
func (d *daemon) waitsForAsset(environment, dataset string) bool {
	c := d.rec.Catalog()
	if c == nil || c.Environments[environment] == nil || c.Environments[environment].Spec.Orchestrator != v1alpha1.Airflow {
		return false
	}
	for p := range c.Projects() {
		if !c.DagsIn(p, environment) {
			continue
		}
		if slices.ContainsFunc(p.DagEdges(), func(e catalog.Edge) bool { return e.From == dataset || e.To == dataset }) {
			return true
		}
	}
	return false
}
