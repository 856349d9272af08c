// SPDX-License-Identifier: Apache-2.0

package statement

import (
	"fmt"
	"time"

	slsa "github.com/in-toto/attestation/go/predicates/provenance/v1"
	intoto "github.com/in-toto/attestation/go/v1"
	"google.golang.org/protobuf/types/known/structpb"
)

// Origin is how the image of a project came about.
type Origin struct {
	// Repository is where the image is, or is to be, and Image what it is there.
	Repository string
	Image      Subject
	// Base is what the files were put on.
	Base Subject
	// Project and Workload name what it is of, and Files and Exclude which of its files were taken.
	Project, Workload string
	Files, Exclude    []string
	// Source is the address of the repository with the files, and Revision their commit, of Time; empty for files on a disk.
	Source, Revision string
	Time             time.Time
	// Version is that of the program that made it.
	Version string
}

const (
	// buildType names how images of projects are made.
	buildType = "https://github.com/trunkline-dev/trunkline/blob/main/docs/build.md#what-is-in-the-image"
	// builder is who makes them. A workflow signs with its own identity.
	builder = "https://github.com/trunkline-dev/trunkline/blob/main/docs/build.md"
)

// Provenance is the predicate, in JSON, of how the image came about.
func (o Origin) Provenance() ([]byte, error) {
	external, err := structpb.NewStruct(map[string]any{
		"project": o.Project, "workload": o.Workload, "base": o.Base.Name + "@sha256:" + o.Base.SHA256, "files": anys(o.Files), "exclude": anys(o.Exclude),
	})
	if err != nil {
		return nil, err
	}
	p := &slsa.Provenance{
		BuildDefinition: &slsa.BuildDefinition{
			BuildType: buildType, ExternalParameters: external,
			ResolvedDependencies: []*intoto.ResourceDescriptor{{Uri: "oci://" + o.Base.Name, Digest: map[string]string{"sha256": o.Base.SHA256}}},
		},
		RunDetails: &slsa.RunDetails{Builder: &slsa.Builder{Id: builder, Version: map[string]string{"trunkline": o.Version}}},
	}
	if o.Revision != "" {
		from := &intoto.ResourceDescriptor{Name: "source", Digest: map[string]string{"gitCommit": o.Revision}}
		if o.Source != "" {
			from.Uri = "git+" + o.Source
		}
		p.BuildDefinition.ResolvedDependencies = append(p.BuildDefinition.ResolvedDependencies, from)
	}
	if err := p.Validate(); err != nil {
		return nil, fmt.Errorf("the provenance: %w", err)
	}
	return Predicate(p)
}

func anys(texts []string) []any {
	out := make([]any, len(texts))
	for i, text := range texts {
		out[i] = text
	}
	return out
}
