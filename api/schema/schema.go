// SPDX-License-Identifier: Apache-2.0

// Package schema checks values against JSON Schemas that come from the repository.
//
// A schema is input like any other: it is refused when it is too large, when it refers to anything outside
// itself, and when checking against it would take too long. Problems name the field and say in plain words what
// is wrong with it.
//
// The package is pure. Of Trunkline it may import api/v1alpha1 only.
package schema

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/santhosh-tekuri/jsonschema/v6"
)

// MaxBytes bounds a schema.
const MaxBytes = 4 << 20

// location is the name under which a schema is compiled. Nothing can be loaded from such a place.
const location = "trunkline:///schema"

// Schema is a compiled JSON Schema. It may be used by several goroutines.
type Schema struct {
	compiled *jsonschema.Schema
	raw      any
	// params tells the schema of a blueprint's parameters from others.
	params bool
}

// Problem is one thing that is wrong with a value.
type Problem struct {
	// Path leads to the value by keys (string) and indexes (int).
	Path    []any
	Message string
	// Hint says what to do, or is empty.
	Hint string
}

// Compile compiles a schema that was read from YAML or JSON. Without "$schema" it is of draft 2020-12.
func Compile(definition any) (*Schema, error) {
	data, err := json.Marshal(definition)
	if err != nil {
		return nil, fmt.Errorf("the schema is not JSON: %w", err)
	}
	return CompileJSON(data)
}

// CompileJSON compiles a schema from its text.
func CompileJSON(data []byte) (s *Schema, err error) {
	// The compiler is not written for hostile input; whatever it stumbles on must end here.
	defer func() {
		if r := recover(); r != nil {
			s, err = nil, fmt.Errorf("the schema cannot be compiled: %v", r)
		}
	}()
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("the schema has %d bytes; the limit is %d", len(data), MaxBytes)
	}
	raw, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
	if err != nil {
		return nil, fmt.Errorf("the schema is not JSON: %w", err)
	}
	if err := checkBounds(raw); err != nil {
		return nil, err
	}
	c := jsonschema.NewCompiler()
	c.UseLoader(noLoader{})
	if err := c.AddResource(location, raw); err != nil {
		return nil, fmt.Errorf("the schema cannot be read: %w", err)
	}
	compiled, err := c.Compile(location)
	if err != nil {
		return nil, compileError(err)
	}
	return &Schema{compiled: compiled, raw: raw}, nil
}

// noLoader refuses what a schema refers to outside itself: it would be fetched from the network or read from
// the daemon's disk.
type noLoader struct{}

var errRemote = errors.New("a schema may refer to its own parts only, as in \"#/$defs/name\"")

func (noLoader) Load(url string) (any, error) {
	return nil, fmt.Errorf("%q: %w", url, errRemote)
}

// compileError returns the first thing that is wrong with a schema in one line.
func compileError(err error) error {
	if load, ok := errors.AsType[*jsonschema.LoadURLError](err); ok {
		return fmt.Errorf("the schema is not valid: %w", load.Err)
	}
	var invalid *jsonschema.SchemaValidationError
	var cause *jsonschema.ValidationError
	if errors.As(err, &invalid) && errors.As(invalid.Err, &cause) {
		if leaves := flatten(cause, nil); len(leaves) > 0 {
			return fmt.Errorf("the schema is not valid: at %s: %s", pointer(leaves[0].InstanceLocation), message(leaves[0], nil).Message)
		}
	}
	return fmt.Errorf("the schema is not valid: %w", err)
}
