// SPDX-License-Identifier: Apache-2.0

package jsonnet

import (
	"context"
	"encoding/json"
	"fmt"
	"io/fs"
	"path"

	"trunkline.dev/trunkline/render/code"
	"trunkline.dev/trunkline/render/internal/manifest"
)

// Language is the name of the language among those of a process.
const Language = "jsonnet"

const (
	// MainFile is the file of a folder in which a program begins.
	MainFile = "main.jsonnet"
	// Own is the external variable, and the argument, by which a program learns about the release.
	Own = "trunkline"
)

// Input is one program to render, and what it is given.
type Input struct {
	FS fs.FS
	// Path is the file where the program begins, or a folder with a [MainFile].
	Path string
	// Libraries are folders in which imports are looked for that are not beside the file that imports; the first that has one counts.
	Libraries []string
	// Context is what is told of the release: by the external variable [Own], and by an argument of that name if the program takes one.
	Context map[string]any
	// Args are the arguments of a program that is a function, Vars its external variables.
	Args, Vars map[string]any
	// MayIgnore says that a program that is no function may leave the arguments unused.
	MayIgnore bool
	Evaluator code.Evaluator
}

// given is what goes to the process, as JSON.
type given struct {
	Libraries []string                   `json:"libraries,omitempty"`
	Context   json.RawMessage            `json:"context"`
	Args      map[string]json.RawMessage `json:"args,omitempty"`
	Vars      map[string]json.RawMessage `json:"vars,omitempty"`
	MayIgnore bool                       `json:"mayIgnore,omitempty"`
}

// Render returns the objects of a program.
func Render(ctx context.Context, in Input) ([]manifest.Object, error) {
	entry := in.Path
	if info, err := fs.Stat(in.FS, entry); err == nil && info.IsDir() {
		entry = path.Join(entry, MainFile)
	}
	if _, taken := in.Vars[Own]; taken {
		return nil, fmt.Errorf("vars: the variable %q is Trunkline's own: choose another name", Own)
	}
	if _, taken := in.Args[Own]; taken {
		return nil, fmt.Errorf("args: the argument %q is Trunkline's own: choose another name", Own)
	}
	g := given{Libraries: in.Libraries, MayIgnore: in.MayIgnore}
	var err error
	if g.Context, err = json.Marshal(in.Context); err != nil {
		return nil, err
	}
	if g.Args, err = code.Texts(in.Args); err != nil {
		return nil, err
	}
	if g.Vars, err = code.Texts(in.Vars); err != nil {
		return nil, err
	}
	return code.Render(ctx, in.Evaluator, in.FS, code.Program{Language: Language, Entry: entry, Given: g})
}
