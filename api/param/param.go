// SPDX-License-Identifier: Apache-2.0

// Package param is how what is wrong with the params of a built-in workload is said: what, where, and what to write instead.
//
// It is pure, and imports nothing of Trunkline.
package param

import (
	"encoding/json"
	"fmt"
)

// Error is what is wrong with params, and where.
type Error struct {
	// Path leads to the param, by names and, in lists, numbers.
	Path []any
	// Hint says what to write instead; empty if there is nothing to say.
	Hint string
	err  error
}

// Wrong says what is wrong at a path.
func Wrong(hint string, err error, path ...any) *Error { return &Error{path, hint, err} }

// Error says what is wrong.
func (e *Error) Error() string { return e.err.Error() }

// Unwrap returns it.
func (e *Error) Unwrap() error { return e.err }

// Read reads params into a value by its JSON. What the schema of a blueprint refuses is an error here; what it knows
// and the value does not is passed over.
func Read(values map[string]any, into any) error {
	data, err := json.Marshal(values)
	if err == nil {
		err = json.Unmarshal(data, into)
	}
	if err != nil {
		return fmt.Errorf("reading the params: %w", err)
	}
	return nil
}
