// SPDX-License-Identifier: Apache-2.0

package image

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/types"

	"trunkline.dev/trunkline/api/v1alpha1"
)

const (
	// codeLabel has the diff id of the last layer of an image that was made here. Code of another state takes its place.
	codeLabel = "dev.trunkline.code"
	// createdBy is what the history of an image has of that layer.
	createdBy = "trunkline build"
	// ofImage begins the labels and annotations that OCI has for what an image is. Those of a base are not those of what is made of it.
	ofImage = "org.opencontainers.image."
)

// Base is an image that files are put on: one, or one for each of several platforms.
type Base struct {
	// Name is its repository, with the tag it was named by if there is one, and Digest what it is.
	Name   string
	Digest v1.Hash
	// Index is nil if it is one image.
	Index  v1.ImageIndex
	Images []Platform
}

// Platform is an image for a platform.
type Platform struct {
	v1.Image
	Platform v1.Platform
}

// defaults are the platforms that an image is made for unless others are named.
var defaults = []string{"linux/amd64", "linux/arm64"}

// Choose returns which manifests of an index are for the platforms that are named, in the order of the index. Without names it takes the
// usual ones that are there.
func Choose(index *v1.IndexManifest, named []string) ([]v1.Descriptor, error) {
	var there []string
	var out []v1.Descriptor
	for _, d := range index.Manifests {
		if d.Platform == nil || d.Platform.OS == "unknown" || !d.MediaType.IsImage() {
			continue // a bill or a signature
		}
		there = append(there, d.Platform.String())
		for _, name := range orDefault(named) {
			if want, err := v1.ParsePlatform(name); err == nil && d.Platform.Satisfies(*want) {
				out = append(out, d)
				break
			}
		}
	}
	slices.Sort(there)
	for _, name := range named {
		want, err := v1.ParsePlatform(name)
		if err != nil || !slices.ContainsFunc(out, func(d v1.Descriptor) bool { return d.Platform.Satisfies(*want) }) {
			return nil, fmt.Errorf("it has no image for %s, but for %s", name, listed(there))
		}
	}
	if len(out) == 0 {
		return nil, fmt.Errorf("it has no image for %s, but for %s: name one of them in build.platforms", strings.Join(defaults, " or "), listed(there))
	}
	return out, nil
}

func orDefault(named []string) []string {
	if len(named) == 0 {
		return defaults
	}
	return named
}

func listed(names []string) string {
	if len(names) == 0 {
		return "no platform"
	}
	return strings.Join(names, ", ")
}

// Built is an image, or an index of one for each platform.
type Built struct {
	// One is set if it is one image, and Index if it is an index.
	One   v1.Image
	Index v1.ImageIndex
	// Images are those of the index, or the one.
	Images []Platform
	Digest v1.Hash
}

// Subject describes it for what is kept beside it.
func (b Built) Subject() (v1.Descriptor, error) {
	if b.Index != nil {
		d, err := partial.Descriptor(b.Index)
		return deref(d), err
	}
	d, err := partial.Descriptor(b.One)
	return deref(d), err
}

func deref(d *v1.Descriptor) v1.Descriptor {
	if d == nil {
		return v1.Descriptor{}
	}
	return *d
}

// Of makes the image of a project: code on its base, with what the declaration says about how it runs.
func Of(base Base, code Code, title string, b v1alpha1.Build) (Built, error) {
	about := map[string]string{ofImage + "title": title, ofImage + "base.name": base.Name, ofImage + "base.digest": base.Digest.String()}
	return on(base, code, about, func(c *v1.Config) {
		maps.DeleteFunc(c.Labels, func(name, _ string) bool { return strings.HasPrefix(name, ofImage) })
		maps.Copy(c.Labels, about)
		c.WorkingDir = b.Folder()
		for _, name := range slices.Sorted(maps.Keys(b.Env)) {
			c.Env = append(slices.DeleteFunc(c.Env, func(e string) bool { return strings.HasPrefix(e, name+"=") }), name+"="+b.Env[name])
		}
		if len(b.Entrypoint) > 0 {
			c.Entrypoint, c.Cmd = b.Entrypoint, nil
		}
		if b.User != "" {
			c.User = b.User
		}
	})
}

// Swap puts code on an image without changing how it runs. If its last layer is code of another state, that is taken off first.
func Swap(base Base, code Code) (Built, error) {
	base.Images = slices.Clone(base.Images)
	for i := range base.Images {
		var err error
		if base.Images[i].Image, err = withoutCode(base.Images[i].Image); err != nil {
			return Built{}, err
		}
	}
	return on(base, code, nil, func(*v1.Config) {})
}

func on(base Base, code Code, about map[string]string, edit func(*v1.Config)) (Built, error) {
	if len(base.Images) == 0 {
		return Built{}, errors.New("there is no image to put files on")
	}
	out := Built{Images: slices.Clone(base.Images)}
	for i, p := range base.Images {
		made, err := one(p.Image, code, about, edit)
		if err != nil {
			return Built{}, fmt.Errorf("putting files on the image for %s: %w", p.Platform.String(), err)
		}
		out.Images[i].Image = made
	}
	var err error
	if base.Index == nil {
		out.One = out.Images[0].Image
		out.Digest, err = out.One.Digest()
		return out, err
	}
	kind, err := base.Index.MediaType()
	if err != nil {
		return Built{}, err
	}
	index := mutate.IndexMediaType(empty.Index, kind)
	for _, p := range out.Images {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: untyped{p.Image}, Descriptor: v1.Descriptor{Platform: p.Platform.DeepCopy()}})
	}
	if out.Index = index; about != nil && kind == types.OCIImageIndex {
		annotated, ok := mutate.Annotations(index, about).(v1.ImageIndex)
		if !ok {
			return Built{}, errors.New("an index with annotations is no index")
		}
		out.Index = annotated
	}
	out.Digest, err = out.Index.Digest()
	return out, err
}

func one(base v1.Image, code Code, about map[string]string, edit func(*v1.Config)) (v1.Image, error) {
	kind, err := base.MediaType()
	if err != nil {
		return nil, err
	}
	layer := types.OCILayer
	if kind == types.DockerManifestSchema2 {
		layer, about = types.DockerLayer, nil // such a manifest has no annotations
	}
	if about != nil {
		base = bare{base}
	}
	img, err := mutate.Append(base, mutate.Addendum{Layer: code.Layer, MediaType: layer, History: v1.History{CreatedBy: createdBy}})
	if err != nil {
		return nil, err
	}
	config, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	config = config.DeepCopy()
	if config.Config.Labels == nil {
		config.Config.Labels = map[string]string{}
	}
	edit(&config.Config)
	config.Config.Labels[codeLabel] = code.DiffID.String()
	if img, err = mutate.ConfigFile(img, config); err != nil || about == nil {
		return img, err
	}
	annotated, ok := mutate.Annotations(img, about).(v1.Image)
	if !ok {
		return nil, errors.New("an image with annotations is no image")
	}
	return annotated, nil
}

// untyped is an image that an index lists as one, and as no artifact of a type.
type untyped struct{ v1.Image }

// ArtifactType is asked for by what makes the index.
func (untyped) ArtifactType() (string, error) { return "", nil }

// bare is an image whose manifest has no annotations.
type bare struct{ v1.Image }

// Manifest implements [v1.Image].
func (b bare) Manifest() (*v1.Manifest, error) {
	m, err := b.Image.Manifest()
	if err != nil {
		return nil, err
	}
	m = m.DeepCopy()
	m.Annotations = nil
	return m, nil
}

// withoutCode takes off the last layer of an image if that is code that was put on it here.
func withoutCode(img v1.Image) (v1.Image, error) {
	m, err := img.Manifest()
	if err != nil {
		return nil, err
	}
	c, err := img.ConfigFile()
	if err != nil {
		return nil, err
	}
	if !hasCode(m, c) {
		return img, nil
	}
	m, c = m.DeepCopy(), c.DeepCopy()
	m.Layers, c.RootFS.DiffIDs = m.Layers[:len(m.Layers)-1], c.RootFS.DiffIDs[:len(c.RootFS.DiffIDs)-1]
	if n := len(c.History); n > 0 && c.History[n-1].CreatedBy == createdBy {
		c.History = c.History[:n-1]
	}
	return cut{img, m, c}, nil
}

// hasCode reports whether the last layer of an image is code that was put on it here.
func hasCode(m *v1.Manifest, c *v1.ConfigFile) bool {
	n := len(m.Layers)
	return n > 1 && len(c.RootFS.DiffIDs) == n && c.RootFS.DiffIDs[n-1].String() == c.Config.Labels[codeLabel]
}

// cut is an image without its last layer, to be put on.
type cut struct {
	v1.Image
	manifest *v1.Manifest
	config   *v1.ConfigFile
}

// Manifest implements [v1.Image].
func (c cut) Manifest() (*v1.Manifest, error) { return c.manifest.DeepCopy(), nil }

// ConfigFile implements [v1.Image].
func (c cut) ConfigFile() (*v1.ConfigFile, error) { return c.config.DeepCopy(), nil }
