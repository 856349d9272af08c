// SPDX-License-Identifier: Apache-2.0

package v1alpha1

// Replay asks for lots that are there to be made once more: each of them once, however long it is declared. It begins once the
// release that declares it is in the cluster, so that the lots are made by what it brings.
type Replay struct {
	// ID is a DNS label (RFC 1123) and unique for the dataset or workload, such as "new-rates". What was replayed by an id is not
	// replayed by it again.
	ID string `json:"id" required:"true"`
	// From is the start of the first lot, such as "2026-01-01T00:00:00Z".
	From Time `json:"from" required:"true"`
	// Until is the end of the last lot, such as "2026-02-01T00:00:00Z".
	Until Time `json:"until" required:"true"`
	// Reason tells people why.
	Reason string `json:"reason" required:"true"`
	// Cascade also makes once more what was made of these lots, in all projects, and so on; default: false.
	Cascade bool `json:"cascade,omitempty"`
}

// WorkloadLots says how a workload makes lots.
type WorkloadLots struct {
	// AtOnce is how many of its runs there may be at a time in an environment; default: what the environment says in
	// "lots.limits.perWorkload".
	AtOnce *int `json:"atOnce,omitempty" unit:"runs"`
	// Within is how long inputs that are missing are waited for, from the end of the lot, and from the last of its inputs that
	// came: then it is made of those that are there, of one at least, such as "6h"; default: for ever.
	Within Duration `json:"within,omitempty"`
}

// LotLimits are how many runs of lots there may be at a time, and which come first.
type LotLimits struct {
	// Runs is how many there may be in the environment, on all its projects; default: 100.
	Runs *int `json:"runs,omitempty" unit:"runs"`
	// PerWorkload is how many there may be of each workload; default: 10.
	PerWorkload *int `json:"perWorkload,omitempty" unit:"runs"`
	// Backfill is how many percent of Runs may be of lots that are not live, at least one run; default: 80.
	Backfill *int `json:"backfill,omitempty" unit:"percent of the environment's runs"`
	// Live is how long after its end a lot is live: those come before all others; default: 24h.
	Live Duration `json:"live,omitempty"`
	// Order has "oldest" or "newest" come first of the others; default: "oldest".
	Order LotOrder `json:"order,omitempty"`
}

// LotOrder is which lots come first.
type LotOrder string

// The orders.
const (
	// OldestFirst begins with the oldest lots.
	OldestFirst LotOrder = "oldest"
	// NewestFirst begins with the newest lots.
	NewestFirst LotOrder = "newest"
)

func (LotOrder) values() []string { return []string{string(OldestFirst), string(NewestFirst)} }

// Late is what becomes of a lot when an input of it is written late.
type Late string

// What can become of it.
const (
	// LateTell only says that the input is newer.
	LateTell Late = "tell"
	// LateRecompute makes the lot once more.
	LateRecompute Late = "recompute"
)

func (Late) values() []string { return []string{string(LateTell), string(LateRecompute)} }
