// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
)

// entryError is what is wrong with an entry of a field of a kustomization.
type entryError struct {
	field string
	index int // -1 for the field itself
	err   error
}

func at(field string, index int, err error) error { return &entryError{field, index, err} }

func (e *entryError) Error() string {
	if e.index < 0 {
		return fmt.Sprintf("%s: %v", e.field, e.err)
	}
	return fmt.Sprintf("%s[%d]: %v", e.field, e.index, e.err)
}

func (e *entryError) Unwrap() error { return e.err }

// placed puts the file, and the line if it is known, before what is wrong with a kustomization.
func placed(file string, content []byte, err error) error {
	e, ok := err.(*entryError) //nolint:errorlint // those of kustomizations below have their own place
	if !ok {
		return fmt.Errorf("%s: %w", file, err)
	}
	if line := lineOf(content, e.field, e.index); line > 0 {
		return fmt.Errorf("%s:%d: %w", file, line, err)
	}
	return fmt.Errorf("%s: %w", file, err)
}

// lineOf returns the line of an entry, or of the field; 0 if it is not there. Case does not matter in the names of fields.
func lineOf(content []byte, field string, index int) int {
	var doc yaml.Node
	if err := yaml.Unmarshal(content, &doc); err != nil || len(doc.Content) != 1 {
		return 0
	}
	table := doc.Content[0]
	for i := 0; i+1 < len(table.Content); i += 2 {
		key, value := table.Content[i], table.Content[i+1]
		if !strings.EqualFold(key.Value, field) {
			continue
		}
		if index >= 0 && value.Kind == yaml.SequenceNode {
			if index < len(value.Content) {
				return value.Content[index].Line
			}
			// What bases and other old names of a field have comes after it.
			return 0
		}
		return key.Line
	}
	return 0
}
