// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"

	"trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/api/track"
)

// The media types of archives: of a chart, of what Flux pushes, and of layers as other tools push folders.
const (
	chartLayer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	fluxLayer  = "application/vnd.cncf.flux.content.v1.tar+gzip"
)

const (
	pageSize = 1000
	maxTags  = 20_000
	// maxManifest bounds a manifest, which registries do at 4 MiB.
	maxManifest = 4 << 20
)

// layer is the archive of an artifact.
type layer struct {
	digest string
	size   int64
	chart  bool
}

// contentOf finds the archive in a manifest: that of a chart or of Flux, or the only one there is.
func contentOf(manifest []byte) (layer, error) {
	m, err := v1.ParseManifest(bytes.NewReader(manifest))
	if err != nil {
		return layer{}, unfitf("its manifest cannot be read")
	}
	if m.MediaType.IsIndex() {
		return layer{}, unfitf("it is an index of several artifacts; name the digest of one of them")
	}
	var archives []v1.Descriptor
	var kinds []string
	for _, l := range m.Layers {
		kind := string(l.MediaType)
		kinds = append(kinds, kind)
		if kind == chartLayer || kind == fluxLayer {
			archives = []v1.Descriptor{l}
			break
		}
		if kind == string(types.OCILayer) || kind == string(types.DockerLayer) || strings.HasSuffix(kind, "tar+gzip") {
			archives = append(archives, l)
		}
	}
	switch {
	case len(archives) == 0:
		return layer{}, unfitf("no layer of it is an archive in tar+gzip: it has %s", nonEmpty(kinds))
	case len(archives) > 1:
		return layer{}, unfitf("it has %d layers, as an image of containers has, and an artifact has one", len(archives))
	}
	l := archives[0]
	if !track.IsDigest(l.Digest.String()) || l.Size < 0 || l.Size > maxArchive {
		return layer{}, unfitf("its archive has more than %d MiB", maxArchive>>20)
	}
	return layer{l.Digest.String(), l.Size, string(l.MediaType) == chartLayer}, nil
}

func nonEmpty(kinds []string) string {
	if len(kinds) == 0 {
		return "none"
	}
	return strings.Join(kinds, ", ")
}

// puller asks the registry of a source.
func (s *Store) puller(source artifact.Source) (*remote.Puller, name.Repository, error) {
	repo, err := name.NewRepository(source.Repository, name.StrictValidation)
	if err != nil {
		return nil, repo, fmt.Errorf("%q is no repository", source.Repository)
	}
	puller, err := remote.NewPuller(s.asking()...)
	return puller, repo, err
}

func (s *Store) asking() []remote.Option {
	return []remote.Option{
		remote.WithTransport(s.transport), remote.WithAuthFromKeychain(s.opts.Keys), remote.WithPageSize(pageSize), remote.WithUserAgent(userAgent),
		remote.WithRetryBackoff(remote.Backoff{Steps: 1}), // what is tried again is decided here, for all servers alike
	}
}

// fetchOCI fetches an artifact from a registry.
func (s *Store) fetchOCI(ctx context.Context, source artifact.Source, ref artifact.Ref) (kept, error) {
	puller, repo, err := s.puller(source)
	if err != nil {
		return kept{}, err
	}
	got, err := puller.Get(ctx, repo.Digest(ref.Digest))
	if err != nil {
		return kept{}, explain(err, "there is no such artifact; was it removed, or is the repository another one?")
	}
	if len(got.Manifest) > maxManifest || digest.FromBytes(got.Manifest).String() != ref.Digest {
		return kept{}, busy{error: errors.New("the registry sends something else than the digest says")}
	}
	l, err := contentOf(got.Manifest)
	if err != nil {
		return kept{}, err
	}
	blob, err := puller.Layer(ctx, repo.Digest(l.digest))
	if err != nil {
		return kept{}, explain(err, "the registry does not have its content")
	}
	in, err := blob.Compressed()
	if err != nil {
		return kept{}, explain(err, "the registry does not have its content")
	}
	defer func() { _ = in.Close() }() // it was read
	content, err := readAll(in, l.digest)
	return kept{got.Manifest, content}, err
}

// readAll reads content of a digest.
func readAll(in io.Reader, want string) ([]byte, error) {
	content, err := io.ReadAll(io.LimitReader(in, maxArchive+1))
	switch {
	case err != nil && strings.Contains(err.Error(), "error verifying"):
		return nil, busy{error: errors.New("the server sends other content than the digest says")}
	case err != nil:
		return nil, explain(err, "")
	case len(content) > maxArchive:
		return nil, unfitf("its archive has more than %d MiB", maxArchive>>20)
	case digest.FromBytes(content).String() != want:
		return nil, busy{error: errors.New("the server sends other content than the digest says")}
	}
	return content, nil
}

// findOCI returns the tag and digest of what is followed in a registry.
func (s *Store) findOCI(ctx context.Context, source artifact.Source, follow track.Track) (Found, error) {
	puller, repo, err := s.puller(source)
	if err != nil {
		return Found{}, err
	}
	tag := follow.Tag()
	if follow.Range() {
		tags, err := list(ctx, puller, repo)
		if err != nil {
			return Found{}, err
		}
		var found bool
		if tag, found = follow.Newest(tags); !found {
			return Found{}, errors.New("no tag is a version in the range; push one, or declare another range")
		}
	}
	head, err := puller.Head(ctx, repo.Tag(tag))
	if err != nil {
		return Found{}, explain(err, "there is no tag "+tag)
	}
	of := head.Digest.String()
	if !track.IsDigest(of) {
		return Found{}, errors.New("the registry names it by a digest that is not of SHA-256")
	}
	return Found{Tag: tag, Digest: of}, nil
}

func list(ctx context.Context, puller *remote.Puller, repo name.Repository) (tags []string, err error) {
	pages, err := puller.Lister(ctx, repo)
	if err != nil {
		return nil, explain(err, "there is no such repository")
	}
	for pages.HasNext() {
		page, err := pages.Next(ctx)
		if err != nil {
			return nil, explain(err, "there is no such repository")
		}
		if tags = append(tags, page.Tags...); len(tags) > maxTags {
			return nil, fmt.Errorf("it has more than %d tags; follow a tag instead of a range", maxTags)
		}
	}
	return tags, nil
}
