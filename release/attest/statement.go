// SPDX-License-Identifier: Apache-2.0

package attest

import (
	"encoding/json"
	"fmt"
	"strings"

	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/encoding/protojson"
	"google.golang.org/protobuf/proto"
	"google.golang.org/protobuf/types/known/structpb"
)

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

// Made is how something came about.
type Made struct {
	// Repository, Revision, Version and Go say of what, and with which toolchain; Flags are those of the build.
	Repository, Revision, Version, Go string
	Flags                             []string
	// Zig is the version of what compiled what is written in C; empty if nothing did.
	Zig string
	// Builder is who made it, as a URL: a workflow, or a person's machine. Run is that very run, if it has an address.
	Builder, Run string
}

// buildType names the way in which releases are built; docs/install.md describes it.
const buildType = "https://github.com/trunkline-dev/trunkline/blob/main/docs/install.md#how-a-release-is-built"

// Predicate is the provenance, in JSON, without what it is about.
func (m Made) Predicate() ([]byte, error) {
	flags := make([]any, len(m.Flags))
	for i, f := range m.Flags {
		flags[i] = f
	}
	external, err := structpb.NewStruct(map[string]any{"source": m.Repository, "revision": m.Revision, "version": m.Version, "flags": flags})
	if err != nil {
		return nil, err
	}
	internal, err := structpb.NewStruct(map[string]any{"go": m.Go})
	if err != nil {
		return nil, err
	}
	p := &slsa.Provenance{
		BuildDefinition: &slsa.BuildDefinition{
			BuildType: buildType, ExternalParameters: external, InternalParameters: internal,
			ResolvedDependencies: []*intoto.ResourceDescriptor{
				{Uri: "git+" + m.Repository, Digest: map[string]string{"gitCommit": m.Revision}},
				{Uri: "pkg:golang/toolchain@" + strings.TrimPrefix(m.Go, "go"), Name: m.Go},
			},
		},
		RunDetails: &slsa.RunDetails{Builder: &slsa.Builder{Id: m.Builder}},
	}
	if m.Zig != "" {
		p.BuildDefinition.ResolvedDependencies = append(p.BuildDefinition.ResolvedDependencies,
			&intoto.ResourceDescriptor{Uri: "pkg:pypi/ziglang@" + m.Zig, Name: "zig " + m.Zig})
	}
	if m.Run != "" {
		p.RunDetails.Metadata = &slsa.BuildMetadata{InvocationId: m.Run}
	}
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("the provenance: %w", err)
	}
	return sorted(p)
}

// State is the statement that a predicate, in JSON, holds of subjects.
func State(kind string, predicate []byte, about []Subject) ([]byte, error) {
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
	return sorted(s)
}

// sorted writes a message with the keys of JSON in the order of their names and without the spaces that protobuf puts in at random, so
// that it is the same twice.
func sorted(m proto.Message) ([]byte, error) {
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
