// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	token = consoletest.Token
	bob   = "bob-0123456789abcdef"
)

// named has a daemon know bob by a token of his own, beside the shared one.
func named(o *console.Options) {
	o.Tokens = func() []console.Token { return []console.Token{{Secret: token}, {Name: "bob", Secret: bob}} }
}

func open(*console.Options) {}

// request is what a test asks; the zero value of each part is left out.
type request struct {
	method, path, token, host string
	body                      string
	header                    map[string]string
}

// response is what came back; of a problem, Body is its detail.
type response struct {
	Code int
	Body string
}

func ask(t *testing.T, d *consoletest.Daemon, r request) (response, http.Header) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), r.method, d.URL+r.path, strings.NewReader(r.body))
	if err != nil {
		t.Fatal(err)
	}
	if r.token != "" {
		req.Header.Set("Authorization", "Bearer "+r.token)
	}
	for k, v := range r.header {
		if v != "" {
			req.Header.Set(k, v)
		}
	}
	req.Host = r.host
	resp, err := d.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	out := response{resp.StatusCode, strings.TrimSpace(string(data))}
	var said struct{ Detail, Message string }
	if kind := resp.Header.Get("Content-Type"); strings.HasSuffix(kind, "json") && json.Unmarshal(data, &said) == nil && said.Detail+said.Message != "" {
		out.Body = said.Detail + said.Message
	}
	return out, resp.Header
}

// get decodes the answer to a question that is allowed.
func get[T any](t *testing.T, d *consoletest.Daemon, path string) T {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL+path, nil)
	if err != nil {
		t.Fatal(err)
	}
	return getAs[T](t, d, req)
}

// getAs decodes the answer to a request that is allowed.
func getAs[T any](t *testing.T, d *consoletest.Daemon, req *http.Request) T {
	t.Helper()
	resp, err := d.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	var v T
	if err := json.NewDecoder(resp.Body).Decode(&v); err != nil || resp.StatusCode != http.StatusOK {
		t.Fatalf("GET %s: got %d: %v", req.URL, resp.StatusCode, err)
	}
	return v
}

// denied are problems that have a commit refused.
var denied = v1alpha1.Problems{{Severity: v1alpha1.Deny, Message: "wrong"}}

func TestSignOn(t *testing.T) {
	const nowhere = "there is no such route; GET /api/v1/openapi.json lists them"
	cases := map[string]struct {
		reason string
		change func(*console.Options)
		req    request
		want   response
	}{
		"Health":          {"The process answers.", open, request{method: "GET", path: "/healthz"}, response{200, "ok"}},
		"HealthOpen":      {"Whoever runs it has no token.", consoletest.WithToken, request{method: "GET", path: "/healthz"}, response{200, "ok"}},
		"HealthByAddress": {"A kubelet asks by the pod's address.", open, request{method: "GET", path: "/healthz", host: "10.0.0.7:8080"}, response{200, "ok"}},
		"ReadyOpen":       {"So does it for this.", consoletest.WithToken, request{method: "GET", path: "/readyz", host: "10.0.0.7:8080"}, response{503, "no commit is accepted yet"}},
		"Metrics":         {"Prometheus is served.", open, request{method: "GET", path: "/metrics"}, response{200, "up 1"}},
		"WrongToken":      {"Another token is none.", consoletest.WithToken, request{method: "GET", path: "/api/v1/status", token: strings.ToUpper(token)}, response{401, "a token is required"}},
		"TokenPrefix":     {"The beginning of the token is none.", consoletest.WithToken, request{method: "GET", path: "/api/v1/status", token: token[:10]}, response{401, "a token is required"}},
		"EmptyToken":      {"Nothing is no token.", consoletest.WithToken, request{method: "GET", path: "/api/v1/status", header: map[string]string{"Authorization": "Bearer "}}, response{401, "a token is required"}},
		"NobodyLeft":      {"Where tokens are asked for, having none lets nobody in.", func(o *console.Options) { o.Tokens = func() []console.Token { return nil } }, request{method: "GET", path: "/api/v1/status"}, response{401, "a token is required"}},
		"Basic":           {"Another scheme is none.", consoletest.WithToken, request{method: "GET", path: "/api/v1/status", header: map[string]string{"Authorization": token}}, response{401, "a token is required"}},
		"TokenOfOne":      {"Each has a token of their own.", named, request{method: "GET", path: "/metrics", token: bob}, response{200, "up 1"}},
		"TokenByName":     {"With a token any name will do.", consoletest.WithToken, request{method: "GET", path: "/metrics", token: token, host: "trunkline.svc"}, response{200, "up 1"}},
		"Sync":            {"The trigger answers at once.", consoletest.WithToken, request{method: "POST", path: "/hooks/sync", token: token}, response{202, "the repository is being fetched"}},
		"SyncByGet":       {"A link cannot trigger anything.", open, request{method: "GET", path: "/hooks/sync"}, response{405, `"GET" is not allowed here: POST`}},
		"StatusByPost":    {"The status is only read.", open, request{method: "POST", path: "/api/v1/status"}, response{405, `"POST" is not allowed here: GET, HEAD`}},
		"Nowhere":         {"There is nothing else.", open, request{method: "GET", path: "/api/v2/status"}, response{404, nowhere}},
		"Dots":            {"Nor by another way.", open, request{method: "GET", path: "/api/v1/../../etc/passwd"}, response{404, nowhere}},
		"Localhost":       {"A name of this machine is fine.", open, request{method: "GET", path: "/metrics", host: "localhost:8080"}, response{200, "up 1"}},
		"IPv6":            {"In any form.", open, request{method: "GET", path: "/metrics", host: "[::1]"}, response{200, "up 1"}},
		"Rebinding": {
			"A page whose name resolves to 127.0.0.1 gets nothing.", open,
			request{method: "GET", path: "/api/v1/status", host: "evil.example:8080"},
			response{403, "without a token the daemon answers to localhost only"},
		},
		"RebindingSync": {
			"Nor does it trigger anything.", open,
			request{method: "POST", path: "/hooks/sync", host: "evil.example"},
			response{403, "without a token the daemon answers to localhost only"},
		},
		"OtherOrigin": {
			"A form of another page is sent by the browser without asking.", open,
			request{method: "POST", path: "/hooks/sync", header: map[string]string{"Origin": "https://evil.example"}},
			response{403, "a page of another origin cannot make this request"},
		},
		"OtherSite": {
			"Nor is it let through because it hides where it comes from.", open,
			request{method: "POST", path: "/hooks/sync", header: map[string]string{"Sec-Fetch-Site": "cross-site"}},
			response{403, "a page of another origin cannot make this request"},
		},
		"OtherPort": {
			"Another program on this machine is another origin.", open,
			request{method: "POST", path: "/hooks/sync", header: map[string]string{"Origin": "http://127.0.0.1:1"}},
			response{403, "a page of another origin cannot make this request"},
		},
		"LongClaim": {
			"What is recorded is bounded.", open,
			request{method: "GET", path: "/api/v1/status", header: map[string]string{"Trunkline-Claim": strings.Repeat("a", 101)}},
			response{400, "Trunkline-Claim has to be a name of at most 100 bytes"},
		},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			d := consoletest.Start(t, tc.change)
			got, header := ask(t, d, tc.req)
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if got.Code == http.StatusUnauthorized && header.Get("WWW-Authenticate") != "Bearer" {
				t.Error("a refusal does not say what is asked for")
			}
			if asked := len(d.Asked()); asked != 0 != (got.Code == http.StatusAccepted) {
				t.Errorf("%s the daemon was asked %d times", tc.reason, asked)
			}
		})
	}
}

func TestReady(t *testing.T) {
	one, two := &status.Commit{Hash: "1"}, &status.Commit{Hash: "2"}
	cases := map[string]struct {
		reason string
		source status.Source
		want   response
	}{
		"Nothing":    {"Before the first commit no cluster is kept.", status.Source{}, response{503, "no commit is accepted yet"}},
		"Accepted":   {"After it they are.", status.Source{Head: one, Accepted: one}, response{200, "ok"}},
		"Resumed":    {"After a restart the commit from before counts, whether the repository answers or not.", status.Source{Accepted: one, Error: "down"}, response{200, "ok"}},
		"Kept":       {"What was accepted before a refused commit is kept.", status.Source{Accepted: one, Head: two, Problems: denied}, response{200, "ok"}},
		"SeenOnly":   {"A commit that was only seen keeps nothing.", status.Source{Head: one}, response{503, "no commit is accepted yet"}},
		"Refused":    {"Nor does one that was refused; it says so.", status.Source{Head: one, Problems: denied}, response{503, `no commit is accepted: the newest one is refused; "trunkline status" says why`}},
		"Unreadable": {"Strangers are not told where the repository is.", status.Source{Error: "https://git.internal: no"}, response{503, `no commit is accepted: the repository cannot be read; "trunkline status" says why`}},
	}
	for name, tc := range cases {
		d := consoletest.Start(t)
		d.Board.SetSource(func(s *status.Source) { *s = tc.source })
		got, _ := ask(t, d, request{method: "GET", path: "/readyz"})
		if diff := cmp.Diff(tc.want, got); diff != "" {
			t.Errorf("%s: %s\n-want +got:\n%s", name, tc.reason, diff)
		}
		if alive, _ := ask(t, d, request{method: "GET", path: "/healthz"}); alive.Code != http.StatusOK {
			t.Errorf("%s: a daemon that is not ready would be restarted: %+v", name, alive)
		}
	}
}

// TestEveryRouteNeedsASignOn: there is no route that anybody may call but the two for whoever runs the daemon, and one
// for which a link is asked.
func TestEveryRouteNeedsASignOn(t *testing.T) {
	d := consoletest.Start(t, consoletest.WithToken, func(o *console.Options) {
		o.NotifySecret = func() string { return "arrivals-0123456789" }
		o.Notify = func(func(string) string, []byte) (any, error) { return nil, errors.New("nobody may") }
	})
	free := []string{"GET /healthz", "GET /readyz", "GET /reports/{link}", "GET /login", "GET /login/callback", "GET /api/v1/sign-on"}
	for _, pattern := range console.Patterns() {
		method, path, _ := strings.Cut(pattern, " ")
		path = strings.NewReplacer("{", "", "}", "").Replace(path)
		got, header := ask(t, d, request{method: method, path: path})
		if want := slices.Contains(free, pattern); want != (got.Code != http.StatusUnauthorized) {
			t.Errorf("%s: got %d without a token", pattern, got.Code)
		}
		for name, want := range map[string]string{
			"X-Frame-Options": "DENY", "X-Content-Type-Options": "nosniff", "Content-Security-Policy": "default-src 'none'; frame-ancestors 'none'", "Cache-Control": "no-store",
		} {
			if header.Get(name) != want {
				t.Errorf("%s: %s is %q", pattern, name, header.Get(name))
			}
		}
	}
	if asked := d.Asked(); len(asked) != 0 {
		t.Errorf("the daemon was asked all the same: %v", asked)
	}
}

// TestEveryRouteIsDescribed holds the description to the routes, and the other way round.
func TestEveryRouteIsDescribed(t *testing.T) {
	var described []string
	for path, item := range consoletest.Document(t).Paths.Map() {
		for method := range item.Operations() {
			described = append(described, method+" "+path)
		}
	}
	slices.Sort(described)
	routes := console.Patterns()
	slices.Sort(routes)
	if diff := cmp.Diff(described, routes); diff != "" {
		t.Errorf("described and served (-described +served):\n%s", diff)
	}
	served := get[map[string]any](t, consoletest.Start(t), "/api/v1/openapi.json")
	if served["openapi"] != "3.0.3" {
		t.Errorf("got %v", served["openapi"])
	}
}

// TestInternalErrorsStayInside: what goes wrong is for the log.
func TestInternalErrorsStayInside(t *testing.T) {
	d := consoletest.Start(t)
	d.Err = io.ErrUnexpectedEOF
	got, _ := ask(t, d, request{method: "GET", path: "/api/v1/history"})
	if diff := cmp.Diff(response{503, "the history cannot be read at the moment; see the daemon's log"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
}
