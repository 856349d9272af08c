// SPDX-License-Identifier: Apache-2.0

package github

import (
	"context"
	"fmt"
	"net/http"
	"strconv"
	"sync"
	"time"

	"github.com/gofri/go-github-ratelimit/v2/github_ratelimit"
	"github.com/gofri/go-github-ratelimit/v2/github_ratelimit/github_secondary_ratelimit"
)

// pauseUnsaid is how long a pause is of which GitHub does not say how long it is: what its documentation asks for.
const pauseUnsaid = time.Minute

// limitedError is a request that was not sent, or not answered, because of a rate limit.
type limitedError struct {
	until time.Time
	why   string
}

func (e *limitedError) Error() string {
	return fmt.Sprintf("%s; it goes on at %s", e.why, clock(e.until))
}

// limiter keeps the requests of one set of credentials within GitHub's limits: it asks for no more than the budget, sends
// one write at a time, and sends nothing while GitHub asks for a pause. What would wait longer than maxWait fails.
type limiter struct {
	next    http.RoundTripper
	now     func() time.Time
	maxWait time.Duration
	budget  Budget
	atOnce  chan struct{}
	writes  chan struct{}

	mu    sync.Mutex
	spent spent
	until time.Time
	why   string
}

// newLimiter wraps the library that tells secondary rate limits from other refusals. It is told to never sleep: its sleep
// sends a request again whose body was read already, and has the caller wait however long that is.
func newLimiter(next http.RoundTripper, c config) *limiter {
	l := &limiter{now: c.now, maxWait: c.maxWait, budget: c.budget, atOnce: make(chan struct{}, c.budget.AtOnce), writes: make(chan struct{}, 1)}
	l.next = github_ratelimit.NewSecondaryLimiter(next, github_secondary_ratelimit.WithSingleSleepLimit(0, func(seen *github_secondary_ratelimit.CallbackContext) {
		pause := pauseUnsaid
		if seconds, err := strconv.Atoi(seen.Response.Header.Get("Retry-After")); err == nil && seconds > 0 {
			pause = time.Duration(min(seconds, 3600)) * time.Second
		} // the library would take the end of the hour, which is the primary limit's
		l.pause(l.now().Add(pause), "GitHub asks for a pause (secondary rate limit)")
	}))
	return l
}

// pause has nothing be sent until a time.
func (l *limiter) pause(until time.Time, why string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if until.After(l.until) {
		l.until, l.why = until, why
	}
}

// RoundTrip implements [http.RoundTripper].
func (l *limiter) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet && r.Method != http.MethodHead {
		if err := enter(r.Context(), l.writes); err != nil {
			return nil, err
		}
		defer func() { <-l.writes }()
	}
	if err := enter(r.Context(), l.atOnce); err != nil {
		return nil, err
	}
	defer func() { <-l.atOnce }()
	began := l.now()
	for {
		if err := l.turn(r.Context(), r.Method, began); err != nil {
			return nil, err
		}
		resp, refused, err := l.send(r)
		if err != nil || !refused {
			return resp, err
		}
		// Nothing was done: it is sent again after the pause, if that is short. One whose end is past already is a second.
		if now := l.now(); !l.paused(now) {
			l.pause(now.Add(time.Second), "GitHub asks for a pause")
		}
	}
}

// send sends a request once, and reports whether it was refused because of a limit.
func (l *limiter) send(r *http.Request) (resp *http.Response, refused bool, err error) {
	once := r.Clone(r.Context())
	if r.GetBody != nil {
		if once.Body, err = r.GetBody(); err != nil {
			return nil, false, fmt.Errorf("reading the request again: %w", err)
		}
	}
	if resp, err = l.next.RoundTrip(once); err != nil {
		return nil, false, err
	}
	refused = l.learn(resp)
	// The typed client keeps such a state of its own, by another clock. There is one: ours.
	for _, header := range []string{"X-Ratelimit-Limit", "X-Ratelimit-Remaining", "X-Ratelimit-Reset", "Retry-After"} {
		resp.Header.Del(header)
	}
	return resp, refused, nil
}

func enter(ctx context.Context, places chan struct{}) error {
	select {
	case places <- struct{}{}:
		return nil
	case <-ctx.Done():
		return ctx.Err()
	}
}

// turn waits until a request may be sent, or fails at once if that is too long.
func (l *limiter) turn(ctx context.Context, method string, began time.Time) error {
	for {
		now := l.now()
		at, why := l.when(method, now)
		if !at.After(now) {
			return nil
		}
		if at.Sub(began) > l.maxWait {
			return &limitedError{at, why}
		}
		timer := time.NewTimer(at.Sub(now))
		select {
		case <-timer.C:
		case <-ctx.Done():
			timer.Stop()
			return ctx.Err()
		}
	}
}

// when is when a request may be sent, and why not before; one that may be sent now is counted.
func (l *limiter) when(method string, now time.Time) (time.Time, string) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.until.After(now) {
		return l.until, l.why
	}
	return l.spent.charge(l.budget, method, now), "as much was asked of GitHub as its limits allow"
}

// learn reads from an answer whether GitHub wants a pause, and reports whether the request was refused because of that.
func (l *limiter) learn(resp *http.Response) (refused bool) {
	now := l.now()
	refusal := resp.StatusCode == http.StatusForbidden || resp.StatusCode == http.StatusTooManyRequests
	if seconds, err := strconv.Atoi(resp.Header.Get("Retry-After")); err == nil && seconds > 0 {
		if refusal || resp.StatusCode == http.StatusServiceUnavailable {
			l.pause(now.Add(time.Duration(min(seconds, 3600))*time.Second), "GitHub asks for a pause")
			return true
		}
	}
	if resp.StatusCode == http.StatusTooManyRequests || l.paused(now) && refusal {
		l.pause(now.Add(pauseUnsaid), "GitHub asks for a pause")
		return true
	}
	if resp.Header.Get("X-Ratelimit-Remaining") != "0" {
		return false
	}
	if reset, err := strconv.ParseInt(resp.Header.Get("X-Ratelimit-Reset"), 10, 64); err == nil {
		until := time.Unix(reset, 0)
		if most := now.Add(time.Hour); until.After(most) {
			until = most // whatever it says: GitHub's hours have sixty minutes
		}
		l.pause(until, "the rate limit is used up")
		return refusal
	}
	return false
}

// paused reports whether a pause was asked for that is not over, such as by the answer that was just read.
func (l *limiter) paused(now time.Time) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.until.After(now)
}
