// SPDX-License-Identifier: Apache-2.0

package assets

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/http/httptest"
	"net/url"
	"slices"
	"strconv"
	"testing"
	"time"
)

// fake is an Airflow that is played, as far as assets go. The end-to-end tests ask a real one.
type fake struct {
	t      *testing.T
	assets map[string]int64
	events []Event
	now    time.Time
	// away has nothing answered, and lost has events made and no answer come.
	away, lost bool
	asked      int
	// waiting is how many DAGs wait for the scheduler.
	waiting int
	// hidden are the events of which a run was made that has not begun, by their ids: Airflow 3.3 fails at them.
	hidden map[int64]bool
}

func newFake(t *testing.T, uris ...string) *fake {
	t.Helper()
	f := &fake{t: t, assets: map[string]int64{}, now: moment}
	for i, uri := range uris {
		f.assets[uri] = int64(i + 1)
	}
	return f
}

func (f *fake) Clusters(string) []string { return []string{"one"} }

func (f *fake) Do(ctx context.Context, _, _, method, path string, query url.Values, body, into any) error {
	f.asked++
	if f.away {
		return errors.New("it cannot be reached")
	}
	sent, err := json.Marshal(body)
	if err != nil {
		return err
	}
	r := httptest.NewRequestWithContext(ctx, method, "/api/v2"+path+"?"+query.Encode(), bytes.NewReader(sent))
	w := httptest.NewRecorder()
	f.serve(w, r)
	switch {
	case w.Code == http.StatusNotFound:
		return fmt.Errorf("asking: %w", ErrNotThere)
	case w.Code == http.StatusNoContent:
		return nil
	case w.Code == http.StatusInternalServerError:
		return fmt.Errorf("asking: %w", ErrFailed)
	case w.Code != http.StatusOK:
		return errors.New("it answered " + strconv.Itoa(w.Code))
	case w.Body.Len() > maxAnswer:
		return fmt.Errorf("asking: %w", ErrTooLarge)
	case into == nil:
		return nil
	}
	return json.Unmarshal(w.Body.Bytes(), into)
}

// maxAnswer is how much is read of an answer.
const maxAnswer = 8 << 20

func (f *fake) serve(w http.ResponseWriter, r *http.Request) {
	q := r.URL.Query()
	switch r.Method + " " + r.URL.Path {
	case "GET /api/v2/assets":
		var found []map[string]any
		for uri, id := range f.assets {
			found = append(found, map[string]any{"id": id, "uri": uri})
		}
		f.answer(w, map[string]any{"assets": found})
	case "GET /api/v2/dags":
		f.answer(w, map[string]any{"dags": []map[string]any{{"dag_id": "summary", "bundle_name": "others"}, {"dag_id": "sum", "bundle_name": "orders"}, {"dag_id": "theirs", "bundle_name": "rates"}}})
	case "GET /api/v2/assets/events":
		page, fails := f.page(q)
		if fails {
			w.WriteHeader(http.StatusInternalServerError)
			return
		}
		f.answer(w, page)
	case "DELETE /api/v2/assets/1/queuedEvents", "DELETE /api/v2/assets/2/queuedEvents":
		if f.waiting--; f.waiting < 0 {
			f.waiting = 0
			w.WriteHeader(http.StatusNotFound)
			return
		}
		w.WriteHeader(http.StatusNoContent)
	case "POST /api/v2/assets/events":
		if f.waiting > 0 {
			f.t.Error("an event comes behind one that waits for the scheduler: it would be in no run")
		}
		f.waiting++
		var body struct {
			Asset int64           `json:"asset_id"`
			Extra json.RawMessage `json:"extra"`
		}
		if err := json.NewDecoder(r.Body).Decode(&body); err != nil {
			f.t.Error(err)
		}
		for uri, id := range f.assets {
			if id == body.Asset {
				f.say(Event{URI: uri, Extra: body.Extra})
			}
		}
		if f.lost {
			w.WriteHeader(http.StatusGatewayTimeout)
			return
		}
		f.answer(w, map[string]any{})
	default:
		f.t.Errorf("it is asked %s %s", r.Method, r.URL)
		w.WriteHeader(http.StatusNotFound)
	}
}

func (f *fake) page(q url.Values) (page any, fails bool) {
	since, err := time.Parse(time.RFC3339Nano, q.Get("timestamp_gte"))
	if err != nil {
		f.t.Error(err)
	}
	var all []Event
	for _, e := range f.events {
		if !e.At.Before(since) && (q.Get("asset_id") == "" || q.Get("asset_id") == strconv.FormatInt(f.assets[e.URI], 10)) {
			all = append(all, e)
		}
	}
	slices.SortStableFunc(all, func(a, b Event) int { return a.At.Compare(b.At) })
	if q.Get("order_by") == "-timestamp" {
		slices.Reverse(all)
	}
	limit, err := strconv.Atoi(q.Get("limit"))
	offset, err2 := strconv.Atoi(q.Get("offset"))
	if err != nil || err2 != nil {
		f.t.Error(err, err2)
	}
	offset = min(offset, len(all))
	shown := all[offset:min(len(all), offset+limit)]
	return map[string]any{"asset_events": shown, "total_entries": len(all)}, slices.ContainsFunc(shown, func(e Event) bool { return f.hidden[e.ID] })
}

func (f *fake) answer(w http.ResponseWriter, v any) {
	data, err := json.Marshal(v)
	if err != nil {
		f.t.Error(err)
	}
	_, _ = w.Write(data)
}

// say has an event happen.
func (f *fake) say(e Event) Event {
	e.ID = int64(len(f.events) + 1)
	if e.At.IsZero() {
		f.now = f.now.Add(time.Second)
		e.At = f.now
	}
	f.events = append(f.events, e)
	return e
}

// task has a task say something of a dataset.
func (f *fake) task(dag, dataset, extra string) Event {
	return f.say(Event{URI: "trunkline://" + dataset, DAG: dag, Task: "make", Run: "r1", Extra: json.RawMessage(extra)})
}

func quoted(s string) string { return fmt.Sprintf("%q", s) }
