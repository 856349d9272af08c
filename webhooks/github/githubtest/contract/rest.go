// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"bytes"
	"context"
	"fmt"
	"io"
	"net/http"
	"regexp"
	"strings"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/openapi3filter"

	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

// errorSchema is what every refusal looks like; GitHub's description names it for some of the answers only.
var errorSchema = &openapi3.Schema{
	Type: &openapi3.Types{"object"}, Required: []string{"message"},
	Properties: openapi3.Schemas{"message": openapi3.NewSchemaRef("", openapi3.NewStringSchema()), "documentation_url": openapi3.NewSchemaRef("", openapi3.NewStringSchema())},
}

// rest of paths that go on: a ref and a file have slashes in them, which OpenAPI has no words for.
var onward = regexp.MustCompile(`^(/repos/[^/]+/[^/]+/(?:git/(?:refs?|matching-refs)|contents|branches)/)(.+)$`)

// flat writes what goes on in one part.
func flat(path string) string {
	m := onward.FindStringSubmatch(path)
	if m == nil {
		return path
	}
	return m[1] + strings.ReplaceAll(m[2], "/", "~")
}

// check holds a request and its answer to the description.
func (r *rest) check(e githubtest.Exchange) error {
	path := e.Request.URL.Path
	address := *e.Request.URL
	address.Path, address.RawPath = flat(path), ""
	req, err := http.NewRequestWithContext(context.Background(), e.Request.Method, address.String(), bytes.NewReader(e.Sent))
	if err != nil {
		return err
	}
	req.Header = e.Request.Header.Clone()
	if len(e.Sent) == 0 {
		req.Body = nil
	} else {
		req.Header.Set("Content-Type", "application/json") // which GitHub takes for granted
	}
	req.Header.Del("Authorization")
	route, params, err := r.router.FindRoute(req)
	if err != nil {
		return fmt.Errorf("GitHub has no such operation, or hack/github/operations.txt does not list it: %w", err)
	}
	in := &openapi3filter.RequestValidationInput{
		Request: req, PathParams: params, Route: route,
		Options: &openapi3filter.Options{AuthenticationFunc: openapi3filter.NoopAuthenticationFunc, MultiError: false, SkipSettingDefaults: true},
	}
	if e.Status < http.StatusBadRequest { // one that was refused may be as wrong as it likes
		if err := openapi3filter.ValidateRequest(context.Background(), in); err != nil {
			return fmt.Errorf("the request is not as GitHub describes it: %w", err)
		}
	}
	if e.Status == http.StatusNotModified || e.Status == http.StatusUnauthorized {
		return nil // of which the description of an operation says nothing
	}
	if e.Status >= http.StatusBadRequest {
		return refusal(e)
	}
	out := &openapi3filter.ResponseValidationInput{RequestValidationInput: in, Status: e.Status, Header: e.Header.Clone()}
	out.Options = &openapi3filter.Options{IncludeResponseStatus: true}
	out.Body = io.NopCloser(bytes.NewReader(e.Received))
	if err := openapi3filter.ValidateResponse(context.Background(), out); err != nil {
		return fmt.Errorf("the answer is not as GitHub describes it (%s): %w", strings.TrimPrefix(path, "/"), err)
	}
	return nil
}

// refusal holds an answer that is no success to the form that all of them have.
func refusal(e githubtest.Exchange) error {
	var value any
	if err := unmarshal(e.Received, &value); err != nil {
		return fmt.Errorf("the refusal is no JSON: %w", err)
	}
	if err := errorSchema.VisitJSON(value); err != nil {
		return fmt.Errorf("the refusal is not as GitHub describes it: %w", err)
	}
	return nil
}
