// SPDX-License-Identifier: Apache-2.0

package cue

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/outside"
	"trunkline.dev/trunkline/render/code"
	"trunkline.dev/trunkline/render/internal/manifest"
)

// Language is the name of the language among those of a process.
const Language = "cue"

// The definitions by which a package learns about the release, and a package of a blueprint its params.
const (
	Own    = "#trunkline"
	Params = "#params"
)

// Input is one package to render, and what it is given.
type Input struct {
	FS fs.FS
	// Dir is the folder of the package.
	Dir string
	// Package is its name, where a folder has several; Expression what of its value is rendered: all of it if it is empty.
	Package, Expression string
	// Context is what is told of the release, unified with the definition [Own].
	Context map[string]any
	// Values are unified with what is at their paths in the package, which has to be there.
	Values map[string]any
	// Optional are the same, for paths that need not be there.
	Optional map[string]any
	// Tags are what -t sets for CUE's own command; true is a tag without a value, and false none.
	Tags      map[string]any
	Evaluator code.Evaluator
}

// Given is what goes to the process, as JSON. The values are JSON too.
type Given struct {
	Package    string                     `json:"package,omitempty"`
	Expression string                     `json:"expression,omitempty"`
	Values     map[string]json.RawMessage `json:"values,omitempty"`
	Optional   map[string]json.RawMessage `json:"optional,omitempty"`
	Tags       []string                   `json:"tags,omitempty"`
}

// Render returns the objects of a package.
func Render(ctx context.Context, in Input) ([]manifest.Object, error) {
	info, err := fs.Stat(in.FS, in.Dir)
	switch elsewhere := outside.InSubmodule(err); {
	case elsewhere != nil:
		return nil, fmt.Errorf("%s: %w", in.Dir, elsewhere)
	case errors.Is(err, fs.ErrNotExist):
		return nil, fmt.Errorf("there is no folder %s", in.Dir)
	case err != nil:
		return nil, fmt.Errorf("%s: %w", in.Dir, err)
	case !info.IsDir():
		return nil, fmt.Errorf("%s is a file: a package is the folder that it is in", in.Dir)
	}
	g := Given{Package: in.Package, Expression: in.Expression}
	for _, name := range slices.Sorted(maps.Keys(in.Values)) {
		if head, _, _ := strings.Cut(name, "."); head == Own {
			return nil, fmt.Errorf("values: %s is what Trunkline tells: choose another path", Own)
		}
	}
	if g.Values, err = code.Texts(in.Values); err != nil {
		return nil, err
	}
	optional := maps.Clone(in.Optional)
	if optional == nil {
		optional = map[string]any{}
	}
	optional[Own] = in.Context
	if g.Optional, err = code.Texts(optional); err != nil {
		return nil, err
	}
	for _, name := range slices.Sorted(maps.Keys(in.Tags)) {
		switch v := in.Tags[name].(type) {
		case bool:
			if v {
				g.Tags = append(g.Tags, name)
			}
		default:
			g.Tags = append(g.Tags, fmt.Sprintf("%s=%v", name, v))
		}
	}
	source := in.Dir
	if in.Expression != "" {
		source += ": " + in.Expression
	}
	return code.Render(ctx, in.Evaluator, in.FS, code.Program{Language: Language, Entry: in.Dir, Given: g, Source: source})
}
