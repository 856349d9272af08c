// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"context"
	"io"
	"net/http"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/console/web/webtest"
	"trunkline.dev/trunkline/reconciler/history"
)

const newApp = "/setup/github/new?owner=organization&organization=acme&name=Trunkline+acme&url=https%3A%2F%2Ftrunkline.example.com&webhook=yes"

var formState = regexp.MustCompile(`action="([^"]+)"[^>]*>\s*<input type="hidden" name="manifest"`)

// stateOf is what GitHub is to send back, by the form of a page.
func stateOf(t *testing.T, page string) string {
	t.Helper()
	found := formState.FindStringSubmatch(page)
	if found == nil {
		t.Fatalf("the page has no form:\n%s", page)
	}
	to, err := url.Parse(strings.ReplaceAll(found[1], "&amp;", "&"))
	if err != nil || to.Query().Get("state") == "" || !strings.HasPrefix(found[1], consoletest.Forge+"/organizations/acme/settings/apps/new") {
		t.Fatalf("the form goes to %s (%v)", found[1], err)
	}
	return to.Query().Get("state")
}

// withAddress has people reach the daemon where its issuer sends them back to.
func withAddress(o *console.Options) { o.Address = at + "/" }

// TestAnApp: what an administrator asks for is good once, in their browser, for them, and for a while.
func TestAnApp(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		// does is what happens between the form and the end of it.
		does func(t *testing.T, p *guarded, b *http.Client, state string) (browser *http.Client, path string)
		want int
		says string
		made bool
	}{
		"made": {"GitHub sends the person back", func(_ *testing.T, _ *guarded, b *http.Client, state string) (*http.Client, string) {
			return b, "?code=c0de&state=" + state
		}, 200, "is registered", true},
		"replayed": {"a code is exchanged once", func(t *testing.T, _ *guarded, b *http.Client, state string) (*http.Client, string) {
			t.Helper()
			page(t, b, http.MethodGet, console.AppMadePath+"?code=c0de&state="+state, html, "")
			return b, "?code=c0de&state=" + state
		}, 403, "begin again", true},
		"other state": {"nobody else has an App of theirs be taken for the daemon's", func(_ *testing.T, _ *guarded, b *http.Client, _ string) (*http.Client, string) {
			return b, "?code=c0de&state=mallorys"
		}, 403, "nothing was done", false},
		"no state": {"nor without one", func(_ *testing.T, _ *guarded, b *http.Client, _ string) (*http.Client, string) {
			return b, "?code=c0de"
		}, 403, "nothing was done", false},
		"expired": {"who takes too long begins again", func(_ *testing.T, p *guarded, b *http.Client, state string) (*http.Client, string) {
			p.clock = p.clock.Add(31 * time.Minute)
			return b, "?code=c0de&state=" + state
		}, 403, "took too long", false},
		"other browser": {"a link that another browser is made to follow does nothing", func(t *testing.T, p *guarded, _ *http.Client, state string) (*http.Client, string) {
			t.Helper()
			other := p.browser(t)
			p.issuer.Next("ada@acme.example")
			page(t, other, http.MethodGet, "/", html, "")
			return other, "?code=c0de&state=" + state
		}, 403, "in this browser", false},
		"other person": {"nor does one in the browser in which another person has signed on since", func(t *testing.T, p *guarded, b *http.Client, state string) (*http.Client, string) {
			t.Helper()
			page(t, b, http.MethodPost, "/logout", map[string]string{"Sec-Fetch-Site": "same-origin"}, "")
			p.issuer.Next("eve@acme.example", "admins")
			page(t, b, http.MethodGet, "/", html, "")
			return b, "?code=c0de&state=" + state
		}, 403, "by someone else", false},
		"right lost": {"who may not any more does not", func(_ *testing.T, p *guarded, b *http.Client, state string) (*http.Client, string) {
			p.rules = access.New([]*v1alpha1.Access{{}})
			return b, "?code=c0de&state=" + state
		}, 403, "platform-admin", false},
		"a parameter too many": {"what GitHub does not send is not taken", func(_ *testing.T, _ *guarded, b *http.Client, state string) (*http.Client, string) {
			return b, "?code=c0de&state=" + state + "&setup_action=install"
		}, 400, "there is no parameter", false},
	} {
		t.Run(name, func(t *testing.T) {
			p := newGuarded(t, webtest.Pages, withAddress)
			p.rules = access.New([]*v1alpha1.Access{{Spec: v1alpha1.AccessSpec{Bindings: []v1alpha1.AccessBinding{
				{Role: v1alpha1.PlatformAdmin, Users: []string{"ada@acme.example"}, Groups: []string{"admins"}},
			}}}})
			p.MadeApp = webtest.MadeApp("x")
			b := p.browser(t)
			p.issuer.Next("ada@acme.example")
			code, _, offer := page(t, b, http.MethodGet, newApp, html, "")
			if code != http.StatusOK || !strings.Contains(offer, `{&#34;redirect_url&#34;:&#34;`+at+`/setup/github/made&#34;}`) {
				t.Fatalf("the form: got %d\n%s", code, offer)
			}
			browser, path := c.does(t, p, b, stateOf(t, offer))
			code, _, body := page(t, browser, http.MethodGet, console.AppMadePath+path, html, "")
			if code != c.want || !strings.Contains(body, c.says) {
				t.Errorf("%s: got %d, want %d and %q\n%s", c.reason, code, c.want, c.says, body)
			}
			var made []string
			for _, asked := range p.Asked() {
				if strings.HasPrefix(asked, "register") {
					made = append(made, asked)
				}
			}
			want := map[bool][]string{true: {"register Trunkline acme of acme with c0de by ada@acme.example"}}[c.made]
			if diff := cmp.Diff(want, made); diff != "" {
				t.Errorf("%s: -want +got:\n%s", c.reason, diff)
			}
			var kinds []history.Kind
			for _, e := range p.events {
				kinds = append(kinds, e.Kind)
			}
			if diff := cmp.Diff(map[bool][]history.Kind{true: {history.AppMade}}[c.made], kinds); diff != "" {
				t.Errorf("%s: the history: -want +got:\n%s", c.reason, diff)
			}
		})
	}
}

// TestAnAppIsAskedForOnce: a browser that keeps its cookie, as whoever copied it does, gets no further than once.
func TestAnAppIsAskedForOnce(t *testing.T) {
	p := newGuarded(t, webtest.Pages, withAddress)
	b := p.browser(t)
	p.issuer.Next("ada@acme.example")
	_, _, offer := page(t, b, http.MethodGet, newApp, html, "")
	daemon, err := url.Parse(at)
	if err != nil {
		t.Fatal(err)
	}
	cookies := b.Jar.Cookies(daemon)
	state := stateOf(t, offer)
	for _, want := range []int{http.StatusOK, http.StatusForbidden, http.StatusForbidden} {
		b.Jar.SetCookies(daemon, cookies)
		if code, _, body := page(t, b, http.MethodGet, console.AppMadePath+"?code=c0de&state="+state, html, ""); code != want {
			t.Errorf("got %d, want %d\n%s", code, want, body)
		}
	}
	if asked := p.Asked(); len(asked) != 1 {
		t.Errorf("the daemon was asked for %v", asked)
	}
}

// TestAnAppThatGitHubRefuses: what went wrong is said, the code is in nothing that is answered, and what was begun is over.
func TestAnAppThatGitHubRefuses(t *testing.T) {
	p := newGuarded(t, webtest.Pages, withAddress)
	p.RegisterErr = console.Problemf(http.StatusBadGateway, "GitHub does not know the code that the browser brought")
	b := p.browser(t)
	p.issuer.Next("ada@acme.example")
	_, _, offer := page(t, b, http.MethodGet, newApp, html, "")
	path := console.AppMadePath + "?code=c0de-5ecret&state=" + stateOf(t, offer)
	if code, _, body := page(t, b, http.MethodHead, path, html, ""); code != http.StatusMethodNotAllowed {
		t.Errorf("what looks at a link: got %d %s", code, body)
	}
	code, _, body := page(t, b, http.MethodGet, path, html, "")
	if code != http.StatusBadGateway || !strings.Contains(body, "does not know the code") || strings.Contains(body, "c0de-5ecret") {
		t.Errorf("got %d\n%s", code, body)
	}
	if code, _, _ := page(t, b, http.MethodGet, path, html, ""); code != http.StatusForbidden {
		t.Errorf("again: got %d", code)
	}
	p.RegisterErr = io.ErrUnexpectedEOF
	_, _, offer = page(t, b, http.MethodGet, newApp, html, "")
	if code, _, body := page(t, b, http.MethodGet, console.AppMadePath+"?code=c0de&state="+stateOf(t, offer), html, ""); code != http.StatusInternalServerError || strings.Contains(body, "EOF") {
		t.Errorf("our own failure: got %d\n%s", code, body)
	}
}

// TestWhoSetsUp: all of it is for those who administer the platform, by pages and by the API.
func TestWhoSetsUp(t *testing.T) {
	p := newGuarded(t, webtest.Pages, withAddress)
	p.ClusterSetup, p.GitHubSetup = webtest.ClusterSetup("x"), webtest.GitHubSetup("x")
	for who, want := range map[string]int{"ada@acme.example": http.StatusOK, "olga@acme.example": http.StatusForbidden, "mallory@acme.example": http.StatusForbidden} {
		token := p.issuer.Token(who, map[string]any{"groups": nil})
		for _, path := range []string{"/setup", "/setup/clusters", "/setup/github", newApp, "/api/v1/setup/clusters", "/api/v1/setup/github"} {
			got, _ := ask(t, p.Daemon, request{method: http.MethodGet, path: path, token: token, header: html})
			if got.Code != want || want != http.StatusOK && (strings.Contains(got.Body, "ServiceMonitor") || strings.Contains(got.Body, "acme/data")) {
				t.Errorf("%s by %s: got %d, want %d\n%s", path, who, got.Code, want, got.Body)
			}
		}
		first, _ := ask(t, p.Daemon, request{method: http.MethodGet, path: "/", token: token, header: html})
		if shown := strings.Contains(first.Body, `href="/setup"`); shown != (want == http.StatusOK) {
			t.Errorf("the navigation of %s leads there: %t", who, shown)
		}
	}
	got := get[console.ClusterSetup](t, consoletest.Start(t, func(o *console.Options) { o.Setup = found{o.Setup} }), "/api/v1/setup/clusters")
	if len(got.Clusters) != 3 || got.Clusters[0].Findings[1].Check != "cluster-kinds" || got.Clusters[1].Agent.Behind != 2 {
		t.Errorf("got %+v", got)
	}
}

// found has the clusters be as a test says.
type found struct{ console.Setup }

func (found) Clusters(context.Context) (console.ClusterSetup, error) {
	return webtest.ClusterSetup("x"), nil
}

// TestWhereGitHubSendsBack: to where the browser is that has the cookie, and not to where a request says that it is.
func TestWhereGitHubSendsBack(t *testing.T) {
	for name, c := range map[string]struct {
		reason, host, address string
		token                 bool
		want                  string
	}{
		"this machine":  {"who is there comes back there", "127.0.0.1:8080", "https://trunkline.example.com", false, "http://127.0.0.1:8080/setup/github/made"},
		"a proxy there": {"who has signed on comes by the address that is configured", "127.0.0.1:8080", "https://trunkline.example.com", true, "https://trunkline.example.com/setup/github/made"},
		"configured":    {"the name of a request counts for nothing", "evil.example", "https://trunkline.example.com/", true, "https://trunkline.example.com/setup/github/made"},
		"not known":     {"then nobody is sent anywhere", "evil.example", "", true, ""},
		"by a name":     {"a name that leads to this machine is as good", "localhost:8080", "", true, "http://localhost:8080/setup/github/made"},
		"an IPv6 there": {"so is its other address", "[::1]:8080", "", false, "http://[::1]:8080/setup/github/made"},
	} {
		t.Run(name, func(t *testing.T) {
			d := consoletest.Start(t, webtest.Pages, func(o *console.Options) {
				if o.Address = c.address; c.token {
					consoletest.WithToken(o)
				}
			})
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL+newApp, nil)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = c.host
			if c.token {
				r.Header.Set("Authorization", "Bearer "+consoletest.Token)
			}
			r.Header.Set("Accept", "text/html")
			resp, err := d.Client().Do(r)
			if err != nil {
				t.Fatal(err)
			}
			defer resp.Body.Close()
			body, err := io.ReadAll(resp.Body)
			if err != nil {
				t.Fatal(err)
			}
			if c.want == "" {
				if resp.StatusCode != http.StatusConflict || !strings.Contains(string(body), "github.publicURL") {
					t.Errorf("%s: got %d\n%s", c.reason, resp.StatusCode, body)
				}
				return
			}
			if !strings.Contains(string(body), "redirect_url&#34;:&#34;"+c.want+"&#34;") {
				t.Errorf("%s: want %s in\n%s", c.reason, c.want, body)
			}
			if cookies := resp.Cookies(); len(cookies) != 1 || !cookies[0].HttpOnly || cookies[0].SameSite != http.SameSiteLaxMode || strings.Contains(cookies[0].Value, "acme") {
				t.Errorf("the cookies are %v", cookies)
			}
		})
	}
}
