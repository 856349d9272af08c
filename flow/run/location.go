// SPDX-License-Identifier: Apache-2.0

package run

import (
	"slices"
	"strings"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/manifest"
)

// manifestFolder is where a program leaves manifests of its own, in the location of the attempt.
const manifestFolder = "_manifests/"

// ReturnedFolder is apartFolder, LotPart is what the folder of a lot begins with in the location of its dataset, and AttemptPart that of an attempt
// in it: rights on data are given by them.
const (
	ReturnedFolder = apartFolder
	LotPart        = "lot="
	AttemptPart    = attemptPart
)

// apartFolder is the one, beside the manifests of datasets, in which programs leave those of tables.
const apartFolder = "trunkline-returned/"

// apart is where an attempt leaves the manifest of a lot of a table, which is no folder: only this attempt writes there.
func apart(p Place, l lot.Lot, attempt string) string {
	return apartLocation(p, l) + attemptPart + attempt + "/"
}

func apartLocation(p Place, l lot.Lot) string {
	return lotLocation(strings.TrimSuffix(p.Store, "/")+"/"+apartFolder+"name="+p.Name.Name+"/version="+p.Name.Version, l)
}

// AttemptLocation is where an attempt writes the data of a lot, below the location of the dataset. Nothing else writes there, so
// that what lies there is what the attempt wrote, and what another one left behind is not.
func AttemptLocation(dataset string, l lot.Lot, attempt string) string {
	return lotLocation(dataset, l) + attemptPart + attempt + "/"
}

const (
	attemptPart = "attempt="
	// tagMark is what stands between an attempt and a tag in the name of a folder: neither has one.
	tagMark = "-"
)

// Tagged is the run whose attempt writes to a folder with a tag in its name: of several Jobs of one name, which are one after the other if
// someone deletes them, each has a folder of its own. Without a tag it is the run itself.
func (r Run) Tagged(tag string) Run {
	if tag == "" {
		return r
	}
	r.Sinks = slices.Clone(r.Sinks)
	for i, s := range r.Sinks {
		switch {
		case s.Store == "":
		case s.Table():
			r.Sinks[i].Apart = apart(s.Place, r.Lot, r.Attempt+tagMark+tag)
		default:
			r.Sinks[i].Attempt = AttemptLocation(s.Location, r.Lot, r.Attempt+tagMark+tag)
		}
	}
	return r
}

// Around is the folder in which the attempts of a sink's lot are, and the prefix of those folders in it that are of an attempt, whatever
// their tags, and of some others.
func (r Run) Around(s Sink) (folder, prefix string) {
	if s.Table() {
		return apartLocation(s.Place, r.Lot), attemptPart + r.Attempt
	}
	return lotLocation(s.Location, r.Lot), attemptPart + r.Attempt
}

// Folder is the first part of a path in the folder of a lot, and whether it is one of the attempt, with any tag or none.
func (r Run) Folder(path string) (folder string, is bool) {
	folder, _, below := strings.Cut(path, "/")
	attempt, _, _ := strings.Cut(strings.TrimPrefix(folder, attemptPart), tagMark)
	return folder + "/", below && attempt == r.Attempt
}

func lotLocation(dataset string, l lot.Lot) string {
	return strings.TrimSuffix(dataset, "/") + "/" + LotPart + l.ID() + "/"
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

// attemptOf is the attempt that wrote an object of a lot, with its tag; empty if it does not lie in the location of one.
func attemptOf(uri, around string) string {
	for _, path := range manifest.Paths(around, uri) {
		first, rest, below := strings.Cut(path, "/")
		attempt, named := strings.CutPrefix(first, attemptPart)
		name, tag, tagged := strings.Cut(attempt, tagMark)
		if below && named && rest != "" && CheckAttempt(name) == nil && (!tagged || CheckAttempt(tag) == nil) {
			return attempt
		}
	}
	return ""
}
