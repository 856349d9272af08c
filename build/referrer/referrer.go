// SPDX-License-Identifier: Apache-2.0

// Package referrer makes what registries list beside an image: files about it, such as its bill of materials.
//
// It imports nothing of Trunkline.
package referrer

import (
	"bytes"
	"encoding/json"
	"fmt"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// nothing is the configuration of what has none, by OCI 1.1.
const nothing types.MediaType = "application/vnd.oci.empty.v1+json"

// artifact is a file about an image, which registries list with what it is about.
type artifact struct {
	manifest, config []byte
	layer            v1.Layer
}

// New makes a file that refers to a subject. The kind of its content is its own kind.
func New(content []byte, kind string, subject v1.Descriptor, annotations map[string]string) (v1.Image, error) {
	a := &artifact{config: []byte("{}"), layer: static.NewLayer(content, types.MediaType(kind))}
	config, err := describe(static.NewLayer(a.config, nothing))
	if err != nil {
		return nil, err
	}
	layer, err := describe(a.layer)
	if err != nil {
		return nil, err
	}
	config.Data = a.config
	a.manifest, err = json.Marshal(v1.Manifest{
		SchemaVersion: 2, MediaType: types.OCIManifestSchema1, ArtifactType: kind, Config: config, Layers: []v1.Descriptor{layer},
		Subject: &v1.Descriptor{MediaType: subject.MediaType, Digest: subject.Digest, Size: subject.Size}, Annotations: annotations,
	})
	if err != nil {
		return nil, err
	}
	return partial.CompressedToImage(a)
}

func describe(l v1.Layer) (v1.Descriptor, error) {
	d, err := partial.Descriptor(l)
	if err != nil {
		return v1.Descriptor{}, err
	}
	return *d, nil
}

func (a *artifact) RawManifest() ([]byte, error)        { return bytes.Clone(a.manifest), nil }
func (a *artifact) RawConfigFile() ([]byte, error)      { return bytes.Clone(a.config), nil }
func (a *artifact) MediaType() (types.MediaType, error) { return types.OCIManifestSchema1, nil }
func (a *artifact) LayerByDigest(h v1.Hash) (partial.CompressedLayer, error) {
	if got, err := a.layer.Digest(); err != nil || got != h {
		return nil, fmt.Errorf("the artifact has no layer %s", h)
	}
	return a.layer, nil
}
