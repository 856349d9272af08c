// SPDX-License-Identifier: Apache-2.0

// Package generated is how a Secret says that its values are made in the cluster, once, and which values of one that is there
// already are still to be made. It is pure, and never sees a value: who makes them is package reconciler/secrets.
//
// Of Trunkline it may import nothing.
package generated

import (
	"encoding/json"
	"fmt"
	"maps"
	"slices"
	"strconv"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
)

const (
	// Annotation is on a Secret whose values are made in the cluster: its [Spec], as JSON.
	Annotation = "trunkline.dev/generate"
	// MadeAnnotation is the revision for which the values were made. It is written with them.
	MadeAnnotation = "trunkline.dev/generated"
)

// Spec says what is made.
type Spec struct {
	// Keys are the keys of the Secret.
	Keys map[string]Key `json:"keys"`
	// Revision is raised to have all keys made again.
	Revision int `json:"revision,omitempty"`
}

// Key is a text of random letters.
type Key struct {
	// Length is how many letters it has.
	Length int `json:"length"`
	// Alphabet has the letters, each once.
	Alphabet string `json:"alphabet"`
}

// String returns the text of [Annotation].
func (s Spec) String() string {
	data, err := json.Marshal(s)
	if err != nil {
		panic(err) // texts and numbers
	}
	return string(data)
}

// Of returns what an object says; nil if it is no Secret whose values are made.
func Of(o map[string]any) (*Spec, error) {
	u := unstructured.Unstructured{Object: o}
	text, ok := u.GetAnnotations()[Annotation]
	if !ok || u.GetAPIVersion() != "v1" || u.GetKind() != "Secret" {
		return nil, nil //nolint:nilnil // that it is none is an answer
	}
	var s Spec
	if err := json.Unmarshal([]byte(text), &s); err != nil {
		return nil, fmt.Errorf("the annotation %s cannot be read: %w", Annotation, err)
	}
	return &s, nil
}

// Pending is what is to be done about a Secret as it is.
type Pending struct {
	// Keys are those whose values are to be made, sorted.
	Keys []string
	// Revision is to be written with them, into [MadeAnnotation].
	Revision int
	// Due reports whether anything is to be written.
	Due bool
}

// Pending says what is to be done about a Secret as it is, nil for one that is not there. Made are keys that it does not have,
// and all of them if it says that its values are of an older revision. Any other value is kept, whoever has written it: to adopt
// a Secret is to keep what it holds, and to go back to an older declaration too.
func (s Spec) Pending(live map[string]any) Pending {
	made, said := s.Revision, false
	if text, ok := (&unstructured.Unstructured{Object: live}).GetAnnotations()[MadeAnnotation]; ok {
		if n, err := strconv.Atoi(text); err == nil {
			made, said = n, true
		}
	}
	out := Pending{Revision: max(made, s.Revision)}
	data, _ := live["data"].(map[string]any)
	for _, key := range slices.Sorted(maps.Keys(s.Keys)) {
		if _, there := data[key]; !there || made < s.Revision {
			out.Keys = append(out.Keys, key)
		}
	}
	out.Due = len(out.Keys) > 0 || !said
	return out
}

// Shown is what people are shown in the place of a value that is made, or will be.
func (s Spec) Shown() string {
	if s.Revision == 0 {
		return "(generated)"
	}
	return fmt.Sprintf("(generated, revision %d)", s.Revision)
}
