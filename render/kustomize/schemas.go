// SPDX-License-Identifier: Apache-2.0

package kustomize

import (
	"encoding/json"
	"errors"
	"fmt"
	"maps"
	"slices"

	"k8s.io/kube-openapi/pkg/validation/spec"
	"sigs.k8s.io/yaml"
)

// maxDefinitions bounds how many definitions are gone into for the fields of custom resources. Kustomize goes into one as
// often as it is referred to, which doubles with every definition that refers to the next one twice.
const maxDefinitions = 20_000

// checkSchemas checks what a kustomization says about the fields of kinds: openapi, by which lists are merged, and crds, which
// name the fields that hold names.
func (k kustomization) checkSchemas() error {
	if len(k.OpenAPI) > 0 {
		k.files.ownSchema = true
		if file, named := k.OpenAPI["path"]; named {
			data, err := k.path(file)
			if err == nil {
				err = checkSchema(data)
			}
			if err != nil {
				return at("openapi", -1, err)
			}
		}
	}
	for i, entry := range k.Crds {
		data, err := k.path(entry)
		if err == nil {
			err = checkDefinitions(data)
		}
		if err != nil {
			return at("crds", i, err)
		}
	}
	return nil
}

// checkSchema refuses what Kustomize would panic at, or follow without end.
func checkSchema(data []byte) error {
	data, err := yaml.YAMLToJSON(data)
	if err != nil {
		return err
	}
	var swagger spec.Swagger
	if err := swagger.UnmarshalJSON(data); err != nil {
		return fmt.Errorf("is no OpenAPI schema: %w", err)
	}
	// A reference that leads to a reference is followed to its end.
	for _, name := range slices.Sorted(maps.Keys(swagger.Definitions)) {
		at, steps := swagger.Definitions[name], 0
		for at.Ref.String() != "" {
			next, known := swagger.Definitions[referred(at.Ref.String())]
			if !known {
				break
			}
			if steps++; steps > len(swagger.Definitions) {
				return fmt.Errorf("the definition %s refers to itself", name)
			}
			at = next
		}
	}
	return nil
}

func referred(ref string) string {
	const prefix = "#/definitions/"
	if len(ref) > len(prefix) && ref[:len(prefix)] == prefix {
		return ref[len(prefix):]
	}
	return ref
}

// definition is a type in a file of crds, as Kustomize reads it.
type definition struct {
	Schema spec.Schema
}

// checkDefinitions goes where Kustomize goes in a file of definitions, and refuses what has no end.
func checkDefinitions(data []byte) error {
	if len(data) == 0 {
		return errors.New("is empty")
	}
	var all map[string]definition
	err := yaml.Unmarshal(data, &all)
	if data[0] == '{' {
		err = json.Unmarshal(data, &all)
	}
	if err != nil {
		return fmt.Errorf("is no file of definitions by type; a CustomResourceDefinition belongs into resources: %w", err)
	}
	w := definitions{all: all}
	for _, name := range slices.Sorted(maps.Keys(all)) {
		// Kustomize begins at what looks like the type of an object.
		properties := all[name].Schema.Properties
		_, kind := properties["kind"]
		_, version := properties["apiVersion"]
		_, metadata := properties["metadata"]
		if kind && version && metadata {
			if err := w.walk(name); err != nil {
				return err
			}
		}
	}
	return nil
}

type definitions struct {
	all   map[string]definition
	open  []string
	steps int
}

func (w *definitions) walk(name string) error {
	if slices.Contains(w.open, name) {
		return fmt.Errorf("the definition %s refers to itself, and Kustomize does not return from it: "+
			"name the fields in configurations instead", name)
	}
	if w.steps++; w.steps > maxDefinitions {
		return fmt.Errorf("more than %d definitions are gone into, each as often as it is referred to", maxDefinitions)
	}
	w.open = append(w.open, name)
	defer func() { w.open = w.open[:len(w.open)-1] }()
	properties := w.all[name].Schema.Properties
	for _, field := range slices.Sorted(maps.Keys(properties)) {
		property := properties[field]
		if property.Ref.GetURL() == nil {
			continue
		}
		if _, known := w.all[property.Ref.String()]; !known {
			continue
		}
		if err := w.walk(property.Ref.String()); err != nil {
			return err
		}
	}
	return nil
}
