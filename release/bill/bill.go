// SPDX-License-Identifier: Apache-2.0

// Package bill writes bills of materials: what a program is made of, in SPDX 2.3.
package bill

import (
	"bytes"
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io"
	"os"
	"runtime/debug"
	"strings"
	"time"

	"github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
	"golang.org/x/mod/module"

	"trunkline.dev/trunkline/release/source"
)

// Part is something of an image that is no module of its program.
type Part struct{ Name, Version, Licence, From string }

// Image is an image that holds the program.
type Image struct {
	// Repository is where it is, or is to be, and Digest what it is there.
	Repository, Digest string
	Parts              []Part
}

// Of writes what a program, and the image that holds it if there is one, is made of. created is the time of the document, that of the
// commit, so that the same commit has the same bill.
func Of(p source.Program, in *Image, created time.Time, licences Licences) ([]byte, error) {
	sum, err := digest(p.File)
	if err != nil {
		return nil, fmt.Errorf("reading %s: %w", p.File, err)
	}
	b := &builder{licences: licences}
	top := b.program(p, sum)
	name, unique := fmt.Sprintf("%s-%s-%s-%s", p.Name, p.Version(), p.Platform.OS, p.Platform.Arch), sum
	if in != nil {
		name, unique = "image-"+name, strings.TrimPrefix(in.Digest, "sha256:")
		top = b.image(p, *in, top)
	}
	b.relate("DOCUMENT", "DESCRIBES", top)
	doc := &v2_3.Document{
		SPDXVersion: v2_3.Version, DataLicense: v2_3.DataLicense, SPDXIdentifier: "DOCUMENT", DocumentName: name,
		DocumentNamespace: "https://trunkline.dev/spdx/" + name + "-" + unique,
		CreationInfo: &v2_3.CreationInfo{
			Created:  created.UTC().Format(time.RFC3339),
			Creators: []common.Creator{{CreatorType: "Organization", Creator: "Trunkline"}, {CreatorType: "Tool", Creator: "trunkline-release"}},
		},
		Packages: b.packages, Relationships: b.relations,
	}
	var out bytes.Buffer
	if err := json.Write(doc, &out, json.Indent("  "), json.EscapeHTML(false)); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}

// builder gathers packages and how they relate.
type builder struct {
	licences  Licences
	packages  []*v2_3.Package
	relations []*v2_3.Relationship
}

func (b *builder) relate(from common.ElementID, how string, to common.ElementID) {
	b.relations = append(b.relations, &v2_3.Relationship{
		RefA: common.DocElementID{ElementRefID: from}, RefB: common.DocElementID{ElementRefID: to}, Relationship: how,
	})
}

func (b *builder) add(id common.ElementID, p v2_3.Package, purl string) common.ElementID {
	p.PackageSPDXIdentifier, p.IsFilesAnalyzedTagPresent = id, true
	p.PackageCopyrightText, p.PackageLicenseConcluded = noAssertion, p.PackageLicenseDeclared
	if purl != "" {
		p.PackageExternalReferences = []*v2_3.PackageExternalReference{{Category: common.CategoryPackageManager, RefType: "purl", Locator: purl}}
	}
	b.packages = append(b.packages, &p)
	return id
}

func (b *builder) program(p source.Program, sum string) common.ElementID {
	main := p.Info.Main
	top := b.add("Program", v2_3.Package{
		PackageName: p.Info.Path, PackageVersion: main.Version, PackageDownloadLocation: noAssertion, PackageFileName: p.Name, PrimaryPackagePurpose: "APPLICATION",
		PackageLicenseDeclared: "Apache-2.0", PackageChecksums: []common.Checksum{{Algorithm: common.SHA256, Value: sum}},
		PackageSupplier: &common.Supplier{SupplierType: "Organization", Supplier: "Trunkline"},
	}, "pkg:golang/"+main.Path+"@"+main.Version)
	version := strings.TrimPrefix(p.Info.GoVersion, "go")
	std := b.add("Go", v2_3.Package{
		PackageName: "stdlib", PackageVersion: version, PackageDownloadLocation: "https://go.dev/dl/go" + version + ".src.tar.gz",
		PackageLicenseDeclared: "BSD-3-Clause", PrimaryPackagePurpose: "LIBRARY",
	}, "pkg:golang/stdlib@"+version)
	b.relate(top, "DEPENDS_ON", std)
	for _, dep := range p.Info.Deps {
		b.relate(top, "DEPENDS_ON", b.module(dep))
	}
	return top
}

func (b *builder) module(m *debug.Module) common.ElementID {
	comment := ""
	if m.Replace != nil {
		comment = "in place of " + m.Path + " " + m.Version
		m = m.Replace
	}
	from := noAssertion
	if path, err := module.EscapePath(m.Path); err == nil && m.Version != "" {
		from = "https://proxy.golang.org/" + path + "/@v/" + m.Version + ".zip"
	}
	return b.add(identifier("Module-"+m.Path+"-"+m.Version), v2_3.Package{
		PackageName: m.Path, PackageVersion: m.Version, PackageDownloadLocation: from, PackageComment: comment, PackageSourceInfo: "go.sum: " + m.Sum,
		PackageLicenseDeclared: b.licences.of(m.Path, m.Version), PrimaryPackagePurpose: "LIBRARY",
	}, "pkg:golang/"+m.Path+"@"+m.Version)
}

func (b *builder) image(p source.Program, in Image, program common.ElementID) common.ElementID {
	repository := in.Repository
	top := b.add("Image", v2_3.Package{
		PackageName: repository, PackageVersion: in.Digest, PackageDownloadLocation: noAssertion, PackageLicenseDeclared: "Apache-2.0", PrimaryPackagePurpose: "CONTAINER",
		PackageChecksums: []common.Checksum{{Algorithm: common.SHA256, Value: strings.TrimPrefix(in.Digest, "sha256:")}},
	}, "pkg:oci/"+p.Name+"@"+strings.Replace(in.Digest, ":", "%3A", 1)+"?arch="+p.Platform.Arch+"&repository_url="+repository)
	b.relate(top, "CONTAINS", program)
	for _, part := range in.Parts {
		b.relate(top, "CONTAINS", b.add(identifier("Part-"+part.Name), v2_3.Package{
			PackageName: part.Name, PackageVersion: part.Version, PackageDownloadLocation: noAssertion, PackageSourceInfo: part.From,
			PackageLicenseDeclared: part.Licence, PrimaryPackagePurpose: "OTHER",
		}, ""))
	}
	return top
}

// identifier is a name of letters, digits, dots and dashes. Two modules whose names differ in other characters only would have one; a
// part of the digest keeps them apart.
func identifier(name string) common.ElementID {
	plain := strings.Map(func(r rune) rune {
		if r >= 'a' && r <= 'z' || r >= 'A' && r <= 'Z' || r >= '0' && r <= '9' || r == '.' || r == '-' {
			return r
		}
		return '-'
	}, name)
	sum := sha256.Sum256([]byte(name))
	return common.ElementID(plain + "-" + hex.EncodeToString(sum[:4]))
}

func digest(name string) (string, error) {
	f, err := os.Open(name)
	if err != nil {
		return "", err
	}
	defer f.Close()
	sum := sha256.New()
	if _, err := io.Copy(sum, f); err != nil {
		return "", err
	}
	return hex.EncodeToString(sum.Sum(nil)), nil
}
