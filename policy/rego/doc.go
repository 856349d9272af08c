// SPDX-License-Identifier: Apache-2.0

// Package rego checks rendered objects and declarations against policies in Rego, with the engine of Open Policy Agent.
//
// The policies are those of Conftest: in any package the rules deny, deny_*, violation, violation_*, warn and warn_* give
// texts, or objects with a "msg"; exception rules silence them; YAML and JSON files beside the Rego files are data. Rego of
// version 0 and 1 is taken, file by file. The input is one object, or one project or environment as it is declared;
// workloads and datasets are checked as parts of their project. Combined input, of several objects at a time, there is not.
//
// Two things differ from Conftest, and both refuse rather than let pass. A built-in function that fails, as to_number("x")
// does, is a policy that could not be evaluated, where Rego would take the expression for undefined and the rule for not
// broken. And a rule whose values are not all strings or objects with a "msg" is one too, where Conftest passes
// over it; a rule that is just true denies.
//
// There is no way out of the values that are checked: functions that reach the network, the environment or the clock, or
// that draw at random, are unknown to the compiler. That includes time.now_ns, since a commit must get the same verdict today
// and tomorrow. What policies print is dropped.
//
// Everything is bounded: the size of files, what literals hold, the steps of an evaluation, what single calls of functions are
// given and make, and what comes out. One thing is not: a policy that passes a value through many rules, each of which
// holds it twice ("f(x) := [x, x]"), and then unifies two such values, takes as long as they are large. Only who writes
// policies can do that, and policies come from the base commit.
//
// The package is pure. Of Trunkline it may import api and policy/subject.
package rego

const (
	// MaxFiles bounds the files of all policy folders.
	MaxFiles = 2_000
	// MaxFileBytes bounds one Rego file.
	MaxFileBytes = 256 << 10
	// MaxBytes bounds all files together.
	MaxBytes = 8 << 20
	// MaxSteps bounds what all rules of one package take on one input: about half a second. Usual packages take hundreds.
	MaxSteps = 500_000
	// MaxText bounds a text that a function makes, in bytes.
	MaxText = 1 << 20
	// MaxWork bounds the bytes and values that a function is given.
	MaxWork = 1_000_000
	// maxPatternSteps bounds a regular expression on one text.
	maxPatternSteps = 20_000_000
	// maxDigits bounds a number's.
	maxDigits = 400
	// maxRange bounds the numbers of a range.
	maxRange = 100_000
	// stepWork is how many bytes or values count as one step.
	stepWork = 100
	// maxRecursion bounds how deep a file is nested.
	maxRecursion = 1_000
	// maxErrors bounds what the compiler reports.
	maxErrors = 20
)
