// SPDX-License-Identifier: Apache-2.0

// Package given is what the program of a run finds in its environment, from the side of the program: which variables there are, what is
// read and where, and where what is written goes. What a run gives is decided in flow/run, which has the names from here.
//
// It is pure. Of Trunkline it imports api/lot and flow/manifest.
package given

import "strings"

// The names of variables, or how they begin and end.
const (
	ReadPrefix  = "TRUNKLINE_READ_"
	WritePrefix = "TRUNKLINE_WRITE_"
	// ManifestsSuffix ends the name of the variable with the manifests of what is read, and LocationSuffix that of the one with where all
	// data of the dataset are.
	ManifestsSuffix = "_MANIFESTS"
	LocationSuffix  = "_LOCATION"
	// ArcProperties is the variable of Clusterless.
	ArcProperties = "CLS_ARC_PROPS_JSON"
	// LotVariable and AttemptVariable say what the run makes.
	LotVariable     = "TRUNKLINE_LOT"
	AttemptVariable = "TRUNKLINE_ATTEMPT"
	// Params has the params of a workload that does not run for a lot, as JSON; else they are in [ArcProperties].
	Params = "TRUNKLINE_PARAMS"
)

// MaxListed is how many objects a manifest lists that Trunkline writes; of more, it names their folder.
const MaxListed = 10_000

// roleVariable makes the part of a variable's name that comes from a role.
var roleVariable = strings.NewReplacer("-", "_", ".", "_")

// Variable is the name of the variable of a role.
func Variable(prefix, role string) string {
	return prefix + roleVariable.Replace(strings.ToUpper(role))
}

// Hidden reports whether an object is no data, by its path in the location of an attempt: a part of it begins with "_" or ".", as
// "_SUCCESS" does and "_temporary/". Programs that read folders pass over these.
func Hidden(path string) bool {
	for part := range strings.SplitSeq(path, "/") {
		if strings.HasPrefix(part, "_") || strings.HasPrefix(part, ".") {
			return true
		}
	}
	return false
}
