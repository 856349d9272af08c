// SPDX-License-Identifier: Apache-2.0

package contract

import (
	"encoding/json"
	"fmt"
	"testing"
)

// Example is a payload by which GitHub shows an event.
type Example struct {
	Event, Action string
	Payload       []byte
	// Valid reports whether it is as GitHub's schema of the event says; some are older than their schemas.
	Valid bool
}

// Examples returns all of GitHub's example payloads, those of an event in GitHub's order. It skips the test in short runs.
func Examples(tb testing.TB) []Example {
	tb.Helper()
	_, hooks := need(tb)
	data, err := read("examples.json")
	if err != nil {
		tb.Fatal(err)
	}
	var events []struct {
		Name     string            `json:"name"`
		Examples []json.RawMessage `json:"examples"`
	}
	if err := json.Unmarshal(data, &events); err != nil {
		tb.Fatalf("reading GitHub's examples: %v", err)
	}
	var out []Example
	for _, e := range events {
		for _, payload := range e.Examples {
			var head struct {
				Action string `json:"action"`
			}
			_ = json.Unmarshal(payload, &head) // some have none
			out = append(out, Example{Event: e.Name, Action: head.Action, Payload: payload, Valid: hooks.check(e.Name, payload) == nil})
		}
	}
	if len(out) < 200 {
		tb.Fatalf("found %d examples only: what was fetched is not what it was", len(out))
	}
	return out
}

func unmarshal(data []byte, into any) error {
	if err := json.Unmarshal(data, into); err != nil {
		return fmt.Errorf("reading JSON: %w", err)
	}
	return nil
}
