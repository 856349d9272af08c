// SPDX-License-Identifier: Apache-2.0

package jsonschema

import (
	"bytes"
	"encoding/json"
	"strings"

	"trunkline.dev/trunkline/api/reference"
	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	// Draft is the version of JSON Schema.
	Draft = "https://json-schema.org/draft/2020-12/schema"
	// base is the id of the folder of the schemas; nothing is fetched from there.
	base = "https://trunkline.dev/schemas/v1alpha1/"
)

// Schema is a JSON Schema, with those keywords that are needed here, in the order in which people read them.
type Schema struct {
	Draft       string `json:"$schema,omitempty"`
	ID          string `json:"$id,omitempty"`
	Ref         string `json:"$ref,omitempty"`
	Title       string `json:"title,omitempty"`
	Description string `json:"description,omitempty"`

	// Type is a text, or a list of them.
	Type     any      `json:"type,omitempty"`
	Const    string   `json:"const,omitempty"`
	Enum     []string `json:"enum,omitempty"`
	Default  any      `json:"default,omitempty"`
	Examples []any    `json:"examples,omitempty"`

	Format    string `json:"format,omitempty"`
	Pattern   string `json:"pattern,omitempty"`
	MinLength int    `json:"minLength,omitempty"`

	Minimum          *int64 `json:"minimum,omitempty"`
	ExclusiveMinimum *int64 `json:"exclusiveMinimum,omitempty"`
	Maximum          *int64 `json:"maximum,omitempty"`
	ExclusiveMaximum *int64 `json:"exclusiveMaximum,omitempty"`

	Items       *Schema `json:"items,omitempty"`
	MinItems    int     `json:"minItems,omitempty"`
	UniqueItems bool    `json:"uniqueItems,omitempty"`

	Properties           properties `json:"properties,omitempty"`
	Required             []string   `json:"required,omitempty"`
	AdditionalProperties any        `json:"additionalProperties,omitempty"`
	MinProperties        int        `json:"minProperties,omitempty"`

	If    *Schema   `json:"if,omitempty"`
	Then  *Schema   `json:"then,omitempty"`
	AnyOf []*Schema `json:"anyOf,omitempty"`
	AllOf []*Schema `json:"allOf,omitempty"`

	Defs properties `json:"$defs,omitempty"`
}

// properties are schemas by name, in the order of the declaration.
type properties []property

type property struct {
	name   string
	schema *Schema
}

// MarshalJSON implements [json.Marshaler].
func (p properties) MarshalJSON() ([]byte, error) {
	var b bytes.Buffer
	b.WriteByte('{')
	for i, one := range p {
		if i > 0 {
			b.WriteByte(',')
		}
		name, err := json.Marshal(one.name)
		if err != nil {
			return nil, err
		}
		value, err := marshal(one.schema)
		if err != nil {
			return nil, err
		}
		b.Write(name)
		b.WriteByte(':')
		b.Write(value)
	}
	b.WriteByte('}')
	return b.Bytes(), nil
}

// marshal leaves "<" and ">" as they are, which are frequent in the texts.
func marshal(s *Schema) ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	err := enc.Encode(s)
	return bytes.TrimSpace(b.Bytes()), err
}

// JSON returns the schema as indented text that ends with a newline. It is deterministic.
func (s *Schema) JSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	err := enc.Encode(s)
	return b.Bytes(), err
}

// FileName is that of the schema of a kind.
func FileName(k v1alpha1.Kind) string { return strings.ToLower(string(k)) + ".json" }

// AllFileName is the file name of [All].
const AllFileName = "trunkline.json"

// Of makes the schema of a kind.
func Of(kind reference.Kind) *Schema {
	w := &writer{seen: map[string]bool{}}
	s := w.body(kind.Struct)
	s.Draft, s.ID, s.Title = Draft, base+FileName(kind.Name), "Trunkline "+string(kind.Name)
	s.Defs = w.defs
	return s
}

// All makes the one schema that fits a document of any kind, by its kind.
func All(kinds []reference.Kind) *Schema {
	s := &Schema{
		Draft: Draft, ID: base + AllFileName, Title: "Trunkline", Description: "A declaration of Trunkline, of any kind.",
		Type: "object", Required: []string{"apiVersion", "kind"},
	}
	w := &writer{seen: map[string]bool{}}
	names := make([]string, len(kinds))
	for i, k := range kinds {
		names[i] = string(k.Name)
		w.def(k.Struct)
		s.AllOf = append(s.AllOf, &Schema{
			If: &Schema{
				Properties: properties{{"kind", &Schema{Const: string(k.Name)}}}, Required: []string{"kind"},
			},
			Then: &Schema{Ref: "#/$defs/" + k.Struct.Name},
		})
	}
	s.Properties = properties{
		{"apiVersion", &Schema{Const: v1alpha1.Version, Description: "The version of the declaration's form."}},
		{"kind", &Schema{Enum: names, Description: "What is declared."}},
	}
	s.Defs = w.defs
	return s
}
