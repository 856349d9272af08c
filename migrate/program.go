// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/render/code"
	"trunkline.dev/trunkline/render/jsonnet"
	"trunkline.dev/trunkline/scaffold"
)

// program is one in Jsonnet: Argo CD evaluates each file of a folder that ends in .jsonnet.
type program struct {
	// file is where it begins, and libraries are the folders in which its imports are looked for, the first one first.
	file      string
	libraries []string
	// args are its arguments, and vars its external variables.
	args, vars map[string]any
}

// params are those of the blueprint jsonnet, for a project in a folder.
func (p *program) params(at string) map[string]any {
	out := map[string]any{"path": relative(at, p.file)}
	libraries := make([]any, len(p.libraries))
	for i, dir := range p.libraries {
		libraries[i] = relative(at, dir)
	}
	out["libraries"] = libraries
	if len(p.args) > 0 {
		out["args"] = p.args
	}
	if len(p.vars) > 0 {
		out["vars"] = p.vars
	}
	return out
}

// programs builds the programs of a folder, as Argo CD does, and reports whether there are any.
func (a *argo) programs(app *application, s any, at, dir string) (parts []part, there bool) {
	options := table(s, "directory")
	files, err := a.files(dir, options, func(name string) bool { return path.Ext(name) == ".jsonnet" })
	if err != nil || len(files) == 0 {
		return nil, false
	}
	given := table(options, "jsonnet")
	at += ".directory.jsonnet"
	args, ok := a.given(app.Object, at+".tlas", list(given, "tlas"))
	vars, also := a.given(app.Object, at+".extVars", list(given, "extVars"))
	if !ok || !also {
		return nil, true
	}
	// The last of them counts first, and the folder itself last.
	libraries := []string{dir}
	for _, name := range texts(given, "libs") {
		library, ok := inTree(name)
		if !ok || !a.isFolder(library) {
			a.note(app.Object, at+".libs", fmt.Sprintf("there is no folder %q", name), "")
			continue
		}
		libraries = slices.Insert(libraries, 0, library)
	}
	for _, file := range files {
		p := part{name: label(app.GetName()), program: &program{file, libraries, args, vars}}
		if len(files) > 1 {
			p.name = label(app.GetName() + "-" + strings.TrimSuffix(path.Base(file), ".jsonnet"))
		}
		if p.objects, err = a.evaluated(p.program); err != nil {
			a.note(app.Object, strings.TrimSuffix(at, ".directory.jsonnet")+".path", "it does not render: "+err.Error(), "fix it, and run this again")
			continue
		}
		parts = append(parts, p)
	}
	return parts, true
}

// given are the values of arguments or variables: texts, or code, of which it is what that comes to.
func (a *argo) given(of Object, at string, items []any) (map[string]any, bool) {
	out := map[string]any{}
	for i, item := range items {
		name, value := text(item, "name"), any(text(item, "value"))
		if found := variable(value); found != "" {
			a.note(of, fmt.Sprintf("%s[%d]", at, i), fmt.Sprintf("variables of Argo CD are not replaced (%s)", found), "write the value; std.extVar('trunkline') tells of the release")
		}
		if flag(item, "code") {
			var err error
			if value, err = a.valueOfCode(text(item, "value")); err != nil {
				a.note(of, fmt.Sprintf("%s[%d]", at, i), fmt.Sprintf("the code of %q has no value: %v", name, err), "write the value as JSON, and run this again")
				return nil, false
			}
		}
		out[name] = value
	}
	return out, true
}

// valueOfCode evaluates an expression of Jsonnet, which nothing is given.
func (a *argo) valueOfCode(expression string) (value any, err error) {
	const file = ".trunkline-migrate.jsonnet"
	tree := scaffold.Overlay(a.Tree, []scaffold.File{{Path: file, Data: []byte(expression)}})
	text, err := code.Run(jsonnet.Evaluate, code.Job{Language: jsonnet.Language, Entry: file, Given: []byte(`{"context": {}}`), Ask: code.Files(a.ctx, tree)})
	if err != nil {
		return nil, err
	}
	return value, json.Unmarshal(text, &value)
}

// evaluated returns what a program makes.
func (m *migration) evaluated(p *program) ([]Object, error) {
	objects, err := jsonnet.Render(m.ctx, jsonnet.Input{
		FS: m.Tree, Path: p.file, Libraries: p.libraries, Context: map[string]any{}, Args: p.args, Vars: p.vars,
		Evaluator: code.InProcess{jsonnet.Language: jsonnet.Evaluate},
	})
	if err != nil {
		return nil, err
	}
	out := make([]Object, len(objects))
	for i, o := range objects {
		out[i] = Object{o.Unstructured, ""}
	}
	return out, nil
}

// files lists those of a folder that Argo CD reads, of those with a name that is wanted.
func (a *argo) files(dir string, options map[string]any, wanted func(name string) bool) (out []string, err error) {
	err = fs.WalkDir(a.Tree, dir, func(file string, entry fs.DirEntry, err error) error {
		name := strings.TrimPrefix(file, dir+"/")
		switch {
		case err != nil:
			return err
		case entry.IsDir() && file != dir && (strings.HasPrefix(entry.Name(), ".") || file == a.To || !flag(options, "recurse")):
			return fs.SkipDir
		case !entry.Type().IsRegular() || !wanted(file) || strings.HasPrefix(entry.Name(), "."):
			return nil
		}
		if include := text(options, "include"); include != "" && !matches(include, name) {
			return nil
		}
		if exclude := text(options, "exclude"); exclude != "" && matches(exclude, name) {
			return nil
		}
		out = append(out, file)
		return nil
	})
	return out, err
}
