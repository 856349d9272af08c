// SPDX-License-Identifier: Apache-2.0

package console

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
)

const (
	// signatureHeader carries GitHub's signature of a delivery, and eventHeader says what happened.
	signatureHeader = "X-Hub-Signature-256"
	eventHeader     = "X-GitHub-Event"
	// maxDelivery bounds the body of a delivery, in bytes. GitHub sends up to 25 MiB, which is what a push of thousands of
	// commits takes; such a push is found by the poll.
	maxDelivery = 4 << 20
	// maxDeliveries bounds how many deliveries are read at once, and so the memory that strangers can fill.
	maxDeliveries = 4
)

// fromHook reports whether a request asks to be judged by its signature. What carries one is judged by nothing else.
func fromHook(r *http.Request) bool {
	return r.Header.Get(signatureHeader) != "" || r.Header.Get(eventHeader) != ""
}

// delivery handles an event that GitHub sends, and reports whether it is a reason to fetch. What it says is a hint, and
// decides nothing: what is applied is what the repository's server then answers. A delivery that is sent again is one more
// fetch that finds nothing new.
func (c *console) delivery(w http.ResponseWriter, r *http.Request) (fetch bool, err error) {
	select {
	case c.deliveries <- struct{}{}:
		defer func() { <-c.deliveries }()
	default:
		w.Header().Set("Retry-After", "1")
		return false, problemf(http.StatusServiceUnavailable, "too many deliveries at once")
	}
	body, err := signedBody(w, r, []byte(c.opts.HookSecret))
	if err == nil {
		err = checkDelivery(r.Header.Get(eventHeader), body)
	}
	if err != nil {
		c.opts.Log.Warn("a delivery to the hook is refused", "err", err.Error())
		return false, err
	}
	if r.Header.Get(eventHeader) != "push" {
		c.answer(w, http.StatusOK, Outcome{"nothing to do"})
		return false, nil
	}
	return true, nil
}

// signedBody reads the body of a request whose signature is right. The limit comes before the hash, and the hash before
// anything looks at what is in the body.
func signedBody(w http.ResponseWriter, r *http.Request, secret []byte) ([]byte, error) {
	if len(secret) == 0 {
		return nil, problemf(http.StatusForbidden, "this daemon accepts no signed deliveries: it was started without --hook-secret-file")
	}
	sent, ok := strings.CutPrefix(r.Header.Get(signatureHeader), "sha256=")
	signature, err := hex.DecodeString(sent)
	if !ok || err != nil || len(signature) != sha256.Size {
		return nil, problemf(http.StatusUnauthorized, "the delivery has no signature: set the hook's secret, and leave its algorithm at SHA-256")
	}
	if r.ContentLength > maxDelivery {
		return nil, tooLarge()
	}
	mac := hmac.New(sha256.New, secret)
	body, err := io.ReadAll(io.TeeReader(http.MaxBytesReader(w, r.Body, maxDelivery), mac))
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &limit):
		return nil, tooLarge()
	case err != nil:
		return nil, problemf(http.StatusBadRequest, "the delivery ended early")
	case !hmac.Equal(signature, mac.Sum(nil)):
		return nil, problemf(http.StatusUnauthorized, "the signature is wrong: the hook's secret is not the daemon's")
	}
	return body, nil
}

// tooLarge returns the answer to a delivery that is larger than what is read.
func tooLarge() error {
	return problemf(http.StatusRequestEntityTooLarge, "the delivery has more than %d MiB; the push is found by the next poll", maxDelivery>>20)
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
		return problemf(http.StatusBadRequest, "the delivery does not say which event it is: there is no %s", eventHeader)
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
