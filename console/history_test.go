// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/reconciler/history"
)

func TestQuestionsAboutTheHistory(t *testing.T) {
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	many := strings.TrimSuffix(strings.Repeat("kind=run&", 33), "&")
	cases := map[string]struct {
		reason string
		query  string
		want   *history.Filter // nil: it is refused
		text   string
	}{
		"All": {"Nothing said is everything.", "", &history.Filter{}, ""},
		"Everything": {
			"All parts.", "?project=orders&environment=prod&cluster=one&kind=run&kind=drift&since=2026-01-31T12:00:00Z&until=2026-01-31T14:00:00%2B01:00&limit=1000&cursor=7",
			&history.Filter{
				Release: catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "one"}, Kinds: []history.Kind{"run", "drift"},
				Since: noon, Until: noon.Add(time.Hour), Limit: 1000, Before: 7,
			}, "",
		},
		"Unknown":     {"A part that is misspelt is not left out in silence.", "?projcet=orders", nil, `there is no parameter "projcet": did you mean "project"?`},
		"Hostile":     {"What a caller sent is shown as text.", "?%1b[31m%ff=x", nil, `there is no parameter "\x1b[31m?": want one of: cluster, cursor, environment, kind, limit, project, since, until`},
		"Platform":    {"A daemon answers for its own platform's database.", "?platform=other", nil, `there is no parameter "platform": want one of: cluster, cursor, environment, kind, limit, project, since, until`},
		"Twice":       {"One project is asked for.", "?project=a&project=b", nil, "project is given 2 times"},
		"Empty":       {"An empty name is a mistake, and not everything.", "?project=", nil, "project is empty"},
		"Limit":       {"An answer is bounded.", "?limit=1001", nil, "limit is not a number from 1 to 1000"},
		"NoLimit":     {"And is one.", "?limit=0", nil, "limit is not a number from 1 to 1000"},
		"HugeLimit":   {"Numbers have an end.", "?limit=99999999999999999999", nil, "limit is not a number from 1 to 1000"},
		"Since":       {"Times are in one form.", "?since=24h", nil, "since is not a time: write 2026-01-31T12:00:00Z"},
		"Cursor":      {"Events are numbered from 1.", "?cursor=-1", nil, "cursor is not the next of a page"},
		"OtherCursor": {"A cursor of another list is none of this.", "?cursor=b3JkZXJz", nil, "cursor is not the next of a page"},
		"Kind":        {"A kind that there is none of has no events, and that is not an answer.", "?kind=bogus", nil, `there is no kind "bogus": want one of: accepted, app-made, approved, corrected, disabled, drift, enabled, failed, healthy, held, lot-failed, lot-made, and 24 more`},
		"NearKind":    {"The one that was meant is named.", "?kind=Run", nil, `there is no kind "Run": did you mean "run"?`},
		"ManyKinds":   {"A question is bounded.", "?" + many, nil, "kind is given 33 times: 32 at most"},
		"Semicolons":  {"What cannot be read is no question for everything.", "?project=a;b", nil, "the query cannot be parsed"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := consoletest.Start(t)
			got, _ := ask(t, d, request{method: "GET", path: "/api/v1/history" + tc.query})
			if diff := cmp.Diff(tc.want, d.Filter()); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			want := response{http.StatusOK, `{"items":[]}`}
			if tc.want == nil {
				want = response{http.StatusBadRequest, tc.text}
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
		})
	}
}

func TestAnswersAboutTheHistory(t *testing.T) {
	events := []history.Event{{ID: 8, Time: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Kind: history.Failed, By: "Ann", Message: "no </script>", Took: time.Second}}
	d := consoletest.Start(t)
	d.Page = history.Page{Next: 7, Events: events}
	got := get[console.Page[history.Event]](t, d, "/api/v1/history")
	if diff := cmp.Diff(console.Page[history.Event]{Items: events, Next: "7"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	// Where the database is, is nobody's business.
	d.Err = errors.New("postgres://ann:s3cret@10.0.0.7 does not answer")
	failed, _ := ask(t, d, request{method: "GET", path: "/api/v1/history"})
	if diff := cmp.Diff(response{503, "the history cannot be read at the moment; see the daemon's log"}, failed); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	off := consoletest.Start(t, func(o *console.Options) { o.History = nil })
	none, _ := ask(t, off, request{method: "GET", path: "/api/v1/history"})
	if diff := cmp.Diff(response{404, "this daemon keeps no history: it was started with --history off"}, none); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}

func FuzzHistoryQuestion(f *testing.F) {
	for _, q := range []string{"", "project=a&kind=run", "since=2026-01-31T12:00:00Z", "limit=7&cursor=9", "%zz", "a;b", "kind=%ff&until=x"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		d, handler := consoletest.New(consoletest.WithToken)
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/api/v1/history", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.URL.RawQuery = query
		req.Header.Set("Authorization", "Bearer "+token)
		w := &answer{header: http.Header{}}
		handler.ServeHTTP(w, req)
		if w.code == 0 {
			w.code = http.StatusOK
		}
		filter := d.Filter()
		if w.code != http.StatusOK && w.code != http.StatusBadRequest || (w.code == http.StatusOK) != (filter != nil) || w.size > 2048 {
			t.Errorf("got %d with %d bytes", w.code, w.size)
		}
		if filter != nil && (filter.Limit < 0 || filter.Limit > history.MaxLimit || filter.Before < 0 || len(filter.Kinds) > 32) {
			t.Errorf("got the question %+v", *filter)
		}
	})
}

// answer counts what is written to it.
type answer struct {
	header     http.Header
	code, size int
}

func (a *answer) Header() http.Header  { return a.header }
func (a *answer) WriteHeader(code int) { a.code = code }
func (a *answer) Write(p []byte) (int, error) {
	a.size += len(p)
	return len(p), nil
}

func (a *answer) Flush() {}
