package console_test

import (
	"context"
	"encoding/json"
	"io"
	"net/http"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/status"
)

const token = "s3cret"

// server is a console over a real board.
type server struct {
	*httptest.Server
	board *status.Board
	syncs int
}

func start(t *testing.T, change func(*console.Options)) *server {
	t.Helper()
	s := &server{board: status.NewBoard(time.Now)}
	opts := console.Options{
		Board:   s.board,
		Metrics: http.HandlerFunc(func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "up 1\n") }),
		Trigger: func() { s.syncs++ },
		MaxWait: time.Millisecond,
	}
	if change != nil {
		change(&opts)
	}
	s.Server = httptest.NewServer(console.New(opts))
	t.Cleanup(s.Close)
	return s
}

type request struct{ method, path, authorization, host string }

func (s *server) do(ctx context.Context, t *testing.T, r request) (code int, header http.Header, body string) {
	t.Helper()
	req, err := http.NewRequestWithContext(ctx, r.method, s.URL+r.path, nil)
	if err != nil {
		t.Fatal(err)
	}
	if r.authorization != "" {
		req.Header.Set("Authorization", r.authorization)
	}
	req.Host = r.host
	resp, err := s.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Header, strings.TrimSpace(string(data))
}

// denied are problems that have a commit refused.
var denied = v1alpha1.Problems{{Severity: v1alpha1.Deny, Message: "wrong"}}

func TestRoutes(t *testing.T) {
	type answer struct {
		Code int
		Body string
	}
	cases := map[string]struct {
		reason string
		req    request
		token  string
		source status.Source
		want   answer
	}{
		"Health":           {"The process answers.", request{method: "GET", path: "/healthz"}, "", status.Source{}, answer{200, "ok"}},
		"HealthOpen":       {"Whoever runs it has no token.", request{method: "GET", path: "/healthz", host: "10.0.0.7:8080"}, token, status.Source{}, answer{200, "ok"}},
		"HealthByAddress":  {"A kubelet asks by the pod's address.", request{method: "GET", path: "/healthz", host: "10.0.0.7:8080"}, "", status.Source{}, answer{200, "ok"}},
		"NotReady":         {"Before the first commit no cluster is kept.", request{method: "GET", path: "/readyz"}, token, status.Source{}, answer{503, "no commit is accepted yet"}},
		"ReadyToResume":    {"After a restart the commit from before counts, whether the repository answers or not.", request{method: "GET", path: "/readyz"}, token, status.Source{Accepted: &status.Commit{Hash: "1"}, Error: "down"}, answer{200, "ok"}},
		"ReadyAndRefused":  {"What was accepted before a refused commit is kept.", request{method: "GET", path: "/readyz"}, token, status.Source{Accepted: &status.Commit{Hash: "1"}, Head: &status.Commit{Hash: "2"}, Problems: denied}, answer{200, "ok"}},
		"SeenOnly":         {"A commit that was only seen keeps nothing.", request{method: "GET", path: "/readyz"}, token, status.Source{Head: &status.Commit{Hash: "1"}}, answer{503, "no commit is accepted yet"}},
		"RefusedOnly":      {"Nor does one that was refused; it says so.", request{method: "GET", path: "/readyz"}, token, status.Source{Head: &status.Commit{Hash: "1"}, Problems: denied}, answer{503, `no commit is accepted: the newest one is refused; "trunkline status" says why`}},
		"Unreadable":       {"Strangers are not told where the repository is.", request{method: "GET", path: "/readyz"}, token, status.Source{Error: "https://git.internal: no"}, answer{503, `no commit is accepted: the repository cannot be read; "trunkline status" says why`}},
		"AliveAndUnready":  {"A daemon that waits for its repository is not to be restarted.", request{method: "GET", path: "/healthz"}, token, status.Source{Error: "down"}, answer{200, "ok"}},
		"Metrics":          {"Prometheus is served.", request{method: "GET", path: "/metrics"}, "", status.Source{}, answer{200, "up 1"}},
		"MetricsGuarded":   {"Names of projects are in the metrics.", request{method: "GET", path: "/metrics"}, token, status.Source{}, answer{401, "a token is needed"}},
		"StatusGuarded":    {"No token, no status.", request{method: "GET", path: "/api/v1/status"}, token, status.Source{}, answer{401, "a token is needed"}},
		"StatusWrongToken": {"Another token is none.", request{method: "GET", path: "/api/v1/status", authorization: "Bearer s3creT"}, token, status.Source{}, answer{401, "a token is needed"}},
		"StatusPrefix":     {"The beginning of the token is none.", request{method: "GET", path: "/api/v1/status", authorization: "Bearer s3cre"}, token, status.Source{}, answer{401, "a token is needed"}},
		"StatusBasic":      {"Another scheme is none.", request{method: "GET", path: "/api/v1/status", authorization: token}, token, status.Source{}, answer{401, "a token is needed"}},
		"SyncGuarded":      {"No token, no fetch.", request{method: "POST", path: "/hooks/sync"}, token, status.Source{}, answer{401, "a token is needed"}},
		"Sync":             {"The trigger answers at once.", request{method: "POST", path: "/hooks/sync", authorization: "Bearer " + token}, token, status.Source{}, answer{202, "the repository is being fetched"}},
		"SyncByGet":        {"A link cannot trigger anything.", request{method: "GET", path: "/hooks/sync"}, "", status.Source{}, answer{405, "Method Not Allowed"}},
		"StatusByPost":     {"The status is only read.", request{method: "POST", path: "/api/v1/status"}, "", status.Source{}, answer{405, "Method Not Allowed"}},
		"StatusByDelete":   {"And not deleted.", request{method: "DELETE", path: "/api/v1/status"}, "", status.Source{}, answer{405, "Method Not Allowed"}},
		"BadAfter":         {"A revision is a number.", request{method: "GET", path: "/api/v1/status?after=x"}, "", status.Source{}, answer{400, "after is not a number"}},
		"LargeAfter":       {"And not any number.", request{method: "GET", path: "/api/v1/status?after=99999999999999999999"}, "", status.Source{}, answer{400, "after is not a number"}},
		"Nowhere":          {"There is nothing else.", request{method: "GET", path: "/api/v2/status"}, "", status.Source{}, answer{404, "404 page not found"}},
		"Rebinding": {
			"A page whose name resolves to 127.0.0.1 gets nothing.",
			request{method: "GET", path: "/api/v1/status", host: "evil.example:8080"},
			"", status.Source{},
			answer{403, "without a token the daemon answers to localhost only"},
		},
		"RebindingSync": {
			"Nor does it trigger anything.",
			request{method: "POST", path: "/hooks/sync", host: "evil.example"},
			"", status.Source{},
			answer{403, "without a token the daemon answers to localhost only"},
		},
		"Localhost":   {"A name of this machine is fine.", request{method: "GET", path: "/metrics", host: "localhost:8080"}, "", status.Source{}, answer{200, "up 1"}},
		"IPv6":        {"In any form.", request{method: "GET", path: "/metrics", host: "[::1]"}, "", status.Source{}, answer{200, "up 1"}},
		"TokenByName": {"With a token any name will do.", request{method: "GET", path: "/metrics", host: "trunkline.svc", authorization: "Bearer " + token}, token, status.Source{}, answer{200, "up 1"}},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			s := start(t, func(o *console.Options) { o.Token = tc.token })
			s.board.SetSource(func(src *status.Source) { *src = tc.source })
			code, header, body := s.do(t.Context(), t, tc.req)
			if diff := cmp.Diff(tc.want, answer{code, body}); diff != "" {
				t.Errorf("%s\n-want +got:\n%s", tc.reason, diff)
			}
			if code == http.StatusUnauthorized && header.Get("WWW-Authenticate") != "Bearer" {
				t.Error("a refusal does not say what is asked for")
			}
			want := 0
			if code == http.StatusAccepted {
				want = 1
			}
			if s.syncs != want {
				t.Errorf("%s the repository was fetched %d times, want %d", tc.reason, s.syncs, want)
			}
		})
	}
}

func (s *server) status(t *testing.T, after string) status.Platform {
	t.Helper()
	code, header, body := s.do(t.Context(), t, request{method: "GET", path: "/api/v1/status" + after})
	var p status.Platform
	if err := json.Unmarshal([]byte(body), &p); err != nil || code != http.StatusOK || header.Get("Content-Type") != "application/json" {
		t.Fatalf("got %d, %v, %v: %s", code, header, err, body)
	}
	return p
}

func TestStatusAtOnce(t *testing.T) {
	s := start(t, func(o *console.Options) { o.MaxWait = time.Hour }) // whoever waits does not end
	s.board.SetName("acme")
	for _, after := range []string{"", "?after=-1", "?after=0", "?after=77", "?after="} {
		if p := s.status(t, after); p.Revision != 1 || p.Name != "acme" {
			t.Errorf("%q: got %+v, want revision 1 at once", after, p)
		}
	}
}

func TestStatusWaitsForAChange(t *testing.T) {
	s := start(t, func(o *console.Options) { o.MaxWait = time.Hour })
	s.board.SetName("acme")
	got := make(chan status.Platform)
	go func() { got <- s.status(t, "?after=1") }()
	s.board.SetName("acme 2")
	if p := <-got; p.Revision != 2 || p.Name != "acme 2" {
		t.Errorf("got %+v, want revision 2", p)
	}
}

func TestStatusAfterTheBound(t *testing.T) {
	s := start(t, nil)
	s.board.SetName("acme")
	if p := s.status(t, "?after=1"); p.Revision != 1 {
		t.Errorf("got revision %d, want the same one once the bound is over", p.Revision)
	}
}

// gone tells when the wait of a request ends.
type gone struct {
	console.Board
	began, ended chan struct{}
}

func (g gone) Wait(ctx context.Context, after int64) status.Platform {
	close(g.began)
	defer close(g.ended)
	return g.Board.Wait(ctx, after)
}

func TestWaitEndsWithItsCaller(t *testing.T) {
	board := gone{began: make(chan struct{}), ended: make(chan struct{})}
	s := start(t, func(o *console.Options) {
		board.Board, o.MaxWait = o.Board, time.Hour
		o.Board = board
	})
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, s.URL+"/api/v1/status?after=0", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-board.began
		cancel()
	}()
	if resp, err := s.Client().Do(req); err == nil {
		resp.Body.Close()
		t.Error("the request was answered, want that it was cut off")
	}
	<-board.ended
}
