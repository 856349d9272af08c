// SPDX-License-Identifier: Apache-2.0

package rego

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"path"
	"strings"

	"github.com/BurntSushi/toml"
	"github.com/open-policy-agent/opa/v1/ast"
	"github.com/open-policy-agent/opa/v1/topdown"
	"github.com/open-policy-agent/opa/v1/types"

	"trunkline.dev/trunkline/policy/subject"
)

// configs are the functions of Conftest that read configuration: a text, or a file of the policy folders.
type configs struct{ folders []subject.Folder }

// add lets policies call them. What cannot be read is a policy that cannot be evaluated.
func (c configs) add(s *sandbox) {
	each := func(name string, args []types.Type, read func(operands []*ast.Term) (any, error)) {
		decl := &ast.Builtin{Name: name, Decl: types.NewFunction(types.Args(args...), types.A)}
		s.capabilities.Builtins = append(s.capabilities.Builtins, decl)
		s.functions[name] = &topdown.Builtin{Decl: decl, Func: guard(name, func(b topdown.BuiltinContext, o []*ast.Term, iter func(*ast.Term) error) error {
			value, err := read(o)
			if err == nil {
				var v ast.Value
				if v, err = ast.InterfaceToValue(value); err == nil {
					return iter(ast.NewTerm(v))
				}
			}
			return topdown.Halt{Err: &topdown.Error{Code: topdown.BuiltinErr, Message: name + ": " + err.Error(), Location: b.Location}}
		})}
	}
	each("parse_config", []types.Type{types.S, types.S}, func(o []*ast.Term) (any, error) {
		return parseConfig(text(o[0]), "the text", []byte(text(o[1])))
	})
	each("parse_config_file", []types.Type{types.S}, func(o []*ast.Term) (any, error) { return c.file(text(o[0])) })
	each("parse_combined_config_files", []types.Type{types.NewArray(nil, types.S)}, func(o []*ast.Term) (any, error) {
		var out []any
		list, _ := o[0].Value.(*ast.Array)
		for i := range list.Len() {
			name := text(list.Elem(i))
			value, err := c.file(name)
			if err != nil {
				return nil, err
			}
			out = append(out, map[string]any{"path": name, "contents": value})
		}
		return out, nil
	})
}

// file reads a file by its path in the tree, or in a folder of policies.
func (c configs) file(name string) (any, error) {
	for _, folder := range c.folders {
		for _, f := range folder.Files {
			if f.Path == path.Clean(name) || f.Path == path.Join(folder.Path, name) {
				return parseConfig(strings.TrimPrefix(path.Ext(name), "."), name, f.Data)
			}
		}
	}
	return nil, fmt.Errorf("there is no YAML or JSON file %q in the folders of policies", name)
}

// parseConfig reads a text: the document in it, or a list of several.
func parseConfig(parser, name string, data []byte) (any, error) {
	switch parser {
	case "json":
		d := json.NewDecoder(bytes.NewReader(data))
		d.UseNumber()
		var value any
		if err := d.Decode(&value); err != nil {
			return nil, fmt.Errorf("%s is not JSON: %w", name, err)
		}
		return value, nil
	case "toml":
		var value map[string]any
		if err := toml.Unmarshal(data, &value); err != nil {
			return nil, fmt.Errorf("%s is not TOML: %w", name, err)
		}
		return value, nil
	case "yaml", "yml":
		docs, problem := subject.ParseYAML(name, data)
		if problem != nil {
			return nil, errors.New(problem.String())
		}
		if len(docs) == 1 {
			return docs[0].Value, nil
		}
		values := make([]any, len(docs))
		for i, doc := range docs {
			values[i] = doc.Value
		}
		return values, nil
	}
	return nil, fmt.Errorf("there is no parser %q: want one of: json, toml, yaml", parser)
}
