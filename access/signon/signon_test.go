// SPDX-License-Identifier: Apache-2.0

package signon_test

import (
	"errors"
	"net/http"
	"net/url"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/oauth2-proxy/mockoidc"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/access/signon"
	"trunkline.dev/trunkline/access/signon/signontest"
)

func people(t *testing.T, i *signontest.Issuer, now func() time.Time) *signon.People {
	t.Helper()
	p, err := signon.NewPeople(signon.Options{
		Issuer: i.Issuer(), ClientID: i.ClientID, ClientSecret: i.ClientSecret, CLIClientID: "cli", RedirectURL: "http://localhost/login/callback",
		Scopes: []string{"email", "groups"}, Client: &http.Client{}, Now: now,
	})
	if err != nil {
		t.Fatal(err)
	}
	return p
}

// TestTokens: what does not prove who someone is proves nothing.
func TestTokens(t *testing.T) {
	i := signontest.Start(t)
	other, err := mockoidc.RandomKeypair(2048)
	if err != nil {
		t.Fatal(err)
	}
	now := time.Now()
	in := func(d time.Duration) int64 { return now.Add(d).Unix() }
	with := func(changes map[string]any) string { return i.Token("ada@acme.example", changes) }
	good := with(nil)
	for name, c := range map[string]struct {
		reason, token string
		ok            bool
	}{
		"good":                {"it is what the issuer says", good, true},
		"of the command line": {"whose client is another one", with(map[string]any{"aud": "cli"}), true},
		"a late clock":        {"clocks differ a little", with(map[string]any{"exp": in(-time.Minute)}), true},
		"an early clock":      {"in both directions", with(map[string]any{"nbf": in(time.Minute), "iat": in(time.Minute)}), true},
		"a party of ours":     {"for several, made for this one", with(map[string]any{"aud": []string{"other", "cli"}, "azp": "cli"}), true},
		"forged":              {"another key has signed it", i.SignedBy(other, "ada@acme.example"), false},
		"changed":             {"its claims are not those that were signed", strings.Replace(good, ".", ".e30", 1), false},
		"unsigned":            {"alg: none", i.Unsigned("ada@acme.example"), false},
		"symmetric":           {"a public key is no secret", i.Symmetric("ada@acme.example"), false},
		"expired":             {"it is over", with(map[string]any{"exp": in(-time.Hour), "iat": in(-2 * time.Hour)}), false},
		"not yet":             {"it has not begun", with(map[string]any{"nbf": in(time.Hour)}), false},
		"of the future":       {"nobody has made it yet", with(map[string]any{"iat": in(time.Hour), "exp": in(2 * time.Hour)}), false},
		"for ever":            {"it is a password", with(map[string]any{"exp": in(1000 * time.Hour)}), false},
		"without an end":      {"it is a password", with(map[string]any{"exp": nil}), false},
		"another audience":    {"it is for others", with(map[string]any{"aud": "other"}), false},
		"no audience":         {"it is for nobody", with(map[string]any{"aud": nil}), false},
		"an empty audience":   {"it is for nobody", with(map[string]any{"aud": ""}), false},
		"another issuer":      {"it says it is of others", with(map[string]any{"iss": "https://elsewhere.example.com"}), false},
		"another party":       {"it was made for others", with(map[string]any{"azp": "other"}), false},
		"no text for a party": {"it says nothing that can be believed", with(map[string]any{"azp": 7}), false},
		"several audiences":   {"it does not say for whom it was made", with(map[string]any{"aud": []string{"cli", "other"}}), false},
		"nobody":              {"its identity is empty", with(map[string]any{"email": ""}), false},
		"no identity":         {"or not there", with(map[string]any{"email": nil}), false},
		"a list for a name":   {"or no text", with(map[string]any{"email": []string{"ada@acme.example"}}), false},
		"not verified":        {"anybody can say that an address is theirs", with(map[string]any{"email_verified": false}), false},
		"verified by nobody":  {"the same", with(map[string]any{"email_verified": nil}), false},
		"another sign-on":     {"the name is that of a user of GitHub", with(map[string]any{"email": "github:ada"}), false},
		"the daemon":          {"the name is reserved", with(map[string]any{"email": "trunkline"}), false},
		"nothing":             {"an empty token", "", false},
		"no token":            {"three parts of nothing", "..", false},
		"too long":            {"a token is not that long", good + strings.Repeat("a", 40<<10), false},
	} {
		t.Run(name, func(t *testing.T) {
			who, err := people(t, i, time.Now).Bearer(t.Context(), c.token)
			if (err == nil) != c.ok || (err != nil && !errors.Is(err, signon.ErrRefused)) {
				t.Fatalf("%s: got %v", c.reason, err)
			}
			want := access.Principal{}
			if c.ok {
				want = access.Principal{Name: "ada@acme.example", SignOn: access.ByIssuer, Groups: []string{"team-orders"}}
			}
			if diff := cmp.Diff(want, who); diff != "" {
				t.Error(diff)
			}
		})
	}
}

// TestRotation: a key that is new is found, and one that the issuer has taken back is good no longer.
func TestRotation(t *testing.T) {
	i := signontest.Start(t)
	clock := time.Now()
	p := people(t, i, func() time.Time { return clock })
	before := i.Token("ada@acme.example", nil)
	if _, err := p.Bearer(t.Context(), before); err != nil {
		t.Fatal(err)
	}
	i.Rotate()
	if _, err := p.Bearer(t.Context(), i.Token("ada@acme.example", nil)); err != nil {
		t.Errorf("the new key: %v", err)
	}
	clock = clock.Add(11 * time.Minute)
	if _, err := p.Bearer(t.Context(), before); !errors.Is(err, signon.ErrRefused) {
		t.Errorf("the key that was taken back: %v", err)
	}
}

// TestAnIssuerThatIsAway: who waits for an issuer that does not answer does not ask it again, and it is asked later.
func TestAnIssuerThatIsAway(t *testing.T) {
	i := signontest.Start(t)
	token := i.Token("ada@acme.example", nil)
	clock, down, asked := time.Now(), true, 0
	client := &http.Client{Transport: roundTripper(func(r *http.Request) (*http.Response, error) {
		if down {
			asked++
			return nil, errors.New("no route to host")
		}
		return http.DefaultTransport.RoundTrip(r)
	})}
	p, err := signon.NewPeople(signon.Options{
		Issuer: i.Issuer(), ClientID: i.ClientID, ClientSecret: i.ClientSecret, RedirectURL: "http://localhost/login/callback", Client: client, Now: func() time.Time { return clock },
	})
	if err != nil {
		t.Fatal(err)
	}
	for range 10 {
		if _, err := p.Bearer(t.Context(), token); !signon.Away(err) {
			t.Fatalf("got %v", err)
		}
	}
	if asked != 1 {
		t.Errorf("it was asked %d times by ten who wait", asked)
	}
	clock, down = clock.Add(6*time.Second), false
	if _, err := p.Bearer(t.Context(), token); err != nil {
		t.Errorf("once it is back: %v", err)
	}
	clock, down = clock.Add(time.Minute), true
	if _, err := p.Bearer(t.Context(), token); err != nil || asked != 1 {
		t.Errorf("while its keys are known it need not be there: %v, asked %d times", err, asked)
	}
}

type roundTripper func(*http.Request) (*http.Response, error)

func (f roundTripper) RoundTrip(r *http.Request) (*http.Response, error) { return f(r) }

// TestFlow: a code is good for the sign-on that it was made for, and nobody else's.
func TestFlow(t *testing.T) {
	i := signontest.Start(t)
	p := people(t, i, time.Now)
	begin := func(mail string) (signon.Attempt, url.Values) {
		i.Next(mail, "team-orders")
		a, to, err := p.Begin(t.Context(), "/releases?project=orders")
		if err != nil {
			t.Fatal(err)
		}
		return a, answered(t, to)
	}
	mine, answer := begin("ada@acme.example")
	theirs, _ := begin("mallory@acme.example")
	changed := func(change func(a *signon.Attempt, q url.Values)) (signon.Attempt, url.Values) {
		a, q := begin("ada@acme.example")
		change(&a, q)
		return a, q
	}
	for name, c := range map[string]struct {
		reason string
		change func(a *signon.Attempt, q url.Values)
	}{
		"another state":     {"the answer is to another question", func(_ *signon.Attempt, q url.Values) { q.Set("state", theirs.State) }},
		"no state":          {"the answer is to no question", func(_ *signon.Attempt, q url.Values) { q.Del("state") }},
		"nothing was begun": {"an empty state is none", func(a *signon.Attempt, q url.Values) { *a = signon.Attempt{}; q.Set("state", "") }},
		"another's attempt": {"the cookie is of another browser", func(a *signon.Attempt, _ url.Values) { *a = theirs }},
		"another nonce":     {"the token is of another sign-on", func(a *signon.Attempt, _ url.Values) { a.Nonce = theirs.Nonce }},
		"another verifier":  {"the code was stolen", func(a *signon.Attempt, _ url.Values) { a.Verifier = theirs.Verifier }},
		"no code":           {"there is nothing to ask with", func(_ *signon.Attempt, q url.Values) { q.Del("code") }},
		"another code":      {"it is not the issuer's", func(_ *signon.Attempt, q url.Values) { q.Set("code", "x") }},
		"an error":          {"the issuer says no", func(_ *signon.Attempt, q url.Values) { q.Set("error", "access_denied") }},
		"another issuer":    {"a mix-up", func(_ *signon.Attempt, q url.Values) { q.Set("iss", "https://elsewhere.example.com") }},
	} {
		t.Run(name, func(t *testing.T) {
			a, q := changed(c.change)
			if who, err := p.Finish(t.Context(), a, q); !errors.Is(err, signon.ErrRefused) || who.Name != "" {
				t.Errorf("%s: got %+v, %v", c.reason, who, err)
			}
		})
	}
	who, err := p.Finish(t.Context(), mine, answer)
	if diff := cmp.Diff(access.Principal{Name: "ada@acme.example", SignOn: access.BySession, Groups: []string{"team-orders"}}, who); err != nil || diff != "" {
		t.Fatalf("%v\n%s", err, diff)
	}
	if _, err := p.Finish(t.Context(), mine, answer); !errors.Is(err, signon.ErrRefused) {
		t.Errorf("a code that was used: %v", err)
	}
}

// answered asks the issuer as a browser does, and returns what it comes back with.
func answered(t *testing.T, to string) url.Values {
	t.Helper()
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, to, nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := client.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	back, err := resp.Location()
	if err != nil {
		t.Fatal(err)
	}
	return back.Query()
}

// TestMachines: of an issuer that everybody can use, those are let in that are named.
func TestMachines(t *testing.T) {
	i := signontest.Start(t)
	m, err := signon.NewMachines([]signon.Machine{{
		Name: "actions", Issuer: i.Issuer(), Audience: "trunkline", Subjects: []string{"repo:acme/data:ref:refs/heads/*"}, Groups: []string{"ci"},
	}}, &http.Client{}, time.Now)
	if err != nil {
		t.Fatal(err)
	}
	token := func(subject, audience string) string {
		return i.Token("", map[string]any{"sub": subject, "aud": audience, "email": nil})
	}
	for name, c := range map[string]struct {
		reason, token string
		ok            bool
	}{
		"named":            {"it is one of those", token("repo:acme/data:ref:refs/heads/main", "trunkline"), true},
		"another audience": {"a token for others is good for them alone", token("repo:acme/data:ref:refs/heads/main", "sts.example.com"), false},
		"another one":      {"anybody has a repository", token("repo:mallory/data:ref:refs/heads/main", "trunkline"), false},
		"more behind":      {"a pattern is for the whole subject", token("repo:acme/data:ref:refs/heads/main:x", "trunkline"), false},
		"more in front":    {"from its beginning", token("x:repo:acme/data:ref:refs/heads/main", "trunkline"), false},
		"nobody":           {"no subject is nobody", token("", "trunkline"), false},
		"unsigned":         {"alg: none", i.Unsigned("repo:acme/data:ref:refs/heads/main"), false},
	} {
		t.Run(name, func(t *testing.T) {
			who, is, err := m.Bearer(t.Context(), c.token)
			if !is || (err == nil) != c.ok {
				t.Fatalf("%s: got %v, %v", c.reason, is, err)
			}
			if want := "actions:repo:acme/data:ref:refs/heads/main"; c.ok && (who.Name != want || who.SignOn != access.ByFederation || len(who.Groups) != 1) {
				t.Errorf("got %+v", who)
			}
		})
	}
	for name, wrong := range map[string]signon.Machine{
		"no audience": {Name: "a", Issuer: "https://a.example.com", Subjects: []string{"x"}},
		"everybody":   {Name: "a", Issuer: "https://a.example.com", Audience: "b", Subjects: []string{"*"}},
		"nobody":      {Name: "a", Issuer: "https://a.example.com", Audience: "b"},
		"in clear":    {Name: "a", Issuer: "http://a.example.com", Audience: "b", Subjects: []string{"x"}},
		"GitHub":      {Name: "github", Issuer: "https://a.example.com", Audience: "b", Subjects: []string{"x"}},
		"a project":   {Name: "project", Issuer: "https://a.example.com", Audience: "b", Subjects: []string{"x"}},
	} {
		if _, err := signon.NewMachines([]signon.Machine{wrong}, nil, time.Now); err == nil {
			t.Errorf("%s: it is accepted", name)
		}
	}
}

// FuzzSafeReturn: whatever is asked for, a sign-on ends at this daemon.
func FuzzSafeReturn(f *testing.F) {
	for _, to := range []string{"/", "/a?b=c", "//evil.example", "https://evil.example", `/\evil.example`, "/%2f/evil", "/%5cevil", "javascript:x", "/login", "/\t/evil", "", "/a#b"} {
		f.Add(to)
	}
	base, _ := url.Parse("https://trunkline.example.com/login")
	f.Fuzz(func(t *testing.T, to string) {
		got := signon.SafeReturn(to)
		u, err := base.Parse(got)
		if err != nil || u.Host != base.Host || u.Scheme != base.Scheme || !strings.HasPrefix(got, "/") || strings.HasPrefix(got, "//") || strings.ContainsAny(got, "\\\r\n\t") {
			t.Errorf("%q leads to %q", to, got)
		}
	})
}

// FuzzTokens: no text passes for a token.
func FuzzTokens(f *testing.F) {
	f.Add("a.b.c")
	f.Add("eyJhbGciOiJub25lIn0.e30.")
	m, err := signon.NewMachines([]signon.Machine{{Name: "a", Issuer: "https://a.invalid", Audience: "b", Subjects: []string{"x"}}},
		&http.Client{Transport: nowhere{}}, time.Now)
	if err != nil {
		f.Fatal(err)
	}
	service := &signon.Service{Machines: m}
	f.Fuzz(func(t *testing.T, token string) {
		if who, err := service.Bearer(t.Context(), token); err == nil {
			t.Errorf("%q is %+v", token, who)
		}
	})
}

type nowhere struct{}

func (nowhere) RoundTrip(*http.Request) (*http.Response, error) { return nil, errors.New("away") }
