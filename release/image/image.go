// SPDX-License-Identifier: Apache-2.0

// Package image makes container images of programs, without a builder and without an image to begin with: the same programs make the
// same image, byte for byte.
package image

import (
	"io"
	"time"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"trunkline.dev/trunkline/build/archive"
	"trunkline.dev/trunkline/release/source"
)

// About says what an image is, in the labels that OCI has for it.
type About struct {
	Title, Description, Source, Revision, Version string
	Created                                       time.Time
}

// labels are those of the image, which are also the annotations of its manifests.
func (a About) labels() map[string]string {
	return map[string]string{
		"org.opencontainers.image.title":         a.Title,
		"org.opencontainers.image.description":   a.Description,
		"org.opencontainers.image.source":        a.Source,
		"org.opencontainers.image.documentation": a.Source + "/tree/" + a.Revision + "/docs",
		"org.opencontainers.image.revision":      a.Revision,
		"org.opencontainers.image.version":       a.Version,
		"org.opencontainers.image.created":       a.Created.Format(time.RFC3339),
		"org.opencontainers.image.licenses":      "Apache-2.0",
	}
}

// Of is the image of a program on one platform.
func Of(base []archive.Node, p source.Program, about About) (v1.Image, error) {
	program := "usr/bin/" + p.Name
	below, err := layer(base)
	if err != nil {
		return nil, err
	}
	above, err := layer([]archive.Node{{Name: program, Mode: 0o755, From: p.File}})
	if err != nil {
		return nil, err
	}
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	img, err = mutate.Append(img,
		mutate.Addendum{Layer: below, MediaType: types.OCILayer, History: v1.History{Created: v1.Time{Time: archive.Epoch}, CreatedBy: "certificates, time zones, users, folders"}},
		mutate.Addendum{Layer: above, MediaType: types.OCILayer, History: v1.History{Created: v1.Time{Time: about.Created}, CreatedBy: "go build " + p.Info.Path}})
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	config.OS, config.Architecture, config.Created, config.Author = p.Platform.OS, p.Platform.Arch, v1.Time{Time: about.Created}, ""
	config.Config = v1.Config{
		User:       "65532:65532",
		Entrypoint: []string{"/" + program},
		WorkingDir: Data,
		Labels:     about.labels(),
		Volumes:    map[string]struct{}{Data: {}},
		// The daemon's folder is below that of caches, unless --data names another one.
		Env: []string{"PATH=/usr/bin", "HOME=/home/nonroot", "XDG_CACHE_HOME=" + Data, "SSL_CERT_FILE=/etc/ssl/certs/ca-certificates.crt"},
	}
	if img, err = mutate.ConfigFile(img, config); err != nil {
		return nil, err
	}
	return mutate.Annotations(img, about.labels()).(v1.Image), nil
}

// layer makes a layer of nodes.
func layer(nodes []archive.Node) (v1.Layer, error) {
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) {
		r, w := io.Pipe()
		go func() { _ = w.CloseWithError(archive.WriteTar(w, nodes)) }() // never fails
		return r, nil
	}, tarball.WithMediaType(types.OCILayer))
}

// Index is one name for the images of several platforms.
func Index(images []v1.Image, about About) (v1.ImageIndex, error) {
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, img := range images {
		config, err := img.ConfigFile()
		if err != nil {
			return nil, err
		}
		index = mutate.AppendManifests(index, mutate.IndexAddendum{
			Add:        img,
			Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: config.OS, Architecture: config.Architecture}},
		})
	}
	return mutate.Annotations(index, about.labels()).(v1.ImageIndex), nil
}
