// SPDX-License-Identifier: Apache-2.0

package migrate

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strings"
	"text/template"

	"github.com/Masterminds/sprig/v3"
)

// fill replaces the parameters in all texts of a template.
func fill(value any, p params, goTemplate bool) (any, error) {
	switch value := value.(type) {
	case string:
		if !strings.Contains(value, "{{") {
			return value, nil
		}
		if goTemplate {
			return fillGo(value, p)
		}
		return fillFast(value, p), nil
	case []any:
		out := make([]any, len(value))
		for i, item := range value {
			var err error
			if out[i], err = fill(item, p, goTemplate); err != nil {
				return nil, err
			}
		}
		return out, nil
	case map[string]any:
		out := make(map[string]any, len(value))
		for _, key := range slices.Sorted(maps.Keys(value)) {
			name, err := fill(key, p, goTemplate)
			if err != nil {
				return nil, err
			}
			if out[fmt.Sprint(name)], err = fill(value[key], p, goTemplate); err != nil {
				return nil, err
			}
		}
		return out, nil
	}
	return value, nil
}

var placeholder = regexp.MustCompile(`\{\{\s*([^{}]*?)\s*\}\}`)

// fillFast replaces {{name}}. What is not known stays, as in Argo CD.
func fillFast(s string, p params) string {
	return placeholder.ReplaceAllStringFunc(s, func(found string) string {
		if v, ok := p[placeholder.FindStringSubmatch(found)[1]]; ok {
			return fmt.Sprint(v)
		}
		return found
	})
}

// fillGo executes a text as a template of Go, with the functions that Argo CD has.
func fillGo(s string, p params) (string, error) {
	functions := sprig.HermeticTxtFuncMap()
	for _, name := range []string{"env", "expandenv", "getHostByName"} {
		delete(functions, name)
	}
	functions["normalize"] = normalized
	functions["slugify"] = func(args ...any) string { return label(fmt.Sprint(args[len(args)-1])) }
	t, err := template.New("template").Option("missingkey=error").Funcs(functions).Parse(s)
	if err != nil {
		return "", err
	}
	var b strings.Builder
	if err := t.Execute(&b, map[string]any(p)); err != nil {
		return "", err
	}
	return b.String(), nil
}
