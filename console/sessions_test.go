// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"context"
	"errors"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/access/tokens"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/cost/usage"
	"trunkline.dev/trunkline/reconciler/history"
)

// enter signs someone on in a browser, and returns what asks who is signed on there.
func (p *guarded) enter(t *testing.T, b *http.Client, mail string, groups ...string) func() int {
	t.Helper()
	p.issuer.Next(mail, groups...)
	page(t, b, http.MethodGet, "/login?return=/metrics", html, "")
	me := func() int {
		code, _, _ := page(t, b, http.MethodGet, "/api/v1/me", nil, "")
		return code
	}
	if code := me(); code != http.StatusOK {
		t.Fatalf("%s is not signed on: %d", mail, code)
	}
	return me
}

// TestSessionsEnd: people end their own sessions everywhere, and an administrator those of others; nobody else does.
func TestSessionsEnd(t *testing.T) {
	p := newGuarded(t)
	act := map[string]string{"Content-Type": "application/json"}
	end := func(token, body string) int {
		got, _ := ask(t, p.Daemon, request{method: http.MethodPost, path: "/api/v1/sessions/end", token: token, header: act, body: body})
		return got.Code
	}
	of := func(mail string) string { return p.issuer.Token(mail, map[string]any{"groups": nil}) }
	desk, phone, other := p.browser(t), p.browser(t), p.browser(t)
	atDesk, atPhone := p.enter(t, desk, "carol@acme.example", "team-orders"), p.enter(t, phone, "carol@acme.example", "team-orders")
	olga := p.enter(t, other, "olga@acme.example")
	if code, _, body := page(t, desk, http.MethodPost, "/logout?everywhere=true", map[string]string{"Sec-Fetch-Site": "same-origin"}, ""); code != http.StatusOK {
		t.Fatalf("signing out everywhere: got %d %s", code, body)
	}
	if atDesk() != http.StatusUnauthorized || atPhone() != http.StatusUnauthorized {
		t.Error("a session goes on that was ended")
	}
	if olga() != http.StatusOK {
		t.Error("the session of another person has ended")
	}
	atDesk = p.enter(t, desk, "carol@acme.example", "team-orders")
	for _, c := range []struct {
		reason, token, body string
		want                int
	}{
		{"a stranger ends nobody else's", of("mallory@acme.example"), `{"name": "carol@acme.example"}`, http.StatusForbidden},
		{"nor does who administers a project", of("pat@acme.example"), `{"name": "carol@acme.example"}`, http.StatusForbidden},
		{"nor who operates an environment", of("olga@acme.example"), `{"name": "carol@acme.example"}`, http.StatusForbidden},
		{"a name that nobody has", of("ada@acme.example"), `{"name": "github:carol"}`, http.StatusBadRequest},
	} {
		if code := end(c.token, c.body); code != c.want || atDesk() != http.StatusOK {
			t.Errorf("%s: got %d, and the session answers %d", c.reason, code, atDesk())
		}
	}
	p.events = nil
	if code := end(of("ada@acme.example"), `{"name": "carol@acme.example", "why": "a lost phone"}`); code != http.StatusOK || atDesk() != http.StatusUnauthorized {
		t.Errorf("the administrator ends it: got %d, and it answers %d", code, atDesk())
	}
	if code := end(of("olga@acme.example"), `{}`); code != http.StatusOK || olga() != http.StatusUnauthorized {
		t.Errorf("one's own, with a token of the issuer: got %d, and it answers %d", code, olga())
	}
	want := []history.Event{
		{Kind: history.SessionsEnded, By: "ada@acme.example", SignOn: "oidc", Why: "a lost phone", Object: "carol@acme.example"},
		{Kind: history.SessionsEnded, By: "olga@acme.example", SignOn: "oidc", Object: "olga@acme.example"},
	}
	if diff := cmp.Diff(want, p.events); diff != "" {
		t.Errorf("what is recorded (-want +got):\n%s", diff)
	}
}

// TestATokenEndsNoSessions: a token of one's own is for less than its owner.
func TestATokenEndsNoSessions(t *testing.T) {
	p := newGuarded(t)
	_, secret, err := p.tokens.Create(t.Context(), tokens.Request{Name: "laptop"}, access.Principal{Name: "carol@acme.example", SignOn: access.ByIssuer})
	if err != nil {
		t.Fatal(err)
	}
	session := p.enter(t, p.browser(t), "carol@acme.example", "team-orders")
	got, _ := ask(t, p.Daemon, request{
		method: http.MethodPost, path: "/api/v1/sessions/end", token: secret, header: map[string]string{"Content-Type": "application/json"}, body: `{"name": "carol@acme.example"}`,
	})
	if got.Code != http.StatusForbidden || session() != http.StatusOK {
		t.Errorf("got %d, and the session answers %d", got.Code, session())
	}
}

// away is a database that does not answer.
type away struct{ console.SessionEnds }

func (away) SessionGood(context.Context, string, int64) (bool, error) {
	return false, errors.New("the database is away")
}

// TestASessionThatCannotBeChecked: where it is not known whether a session has ended, it is not good, and nobody is sent to sign on for it.
func TestASessionThatCannotBeChecked(t *testing.T) {
	p := newGuarded(t)
	session := p.enter(t, p.browser(t), "carol@acme.example", "team-orders")
	p.sessions.Ends = away{p.sessions.Ends}
	if code := session(); code != http.StatusServiceUnavailable {
		t.Errorf("got %d", code)
	}
}

// TestAStreamEndsWithItsSession: who is not signed on any more is told nothing more.
func TestAStreamEndsWithItsSession(t *testing.T) {
	p := newGuarded(t)
	b := p.browser(t)
	p.enter(t, b, "carol@acme.example", "team-orders")
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, at+"/api/v1/changes", nil)
	if err != nil {
		t.Fatal(err)
	}
	resp, err := b.Do(req)
	if err != nil {
		t.Fatal(err)
	}
	defer resp.Body.Close()
	if resp.StatusCode != http.StatusOK {
		t.Fatalf("got %d", resp.StatusCode)
	}
	first := make([]byte, 1)
	if _, err := resp.Body.Read(first); err != nil {
		t.Fatal(err)
	}
	if err := p.tokens.EndSessions(t.Context(), "carol@acme.example"); err != nil {
		t.Fatal(err)
	}
	if _, err := io.ReadAll(resp.Body); err != nil { // it returns
		t.Errorf("the stream broke off: %v", err)
	}
}

// TestStreamsOfOnePerson: nobody takes the streams of all.
func TestStreamsOfOnePerson(t *testing.T) {
	p := newGuarded(t)
	follow := func(who string) int {
		req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, p.URL+"/api/v1/changes", nil)
		if err != nil {
			t.Fatal(err)
		}
		req.Header.Set("Authorization", "Bearer "+p.issuer.Token(who, map[string]any{"groups": nil}))
		resp, err := p.Client().Do(req)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = resp.Body.Close() })
		return resp.StatusCode
	}
	for i := range 32 {
		if code := follow("olga@acme.example"); code != http.StatusOK {
			t.Fatalf("stream %d: got %d", i, code)
		}
	}
	if code := follow("olga@acme.example"); code != http.StatusTooManyRequests {
		t.Errorf("one more of the same person: got %d", code)
	}
	if code := follow("ada@acme.example"); code != http.StatusOK {
		t.Errorf("one of another person: got %d", code)
	}
}

// TestCostsOfAProjectNameItsClusters: where not everything was counted is said of clusters that the caller sees.
func TestCostsOfAProjectNameItsClusters(t *testing.T) {
	p := newGuarded(t)
	p.rules = access.New([]*v1alpha1.Access{{Spec: v1alpha1.AccessSpec{Bindings: []v1alpha1.AccessBinding{
		{Role: v1alpha1.PlatformAdmin, Users: []string{"ada@acme.example"}},
		{Role: v1alpha1.ProjectContributor, Users: []string{"carol@acme.example"}, Projects: []string{"orders"}},
	}}}})
	p.Spent = usage.Answer{Currency: "EUR", Gaps: []usage.Gap{{Cluster: "c"}, {Cluster: "secret"}}}
	for who, sees := range map[string]bool{"ada@acme.example": true, "carol@acme.example": false} {
		got, _ := ask(t, p.Daemon, request{method: http.MethodGet, path: "/api/v1/cost?since=2026-11-01&project=orders", token: p.issuer.Token(who, map[string]any{"groups": nil})})
		if got.Code != http.StatusOK || !strings.Contains(got.Body, `"c"`) || strings.Contains(got.Body, "secret") != sees {
			t.Errorf("%s: got %d %s", who, got.Code, got.Body)
		}
	}
}
