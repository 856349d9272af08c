// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"crypto"
	"crypto/sha256"
	"encoding/base64"
	"encoding/hex"
	stdjson "encoding/json"
	"io"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/secure-systems-lab/go-securesystemslib/dsse"
	bundlepb "github.com/sigstore/protobuf-specs/gen/pb-go/bundle/v1"
	"github.com/sigstore/sigstore/pkg/cryptoutils"
	"github.com/sigstore/sigstore/pkg/signature"
	"google.golang.org/protobuf/encoding/protojson"

	"trunkline.dev/trunkline/build/statement"
	"trunkline.dev/trunkline/release/attest"
)

// checkSigned verifies all that is signed with Sigstore's library; TestCosign does so with cosign itself.
func checkSigned(t *testing.T, m made) {
	data, err := os.ReadFile(filepath.Join(m.dir, "cosign.pub"))
	if err != nil {
		t.Fatal(err)
	}
	public, err := cryptoutils.UnmarshalPEMToPublicKey(data)
	if err != nil {
		t.Fatal(err)
	}
	verifier, err := signature.LoadVerifier(public, crypto.SHA256)
	if err != nil {
		t.Fatal(err)
	}
	verify := func(what string, sig, message []byte) {
		t.Helper()
		if err := verifier.VerifySignature(bytes.NewReader(sig), bytes.NewReader(message)); err != nil {
			t.Errorf("%s: %v", what, err)
		}
		if verifier.VerifySignature(bytes.NewReader(sig), bytes.NewReader(append(message, ' '))) == nil {
			t.Errorf("%s: the signature is good for anything", what)
		}
	}
	sums, err := os.ReadFile(filepath.Join(m.dir, "checksums.txt"))
	if err != nil {
		t.Fatal(err)
	}
	verify("checksums.txt", readBundle(t, filepath.Join(m.dir, "checksums.txt.sigstore.json")).GetMessageSignature().GetSignature(), sums)
	whole := readBundle(t, filepath.Join(m.dir, "provenance.sigstore.json")).GetDsseEnvelope()
	verify("provenance", whole.GetSignatures()[0].GetSig(), dsse.PAE(whole.GetPayloadType(), whole.GetPayload()))

	tag, err := name.NewTag(m.image + ":v1.2.3")
	if err != nil {
		t.Fatal(err)
	}
	index, err := remote.Index(tag)
	if err != nil {
		t.Fatal(err)
	}
	digest, err := index.Digest()
	if err != nil {
		t.Fatal(err)
	}
	images := []v1.Hash{digest}
	manifest, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	for _, d := range manifest.Manifests {
		images = append(images, d.Digest)
	}
	for i, d := range images {
		of := tag.Context().Digest(d.String())
		sig, message := simple(t, of)
		verify("the signature of "+d.String(), sig, message)
		if !strings.Contains(string(message), `"docker-manifest-digest":"`+d.String()+`"`) {
			t.Errorf("signed is another image: %s", message)
		}
		var kinds []string
		for _, b := range bundles(t, of) {
			e := b.GetDsseEnvelope()
			verify("a statement of "+d.String(), e.GetSignatures()[0].GetSig(), dsse.PAE(e.GetPayloadType(), e.GetPayload()))
			var s struct {
				PredicateType string
				Subject       []struct{ Digest map[string]string }
			}
			if err := stdjson.Unmarshal(e.GetPayload(), &s); err != nil {
				t.Fatal(err)
			}
			if len(s.Subject) != 1 || s.Subject[0].Digest["sha256"] != d.Hex {
				t.Errorf("a statement at %s is of %v", d, s.Subject)
			}
			kinds = append(kinds, s.PredicateType)
		}
		slices.Sort(kinds)
		want := []string{statement.Signature, statement.Provenance, statement.SPDX}
		if i == 0 {
			want = want[:2]
		}
		if diff := cmp.Diff(want, kinds); diff != "" {
			t.Errorf("what is said of %s: %s", d, diff)
		}
	}
}

func readBundle(t *testing.T, file string) *bundlepb.Bundle {
	t.Helper()
	data, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	return parseBundle(t, data)
}

func parseBundle(t *testing.T, data []byte) *bundlepb.Bundle {
	t.Helper()
	b := &bundlepb.Bundle{}
	if err := protojson.Unmarshal(data, b); err != nil {
		t.Fatalf("it is no bundle: %v", err)
	}
	if b.GetMediaType() != attest.BundleType || b.GetVerificationMaterial().GetPublicKey().GetHint() == "" {
		t.Errorf("the bundle is a %s without the hint of a key", b.GetMediaType())
	}
	return b
}

// content is that of the only layer of an image.
func content(t *testing.T, img v1.Image) []byte {
	t.Helper()
	layers, err := img.Layers()
	if err != nil || len(layers) != 1 {
		t.Fatalf("there are %d layers, want one (%v)", len(layers), err)
	}
	r, err := layers[0].Compressed()
	if err != nil {
		t.Fatal(err)
	}
	defer r.Close()
	data, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(err)
	}
	if d, err := layers[0].Digest(); err != nil || d.Hex != sum(data) {
		t.Errorf("the layer is not %s (%v)", d, err)
	}
	return data
}

func sum(data []byte) string {
	h := sha256.Sum256(data)
	return hex.EncodeToString(h[:])
}

// simple is the signature of an image in the form of old, and what is signed.
func simple(t *testing.T, of name.Digest) (sig, message []byte) {
	t.Helper()
	img, err := remote.Image(attest.SignatureTag(of))
	if err != nil {
		t.Fatal(err)
	}
	manifest, err := img.Manifest()
	if err != nil {
		t.Fatal(err)
	}
	sig, err = base64.StdEncoding.DecodeString(manifest.Layers[0].Annotations["dev.cosignproject.cosign/signature"])
	if err != nil {
		t.Fatal(err)
	}
	return sig, content(t, img)
}

// bundles are those that refer to an image.
func bundles(t *testing.T, of name.Digest) []*bundlepb.Bundle {
	t.Helper()
	index, err := remote.Referrers(of)
	if err != nil {
		t.Fatal(err)
	}
	list, err := index.IndexManifest()
	if err != nil {
		t.Fatal(err)
	}
	var out []*bundlepb.Bundle
	for _, d := range list.Manifests {
		img, err := remote.Image(of.Context().Digest(d.Digest.String()))
		if err != nil {
			t.Fatal(err)
		}
		// The list of the registry of these tests says of which kind the configuration is, and not the artifact.
		if manifest, err := img.Manifest(); err != nil || manifest.ArtifactType != attest.BundleType {
			continue
		}
		out = append(out, parseBundle(t, content(t, img)))
	}
	return out
}
