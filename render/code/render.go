// SPDX-License-Identifier: Apache-2.0

package code

import (
	"context"
	"encoding/json"
	"io/fs"

	"trunkline.dev/trunkline/render/internal/manifest"
)

// Program is what is to be rendered.
type Program struct {
	// Language and Entry are those of a [Job].
	Language, Entry string
	// Given is written as JSON, and read by the language.
	Given any
	// Source is how people know the program, in messages about its objects; default: Entry.
	Source string
}

// Render has a program of a tree evaluated, and returns the objects in its value.
func Render(ctx context.Context, e Evaluator, tree fs.FS, p Program) ([]manifest.Object, error) {
	given, err := json.Marshal(p.Given)
	if err != nil {
		return nil, err
	}
	value, err := e.Evaluate(ctx, Job{Language: p.Language, Entry: p.Entry, Given: given, Ask: Files(ctx, tree)})
	if err != nil {
		return nil, err
	}
	if p.Source == "" {
		p.Source = p.Entry
	}
	return Objects(p.Source, value)
}

// Texts are values as JSON, each by itself: a language reads them as they stand there.
func Texts(values map[string]any) (map[string]json.RawMessage, error) {
	out := make(map[string]json.RawMessage, len(values))
	for name, v := range values {
		data, err := json.Marshal(v)
		if err != nil {
			return nil, err
		}
		out[name] = data
	}
	return out, nil
}
