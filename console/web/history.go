// SPDX-License-Identifier: Apache-2.0

package web

import (
	"context"
	"net/http"
	"slices"
	"strconv"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/history"
)

// historyPage is what the page of the history shows.
type historyPage struct {
	Project, Environment, Cluster, Kind, Since, Until string
	Kinds                                             []string
	Events                                            []eventView
	First, Next                                       string
	// Failed says that it cannot be read.
	Failed bool
}

func showHistory(a *ask) (shown, error) {
	v := historyPage{
		Project: a.one("project"), Environment: a.one("environment"), Cluster: a.one("cluster"), Kind: a.one("kind"), Since: a.one("since"), Until: a.one("until"),
	}
	for _, k := range history.Kinds() {
		v.Kinds = append(v.Kinds, string(k))
	}
	slices.Sort(v.Kinds)
	f := history.Filter{
		Release: catalog.ReleaseID{Project: v.Project, Environment: v.Environment, Cluster: v.Cluster}, Limit: history.DefaultLimit,
		Since: a.day("since", v.Since), Until: a.day("until", v.Until), Before: int64(a.number("before", 1, int(^uint(0)>>1), 0)),
	}
	if v.Kind != "" {
		f.Kinds = []history.Kind{history.Kind(v.Kind)}
		if !slices.Contains(v.Kinds, v.Kind) {
			a.fail("there is no kind %s: %s", quoted(v.Kind), v1alpha1.Suggest(v.Kind, v.Kinds))
		}
	}
	if err := a.wrong(); err != nil {
		return shown{}, err
	}
	if a.History == nil {
		return shown{}, problemf(http.StatusNotFound, "this daemon keeps no history: it was started with --history off")
	}
	ctx, cancel := context.WithTimeout(a.request.Context(), historyTimeout)
	defer cancel()
	page, err := a.History.Query(ctx, f)
	if err != nil {
		a.Log.Warn("cannot query the history", "err", err.Error())
		v.Failed = true
	}
	v.Events = eventsView(a.sight.Events(page.Events), a.now)
	if page.Next != 0 {
		v.Next = a.with("before", strconv.FormatInt(page.Next, 10))
	}
	if f.Before != 0 {
		v.First = a.with("before", "")
	}
	return shown{Title: "History", View: v}, nil
}

// day reads a day, or a time of RFC 3339; zero if there is none.
func (a *ask) day(name, text string) time.Time {
	if text == "" {
		return time.Time{}
	}
	for _, layout := range []string{time.DateOnly, time.RFC3339} {
		if t, err := time.Parse(layout, text); err == nil {
			return t
		}
	}
	a.fail("%s is not a day: write 2026-01-31, or 2026-01-31T12:00:00Z", name)
	return time.Time{}
}
