// SPDX-License-Identifier: Apache-2.0

package web

import (
	"fmt"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"sync"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// maxValue bounds the value of a parameter, in bytes, and maxValues how many there are of one.
	maxValue, maxValues = 300, 32
)

// ask is a request for a page: the state that it shows, when, and what the query says. The first thing that is wrong with the
// query is kept. A parameter that no page asks for is wrong: what is filtered by less than was asked for would look like an answer.
type ask struct {
	Sources

	*cached

	request *http.Request
	now     time.Time
	// sight is what the caller sees, and state the platform as far as that is: other requests have it too, so that it is read only.
	sight console.Sight
	state *status.Platform
	epoch string
	// search is what the field of the search holds.
	search string

	// cookies are those that the browser is given.
	cookies []*http.Cookie

	values url.Values
	known  []string
	err    error
}

func (s *Site) ask(r *http.Request) *ask {
	values, err := url.ParseQuery(r.URL.RawQuery)
	a := &ask{Sources: s.sources, cached: &s.cached, request: r, now: s.sources.Now(), values: values}
	if err != nil {
		a.fail("the query cannot be parsed")
	}
	a.sight = console.SightOf(r.Context())
	a.state, a.epoch = a.snapshots.of(s.sources.Board)
	a.state = a.sight.Platform(a.state)
	return a
}

// fail keeps what is wrong with the query.
func (a *ask) fail(format string, args ...any) {
	if a.err == nil {
		a.err = problemf(http.StatusBadRequest, format, args...)
	}
}

// wrong returns what is wrong with the query, once all parameters were asked for.
func (a *ask) wrong() error {
	var unknown []string
	for name := range a.values {
		if !slices.Contains(a.known, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		a.fail("there is no parameter %s: %s", quoted(slices.Min(unknown)), v1alpha1.Suggest(slices.Min(unknown), a.known))
	}
	return a.err
}

// many returns the values of a parameter that are not empty, as fields of forms are that nobody filled in.
func (a *ask) many(name string) []string {
	a.known = append(a.known, name)
	var out []string
	for _, v := range a.values[name] {
		if v = strings.TrimSpace(v); v != "" {
			out = append(out, v)
		}
		if len(v) > maxValue {
			a.fail("%s is longer than %d bytes", name, maxValue)
		}
	}
	if len(out) > maxValues {
		a.fail("%s is given %d times: %d at most", name, len(out), maxValues)
	}
	return out
}

// one returns the value of a parameter that is given once at most.
func (a *ask) one(name string) string {
	values := a.many(name)
	if len(values) > 1 {
		a.fail("%s is given %d times", name, len(values))
	}
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// choice returns the value of a parameter, which is one of those that there are; the first one if it is not given.
func (a *ask) choice(name string, valid ...string) string {
	v := a.one(name)
	if v == "" {
		return valid[0]
	}
	if !slices.Contains(valid, v) {
		a.fail("there is no %s %s: %s", name, quoted(v), v1alpha1.Suggest(v, valid))
	}
	return v
}

// number returns the value of a parameter that is a number.
func (a *ask) number(name string, least, most, absent int) int {
	v := a.one(name)
	if v == "" {
		return absent
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		a.fail("%s is not a number from %d to %d", name, least, most)
	}
	return n
}

// with returns the address of the page with other values of some parameters, in turn a name and a value; empty: without it.
func (a *ask) with(changes ...string) string {
	return withQuery(a.request.URL.Path, a.values, changes...)
}

func withQuery(path string, values url.Values, changes ...string) string {
	q := url.Values{}
	for name, all := range values {
		for _, v := range all {
			if v != "" {
				q.Add(name, v)
			}
		}
	}
	for i := 0; i+1 < len(changes); i += 2 {
		q.Del(changes[i])
		if changes[i+1] != "" {
			q.Set(changes[i], changes[i+1])
		}
	}
	if len(q) == 0 {
		return path
	}
	return path + "?" + q.Encode()
}

// moment returns a time as the page shows it.
func (a *ask) moment(t time.Time) moment { return at(a.now, t) }

// problemf returns the problem of a request.
func problemf(status int, format string, args ...any) *console.Problem {
	return &console.Problem{Type: "about:blank", Title: http.StatusText(status), Status: status, Detail: fmt.Sprintf(format, args...)}
}

// unknown returns the answer to a name that there is none of.
func unknown(what, name string, names []string) error {
	p := problemf(http.StatusNotFound, "there is no %s %s", what, quoted(name))
	if hint := v1alpha1.Suggest(name, names); hint != "" {
		p.Detail += ": " + hint
	}
	return p
}

// quoted quotes what a caller sent, the beginning of it.
func quoted(s string) string { return strconv.Quote(strings.ToValidUTF8(s[:min(len(s), 40)], "?")) }

// snapshots keeps the state of the platform until it changes: many pages are of one state.
type snapshots struct {
	mu    sync.Mutex
	last  *status.Platform
	epoch string
}

// of returns the state of a board as it is now.
func (s *snapshots) of(board console.Board) (*status.Platform, string) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.last != nil {
		if now := board.Changes(s.last.Revision, 0); now.Epoch == s.epoch && !now.Lost && !now.More {
			return s.last, s.epoch
		}
	}
	p := board.Snapshot()
	s.last, s.epoch = &p, board.Changes(p.Revision, 0).Epoch
	return s.last, s.epoch
}
