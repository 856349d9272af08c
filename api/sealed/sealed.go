// SPDX-License-Identifier: Apache-2.0

// Package sealed recognises Kubernetes objects that SOPS has encrypted, and says what can be said of them without a
// key. To decrypt them is the matter of reconciler/secrets.
//
// It is pure and imports nothing of Trunkline.
package sealed

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
)

// Part is the field at the top of an object that SOPS puts its own into: who can decrypt it, and how.
const Part = "sops"

// prefix begins every value that SOPS has encrypted.
const prefix = "ENC[AES256_GCM,"

// maxDepth bounds how deep an object is looked into; what is deeper counts as encrypted, so that nothing passes unseen.
const maxDepth = 100

// Is reports whether an object was encrypted by SOPS: it has a table "sops" that says when, and is sealed with a mac. Other
// objects may have a field of that name which means something else.
func Is(o map[string]any) bool {
	part, _ := o[Part].(map[string]any)
	_, mac := part["mac"].(string)
	_, modified := part["lastmodified"].(string)
	return mac && modified
}

// Value reports whether a value is an encrypted one.
func Value(v any) bool {
	s, ok := v.(string)
	return ok && strings.HasPrefix(s, prefix)
}

// Secret reports whether an object is a Secret of Kubernetes.
func Secret(o map[string]any) bool { return o["apiVersion"] == "v1" && o["kind"] == "Secret" }

// Check finds what keeps an object from being decrypted when it is applied, or would have its encrypted values
// applied as they are. The error completes a sentence that begins with the object. Objects of custom kinds are nobody's
// business here: what decrypts them runs in the cluster.
func Check(o map[string]any) error {
	const how = "encrypt with --encrypted-regex '^(data|stringData)$'"
	for _, field := range []string{"apiVersion", "kind", "metadata"} {
		if at := find(o[field], field, 0); at != "" {
			return fmt.Errorf("has an encrypted %s: Trunkline has to read it before it is applied; %s", at, how)
		}
	}
	switch {
	case Secret(o):
		if _, has := o[Part]; has && !Is(o) {
			return errors.New("has a sops part without mac and lastmodified: it was not written by SOPS")
		}
		if Is(o) {
			return nil
		}
		for _, field := range slices.Sorted(maps.Keys(o)) {
			if at := find(o[field], field, 0); at != "" {
				return fmt.Errorf("has an encrypted %s and no sops part, so that nobody could decrypt it: commit the file as SOPS wrote it", at)
			}
		}
	case Is(o) && builtin(o):
		return errors.New("is encrypted with SOPS but is not a Secret: once decrypted it could be read by everyone who may " +
			"read objects of its kind; make it a Secret")
	}
	return nil
}

// builtin reports whether an object is of a kind that Kubernetes itself has.
func builtin(o map[string]any) bool {
	version, _ := o["apiVersion"].(string)
	group, _, grouped := strings.Cut(version, "/")
	return !grouped || !strings.Contains(group, ".") || strings.HasSuffix(group, ".k8s.io")
}

// find returns the path of the first encrypted value in the order of the keys; empty if there is none.
func find(v any, at string, depth int) string {
	if depth > maxDepth {
		return at
	}
	switch v := v.(type) {
	case string:
		if Value(v) {
			return at
		}
	case map[string]any:
		for _, key := range slices.Sorted(maps.Keys(v)) {
			if found := find(v[key], at+"."+key, depth+1); found != "" {
				return found
			}
		}
	case []any:
		for i, item := range v {
			if found := find(item, fmt.Sprintf("%s[%d]", at, i), depth+1); found != "" {
				return found
			}
		}
	}
	return ""
}
