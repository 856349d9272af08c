// SPDX-License-Identifier: Apache-2.0

package admission

import (
	"encoding/json"
	"fmt"

	"k8s.io/apiextensions-apiserver/pkg/apis/apiextensions"
	apiextensionsv1 "k8s.io/apiextensions-apiserver/pkg/apis/apiextensions/v1"
	structuralschema "k8s.io/apiextensions-apiserver/pkg/apiserver/schema"
	"k8s.io/apiextensions-apiserver/pkg/apiserver/schema/defaulting"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime"
)

// setCustomDefaults returns a custom resource the defaults of its definition.
func setCustomDefaults(d *definition, object *unstructured.Unstructured) (runtime.Object, error) {
	if d == nil || d.schemas[object.GroupVersionKind().Version] == nil {
		return object, nil
	}
	data, err := json.Marshal(d.schemas[object.GroupVersionKind().Version])
	if err != nil {
		return nil, err
	}
	var declared apiextensionsv1.JSONSchemaProps
	if err := json.Unmarshal(data, &declared); err != nil {
		return nil, fmt.Errorf("the schema of its definition cannot be read: %w", err)
	}
	var internal apiextensions.JSONSchemaProps
	if err := apiextensionsv1.Convert_v1_JSONSchemaProps_To_apiextensions_JSONSchemaProps(&declared, &internal, nil); err != nil {
		return nil, fmt.Errorf("the schema of its definition cannot be read: %w", err)
	}
	structural, err := structuralschema.NewStructural(&internal)
	if err != nil {
		return nil, fmt.Errorf("the schema of its definition cannot be read: %w", err)
	}
	object = object.DeepCopy()
	defaulting.Default(object.Object, structural)
	return object, nil
}
