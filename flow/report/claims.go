// SPDX-License-Identifier: Apache-2.0

package report

import (
	"slices"
	"time"
)

// Claim is an event in which a task of an Airflow says that it has made lots of a dataset, and of which nothing comes.
type Claim struct {
	// ID is the cluster of the Airflow and the number of the event there.
	ID      string `json:"id"`
	Dataset string `json:"dataset,omitempty"`
	// Lots are those that it says, as far as that can be read.
	Lots []string `json:"lots,omitempty"`
	// Cluster is where the Airflow is, and DAG, Task and Run are what made the event.
	Cluster string `json:"cluster"`
	DAG     string `json:"dag,omitempty"`
	Task    string `json:"task"`
	Run     string `json:"run,omitempty"`
	// At is when it was refused, and Why why.
	At  time.Time `json:"at"`
	Why string    `json:"why"`
}

// By is the task, as Airflow calls it.
func (c Claim) By() string { return c.DAG + "." + c.Task }

// String says what there is to a lot that a task claims.
func (c Claim) String() string {
	return "the task " + c.By() + " says in vain that it has made it: " + c.Why
}

// ClaimRemedy is what to do about claims that were refused: they go once a later event makes the lot.
const ClaimRemedy = "correct the task, and clear it in Airflow"

// Refused are claims that were refused, the oldest first.
type Refused struct {
	all   []Claim
	of    map[string][]Claim
	lotOf map[[2]string][]Claim
}

// NewRefused takes claims, the oldest first.
func NewRefused(all []Claim) Refused {
	out := Refused{all, map[string][]Claim{}, map[[2]string][]Claim{}}
	for _, c := range all {
		out.of[c.Dataset] = append(out.of[c.Dataset], c)
		for _, id := range slices.Compact(slices.Sorted(slices.Values(c.Lots))) {
			at := [2]string{c.Dataset, id}
			out.lotOf[at] = append(out.lotOf[at], c)
		}
	}
	return out
}

// All are all of them.
func (r Refused) All() []Claim { return r.all }

// Of are those about a dataset.
func (r Refused) Of(dataset string) []Claim { return r.of[dataset] }

// Lot are those about a lot.
func (r Refused) Lot(dataset, id string) []Claim { return r.lotOf[[2]string{dataset, id}] }
