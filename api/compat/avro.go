// SPDX-License-Identifier: Apache-2.0

package compat

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"

	"github.com/hamba/avro/v2"
)

// Bounds of Avro schemas. The library is not written for hostile input: each of them keeps it from something that
// is small to write and takes all time or memory.
const (
	// maxAvroDepth bounds nesting, by which the library recurses.
	maxAvroDepth = 100
	// maxAvroValues bounds the number of JSON values, some of which are compared with each other.
	maxAvroValues = 30_000
	// maxAvroObjects bounds the objects within defaults: each can stand for a record that has more of them by default,
	// and so on.
	maxAvroObjects = 16
	// maxAvroFixed bounds the bytes that defaults of fixed values take.
	maxAvroFixed = 64 << 20
)

func compareAvro(old, fresh []byte) ([]Change, error) {
	reader, err := parseAvro(old)
	if err != nil {
		return nil, &Error{Old: true, Err: err}
	}
	writer, err := parseAvro(fresh)
	if err != nil {
		return nil, &Error{Err: err}
	}
	w := resolution{ledger: newLedger[[2]avro.Schema]()}
	w.resolve(reader, writer, "")
	if len(w.changes) > 0 || w.gaveUp {
		return w.result(), nil
	}
	// Nothing is wrong by our own reading of the rules; the library has the last word.
	if err := compatible(reader, writer); err != nil {
		w.report(Change{Kind: Undecidable, Undecided: true, Message: fmt.Sprintf("the Avro library finds the schemas incompatible: %s", clip(err.Error()))})
	}
	return w.result(), nil
}

func compatible(reader, writer avro.Schema) (err error) {
	defer func() {
		if r := recover(); r != nil {
			err = errors.New("they cannot be compared")
		}
	}()
	return avro.NewSchemaCompatibility().Compatible(reader, writer)
}

// parseAvro reads a schema within bounds.
func parseAvro(data []byte) (s avro.Schema, err error) {
	defer func() {
		if r := recover(); r != nil {
			s, err = nil, errors.New("the schema cannot be read")
		}
	}()
	if len(data) > MaxBytes {
		return nil, fmt.Errorf("the schema has %d bytes; the limit is %d", len(data), MaxBytes)
	}
	var raw any
	d := json.NewDecoder(bytes.NewReader(data))
	if err := d.Decode(&raw); err != nil {
		return nil, fmt.Errorf("the schema is not JSON: %w", err)
	}
	if d.More() {
		return nil, errors.New("the schema is not JSON: there is extra data after it")
	}
	m := measure{}
	if err := m.walk(raw, 0); err != nil {
		return nil, err
	}
	if m.defaults*m.fixed > maxAvroFixed {
		return nil, fmt.Errorf("the defaults of fixed values have more than %d bytes", maxAvroFixed)
	}
	// Written again, for what two parsers might read in two ways, such as a key that is there twice.
	plain, err := json.Marshal(raw)
	if err != nil {
		return nil, fmt.Errorf("the schema is not JSON: %w", err)
	}
	s, err = avro.ParseBytesWithCache(plain, "", &avro.SchemaCache{})
	if err != nil {
		return nil, fmt.Errorf("the schema is not valid: %.200q", err.Error())
	}
	return s, nil
}

// measure counts what is bounded.
type measure struct {
	values, objects int
	// defaults are how many texts are defaults, fixed is the largest size of a fixed value.
	defaults, fixed int
}

func (m *measure) walk(v any, depth int) error {
	m.values++
	switch {
	case depth > maxAvroDepth:
		return fmt.Errorf("the schema is nested deeper than %d levels", maxAvroDepth)
	case m.values > maxAvroValues:
		return fmt.Errorf("the schema has more than %d values", maxAvroValues)
	}
	switch v := v.(type) {
	case map[string]any:
		if size, ok := v["size"].(float64); ok {
			m.fixed = max(m.fixed, int(min(size, maxAvroFixed+1)))
		}
		for _, key := range sortedKeys(v) {
			if key == "default" {
				m.inDefault(v[key], v["type"])
			}
			if m.objects > maxAvroObjects {
				return fmt.Errorf("the defaults hold more than %d records", maxAvroObjects)
			}
			if err := m.walk(v[key], depth+1); err != nil {
				return err
			}
		}
	case []any:
		for _, e := range v {
			if err := m.walk(e, depth+1); err != nil {
				return err
			}
		}
	}
	return nil
}

// inDefault counts the objects in a default; the empty one of a map stands for nothing.
func (m *measure) inDefault(v, of any) {
	switch v := v.(type) {
	case string:
		m.defaults++
	case map[string]any:
		if t, ok := of.(map[string]any); len(v) > 0 || !ok || t["type"] != "map" {
			m.objects++
		}
		for _, c := range v {
			m.inDefault(c, nil)
		}
	case []any:
		for _, c := range v {
			m.inDefault(c, nil)
		}
	}
}
