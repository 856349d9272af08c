// SPDX-License-Identifier: Apache-2.0

package console

import (
	"encoding/json"
	"errors"
	"net/http"

	"trunkline.dev/trunkline/webhooks/github/delivery"
)

// maxDeliveries bounds how many deliveries are read at once, and so the memory that strangers can fill.
const maxDeliveries = 4

// delivery handles an event that GitHub sends, and reports whether it is a reason to fetch. What it says is a hint, and
// decides nothing: what is applied is what the repository's server then answers. A delivery that is sent again is one more
// fetch that finds nothing new.
func (c *console) delivery(w http.ResponseWriter, r *http.Request) (fetch bool, err error) {
	event := r.Header.Get(delivery.EventHeader)
	err = c.received(w, r, func(body []byte) error { return checkDelivery(event, body) })
	if err != nil {
		return false, err
	}
	if event != "push" {
		c.answer(w, http.StatusOK, Outcome{"nothing to do"})
		return false, nil
	}
	return true, nil
}

// received reads a delivery and has it handled. How many are read at once is bounded.
func (c *console) received(w http.ResponseWriter, r *http.Request, handle func(body []byte) error) error {
	select {
	case c.deliveries <- struct{}{}:
		defer func() { <-c.deliveries }()
	default:
		w.Header().Set("Retry-After", "1")
		return problemf(http.StatusServiceUnavailable, "too many deliveries at once")
	}
	body, err := signedBody(w, r, []byte(c.opts.HookSecret()))
	if err == nil {
		err = handle(body)
	}
	if err != nil {
		c.opts.Log.Warn("a delivery to the hook is refused", "err", err.Error())
	}
	return err
}

// github passes an event on to whoever works on pull requests. Like every delivery it is a hint.
func (c *console) github(w http.ResponseWriter, r *http.Request) error {
	if c.opts.Deliver == nil {
		return problemf(http.StatusNotFound, "this daemon is not connected to GitHub: it was started without --github-repo")
	}
	return c.received(w, r, func(body []byte) error {
		status, message := c.opts.Deliver(r.Header.Get(delivery.EventHeader), r.Header.Get(delivery.IDHeader), body)
		if status >= http.StatusBadRequest {
			return problemf(status, "%s", message)
		}
		c.answer(w, status, Outcome{message})
		return nil
	})
}

// signedBody reads the body of a request whose signature is right.
func signedBody(w http.ResponseWriter, r *http.Request, secret []byte) ([]byte, error) {
	body, err := delivery.Read(w, r, secret)
	if refused, ok := errors.AsType[*delivery.Error](err); ok {
		return nil, problemf(refused.Status, "%s", refused.Error())
	}
	return body, err
}

// push is what has to be there of a push; a branch that was deleted has no commits, and nothing else of it is read.
type push struct {
	Ref        string `json:"ref"`
	Repository *struct {
		FullName string `json:"full_name"`
	} `json:"repository"`
}

// checkDelivery reports what is wrong with the payload of an event; nil: nothing.
func checkDelivery(event string, body []byte) error {
	if event == "" {
		return problemf(http.StatusBadRequest, "the delivery does not say which event it is: there is no %s", delivery.EventHeader)
	}
	if event != "push" {
		var object map[string]json.RawMessage
		if json.Unmarshal(body, &object) != nil || object == nil {
			return problemf(http.StatusBadRequest, notJSON)
		}
		return nil
	}
	var p push
	switch err := json.Unmarshal(body, &p); {
	case err != nil:
		return problemf(http.StatusBadRequest, notJSON)
	case p.Ref == "" || p.Repository == nil || p.Repository.FullName == "":
		return problemf(http.StatusBadRequest, "a push names its ref and its repository")
	}
	return nil
}

const notJSON = "the payload is not what GitHub sends: set the hook's content type to application/json"
