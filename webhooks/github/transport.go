// SPDX-License-Identifier: Apache-2.0

package github

import (
	"bytes"
	"container/list"
	"context"
	"errors"
	"fmt"
	"io"
	"maps"
	"net"
	"net/http"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"
)

const (
	// maxAnswer bounds an answer, maxCached one that is kept, and maxCache all that are kept, in bytes.
	maxAnswer = 32 << 20
	maxCached = 1 << 20
	maxCache  = 16 << 20
)

// whole reads each answer to its end before it returns, so that one that breaks off is an error of the request, and a
// request is over when it says so. It bounds how long that takes.
type whole struct {
	next    http.RoundTripper
	timeout time.Duration
}

// RoundTrip implements [http.RoundTripper].
func (t *whole) RoundTrip(r *http.Request) (*http.Response, error) {
	ctx, cancel := context.WithTimeout(r.Context(), t.timeout)
	defer cancel()
	resp, err := t.next.RoundTrip(r.WithContext(ctx))
	if err != nil {
		if ctx.Err() != nil && r.Context().Err() == nil {
			return nil, fmt.Errorf("there was no answer in %s", t.timeout)
		}
		return nil, err
	}
	body, err := io.ReadAll(io.LimitReader(resp.Body, maxAnswer+1))
	if closed := resp.Body.Close(); err == nil {
		err = closed
	}
	switch {
	case err != nil:
		return nil, fmt.Errorf("the answer broke off: %w", err)
	case len(body) > maxAnswer:
		return nil, fmt.Errorf("the answer has more than %d MiB", maxAnswer>>20)
	}
	resp.Body, resp.ContentLength = io.NopCloser(bytes.NewReader(body)), int64(len(body))
	return resp, nil
}

// cache keeps answers with their ETags, and asks GitHub whether they still hold: what does not count against the limit.
// Those used longest ago go first.
type cache struct {
	next http.RoundTripper

	mu      sync.Mutex
	byKey   map[string]*list.Element
	recent  *list.List // of *kept, the last used first
	content int
}

type kept struct {
	key, etag string
	status    int
	header    http.Header
	body      []byte
}

func newCache(next http.RoundTripper) *cache {
	return &cache{next: next, byKey: map[string]*list.Element{}, recent: list.New()}
}

// RoundTrip implements [http.RoundTripper].
func (c *cache) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.Method != http.MethodGet || r.Header.Get("If-None-Match") != "" {
		return c.next.RoundTrip(r)
	}
	key := r.URL.String() + " " + r.Header.Get("Accept")
	known := c.find(key)
	if known != nil {
		r = r.Clone(r.Context())
		r.Header.Set("If-None-Match", known.etag)
	}
	resp, err := c.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	if known != nil && resp.StatusCode == http.StatusNotModified {
		header := known.header.Clone()
		maps.Copy(header, resp.Header) // the limits are of now
		return &http.Response{
			Status: http.StatusText(known.status), StatusCode: known.status, Proto: resp.Proto, ProtoMajor: resp.ProtoMajor, ProtoMinor: resp.ProtoMinor,
			Header: header, Body: io.NopCloser(bytes.NewReader(known.body)), ContentLength: int64(len(known.body)), Request: r,
		}, nil
	}
	if etag := resp.Header.Get("Etag"); etag != "" && resp.StatusCode == http.StatusOK && resp.ContentLength <= maxCached {
		body, err := io.ReadAll(resp.Body) // which is in memory
		if err != nil {
			return nil, err
		}
		resp.Body = io.NopCloser(bytes.NewReader(body))
		c.keep(&kept{key, etag, resp.StatusCode, resp.Header.Clone(), body})
	}
	return resp, nil
}

func (c *cache) find(key string) *kept {
	c.mu.Lock()
	defer c.mu.Unlock()
	at := c.byKey[key]
	if at == nil {
		return nil
	}
	c.recent.MoveToFront(at)
	return at.Value.(*kept)
}

func (c *cache) keep(k *kept) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if at := c.byKey[k.key]; at != nil {
		c.drop(at)
	}
	c.byKey[k.key] = c.recent.PushFront(k)
	c.content += k.size()
	for c.content > maxCache {
		c.drop(c.recent.Back())
	}
}

func (c *cache) drop(at *list.Element) {
	k := c.recent.Remove(at).(*kept)
	delete(c.byKey, k.key)
	c.content -= k.size()
}

// size is what an answer takes, with what goes with it.
func (k *kept) size() int { return len(k.body) + len(k.key) + 2048 }

// twiceKey marks the context of a request that does no harm when it is done twice.
type twiceKey struct{}

// twice marks requests that may be sent again although the first may have been carried out.
func twice(ctx context.Context) context.Context { return context.WithValue(ctx, twiceKey{}, true) }

// retry sends again what may be done twice, with pauses that grow, when GitHub does not answer or is not well. A token that
// is not accepted is renewed once.
type retry struct {
	next  http.RoundTripper
	renew func()
	tries int
	after time.Duration
}

// againError is an answer that is worth another try.
type againError struct{ resp *http.Response }

func (e *againError) Error() string { return fmt.Sprintf("GitHub answers with %d", e.resp.StatusCode) }

// RoundTrip implements [http.RoundTripper].
func (t *retry) RoundTrip(r *http.Request) (*http.Response, error) {
	pauses := backoff.NewExponentialBackOff()
	pauses.InitialInterval, pauses.MaxInterval = t.after, 8*t.after
	renewed := false
	harmless := safe(r)
	resp, err := backoff.Retry(r.Context(), func() (*http.Response, error) {
		resp, err := t.once(r)
		if err == nil && resp.StatusCode == http.StatusUnauthorized && !renewed && t.renew != nil {
			renewed = true // nothing was done, so that this is no try
			t.renew()
			resp, err = t.once(r)
		}
		var limited *limitedError
		switch {
		case errors.As(err, &limited), r.Context().Err() != nil:
			return resp, backoff.Permanent(err)
		case err != nil && !harmless && !unsent(err):
			return nil, backoff.Permanent(err)
		case err != nil:
			return nil, err
		case harmless && resp.StatusCode >= http.StatusInternalServerError && resp.Header.Get("Retry-After") == "":
			return nil, &againError{resp}
		default:
			return resp, nil
		}
	}, backoff.WithBackOff(pauses), backoff.WithMaxTries(uint(t.tries)), backoff.WithMaxElapsedTime(0))
	if again, ok := errors.AsType[*againError](err); ok {
		return again.resp, nil // what it says is told
	}
	return resp, err
}

// tokenError is a request that was not sent because there is no token to sign it with.
type tokenError struct{ cause error }

func (e *tokenError) Error() string { return e.cause.Error() }

func (e *tokenError) Unwrap() error { return e.cause }

// unsent reports whether a request that failed cannot have reached GitHub.
func unsent(err error) bool {
	var token *tokenError
	var dial *net.OpError
	return errors.As(err, &token) || errors.As(err, &dial) && dial.Op == "dial"
}

// once sends a request with a body of its own.
func (t *retry) once(r *http.Request) (*http.Response, error) {
	copied := r.Clone(r.Context())
	if r.GetBody != nil {
		body, err := r.GetBody()
		if err != nil {
			return nil, fmt.Errorf("reading the request again: %w", err)
		}
		copied.Body = body
	}
	return t.next.RoundTrip(copied)
}

// safe reports whether a request may be sent twice.
func safe(r *http.Request) bool {
	marked, _ := r.Context().Value(twiceKey{}).(bool)
	switch r.Method {
	case http.MethodGet, http.MethodHead, http.MethodPut, http.MethodDelete:
		return r.Body == nil || r.GetBody != nil
	default:
		return marked && r.GetBody != nil
	}
}
