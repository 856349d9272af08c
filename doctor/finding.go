// SPDX-License-Identifier: Apache-2.0

package doctor

import "slices"

// ID names a check for good: docs/doctor.md and people's scripts know it.
type ID string

// Area is what a check is about.
type Area string

// The areas, in the order in which they are shown: what comes first may be why what comes later fails.
const (
	Machine    Area = "machine"
	Repository Area = "repository"
	Daemon     Area = "daemon"
	Clusters   Area = "clusters"
	GitHub     Area = "github"
)

// Areas returns all areas, in their order.
func Areas() []Area { return []Area{Machine, Repository, Daemon, Clusters, GitHub} }

// Result is what a check came to.
type Result string

// The results.
const (
	// OK is as it should be.
	OK Result = "ok"
	// Warning works, and may not for long, or not for everyone.
	Warning Result = "warning"
	// Fails does not work.
	Fails Result = "fails"
	// Unchecked is not known; the finding says why.
	Unchecked Result = "not checked"
)

// Verdict is what a check says of one thing.
type Verdict struct {
	Result Result `json:"result"`
	// Where is the thing: a file, an address, a cluster. Empty if the check is about one thing only.
	Where string `json:"where,omitempty"`
	// Found is what is so, or why that is not known.
	Found string `json:"found"`
	// Do is what to do about it; empty if there is nothing to do.
	Do string `json:"do,omitempty"`
}

// Pages is the page that explains each check, below its id.
const Pages = "https://github.com/trunkline-dev/trunkline/blob/main/docs/doctor.md"

// Finding is a verdict, and of which check.
type Finding struct {
	Check ID   `json:"check"`
	Area  Area `json:"area"`
	// Page explains the check.
	Page string `json:"page"`

	Verdict
}

// Report is everything that was found, in the order of the checks.
type Report struct {
	Findings []Finding `json:"findings"`
	// Counts is how many findings there are of each result.
	Counts map[Result]int `json:"counts"`
}

// Fails reports whether something does not work.
func (r Report) Fails() bool { return r.Counts[Fails] > 0 }

// Check is one thing that is looked at.
type Check struct {
	ID   ID
	Area Area
	// Title says what has to be so.
	Title   string
	examine func(Facts) []Verdict
}

// Checks returns all checks, in the order in which they are shown.
func Checks() []Check {
	return slices.Concat(machineChecks(), repositoryChecks(), daemonChecks(), clusterChecks(), gitHubChecks())
}

// Examine says what is wrong, as far as the facts tell.
func Examine(facts Facts) Report { return ExamineThose(facts, func(Check) bool { return true }) }

// ExamineThose says what is wrong by some of the checks.
func ExamineThose(facts Facts, wanted func(Check) bool) Report {
	r := Report{Findings: []Finding{}, Counts: map[Result]int{OK: 0, Warning: 0, Fails: 0, Unchecked: 0}}
	for _, c := range Checks() {
		if !wanted(c) {
			continue
		}
		for _, v := range c.examine(facts) {
			r.Findings = append(r.Findings, Finding{c.ID, c.Area, Pages + "#" + string(c.ID), v})
			r.Counts[v.Result]++
		}
	}
	return r
}
