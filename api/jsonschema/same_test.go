// SPDX-License-Identifier: Apache-2.0

package jsonschema_test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/santhosh-tekuri/jsonschema/v6"
	"go.yaml.in/yaml/v3"
	"pgregory.net/rapid"

	ours "trunkline.dev/trunkline/api/jsonschema"
	"trunkline.dev/trunkline/api/reference"
	"trunkline.dev/trunkline/api/v1alpha1"
)

// compiled are the schemas, as a library of the field understands them. It checks them against the schema of the draft.
type compiled struct {
	kinds map[v1alpha1.Kind]*jsonschema.Schema
	all   *jsonschema.Schema
}

func compile(t *testing.T) compiled {
	t.Helper()
	c := jsonschema.NewCompiler()
	c.AssertFormat()
	add := func(s *ours.Schema) {
		data, err := s.JSON()
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := c.AddResource(s.ID, doc); err != nil {
			t.Fatal(err)
		}
	}
	get := func(id string) *jsonschema.Schema {
		s, err := c.Compile(id)
		if err != nil {
			t.Fatalf("%s is not a schema: %v", id, err)
		}
		return s
	}
	out := compiled{kinds: map[v1alpha1.Kind]*jsonschema.Schema{}}
	for _, k := range reference.Kinds() {
		add(ours.Of(k))
		out.kinds[k.Name] = get(ours.Of(k).ID)
	}
	all := ours.All(reference.Kinds())
	add(all)
	out.all = get(all.ID)
	return out
}

// TestSchemaAndDecoderAgree makes documents of every kind, right and wrong, and asks both.
func TestSchemaAndDecoderAgree(t *testing.T) {
	schemas := compile(t)
	for _, k := range reference.Kinds() {
		t.Run(string(k.Name), func(t *testing.T) {
			var right, wrong int
			for range 10 { // a few documents may all be wrong
				rapid.Check(t, func(t *rapid.T) {
					g := &generator{t: t, mistakes: rapid.SampledFrom([]int{0, 0, 1, 1, 2}).Draw(t, "mistakes")}
					value := g.document(k)
					asJSON, err := json.Marshal(value)
					if err != nil {
						t.Fatal(err)
					}
					text := asJSON
					if rapid.Bool().Draw(t, "in YAML") {
						if text, err = yaml.Marshal(value); err != nil {
							t.Fatal(err)
						}
					}
					if schemas.same(t, k.Name, text, asJSON) {
						right++
					} else {
						wrong++
					}
				})
				if right > 0 && wrong > 0 {
					return
				}
			}
			t.Errorf("%d documents were right and %d wrong: there must be both", right, wrong)
		})
	}
}

// TestEveryPlaceAgrees asks both about each odd value at each place.
func TestEveryPlaceAgrees(t *testing.T) {
	schemas := compile(t)
	for _, k := range reference.Kinds() {
		t.Run(string(k.Name), func(t *testing.T) {
			t.Parallel()
			whole := func(v any) any {
				m := v.(map[string]any)
				m["apiVersion"], m["kind"] = v1alpha1.Version, k.Name
				return m
			}
			without := &reference.Struct{Name: k.Struct.Name, Fields: k.Struct.Fields[2:]}
			oddities(without, string(k.Name), whole, func(at string, document any) {
				text, err := json.Marshal(document)
				if err != nil {
					t.Fatalf("%s: %v", at, err)
				}
				schemas.same(t, k.Name, text, text)
			})
		})
	}
}

// same holds that decoder and schemas say the same of a document, and reports whether that is that it is right.
func (c compiled) same(t rapid.TB, kind v1alpha1.Kind, text, asJSON []byte) bool {
	t.Helper()
	_, problems := v1alpha1.Decode("x.yaml", text)
	doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(asJSON))
	if err != nil {
		t.Fatal(err)
	}
	for name, s := range map[string]*jsonschema.Schema{"the kind's": c.kinds[kind], "that of all": c.all} {
		if err := s.Validate(doc); (err != nil) != problems.Denied() {
			t.Errorf("%s schema says %v\nthe decoder says:\n%s\nof:\n%s", name, err, problems, text)
		}
	}
	return !problems.Denied()
}

// TestExamplesFit holds schemas to what people read.
func TestExamplesFit(t *testing.T) {
	schemas := compile(t)
	for _, k := range reference.Kinds() {
		var node yaml.Node
		if err := yaml.Unmarshal([]byte(k.Example), &node); err != nil {
			t.Fatal(err)
		}
		datesAreTexts(&node)
		var value any
		if err := node.Decode(&value); err != nil {
			t.Fatal(err)
		}
		data, err := json.Marshal(value)
		if err != nil {
			t.Fatal(err)
		}
		doc, err := jsonschema.UnmarshalJSON(bytes.NewReader(data))
		if err != nil {
			t.Fatal(err)
		}
		if err := schemas.kinds[k.Name].Validate(doc); err != nil {
			t.Errorf("%s: %v", k.Name, err)
		}
	}
}

// datesAreTexts reads YAML as editors do, in version 1.2, which knows no dates.
func datesAreTexts(n *yaml.Node) {
	if n.Tag == "!!timestamp" {
		n.Tag = "!!str"
	}
	for _, c := range n.Content {
		datesAreTexts(c)
	}
}

// TestEveryPropertyIsDescribed: editors show it.
func TestEveryPropertyIsDescribed(t *testing.T) {
	data, err := ours.All(reference.Kinds()).JSON()
	if err != nil {
		t.Fatal(err)
	}
	var doc any
	if err := json.Unmarshal(data, &doc); err != nil {
		t.Fatal(err)
	}
	count := 0
	var walk func(path string, v any)
	walk = func(path string, v any) {
		m, ok := v.(map[string]any)
		if !ok {
			return
		}
		props, _ := m["properties"].(map[string]any)
		for name, p := range props {
			if strings.HasSuffix(path, ".if") {
				continue
			}
			count++
			if text, _ := p.(map[string]any)["description"].(string); text == "" {
				t.Errorf("%s.%s has no description", path, name)
			}
		}
		for name, p := range m {
			if list, ok := p.([]any); ok {
				for i, one := range list {
					walk(fmt.Sprintf("%s.%s.%d", path, name, i), one)
				}
			}
			walk(path+"."+name, p)
		}
	}
	walk("", doc)
	if count < 150 {
		t.Errorf("looked at %d properties only", count)
	}
}
