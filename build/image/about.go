// SPDX-License-Identifier: Apache-2.0

package image

import (
	"maps"

	v1 "github.com/google/go-containerregistry/pkg/v1"

	"trunkline.dev/trunkline/build/referrer"
	"trunkline.dev/trunkline/build/statement"
)

// spdxType is the media type of a bill of materials.
const spdxType = "application/spdx+json"

// Beside makes what is kept beside an image in a registry: its bill of materials, and how it came about.
func Beside(b Built, code Code, base Base, o statement.Origin) ([]v1.Image, error) {
	subject, err := b.Subject()
	if err != nil {
		return nil, err
	}
	o.Image, o.Base = statement.Subject{Name: o.Repository, SHA256: b.Digest.Hex}, statement.Subject{Name: base.Name, SHA256: base.Digest.Hex}
	files := make([]statement.File, len(code.Files))
	for i, f := range code.Files {
		files[i] = statement.File{Path: code.Folder + "/" + f.Path, Data: f.Data}
	}
	bill, err := statement.Bill(o, files)
	if err != nil {
		return nil, err
	}
	provenance, err := o.Provenance()
	if err != nil {
		return nil, err
	}
	said, err := statement.New(statement.Provenance, provenance, []statement.Subject{o.Image})
	if err != nil {
		return nil, err
	}
	var out []v1.Image
	for _, kept := range []struct {
		kind    string
		content []byte
		about   map[string]string
	}{
		{spdxType, bill, nil},
		{statement.MediaType, said, map[string]string{"in-toto.io/predicate-type": statement.Provenance}},
	} {
		about := map[string]string{}
		maps.Copy(about, kept.about)
		for name, text := range map[string]string{"source": o.Source, "revision": o.Revision} {
			if text != "" {
				about[ofImage+name] = text
			}
		}
		made, err := referrer.New(kept.content, kept.kind, subject, about)
		if err != nil {
			return nil, err
		}
		out = append(out, made)
	}
	return out, nil
}
