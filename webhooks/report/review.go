// SPDX-License-Identifier: Apache-2.0

// Package report puts what is known of a pull request into words: its check ([Check]), its comment ([Comment]), what
// became of the merge ([Merged]), and answers to commands ([Reply]). These are pure functions over values: the same values
// give the same text, byte for byte, and only the footer has times of its own.
//
// All names, values and messages are someone else's; api/markdown keeps them from being more than text. A text has an end:
// sections are given room by their importance, and what does not fit is said to be left out.
//
// Of Trunkline it may import api, catalog, cost and plan.
package report

import (
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/catalog/draw"
	"trunkline.dev/trunkline/plan/preview"
)

// Review is what is known of a pull request at a time, and all that is told of it.
type Review struct {
	// Head and Base are the commits that are merged, and Merged what was evaluated: a commit, or a tree if there is none.
	Head, Base, Merged string
	// BaseRef is the branch that is merged into, such as "main".
	BaseRef string
	// At is when the evaluation ended, and Took how long it took.
	At   time.Time
	Took time.Duration

	Outcome Outcome
	// Trouble says why there is no evaluation, or no whole one, in a sentence for people; empty: there is one.
	Trouble string
	// Conflicts are the paths that both sides changed, if the outcome is Conflict.
	Conflicts []string

	// Findings are what is wrong or worth a warning, sorted.
	Findings []Finding
	// Lines has, for each file that findings name and that there is at the head, its number of lines: only such lines can be
	// annotated.
	Lines map[string]int
	// Unjudged lists what could not be judged for want of input.
	Unjudged []string
	// Plan is what merging does; its releases are those that something happens to or that fail, and Unchanged counts the
	// others.
	Plan      preview.Preview
	Unchanged int
	// Environments are those of the platform in the order in which they are shown: promotion's order, then by name.
	Environments []Environment
	// Flow is the change of the data flow; nil if it does not change.
	Flow *Flow
	// Cost is what the change costs; nil if it is not known.
	Cost *Cost
	// Widened is what the change lets projects do that they may not do now.
	Widened []string
	// Preview is the state of the pull request's own environment; nil: it has none.
	Preview *PreviewEnvironment
	// Rollout is what became of the merge; nil before it.
	Rollout *Rollout
	// Unreviewed are the releases of a merge to which something else happens than the comment showed before it, and Unshown
	// reports whether there was no comment.
	Unreviewed []catalog.ReleaseID
	Unshown    bool
	// Notes are what else is to be known of the whole.
	Notes []string

	// ReportURL leads to the full report; empty: there is none. RulesURL is where the pages of rules are, ending in "/".
	ReportURL, RulesURL string
	// PageURL leads to the pull request in the console; empty: nowhere.
	PageURL string
	// Secretless reports whether the pull request is a fork's: of its objects the names are shown and no values, and
	// nothing of what it costs.
	Secretless bool
}

// Outcome is the verdict on a pull request.
type Outcome string

// The outcomes.
const (
	// Passed and Refused are those of a whole evaluation.
	Passed  Outcome = "passed"
	Refused Outcome = "refused"
	// Untouched says that nothing of the platform changes.
	Untouched Outcome = "untouched"
	// Conflict says that the two sides cannot be merged.
	Conflict Outcome = "conflict"
	// Unknown says that it could not be found out, or not in time; Trouble says why. It does not pass.
	Unknown Outcome = "unknown"
	// Running says that the evaluation goes on.
	Running Outcome = "running"
)

// Finding is a problem of the merge. What the push before had and this one has not is found out from [State].
type Finding struct {
	v1alpha1.Problem

	// Old reports whether it is in the base already, so that the change did not make it.
	Old bool
}

// Environment is an environment as a column.
type Environment struct {
	Name string
	// Clusters are those that its releases run on.
	Clusters  []string
	Protected bool
}

// Flow is the data flow around a change.
type Flow struct {
	// Before and After are the parts of the graph around what changes. A workload that changes in what the graph does not
	// say, such as its image, is marked as touched in After.
	Before, After *draw.Graph
	// Cycles are those that refuse the change, each as its nodes in order.
	Cycles [][]string
}

// Cost is what a change costs, in words of money that are ready to be shown.
type Cost struct {
	// Before and After are sums a month, such as "214.60 EUR"; Change is signed, such as "+16.50".
	Before string `json:"before"`
	After  string `json:"after"`
	Change string `json:"change"`
	// Parts are the differences by project and environment, the largest first.
	Parts []CostPart `json:"parts,omitempty"`
	// Once are sums that are paid once, such as a backfill's.
	Once []CostPart `json:"once,omitempty"`
	// Unknown lists what could not be estimated, and why.
	Unknown []string `json:"unknown,omitempty"`
	// Jumps reports whether the change is large enough to be told first.
	Jumps bool `json:"jumps,omitempty"`
	// Accuracy says how far off estimates were, such as "estimates from 2026-08 to 2026-10 were 12 % low"; empty if that is not known.
	Accuracy string `json:"accuracy,omitempty"`
}

// CostPart is a part of the cost.
type CostPart struct {
	What   string `json:"what"`
	Change string `json:"change"`
}

// PreviewEnvironment is the environment of a pull request.
type PreviewEnvironment struct {
	Name, URL string
	// State is a word for people, such as "healthy" or "waiting for approval", and Reason why.
	State, Reason string
	Since         time.Time
	// From is the environment that is read from, and Reads the projects whose data are.
	From  string
	Reads []string
	// Sleeps and Expires are when it does; zero: never.
	Sleeps, Expires time.Time
}

// Rollout is what became of a merge.
type Rollout struct {
	Commit, MergedBy string
	Began, Ended     time.Time // Ended is zero until all is done
	Releases         []RolledOut
}

// RolledOut is what became of one release.
type RolledOut struct {
	ID catalog.ReleaseID
	// State is the word of "trunkline status", such as "healthy"; the next three class it.
	State string
	// Done is healthy or removed; Held waits for a time or a person.
	Done, Failed, Held bool
	// Reason says why it is so, in the words of "trunkline status"; empty if it is healthy.
	Reason string
	Took   time.Duration
	// RolledBackTo is the commit that the release went back to; empty if it did not.
	RolledBackTo string
	// Build is the short id of the build that the merge declares for it; empty if that is not known. Since is when it was in
	// place and healthy; zero if it is not yet.
	Build string
	Since time.Time
}
