// SPDX-License-Identifier: Apache-2.0

package attest

import (
	"fmt"
	"strings"

	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/types/known/structpb"

	"trunkline.dev/trunkline/build/statement"
)

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
	return statement.Predicate(p)
}
