// SPDX-License-Identifier: Apache-2.0

package kinds

import (
	"fmt"
	"maps"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/pruning"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/validation"
	"k8s.io/apimachinery/pkg/runtime"
	"k8s.io/apimachinery/pkg/runtime/schema"

	"trunkline.dev/trunkline/api/v1alpha1"
)

// Definitions are the kinds that the definitions of a release define. The zero value has none.
type Definitions struct {
	kinds map[schema.GroupKind]map[string]*definition
}

// definition is one version of a kind.
type definition struct {
	// structural and validator are nil if nothing is known: the API server says what is wrong with the definition itself.
	structural *structuralschema.Structural
	validator  validation.SchemaValidator
	// preserves says that fields that are not known are kept.
	preserves bool
}

// Add takes a definition. Of one that cannot be read, the kind is known and nothing else.
func (d *Definitions) Add(o map[string]any) {
	spec, _ := o["spec"].(map[string]any)
	names, _ := spec["names"].(map[string]any)
	group, _ := spec["group"].(string)
	name, _ := names["kind"].(string)
	versions := map[string]*definition{}
	if d.kinds == nil {
		d.kinds = map[schema.GroupKind]map[string]*definition{}
	}
	d.kinds[schema.GroupKind{Group: group, Kind: name}] = versions
	var crd apiextensionsv1.CustomResourceDefinition
	if o["apiVersion"] != apiextensionsv1.SchemeGroupVersion.String() || runtime.DefaultUnstructuredConverter.FromUnstructured(o, &crd) != nil {
		return
	}
	for _, v := range crd.Spec.Versions {
		if !v.Served {
			continue
		}
		one := &definition{preserves: crd.Spec.PreserveUnknownFields}
		if v.Schema != nil && v.Schema.OpenAPIV3Schema != nil {
			one.compile(v.Schema.OpenAPIV3Schema)
		}
		versions[v.Name] = one
	}
}

// compile reads the schema of a version.
func (d *definition) compile(declared *apiextensionsv1.JSONSchemaProps) {
	var props apiextensions.JSONSchemaProps
	if apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(declared, &props, nil) != nil {
		return
	}
	structural, err := structuralschema.NewStructural(&props)
	if err != nil || len(structuralschema.ValidateStructural(nil, structural)) > 0 {
		return
	}
	validator, _, err := validation.NewSchemaValidator(&props)
	if err != nil {
		return
	}
	d.structural, d.validator = structural, validator
}

// Defines reports whether one of the definitions defines a kind.
func (d Definitions) Defines(gk schema.GroupKind) bool { return d.kinds[gk] != nil }

// check returns for what the API server refuses an object of a kind that is defined.
func (d Definitions) check(gvk schema.GroupVersionKind, o map[string]any) []Fault {
	versions := d.kinds[gvk.GroupKind()]
	if len(versions) == 0 {
		return nil
	}
	one := versions[gvk.Version]
	switch {
	case one == nil:
		return []Fault{{
			Path: []any{"apiVersion"}, Value: gvk.GroupVersion().String(),
			Message: fmt.Sprintf("is %s, and the definition of %s serves no such version", gvk.GroupVersion(), gvk.Kind),
			Hint:    v1alpha1.Suggest(gvk.Version, slices.Collect(maps.Keys(versions))),
		}}
	case one.structural == nil:
		return nil
	}
	// Defaults are filled in before the rest is looked at.
	o = runtime.DeepCopyJSON(o)
	if !one.preserves {
		options := structuralschema.UnknownFieldPathOptions{TrackUnknownFieldPaths: true}
		if unknown := pruning.PruneWithOptions(o, one.structural, true, options); len(unknown) > 0 {
			return one.unknown(unknown)
		}
	}
	defaulting.Default(o, one.structural)
	var faults []Fault
	for _, err := range validation.ValidateCustomResource(nil, o, one.validator) {
		if len(faults) < maxFaults {
			path := steps(err.Field)
			faults = append(faults, Fault{Path: path, Value: valueAt(o, path), Message: "does not fit its definition: " + said(err.Field, err.ErrorBody())})
		}
	}
	slices.SortStableFunc(faults, func(a, b Fault) int {
		return strings.Compare(v1alpha1.FieldPath(a.Path...), v1alpha1.FieldPath(b.Path...))
	})
	return faults
}

// unknown says of fields that the definition has none of their names.
func (d *definition) unknown(paths []string) (faults []Fault) {
	slices.Sort(paths)
	for _, p := range paths[:min(len(paths), maxFaults)] {
		path := steps(p)
		s := d.structural
		for _, step := range path[:len(path)-1] {
			s = below(s, step)
		}
		key, _ := path[len(path)-1].(string)
		fault := Fault{Path: path, Unknown: true, Message: "is no field, by its definition"}
		if s != nil {
			fault.Hint = v1alpha1.Suggest(key, slices.Collect(maps.Keys(s.Properties)))
		}
		faults = append(faults, fault)
	}
	return faults
}

// below is the schema of what is in a value; nil if it is not known.
func below(s *structuralschema.Structural, step any) *structuralschema.Structural {
	if s == nil {
		return nil
	}
	key, isKey := step.(string)
	if !isKey {
		return s.Items
	}
	if p, ok := s.Properties[key]; ok {
		return &p
	}
	if s.AdditionalProperties != nil {
		return s.AdditionalProperties.Structural
	}
	return nil
}

var step = regexp.MustCompile(`\[(\d+)\]|[^.\[\]]+`)

// steps reads a path as the API server writes it, in which keys are not told from what is in them if they have dots.
func steps(path string) (out []any) {
	for _, m := range step.FindAllStringSubmatch(path, -1) {
		if i, err := strconv.Atoi(m[1]); err == nil {
			out = append(out, i)
		} else {
			out = append(out, m[0])
		}
	}
	return out
}

// valueAt is what an object has at a path; nil if that is not found.
func valueAt(v any, path []any) any {
	for _, step := range path {
		switch at := v.(type) {
		case map[string]any:
			key, _ := step.(string)
			v = at[key]
		case []any:
			i, isIndex := step.(int)
			if !isIndex || i >= len(at) {
				return nil
			}
			v = at[i]
		default:
			return nil
		}
	}
	return v
}

// said is what the API server says, without the field.
func said(field, body string) string {
	return strings.ReplaceAll(oneLine(body), field+" in body ", "")
}
