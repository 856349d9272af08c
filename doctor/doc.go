// SPDX-License-Identifier: Apache-2.0

// Package doctor says what is wrong between a machine, a repository, a daemon, its clusters and GitHub, and what to do about each of it.
//
// It is pure: [Examine] makes findings of [Facts], which package probe collects. docs/doctor.md has an entry for each check.
//
// Of Trunkline it may import api and reconciler/status.
package doctor
