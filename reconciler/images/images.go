// SPDX-License-Identifier: Apache-2.0

// Package images reads images of registries that files are put on, and pushes what comes of it: only what a registry does not have yet.
//
// Of Trunkline it may import api, build and reconciler/oci.
package images

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"trunkline.dev/trunkline/api/track"
	"trunkline.dev/trunkline/build/image"
	"trunkline.dev/trunkline/reconciler/oci"
)

const (
	// maxPaper bounds a manifest or configuration, and maxBlob a layer of a base that is copied from one registry to another.
	maxPaper = 4 << 20
	maxBlob  = 16 << 30
	// jobs is how many layers are pushed at a time.
	jobs = 4
)

// Client asks registries.
type Client struct {
	keys      authn.Keychain
	transport http.RoundTripper
}

// New makes a client that has these credentials.
func New(keys authn.Keychain) (*Client, error) {
	papers, err := oci.NewTransport(maxPaper)
	if err != nil {
		return nil, err
	}
	blobs, err := oci.NewTransport(maxBlob)
	if err != nil {
		return nil, err
	}
	return &Client{keys: keys, transport: sized{papers, blobs}}, nil
}

// sized bounds what is read into memory by less than what is passed on.
type sized struct{ papers, blobs http.RoundTripper }

// RoundTrip implements [http.RoundTripper].
func (s sized) RoundTrip(r *http.Request) (*http.Response, error) {
	if strings.Contains(r.URL.Path, "/blobs/") || r.Response != nil { // registries send on to where their blobs are
		return s.blobs.RoundTrip(r)
	}
	return s.papers.RoundTrip(r)
}

func (c *Client) options(ctx context.Context) []remote.Option {
	return []remote.Option{
		remote.WithContext(ctx), remote.WithTransport(c.transport), remote.WithAuthFromKeychain(c.keys), remote.WithUserAgent(oci.UserAgent), remote.WithJobs(jobs),
	}
}

// Base reads an image that is named by its digest. Of several platforms those count that are named, or the usual ones.
func (c *Client) Base(ctx context.Context, text string, platforms []string) (image.Base, error) {
	named, sum, _ := strings.Cut(text, "@")
	wrong := func(err error) (image.Base, error) { return image.Base{}, fmt.Errorf("the image %s: %w", text, err) }
	if !track.IsDigest(sum) {
		digest, err := c.now(ctx, text)
		if err != nil {
			return wrong(err)
		}
		return wrong(fmt.Errorf("it is named by a tag, which can be another image tomorrow: write %s@%s, which it is now", named, digest))
	}
	ref, err := name.NewDigest(text)
	if err != nil {
		return wrong(errors.New("it is not named by a digest of SHA-256"))
	}
	got, err := remote.Get(ref, c.options(ctx)...)
	if err != nil {
		return wrong(oci.Explain(err, "the registry has no such image"))
	}
	out := image.Base{Name: named, Digest: got.Digest}
	if !got.MediaType.IsIndex() {
		img, err := got.Image()
		if err != nil {
			return wrong(oci.Explain(err, "the registry has no such image"))
		}
		p, err := checked(img)
		if err != nil {
			return wrong(err)
		}
		for _, want := range platforms {
			if w, err := v1.ParsePlatform(want); err != nil || !p.Platform.Satisfies(*w) {
				return wrong(fmt.Errorf("it has no image for %s: it is one for %s", want, p.Platform.String()))
			}
		}
		out.Images = []image.Platform{p}
		return out, nil
	}
	if out.Index, err = got.ImageIndex(); err != nil {
		return wrong(oci.Explain(err, "the registry has no such image"))
	}
	index, err := out.Index.IndexManifest()
	if err != nil {
		return wrong(errors.New("the registry answers with something that is no index of images"))
	}
	chosen, err := image.Choose(index, platforms)
	if err != nil {
		return wrong(err)
	}
	for _, d := range chosen {
		img, err := out.Index.Image(d.Digest)
		if err != nil {
			return wrong(oci.Explain(err, "the registry does not have all of it"))
		}
		p, err := checked(img)
		if err != nil {
			return wrong(err)
		}
		p.Platform = *d.Platform
		out.Images = append(out.Images, p)
	}
	return out, nil
}

// checked reads what is needed of an image, so that what is wrong with it is said at once.
func checked(img v1.Image) (image.Platform, error) {
	m, err := img.Manifest()
	if err != nil {
		return image.Platform{}, oci.Explain(err, "the registry does not have all of it")
	}
	if m.Config.Size > maxPaper || !m.Config.MediaType.IsConfig() {
		return image.Platform{}, errors.New("it is no image of a container")
	}
	c, err := img.ConfigFile()
	if err != nil {
		return image.Platform{}, oci.Explain(err, "the registry does not have all of it")
	}
	if len(c.RootFS.DiffIDs) != len(m.Layers) || c.OS == "" {
		return image.Platform{}, errors.New("it is no image of a container: its configuration does not fit its layers")
	}
	p := c.Platform()
	return image.Platform{Image: img, Platform: *p}, nil
}

// now is the digest of what a name with a tag is at the moment.
func (c *Client) now(ctx context.Context, text string) (string, error) {
	ref, err := name.ParseReference(text)
	if err != nil {
		return "", errors.New("it is not of the form of an image")
	}
	head, err := remote.Head(ref, c.options(ctx)...)
	if err != nil {
		return "", oci.Explain(err, "the registry has no such image")
	}
	return head.Digest.String(), nil
}

// Push puts an image into a repository, with a tag, and what is kept beside it. Layers that the registry has are not sent.
func (c *Client) Push(ctx context.Context, repository, tag string, b image.Built, beside []v1.Image) error {
	wrong := func(err error) error {
		return fmt.Errorf("pushing to %s: %w", repository, oci.Explain(err, "the registry has no such repository"))
	}
	repo, err := name.NewRepository(repository, name.StrictValidation)
	if err != nil {
		return fmt.Errorf("%q is no repository: write it with its registry, such as ghcr.io/acme/orders", repository)
	}
	pusher, err := remote.NewPusher(c.options(ctx)...)
	if err != nil {
		return wrong(err)
	}
	to, digest := repo.Tag(tag), repo.Digest(b.Digest.String())
	if err := pusher.Push(ctx, to, taggable(b)); err != nil {
		return wrong(err)
	}
	head, err := remote.Head(digest, c.options(ctx)...)
	if err != nil {
		return wrong(err)
	}
	if head.Digest != b.Digest {
		return fmt.Errorf("pushing to %s: the registry has another image by the digest %s", repository, b.Digest)
	}
	for _, img := range beside {
		sum, err := img.Digest()
		if err != nil {
			return err
		}
		if err := pusher.Push(ctx, repo.Digest(sum.String()), img); err != nil {
			return fmt.Errorf("pushing what is beside the image: %w", wrong(err))
		}
	}
	return nil
}

func taggable(b image.Built) remote.Taggable {
	if b.Index != nil {
		return b.Index
	}
	return b.One
}

// Write writes an image as a folder in OCI's layout, with all layers and what is kept beside it.
func Write(dir, called string, b image.Built, beside []v1.Image) error {
	to, err := layout.Write(dir, empty.Index)
	if err != nil {
		return fmt.Errorf("writing the image to %s: %w", dir, err)
	}
	names := layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": called})
	if b.Index != nil {
		err = to.AppendIndex(b.Index, names)
	} else {
		err = to.AppendImage(b.One, names)
	}
	for _, img := range beside {
		err = errors.Join(err, to.AppendImage(img))
	}
	if err != nil {
		return fmt.Errorf("writing the image to %s: %w", dir, oci.Explain(err, "the registry does not have all layers of the base"))
	}
	return nil
}
