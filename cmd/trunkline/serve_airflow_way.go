// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"maps"
	"net"
	"sync"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/airflow"
	"trunkline.dev/trunkline/reconciler/reach"
	"trunkline.dev/trunkline/reconciler/tunnel"
)

// way is how an Airflow is reached: by the API server of its cluster, as whom it says, or else through the agent that keeps the cluster.
type way struct {
	place catalog.AirflowPlace
	as    tunnel.As
	reach func() *tunnel.Cluster
	afar  func() *reach.Cluster
	keys  *airflowKeys
}

// there returns why the Airflow is not reached now; nil if that is not known to be so.
func (w way) there() error {
	if w.reach() != nil {
		return nil
	}
	if afar := w.afar(); afar != nil {
		return afar.Reachable()
	}
	return notConfigured(w.place.Cluster)
}

func (w way) dial(ctx context.Context) (net.Conn, error) {
	if to := w.reach(); to != nil {
		return to.DialService(ctx, w.as, w.place.Workload, catalog.AirflowPort)
	}
	if afar := w.afar(); afar != nil {
		return afar.Dial(ctx, reach.To{Release: w.place.ReleaseID, Service: w.place.Workload, Port: catalog.AirflowPort})
	}
	return nil, notConfigured(w.place.Cluster)
}

// token is one by which Airflow takes someone for who they are. What it takes to make it is read less often than it is needed: whoever looks at a page makes
// many requests.
func (w way) token(ctx context.Context, subject string, role airflow.Role) (string, error) {
	to, now := w.reach(), time.Now()
	if to != nil {
		key, err := w.keys.of(airflowFor{place: w.place}, now, keyLife, func() (string, error) {
			return to.Secret(ctx, w.as, catalog.AirflowKeys(w.place.Workload), catalog.AirflowKey)
		})
		if err != nil {
			return "", err
		}
		return airflow.Token(key, subject, role, now)
	}
	afar := w.afar()
	if afar == nil {
		return "", notConfigured(w.place.Cluster)
	}
	return w.keys.of(airflowFor{w.place, subject, role}, now, airflow.TokenLife/2, func() (string, error) {
		return afar.Token(ctx, reach.Entrance{Release: w.place.ReleaseID, Workload: w.place.Workload, Subject: subject, Role: role})
	})
}

// keyLife is how long the key of an Airflow is good without being read again.
const keyLife = time.Minute

// airflowKeys are those of Airflows that were read lately, and the tokens that agents have made by theirs. The zero value has none.
type airflowKeys struct {
	mu    sync.Mutex
	known map[airflowFor]airflowKey
}

// airflowFor is what something lets in: anybody to an Airflow, or one person in a role.
type airflowFor struct {
	place   catalog.AirflowPlace
	subject string
	role    airflow.Role
}

type airflowKey struct {
	value string
	until time.Time
}

// of returns what lets in, which is read unless it was lately.
func (k *airflowKeys) of(what airflowFor, now time.Time, life time.Duration, read func() (string, error)) (string, error) {
	k.mu.Lock()
	known := k.known[what]
	k.mu.Unlock()
	if known.value != "" && now.Before(known.until) {
		return known.value, nil
	}
	value, err := read()
	if err != nil {
		return "", err
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	if k.known == nil {
		k.known = map[airflowFor]airflowKey{}
	}
	maps.DeleteFunc(k.known, func(_ airflowFor, old airflowKey) bool { return !now.Before(old.until) })
	k.known[what] = airflowKey{value, now.Add(life)}
	return value, nil
}
