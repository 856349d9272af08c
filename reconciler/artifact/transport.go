// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"trunkline.dev/trunkline/api/artifact"
)

const (
	// answerWithin bounds the wait for the head of a response, and maxBody the size of each.
	answerWithin = 30 * time.Second
	maxBody      = 48 << 20
	maxRedirects = 5
)

// refusedError is a request that is not made.
type refusedError struct{ text string }

func (e *refusedError) Error() string { return e.text }

// newTransport returns what asks servers: by plain HTTP on loopback only, wherever a redirect leads.
func newTransport() (http.RoundTripper, error) {
	inner, ok := http.DefaultTransport.(*http.Transport)
	if !ok {
		return nil, errors.New("the process has another HTTP transport")
	}
	inner = inner.Clone()
	inner.ResponseHeaderTimeout = answerWithin
	return guarded{inner}, nil
}

type guarded struct{ inner http.RoundTripper }

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
		resp.Body = bounded{http.MaxBytesReader(nil, resp.Body, maxBody), resp.Body}
	}
	return resp, err
}

type bounded struct {
	io.Reader
	io.Closer
}

func redirect(_ *http.Request, via []*http.Request) error {
	if len(via) >= maxRedirects {
		return &refusedError{"the server sends the request on and on"}
	}
	return nil
}
