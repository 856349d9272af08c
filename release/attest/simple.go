// SPDX-License-Identifier: Apache-2.0

package attest

import (
	"encoding/base64"
	"strings"

	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/static"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"github.com/sigstore/sigstore/pkg/signature/payload"
)

// SimpleSigning signs an image in the form that every cosign knows: an image of its own, whose layer is what is signed. It is put under
// the name that SignatureTag says.
func (k *Key) SimpleSigning(of name.Digest) (v1.Image, error) {
	content, err := payload.Cosign{Image: of}.MarshalJSON()
	if err != nil {
		return nil, err
	}
	sig, err := k.sign(content)
	if err != nil {
		return nil, err
	}
	const kind types.MediaType = "application/vnd.dev.cosign.simplesigning.v1+json"
	img := mutate.ConfigMediaType(mutate.MediaType(empty.Image, types.OCIManifestSchema1), types.OCIConfigJSON)
	return mutate.Append(img, mutate.Addendum{
		Layer: static.NewLayer(content, kind), MediaType: kind,
		Annotations: map[string]string{"dev.cosignproject.cosign/signature": base64.StdEncoding.EncodeToString(sig)},
	})
}

// SignatureTag is where cosign looks for the signature of an image.
func SignatureTag(of name.Digest) name.Tag {
	return of.Context().Tag(strings.Replace(of.DigestStr(), ":", "-", 1) + ".sig")
}
