// SPDX-License-Identifier: Apache-2.0

// Package artifacttest has registries and Helm repositories on loopback for tests, and signs as cosign does.
//
// It imports nothing of Trunkline.
package artifacttest

import (
	"archive/tar"
	"bytes"
	"compress/gzip"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/pem"
	"fmt"
	"io"
	"log"
	"maps"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
)

// The media types of what is pushed.
const (
	ChartLayer = "application/vnd.cncf.helm.chart.content.v1.tar+gzip"
	FluxLayer  = "application/vnd.cncf.flux.content.v1.tar+gzip"
	Bundle     = "application/vnd.dev.sigstore.bundle.v0.3+json"
)

// Registry starts a registry, whose requests go through wrap, and returns its host.
func Registry(t testing.TB, wrap func(http.Handler) http.Handler) string {
	t.Helper()
	h := registry.New(registry.Logger(log.New(io.Discard, "", 0)), registry.WithReferrersSupport(true))
	if wrap != nil {
		h = wrap(h)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	return strings.TrimPrefix(server.URL, "http://")
}

// Pack makes an archive of files, in their order by name.
func Pack(t testing.TB, files map[string]string) []byte {
	t.Helper()
	var entries []tar.Header
	for _, n := range slices.Sorted(maps.Keys(files)) {
		entries = append(entries, tar.Header{Name: n, Typeflag: tar.TypeReg, Mode: 0o644, Size: int64(len(files[n]))})
	}
	return PackEntries(t, entries, files)
}

// PackEntries makes an archive of any entries.
func PackEntries(t testing.TB, entries []tar.Header, content map[string]string) []byte {
	t.Helper()
	var out bytes.Buffer
	zipped := gzip.NewWriter(&out)
	w := tar.NewWriter(zipped)
	for i := range entries {
		if err := w.WriteHeader(&entries[i]); err != nil {
			t.Fatal(err)
		}
		if _, err := io.WriteString(w, content[entries[i].Name]); err != nil {
			t.Fatal(err)
		}
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	if err := zipped.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

// Chart makes the archive of a chart with one ConfigMap that says a text.
func Chart(t testing.TB, chart, version, text string) []byte {
	t.Helper()
	return Pack(t, map[string]string{
		chart + "/Chart.yaml":           fmt.Sprintf("apiVersion: v2\nname: %s\nversion: %s\n", chart, version),
		chart + "/values.yaml":          "replicas: 1\n",
		chart + "/templates/shown.yaml": fmt.Sprintf("apiVersion: v1\nkind: ConfigMap\nmetadata: {name: %q}\ndata: {says: %q, replicas: {{ .Values.replicas | quote }}}\n", "{{ .Release.Name }}", text),
	})
}

// Push pushes layers with a media type under a tag, and returns the digest.
func Push(t testing.TB, repository, tag, kind string, layers ...[]byte) string {
	t.Helper()
	var all []mutate.Addendum
	for _, l := range layers {
		all = append(all, mutate.Addendum{Layer: static.NewLayer(l, types.MediaType(kind))})
	}
	return push(t, repository, tag, base(), all...)
}

func base() v1.Image {
	return mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), "application/vnd.cncf.helm.config.v1+json")
}

func push(t testing.TB, repository, tag string, image v1.Image, layers ...mutate.Addendum) string {
	t.Helper()
	image, err := mutate.Append(image, layers...)
	if err != nil {
		t.Fatal(err)
	}
	return write(t, repository, tag, image)
}

// write pushes an image under a tag, or by its digest if there is none.
func write(t testing.TB, repository, tag string, image v1.Image) string {
	t.Helper()
	of, err := image.Digest()
	if err != nil {
		t.Fatal(err)
	}
	var ref name.Reference
	if ref, err = name.NewTag(repository + ":" + tag); tag == "" {
		ref, err = name.NewDigest(repository + "@" + of.String())
	}
	if err != nil {
		t.Fatal(err)
	}
	if err := remote.Write(ref, image); err != nil {
		t.Fatal(err)
	}
	return of.String()
}

// Key is a pair of keys; its text is the public one.
type Key struct {
	private *ecdsa.PrivateKey
	Public  string
}

// NewKey makes a pair of keys as "cosign generate-key-pair" does.
func NewKey(t testing.TB) Key {
	t.Helper()
	private, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	if err != nil {
		t.Fatal(err)
	}
	der, err := x509.MarshalPKIXPublicKey(&private.PublicKey)
	if err != nil {
		t.Fatal(err)
	}
	return Key{private, string(pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: der}))}
}

func (k Key) sign(t testing.TB, data []byte) []byte {
	t.Helper()
	sum := sha256.Sum256(data)
	signed, err := ecdsa.SignASN1(rand.Reader, k.private, sum[:])
	if err != nil {
		t.Fatal(err)
	}
	return signed
}

// Sign signs what says that it is of a digest, and pushes that as the signature of a digest.
func Sign(t testing.TB, repository string, k Key, says, of string) {
	t.Helper()
	payload := fmt.Appendf(nil, `{"critical":{"identity":{"docker-reference":%q},"image":{"docker-manifest-digest":%q},"type":"cosign container image signature"},"optional":null}`, repository, says)
	push(t, repository, strings.Replace(of, ":", "-", 1)+".sig", base(), mutate.Addendum{
		Layer:       static.NewLayer(payload, "application/vnd.dev.cosign.simplesigning.v1+json"),
		Annotations: map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(k.sign(t, payload))},
	})
}

// SignBundle pushes a bundle that refers to a digest, with a statement of a type.
func SignBundle(t testing.TB, repository string, k Key, predicate, of string) {
	t.Helper()
	payload := fmt.Appendf(nil, `{"_type":"https://in-toto.io/Statement/v1","subject":[{"digest":{"sha256":%q}}],"predicateType":%q,"predicate":{}}`,
		strings.TrimPrefix(of, "sha256:"), predicate)
	kind := "application/vnd.in-toto+json"
	signed := k.sign(t, fmt.Appendf(nil, "DSSEv1 %d %s %d %s", len(kind), kind, len(payload), payload))
	encode := base64.StdEncoding.EncodeToString
	bundle := fmt.Appendf(nil, `{"mediaType":%q,"dsseEnvelope":{"payload":%q,"payloadType":%q,"signatures":[{"sig":%q}]}}`, Bundle, encode(payload), kind, encode(signed))
	subject, err := remote.Head(digestOf(t, repository, of))
	if err != nil {
		t.Fatal(err)
	}
	with, err := mutate.Append(mutate.ConfigMediaType(base(), Bundle), mutate.Addendum{Layer: static.NewLayer(bundle, Bundle)})
	if err != nil {
		t.Fatal(err)
	}
	image, ok := mutate.Subject(with, *subject).(v1.Image) // the last of the changes, which all others would undo
	if !ok {
		t.Fatal("it is no image")
	}
	write(t, repository, "", image)
}

func digestOf(t testing.TB, repository, of string) name.Digest {
	t.Helper()
	ref, err := name.NewDigest(repository + "@" + of)
	if err != nil {
		t.Fatal(err)
	}
	return ref
}

// Repository serves charts, by name and version, as a Helm repository below /stable, and returns its address and the digests.
func Repository(t testing.TB, wrap func(http.Handler) http.Handler, charts map[string][]byte) (address string, digests map[string]string) {
	t.Helper()
	r := NewCharts(t, wrap)
	digests = map[string]string{}
	for _, of := range slices.Sorted(maps.Keys(charts)) {
		chart, version, _ := strings.Cut(of, " ")
		digests[of] = r.Add(chart, version, charts[of])
	}
	return r.Address, digests
}

// Charts is a Helm repository.
type Charts struct {
	Address string

	mu sync.Mutex
	// entries are those of the index by chart, and files the archives by their paths.
	entries map[string][]string
	files   map[string][]byte
}

// NewCharts starts a Helm repository below /stable, whose requests go through wrap.
func NewCharts(t testing.TB, wrap func(http.Handler) http.Handler) *Charts {
	t.Helper()
	c := &Charts{entries: map[string][]string{}, files: map[string][]byte{}}
	var h http.Handler = c
	if wrap != nil {
		h = wrap(h)
	}
	server := httptest.NewServer(h)
	t.Cleanup(server.Close)
	c.Address = server.URL + "/stable"
	return c
}

// Add puts the archive of a chart into the repository, and returns its digest.
func (c *Charts) Add(chart, version string, archive []byte) string {
	c.mu.Lock()
	defer c.mu.Unlock()
	sum := sha256.Sum256(archive)
	file := chart + "-" + version + ".tgz"
	c.files["/stable/"+file] = archive
	c.entries[chart] = append(c.entries[chart], fmt.Sprintf("  - {apiVersion: v2, name: %s, version: %q, digest: %x, urls: [%q]}\n", chart, version, sum, file))
	return "sha256:" + hex.EncodeToString(sum[:])
}

// ServeHTTP implements [http.Handler].
func (c *Charts) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	c.mu.Lock()
	defer c.mu.Unlock()
	if r.URL.Path == "/stable/index.yaml" {
		var index strings.Builder
		index.WriteString("apiVersion: v1\nentries:\n")
		for _, chart := range slices.Sorted(maps.Keys(c.entries)) {
			index.WriteString("  " + chart + ":\n" + strings.Join(c.entries[chart], ""))
		}
		_, _ = io.WriteString(w, index.String())
		return
	}
	data, ok := c.files[r.URL.Path]
	if !ok {
		http.NotFound(w, r)
		return
	}
	_, _ = w.Write(data)
}
