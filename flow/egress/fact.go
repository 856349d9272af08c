// SPDX-License-Identifier: Apache-2.0

package egress

import (
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"fmt"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
)

// Type says what happened.
type Type string

// The types. The first four are of lots, and the others of runs that make them.
const (
	// Available is a lot that is there: it is complete or empty. A lot that was made again is available again.
	Available Type = "available"
	// Late is a lot that is not there, although its dataset promises it by now.
	Late Type = "late"
	// Removed is a lot that was there, and is not any more.
	Removed Type = "removed"
	// Failed is an attempt to make a lot that failed.
	Failed Type = "failed"

	// RunStarted is a run that began, and RunMade one that made its lot.
	RunStarted Type = "run started"
	RunMade    Type = "run made"
	// RunFailed is a run that failed, and RunLost one that ended and says nothing of its workload, such as one whose Job someone deleted.
	RunFailed Type = "run failed"
	RunLost   Type = "run lost"
)

// Series is a dataset that a run reads or writes, with the lots of it.
type Series struct {
	// ID is "project/name@version".
	ID       string `json:"id"`
	Location string `json:"location"`
	// Lots are the ids of the lots.
	Lots []string `json:"lots,omitempty"`
}

// Fact is something that happened to a lot, or to a run that makes one.
type Fact struct {
	Type        Type   `json:"type"`
	Platform    string `json:"platform"`
	Environment string `json:"environment"`
	// Dataset is "project/name@version"; empty for a fact about a run.
	Dataset string `json:"dataset,omitempty"`
	// Workload is "project/workload": the one that makes the lot, if there is one.
	Workload string  `json:"workload,omitempty"`
	Lot      lot.Lot `json:"-"`
	// At is when it happened: for a manifest, when it was written, by the clock of the store.
	At time.Time `json:"at"`
	// State is that of the manifest, and Manifest its address; empty if there is none.
	State    string `json:"state,omitempty"`
	Manifest string `json:"manifest,omitempty"`
	// Location is where the data of the dataset are.
	Location string `json:"location,omitempty"`
	// Attempt is the one that did it, if that is known, and Reason why, for people.
	Attempt string `json:"attempt,omitempty"`
	Reason  string `json:"reason,omitempty"`
	// Reads and Writes are what a run reads and writes.
	Reads  []Series `json:"reads,omitempty"`
	Writes []Series `json:"writes,omitempty"`
	// Mark tells what happened from other facts of the same type and lot, such as an earlier manifest.
	Mark string `json:"mark"`
	// Fleeting is what nothing that is kept says: it cannot be found again once a process has forgotten it.
	Fleeting bool `json:"fleeting,omitempty"`
}

// OfRun reports whether the fact is about a run.
func (f Fact) OfRun() bool { return f.Dataset == "" }

// ID identifies what happened. It is the same whoever finds out, and how often.
func (f Fact) ID() string {
	of := f.Dataset
	if f.OfRun() {
		of = f.Workload
	}
	sum := sha256.Sum256([]byte(strings.Join([]string{string(f.Type), f.Platform, f.Environment, of, f.Lot.ID(), f.Mark}, "\x00")))
	return hex.EncodeToString(sum[:16])
}

// Lane names what is told in order: all of a dataset, or all of a run.
func (f Fact) Lane() string {
	if f.OfRun() {
		return f.Workload + " " + f.Lot.ID() + " " + f.Attempt
	}
	return f.Dataset
}

// plainFact is a fact without methods.
type plainFact Fact

// written is a fact as it is kept.
type written struct {
	plainFact

	LotID string `json:"lot"`
}

// MarshalJSON implements [json.Marshaler]. A fact without a lot is none.
func (f Fact) MarshalJSON() ([]byte, error) {
	if f.Lot.IsZero() {
		return nil, fmt.Errorf("the fact %q has no lot", f.Type)
	}
	return json.Marshal(written{plainFact(f), f.Lot.ID()})
}

// UnmarshalJSON implements [json.Unmarshaler].
func (f *Fact) UnmarshalJSON(data []byte) error {
	var w written
	err := json.Unmarshal(data, &w)
	if err == nil {
		w.Lot, err = lot.ParseID(w.LotID)
	}
	if err == nil {
		*f = Fact(w.plainFact)
	}
	return err
}
