// SPDX-License-Identifier: Apache-2.0

package assets

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Airflow asks the Apache Airflows of environments by their API.
type Airflow interface {
	// Clusters are those on which an environment has an Airflow.
	Clusters(environment string) []string
	// Do asks the one of an environment on a cluster for a path below "/api/v2", with a body as JSON unless it is nil, and decodes the answer into a value unless that is nil. An
	// error is [ErrTooLarge] of an answer that is not read, [ErrNotThere] of what Airflow does not have, and [ErrFailed] of a mistake of its own.
	Do(ctx context.Context, environment, cluster, method, path string, query url.Values, body, into any) error
}

// ErrTooLarge is an answer that is larger than what is read.
var ErrTooLarge = errors.New("Airflow answers with more than is read")

// ErrNotThere is an answer that there is no such thing.
var ErrNotThere = errors.New("Airflow has no such thing")

// ErrFailed is an answer that Airflow has failed at by a mistake of its own.
var ErrFailed = errors.New("Airflow has failed")

// maxHidden is how many events may be hidden at a time before it is Airflow that is taken to be broken.
const maxHidden = 10

// pageSize is how many events are asked for at a time.
const pageSize = 100

// Event is an event of an asset.
type Event struct {
	ID  int64  `json:"id"`
	URI string `json:"uri"`
	// At is when it happened, by Airflow's clock.
	At time.Time `json:"timestamp"`
	// DAG, Task and Run are what made it; empty if someone did by the API.
	DAG   string          `json:"source_dag_id"`
	Task  string          `json:"source_task_id"`
	Run   string          `json:"source_run_id"`
	Extra json.RawMessage `json:"extra"`
}

// before orders events by when they happened.
func (e Event) before(o Event) bool { return e.At.Before(o.At) || e.At.Equal(o.At) && e.ID < o.ID }

// api asks the Airflow of an environment on a cluster.
type api struct {
	airflow              Airflow
	environment, cluster string
}

func (a api) call(ctx context.Context, method, path string, query url.Values, body, into any) error {
	return a.airflow.Do(ctx, a.environment, a.cluster, method, path, query, body, into)
}

// bundle is that which a DAG is of: the project that has it; empty if Airflow does not know.
func (a api) bundle(ctx context.Context, dag string) (string, error) {
	query := url.Values{"dag_id_prefix_pattern": {dag}, "order_by": {"dag_id"}, "exclude_stale": {"false"}, "limit": {strconv.Itoa(pageSize)}}
	var out struct {
		Dags []struct {
			ID     string `json:"dag_id"`
			Bundle string `json:"bundle_name"`
		} `json:"dags"`
	}
	if err := a.call(ctx, http.MethodGet, "/dags", query, nil, &out); err != nil {
		return "", fmt.Errorf("asking whose DAG %s is: %w", dag, err)
	}
	for _, d := range out.Dags {
		if d.ID == dag {
			return d.Bundle, nil
		}
	}
	return "", nil
}

// asset returns the number of an asset; false if no DAG has it.
func (a api) asset(ctx context.Context, uri string) (id int64, there bool, err error) {
	query := url.Values{"uri_prefix_pattern": {uri}, "order_by": {"uri"}, "limit": {strconv.Itoa(pageSize)}}
	var out struct {
		Assets []struct {
			ID  int64  `json:"id"`
			URI string `json:"uri"`
		} `json:"assets"`
	}
	if err := a.call(ctx, http.MethodGet, "/assets", query, nil, &out); err != nil {
		return 0, false, fmt.Errorf("asking for the asset %s: %w", uri, err)
	}
	for _, found := range out.Assets {
		if found.URI == uri {
			return found.ID, true, nil
		}
	}
	return 0, false, nil
}

// create makes an event of an asset.
//
// What waits for the scheduler is taken out before, and comes in again by the new event. Airflow keeps the time at which a DAG began to wait for the
// scheduler, and its run has the events up to then: an event that came later would be in no run until there is another one.
func (a api) create(ctx context.Context, asset int64, extra any) error {
	err := a.call(ctx, http.MethodDelete, "/assets/"+strconv.FormatInt(asset, 10)+"/queuedEvents", nil, nil, nil)
	if err != nil && !errors.Is(err, ErrNotThere) {
		return fmt.Errorf("making an event of an asset: %w", err)
	}
	body := map[string]any{"asset_id": asset, "extra": extra}
	if err := a.call(ctx, http.MethodPost, "/assets/events", nil, body, nil); err != nil {
		return fmt.Errorf("making an event of an asset: %w", err)
	}
	return nil
}

// passed is what was passed over where events were read.
type passed struct {
	// tooLarge counts the events that are larger than what is read of an answer.
	tooLarge int
	// hidden reports that there are events that Airflow does not show now, and after is when the one before the first of them happened; zero if there is
	// none before. Airflow 3.3 fails at showing an event of which a run of a DAG has been made and not begun.
	hidden bool
	after  time.Time
}

// pages are all pages of events that match a query, until one is the last or see says that it is enough. What Airflow fails at is looked for by
// asking for less at a time, and passed over.
func (a api) pages(ctx context.Context, query url.Values, see func([]Event) (more bool)) (out passed, err error) {
	size, hidden, last := pageSize, 0, time.Time{}
	for offset := 0; ; {
		query.Set("limit", strconv.Itoa(size))
		query.Set("offset", strconv.Itoa(offset))
		var page struct {
			Events []Event `json:"asset_events"`
			Total  int     `json:"total_entries"`
		}
		err := a.call(ctx, http.MethodGet, "/assets/events", query, nil, &page)
		switch {
		case (errors.Is(err, ErrTooLarge) || errors.Is(err, ErrFailed)) && size > 1:
			size /= 2
			continue
		case errors.Is(err, ErrTooLarge):
			out.tooLarge++
			offset++
			continue
		case errors.Is(err, ErrFailed) && hidden < maxHidden:
			if hidden++; !out.hidden {
				out.hidden, out.after = true, last
			}
			offset++
			continue
		case err != nil:
			return out, fmt.Errorf("asking for events of assets: %w", err)
		}
		offset += len(page.Events)
		if !see(page.Events) || len(page.Events) == 0 || offset >= page.Total {
			return out, nil
		}
		last = page.Events[len(page.Events)-1].At
		size = min(2*size, pageSize)
	}
}
