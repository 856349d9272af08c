// SPDX-License-Identifier: Apache-2.0

package render

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"slices"
	"unique"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"
	"k8s.io/apimachinery/pkg/runtime/schema"
	utiljson "k8s.io/apimachinery/pkg/util/json"
)

// Packed is what a release rendered to in the form in which it is kept: the JSON of its objects, one behind the other.
// That takes a fifth of the memory of the objects themselves, and is one thing to the garbage collector instead of
// hundreds. It does not change, so that it may be shared. A nil one holds nothing.
type Packed struct {
	data     []byte
	parts    []Part
	digest   string
	warnings []Warning
}

// Part is one object of a [Packed].
type Part struct {
	Identity

	// End is where the JSON of the object ends, which begins where the one before ends.
	End int
}

// Identity is what the API server tells objects apart by.
type Identity struct {
	schema.GroupKind

	Namespace, Name string
}

// Pack returns objects in the form in which they are kept. It fails for a value that JSON cannot carry.
func Pack(objects []*unstructured.Unstructured) (*Packed, error) {
	p := &Packed{parts: make([]Part, 0, len(objects))}
	lines, digests := make([][]byte, len(objects)), sha256.New()
	size := 0
	for i, o := range objects {
		line, err := o.MarshalJSON() // keys are sorted
		if err != nil {
			id := identityOf(o)
			return nil, fmt.Errorf("reading the rendered %s %s: %w", id.Kind, id.Name, err)
		}
		sum := sha256.Sum256(line)
		_, _ = io.WriteString(digests, hex.EncodeToString(sum[:])) // a hash never fails
		lines[i], size = line, size+len(line)
		p.parts = append(p.parts, Part{p.shared(identityOf(o)), size})
	}
	p.data, p.digest = slices.Concat(lines...), hex.EncodeToString(digests.Sum(nil))
	return p, nil
}

// Assemble makes of its parts what was packed before, for those who keep it elsewhere. It takes no hold of data. Parts that
// do not fit the data are refused; whether they are those of the data is not looked at.
func Assemble(data []byte, parts []Part, digest string) (*Packed, error) {
	p := &Packed{data: bytes.Clone(data), parts: make([]Part, 0, len(parts)), digest: digest}
	at := 0
	for _, part := range parts {
		if part.End < at || part.End > len(data) {
			return nil, fmt.Errorf("a part of what was rendered ends at byte %d, which is not from %d to %d", part.End, at, len(data))
		}
		at = part.End
		p.parts = append(p.parts, Part{p.shared(part.Identity), part.End})
	}
	if at != len(data) {
		return nil, fmt.Errorf("%d bytes of what was rendered belong to no object", len(data)-at)
	}
	return p, nil
}

// WithWarnings returns the same with the warnings of the render, which are no part of the digest.
func (p *Packed) WithWarnings(warnings []Warning) *Packed {
	if p == nil || len(warnings) == 0 {
		return p
	}
	out := *p
	out.warnings = warnings
	return &out
}

// Warnings returns what is odd about the workloads. It must not be changed.
func (p *Packed) Warnings() []Warning {
	if p == nil {
		return nil
	}
	return p.warnings
}

// shared returns an identity whose texts are in memory already, where that is easily found: there are few kinds, and most
// objects of a release are in one namespace and have one name.
func (p *Packed) shared(id Identity) Identity {
	id.Group, id.Kind = unique.Make(id.Group).Value(), unique.Make(id.Kind).Value()
	for i := range p.parts[:min(len(p.parts), 4)] { // to look through all would take longer than it is worth
		o := &p.parts[i].Identity
		if id.Namespace == o.Namespace {
			id.Namespace = o.Namespace
		}
		if id.Name == o.Name {
			id.Name = o.Name
		}
	}
	return id
}

// Unpack returns the objects, which are the caller's own.
func (p *Packed) Unpack() ([]*unstructured.Unstructured, error) {
	out := make([]*unstructured.Unstructured, p.Len())
	at := 0
	for i := range out {
		var content map[string]any
		if err := utiljson.Unmarshal(p.data[at:p.parts[i].End], &content); err != nil {
			return nil, fmt.Errorf("reading the rendered %s %s: %w", p.parts[i].Kind, p.parts[i].Name, err)
		}
		out[i], at = &unstructured.Unstructured{Object: content}, p.parts[i].End
	}
	return out, nil
}

// Len is the number of objects.
func (p *Packed) Len() int {
	if p == nil {
		return 0
	}
	return len(p.parts)
}

// Made counts by kind the objects that workloads are made of: all but namespaces and service accounts, which every release
// has, also one that renders to nothing otherwise.
func (p *Packed) Made() map[schema.GroupKind]int {
	n := map[schema.GroupKind]int{}
	for _, part := range p.Parts() {
		if part.Group != "" || part.Kind != "Namespace" && part.Kind != "ServiceAccount" {
			n[part.GroupKind]++
		}
	}
	return n
}

// Parts returns the objects by their names, in their order. They must not be changed.
func (p *Packed) Parts() []Part {
	if p == nil {
		return nil
	}
	return p.parts
}

// Data is the JSON of the objects, one behind the other. It must not be changed.
func (p *Packed) Data() []byte {
	if p == nil {
		return nil
	}
	return p.data
}

// Digest identifies the objects, with their order; it is empty for nothing at all.
func (p *Packed) Digest() string {
	if p == nil {
		return ""
	}
	return p.digest
}
