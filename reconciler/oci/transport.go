// SPDX-License-Identifier: Apache-2.0

package oci

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"trunkline.dev/trunkline/api/artifact"
)

const (
	// answerWithin bounds the wait for the head of a response.
	answerWithin = 30 * time.Second
	maxRedirects = 5
)

// NewTransport returns what asks servers: by plain HTTP on loopback only, wherever a redirect leads. It bounds the size of each response.
func NewTransport(maxBody int64) (http.RoundTripper, error) {
	inner, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the process has another HTTP transport")
	}
	inner = inner.Clone()
	inner.ResponseHeaderTimeout = answerWithin
	return Guard(inner, maxBody), nil
}

// Guard is [NewTransport] over another one.
func Guard(inner http.RoundTripper, maxBody int64) http.RoundTripper { return guarded{inner, maxBody} }

type guarded struct {
	inner   http.RoundTripper
	maxBody int64
}

// RoundTrip implements [http.RoundTripper].
func (g guarded) RoundTrip(r *http.Request) (*http.Response, error) {
	if r.URL.Scheme != "https" && !artifact.Loopback(r.URL.Hostname()) {
		if r.URL.Scheme != "http" || r.Response != nil {
			return nil, &refusedError{fmt.Sprintf("the server sends the request on by %s://, which is not asked", r.URL.Scheme)}
		}
		r = r.Clone(r.Context()) // a client that found no TLS would go on without it
		r.URL.Scheme = "https"
	}
	resp, err := g.inner.RoundTrip(r)
	if err == nil {
		resp.Body = bounded{http.MaxBytesReader(nil, resp.Body, g.maxBody), resp.Body}
	}
	return resp, err
}

type bounded struct {
	io.Reader
	io.Closer
}

// Redirect is how a client of HTTP follows a server that sends it on.
func Redirect(_ *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return &refusedError{"the server sends the request on and on"}
	}
	return nil
}
