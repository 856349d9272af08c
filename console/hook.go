package console

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
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

// refusal is an answer that says no.
type refusal struct {
	code   int
	detail string
}

// fromHook reports whether a request asks to be judged by its signature. What carries one is judged by nothing else.
func fromHook(r *http.Request) bool {
	return r.Header.Get(signatureHeader) != "" || r.Header.Get(eventHeader) != ""
}

// delivery handles an event that GitHub sends. What it says is a hint to fetch, and decides nothing: what is applied is
// what the repository's server then answers. A delivery that is sent again is one more fetch that finds nothing new.
func (c console) delivery(w http.ResponseWriter, r *http.Request) {
	select {
	case c.deliveries <- struct{}{}:
		defer func() { <-c.deliveries }()
	default:
		w.Header().Set("Retry-After", "1")
		c.text(w, http.StatusServiceUnavailable, "too many deliveries at once")
		return
	}
	body, no := signedBody(w, r, []byte(c.opts.HookSecret))
	if no == nil {
		no = checkDelivery(r.Header.Get(eventHeader), body)
	}
	switch {
	case no != nil:
		c.opts.Log.Warn("a delivery to the hook was refused", "code", no.code, "detail", no.detail)
		c.text(w, no.code, no.detail)
	case r.Header.Get(eventHeader) == "push":
		c.sync(w, r)
	default:
		c.text(w, http.StatusOK, "nothing to do")
	}
}

// signedBody reads the body of a request whose signature is right. The limit comes before the hash, and the hash before
// anything looks at what is in the body.
func signedBody(w http.ResponseWriter, r *http.Request, secret []byte) ([]byte, *refusal) {
	if len(secret) == 0 {
		return nil, &refusal{http.StatusForbidden, "this daemon accepts no signed deliveries: it was started without --hook-secret-file"}
	}
	sent, ok := strings.CutPrefix(r.Header.Get(signatureHeader), "sha256=")
	signature, err := hex.DecodeString(sent)
	if !ok || err != nil || len(signature) != sha256.Size {
		return nil, &refusal{http.StatusUnauthorized, "the delivery has no signature: set the hook's secret, and leave its algorithm at SHA-256"}
	}
	if r.ContentLength > maxDelivery {
		return nil, tooLarge
	}
	mac := hmac.New(sha256.New, secret)
	body, err := io.ReadAll(io.TeeReader(http.MaxBytesReader(w, r.Body, maxDelivery), mac))
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &limit):
		return nil, tooLarge
	case err != nil:
		return nil, &refusal{http.StatusBadRequest, "the delivery ended early"}
	case !hmac.Equal(signature, mac.Sum(nil)):
		return nil, &refusal{http.StatusUnauthorized, "the signature is wrong: the hook's secret is not the daemon's"}
	}
	return body, nil
}

var tooLarge = &refusal{http.StatusRequestEntityTooLarge, fmt.Sprintf("the delivery has more than %d MiB; the push is found by the next poll", maxDelivery>>20)}

// push is what has to be there of a push; a branch that was deleted has no commits, and nothing else of it is read.
type push struct {
	Ref        string `json:"ref"`
	Repository *struct {
		FullName string `json:"full_name"`
	} `json:"repository"`
}

// checkDelivery reports what is wrong with the payload of an event; nil: nothing.
func checkDelivery(event string, body []byte) *refusal {
	if event == "" {
		return &refusal{http.StatusBadRequest, "the delivery does not say which event it is: there is no " + eventHeader}
	}
	if event != "push" {
		var object map[string]json.RawMessage
		if json.Unmarshal(body, &object) != nil || object == nil {
			return &refusal{http.StatusBadRequest, notJSON}
		}
		return nil
	}
	var p push
	switch err := json.Unmarshal(body, &p); {
	case err != nil:
		return &refusal{http.StatusBadRequest, notJSON}
	case p.Ref == "" || p.Repository == nil || p.Repository.FullName == "":
		return &refusal{http.StatusBadRequest, "a push names its ref and its repository"}
	}
	return nil
}

const notJSON = "the payload is not what GitHub sends: set the hook's content type to application/json"
