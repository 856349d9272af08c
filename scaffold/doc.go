// SPDX-License-Identifier: Apache-2.0

// Package scaffold makes the files of new declarations from templates: of a project, a workload, an environment or
// a blueprint. Templates are embedded, or a repository's own below templates; docs/new.md tells how to write one.
//
// Values go in and files come out: where answers come from and where files go is the caller's. Templates are not
// trusted. They see their answers and what the platform declares and nothing else, and what they read, take and write
// is bounded.
//
// The package is pure. It may import api and catalog.
package scaffold

import (
	"embed"
	"slices"
)

// Kind is what a template makes.
type Kind string

// The kinds.
const (
	Project     Kind = "project"
	Workload    Kind = "workload"
	Environment Kind = "environment"
	Blueprint   Kind = "blueprint"
)

// Kinds lists all kinds, in the order in which people meet them.
func Kinds() []Kind { return []Kind{Project, Workload, Environment, Blueprint} }

// Usual returns the template that is meant when none is named: that of an environment is often called like the
// environment.
func (k Kind) Usual(name string) string {
	switch {
	case k == Workload:
		return "container-job"
	case k == Environment && name == "prod":
		return "prod"
	case k == Environment:
		return "dev"
	case k == Blueprint:
		return "helm"
	default:
		return "batch"
	}
}

// Folder returns the folder that declarations of the kind are in, unless someone says another. A workload is declared
// in its project's file.
func (k Kind) Folder() string { return string(k) + "s" }

// File is a file that is to be written.
type File struct {
	// Path has slashes, and is relative to the root of the platform.
	Path string
	Data []byte
}

// The limits of a template. They are far above what a template needs, and far below what hurts.
const (
	maxTemplates  = 200       // of a kind
	maxFiles      = 100       // of a template
	maxDepth      = 12        // folders within folders
	maxFileBytes  = 256 << 10 // of a file, before and after it is filled in
	maxTotalBytes = 2 << 20   // of a template, before and after it is filled in
	maxQuestions  = 50
	maxText       = 1000 // bytes of a name, prompt, default, pattern or answer
)

//go:embed all:templates
var embedded embed.FS

func known(kind Kind) bool { return slices.Contains(Kinds(), kind) }
