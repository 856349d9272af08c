// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"time"

	"github.com/google/go-containerregistry/pkg/v1/remote/transport"

	"trunkline.dev/trunkline/api/artifact"
)

// Error is why an artifact is not there. Its text is for people, and has no secrets.
type Error struct {
	Ref artifact.Ref
	Err error
	// passing says that it can be otherwise with the same commit: the registry answers again, or the artifact is pushed or signed.
	passing bool
}

func (e *Error) Error() string { return fmt.Sprintf("%s: %s", e.Ref, e.Err) }

func (e *Error) Unwrap() error { return e.Err }

// Transient reports whether another attempt may end otherwise.
func (e *Error) Transient() bool { return e.passing }

// unfit is what is wrong with the content of an artifact, which its digest says for good.
type unfit struct{ error }

func unfitf(format string, args ...any) error { return unfit{fmt.Errorf(format, args...)} }

// busy is what may be otherwise in a moment.
type busy struct {
	error
	// after is how long the server wants to be left alone; 0 if it does not say so.
	after time.Duration
}

func (b busy) Unwrap() error { return b.error }

// explain says to people what went wrong with a request, without what a server may repeat of it.
func explain(err error, missing string) error {
	if refused, ok := errors.AsType[*transport.Error](err); ok {
		return status(refused.StatusCode, 0, missing)
	}
	if errors.Is(err, context.DeadlineExceeded) {
		return busy{error: fmt.Errorf("the server did not answer in time: %w", context.DeadlineExceeded)}
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
	return busy{error: fmt.Errorf("the server cannot be asked: %w", err)}
}

// status is what an HTTP status means.
func status(code int, after time.Duration, missing string) error {
	switch {
	case code == http.StatusUnauthorized || code == http.StatusForbidden:
		return fmt.Errorf("the server refuses that (HTTP %d); check the name, and the credentials for it", code)
	case code == http.StatusNotFound:
		return errors.New(missing)
	case code == http.StatusTooManyRequests:
		return busy{errors.New("the server asks for fewer requests (HTTP 429)"), after}
	case code >= http.StatusInternalServerError || code == http.StatusRequestTimeout:
		return busy{fmt.Errorf("the server answers with HTTP %d", code), after}
	}
	return fmt.Errorf("the server answers with HTTP %d", code)
}
