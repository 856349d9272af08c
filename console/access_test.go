// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"encoding/json"
	"io"
	"maps"
	"net/http"
	"net/http/cookiejar"
	"net/url"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/access/session"
	"trunkline.dev/trunkline/access/signon"
	"trunkline.dev/trunkline/access/signon/signontest"
	"trunkline.dev/trunkline/access/tokens"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// bound is who may do what in these tests.
func bound() *access.Rules {
	return access.New([]*v1alpha1.Access{{Spec: v1alpha1.AccessSpec{Bindings: []v1alpha1.AccessBinding{
		{Role: v1alpha1.PlatformAdmin, Users: []string{"ada@acme.example"}},
		{Role: v1alpha1.ProjectContributor, Groups: []string{"team-orders"}, Projects: []string{"orders"}},
		{Role: v1alpha1.EnvironmentContributor, Groups: []string{"team-orders"}, Environments: []string{"dev"}},
		{Role: v1alpha1.EnvironmentOperator, Users: []string{"olga@acme.example"}, Environments: []string{"prod"}},
		{Role: v1alpha1.ProjectAdmin, Users: []string{"pat@acme.example"}, Projects: []string{"orders"}},
		{Role: v1alpha1.EnvironmentContributor, Users: []string{"project:orders/ci"}, Environments: []string{"dev"}},
	}}}})
}

// guarded is a daemon with an issuer, tokens and two projects in two environments.
type guarded struct {
	*consoletest.Daemon

	issuer *signontest.Issuer
	clock  time.Time
	rules  *access.Rules
	events []history.Event
	// sessions and tokens are what keeps them.
	sessions *console.Sessions
	tokens   *tokens.Store
}

func newGuarded(t *testing.T, changes ...func(*console.Options)) *guarded {
	t.Helper()
	p := &guarded{issuer: signontest.Start(t), clock: time.Now(), rules: bound()}
	now := func() time.Time { return p.clock }
	people, err := signon.NewPeople(signon.Options{
		Issuer: p.issuer.Issuer(), ClientID: p.issuer.ClientID, ClientSecret: p.issuer.ClientSecret, CLIClientID: "cli", RedirectURL: "http://daemon.invalid/login/callback",
		Scopes: []string{"email", "groups"}, Client: &http.Client{}, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	jar, err := session.New("0123456789abcdef0123456789abcdef", false)
	if err != nil {
		t.Fatal(err)
	}
	database, err := history.SQLite(filepath.Join(t.TempDir(), "tokens.db"))
	if err != nil {
		t.Fatal(err)
	}
	store := tokens.NewStore(database, now)
	t.Cleanup(func() { _ = store.Close() })
	p.tokens, p.sessions = store, &console.Sessions{Service: &signon.Service{People: people}, Jar: jar, Ends: store, Now: now}
	p.Daemon = consoletest.Start(t, append([]func(*console.Options){func(o *console.Options) {
		o.Access, o.Heartbeat = func() *access.Rules { return p.rules }, 10*time.Millisecond
		o.Sessions = p.sessions
		o.OwnTokens, o.Record = store, func(e history.Event) { p.events = append(p.events, e) }
	}}, changes...)...)
	for _, project := range []string{"ledger", "orders"} {
		for _, environment := range []string{"dev", "prod"} {
			p.Board.SetRelease(catalog.ReleaseID{Project: project, Environment: environment, Cluster: "c"}, func(r *status.Release) {
				r.Result, r.Health = status.Applied, status.Healthy
			})
			p.RemoteRuns = append(p.RemoteRuns, console.RemoteRun{Run: "report-run-1", Environment: environment, Project: project, Workload: "report", Cluster: "c", By: "ada"})
		}
	}
	p.Page.Events = []history.Event{{ID: 1, Kind: history.Accepted}, {ID: 2, Kind: history.Ran, Release: catalog.ReleaseID{Project: "ledger", Environment: "dev"}}}
	return p
}

// browser is a browser of someone.
func (p *guarded) browser(t *testing.T) *http.Client {
	t.Helper()
	jar, err := cookiejar.New(nil)
	if err != nil {
		t.Fatal(err)
	}
	return &http.Client{Jar: jar, Transport: toDaemon{p.URL, p.Client().Transport}}
}

// toDaemon has the address of the daemon that the issuer knows lead to it.
type toDaemon struct {
	at   string
	next http.RoundTripper
}

func (d toDaemon) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Host == "daemon.invalid" {
		to, err := url.Parse(d.at)
		if err != nil {
			return nil, err
		}
		r = r.Clone(r.Context())
		r.URL.Host, r.Host = to.Host, ""
		return d.next.RoundTrip(r)
	}
	return http.DefaultTransport.RoundTrip(r)
}

const at = "http://daemon.invalid"

// page asks as a browser does, and returns the status, where it ended and what is there.
func page(t *testing.T, c *http.Client, method, path string, header map[string]string, body string) (int, string, string) {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), method, at+path, strings.NewReader(body))
	if err != nil {
		t.Fatal(err)
	}
	for name, value := range header {
		req.Header.Set(name, value)
	}
	resp, err := c.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	data, err := io.ReadAll(resp.Body)
	if err != nil {
		t.Fatal(err)
	}
	return resp.StatusCode, resp.Request.URL.RequestURI(), string(data)
}

var html = map[string]string{"Accept": "text/html"}

// TestSessions: who asks for a page signs on and comes back to it; the session ends, and acts from a page only.
func TestSessions(t *testing.T) {
	p := newGuarded(t)
	b := p.browser(t)
	if code, _, _ := page(t, b, http.MethodGet, "/api/v1/me", html, ""); code != http.StatusUnauthorized {
		t.Fatalf("the API without a session: got %d", code)
	}
	p.issuer.Next("carol@acme.example", "team-orders")
	code, where, _ := page(t, b, http.MethodGet, "/metrics", html, "")
	if code != http.StatusForbidden || where != "/metrics" {
		t.Fatalf("after the sign-on: got %d at %s", code, where)
	}
	_, _, me := page(t, b, http.MethodGet, "/api/v1/me", nil, "")
	if !strings.Contains(me, `"carol@acme.example"`) || !strings.Contains(me, `"session"`) {
		t.Errorf("got %s", me)
	}
	act := map[string]string{"Content-Type": "application/json"}
	const suspend = "/api/v1/releases/orders/dev/c/suspend"
	for name, c := range map[string]struct {
		header map[string]string
		want   int
	}{
		"no page":        {nil, http.StatusForbidden},
		"another origin": {map[string]string{"Sec-Fetch-Site": "cross-site"}, http.StatusForbidden},
		"an application": {map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "http://a1.apps.daemon.invalid"}, http.StatusForbidden},
		"an old browser": {map[string]string{"Origin": "http://a1.apps.daemon.invalid"}, http.StatusForbidden},
		"another port":   {map[string]string{"Origin": "http://daemon.invalid:81"}, http.StatusForbidden},
		"this page":      {map[string]string{"Sec-Fetch-Site": "same-origin"}, http.StatusAccepted},
	} {
		header := map[string]string{}
		for _, from := range []map[string]string{act, c.header} {
			maps.Copy(header, from)
		}
		if code, _, body := page(t, b, http.MethodPost, suspend, header, "{}"); code != c.want {
			t.Errorf("an act from %s: got %d %s", name, code, body)
		}
	}
	p.clock = p.clock.Add(50 * time.Minute)
	if code, _, _ := page(t, b, http.MethodGet, "/api/v1/me", nil, ""); code != http.StatusOK {
		t.Errorf("a session in use: got %d", code)
	}
	p.clock = p.clock.Add(50 * time.Minute)
	if code, _, _ := page(t, b, http.MethodGet, "/api/v1/me", nil, ""); code != http.StatusOK {
		t.Errorf("a session that goes on: got %d", code)
	}
	p.clock = p.clock.Add(8 * time.Hour)
	if code, _, _ := page(t, b, http.MethodGet, "/api/v1/me", nil, ""); code != http.StatusUnauthorized {
		t.Errorf("a session that is over: got %d", code)
	}
}

// TestLogout ends a session, and one that another browser began is nobody else's.
func TestLogout(t *testing.T) {
	p := newGuarded(t)
	b, other := p.browser(t), p.browser(t)
	p.issuer.Next("carol@acme.example", "team-orders")
	page(t, b, http.MethodGet, "/login?return=//evil.example/", html, "")
	if code, _, _ := page(t, b, http.MethodGet, "/api/v1/me", nil, ""); code != http.StatusOK {
		t.Fatalf("got %d", code)
	}
	if code, _, _ := page(t, b, http.MethodPost, "/logout", map[string]string{"Sec-Fetch-Site": "same-origin"}, ""); code != http.StatusOK {
		t.Errorf("got %d", code)
	}
	if code, _, _ := page(t, b, http.MethodGet, "/api/v1/me", nil, ""); code != http.StatusUnauthorized {
		t.Errorf("after it: got %d", code)
	}
	// A link to the end of someone's own sign-on, which another browser is made to follow, signs nobody on.
	stopped := *b
	var link string
	stopped.CheckRedirect = func(r *http.Request, _ []*http.Request) error {
		if strings.HasPrefix(r.URL.Path, "/login/callback") {
			link = r.URL.RequestURI()
			return http.ErrUseLastResponse
		}
		return nil
	}
	p.issuer.Next("mallory@acme.example")
	page(t, &stopped, http.MethodGet, "/login", html, "")
	if code, _, _ := page(t, other, http.MethodGet, link, html, ""); link == "" || code != http.StatusForbidden {
		t.Errorf("another browser: got %d at %q", code, link)
	}
	if code, _, _ := page(t, other, http.MethodGet, "/api/v1/me", nil, ""); code != http.StatusUnauthorized {
		t.Errorf("another browser is signed on: got %d", code)
	}
}

// TestRights: people can do exactly what the table says, and what they may not see is not there.
func TestRights(t *testing.T) {
	p := newGuarded(t)
	who := map[string]string{
		"carol": p.issuer.Token("carol@acme.example", nil), "olga": p.issuer.Token("olga@acme.example", map[string]any{"groups": nil}),
		"ada": p.issuer.Token("ada@acme.example", map[string]any{"groups": nil}), "mallory": p.issuer.Token("mallory@acme.example", map[string]any{"groups": nil}),
	}
	act := map[string]string{"Content-Type": "application/json"}
	for _, c := range []struct {
		reason, who, method, path string
		want                      int
	}{
		{"her project where she may deploy", "carol", "POST", "/api/v1/releases/orders/dev/c/suspend", 202},
		{"her project elsewhere", "carol", "POST", "/api/v1/releases/orders/prod/c/suspend", 403},
		{"another project is not there", "carol", "POST", "/api/v1/releases/ledger/prod/c/suspend", 404},
		{"an act that is not known", "carol", "POST", "/api/v1/releases/orders/prod/c/explode", 403},
		{"she sees hers", "carol", "GET", "/api/v1/releases/orders/prod/c", 200},
		{"and those where she deploys", "carol", "GET", "/api/v1/releases/ledger/dev/c", 200},
		{"others are not there", "carol", "GET", "/api/v1/releases/ledger/prod/c", 404},
		{"what she does not confirm", "carol", "POST", "/api/v1/environments/dev/approve", 403},
		{"an environment that is not hers is not there", "carol", "POST", "/api/v1/environments/prod/approve", 404},
		{"metrics are of the platform", "carol", "GET", "/metrics", 403},
		{"an operator sees the environment", "olga", "GET", "/api/v1/releases/ledger/prod/c", 200},
		{"and no other", "olga", "GET", "/api/v1/releases/ledger/dev/c", 404},
		{"an operator deploys nothing", "olga", "POST", "/api/v1/releases/ledger/prod/c/reconcile", 403},
		{"nor has it go back", "olga", "POST", "/api/v1/releases/ledger/prod/c/rollback", 403},
		{"an admin may", "ada", "POST", "/api/v1/releases/ledger/prod/c/reconcile", 202},
		{"an admin reads metrics", "ada", "GET", "/metrics", 200},
		{"a stranger sees nothing", "mallory", "GET", "/api/v1/releases/orders/dev/c", 404},
		{"nor whether there is something", "mallory", "GET", "/api/v1/releases/nothing/dev/c", 404},
		{"nor reads logs", "mallory", "GET", "/api/v1/lots/dev/orders/a@1/PT1H-20260101T000000Z/log", 404},
	} {
		got, _ := ask(t, p.Daemon, request{method: c.method, path: c.path, token: who[c.who], header: act, body: map[bool]string{true: `{"digest": "x"}`, false: "{}"}[strings.HasSuffix(c.path, "approve")]})
		if got.Code != c.want {
			t.Errorf("%s: %s %s by %s: got %d %s, want %d", c.reason, c.method, c.path, c.who, got.Code, got.Body, c.want)
		}
	}
	here, _ := ask(t, p.Daemon, request{method: "GET", path: "/api/v1/releases/orders/dev/c", token: who["mallory"]})
	not, _ := ask(t, p.Daemon, request{method: "GET", path: "/api/v1/releases/nothing/dev/c", token: who["mallory"]})
	if diff := cmp.Diff(here, not); diff != "" {
		t.Errorf("what is there and what is not differ: %s", diff)
	}
}

// TestWhatIsListed: a list has what its caller sees, and nothing of anything else is in it.
func TestWhatIsListed(t *testing.T) {
	p := newGuarded(t)
	for who, secret := range map[string][]string{"mallory@acme.example": {"orders", "ledger", `"c"`}, "olga@acme.example": {`"dev"`}} {
		token := p.issuer.Token(who, map[string]any{"groups": nil})
		for _, pattern := range console.Patterns() { // sums of costs are no lists, nor is what is found around the daemon: who may not see it is refused
			path, isGet := strings.CutPrefix(pattern, "GET ")
			if !isGet || strings.Contains(path, "{") || strings.HasSuffix(path, "/changes") || !strings.HasPrefix(path, "/api/") || strings.HasSuffix(path, "openapi.json") || strings.HasPrefix(path, "/api/v1/cost") || strings.HasPrefix(path, "/api/v1/setup/") {
				continue
			}
			req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+path, nil)
			if err != nil {
				t.Fatal(err)
			}
			req.Header.Set("Authorization", "Bearer "+token)
			got := getAs[any](t, p.Daemon, req)
			text, err := json.Marshal(got)
			if err != nil {
				t.Fatal(err)
			}
			for _, s := range secret {
				if strings.Contains(string(text), s) {
					t.Errorf("%s: %s sees %s: %s", pattern, who, s, text)
				}
			}
		}
	}
}

// TestEveryRouteNeedsARight: nothing can be asked for that no right is for, but for what says so.
func TestEveryRouteNeedsARight(t *testing.T) {
	got := console.Unguarded()
	slices.Sort(got)
	want := []string{
		"open GET /api/v1/sign-on", "open GET /healthz", "open GET /login", "open GET /login/callback", "open GET /readyz", "open GET /reports/{link}",
		"open OPTIONS /hooks/arrivals", "open POST /hooks/arrivals",
	}
	if diff := cmp.Diff(want, got); diff != "" {
		t.Errorf("routes without a right (-known +there):\n%s", diff)
	}
}

// TestOwnTokens: a token may what its owner may, and less if it says so; it is shown once, and ends at once.
func TestOwnTokens(t *testing.T) {
	p := newGuarded(t)
	act := map[string]string{"Content-Type": "application/json"}
	carol, pat, ada := p.issuer.Token("carol@acme.example", nil), p.issuer.Token("pat@acme.example", map[string]any{"groups": nil}), p.issuer.Token("ada@acme.example", map[string]any{"groups": nil})
	create := func(token, body string) (response, console.MadeToken) {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodPost, p.URL+"/api/v1/tokens", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+token)
		req.Header.Set("Content-Type", "application/json")
		resp, err := p.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		defer resp.Body.Close()
		data, err := io.ReadAll(resp.Body)
		if err != nil {
			t.Fatal(err)
		}
		var made console.MadeToken
		_ = json.Unmarshal(data, &made)
		return response{resp.StatusCode, string(data)}, made
	}
	can := func(token, path string) int {
		got, _ := ask(t, p.Daemon, request{method: "POST", path: path, token: token, header: act, body: "{}"})
		return got.Code
	}
	const dev, prod = "/api/v1/releases/orders/dev/c/suspend", "/api/v1/releases/orders/prod/c/suspend"
	got, whole := create(carol, `{"name": "laptop"}`)
	if got.Code != http.StatusCreated || can(whole.Secret, dev) != 202 || can(whole.Secret, prod) != 403 {
		t.Fatalf("a token of one's own: %+v", got)
	}
	_, little := create(carol, `{"name": "look", "rights": ["view"]}`)
	if can(little.Secret, dev) != 403 {
		t.Error("a token for looking acts")
	}
	if got, _ := create(whole.Secret, `{"name": "more"}`); got.Code != http.StatusBadRequest {
		t.Errorf("a token makes a token: %+v", got)
	}
	if got, _ := create(carol, `{"name": "ci", "project": "orders"}`); got.Code != http.StatusForbidden {
		t.Errorf("a contributor makes a token of the project: %+v", got)
	}
	if got, _ := create(carol, `{"name": "ci", "project": "ledger"}`); got.Code != http.StatusNotFound {
		t.Errorf("a token of a project that she does not see: %+v", got)
	}
	_, ci := create(pat, `{"name": "ci", "project": "orders"}`)
	if can(ci.Secret, dev) != 202 || can(ci.Secret, prod) == 202 || can(ci.Secret, "/api/v1/releases/ledger/dev/c/suspend") == 202 {
		t.Error("a token of a project acts elsewhere than it is bound, or not there")
	}
	for name, forged := range map[string]string{
		"another secret": ci.Secret[:len(ci.Secret)-2] + "xx", "another id": "tlt_0000000000000000" + ci.Secret[20:], "no secret": ci.Secret[:20] + "_", "nothing": "tlt_",
	} {
		if code := can(forged, dev); code != http.StatusUnauthorized {
			t.Errorf("%s: got %d", name, code)
		}
	}
	if list, _ := ask(t, p.Daemon, request{method: "GET", path: "/api/v1/tokens", token: carol}); strings.Contains(list.Body, `"ci"`) || strings.Contains(list.Body, whole.Secret[21:]) || !strings.Contains(list.Body, `"laptop"`) {
		t.Errorf("her list: %s", list.Body)
	}
	revoke := func(token, id string) int {
		got, _ := ask(t, p.Daemon, request{method: "POST", path: "/api/v1/tokens/" + id + "/revoke", token: token})
		return got.Code
	}
	if revoke(carol, ci.ID) != 404 || can(ci.Secret, dev) != 202 {
		t.Error("she revokes what is not hers")
	}
	if revoke(ada, ci.ID) != 200 || can(ci.Secret, dev) != 401 {
		t.Error("what is revoked is good")
	}
	// A right that its owner loses, the token loses.
	p.rules = access.New([]*v1alpha1.Access{{}})
	if code := can(whole.Secret, dev); code != 404 {
		t.Errorf("a token has more than its owner: %d", code)
	}
	p.rules = nil
	if got, _ := create(carol, `{"name": "x"}`); got.Code != http.StatusConflict {
		t.Errorf("where nothing is declared: %+v", got)
	}
	p.rules = bound()
	p.clock = p.clock.Add(91 * 24 * time.Hour)
	if code := can(whole.Secret, dev); code != 401 {
		t.Errorf("a token that has expired: %d", code)
	}
	var kinds []history.Kind
	for _, e := range p.events {
		kinds = append(kinds, e.Kind)
	}
	if diff := cmp.Diff([]history.Kind{history.TokenMade, history.TokenMade, history.TokenMade, history.TokenRevoked}, kinds); diff != "" {
		t.Error(diff)
	}
}

// TestLogsNeedARight: why a release is not healthy is for whoever sees it, but for the end of the log.
func TestLogsNeedARight(t *testing.T) {
	p := newGuarded(t)
	p.rules = access.New([]*v1alpha1.Access{{Spec: v1alpha1.AccessSpec{Bindings: []v1alpha1.AccessBinding{
		{Role: v1alpha1.PlatformViewer, Users: []string{"vic@acme.example"}},
		{Role: v1alpha1.EnvironmentOperator, Users: []string{"olga@acme.example"}, Environments: []string{"dev"}},
	}}}})
	p.Board.SetRelease(catalog.ReleaseID{Project: "orders", Environment: "dev", Cluster: "c"}, func(r *status.Release) {
		r.Health, r.Cause = status.Unhealthy, &status.Cause{Object: "Deployment app", Code: "crash", Log: []string{"password=hunter2"}}
	})
	for _, c := range []struct {
		who  string
		sees bool
	}{{"vic", false}, {"olga", true}} {
		token := p.issuer.Token(c.who+"@acme.example", map[string]any{"groups": nil})
		for _, path := range []string{"/api/v1/releases/orders/dev/c", "/api/v1/releases"} {
			got, _ := ask(t, p.Daemon, request{method: http.MethodGet, path: path, token: token})
			if !strings.Contains(got.Body, "Deployment app") {
				t.Errorf("%s: %s does not see why: %d %s", path, c.who, got.Code, got.Body)
			}
			if sees := strings.Contains(got.Body, "hunter2"); sees != c.sees {
				t.Errorf("%s: %s sees the log: %t, want %t", path, c.who, sees, c.sees)
			}
		}
	}
	release, ok := p.Board.Release(catalog.ReleaseID{Project: "orders", Environment: "dev", Cluster: "c"})
	if !ok || len(release.Cause.Log) != 1 {
		t.Errorf("what someone may not see is gone from the board: %+v", release.Cause)
	}
}
