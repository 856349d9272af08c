// SPDX-License-Identifier: Apache-2.0

// Package delivery reads what GitHub sends to a webhook: a body of bounded size whose signature is right. The limit comes
// before the hash, and the hash before anything looks at what is in the body.
//
// It imports nothing of Trunkline.
package delivery

import (
	"crypto/hmac"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
)

const (
	// SignatureHeader carries GitHub's signature of a delivery.
	SignatureHeader = "X-Hub-Signature-256"
	// EventHeader says what happened.
	EventHeader = "X-GitHub-Event"
	// IDHeader says which delivery it is: one that is sent again has the same.
	IDHeader = "X-GitHub-Delivery"

	// Limit bounds a body, in bytes. GitHub sends up to 25 MiB, which is what a push of thousands of commits takes; what
	// such a delivery is about is found by polling.
	Limit = 4 << 20
)

// Error is why a delivery is refused, with the status of HTTP to answer. Its text is for those who set the hook up, and
// has nothing of the body, the signature or the secret.
type Error struct {
	Status int
	text   string
}

func (e *Error) Error() string { return e.text }

func refuse(status int, format string, args ...any) error {
	return &Error{Status: status, text: fmt.Sprintf(format, args...)}
}

// Signed reports whether a request says that it is a delivery, and so is judged by its signature and by nothing else.
func Signed(r *http.Request) bool {
	return r.Header.Get(SignatureHeader) != "" || r.Header.Get(EventHeader) != ""
}

// Read reads the body of a request whose signature is right, or returns an [Error]. Without a secret everything is refused.
func Read(w http.ResponseWriter, r *http.Request, secret []byte) ([]byte, error) {
	if len(secret) == 0 {
		return nil, refuse(http.StatusForbidden, "no signed deliveries are accepted: no secret of a webhook is configured")
	}
	sent, ok := strings.CutPrefix(r.Header.Get(SignatureHeader), "sha256=")
	signature, err := hex.DecodeString(sent)
	if !ok || err != nil || len(signature) != sha256.Size {
		return nil, refuse(http.StatusUnauthorized, "the delivery has no signature: set the hook's secret, and leave its algorithm at SHA-256")
	}
	if r.ContentLength > Limit {
		return nil, tooLarge()
	}
	mac := hmac.New(sha256.New, secret)
	body, err := io.ReadAll(io.TeeReader(http.MaxBytesReader(w, r.Body, Limit), mac))
	var limit *http.MaxBytesError
	switch {
	case errors.As(err, &limit):
		return nil, tooLarge()
	case err != nil:
		return nil, refuse(http.StatusBadRequest, "the delivery ended early")
	case !hmac.Equal(signature, mac.Sum(nil)): // in constant time
		return nil, refuse(http.StatusUnauthorized, "the signature is wrong: the hook's secret is not the daemon's")
	}
	return body, nil
}

// tooLarge returns the answer to a delivery that is larger than what is read.
func tooLarge() error {
	return refuse(http.StatusRequestEntityTooLarge, "the delivery has more than %d MiB; what it tells is found by the next poll", Limit>>20)
}
