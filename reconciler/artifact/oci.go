// SPDX-License-Identifier: Apache-2.0

package artifact

import (
	"bytes"
	"context"
	"io"
	"strings"

	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/opencontainers/go-digest"

	"trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/api/track"
	"trunkline.dev/trunkline/reconciler/oci"
)

// The media types of archives: of a chart, of what Flux pushes, and of layers as other tools push folders.
const (
	chartLayer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	fluxLayer  = "application/vnd.cncf.flux.content.v1.tar+gzip"
)

// maxManifest bounds a manifest, which registries do at 4 MiB.
const maxManifest = 4 << 20

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

// repository is what is asked of the registry of a source.
func (s *Store) repository(source artifact.Source) (*oci.Repository, error) {
	return oci.NewRepository(source.Repository, s.transport, s.opts.Keys) // what is tried again is decided here, for all servers alike
}

// fetchOCI fetches an artifact from a registry.
func (s *Store) fetchOCI(ctx context.Context, source artifact.Source, ref artifact.Ref) (kept, error) {
	repo, err := s.repository(source)
	if err != nil {
		return kept{}, err
	}
	got, err := repo.Get(ctx, repo.Digest(ref.Digest))
	if err != nil {
		return kept{}, oci.Explain(err, "there is no such artifact; was it removed, or is the repository another one?")
	}
	if len(got.Manifest) > maxManifest || digest.FromBytes(got.Manifest).String() != ref.Digest {
		return kept{}, oci.Busy("the registry sends something else than the digest says")
	}
	l, err := contentOf(got.Manifest)
	if err != nil {
		return kept{}, err
	}
	blob, err := repo.Layer(ctx, repo.Digest(l.digest))
	if err != nil {
		return kept{}, oci.Explain(err, "the registry does not have its content")
	}
	in, err := blob.Compressed()
	if err != nil {
		return kept{}, oci.Explain(err, "the registry does not have its content")
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
		return nil, oci.Busy("the server sends other content than the digest says")
	case err != nil:
		return nil, oci.Explain(err, "")
	case len(content) > maxArchive:
		return nil, unfitf("its archive has more than %d MiB", maxArchive>>20)
	case digest.FromBytes(content).String() != want:
		return nil, oci.Busy("the server sends other content than the digest says")
	}
	return content, nil
}

// findOCI returns the tag and digest of what is followed in a registry.
func (s *Store) findOCI(ctx context.Context, source artifact.Source, follow track.Track) (Found, error) {
	repo, err := s.repository(source)
	if err != nil {
		return Found{}, err
	}
	tag, of, err := repo.Find(ctx, follow)
	return Found{Tag: tag, Digest: of}, err
}
