// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/partial"
	"github.com/google/go-containerregistry/pkg/v1/remote"

	"trunkline.dev/trunkline/build/archive"
	"trunkline.dev/trunkline/build/referrer"
	"trunkline.dev/trunkline/build/statement"
	"trunkline.dev/trunkline/release/attest"
	"trunkline.dev/trunkline/release/bill"
	"trunkline.dev/trunkline/release/image"
	"trunkline.dev/trunkline/release/pack"
	"trunkline.dev/trunkline/release/source"
)

// imaged is an image of one platform, with the program that is in it.
type imaged struct {
	v1.Image
	program source.Program
	digest  v1.Hash
}

// images makes the image of each platform of Linux and their index, and what is known of them; and pushes it all.
func (m *maker) images(ctx context.Context) error {
	base, err := image.Base(m.zones)
	if err != nil {
		return err
	}
	about := image.About{
		Title: "Trunkline", Description: "GitOps daemon for data platforms", Source: m.Source, Revision: m.commit.Hash,
		Version: "v" + m.version(), Created: m.commit.Time,
	}
	var made []imaged
	var alone []v1.Image
	for _, p := range m.programs {
		if p.Platform.OS != "linux" || p.Name != m.programs[0].Name {
			continue
		}
		img, err := image.Of(base, p, about)
		if err != nil {
			return err
		}
		digest, err := img.Digest()
		if err != nil {
			return err
		}
		made, alone = append(made, imaged{Image: img, program: p, digest: digest}), append(alone, img)
	}
	if len(made) == 0 {
		m.say("no image: none of -platforms is of Linux")
		return nil
	}
	index, err := image.Index(alone, about)
	if err != nil {
		return err
	}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	repository, err := name.NewRepository(m.Image)
	if err != nil {
		return fmt.Errorf("-image: %w", err)
	}
	claims, err := m.claims(made, index, repository)
	if err != nil {
		return err
	}
	for _, c := range claims {
		if c.predicate == statement.Provenance { // of each image there is one
			m.subjects = append(m.subjects, statement.Subject{Name: repository.Name(), SHA256: c.digest.Hex})
		}
	}
	referrers, err := m.referrers(claims, repository)
	if err != nil {
		return err
	}
	if err := m.layout(index, referrers); err != nil {
		return err
	}
	m.say("image     %s@%s", repository, digest)
	if err := write(filepath.Join(m.Out, "image-digest.txt"), []byte(digest.String()+"\n")); err != nil {
		return err
	}
	if !m.Push {
		return nil
	}
	return m.push(ctx, repository, made, index, referrers)
}

// tag is the name of the image's version. Tags have no plus.
func (m *maker) tag() string { return strings.ReplaceAll("v"+m.version(), "+", "-") }

// claim is something that is said of an image.
type claim struct {
	// predicate is what it is, and kind what cosign calls that.
	predicate, kind string
	content         []byte
	of              partial.Describable
	digest          v1.Hash
}

// claims are what is said of the images: the provenance of each and of their index, and the bill of materials of each.
func (m *maker) claims(made []imaged, index v1.ImageIndex, repository name.Repository) ([]claim, error) {
	provenance, err := m.provenance()
	if err != nil {
		return nil, err
	}
	whole, err := index.Digest()
	if err != nil {
		return nil, err
	}
	out := []claim{{statement.Provenance, "slsaprovenance1", provenance, index, whole}}
	for _, img := range made {
		text, err := bill.Of(img.program, &bill.Image{Repository: repository.Name(), Digest: img.digest.String(), Parts: parts(img.program)}, m.commit.Time, m.licences)
		if err != nil {
			return nil, err
		}
		out = append(out, claim{statement.Provenance, "slsaprovenance1", provenance, img, img.digest}, claim{statement.SPDX, "spdxjson", text, img, img.digest})
	}
	return out, nil
}

// referrers are the claims as a registry keeps them, and what cosign says of an image that is signed; signed, if there is a key. Each
// claim is written down as well, for whoever signs otherwise.
func (m *maker) referrers(claims []claim, repository name.Repository) ([]v1.Image, error) {
	dir := filepath.Join(m.Out, "attest")
	if err := makeFolder(dir); err != nil {
		return nil, err
	}
	var out []v1.Image
	for _, c := range claims {
		if err := write(filepath.Join(dir, c.kind+"-"+c.digest.Hex+".json"), c.content); err != nil {
			return nil, err
		}
		if c.predicate == statement.SPDX { // for tools that read bills and no statements
			a, err := m.artifact(c, "application/spdx+json", c.content, nil)
			if err != nil {
				return nil, err
			}
			out = append(out, a)
		}
		statements := []claim{c}
		if m.key == nil {
			continue
		}
		if c.predicate == statement.Provenance { // of each image there is one
			statements = append(statements, claim{predicate: statement.Signature, content: []byte("{}"), of: c.of, digest: c.digest})
		}
		for _, s := range statements {
			a, err := m.attested(s, repository)
			if err != nil {
				return nil, err
			}
			out = append(out, a)
		}
	}
	return out, nil
}

// attested is a claim that is signed.
func (m *maker) attested(c claim, repository name.Repository) (v1.Image, error) {
	said, err := statement.New(c.predicate, c.content, []statement.Subject{{Name: repository.Name(), SHA256: c.digest.Hex}})
	if err != nil {
		return nil, err
	}
	bundle, err := m.key.Attest(said)
	if err != nil {
		return nil, err
	}
	return m.artifact(c, attest.BundleType, bundle, attest.Annotations(c.predicate))
}

// artifact is something that a registry keeps beside the image that it is of.
func (m *maker) artifact(c claim, kind string, content []byte, annotations map[string]string) (v1.Image, error) {
	to, err := partial.Descriptor(c.of)
	if err != nil {
		return nil, err
	}
	all := map[string]string{"org.opencontainers.image.created": m.commit.Time.Format(time.RFC3339)}
	maps.Copy(all, annotations)
	return referrer.New(content, kind, *to, all)
}

// parts are what the image holds besides the program.
func parts(p source.Program) []bill.Part {
	return []bill.Part{
		{Name: "ca-certificates", Version: image.CertificatesVersion(), Licence: "MPL-2.0", From: "the roots that Mozilla trusts for servers, by golang.org/x/crypto/x509roots/fallback"},
		{Name: "tzdata", Version: strings.TrimPrefix(p.Info.GoVersion, "go"), Licence: "NONE", From: "the time zones of IANA, in the public domain, as Go has them in lib/time/zoneinfo.zip"},
	}
}

// layout writes all of it as a folder in OCI's layout, and as an archive of that, which "docker load" and "skopeo" read.
func (m *maker) layout(index v1.ImageIndex, referrers []v1.Image) error {
	dir := filepath.Join(m.Out, "image")
	at, err := layout.Write(dir, empty.Index)
	if err != nil {
		return err
	}
	if err := at.AppendIndex(index, layout.WithAnnotations(map[string]string{
		"org.opencontainers.image.ref.name": m.tag(), "io.containerd.image.name": m.Image + ":" + m.tag(),
	})); err != nil {
		return fmt.Errorf("writing the image to %s: %w", dir, err)
	}
	for _, r := range referrers {
		if err := at.AppendImage(r); err != nil {
			return err
		}
	}
	var nodes []archive.Node
	err = filepath.WalkDir(dir, func(file string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		inside, err := filepath.Rel(dir, file)
		nodes = append(nodes, archive.Node{Name: filepath.ToSlash(inside), Mode: 0o644, From: file})
		return err
	})
	if err != nil {
		return err
	}
	packed := filepath.Join(m.Out, "trunkline-"+m.version()+"-image.tar")
	if m.Only == "" {
		m.files = append(m.files, packed)
	}
	return pack.Create(packed, func(w io.Writer) error { return archive.WriteTar(w, nodes) })
}

// push pushes the images, what is known of them, and their signatures. The tag comes last, when all is there.
func (m *maker) push(ctx context.Context, to name.Repository, made []imaged, index v1.ImageIndex, referrers []v1.Image) error {
	options := []remote.Option{remote.WithContext(ctx), remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithUserAgent("trunkline-release")}
	digest, err := index.Digest()
	if err != nil {
		return err
	}
	if err := remote.WriteIndex(to.Digest(digest.String()), index, options...); err != nil {
		return fmt.Errorf("pushing the image: %w", err)
	}
	for _, r := range referrers {
		d, err := r.Digest()
		if err != nil {
			return err
		}
		if err := remote.Write(to.Digest(d.String()), r, options...); err != nil {
			return fmt.Errorf("pushing what is known of the image: %w", err)
		}
	}
	if m.key != nil {
		signed := []v1.Hash{digest}
		for _, img := range made {
			signed = append(signed, img.digest)
		}
		for _, d := range signed {
			of := to.Digest(d.String())
			sig, err := m.key.SimpleSigning(of)
			if err != nil {
				return err
			}
			if err := remote.Write(attest.SignatureTag(of), sig, options...); err != nil {
				return fmt.Errorf("pushing the signature: %w", err)
			}
		}
	}
	if err := remote.Tag(to.Tag(m.tag()), index, options...); err != nil {
		return fmt.Errorf("naming the image: %w", err)
	}
	m.say("pushed    %s", to.Tag(m.tag()))
	return nil
}
