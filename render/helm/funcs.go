// SPDX-License-Identifier: Apache-2.0

package helm

import (
	"bytes"
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"text/template"
	"time"

	"github.com/BurntSushi/toml"
	"github.com/Masterminds/sprig/v3"
	"sigs.k8s.io/yaml"
	yamlv3 "sigs.k8s.io/yaml/goyaml.v3"

	"trunkline.dev/trunkline/render/internal/manifest"
)

// library holds the functions of a template by name: sprig's and Helm's own, except where those would give
// something else the next time. It is built once and only read.
var library = newLibrary()

// known are the names that a template may use; it is what the parser asks.
var known = knownNames()

func newLibrary() template.FuncMap {
	f := sprig.TxtFuncMap()
	// The environment of the daemon is nobody's business.
	delete(f, "env")
	delete(f, "expandenv")
	maps.Copy(f, template.FuncMap{
		"toYaml": toYAML, "toYamlPretty": toYAMLPretty, "fromYaml": fromYAML, "fromYamlArray": fromYAMLArray,
		"toJson": toJSON, "fromJson": fromJSON, "fromJsonArray": fromJSONArray,
		"toToml": toTOML, "fromToml": fromTOML,

		// There is no cluster to look into and no network to ask: both answer as `helm template` does.
		"lookup":        func(_, _, _, _ string) map[string]any { return map[string]any{} },
		"getHostByName": func(string) string { return "" },

		"required": required,
		"fail":     func(message string) (string, error) { return "", errors.New(message) },

		// Sprig has these two in the random order of Go's maps.
		"keys": keys, "values": values,

		// Sprig's takes the machine's time zone.
		"toDate": func(layout, s string) time.Time {
			t, _ := time.Parse(layout, s) // as sprig: the zero time for what is none
			return t
		},
		"mustToDate": time.Parse,

		// Built into text/template; here to have their arguments weighed.
		"print": fmt.Sprint, "printf": fmt.Sprintf, "println": fmt.Sprintln,
		"html": template.HTMLEscaper, "js": template.JSEscaper, "urlquery": template.URLQueryEscaper,
	})
	return f
}

func knownNames() map[string]any {
	names := map[string]any{"include": true, "tpl": true}
	for _, builtin := range []string{"and", "call", "eq", "ge", "gt", "index", "le", "len", "lt", "ne", "not", "or", "slice"} {
		names[builtin] = true
	}
	for name := range library {
		names[name] = true // those that [chance] replaces among them: they are sprig's
	}
	return names
}

// The functions for texts: if something cannot be written or read, they return an empty text or a table with the key
// "Error", as charts expect of Helm's.

func toYAML(v any) string {
	data, err := yaml.Marshal(v)
	if err != nil {
		return ""
	}
	return strings.TrimSuffix(string(data), "\n")
}

func toYAMLPretty(v any) string {
	var out bytes.Buffer
	enc := yamlv3.NewEncoder(&out)
	enc.SetIndent(2)
	if err := enc.Encode(v); err != nil {
		return ""
	}
	return strings.TrimSuffix(out.String(), "\n")
}

func fromYAML(s string) map[string]any {
	m := map[string]any{}
	if err := unmarshalYAML(s, &m); err != nil {
		m["Error"] = err.Error()
	}
	return m
}

func fromYAMLArray(s string) []any {
	a := []any{}
	if err := unmarshalYAML(s, &a); err != nil {
		return []any{err.Error()}
	}
	return a
}

func unmarshalYAML(s string, into any) error {
	if err := manifest.CheckAliases([]byte(s)); err != nil {
		return err
	}
	return yaml.Unmarshal([]byte(s), into)
}

func toJSON(v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		return ""
	}
	return string(data)
}

func fromJSON(s string) map[string]any {
	m := map[string]any{}
	if err := json.Unmarshal([]byte(s), &m); err != nil {
		m["Error"] = err.Error()
	}
	return m
}

func fromJSONArray(s string) []any {
	a := []any{}
	if err := json.Unmarshal([]byte(s), &a); err != nil {
		return []any{err.Error()}
	}
	return a
}

func toTOML(v any) string {
	var out bytes.Buffer
	if err := toml.NewEncoder(&out).Encode(v); err != nil {
		return err.Error()
	}
	return out.String()
}

func fromTOML(s string) map[string]any {
	m := map[string]any{}
	if err := toml.Unmarshal([]byte(s), &m); err != nil {
		m["Error"] = err.Error()
	}
	return m
}

func required(message string, v any) (any, error) {
	if v == nil || v == "" {
		return nil, errors.New(message)
	}
	return v, nil
}

func keys(tables ...map[string]any) []string {
	out := []string{}
	for _, t := range tables {
		out = append(out, slices.Sorted(maps.Keys(t))...)
	}
	return out
}

func values(table map[string]any) []any {
	out := make([]any, 0, len(table))
	for _, k := range slices.Sorted(maps.Keys(table)) {
		out = append(out, table[k])
	}
	return out
}
