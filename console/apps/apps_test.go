// SPDX-License-Identifier: Apache-2.0

package apps_test

import (
	"context"
	"errors"
	"io"
	"log/slog"
	"maps"
	"net"
	"net/http"
	"net/http/httptest"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/coder/websocket"
	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/access/session"
	"trunkline.dev/trunkline/console/apps"
)

// site is the origin of applications, one application behind it, and what may be.
type site struct {
	*httptest.Server

	t      *testing.T
	apps   *apps.Server
	origin apps.Origin
	ref    apps.Ref

	mu    sync.Mutex
	now   time.Time
	good  bool
	found error
	// asked is the last request that the application was sent, and answers what it answers.
	asked   *http.Request
	answers http.HandlerFunc
	base    string
}

func ada() access.Principal {
	return access.Principal{Name: "ada@acme.example", SignOn: access.BySession}
}

// Find implements [apps.Finder]: ada has one, and nobody else has any.
func (s *site) Find(_ context.Context, ref apps.Ref, who access.Principal) (apps.Target, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.found != nil {
		return apps.Target{}, s.found
	}
	if ref != s.ref || who.Name != ada().Name {
		return apps.Target{}, apps.ErrNotFound
	}
	behind := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		s.mu.Lock()
		s.asked = r.Clone(context.Background())
		respond := s.answers
		s.mu.Unlock()
		respond(w, r)
	}))
	s.t.Cleanup(behind.Close)
	return apps.Target{
		Key: "1", Base: s.base, Authorize: func(r *http.Request) { r.Header.Set("Authorization", "token of the application") },
		Dial: func(ctx context.Context) (net.Conn, error) {
			return new(net.Dialer).DialContext(ctx, "tcp", behind.Listener.Addr().String())
		},
	}, nil
}

func newSite(t *testing.T, origin string) *site {
	t.Helper()
	s := &site{t: t, ref: apps.Ref{Kind: "notebook", Environment: "dev", Project: "orders", Name: "ada"}, now: time.Unix(1_800_000_000, 0), good: true}
	s.answers = func(w http.ResponseWriter, _ *http.Request) { _, _ = io.WriteString(w, "hello") }
	s.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) { s.apps.ServeHTTP(w, r) }))
	t.Cleanup(s.Close)
	jar, err := session.New(strings.Repeat("k", 40), false)
	if err != nil {
		t.Fatal(err)
	}
	if s.origin, err = apps.ParseOrigin(origin); err != nil {
		t.Fatal(err)
	}
	s.apps = apps.New(apps.Options{
		Origin: s.origin, Jar: jar, Finders: map[string]apps.Finder{"notebook": s}, LookAgain: time.Millisecond, Log: slog.New(slog.DiscardHandler),
		Generation: func(context.Context, access.Principal) (int64, error) { return 7, nil },
		Good: func(_ context.Context, _ access.Principal, of int64) (bool, error) {
			s.mu.Lock()
			defer s.mu.Unlock()
			return s.good && of == 7, nil
		},
		Now: func() time.Time { s.mu.Lock(); defer s.mu.Unlock(); return s.now },
	})
	return s
}

func (s *site) set(change func()) { s.mu.Lock(); defer s.mu.Unlock(); change() }

// host is that of the application, without the scheme.
func (s *site) host() string { return strings.TrimPrefix(s.origin.Of(s.ref), "http://") }

// answer is one, with its body.
type answer struct {
	StatusCode int
	Header     http.Header
	cookies    []*http.Cookie
}

// Cookies are those that it sets.
func (a answer) Cookies() []*http.Cookie { return a.cookies }

// ask makes a request at a host of the origin, and returns the answer with its body.
func (s *site) ask(method, host, path string, header map[string]string) (answer, string) {
	s.t.Helper()
	r, err := http.NewRequestWithContext(s.t.Context(), method, s.URL+path, nil)
	if err != nil {
		s.t.Fatal(err)
	}
	r.Host = host
	for name, value := range header {
		r.Header.Set(name, value)
	}
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	resp, err := client.Do(r)
	if err != nil {
		s.t.Fatal(err)
	}
	defer resp.Body.Close()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		s.t.Fatal(err)
	}
	return answer{resp.StatusCode, resp.Header, resp.Cookies()}, string(body)
}

// ticket is the path of an address by which ada enters.
func (s *site) ticket(to string) string {
	s.t.Helper()
	address, err := s.apps.Enter(s.t.Context(), s.ref, to, ada())
	if err != nil {
		s.t.Fatal(err)
	}
	return strings.TrimPrefix(address, s.origin.Of(s.ref))
}

// enter is the cookie of a session of ada's.
func (s *site) enter() string {
	s.t.Helper()
	resp, body := s.ask(http.MethodGet, s.host(), s.ticket(""), nil)
	cookies := resp.Cookies()
	if resp.StatusCode != http.StatusSeeOther || len(cookies) != 1 || !cookies[0].HttpOnly {
		s.t.Fatalf("entering: got %d %s, %v", resp.StatusCode, body, cookies)
	}
	return cookies[0].Name + "=" + cookies[0].Value
}

const path = "/notebook/dev/orders/ada/"

// TestEnter: a ticket is good once, soon, and at its application's host; and only for who may have it.
func TestEnter(t *testing.T) {
	s := newSite(t, "http://*.apps.example")
	for name, tc := range map[string]struct {
		reason string
		ticket func() string
		host   string
		want   int
		to     string
	}{
		"good":          {"it leads to the application", func() string { return s.ticket("") }, s.host(), http.StatusSeeOther, path},
		"below":         {"or to something in it", func() string { return s.ticket("lab/tree/a.ipynb?x=1") }, s.host(), http.StatusSeeOther, path + "lab/tree/a.ipynb?x=1"},
		"out of it":     {"but nowhere else", func() string { return s.ticket("../../other") }, s.host(), http.StatusSeeOther, path},
		"another site":  {"and to no other site", func() string { return s.ticket("//evil.example/") }, s.host(), http.StatusSeeOther, path},
		"twice":         {"a ticket is good once", func() string { k := s.ticket(""); s.ask(http.MethodGet, s.host(), k, nil); return k }, s.host(), http.StatusForbidden, ""},
		"another host":  {"a ticket is for one application", func() string { return s.ticket("") }, "aother.apps.example", http.StatusForbidden, ""},
		"forged":        {"nobody else makes one", func() string { return "/enter?ticket=AAAA" }, s.host(), http.StatusForbidden, ""},
		"a session":     {"a session is no ticket", func() string { _, v, _ := strings.Cut(s.enter(), "="); return "/enter?ticket=" + v }, s.host(), http.StatusForbidden, ""},
		"after a while": {"a ticket is good for a minute", func() string { k := s.ticket(""); s.set(func() { s.now = s.now.Add(time.Minute) }); return k }, s.host(), http.StatusForbidden, ""},
	} {
		t.Run(name, func(t *testing.T) {
			resp, body := s.ask(http.MethodGet, tc.host, tc.ticket(), nil)
			if resp.StatusCode != tc.want || resp.Header.Get("Location") != tc.to || resp.Header.Get("Referrer-Policy") != "no-referrer" {
				t.Errorf("%s: got %d %s to %q, %v", tc.reason, resp.StatusCode, body, resp.Header.Get("Location"), resp.Header)
			}
		})
	}
	for reason, enter := range map[string]func() (string, error){
		"hers is nobody else's": func() (string, error) { return s.apps.Enter(t.Context(), s.ref, "", access.Principal{Name: "bob"}) },
		"an unknown kind":       func() (string, error) { return s.apps.Enter(t.Context(), apps.Ref{"x", "a", "b", "c"}, "", ada()) },
		"a name that is none": func() (string, error) {
			return s.apps.Enter(t.Context(), apps.Ref{"notebook", "a", "..", "c"}, "", ada())
		},
	} {
		if address, err := enter(); !errors.Is(err, apps.ErrNotFound) {
			t.Errorf("%s: got %q, %v", reason, address, err)
		}
	}
}

// TestPass: an application is sent what its own pages send, with its own credentials and none of the console's, and nothing else of anybody.
func TestPass(t *testing.T) {
	s := newSite(t, "http://*.apps.example")
	cookie := s.enter()
	own := s.origin.Of(s.ref)
	for name, tc := range map[string]struct {
		reason, method, host, path string
		header                     map[string]string
		before                     func()
		want                       int
	}{
		"page":               {"a person opens it", "GET", s.host(), path + "lab", map[string]string{"Sec-Fetch-Site": "none", "Sec-Fetch-Mode": "navigate"}, nil, 200},
		"own":                {"its pages act", "POST", s.host(), path + "api", map[string]string{"Sec-Fetch-Site": "same-origin", "Origin": own}, nil, 200},
		"link":               {"a link from the console leads there", "GET", s.host(), path, map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document"}, nil, 200},
		"program":            {"a program of the person's is no browser", "POST", s.host(), path + "api", nil, nil, 200},
		"another app":        {"a page of another application does not act here, though it has the cookie", "POST", s.host(), path + "api", map[string]string{"Sec-Fetch-Site": "same-site", "Origin": "http://aother.apps.example"}, nil, 403},
		"another app's read": {"nor reads", "GET", s.host(), path + "api", map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "no-cors", "Sec-Fetch-Dest": "script"}, nil, 403},
		"frame":              {"nor frames it", "GET", s.host(), path, map[string]string{"Sec-Fetch-Site": "same-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "iframe"}, nil, 403},
		"form":               {"nor sends a form", "POST", s.host(), path, map[string]string{"Sec-Fetch-Site": "cross-site", "Sec-Fetch-Mode": "navigate", "Sec-Fetch-Dest": "document", "Origin": "https://evil.example"}, nil, 403},
		"old browser":        {"one that says the origin alone", "POST", s.host(), path, map[string]string{"Origin": "https://evil.example"}, nil, 403},
		"socket":             {"nor begins a WebSocket", "GET", s.host(), path, map[string]string{"Connection": "keep-alive, Upgrade", "Upgrade": "websocket", "Origin": "http://aother.apps.example"}, nil, 403},
		"another path":       {"a session is for one application", "GET", s.host(), "/notebook/dev/orders/bob/", nil, nil, 404},
		"another host":       {"at its own host", "GET", "aother.apps.example", path, nil, nil, 404},
		"no path":            {"the rest of the host is nothing", "GET", s.host(), "/", nil, nil, 404},
		"stopped":            {"what does not answer says so", "GET", s.host(), path, nil, func() { s.found = apps.ErrNotReady }, 503},
		"gone":               {"rights are asked for at each request", "GET", s.host(), path, nil, func() { s.found = apps.ErrNotFound }, 404},
		"ended":              {"a session ends with the person's", "GET", s.host(), path, nil, func() { s.good = false }, 404},
		"over":               {"and by itself", "GET", s.host(), path, nil, func() { s.now = s.now.Add(time.Hour) }, 404},
	} {
		t.Run(name, func(t *testing.T) {
			began := s.now
			s.set(func() { s.asked, s.found, s.good = nil, nil, true })
			if tc.before != nil {
				s.set(tc.before)
			}
			header := map[string]string{"Cookie": "a=1; " + cookie + "; trunkline-session=console; __Host-trunkline-session=console; _xsrf=2", "Authorization": "Bearer mine", "Trunkline-Claim": "ada"}
			maps.Copy(header, tc.header)
			resp, body := s.ask(tc.method, tc.host, tc.path, header)
			s.set(func() { s.now = began })
			if resp.StatusCode != tc.want || (s.asked != nil) != (tc.want == 200) {
				t.Fatalf("%s: got %d %s", tc.reason, resp.StatusCode, body)
			}
			if s.asked == nil {
				return
			}
			got := map[string]string{"path": s.asked.URL.Path, "host": s.asked.Host}
			for _, h := range []string{"Cookie", "Authorization", "Trunkline-Claim", "X-Forwarded-Proto", "X-Forwarded-Host", "X-Forwarded-For"} {
				got[h] = s.asked.Header.Get(h)
			}
			want := map[string]string{
				"path": tc.path, "host": s.host(), "Cookie": "a=1; _xsrf=2", "Authorization": "token of the application", "Trunkline-Claim": "", "X-Forwarded-Proto": "http",
				"X-Forwarded-Host": s.host(), "X-Forwarded-For": "",
			}
			if diff := cmp.Diff(want, got); diff != "" {
				t.Errorf("the application is sent (-want +got):\n%s", diff)
			}
		})
	}
	none, text := s.ask(http.MethodGet, s.host(), path, nil)
	other, same := s.ask(http.MethodGet, "a0.apps.example", "/notebook/dev/orders/nobody/", map[string]string{"Cookie": cookie})
	if none.StatusCode != http.StatusNotFound || other.StatusCode != http.StatusNotFound || strings.Contains(text, "ada") || strings.Contains(same, "nobody") {
		t.Errorf("without a session: %d %q, %d %q", none.StatusCode, text, other.StatusCode, same)
	}
	// Where all share a host, the path alone tells them apart.
	shared := newSite(t, "http://apps.example")
	if resp, _ := shared.ask(http.MethodGet, shared.host(), "/notebook/dev/orders/another/", map[string]string{"Cookie": shared.enter()}); resp.StatusCode != http.StatusNotFound || shared.asked != nil {
		t.Errorf("a session for one application leads to another at the same origin: %d", resp.StatusCode)
	}
}

// TestContained: what an application answers stays in its own part of its origin.
func TestContained(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, base string
		answer       http.Header
		want         map[string][]string
	}{
		"cookies": {
			"are for its own paths, and none passes for ours", "",
			http.Header{"Set-Cookie": {"a=1; Path=/; Domain=example", "b=2; Path=" + path + "lab", "trunkline-app=forged; Path=/", "__Host-trunkline-session=forged; Path=/; Secure"}},
			map[string][]string{"Set-Cookie": {"a=1; Path=" + path, "b=2; Path=" + path + "lab"}},
		},
		"root": {
			"one that believes to be at the root is told where it is", "/",
			http.Header{"Set-Cookie": {"a=1; Path=/x"}, "Location": {"/login?next=%2F"}},
			map[string][]string{"Set-Cookie": {"a=1; Path=" + path + "x"}, "Location": {path + "login?next=%2F"}},
		},
		"elsewhere": {"it may lead to another site, as any page may", "", http.Header{"Location": {"https://docs.example/"}}, map[string][]string{"Location": {"https://docs.example/"}}},
		"within":    {"its own paths stay", "", http.Header{"Location": {path + "lab"}}, map[string][]string{"Location": {path + "lab"}}},
		"outside":   {"but to nothing of others at its origin", "", http.Header{"Location": {"/enter?ticket=x"}}, map[string][]string{"Location": {path}}},
		"headers": {
			"it says nothing of the whole host, and lets no other origin in", "",
			http.Header{"Access-Control-Allow-Origin": {"*"}, "Service-Worker-Allowed": {"/"}, "Strict-Transport-Security": {"max-age=1"}, "X-Frame-Options": {"ALLOWALL"}, "Content-Security-Policy": {"default-src 'self'"}},
			map[string][]string{
				"Access-Control-Allow-Origin": nil, "Service-Worker-Allowed": nil, "Strict-Transport-Security": nil, "X-Frame-Options": {"SAMEORIGIN"},
				"Content-Security-Policy": {"default-src 'self'", "frame-ancestors 'self'"}, "Cross-Origin-Opener-Policy": {"same-origin"}, "Cross-Origin-Resource-Policy": {"same-origin"},
			},
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "http://apps.example")
			s.base = tc.base
			s.answers = func(w http.ResponseWriter, _ *http.Request) {
				maps.Copy(w.Header(), tc.answer)
				w.WriteHeader(http.StatusFound)
			}
			resp, _ := s.ask(http.MethodGet, s.host(), path+"x", map[string]string{"Cookie": s.enter()})
			got := map[string][]string{}
			for k := range tc.want {
				got[k] = resp.Header[k]
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
			if want := strings.TrimSuffix(tc.base, "/") + "/x"; tc.base != "" && s.asked.URL.Path != want {
				t.Errorf("it was asked for %s, want %s", s.asked.URL.Path, want)
			}
		})
	}
}

// TestSocketsEnd: a WebSocket passes both ways, and ends when rights or sessions do.
func TestSocketsEnd(t *testing.T) {
	for name, end := range map[string]func(s *site){
		"rights":  func(s *site) { s.found = apps.ErrNotFound },
		"session": func(s *site) { s.good = false },
		"time":    func(s *site) { s.now = s.now.Add(8 * time.Hour) },
	} {
		t.Run(name, func(t *testing.T) {
			s := newSite(t, "http://*.apps.example")
			s.answers = func(w http.ResponseWriter, r *http.Request) {
				c, err := websocket.Accept(w, r, nil)
				if err != nil {
					return
				}
				for {
					kind, data, err := c.Read(r.Context())
					if err != nil || c.Write(r.Context(), kind, append([]byte("got "), data...)) != nil {
						return
					}
				}
			}
			header := http.Header{"Cookie": {s.enter()}, "Origin": {s.origin.Of(s.ref)}}
			c, _, err := websocket.Dial(t.Context(), s.URL+path+"api/kernels", &websocket.DialOptions{HTTPHeader: header, Host: s.host()}) //nolint:bodyclose // the library does it
			if err != nil {
				t.Fatal(err)
			}
			defer c.CloseNow()
			if err := c.Write(t.Context(), websocket.MessageText, []byte("6*7")); err != nil {
				t.Fatal(err)
			}
			if _, data, err := c.Read(t.Context()); err != nil || string(data) != "got 6*7" {
				t.Fatalf("got %q, %v", data, err)
			}
			s.set(func() { end(s) })
			ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
			defer cancel()
			if _, _, err := c.Read(ctx); err == nil || ctx.Err() != nil {
				t.Errorf("it goes on: %v", err)
			}
		})
	}
}

// TestOrigin: an address is that of a host, and which hosts are apart from it is known.
func TestOrigin(t *testing.T) {
	for text, good := range map[string]bool{
		"https://*.apps.example": true, "http://*.localhost:8081": true, "https://apps.example/": true, "https://a.*.example": false, "https://*.": false, "apps.example": false,
		"ftp://apps.example": false, "https://apps.example/x": false, "https://u@apps.example": false, "": false,
	} {
		if _, err := apps.ParseOrigin(text); (err == nil) != good {
			t.Errorf("%q: %v", text, err)
		}
	}
	each, err := apps.ParseOrigin("https://*.apps.example")
	if err != nil {
		t.Fatal(err)
	}
	for host, apart := range map[string]bool{"trunkline.example": true, "apps.example": false, "x.APPS.example": false, "xapps.example": true} {
		if each.Apart(host) != apart {
			t.Errorf("%s: apart is %t", host, !apart)
		}
	}
}
