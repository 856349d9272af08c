// SPDX-License-Identifier: Apache-2.0

package tokens_test

import (
	"errors"
	"fmt"
	"path/filepath"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/access/tokens"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/test/pgtest"
)

// replicas are two stores over one database, of each kind, with a clock.
func replicas(t *testing.T, with func(t *testing.T, one, other *tokens.Store, clock *time.Time)) {
	t.Helper()
	file := filepath.Join(t.TempDir(), "tokens.db")
	kinds := map[string]func() (history.Database, error){"SQLite": func() (history.Database, error) { return history.SQLite(file) }}
	if !testing.Short() {
		dsn := pgtest.Start(t).Database(t)
		kinds["Postgres"] = func() (history.Database, error) { return history.Postgres(dsn) }
	}
	for name, kind := range kinds {
		t.Run(name, func(t *testing.T) {
			clock := time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)
			var both []*tokens.Store
			for range 2 {
				d, err := kind()
				if err != nil {
					t.Fatal(err)
				}
				s := tokens.NewStore(d, func() time.Time { return clock })
				t.Cleanup(func() { _ = s.Close() })
				both = append(both, s)
			}
			with(t, both[0], both[1], &clock)
		})
	}
}

var carol = access.Principal{Name: "carol@acme.example", SignOn: access.ByIssuer, Groups: []string{"team-orders"}}

// TestSessionsEndAtAllReplicas: what one replica ends is ended at the other one, and what begins afterwards is good at both.
func TestSessionsEndAtAllReplicas(t *testing.T) {
	replicas(t, func(t *testing.T, one, other *tokens.Store, _ *time.Time) {
		begin := func(s *tokens.Store, name string) int64 {
			t.Helper()
			g, err := s.SessionOf(t.Context(), name)
			if err != nil {
				t.Fatal(err)
			}
			return g
		}
		good := func(s *tokens.Store, name string, of int64) bool {
			t.Helper()
			ok, err := s.SessionGood(t.Context(), name, of)
			if err != nil {
				t.Fatal(err)
			}
			return ok
		}
		first, again, olga := begin(one, "carol"), begin(other, "carol"), begin(other, "olga")
		if first != again || !good(one, "carol", again) || !good(other, "carol", first) {
			t.Error("sessions at two replicas are not of the same generation")
		}
		for _, c := range []struct {
			reason, name string
			of           int64
		}{
			{"a cookie from before there were generations", "carol", 0},
			{"somebody else's generation", "carol", olga},
			{"a name of which nothing is kept, as where the database was lost", "eve", first},
			{"the same, without a generation", "eve", 0},
		} {
			if good(one, c.name, c.of) {
				t.Errorf("%s is good", c.reason)
			}
		}
		if err := one.EndSessions(t.Context(), "carol"); err != nil {
			t.Fatal(err)
		}
		if good(one, "carol", first) || good(other, "carol", first) || !good(other, "olga", olga) {
			t.Error("what was ended is good, or what was not is not")
		}
		if next := begin(other, "carol"); next == first || !good(one, "carol", next) {
			t.Error("who signs on again has no session")
		}
		if err := other.EndSessions(t.Context(), "new"); err != nil {
			t.Fatal(err)
		}
		if g := begin(one, "new"); !good(other, "new", g) {
			t.Error("who never had a session before it was ended has none")
		}
	})
}

// TestWhatATokenIs: it is its owner's, until it ends, or is revoked at any replica.
func TestWhatATokenIs(t *testing.T) {
	replicas(t, func(t *testing.T, one, other *tokens.Store, clock *time.Time) {
		made, secret, err := one.Create(t.Context(), tokens.Request{Name: "laptop", Rights: []access.Right{access.View}, Life: 60 * 24 * time.Hour}, carol)
		if err != nil {
			t.Fatal(err)
		}
		want := access.Principal{
			Name: "carol@acme.example", SignOn: access.ByOwnToken, Groups: []string{"team-orders"}, Token: made.ID, Limits: &access.Limits{Rights: []access.Right{access.View}},
		}
		is := func(reason string, want access.Principal) {
			t.Helper()
			got, err := other.Principal(t.Context(), secret)
			if diff := cmp.Diff(want, got); (err == nil) != (want.Name != "") || diff != "" {
				t.Errorf("%s: %v (-want +got)\n%s", reason, err, diff)
			}
		}
		is("a new one", want)
		*clock = clock.Add(31 * 24 * time.Hour)
		want.Groups = nil
		is("whose owner has not signed on for a month", want)
		want.Groups = []string{"team-sales"}
		if err := one.Seen(t.Context(), access.Principal{Name: carol.Name, Groups: want.Groups}); err != nil {
			t.Fatal(err)
		}
		is("whose owner is in another group by now", want)
		*clock = clock.Add(29 * 24 * time.Hour)
		is("whose time is over", access.Principal{})
		_, secret, err = one.Create(t.Context(), tokens.Request{Name: "laptop"}, carol)
		if err != nil {
			t.Fatal(err)
		}
		all, err := one.List(t.Context(), func(token tokens.Token) bool { return token.Revoked.IsZero() && token.ID != made.ID })
		if err != nil || len(all) != 1 {
			t.Fatalf("%v %v", all, err)
		}
		if err := one.Revoke(t.Context(), all[0].ID); err != nil {
			t.Fatal(err)
		}
		is("that was revoked at another replica", access.Principal{})
	})
}

// TestWhoMakesTokens: who makes none, and how many.
func TestWhoMakesTokens(t *testing.T) {
	machine := access.Principal{Name: "actions:repo:acme/data", SignOn: access.ByFederation}
	for name, c := range map[string]struct {
		reason string
		q      tokens.Request
		by     access.Principal
	}{
		"machine":         {"its own tokens last for minutes, and one of a year would outlive them", tokens.Request{Name: "x", Life: 365 * 24 * time.Hour}, machine},
		"machine, short":  {"however short it is", tokens.Request{Name: "x", Life: time.Minute}, machine},
		"machine, of all": {"nor one of a project", tokens.Request{Name: "x", Project: "orders"}, machine},
		"a token":         {"a token makes no tokens", tokens.Request{Name: "x"}, access.Principal{Name: "carol", SignOn: access.ByOwnToken, Limits: &access.Limits{}}},
		"nobody":          {"who has no name", tokens.Request{Name: "x"}, access.Principal{Name: access.SharedToken, SignOn: access.ByToken}},
		"for ever":        {"each ends", tokens.Request{Name: "x", Life: 367 * 24 * time.Hour}, carol},
		"no right":        {"a right that there is not", tokens.Request{Name: "x", Rights: []access.Right{"fly"}}, carol},
	} {
		t.Run(name, func(t *testing.T) {
			if _, secret, err := tokens.New(c.q, c.by, time.Now()); !errors.Is(err, tokens.ErrInvalid) || secret != "" {
				t.Errorf("%s: got %v", c.reason, err)
			}
		})
	}
}

// TestHowManyTokens: a person has a hundred, and so has a project, whatever its tokens are called.
func TestHowManyTokens(t *testing.T) {
	replicas(t, func(t *testing.T, one, _ *tokens.Store, clock *time.Time) {
		for _, project := range []string{"", "orders"} {
			create := func(i int) error {
				_, _, err := one.Create(t.Context(), tokens.Request{Name: fmt.Sprintf("t%d", i), Project: project}, carol)
				return err
			}
			for i := range 100 {
				if err := create(i); err != nil {
					t.Fatal(err)
				}
			}
			if err := create(100); !errors.Is(err, tokens.ErrInvalid) {
				t.Errorf("one more of %q: got %v", project, err)
			}
		}
		if _, _, err := one.Create(t.Context(), tokens.Request{Name: "t0", Project: "ledger"}, carol); err != nil {
			t.Errorf("of another project: %v", err)
		}
		*clock = clock.Add(91 * 24 * time.Hour)
		if _, _, err := one.Create(t.Context(), tokens.Request{Name: "t0", Project: "orders"}, carol); err != nil {
			t.Errorf("once the others have ended: %v", err)
		}
	})
}
