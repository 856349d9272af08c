package console_test

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/history"
)

// asked answers every question the same way, and keeps the last one.
type asked struct {
	page   history.Page
	err    error
	filter *history.Filter
}

func (a *asked) Query(_ context.Context, f history.Filter) (history.Page, error) {
	a.filter = &f
	return a.page, a.err
}

func TestQuestionsAboutTheHistory(t *testing.T) {
	noon := time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC)
	many := strings.Repeat("kind=run&", 33)
	cases := map[string]struct {
		reason string
		query  string
		want   *history.Filter // nil: it is refused
		text   string
	}{
		"All": {"Nothing said is everything.", "", &history.Filter{}, ""},
		"Everything": {
			"All parts.", "?project=orders&environment=prod&cluster=one&kind=run&kind=x&since=2026-01-31T12:00:00Z&until=2026-01-31T14:00:00%2B01:00&limit=1000&before=7",
			&history.Filter{
				Release: catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "one"}, Kinds: []history.Kind{"run", "x"},
				Since: noon, Until: noon.Add(time.Hour), Limit: 1000, Before: 7,
			}, "",
		},
		"Unknown":    {"A part that is misspelt is not left out in silence.", "?projcet=orders", nil, `there is no parameter "projcet": project, environment, cluster, kind, since, until, limit and before are`},
		"Hostile":    {"What a caller sent is shown as text.", "?%1b[31m%ff=x", nil, `there is no parameter "\x1b[31m?": project, environment, cluster, kind, since, until, limit and before are`},
		"Platform":   {"A daemon answers for its own platform's database.", "?platform=other", nil, `there is no parameter "platform": project, environment, cluster, kind, since, until, limit and before are`},
		"Twice":      {"One project is asked for.", "?project=a&project=b", nil, "project is given 2 times"},
		"Empty":      {"An empty name is a mistake, and not everything.", "?project=", nil, "project is empty"},
		"Limit":      {"An answer is bounded.", "?limit=1001", nil, "limit is not a number from 1 to 1000"},
		"NoLimit":    {"And is one.", "?limit=0", nil, "limit is not a number from 1 to 1000"},
		"HugeLimit":  {"Numbers have an end.", "?limit=99999999999999999999", nil, "limit is not a number from 1 to 1000"},
		"Since":      {"Times are in one form.", "?since=24h", nil, "since is not a time: write 2026-01-31T12:00:00Z"},
		"Before":     {"Events are numbered from 1.", "?before=-1", nil, "before is not the next of a page"},
		"ManyKinds":  {"A question is bounded.", "?" + many, nil, "kind is given 33 times: 32 at most"},
		"Semicolons": {"What cannot be read is no question for everything.", "?project=a;b", nil, "the question cannot be read"},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := &asked{page: history.Page{Events: []history.Event{}}}
			s := start(t, func(o *console.Options) { o.History = h })
			code, _, body := s.do(t.Context(), t, request{method: "GET", path: "/api/v1/history" + tc.query})
			if diff := cmp.Diff(tc.want, h.filter); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			wantCode, wantBody := http.StatusOK, `{"events":[]}`
			if tc.want == nil {
				wantCode, wantBody = http.StatusBadRequest, tc.text
			}
			if code != wantCode || body != wantBody {
				t.Errorf("%s got %d %q, want %d %q", tc.reason, code, body, wantCode, wantBody)
			}
		})
	}
}

func TestAnswersAboutTheHistory(t *testing.T) {
	page := history.Page{Next: 7, Events: []history.Event{{ID: 8, Time: time.Date(2026, 1, 31, 12, 0, 0, 0, time.UTC), Kind: history.Failed, By: "Ann", Message: "no </script>", Took: time.Second}}}
	s := start(t, func(o *console.Options) { o.History = &asked{page: page} })
	code, header, body := s.do(t.Context(), t, request{method: "GET", path: "/api/v1/history"})
	var got history.Page
	if err := json.Unmarshal([]byte(body), &got); err != nil || code != http.StatusOK || header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %d, %v, %v: %s", code, header, err, body)
	}
	if diff := cmp.Diff(page, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	s = start(t, func(o *console.Options) {
		o.History = &asked{err: errors.New("postgres://ann:s3cret@10.0.0.7 does not answer")}
	})
	code, _, body = s.do(t.Context(), t, request{method: "GET", path: "/api/v1/history"})
	if code != http.StatusServiceUnavailable || body != "the history cannot be read just now: the daemon's log says why" {
		t.Errorf("got %d %q: where the database is, is nobody's business", code, body)
	}

	s = start(t, nil)
	code, _, body = s.do(t.Context(), t, request{method: "GET", path: "/api/v1/history"})
	if code != http.StatusNotFound || body != "this daemon keeps no history: it was started with --history off" {
		t.Errorf("got %d %q", code, body)
	}
}

// TestTheHistoryIsGuarded asks without a token, with a wrong one, and by a name that another's server resolves.
func TestTheHistoryIsGuarded(t *testing.T) {
	cases := map[string]struct {
		reason, token string
		req           request
		want          int
	}{
		"NoToken":    {"Names and errors are in the history.", token, request{method: "GET", path: "/api/v1/history"}, 401},
		"WrongToken": {"Another token is none.", token, request{method: "GET", path: "/api/v1/history", authorization: "Bearer s3creT"}, 401},
		"Token":      {"The token opens it.", token, request{method: "GET", path: "/api/v1/history", authorization: "Bearer " + token}, 200},
		"Rebinding":  {"A page whose name resolves to 127.0.0.1 gets nothing.", "", request{method: "GET", path: "/api/v1/history", host: "evil.example"}, 403},
		"Post":       {"It is only read.", "", request{method: "POST", path: "/api/v1/history"}, 405},
		"Delete":     {"And not deleted.", "", request{method: "DELETE", path: "/api/v1/history"}, 405},
		"Below":      {"There is nothing below it.", "", request{method: "GET", path: "/api/v1/history/1"}, 404},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			h := &asked{}
			s := start(t, func(o *console.Options) { o.Token, o.History = tc.token, h })
			code, _, body := s.do(t.Context(), t, tc.req)
			if code != tc.want || (h.filter != nil) != (tc.want == http.StatusOK) {
				t.Errorf("%s got %d %q, want %d", tc.reason, code, body, tc.want)
			}
		})
	}
}

func FuzzHistoryQuestion(f *testing.F) {
	for _, q := range []string{"", "project=a&kind=run", "since=2026-01-31T12:00:00Z", "limit=7&before=9", "%zz", "a;b", "kind=%ff&until=x"} {
		f.Add(q)
	}
	f.Fuzz(func(t *testing.T, query string) {
		h := &asked{page: history.Page{Events: []history.Event{}}}
		handler := console.New(console.Options{History: h, Metrics: http.NotFoundHandler(), Token: token})
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
		if w.code != http.StatusOK && w.code != http.StatusBadRequest || (w.code == http.StatusOK) != (h.filter != nil) || w.size > 1024 {
			t.Errorf("got %d with %d bytes", w.code, w.size)
		}
		if h.filter != nil && (h.filter.Limit < 0 || h.filter.Limit > history.MaxLimit || h.filter.Before < 0 || len(h.filter.Kinds) > 32) {
			t.Errorf("got the question %+v", *h.filter)
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
