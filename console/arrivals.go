// SPDX-License-Identifier: Apache-2.0

package console

import (
	"errors"
	"io"
	"net/http"
	"strings"
)

// maxNotice is how many bytes a notification of a store may have.
const maxNotice = 1 << 20

// notified passes a notification of an object store on. Like every delivery it is a hint: what it says is where to look, and what is there
// is what a listing says. How many are read at once is bounded.
func (c *console) notified(w http.ResponseWriter, r *http.Request) error {
	if err := c.mayNotify(r); err != nil {
		return err
	}
	select {
	case c.notices <- struct{}{}:
		defer func() { <-c.notices }()
	default:
		w.Header().Set("Retry-After", "1")
		return problemf(http.StatusServiceUnavailable, "too many notifications at once")
	}
	body, err := io.ReadAll(http.MaxBytesReader(w, r.Body, maxNotice))
	if _, large := errors.AsType[*http.MaxBytesError](err); large {
		return problemf(http.StatusRequestEntityTooLarge, "the notification has more than %d MiB; what it tells is found by the next listing", maxNotice>>20)
	}
	if err != nil {
		return problemf(http.StatusBadRequest, "the notification ended early")
	}
	answer, err := c.opts.Notify(r.Header.Get, body)
	if err != nil {
		c.opts.Log.Warn("a notification of a store is refused", "err", err.Error())
		return problemf(http.StatusBadRequest, "%s", err)
	}
	if answer == nil {
		answer = Outcome{"it is looked"}
	}
	c.answer(w, http.StatusOK, answer)
	return nil
}

// notifies answers who asks whether it may send CloudEvents, as their specification of webhooks has it.
func (c *console) notifies(w http.ResponseWriter, r *http.Request) error {
	if err := c.mayNotify(r); err != nil {
		return err
	}
	origin := r.Header.Get("Webhook-Request-Origin")
	if origin == "" {
		return problemf(http.StatusBadRequest, "nobody asks: there is no WebHook-Request-Origin")
	}
	w.Header().Set("Webhook-Allowed-Origin", origin)
	w.Header().Set("Allow", "POST")
	c.answer(w, http.StatusOK, Outcome{"send them"})
	return nil
}

// mayNotify refuses who does not have the token, in a header or, for senders that can send none, in the address.
func (c *console) mayNotify(r *http.Request) error {
	secret := c.opts.NotifySecret()
	if c.opts.Notify == nil || secret == "" {
		return problemf(http.StatusForbidden, "no notifications are accepted: no token for them is configured")
	}
	sent, bearer := strings.CutPrefix(r.Header.Get("Authorization"), "Bearer ")
	if !bearer {
		sent = r.URL.Query().Get("token")
	}
	if !same(sent, secret) {
		return problemf(http.StatusUnauthorized, "the token is not that of notifications: send it as Authorization: Bearer TOKEN, or as ?token=TOKEN")
	}
	return nil
}
