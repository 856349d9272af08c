// SPDX-License-Identifier: Apache-2.0

package preview

import (
	"errors"
	"fmt"
	"strings"

	"go.yaml.in/yaml/v3"
	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/plan"
)

// maxText bounds what is compared, in bytes a side.
const maxText = 2 << 20

// Diff compares an object before and after, of which either may be nil, and returns a unified diff of what people
// declare in it, without file names; empty if that is the same. Values of Secrets are masked.
func (m Mask) Diff(before, after *unstructured.Unstructured) (string, error) {
	a, b := m.Pair(before, after)
	was, err := text(a)
	if err != nil {
		return "", err
	}
	is, err := text(b)
	if err != nil {
		return "", err
	}
	switch {
	case was == is:
		return "", nil
	case len(was) > maxText || len(is) > maxText:
		return fmt.Sprintf("(too long to compare: %d bytes before and %d after; at most %d are)\n", len(was), len(is), maxText), nil
	}
	return unified(was, is), nil
}

// filled are the fields of metadata that the API server fills in.
var filled = []string{"managedFields", "resourceVersion", "generation", "creationTimestamp", "uid", "selfLink"}

// text returns the object as YAML, without what the API server fills in. The object is changed.
func text(o *unstructured.Unstructured) (string, error) {
	if o == nil {
		return "", nil
	}
	if uid := string(o.GetUID()); uid != "" {
		forget(o.Object, uid)
	}
	delete(o.Object, "status")
	if meta, ok := o.Object["metadata"].(map[string]any); ok {
		for _, name := range filled {
			delete(meta, name)
		}
		if annotations, ok := meta["annotations"].(map[string]any); ok {
			delete(annotations, plan.DigestAnnotation) // it follows from all the rest
			if len(annotations) == 0 {
				delete(meta, "annotations")
			}
		}
	}
	// This encoder, and not that of Kubernetes, since it keeps texts of several lines in several lines.
	var b strings.Builder
	enc := yaml.NewEncoder(&b)
	enc.SetIndent(2)
	enc.CompactSeqIndent()
	err := enc.Encode(o.Object)
	if err = errors.Join(err, enc.Close()); err != nil {
		return "", fmt.Errorf("writing %s as YAML: %w", plan.RefOf(o), err)
	}
	return b.String(), nil
}

// forget takes out all fields that hold the uid of the object itself, as the selector of a Job does: it is another one
// in every dry run.
func forget(v any, uid string) {
	switch v := v.(type) {
	case map[string]any:
		for key, below := range v {
			if below == uid {
				delete(v, key)
			} else {
				forget(below, uid)
			}
		}
	case []any:
		for _, below := range v {
			forget(below, uid)
		}
	}
}
