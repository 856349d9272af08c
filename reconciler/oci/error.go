// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"
)

// BusyError is what may be otherwise in a moment.
type BusyError struct {
	Err error
	// After is how long the server wants to be left alone; 0 if it does not say so.
	After time.Duration
	// Limited says that there were too many requests.
	Limited bool
}

func (e *BusyError) Error() string { return e.Err.Error() }

func (e *BusyError) Unwrap() error { return e.Err }

// Busy makes an error that may pass.
func Busy(text string) error { return &BusyError{Err: errors.New(text)} }

// refusedError is a request that is not made.
type refusedError struct{ text string }

func (e *refusedError) Error() string { return e.text }

// Explain says to people what went wrong with a request, without what a server may repeat of it. Missing is what it means that there
// is nothing.
func Explain(err error, missing string) error {
	if refused, ok := errors.AsType[*transport.Error](err); ok {
		return Status(refused.StatusCode, 0, missing)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return &BusyError{Err: fmt.Errorf("the server did not answer in time: %w", context.DeadlineExceeded)}
	}
	if errors.Is(err, context.Canceled) {
		return err
	}
	if refused, ok := errors.AsType[*refusedError](err); ok {
		return refused
	}
	if inner, ok := errors.AsType[*url.Error](err); ok {
		err = inner.Err // without the address, which may have a secret
	}
	return &BusyError{Err: fmt.Errorf("the server cannot be asked: %w", err)}
}

// Absent is what is left of an error if what is not there is none.
func Absent(err error) error {
	if refused, ok := errors.AsType[*transport.Error](err); ok && refused.StatusCode == http.StatusNotFound {
		return nil
	}
	return Explain(err, "")
}

// Status is what an HTTP status means.
func Status(code int, after time.Duration, missing string) error {
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fmt.Errorf("the server refuses that (HTTP %d); check the name, and the credentials for it", code)
	case code == http.StatusNotFound:
		return errors.New(missing)
	case code == http.StatusTooManyRequests:
		return &BusyError{Err: errors.New("the server asks for fewer requests (HTTP 429)"), After: after, Limited: true}
	case code >= http.StatusInternalServerError || code == http.StatusRequestTimeout:
		return &BusyError{Err: fmt.Errorf("the server answers with HTTP %d", code), After: after}
	}
	return fmt.Errorf("the server answers with HTTP %d", code)
}
