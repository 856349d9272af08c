package console

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/reconciler/history"
)

const (
	// historyTimeout bounds one question.
	historyTimeout = 10 * time.Second
	// maxHistoryKinds bounds how many kinds one question names.
	maxHistoryKinds = 32
)

// History is where events come from; it is [history.Recorder] outside of tests.
type History interface {
	Query(ctx context.Context, f history.Filter) (history.Page, error)
}

func (c console) history(w http.ResponseWriter, r *http.Request) {
	if c.opts.History == nil {
		c.text(w, http.StatusNotFound, "this daemon keeps no history: it was started with --history off")
		return
	}
	values, err := url.ParseQuery(r.URL.RawQuery)
	if err != nil {
		c.text(w, http.StatusBadRequest, "the question cannot be read")
		return
	}
	f, err := historyFilter(values)
	if err != nil {
		c.text(w, http.StatusBadRequest, err.Error())
		return
	}
	ctx, cancel := context.WithTimeout(r.Context(), historyTimeout)
	defer cancel()
	page, err := c.opts.History.Query(ctx, f)
	if err != nil {
		// Where the database is, and what is wrong with it, is for whoever runs the daemon.
		c.opts.Log.Warn("cannot answer a question about the history", "err", err.Error())
		c.text(w, http.StatusServiceUnavailable, "the history cannot be read just now: the daemon's log says why")
		return
	}
	w.Header().Set("Content-Type", "application/json")
	if err := json.NewEncoder(w).Encode(page); err != nil {
		c.opts.Log.Debug("cannot answer", "err", err.Error())
	}
}

// historyFilter reads what is asked for. A parameter that there is none of is an error: an answer to less than was
// asked for would look like an answer.
func historyFilter(values url.Values) (history.Filter, error) {
	var f history.Filter
	single := map[string]func(string) error{
		"project":     text(&f.Release.Project),
		"environment": text(&f.Release.Environment),
		"cluster":     text(&f.Release.Cluster),
		"since":       moment(&f.Since),
		"until":       moment(&f.Until),
		"limit":       func(s string) (err error) { f.Limit, err = limit(s); return err },
		"before":      func(s string) (err error) { f.Before, err = before(s); return err },
	}
	var names []string
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names) // the first error is always the same one
	for _, name := range names {
		given := values[name]
		if name == "kind" {
			if len(given) > maxHistoryKinds {
				return f, fmt.Errorf("kind is given %d times: %d at most", len(given), maxHistoryKinds)
			}
			for _, k := range given {
				f.Kinds = append(f.Kinds, history.Kind(k))
			}
			continue
		}
		read := single[name]
		if read == nil {
			return f, fmt.Errorf("there is no parameter %s: project, environment, cluster, kind, since, until, limit and before are", shown(name))
		}
		if len(given) != 1 {
			return f, fmt.Errorf("%s is given %d times", name, len(given))
		}
		if err := read(given[0]); err != nil {
			return f, fmt.Errorf("%s %w", name, err)
		}
	}
	return f, nil
}

// shown quotes what a caller sent, the beginning of it.
func shown(s string) string { return strconv.Quote(strings.ToValidUTF8(s[:min(len(s), 40)], "?")) }

func text(into *string) func(string) error {
	return func(s string) error {
		if s == "" {
			return errors.New("is empty")
		}
		*into = s
		return nil
	}
}

func moment(into *time.Time) func(string) error {
	return func(s string) error {
		t, err := time.Parse(time.RFC3339, s)
		if err != nil {
			return errors.New("is not a time: write 2026-01-31T12:00:00Z")
		}
		*into = t
		return nil
	}
}

func limit(s string) (int, error) {
	n, err := strconv.Atoi(s)
	if err != nil || n < 1 || n > history.MaxLimit {
		return 0, fmt.Errorf("is not a number from 1 to %d", history.MaxLimit)
	}
	return n, nil
}

func before(s string) (int64, error) {
	n, err := strconv.ParseInt(s, 10, 64)
	if err != nil || n < 1 {
		return 0, errors.New("is not the next of a page")
	}
	return n, nil
}
