// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"net/http"
	"strconv"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/history"
)

// historyTimeout bounds one query.
const historyTimeout = 10 * time.Second

// History is where events come from; it is [history.Recorder] outside of tests.
type History interface {
	Query(ctx context.Context, f history.Filter) (history.Page, error)
}

func (c *console) history(w http.ResponseWriter, r *http.Request) error {
	if c.opts.History == nil {
		return problemf(http.StatusNotFound, "this daemon keeps no history: it was started with --history off")
	}
	f, err := historyFilter(newQuery(r))
	if err != nil {
		return err
	}
	ctx, cancel := context.WithTimeout(r.Context(), historyTimeout)
	defer cancel()
	page, err := c.opts.History.Query(ctx, f)
	if err != nil {
		// Where the database is, and what is wrong with it, is for whoever runs the daemon.
		c.opts.Log.Warn("cannot query the history", "err", err.Error())
		return problemf(http.StatusServiceUnavailable, "the history cannot be read at the moment; see the daemon's log")
	}
	out := Page[history.Event]{Items: c.sight(r).events(page.Events)}
	if page.Next != 0 {
		out.Next = strconv.FormatInt(page.Next, 10)
	}
	c.answer(w, http.StatusOK, out)
	return nil
}

// historyFilter reads what is asked for.
func historyFilter(q *query) (history.Filter, error) {
	f := history.Filter{
		Release: catalog.ReleaseID{Project: q.one("project"), Environment: q.one("environment"), Cluster: q.one("cluster")},
		Kinds:   choices(q, "kind", history.Kinds()),
		Since:   q.moment("since"), Until: q.moment("until"),
		Limit: q.number("limit", 1, history.MaxLimit, 0),
	}
	if cursor := q.one("cursor"); cursor != "" {
		n, err := strconv.ParseInt(cursor, 10, 64)
		if err != nil || n < 1 {
			q.wrong("cursor is not the next of a page")
		}
		f.Before = n
	}
	return f, q.done()
}
