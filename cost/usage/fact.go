// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"math/big"
	"time"
)

// Kind is what takes something of a cluster.
type Kind string

// The kinds.
const (
	// Pod is what a pod requests, and Claim the size of a PersistentVolumeClaim.
	Pod   Kind = "pod"
	Claim Kind = "claim"
	// Node is what a node has to give; it is not added to what pods take, which they take of it.
	Node Kind = "node"
	// Idle is what nodes have beyond what pods of the platform take: nothing is kept of it, for it is made of the others.
	Idle Kind = "idle"
)

// Certainty is how well the end of something is known.
type Certainty int

// The certainties.
const (
	// Running is still there, as far as is known.
	Running Certainty = iota
	// Lost is gone, and nobody saw how; it counts until it was seen last.
	Lost
	// Ended has ended, and it is known when.
	Ended
)

// Known reports whether the end is known, which counts more than that something was seen.
func (c Certainty) Known() bool { return c == Ended }

// Place is what something is of. All parts may be empty.
type Place struct {
	Project     string `json:"project,omitempty"`
	Environment string `json:"environment,omitempty"`
	Owner       string `json:"owner,omitempty"`
	Workload    string `json:"workload,omitempty"`
	// Run is the name of the Job, and Lot the id of the lot that it makes.
	Run string `json:"run,omitempty"`
	Lot string `json:"lot,omitempty"`
}

// Fact is what is known of one thing. It is known by its cluster and UID.
type Fact struct {
	Cluster, UID string
	Kind         Kind
	Place        Place
	// Spot reports whether it is, or is on, a spot machine.
	Spot bool
	// Once reports whether it ends by itself, as the pods of Jobs do.
	Once bool
	// Began is since when it takes something, and Until up to when that is known.
	Began, Until time.Time
	Certainty    Certainty
	// Cores and MiB are what it requests.
	Cores, MiB *big.Rat
	// History is where the history of a run of Spark is shown; empty if it has none.
	History string
}

// Better reports whether what is known of something says more than what was known before: an end that is known counts more, and else
// that it was there for longer. So it does not matter in which order, or how often, things become known.
func Better(certainty Certainty, until time.Time, thanCertainty Certainty, thanUntil time.Time) bool {
	if certainty.Known() != thanCertainty.Known() {
		return certainty.Known()
	}
	return until.After(thanUntil)
}
