// SPDX-License-Identifier: Apache-2.0

package github_test

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline.dev/trunkline/webhooks"
	"trunkline.dev/trunkline/webhooks/github"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

// ticker is a clock that a test sets.
type ticker struct {
	mu  sync.Mutex
	now time.Time
}

func (c *ticker) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *ticker) add(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

func newTicker() *ticker { return &ticker{now: time.Now().Truncate(time.Second)} }

// retryAt is when an error says that it is worth trying again.
func retryAt(err error) time.Time {
	if e, ok := errors.AsType[*github.Error](err); ok {
		return e.RetryAt()
	}
	return time.Time{}
}

// TestPrimaryLimit uses the primary limit up: nothing more is sent until it is reset, and other installations go on.
func TestPrimaryLimit(t *testing.T) {
	clock := newTicker()
	w := start(t, githubtest.Options{Now: clock.Now, TokenLifetime: 24 * time.Hour}, githubtest.RepoSpec{}, github.WithClock(clock.Now))
	ctx := t.Context()
	must(w.forge.OpenPulls(ctx))
	reset := clock.Now().Add(20 * time.Minute)
	w.hub.Exhaust(reset)
	must(w.hub.AddRepo("other/data", githubtest.RepoSpec{}))
	w.hub.Install(w.app, "other")
	other := must(w.client.Repository("other/data"))
	_, err := w.forge.Pull(ctx, 1)
	diff(t, github.Limited, classOf(err))
	if !retryAt(err).Equal(reset) {
		t.Errorf("try again at %s, want %s", retryAt(err), reset)
	}
	w.hub.ResetUsage()
	for range 5 {
		if _, err = w.forge.Pull(ctx, 1); classOf(err) != github.Limited {
			t.Fatalf("got %v", err)
		}
	}
	diff(t, 0, w.hub.Usage().Requests, "GitHub bans those who go on asking.")
	must(other.OpenPulls(ctx)) // another installation has a limit of its own
	clock.add(21 * time.Minute)
	must(w.forge.OpenPulls(ctx))
}

// TestSecondaryLimit is asked for a pause, of as long as GitHub says or, where it does not, of a minute.
func TestSecondaryLimit(t *testing.T) {
	for retryAfter, want := range map[int]time.Duration{30: 30 * time.Second, -1: time.Minute} {
		clock := newTicker()
		limits := githubtest.Limits{Creates: 2, RetryAfter: retryAfter}
		w := start(t, githubtest.Options{Now: clock.Now, Limits: limits, TokenLifetime: 24 * time.Hour}, githubtest.RepoSpec{}, github.WithClock(clock.Now))
		ctx := t.Context()
		number, _ := w.open(t, githubtest.PullSpec{})
		var err error
		for range 3 {
			_, err = w.forge.CreateComment(ctx, number, "x")
		}
		diff(t, github.Limited, classOf(err))
		diff(t, want, retryAt(err).Sub(clock.Now()), "That long is the pause.")
		w.hub.ResetUsage()
		_, err = w.forge.OpenPulls(ctx)
		diff(t, github.Limited, classOf(err), "Nothing is sent during a pause, whatever it is.")
		diff(t, 0, w.hub.Usage().Requests)
		clock.add(time.Minute)
		must(w.forge.CreateComment(ctx, number, "x"))
	}
}

// TestShortPausesAreWaitedFor has a call wait for what is over soon.
func TestShortPausesAreWaitedFor(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{}, github.WithMaxWait(5*time.Second))
	must(w.forge.OpenPulls(t.Context()))
	w.hub.Fail(githubtest.Fault{Status: 429, RetryAfter: 1, Times: 1, Path: "/pulls"})
	must(w.forge.OpenPulls(t.Context()))
}

// TestBudget writes more than GitHub allows: the secondary limits are never met, because nothing more is sent.
func TestBudget(t *testing.T) {
	clock := newTicker()
	w := start(t, githubtest.Options{Now: clock.Now, TokenLifetime: 24 * time.Hour}, githubtest.RepoSpec{}, github.WithClock(clock.Now))
	ctx := t.Context()
	number, _ := w.open(t, githubtest.PullSpec{})
	began, written := clock.Now(), 0
	for written < 600 {
		_, err := w.forge.CreateComment(ctx, number, "x")
		if err == nil {
			written++
			continue
		}
		if classOf(err) != github.Limited || !retryAt(err).After(clock.Now()) {
			t.Fatalf("after %d comments: %v", written, err)
		}
		clock.add(retryAt(err).Sub(clock.Now()))
	}
	diff(t, 0, w.hub.Usage().Secondary, "GitHub's limit was met.")
	if took := clock.Now().Sub(began); took < time.Hour || took > 2*time.Hour {
		t.Errorf("600 comments took %s: GitHub allows 500 an hour", took)
	}
}

// TestBudgetOfChanges: also requests that change what is there count for what GitHub allows in a minute.
func TestBudgetOfChanges(t *testing.T) {
	clock := newTicker()
	w := start(t, githubtest.Options{Now: clock.Now, TokenLifetime: 24 * time.Hour}, githubtest.RepoSpec{}, github.WithClock(clock.Now))
	ctx := t.Context()
	number, _ := w.open(t, githubtest.PullSpec{})
	comment, err := w.forge.CreateComment(ctx, number, "x")
	if err != nil {
		t.Fatal(err)
	}
	for written := 0; written < 200; {
		err := w.forge.EditComment(ctx, comment.ID, fmt.Sprint(written))
		if err == nil {
			written++
			continue
		}
		if classOf(err) != github.Limited || !retryAt(err).After(clock.Now()) {
			t.Fatalf("after %d changes: %v", written, err)
		}
		clock.add(retryAt(err).Sub(clock.Now()))
	}
	diff(t, 0, w.hub.Usage().Secondary, "GitHub's limit was met.")
}

// TestWritesTakeTurns writes from many sides at once.
func TestWritesTakeTurns(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{}, github.WithMaxWait(time.Minute))
	ctx := t.Context()
	number, _ := w.open(t, githubtest.PullSpec{})
	must(w.forge.CommentsOf(ctx, number))
	second := must(w.hub.AddRepo("acme/other", githubtest.RepoSpec{}))
	other := must(w.client.Repository("acme/other"))
	must(other.OpenPulls(ctx))
	w.hub.ResetUsage()
	var group sync.WaitGroup
	for range 10 {
		group.Go(func() { must(w.forge.CreateComment(ctx, number, "x")) })
		group.Go(func() {
			must(other.CreateDeployment(ctx, webhooks.Deployment{SHA: second.Head("main"), Environment: "dev"}))
		})
		group.Go(func() { must(w.forge.OpenPulls(ctx)) })
	}
	group.Wait()
	diff(t, 1, w.hub.Usage().MostWritesAtOnce, "Writes of one installation take turns.")
	diff(t, 20, w.hub.Usage().Writes)
}

// TestConditionalRequests asks twice: the second answer is free, and follows what changes.
func TestConditionalRequests(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{})
	ctx := t.Context()
	number, _ := w.open(t, githubtest.PullSpec{Title: "one"})
	must(w.forge.Pull(ctx, number))
	want := must(w.forge.Pull(ctx, number))
	before := must(w.forge.RateLimit(ctx))
	for range 3 {
		diff(t, want, must(w.forge.Pull(ctx, number)))
	}
	diff(t, before.Remaining, must(w.forge.RateLimit(ctx)).Remaining, "An answer that did not change costs nothing.")
	diff(t, 3, w.hub.Usage().NotModified)
	if err := w.repo.Edit(number, "two", "", "alice"); err != nil {
		t.Fatal(err)
	}
	diff(t, "two", must(w.forge.Pull(ctx, number)).Title)
}

// TestTokensAreRenewed has the token expire, and be revoked.
func TestTokensAreRenewed(t *testing.T) {
	t.Run("expired", func(t *testing.T) {
		w := start(t, githubtest.Options{TokenLifetime: time.Second}, githubtest.RepoSpec{}) // less than what it is renewed before
		for range 3 {
			must(w.forge.OpenPulls(t.Context()))
		}
		tokens := slices.DeleteFunc(w.hub.Usage().Log, func(s string) bool { return !strings.HasSuffix(s, "access_tokens") })
		diff(t, 3, len(tokens))
	})
	t.Run("revoked", func(t *testing.T) {
		w := start(t, githubtest.Options{}, githubtest.RepoSpec{})
		number, _ := w.open(t, githubtest.PullSpec{})
		must(w.forge.CommentsOf(t.Context(), number))
		w.hub.RevokeTokens()
		must(w.forge.CreateComment(t.Context(), number, "a write that was not accepted is sent again, since nothing was done"))
		w.hub.RevokeTokens()
		must(w.forge.OpenPulls(t.Context()))
	})
	t.Run("never", func(t *testing.T) {
		hub := githubtest.Start(t, githubtest.Options{})
		repo := must(hub.AddRepo("acme/data", githubtest.RepoSpec{}))
		client := must(github.New(github.WithToken("ghp_0123456789012345678901234567890123"), github.WithBaseURL(hub.APIURL()), github.WithRetries(3, time.Millisecond)))
		_, err := must(client.Repository(repo.FullName())).OpenPulls(t.Context())
		if err == nil || strings.Contains(err.Error(), "ghp_") {
			t.Errorf("got %v", err)
		}
		diff(t, 1, hub.Usage().Requests, "A token that is not accepted is not tried again.")
	})
}

// TestRedirects renames the repository, which is followed; and sends clients elsewhere, which is not.
func TestRedirects(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{Private: true})
	number, _ := w.open(t, githubtest.PullSpec{})
	must(w.forge.CommentsOf(t.Context(), number))
	w.repo.Rename("warehouse", "alice")
	must(w.forge.Pull(t.Context(), number))
	must(w.forge.CreateComment(t.Context(), number, "hello"))

	var asked []string
	evil := serve(t, func(_ http.ResponseWriter, r *http.Request) { asked = append(asked, r.Header.Get("Authorization")) })
	front := serve(t, func(rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, evil+r.URL.Path, http.StatusMovedPermanently)
	})
	client := must(github.New(github.WithToken("ghp_0123456789012345678901234567890123"), github.WithBaseURL(front), github.WithRetries(1, 0)))
	_, err := must(client.Repository("acme/data")).OpenPulls(t.Context())
	if err == nil || len(asked) > 0 {
		t.Errorf("got %v, and the other host was asked with %q", err, asked)
	}
}

// TestErrorsAreForPeople reads what errors say: what failed, where, and what to do; never a secret.
func TestErrorsAreForPeople(t *testing.T) {
	w := start(t, githubtest.Options{}, githubtest.RepoSpec{Private: true})
	for name, tc := range map[string]struct {
		do   func() error
		want []string
	}{
		"NotFound": {func() error { _, err := w.forge.Pull(t.Context(), 7); return err }, []string{"acme/data", "pull request #7", "not found"}},
		"Refused":  {func() error { return w.forge.EditComment(t.Context(), 1, "") }, []string{"editing our comment"}},
	} {
		err := tc.do()
		for _, want := range tc.want {
			if err == nil || !strings.Contains(err.Error(), want) {
				t.Errorf("%s: %v does not say %q", name, err, want)
			}
		}
	}
	w.hub.SetPermissions(w.install, map[string]string{"metadata": "read"})
	_, err := w.forge.CreateCheck(t.Context(), webhooks.Check{Name: "x", SHA: w.repo.Head("main"), State: webhooks.Queued})
	if err == nil || !strings.Contains(err.Error(), "permissions") || classOf(err) != github.Terminal {
		t.Errorf("got %v", err)
	}
}
