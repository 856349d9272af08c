// SPDX-License-Identifier: Apache-2.0

package run

import (
	"strings"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
)

// manifestFolder is where a program leaves manifests of its own, in the location of the attempt.
const manifestFolder = "_manifests/"

// apartFolder is the one, beside the manifests of datasets, in which programs leave those of tables.
const apartFolder = "trunkline-returned/"

// apart is where an attempt leaves the manifest of a lot of a table, which is no folder: only this attempt writes there.
func apart(p Place, l lot.Lot, attempt string) string {
	return strings.TrimSuffix(p.Store, "/") + "/" + apartFolder + "name=" + p.Name.Name + "/version=" + p.Name.Version + "/lot=" + l.ID() + "/" + attemptPart + attempt + "/"
}

// AttemptLocation is where an attempt writes the data of a lot, below the location of the dataset. Nothing else writes there, so
// that what lies there is what the attempt wrote, and what another one left behind is not.
func AttemptLocation(dataset string, l lot.Lot, attempt string) string {
	return lotLocation(dataset, l) + attemptPart + attempt + "/"
}

const attemptPart = "attempt="

func lotLocation(dataset string, l lot.Lot) string {
	return strings.TrimSuffix(dataset, "/") + "/lot=" + l.ID() + "/"
}

// locations returns where the data of a lot are by its manifest, for a program that reads folders or objects: the folder of the
// attempt that wrote it, which holds nothing else, or else what the manifest lists.
func locations(m manifest.Manifest, dataset string, l lot.Lot) []string {
	if m.URIType != manifest.Identifier || len(m.URIs) == 0 {
		return m.URIs
	}
	around, attempt := lotLocation(dataset, l), ""
	for _, uri := range m.URIs {
		mine := attemptOf(uri, around)
		if mine == "" || attempt != "" && mine != attempt {
			return m.URIs
		}
		attempt = mine
	}
	return []string{around + attemptPart + attempt + "/"}
}

// attemptOf is the attempt that wrote an object of a lot; empty if it does not lie in the location of one.
func attemptOf(uri, around string) string {
	for _, path := range manifest.Paths(around, uri) {
		first, rest, below := strings.Cut(path, "/")
		attempt, named := strings.CutPrefix(first, attemptPart)
		if below && named && rest != "" && CheckAttempt(attempt) == nil {
			return attempt
		}
	}
	return ""
}
