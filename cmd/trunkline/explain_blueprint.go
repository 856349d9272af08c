// SPDX-License-Identifier: Apache-2.0

package main

import (
	"encoding/json"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
)

// blueprintPrefix begins what is said of a built-in blueprint, or of a param of it, such as "blueprint/copy.filter".
const blueprintPrefix = "blueprint/"

// blueprintNames are those of the built-in blueprints.
func blueprintNames() ([]string, error) {
	files, err := fs.Glob(blueprints.FS, "*/blueprint.yaml")
	for i := range files {
		files[i] = path.Dir(files[i])
	}
	return files, err
}

// builtIn reads a built-in blueprint.
func builtIn(name string) (*v1alpha1.Blueprint, error) {
	names, err := blueprintNames()
	if err != nil {
		return nil, err
	}
	if !slices.Contains(names, name) {
		return nil, usagef("there is no built-in blueprint %q: %s", name, v1alpha1.Suggest(name, names))
	}
	file := name + "/blueprint.yaml"
	data, err := fs.ReadFile(blueprints.FS, file)
	if err != nil {
		return nil, err
	}
	docs, problems := v1alpha1.Decode(file, data)
	if len(problems) > 0 || len(docs) != 1 {
		return nil, fmt.Errorf("reading the blueprint %q: %s", name, problems)
	}
	bp, ok := docs[0].Object.(*v1alpha1.Blueprint)
	if !ok {
		return nil, fmt.Errorf("%s declares no blueprint", file)
	}
	return bp, nil
}

// parameter is a param as the JSON Schema of its blueprint has it.
type parameter struct {
	Name        string      `json:"name"`
	Type        string      `json:"type"`
	Required    bool        `json:"required"`
	Default     string      `json:"default,omitempty"`
	Values      []string    `json:"values,omitempty"`
	Bounds      []string    `json:"bounds,omitempty"`
	Description string      `json:"description"`
	Params      []parameter `json:"params,omitempty"`
}

// explainedBlueprint is a blueprint as JSON.
type explainedBlueprint struct {
	Blueprint   string      `json:"blueprint"`
	Description string      `json:"description"`
	Fields      []string    `json:"fields"`
	Params      []parameter `json:"params"`
}

// parametersOf reads the properties of a schema, by name.
func parametersOf(schema map[string]any) (out []parameter) {
	properties, _ := schema["properties"].(map[string]any)
	required, _ := schema["required"].([]any)
	for _, name := range slices.Sorted(maps.Keys(properties)) {
		s, _ := properties[name].(map[string]any)
		p := parameter{Name: name, Type: typeOf(s), Required: slices.Contains(required, any(name)), Description: textOf(s["description"]), Params: parametersOf(schemaBelow(s))}
		if value, ok := s["default"]; ok {
			p.Default = literal(value)
		}
		for _, v := range listOf(s["enum"]) {
			p.Values = append(p.Values, literal(v))
		}
		for _, bound := range []struct{ keyword, says string }{
			{"minimum", "at least"}, {"maximum", "at most"}, {"minItems", "items, at least"}, {"maxItems", "items, at most"}, {"pattern", "matches"},
		} {
			if value, ok := s[bound.keyword]; ok {
				p.Bounds = append(p.Bounds, bound.says+" "+literal(value))
			}
		}
		out = append(out, p)
	}
	return out
}

// schemaBelow is the schema of what a param has: of a list, of its items; of a mapping of any names, of its values.
func schemaBelow(s map[string]any) map[string]any {
	for _, keyword := range []string{"items", "additionalProperties"} {
		if of, ok := s[keyword].(map[string]any); ok && s["properties"] == nil {
			return of
		}
	}
	return s
}

// typeOf names the type of a param in the words of explain.
func typeOf(s map[string]any) string {
	switch kind := textOf(s["type"]); kind {
	case "array":
		return "list of " + typeOf(asMap(s["items"])) + "s"
	case "object":
		if of, ok := s["additionalProperties"].(map[string]any); ok && s["properties"] == nil {
			return "mapping of names to " + typeOf(of) + "s"
		}
		return kind
	case "":
		if values := listOf(s["enum"]); len(values) > 0 {
			return "text"
		}
		return "any"
	case "string":
		return "text"
	default:
		return kind
	}
}

func textOf(v any) string {
	text, _ := v.(string)
	return text
}

func asMap(v any) map[string]any {
	m, _ := v.(map[string]any)
	return m
}

func listOf(v any) []any {
	list, _ := v.([]any)
	return list
}

// literal is a value as it is declared.
func literal(v any) string {
	if text, ok := v.(string); ok && text != "" {
		return text
	}
	var b strings.Builder
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	if err := enc.Encode(v); err != nil {
		return fmt.Sprint(v)
	}
	return strings.TrimSpace(b.String())
}

// explainBlueprint explains a built-in blueprint, or the param that a path leads to.
func explainBlueprint(p *explaining, what, format string, recursive bool) error {
	names := strings.Split(inBrackets.ReplaceAllString(strings.TrimPrefix(what, blueprintPrefix), ""), ".")
	bp, err := builtIn(names[0])
	if err != nil {
		return err
	}
	params := parametersOf(bp.Spec.Parameters)
	var one *parameter
	at := names[0]
	for _, name := range names[1:] {
		if one == nil && name == "params" {
			continue
		}
		i := slices.IndexFunc(params, func(p parameter) bool { return strings.EqualFold(p.Name, name) })
		if i < 0 {
			known := make([]string, len(params))
			for j := range params {
				known[j] = params[j].Name
			}
			if len(known) == 0 {
				return usagef("%s has no params", blueprintPrefix+at)
			}
			return usagef("%s has no param %q: %s", blueprintPrefix+at, name, v1alpha1.Suggest(name, known))
		}
		one = &params[i]
		at, params = at+"."+one.Name, one.Params
	}
	fields := make([]string, len(bp.Spec.Fields))
	for i, f := range bp.Spec.Fields {
		fields[i] = string(f)
	}
	switch {
	case format == "json" && one != nil:
		return encodeJSON(p.w, one)
	case format == "json":
		return encodeJSON(p.w, explainedBlueprint{bp.Metadata.Name, bp.Spec.Description, fields, params})
	case one != nil:
		p.item(blueprintPrefix+at+heading(*one), one.Description)
		p.bounds(*one)
	default:
		p.item(blueprintPrefix+at, bp.Spec.Description)
		if len(fields) > 0 {
			p.line("  Fields of a workload: %s", strings.Join(fields, ", "))
		}
	}
	if len(params) > 0 {
		p.line("\nParams:")
	}
	if recursive {
		p.params(params, 1)
		return p.err
	}
	for _, q := range params {
		p.item("\n"+q.Name+heading(q), q.Description)
		p.bounds(q)
		if len(q.Params) > 0 {
			p.line("  More: trunkline explain %s%s.%s", blueprintPrefix, at, q.Name)
		}
	}
	return p.err
}

func heading(p parameter) string {
	if p.Required {
		return "  <" + p.Type + ">  required"
	}
	return "  <" + p.Type + ">"
}

// bounds writes what else is known of a param.
func (p *explaining) bounds(of parameter) {
	if of.Default != "" {
		p.line("  Default: %s", of.Default)
	}
	if len(of.Values) > 0 {
		p.line("  One of: %s", strings.Join(of.Values, ", "))
	}
	if len(of.Bounds) > 0 {
		p.line("  Bounds: %s", strings.Join(of.Bounds, ", "))
	}
}

// params writes the names of all params.
func (p *explaining) params(all []parameter, depth int) {
	for _, one := range all {
		p.line("%s%s%s", strings.Repeat("  ", depth), one.Name, heading(one))
		p.params(one.Params, depth+1)
	}
}
