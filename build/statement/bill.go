// SPDX-License-Identifier: Apache-2.0

package statement

import (
	"bytes"
	"crypto/sha1" //nolint:gosec // SPDX asks for it, beside the other one
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"strings"
	"time"

	"github.com/spdx/tools-golang/json"
	"github.com/spdx/tools-golang/spdx/v2/common"
	"github.com/spdx/tools-golang/spdx/v2/v2_3"
)

const noAssertion = "NOASSERTION"

// File is one that is in an image.
type File struct {
	// Path is where it is in the image.
	Path string
	Data []byte
}

// Bill writes what an image is made of, in SPDX 2.3: its base, by its digest, and files. The time of the document is that of the commit, so
// that the same commit has the same bill.
func Bill(o Origin, files []File) ([]byte, error) {
	oci := func(id, purpose string, of Subject) *v2_3.Package {
		name := of.Name[strings.LastIndex(of.Name, "/")+1:]
		if i := strings.LastIndex(name, ":"); i > 0 {
			name = name[:i]
		}
		return &v2_3.Package{
			PackageSPDXIdentifier: common.ElementID(id), PackageName: of.Name, PackageVersion: "sha256:" + of.SHA256, PackageDownloadLocation: noAssertion, IsFilesAnalyzedTagPresent: true,
			PackageLicenseConcluded: noAssertion, PackageLicenseDeclared: noAssertion, PackageCopyrightText: noAssertion, PrimaryPackagePurpose: purpose,
			PackageChecksums: []common.Checksum{{Algorithm: common.SHA256, Value: of.SHA256}},
			PackageExternalReferences: []*v2_3.PackageExternalReference{{
				Category: common.CategoryPackageManager, RefType: "purl", Locator: "pkg:oci/" + name + "@sha256%3A" + of.SHA256,
			}},
		}
	}
	doc := &v2_3.Document{
		SPDXVersion: v2_3.Version, DataLicense: v2_3.DataLicense, SPDXIdentifier: "DOCUMENT", DocumentName: o.Image.Name,
		DocumentNamespace: "https://trunkline.dev/spdx/build/" + o.Image.SHA256,
		CreationInfo: &v2_3.CreationInfo{
			Created: o.Time.UTC().Format(time.RFC3339), Creators: []common.Creator{{CreatorType: "Tool", Creator: "trunkline-" + o.Version}},
		},
		Packages: []*v2_3.Package{oci("Image", "CONTAINER", o.Image), oci("Base", "CONTAINER", o.Base)},
	}
	if o.Source != "" && o.Revision != "" {
		doc.Packages[0].PackageSourceInfo = "git+" + o.Source + "@" + o.Revision
	}
	relate := func(from common.ElementID, how string, to common.ElementID) {
		doc.Relationships = append(doc.Relationships, &v2_3.Relationship{
			RefA: common.DocElementID{ElementRefID: from}, RefB: common.DocElementID{ElementRefID: to}, Relationship: how,
		})
	}
	relate("DOCUMENT", "DESCRIBES", "Image")
	relate("Image", "DESCENDANT_OF", "Base")
	for i, f := range files {
		id := common.ElementID(fmt.Sprintf("File-%d", i+1))
		short, long := sha1.Sum(f.Data), sha256.Sum256(f.Data) //nolint:gosec // as above
		doc.Files = append(doc.Files, &v2_3.File{
			FileName: "." + f.Path, FileSPDXIdentifier: id, LicenseConcluded: noAssertion, LicenseInfoInFiles: []string{noAssertion}, FileCopyrightText: noAssertion,
			Checksums: []common.Checksum{{Algorithm: common.SHA1, Value: hex.EncodeToString(short[:])}, {Algorithm: common.SHA256, Value: hex.EncodeToString(long[:])}},
		})
		relate("Image", "CONTAINS", id)
	}
	var out bytes.Buffer
	if err := json.Write(doc, &out, json.EscapeHTML(false)); err != nil {
		return nil, err
	}
	return out.Bytes(), nil
}
