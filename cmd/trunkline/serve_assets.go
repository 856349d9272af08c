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
	client, err := a.client(environment, cluster)
	if err != nil {
		return err
	}
	if err := client.Do(ctx, method, path, query, body, into); err != nil {
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

// client is that of the Airflow of an environment on a cluster.
func (a *airflows) client(environment, name string) (*airflow.Client, error) {
	c := a.d.rec.Catalog()
	if c == nil {
		return nil, errors.New("no commit is accepted yet")
	}
	place, there := c.AirflowOf(environment, name)
	if !there {
		return nil, fmt.Errorf("the environment %q has no Airflow on the cluster %q", environment, name)
	}
	w := a.way(c, place)
	a.mu.Lock()
	defer a.mu.Unlock()
	key := place
	key.Account = w.as.Account // as whom it is reached
	token := func(ctx context.Context) (string, error) { return w.token(ctx, "trunkline", airflow.Op) }
	if a.clients[key] == nil {
		a.clients[key] = airflow.New(airflow.Options{Base: place.Base, Dial: w.dial, Token: token})
	}
	return a.clients[key], nil
}

// way is how an Airflow is reached: as the account of the release that runs it.
func (a *airflows) way(c *catalog.Catalog, place catalog.AirflowPlace) way {
	rights, _ := c.Access(place.ReleaseID)
	return way{
		place: place, as: tunnel.As{Namespace: place.Namespace, Account: cmp.Or(rights.Account, a.d.flags.account)}, keys: &a.keys,
		reach: func() *tunnel.Cluster { return a.d.tunnels.named(place.Cluster) }, afar: func() *reach.Cluster { return a.d.afar.named(place.Cluster) },
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
