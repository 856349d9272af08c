// SPDX-License-Identifier: Apache-2.0

package usage

import (
	"fmt"
	"slices"
	"strings"
	"time"
)

// Dimension is what amounts are added up by.
type Dimension string

// The dimensions.
const (
	ByDay         Dimension = "day"
	ByCluster     Dimension = "cluster"
	ByProject     Dimension = "project"
	ByEnvironment Dimension = "environment"
	ByOwner       Dimension = "owner"
	ByWorkload    Dimension = "workload"
	ByRun         Dimension = "run"
	ByLot         Dimension = "lot"
	ByKind        Dimension = "kind"
)

// Dimensions lists all dimensions.
func Dimensions() []Dimension {
	return []Dimension{ByDay, ByCluster, ByProject, ByEnvironment, ByOwner, ByWorkload, ByRun, ByLot, ByKind}
}

// ParseDimensions reads dimensions that are separated by commas; each counts once.
func ParseDimensions(text string) (out []Dimension, err error) {
	for name := range strings.SplitSeq(text, ",") {
		d := Dimension(strings.TrimSpace(name))
		if !slices.Contains(Dimensions(), d) {
			return nil, fmt.Errorf("%.40q is nothing that costs are added up by: say day, cluster, project, environment, owner, workload, run, lot or kind", name)
		}
		if !slices.Contains(out, d) {
			out = append(out, d)
		}
	}
	return out, nil
}

// MaxRows bounds the rows of an answer.
const MaxRows = 10_000

// Filter says which costs are asked for.
type Filter struct {
	// Platform is its name; a database may hold more than one.
	Platform string
	// Since is the first day, and Until the one that all are before.
	Since, Until time.Time
	By           []Dimension
	// Place and Cluster must be equal to those of what is counted where they are not empty.
	Place   Place
	Cluster string
	// Currency leaves out what is in another one; empty: they must not mix.
	Currency string
}

// Row is what something did cost together. What it is not added up by is empty.
type Row struct {
	// Day is a day in UTC, such as "2026-11-21".
	Day     string `json:"day,omitempty"`
	Cluster string `json:"cluster,omitempty"`
	Kind    Kind   `json:"kind,omitempty"`

	Place

	// Nano is the amount in billionths, of which SpotNano were for spot machines and StorageNano for claims.
	Nano        int64 `json:"-"`
	SpotNano    int64 `json:"-"`
	StorageNano int64 `json:"-"`
	// CoreHours and GiBHours were requested, and the others used, as far as that was measured.
	CoreHours     float64 `json:"coreHours"`
	GiBHours      float64 `json:"memoryGiBHours"`
	UsedCoreHours float64 `json:"usedCoreHours,omitempty"`
	UsedGiBHours  float64 `json:"usedMemoryGiBHours,omitempty"`
	// Unpriced counts what has no price, or not for all that it takes: so much is missing in the amount.
	Unpriced int64 `json:"unpriced,omitempty"`
}

// Gap is a time in which nobody looked at a cluster: what began and ended in it is not counted.
type Gap struct {
	Cluster string    `json:"cluster"`
	From    time.Time `json:"from"`
	Until   time.Time `json:"until"`
	// Lost is how many pods ended in it of which it is not known when; they count until it began.
	Lost int64 `json:"lost"`
}

// Answer are the costs that a filter asks for, in the order of what they are added up by.
type Answer struct {
	Currency string
	Rows     []Row
	// Idle is what nodes had beyond what pods of the platform took of them, by cluster, and by day if that was asked for; there is none
	// where a filter names a part of the platform.
	Idle []Row
	Gaps []Gap
	// Total is the sum of the rows.
	Total int64
}

// MixedError means that amounts of several currencies were to be added up.
type MixedError struct{ Currencies []string }

// Error implements error.
func (e *MixedError) Error() string {
	return fmt.Sprintf("costs are in %s, which are not added up: ask for one of them (currency), or for a cluster", strings.Join(e.Currencies, " and "))
}

// TooManyError means that an answer would have more rows than there may be.
type TooManyError struct{ Limit int }

// Error implements error.
func (e *TooManyError) Error() string {
	return fmt.Sprintf("these are more than %d rows: ask for fewer days, or add up by less", e.Limit)
}
