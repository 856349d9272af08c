// SPDX-License-Identifier: Apache-2.0

// Package airflow judges the DAG files that a project brings for Apache Airflow: would Airflow load them, and if
// not, why. Nothing is executed. A file is read with a real Python grammar and followed as far as its values are
// constants; what cannot be decided that way is reported as undecided, never as fine.
//
// The measure is Apache Airflow with its default configuration, of the version that is declared. Only what it refuses is
// denied here; the corpus in testdata holds the answers of Airflow itself, and the tests hold this package to them.
// Modules of the project that a file imports are followed like the file itself.
//
// It is pure: it reads the bytes and the tree that it is given and nothing else. Of Trunkline it may import api only. The
// grammar is C code, so that the package needs cgo.
package airflow

// The rules that DAG files are held to.
const (
	// RuleSyntax is broken by a file that Python cannot read.
	RuleSyntax = "airflow-syntax"
	// RuleDagID is broken by a dag_id that is missing, that Airflow does not take, or that another file has too.
	RuleDagID = "airflow-dag-id"
	// RuleTaskID is broken by a task_id or group_id that is missing, that Airflow does not take, or that the DAG
	// has already.
	RuleTaskID = "airflow-task-id"
	// RuleCycle is broken by tasks of a DAG that wait for each other.
	RuleCycle = "airflow-cycle"
	// RuleSchedule is broken by a schedule that Airflow cannot read.
	RuleSchedule = "airflow-schedule"
	// RuleLoad is broken by a file that raises an exception when it is loaded: it imports what is not there, or calls what
	// Airflow has in another way.
	RuleLoad = "airflow-load"
	// RuleUndecided marks what cannot be decided without executing the file.
	RuleUndecided = "airflow-undecided"
)

// What a file may cost. A file that needs more is undecided and not denied, since Airflow itself may well load it.
const (
	// maxFileBytes bounds the size of a file. The grammar takes time that grows with the square of some hostile
	// inputs, so that this is what bounds its time: to some seconds for the worst that is known.
	maxFileBytes = 256 << 10
	// maxParserCalls bounds how often the parser may report progress, which it does every hundred steps.
	maxParserCalls = 50_000
	// maxNodes bounds the parts of a file that the grammar makes of it.
	maxNodes = 500_000
	// maxDepth bounds how deep parts of a file lie in each other.
	maxDepth = 1_500
	// maxSteps bounds how many parts are evaluated, those of loops and functions each time.
	maxSteps = 300_000
	// maxCalls bounds how deep functions of the file call each other.
	maxCalls = 60
	// maxImports bounds how many files of the tree a file imports.
	maxImports = 200
	// maxItems bounds the length of lists and ranges that are followed item by item.
	maxItems = 5_000
	// maxText bounds the length in bytes of a text that is put together.
	maxText = 16 << 10
	// maxTasks bounds the tasks of a file.
	maxTasks = 5_000
	// maxEdges bounds the edges between the tasks of a file.
	maxEdges = 50_000
	// maxProblems bounds the problems of a file that are reported.
	maxProblems = 100
)
