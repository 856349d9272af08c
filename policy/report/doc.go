// SPDX-License-Identifier: Apache-2.0

// Package report turns the problems of a tree into text: for people, and for the machines that show them to people.
//
// [Write] knows five formats. [Text] is for terminals and reads like the messages of a compiler. [GitHub] writes workflow
// commands, which GitHub Actions shows beside the lines of a pull request. [JUnit] is for CI systems that show tests.
// [SARIF] 2.1.0 is for code scanning. [JSON] is for programs, and keeps everything.
//
// # JSON
//
// The envelope names its version; within "v1" fields are added, and never renamed or removed.
//
//	apiVersion     "report.trunkline.dev/v1"
//	kind           "Report"
//	tool           name, version: who made the report
//	summary        what was checked, and the counts:
//	  revision       the commit or folder that was checked
//	  base           the commit that it was compared with; absent without one
//	  errors, warnings, filesWithProblems
//	  projects, datasets, workloads, releases, files
//	rules          by id, the rules that are broken: title, helpUri
//	problems       sorted by place; an empty list when nothing is wrong. Each has:
//	  rule           the id of the rule that is broken
//	  severity       "deny" or "warn"
//	  position       file, line, column; lines and columns count from 1, columns in characters; line and column are
//	                 absent where the place is the file or the line as a whole
//	  path           the field, as in "spec.workloads[2].reads.raw"; absent when it is not of one field
//	  message        one sentence
//	  hint           what to do; absent when the message says it
//	  about          what the problem is of, as far as it is of one thing: project, workload, dataset, environment
//	  trace          further places, such as the edges of a cycle in their order; each has position and message
//	unjudged       sentences on what was not checked for want of input; absent when everything was
//	notes          sentences on what else is to be known, such as objects that several releases declare; absent without
//
// Texts are whole here. What a terminal would obey, or a reader not see, is written as \u escapes, so that the bytes are
// harmless and the values exact.
//
// # What the repository chose
//
// Names of files, keys, values and lines of source come from whoever writes the repository. Before they become part of a text
// they lose what would let them pass for something else: control characters, line breaks, characters that turn the
// direction of writing, and the marks by which CI systems find commands in a log. What is shown is bounded: how many
// problems of a rule, how many places of a problem, how much of a message and of a line.
//
// The package is pure and its output deterministic. It reads source through the function that it is given, each
// file once. Of Trunkline it may import api only.
package report
