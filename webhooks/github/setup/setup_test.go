// SPDX-License-Identifier: Apache-2.0

package setup

import (
	"context"
	"errors"
	"html"
	"io"
	"net/http"
	"net/http/httptest"
	"net/url"
	"regexp"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/webhooks/github"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
	"trunkline.dev/trunkline/webhooks/github/githubtest/contract"
)

// acme are options that are fine, at a GitHub.
func acme(at string) Options {
	return Options{Org: "acme", Name: "Trunkline acme", URL: "https://trunkline.example.com", GitHub: at, Webhook: true, Timeout: time.Minute}
}

// browser does what a person does by a browser that does not go on by itself.
type browser struct {
	t *testing.T
	http.Client
}

func newBrowser(t *testing.T) *browser {
	return &browser{t, http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}}
}

// answer reads an answer, and returns its status, its body and where it leads.
func (b *browser) answer(resp *http.Response, err error) (int, string, string) {
	b.t.Helper()
	if err != nil {
		b.t.Fatal(err)
	}
	defer func() { _ = resp.Body.Close() }()
	body, err := io.ReadAll(resp.Body)
	if err != nil {
		b.t.Fatal(err)
	}
	return resp.StatusCode, string(body), resp.Header.Get("Location")
}

func (b *browser) open(address string) (int, string, string) {
	b.t.Helper()
	return b.answer(b.Get(address)) //nolint:bodyclose // answer closes it
}

var (
	formAction   = regexp.MustCompile(`<form method="post" action="([^"]+)"`)
	formManifest = regexp.MustCompile(`name="manifest" value="([^"]+)"`)
)

// press presses the button of the form on a page.
func (b *browser) press(at, page string) (int, string, string) {
	b.t.Helper()
	action, manifest := formAction.FindStringSubmatch(page), formManifest.FindStringSubmatch(page)
	if action == nil || manifest == nil {
		b.t.Fatalf("the page has no form:\n%s", page)
	}
	base, err := url.Parse(at)
	if err != nil {
		b.t.Fatal(err)
	}
	to, err := base.Parse(html.UnescapeString(action[1]))
	if err != nil {
		b.t.Fatal(err)
	}
	return b.answer(b.PostForm(to.String(), url.Values{"manifest": {html.UnescapeString(manifest[1])}})) //nolint:bodyclose // answer closes it
}

// agree goes from the page of the command to the address with a code to which GitHub sends the browser back.
func (b *browser) agree(page, at string) string {
	b.t.Helper()
	status, offer, _ := b.open(page)
	if status != http.StatusOK {
		b.t.Fatalf("%s answers with %d:\n%s", page, status, offer)
	}
	status, confirm, _ := b.press(page, offer)
	if status != http.StatusOK {
		b.t.Fatalf("GitHub refuses the manifest with %d: %s", status, confirm)
	}
	_, _, back := b.press(at, confirm)
	if back == "" {
		b.t.Fatal("GitHub does not send the browser back")
	}
	return back
}

// run registers an App while a browser does something, and returns what came of it.
func run(t *testing.T, o Options, do func(page string)) (App, error) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	shown, done := make(chan string, 1), make(chan outcome, 1)
	go func() {
		app, err := Register(ctx, o, func(page string) { shown <- page })
		done <- outcome{app, err}
	}()
	select {
	case page := <-shown:
		do(page)
	case out := <-done:
		return out.app, out.err
	}
	out := <-done
	return out.app, out.err
}

func TestRegister(t *testing.T) {
	for _, c := range []struct {
		reason, settings, install string
		change                    func(o *Options)
	}{
		{"an organization's", "/organizations/acme/settings/apps/trunkline-acme", "/apps/trunkline-acme/installations/new", func(*Options) {}},
		{"a person's", "/settings/apps/trunkline-acme", "/apps/trunkline-acme/installations/new", func(o *Options) { o.Org = "" }},
		{"with promotions", "/organizations/acme/settings/apps/trunkline-acme", "/apps/trunkline-acme/installations/new", func(o *Options) { o.Promotions = true }},
		{"a daemon that GitHub does not reach", "/organizations/acme/settings/apps/trunkline-acme", "/apps/trunkline-acme/installations/new", func(o *Options) {
			o.Webhook, o.URL = false, "http://localhost:8080"
		}},
	} {
		t.Run(c.reason, func(t *testing.T) {
			g := githubtest.Start(t, contract.Check(t, githubtest.Options{}))
			o := acme(g.URL())
			c.change(&o)
			b := newBrowser(t)
			var last string
			app, err := run(t, o, func(page string) {
				var status int
				if status, last, _ = b.open(b.agree(page, g.URL())); status != http.StatusOK {
					t.Errorf("the last page answers with %d", status)
				}
			})
			if err != nil {
				t.Fatal(err)
			}
			want := App{Name: "Trunkline acme", Slug: "trunkline-acme", Settings: g.URL() + c.settings, Install: g.URL() + c.install}
			if diff := cmp.Diff(want, App{Name: app.Name, Slug: app.Slug, Settings: app.Settings, Install: app.Install}); diff != "" {
				t.Errorf("the App (-want +got):\n%s", diff)
			}
			if !strings.Contains(last, want.Install) {
				t.Errorf("the last page does not lead to %s:\n%s", want.Install, last)
			}
			for what, secret := range map[string]Secret{"key": app.Key, "secret": app.HookSecret} {
				if len(secret) == 0 || strings.Contains(last, string(secret)) {
					t.Errorf("the %s has %d bytes, and must not be on the page", what, len(secret))
				}
			}
			client, err := github.New(github.WithApp(app.ID, app.Key), github.WithBaseURL(g.APIURL()))
			if err != nil {
				t.Fatalf("the key is of no use: %v", err)
			}
			if client == nil {
				t.Fatal("there is no client")
			}
		})
	}
}

func TestOnlyTheRightRedirectCounts(t *testing.T) {
	g := githubtest.Start(t, githubtest.Options{})
	b := newBrowser(t)
	app, err := run(t, acme(g.URL()), func(page string) {
		back := b.agree(page, g.URL())
		right, err := url.Parse(back)
		if err != nil {
			t.Fatal(err)
		}
		with := func(name, value string) string {
			changed := *right
			q := right.Query()
			q.Set(name, value)
			if value == "" {
				q.Del(name)
			}
			changed.RawQuery = q.Encode()
			return changed.String()
		}
		state := right.Query().Get("state")
		for _, c := range []struct {
			reason, address string
			want            int
		}{
			{"no state", with("state", ""), http.StatusForbidden},
			{"another state", with("state", "x"), http.StatusForbidden},
			{"a state that begins like ours", with("state", state[:len(state)-1]), http.StatusForbidden},
			{"a state that goes on after ours", with("state", state+"A"), http.StatusForbidden},
			{"the state in another case", with("state", strings.ToLower(state)), http.StatusForbidden},
			{"no code", with("code", ""), http.StatusBadRequest},
			{"a code that leads to another place of the API", with("code", "../../user"), http.StatusBadRequest},
			{"a code with parameters", with("code", "a?b=c"), http.StatusBadRequest},
			{"a code that is too long", with("code", strings.Repeat("a", 201)), http.StatusBadRequest},
			{"no page", "http://" + right.Host + "/", http.StatusNotFound},
			{"a page that someone guessed", page[:len(page)-1], http.StatusNotFound},
		} {
			if got, _, _ := b.open(c.address); got != c.want {
				t.Errorf("%s: answered with %d, want %d", c.reason, got, c.want)
			}
		}
		for _, method := range []string{http.MethodHead, http.MethodPost, http.MethodOptions} {
			r, err := http.NewRequestWithContext(t.Context(), method, back, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			if got, _, _ := b.answer(b.Do(r)); got != http.StatusMethodNotAllowed { //nolint:bodyclose // answer closes it
				t.Errorf("%s: answered with %d, want 405", method, got)
			}
		}
		for _, host := range []string{"evil.example.com", "localhost:" + right.Port(), "127.0.0.1"} {
			r, err := http.NewRequestWithContext(t.Context(), http.MethodGet, page, http.NoBody)
			if err != nil {
				t.Fatal(err)
			}
			r.Host = host
			if got, body, _ := b.answer(b.Do(r)); got != http.StatusMisdirectedRequest || strings.Contains(body, state) { //nolint:bodyclose // answer closes it
				t.Errorf("as %s: answered with %d, want 421, and without the state", host, got)
			}
		}
		if got, _, _ := b.open(back); got != http.StatusOK {
			t.Errorf("the right one: answered with %d", got)
		}
	})
	if err != nil || app.ID == 0 {
		t.Errorf("the App was not registered: %v", err)
	}
}

// TestOnce has many browsers come back at once.
func TestOnce(t *testing.T) {
	exchanged := make(chan string, 10)
	d := &desk{host: "127.0.0.1:1", start: "start", state: "state", done: make(chan outcome, 10), exchange: func(code string) (App, error) {
		exchanged <- code
		return App{Name: "n"}, nil
	}}
	statuses := make(chan int)
	for range 10 {
		go func() {
			w := httptest.NewRecorder()
			d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:1/created?state=state&code=c", http.NoBody))
			statuses <- w.Code
		}()
	}
	got := map[int]int{}
	for range 10 {
		got[<-statuses]++
	}
	if diff := cmp.Diff(map[int]int{http.StatusOK: 1, http.StatusGone: 9}, got); diff != "" || len(exchanged) != 1 {
		t.Errorf("exchanged %d times; statuses (-want +got):\n%s", len(exchanged), diff)
	}
}

func TestNobodyComes(t *testing.T) {
	g := githubtest.Start(t, githubtest.Options{})
	ctx, cancel := context.WithCancel(t.Context())
	_, err := Register(ctx, acme(g.URL()), func(string) { cancel() })
	if err == nil || !strings.Contains(err.Error(), "nothing was changed") {
		t.Errorf("got %v, want that nothing was changed", err)
	}
	d := &desk{options: Options{Timeout: time.Minute}, host: "127.0.0.1:1", start: "start", state: "state", done: make(chan outcome, 1), exchange: func(string) (App, error) {
		return App{}, errors.New("a code was exchanged for nobody")
	}}
	late, stop := context.WithDeadline(t.Context(), time.Unix(0, 0))
	defer stop()
	if _, err := d.wait(late, nil); err == nil || !strings.Contains(err.Error(), "within 1m0s") {
		t.Errorf("got %v, want that nobody came within a minute", err)
	}
	w := httptest.NewRecorder()
	d.ServeHTTP(w, httptest.NewRequest(http.MethodGet, "http://127.0.0.1:1/created?state=state&code=c", http.NoBody))
	if w.Code != http.StatusGone {
		t.Errorf("a browser that comes too late gets %d, want 410", w.Code)
	}
}

func TestWhatGitHubAnswers(t *testing.T) {
	const secret = "MIIEsecret"
	for _, c := range []struct {
		reason string
		status int
		body   string
		want   string
	}{
		{"a code that was used", http.StatusNotFound, `{"message":"Not Found"}`, "used already, or is older than an hour"},
		{"a refusal", http.StatusUnprocessableEntity, `{"message":"no\u001b[31m"}`, `422 ("no\x1b[31m"); look for the App at `},
		{"no JSON", http.StatusCreated, `<pem>` + secret, "cannot be read; look for the App"},
		{"another type", http.StatusCreated, `{"id":"` + secret + `"}`, "cannot be read; look for the App"},
		{"no key", http.StatusCreated, `{"id":1,"slug":"a","webhook_secret":"` + secret + `"}`, "no private key that can be read"},
		{"half a key", http.StatusCreated, `{"id":1,"slug":"a","webhook_secret":"s","pem":"` + secret + `"}`, "no private key that can be read"},
		{"too much", http.StatusCreated, `{"pem":"` + strings.Repeat("x", 2<<20) + `"}`, "cannot be read"},
		{"a redirect", http.StatusFound, `{}`, "302"},
		{"an outage", http.StatusServiceUnavailable, `{"message":"` + secret[:4] + `"}`, "503"},
	} {
		t.Run(c.reason, func(t *testing.T) {
			server := httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
				if r.Method != http.MethodPost || r.URL.Path != "/api/v3/app-manifests/c0de/conversions" || r.Header.Get("Authorization") != "" {
					t.Errorf("asked for %s %s", r.Method, r.URL.Path)
				}
				w.Header().Set("Location", "http://127.0.0.1:1/")
				w.WriteHeader(c.status)
				_, _ = io.WriteString(w, c.body)
			}))
			defer server.Close()
			_, err := acme(server.URL).Exchange(t.Context(), "c0de")
			if err == nil || !strings.Contains(err.Error(), c.want) {
				t.Fatalf("got %v, want %q", err, c.want)
			}
			if strings.Contains(err.Error(), secret) || strings.Contains(err.Error(), "c0de") || strings.ContainsRune(err.Error(), '\x1b') {
				t.Errorf("the error has what it must not have: %v", err)
			}
		})
	}
}

func TestGitHubIsNotThere(t *testing.T) {
	server := httptest.NewServer(http.NotFoundHandler())
	server.Close()
	_, err := acme(server.URL).Exchange(t.Context(), "c0de")
	if err == nil || !strings.Contains(err.Error(), "no answer from GitHub at") || strings.Contains(err.Error(), "c0de") {
		t.Errorf("got %v, want that there is no answer, without the code", err)
	}
}
