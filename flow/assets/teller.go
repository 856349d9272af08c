// SPDX-License-Identifier: Apache-2.0

package assets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"strconv"
	"strings"
	"sync"
	"time"

	"trunkline.dev/trunkline/api/asset"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/egress"
	"trunkline.dev/trunkline/flow/manifest"
)

// Extra is what an event of Trunkline's says of a lot.
type Extra struct {
	Lot string `json:"lot"`
	// Since and Until are the bounds of the lot; the latter is not part of it.
	Since time.Time `json:"since"`
	Until time.Time `json:"until"`
	// State is complete or empty.
	State    string `json:"state"`
	Attempt  string `json:"attempt,omitempty"`
	Manifest string `json:"manifest,omitempty"`
	Location string `json:"location,omitempty"`
	Workload string `json:"workload,omitempty"`
	// Event identifies what happened, so that it is told once.
	Event string `json:"event"`
}

func extraOf(f egress.Fact) Extra {
	return Extra{
		Lot: f.Lot.ID(), Since: f.Lot.Start.UTC(), Until: f.Lot.End().UTC(), State: f.State, Attempt: f.Attempt, Manifest: f.Manifest,
		Location: f.Location, Workload: f.Workload, Event: f.ID(),
	}
}

// maxTold is how many events of an asset are remembered, before they are read again.
const maxTold = 20_000

// maxPages is how many pages of an asset's newest events are looked at for what was told before.
const maxPages = 50

// Teller tells the Airflows of environments of lots, by events of assets.
type Teller struct {
	airflow Airflow
	stores  bucket.Options
	// waits reports whether a DAG file of an environment is known to have a dataset as an asset.
	waits func(environment, dataset string) bool

	mu sync.Mutex
	// told are the events that an asset has, by the environment, the cluster and the dataset. What is not there is read when it is needed.
	told map[[3]string]map[string]bool
}

// NewTeller makes a teller.
func NewTeller(airflow Airflow, stores bucket.Options, waits func(environment, dataset string) bool) *Teller {
	return &Teller{airflow: airflow, stores: stores, waits: waits, told: map[[3]string]map[string]bool{}}
}

// Send tells of a lot that is available. That of one dataset is sent one at a time. What went wrong is tried again, whatever it was: an event
// is refused by nothing that lasts.
func (t *Teller) Send(ctx context.Context, f egress.Fact, _ time.Time) egress.Answer {
	done, err := t.send(ctx, f)
	if err != nil {
		return egress.Answer{Failed: err.Error()}
	}
	return egress.Answer{Done: done}
}

func (t *Teller) send(ctx context.Context, f egress.Fact) (done bool, err error) {
	uri, err := asset.URI(f.Dataset)
	if err != nil {
		return false, err
	}
	if f.Workload == "" {
		if own, err := t.own(ctx, f); err != nil || own {
			return own, err
		}
	}
	clusters := t.airflow.Clusters(f.Environment)
	if len(clusters) == 0 {
		return false, fmt.Errorf("the environment %q has no Airflow", f.Environment)
	}
	var errs []error
	for _, cluster := range clusters {
		if err := t.at(ctx, api{t.airflow, f.Environment, cluster}, uri, f); err != nil {
			errs = append(errs, fmt.Errorf("cluster %s: %w", cluster, err))
		}
	}
	return len(errs) == 0, errors.Join(errs...)
}

// at tells the Airflow of a cluster.
func (t *Teller) at(ctx context.Context, at api, uri string, f egress.Fact) error {
	id, there, err := at.asset(ctx, uri)
	switch {
	case err != nil:
		return err
	case !there && t.waits(f.Environment, f.Dataset):
		return fmt.Errorf("Airflow has no asset %s yet, and a DAG file has", uri)
	case !there:
		return nil // nobody there wants to know
	}
	key := [3]string{f.Environment, at.cluster, f.Dataset}
	told, err := t.events(ctx, at, key, id, f.At)
	if err != nil || told[f.ID()] {
		return err
	}
	if err := at.create(ctx, id, extraOf(f)); err != nil {
		t.mu.Lock()
		delete(t.told, key) // it may be there all the same
		t.mu.Unlock()
		return err
	}
	told[f.ID()] = true
	return nil
}

// events are those that an asset has of ours. They are read back to before what is told now; of one that was never read before that is when
// this process began to tell of it.
func (t *Teller) events(ctx context.Context, at api, key [3]string, id int64, since time.Time) (map[string]bool, error) {
	t.mu.Lock()
	told := t.told[key]
	t.mu.Unlock()
	if told != nil && len(told) < maxTold {
		return told, nil
	}
	told = map[string]bool{}
	pages := 0
	query := url.Values{"asset_id": {strconv.FormatInt(id, 10)}, "order_by": {"-timestamp"}, "timestamp_gte": {since.Add(-skew).UTC().Format(time.RFC3339Nano)}}
	passed, err := at.pages(ctx, query, func(events []Event) bool {
		for _, e := range events {
			var extra Extra
			if e.Task == "" && json.Unmarshal(e.Extra, &extra) == nil && extra.Event != "" {
				told[extra.Event] = true
			}
		}
		pages++
		return pages < maxPages
	})
	switch {
	case err != nil:
		return nil, err
	case passed.hidden: // it may be the one that is told now
		return nil, errors.New("Airflow does not show all events of the asset: a run of a DAG that one of them has started has not begun")
	}
	t.mu.Lock()
	t.told[key] = told
	t.mu.Unlock()
	return told, nil
}

// own reports whether the manifest of a lot was written because a task said so in an event: that has told Airflow already.
func (t *Teller) own(ctx context.Context, f egress.Fact) (bool, error) {
	at := strings.LastIndexByte(f.Manifest, '/')
	if at < 0 {
		return false, nil
	}
	var m manifest.Manifest
	err := bucket.With(ctx, f.Manifest[:at+1], t.stores, func(folder bucket.Folder) error {
		data, err := folder.Read(ctx, f.Manifest[at+1:], manifest.MaxSize)
		if err != nil {
			return err
		}
		m, err = manifest.Parse(data)
		return err
	})
	switch {
	case bucket.ClassOf(err) == bucket.NotFound:
		return true, nil // it does not count any more, and what came after it is told by itself
	case err != nil:
		return false, fmt.Errorf("reading what made the lot: %w", err)
	}
	_, from := markOf(m)
	return from, nil
}
