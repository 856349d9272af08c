// SPDX-License-Identifier: Apache-2.0

package assets

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strconv"
	"time"
)

// Airflow reaches the Apache Airflow of an environment.
type Airflow interface {
	// Do sends a request to it, whose URL is a path from "/api/v2/" on and a query, with what says who asks.
	Do(environment string, r *http.Request) (*http.Response, error)
}

const (
	// maxAnswer is how much of an answer is read, and pageSize how many events are asked for at a time.
	maxAnswer = 16 << 20
	pageSize  = 100
	// callTimeout is how long one request may take.
	callTimeout = 30 * time.Second
)

// errTooLarge is an answer of which no more is read.
var errTooLarge = fmt.Errorf("it answered more than %d MiB", maxAnswer>>20)

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

// api asks the Airflow of one environment.
type api struct {
	airflow     Airflow
	environment string
}

// call asks, and reads the answer.
func (a api) call(ctx context.Context, method, path string, query url.Values, body, into any) error {
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	var content io.Reader = http.NoBody
	if body != nil {
		data, err := json.Marshal(body)
		if err != nil {
			return fmt.Errorf("writing the request: %w", err)
		}
		content = bytes.NewReader(data)
	}
	r, err := http.NewRequestWithContext(ctx, method, "/api/v2/"+path+"?"+query.Encode(), content)
	if err != nil {
		return fmt.Errorf("writing the request: %w", err)
	}
	if body != nil {
		r.Header.Set("Content-Type", "application/json")
	}
	answer, err := a.airflow.Do(a.environment, r)
	if err != nil {
		return err
	}
	defer answer.Body.Close()
	data, err := io.ReadAll(io.LimitReader(answer.Body, maxAnswer+1))
	switch {
	case err != nil:
		return fmt.Errorf("reading the answer: %w", err)
	case len(data) > maxAnswer:
		return errTooLarge
	case answer.StatusCode < 200 || answer.StatusCode > 299:
		return fmt.Errorf("it answered %d %s", answer.StatusCode, http.StatusText(answer.StatusCode))
	case into == nil:
		return nil
	}
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("it answered what is none of its answers: %w", err)
	}
	return nil
}

// asset returns the number of an asset; false if no DAG has it.
func (a api) asset(ctx context.Context, uri string) (id int64, there bool, err error) {
	// What a pattern stands for is more than the address, in which "_" may be.
	query := url.Values{"uri_pattern": {uri}, "limit": {strconv.Itoa(pageSize)}}
	var out struct {
		Assets []struct {
			ID  int64  `json:"id"`
			URI string `json:"uri"`
		} `json:"assets"`
	}
	if err := a.call(ctx, http.MethodGet, "assets", query, nil, &out); err != nil {
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
func (a api) create(ctx context.Context, asset int64, extra any) error {
	body := map[string]any{"asset_id": asset, "extra": extra}
	if err := a.call(ctx, http.MethodPost, "assets/events", nil, body, nil); err != nil {
		return fmt.Errorf("making an event of an asset: %w", err)
	}
	return nil
}

// pages are all pages of events that match a query, until one is the last or see says that it is enough. An event that is larger than what is
// read of an answer is passed over.
func (a api) pages(ctx context.Context, query url.Values, see func([]Event) (more bool)) (tooLarge int, err error) {
	size := pageSize
	for offset := 0; ; {
		query.Set("limit", strconv.Itoa(size))
		query.Set("offset", strconv.Itoa(offset))
		var page struct {
			Events []Event `json:"asset_events"`
			Total  int     `json:"total_entries"`
		}
		err := a.call(ctx, http.MethodGet, "assets/events", query, nil, &page)
		switch {
		case errors.Is(err, errTooLarge) && size > 1:
			size = 1
			continue
		case errors.Is(err, errTooLarge):
			tooLarge++
			offset++
			continue
		case err != nil:
			return tooLarge, fmt.Errorf("asking for events of assets: %w", err)
		}
		offset += len(page.Events)
		if !see(page.Events) || len(page.Events) == 0 || offset >= page.Total {
			return tooLarge, nil
		}
	}
}
