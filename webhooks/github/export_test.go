// SPDX-License-Identifier: Apache-2.0

package github

import (
	"errors"
	"net/http"
	"time"

	"trunkline.dev/trunkline/webhooks/github/delivery"
)

// WithTransport has requests be sent by something else than a transport of the client's own.
func WithTransport(t http.RoundTripper) Option { return func(c *config) { c.base = t } }

// WithClock takes the time from elsewhere than the machine's clock.
func WithClock(now func() time.Time) Option { return func(c *config) { c.now = now } }

// WithMaxWait is how long a call waits for a rate limit before it fails; 5 seconds if it is not said.
func WithMaxWait(d time.Duration) Option { return func(c *config) { c.maxWait = d } }

// WithTimeout bounds each request; 30 seconds if it is not said.
func WithTimeout(d time.Duration) Option { return func(c *config) { c.timeout = d } }

// WithRetries is how often what may be done twice is tried, and how long after the first failure; 4 times, half a second if
// it is not said.
func WithRetries(tries int, after time.Duration) Option {
	return func(c *config) { c.tries, c.backoff = tries, after }
}

// WithBudget is how much is asked of GitHub at most; [DefaultBudget] if it is not said.
func WithBudget(b Budget) Option { return func(c *config) { c.budget = b } }

// Receive reads a delivery: its signature first, and then what its payload hints at. Errors have the status to answer, by
// [StatusOf].
func Receive(w http.ResponseWriter, r *http.Request, secret []byte) (Event, error) {
	body, err := delivery.Read(w, r, secret)
	if err != nil {
		return Event{}, err
	}
	return ParseHint(r.Header.Get(delivery.EventHeader), r.Header.Get(delivery.IDHeader), body)
}

// StatusOf is the status of HTTP to answer for an error of [Receive].
func StatusOf(err error) int {
	var refused *delivery.Error
	switch {
	case err == nil:
		return http.StatusAccepted
	case errors.As(err, &refused):
		return refused.Status
	default:
		return http.StatusBadRequest
	}
}
