// SPDX-License-Identifier: Apache-2.0

package console

import (
	"encoding/base64"
	"net/http"
	"net/url"
	"slices"
	"strconv"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	// defaultPage and maxPage are how many items a page has unless it says otherwise, and at most.
	defaultPage, maxPage = 100, 1000
	// maxValues bounds how often one parameter is given.
	maxValues = 32
)

// query reads the parameters of a request, and keeps the first thing that is wrong. A parameter that nobody asked for is
// wrong too: an answer to less than was asked for would look like an answer.
type query struct {
	values url.Values
	known  []string
	err    error
}

func newQuery(r *http.Request) *query {
	values, err := url.ParseQuery(r.URL.RawQuery)
	q := &query{values: values}
	if err != nil {
		q.err = problemf(http.StatusBadRequest, "the query cannot be parsed")
	}
	return q
}

func (q *query) wrong(format string, args ...any) {
	if q.err == nil {
		q.err = problemf(http.StatusBadRequest, format, args...)
	}
}

// done returns what is wrong with the query.
func (q *query) done() error {
	var unknown []string
	for name := range q.values {
		if !slices.Contains(q.known, name) {
			unknown = append(unknown, name)
		}
	}
	if len(unknown) > 0 {
		q.wrong("there is no parameter %s: %s", shown(slices.Min(unknown)), v1alpha1.Suggest(slices.Min(unknown), q.known))
	}
	return q.err
}

// many returns all values of a parameter, none of which is empty.
func (q *query) many(name string) []string {
	q.known = append(q.known, name)
	values := q.values[name]
	if len(values) > maxValues {
		q.wrong("%s is given %d times: %d at most", name, len(values), maxValues)
	}
	if slices.Contains(values, "") {
		q.wrong("%s is empty", name)
	}
	return values
}

// one returns the value of a parameter that is given once at most.
func (q *query) one(name string) string {
	values := q.many(name)
	if len(values) > 1 {
		q.wrong("%s is given %d times", name, len(values))
	}
	if len(values) == 0 {
		return ""
	}
	return values[0]
}

// choices returns the values of a parameter, which are some of those that there are.
func choices[T ~string](q *query, name string, valid []T) []T {
	var names []string
	for _, v := range valid {
		names = append(names, string(v))
	}
	var chosen []T
	for _, value := range q.many(name) {
		if !slices.Contains(names, value) {
			q.wrong("there is no %s %s: %s", name, shown(value), v1alpha1.Suggest(value, names))
		}
		chosen = append(chosen, T(value))
	}
	return chosen
}

// flag returns whether a parameter is true; nil if it is not given.
func (q *query) flag(name string) *bool {
	value := q.one(name)
	if value == "" {
		return nil
	}
	b := value == "true"
	if !b && value != "false" {
		q.wrong("%s is not true or false", name)
	}
	return &b
}

func (q *query) number(name string, least, most, absent int) int {
	value := q.one(name)
	if value == "" {
		return absent
	}
	n, err := strconv.Atoi(value)
	if err != nil || n < least || n > most {
		q.wrong("%s is not a number from %d to %d", name, least, most)
	}
	return n
}

func (q *query) moment(name string) time.Time {
	value := q.one(name)
	if value == "" {
		return time.Time{}
	}
	t, err := time.Parse(time.RFC3339, value)
	if err != nil {
		q.wrong("%s is not a time: write 2026-01-31T12:00:00Z", name)
	}
	return t
}

// window is the part of a list that is asked for: some items after a key.
type window struct {
	limit int
	after string
}

func (q *query) window() window {
	w := window{limit: q.number("limit", 1, maxPage, defaultPage)}
	if cursor := q.one("cursor"); cursor != "" {
		key, err := base64.RawURLEncoding.DecodeString(cursor)
		if err != nil || len(key) == 0 {
			q.wrong("cursor is not the next of a page")
		}
		w.after = string(key)
	}
	return w
}

// Page is a part of a list.
type Page[T any] struct {
	Items []T `json:"items"`
	// Next is the cursor of the page after this one; empty: there is none.
	Next string `json:"next,omitempty"`
}

// pageOf cuts the window out of items, which are sorted by their keys. A cursor is the key of the last item of a page: it
// stays good while items come and go.
func pageOf[T any](items []T, key func(T) string, w window) Page[T] {
	first, _ := slices.BinarySearchFunc(items, w.after, func(item T, after string) int {
		if key(item) <= after && after != "" {
			return -1
		}
		return 1
	})
	items = items[first:]
	p := Page[T]{Items: []T{}}
	if len(items) > w.limit {
		items = items[:w.limit]
		p.Next = base64.RawURLEncoding.EncodeToString([]byte(key(items[w.limit-1])))
	}
	p.Items = append(p.Items, items...)
	return p
}

// keyOf joins names to a key that sorts as they do.
func keyOf(names ...string) string { return strings.Join(names, "\x00") }

// any reports whether a filter lets a value through: an empty one lets all through.
func passes[T comparable](filter []T, value T) bool {
	return len(filter) == 0 || slices.Contains(filter, value)
}

// shown quotes what a caller sent, the beginning of it.
func shown(s string) string { return strconv.Quote(strings.ToValidUTF8(s[:min(len(s), 40)], "?")) }
