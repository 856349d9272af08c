// SPDX-License-Identifier: Apache-2.0

package consoletest

import (
	"bytes"
	"context"
	"io"
	"net/http"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"

	"trunkline.dev/trunkline/console"
)

// document is the description of the API, and router finds its routes; it is read once.
var document = sync.OnceValues(func() (*openapi3.T, error) {
	read, err := openapi3.NewLoader().LoadFromData(console.OpenAPI)
	if err != nil {
		return nil, err
	}
	return read, read.Validate(context.Background())
})

var router = sync.OnceValues(func() (routers.Router, error) {
	read, err := document()
	if err != nil {
		return nil, err
	}
	for _, kind := range []string{"application/x-ndjson", "text/event-stream", "text/html", "text/markdown"} {
		openapi3filter.RegisterBodyDecoder(kind, openapi3filter.FileBodyDecoder)
	}
	return gorillamux.NewRouter(read)
})

// Document returns the description of the API, which has to be one.
func Document(t *testing.T) *openapi3.T {
	t.Helper()
	document, err := document()
	if err != nil {
		t.Fatalf("the description of the API: %v", err)
	}
	return document
}

// transport holds what passes through it to the description.
type transport struct {
	t      *testing.T
	router routers.Router
	next   http.RoundTripper
}

// described fails a test where an answer is not as described, or where a request that is not was answered all the same.
func described(t *testing.T, next http.RoundTripper) http.RoundTripper {
	t.Helper()
	router, err := router()
	if err != nil {
		t.Fatal(err)
	}
	return &transport{t, router, next}
}

// RoundTrip implements [http.RoundTripper].
func (d *transport) RoundTrip(r *http.Request) (*http.Response, error) {
	sent, err := drain(&r.Body)
	if err != nil {
		return nil, err
	}
	resp, err := d.next.RoundTrip(r)
	if err != nil {
		return nil, err
	}
	route, params, err := d.router.FindRoute(r)
	if err != nil {
		return resp, nil //nolint:nilerr // no route is described, and there should be none
	}
	r.Body = io.NopCloser(bytes.NewReader(sent))
	in := &openapi3filter.RequestValidationInput{
		Request: r, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, IncludeResponseStatus: true},
	}
	if r.Header.Get("X-Github-Event") != "" || len(sent) == 0 && r.Method == http.MethodPost {
		in.Options.ExcludeRequestBody = true // a hint's content does not matter
	}
	if resp.StatusCode < http.StatusBadRequest {
		if err := openapi3filter.ValidateRequest(r.Context(), in); err != nil {
			d.t.Errorf("%s %s was answered with %d and is not as described: %v", r.Method, r.URL, resp.StatusCode, err)
		}
	}
	if strings.HasPrefix(resp.Header.Get("Content-Type"), "text/event-stream") {
		return resp, nil // it has no end to wait for
	}
	got, err := drain(&resp.Body)
	if err != nil {
		return nil, err
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: resp.StatusCode, Header: resp.Header, Options: in.Options}
	out.SetBodyBytes(got)
	if err := openapi3filter.ValidateResponse(r.Context(), out); err != nil {
		d.t.Errorf("the answer to %s %s is not as described: %v", r.Method, r.URL, err)
	}
	resp.Body = io.NopCloser(bytes.NewReader(got))
	return resp, nil
}

// drain reads a body, and puts another of the same content in its place.
func drain(body *io.ReadCloser) ([]byte, error) {
	if *body == nil {
		return nil, nil
	}
	data, err := io.ReadAll(*body)
	if err != nil {
		return nil, err
	}
	err = (*body).Close()
	*body = io.NopCloser(bytes.NewReader(data))
	return data, err
}
