// SPDX-License-Identifier: Apache-2.0

// Package contract holds what passes between a client and githubtest to GitHub's own descriptions: the REST API to its
// OpenAPI description, webhooks to their schemas. It also has GitHub's example payloads.
//
// The descriptions are GitHub's text and are not part of this repository: hack/github/install.sh fetches them into
// .cache/github, which "make github-schemas" and "make test" call. Tests that need them are of tier 2.
//
// Of Trunkline it imports githubtest and test/cached.
package contract

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
	"sync"
	"testing"

	"github.com/getkin/kin-openapi/openapi3"
	"github.com/getkin/kin-openapi/routers"
	"github.com/getkin/kin-openapi/routers/gorillamux"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"trunkline.dev/trunkline/test/cached"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

// Check returns the options of a GitHub of which each request, each answer and each delivery is held to GitHub's
// descriptions. What is not as described fails the test. Short runs have no descriptions and check nothing.
func Check(tb testing.TB, o githubtest.Options) githubtest.Options {
	tb.Helper()
	if testing.Short() {
		return o
	}
	rest, hooks := need(tb)
	o.Observe = func(e githubtest.Exchange) {
		if err := rest.check(e); err != nil {
			tb.Errorf("%s %s, answered with %d: %v", e.Request.Method, e.Request.URL.Path, e.Status, err)
		}
	}
	o.ObserveDelivery = func(event string, payload []byte) {
		if err := hooks.check(event, payload); err != nil {
			tb.Errorf("the payload of %s is not as GitHub's: %v", event, err)
		}
	}
	return o
}

// need returns the descriptions, or skips the test in short runs.
func need(tb testing.TB) (*rest, *hooks) {
	tb.Helper()
	if testing.Short() {
		tb.Skip("needs GitHub's descriptions of its API; left out by -short")
	}
	r, err := theRest()
	if err != nil {
		tb.Fatal(err)
	}
	h, err := theHooks()
	if err != nil {
		tb.Fatal(err)
	}
	return r, h
}

var (
	theRest  = sync.OnceValues(loadRest)
	theHooks = sync.OnceValues(loadHooks)
)

// read reads a file of .cache/github.
func read(name string) ([]byte, error) {
	file, err := cached.Path("github/"+name, "github-schemas")
	if err != nil {
		return nil, err
	}
	data, err := os.ReadFile(file)
	if err != nil {
		return nil, fmt.Errorf("reading what GitHub says of its API: %w", err)
	}
	return data, nil
}

// rest is the description of the REST API.
type rest struct{ router routers.Router }

func loadRest() (*rest, error) {
	data, err := read("openapi.json")
	if err != nil {
		return nil, err
	}
	doc, err := openapi3.NewLoader().LoadFromData(data)
	if err != nil {
		return nil, fmt.Errorf("reading GitHub's description of its REST API: %w", err)
	}
	doc.Servers = nil // whatever serves it
	correct(doc)
	router, err := gorillamux.NewRouter(doc)
	if err != nil {
		return nil, fmt.Errorf("finding the routes of GitHub's REST API: %w", err)
	}
	return &rest{router}, nil
}

// correct puts right what GitHub's description says otherwise than GitHub does, and says in its guides: the head of a pull
// request whose fork was deleted has no repository.
func correct(doc *openapi3.T) {
	for _, name := range []string{"pull-request", "pull-request-simple"} {
		schema := doc.Components.Schemas[name]
		if schema == nil {
			continue
		}
		head := schema.Value.Properties["head"].Value
		repo := *head.Properties["repo"].Value
		repo.Nullable = true
		head.Properties["repo"] = openapi3.NewSchemaRef("", &repo)
	}
}

// hooks are the schemas of webhooks.
type hooks struct {
	compiler *jsonschema.Compiler
	mu       sync.Mutex
	known    map[string]*jsonschema.Schema
	names    map[string]bool
}

const schemaURL = "https://github.com/octokit/webhooks/payload-schemas.json"

func loadHooks() (*hooks, error) {
	data, err := read("webhooks.json")
	if err != nil {
		return nil, err
	}
	doc, err := jsonschema.UnmarshalJSON(strings.NewReader(string(data)))
	if err != nil {
		return nil, fmt.Errorf("reading GitHub's schemas of webhooks: %w", err)
	}
	var definitions struct {
		Definitions map[string]json.RawMessage `json:"definitions"`
	}
	if err := json.Unmarshal(data, &definitions); err != nil {
		return nil, fmt.Errorf("reading GitHub's schemas of webhooks: %w", err)
	}
	compiler := jsonschema.NewCompiler()
	// Templates such as {/sha} are what GitHub writes, and what the library's own check refuses.
	compiler.RegisterFormat(&jsonschema.Format{Name: "uri-template", Validate: func(any) error { return nil }})
	compiler.AssertFormat()
	if err := compiler.AddResource(schemaURL, doc); err != nil {
		return nil, fmt.Errorf("reading GitHub's schemas of webhooks: %w", err)
	}
	names := map[string]bool{}
	for name := range definitions.Definitions {
		names[name] = true
	}
	return &hooks{compiler: compiler, known: map[string]*jsonschema.Schema{}, names: names}, nil
}

// schema finds the schema of an event: that of its action, where events have one.
func (h *hooks) schema(event, action string) (*jsonschema.Schema, error) {
	h.mu.Lock()
	defer h.mu.Unlock()
	name := ""
	for _, candidate := range []string{event + "$" + action, event + "$event", event + "_event"} {
		if h.names[candidate] {
			name = candidate
			break
		}
	}
	if name == "" {
		return nil, fmt.Errorf("GitHub has no event %s with the action %q", event, action)
	}
	if h.known[name] == nil {
		compiled, err := h.compiler.Compile(schemaURL + "#/definitions/" + strings.NewReplacer("$", "%24").Replace(name))
		if err != nil {
			return nil, fmt.Errorf("the schema of %s: %w", name, err)
		}
		h.known[name] = compiled
	}
	return h.known[name], nil
}

func (h *hooks) check(event string, payload []byte) error {
	value, err := jsonschema.UnmarshalJSON(strings.NewReader(string(payload)))
	if err != nil {
		return fmt.Errorf("it is no JSON: %w", err)
	}
	action := ""
	if o, ok := value.(map[string]any); ok {
		action, _ = o["action"].(string)
	}
	schema, err := h.schema(event, action)
	if err != nil {
		return err
	}
	return schema.Validate(value)
}
