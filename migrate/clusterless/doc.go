// SPDX-License-Identifier: Apache-2.0

// Package clusterless makes declarations of project files of Clusterless: datasets and workloads that do the same in the same
// stores, the environment of the placement, with the buckets that it has, and notes on what is not carried over.
//
// Names that are no DNS labels are rewritten ("S3Chain" is "s3-chain"), and what Clusterless calls them stays in spec.clusterless of the
// project, by which states of lots are kept where it keeps them. What cannot do the same is suspended, and never run in another way.
//
// The package is pure. Of Trunkline it may import api, catalog, migrate and scaffold.
package clusterless

import (
	"cmp"
	"fmt"
	"slices"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/migrate"
)

// File is a project file.
type File struct {
	// Name is how it is called in errors and notes.
	Name string
	Data []byte
}

// Input is what to take over.
type Input struct {
	Files []File
	// Catalog is what the platform declares already; nil if there is none.
	Catalog *catalog.Catalog
	// To is the folder that declarations go to, such as "trunkline".
	To string
	// Platform is the name of the platform to declare; empty if there is one already.
	Platform string
	// Owner owns the project.
	Owner string
	// Project is its name; default: that of the files, as a DNS label.
	Project string
	// Cluster is the one that a new environment is on; default: the platform's, if it has one alone, or else one of the region's name.
	Cluster string
	// Registry is where images are that Clusterless builds when it deploys, such as "ghcr.io/acme"; default: nowhere, and people name them.
	Registry string
	// Since is where the first lot begins that Trunkline looks after.
	Since time.Time
}

// migration is one run.
type migration struct {
	Input

	deployables []deployable
	regions     []*region
	notes       []migrate.Note
	// project is the name of the declared one.
	project string
}

// Take makes the declarations. Errors name the file and line.
func Take(in Input) (migrate.Result, error) {
	m := &migration{Input: in}
	if err := m.read(); err != nil {
		return migrate.Result{}, err
	}
	first := m.deployables[0]
	m.project = cmp.Or(in.Project, label(first.project))
	if m.project == "" {
		return migrate.Result{}, first.at(first.node, "the name of the project %q has no letter or digit: name it with --set project=NAME", first.project)
	}
	if err := m.convert(); err != nil {
		return migrate.Result{}, err
	}
	files, err := m.files()
	if err != nil {
		return migrate.Result{}, err
	}
	slices.SortStableFunc(m.notes, func(a, b migrate.Note) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line))
	})
	return migrate.Result{Files: files, Notes: slices.Compact(m.notes), Projects: []string{m.project}}, nil
}

// note adds a note on what stands in a line of a file.
func (m *migration) note(d deployable, at *node, what, why, do string) {
	m.notes = append(m.notes, migrate.Note{File: d.file, Line: at.line, What: what, Why: why, Do: do})
}

// at is an error about what stands in a line of a file.
func (d deployable) at(n *node, format string, a ...any) error {
	return fmt.Errorf("%s:%d: %s", d.file, n.line, fmt.Sprintf(format, a...))
}
