// SPDX-License-Identifier: Apache-2.0

// Package statement writes what is said of images and files: statements as in-toto has them, and bills of materials as SPDX does. The same is the
// same bytes.
//
// It imports nothing of Trunkline.
package statement

import (
	"encoding/json"
	"fmt"

	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

// MediaType is that of a statement.
const MediaType = "application/vnd.in-toto+json"

// The predicates of our statements.
const (
	Provenance = "https://slsa.dev/provenance/v1"
	SPDX       = "https://spdx.dev/Document"
	// Signature is what cosign says of an image that is signed and nothing else.
	Signature = "https://sigstore.dev/cosign/sign/v1"
)

// Subject is what a statement is about: a file by its name, or an image by its repository.
type Subject struct {
	Name, SHA256 string
}

// New is the statement that a predicate, in JSON, holds of subjects.
func New(kind string, predicate []byte, about []Subject) ([]byte, error) {
	content := &structpb.Struct{}
	if err := protojson.Unmarshal(predicate, content); err != nil {
		return nil, fmt.Errorf("the predicate %s: %w", kind, err)
	}
	s := &intoto.Statement{Type: intoto.StatementTypeUri, PredicateType: kind, Predicate: content}
	for _, a := range about {
		s.Subject = append(s.Subject, &intoto.ResourceDescriptor{Name: a.Name, Digest: map[string]string{"sha256": a.SHA256}})
	}
	check := s.Validate
	if len(content.GetFields()) == 0 { // cosign's statement of a signature says nothing, which the library takes for a mistake
		check = func() error { return nil }
	}
	if err := check(); err != nil {
		return nil, fmt.Errorf("the statement %s: %w", kind, err)
	}
	return Predicate(s)
}

// Predicate writes a message with the keys of JSON in the order of their names and without the spaces that protobuf puts in at random, so
// that it is the same twice.
func Predicate(m proto.Message) ([]byte, error) {
	out, err := protojson.Marshal(m)
	if err != nil {
		return nil, err
	}
	var v any
	if err := json.Unmarshal(out, &v); err != nil {
		return nil, err
	}
	return json.Marshal(v)
}
