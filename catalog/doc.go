// SPDX-License-Identifier: Apache-2.0

// Package catalog resolves the declarations of one tree: what each name refers to, what each release consists
// of, and the DAG of datasets and workloads across all projects.
//
// It is pure: it reads the tree that it is given and nothing else. Of Trunkline it may import api and policy/cel/guard.
package catalog
