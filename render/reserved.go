// SPDX-License-Identifier: Apache-2.0

package render

import (
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/catalog"
)

const (
	// applySetPrefix is that of the labels and annotations that say which objects are a release's.
	applySetPrefix = "applyset.kubernetes.io/"
	ownPrefix      = "trunkline.dev/"
)

// settable are the annotations with Trunkline's prefix that an object may have: they are about the object itself. See
// package plan, which goes by them.
var settable = []string{ownPrefix + "adopt", ownPrefix + "prune", ownPrefix + "replace", ownPrefix + "wave"}

// identifying are the labels that say whose an object is, with what they have to be in a release; "" is anything.
func identifying(rel catalog.Release) map[string]string {
	return map[string]string{LabelProject: rel.ID.Project, LabelEnvironment: rel.ID.Environment, LabelWorkload: ""}
}

// checkReserved refuses what would pass an object, or one that a controller makes of a template in it, for Trunkline's
// own or for another release's.
func checkReserved(rel catalog.Release, o map[string]any) error {
	metadata, _ := o["metadata"].(map[string]any)
	// Labels of the object itself that lie are overwritten.
	if err := reserved(metadata, "metadata", identifying(catalog.Release{})); err != nil {
		return err
	}
	return checkTemplates(o, "", identifying(rel))
}

// checkTemplates looks for metadata further down, as of pods and claims. What is no metadata but is called so is held to
// the same.
func checkTemplates(value any, at string, labels map[string]string) error {
	switch value := value.(type) {
	case []any:
		for i, item := range value {
			if err := checkTemplates(item, fmt.Sprintf("%s[%d]", at, i), labels); err != nil {
				return err
			}
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(value)) {
			below := strings.TrimPrefix(at+"."+key, ".")
			if metadata, ok := value[key].(map[string]any); ok && key == "metadata" && at != "" {
				if err := reserved(metadata, below, labels); err != nil {
					return err
				}
				if metadata["ownerReferences"] != nil {
					return fmt.Errorf("has %s.ownerReferences: what owns it is decided in the cluster, not in a file", below)
				}
			}
			if err := checkTemplates(value[key], below, labels); err != nil {
				return err
			}
		}
	}
	return nil
}

// reserved refuses labels, annotations and finalizers that are set by Trunkline only.
func reserved(metadata map[string]any, at string, labels map[string]string) error {
	for _, field := range []string{"labels", "annotations"} {
		table, _ := metadata[field].(map[string]any)
		for _, key := range slices.Sorted(maps.Keys(table)) {
			if strings.HasPrefix(key, applySetPrefix) {
				return fmt.Errorf("sets %s in %s.%s: %s* is set by Trunkline only", key, at, field, applySetPrefix)
			}
			if !strings.HasPrefix(key, ownPrefix) {
				continue
			}
			want, label := labels[key]
			switch {
			case field == "annotations" && slices.Contains(settable, key):
			case field == "labels" && label && (want == "" || table[key] == any(want)):
			case field == "labels" && label:
				return fmt.Errorf("sets %s in %s.%s to %q, but the release's is %q", key, at, field, table[key], want)
			default:
				return fmt.Errorf("sets %s in %s.%s: it is set by Trunkline only", key, at, field)
			}
		}
	}
	finalizers, _ := metadata["finalizers"].([]any)
	for _, f := range finalizers {
		if name, _ := f.(string); strings.HasPrefix(name, ownPrefix) || strings.HasPrefix(name, applySetPrefix) {
			return fmt.Errorf("sets %s in %s.finalizers: it is set by Trunkline only", name, at)
		}
	}
	return nil
}
