// SPDX-License-Identifier: Apache-2.0

// Package migrate makes declarations of what a repository has for Flux or Argo CD: clusters, environments, projects and
// blueprints beside the manifests, overlays and charts, which stay as they are.
//
// A tree goes in, and files and notes come out. What is found is evaluated as its controller would: Kustomizations are
// built, app-of-apps are followed, and variables are replaced. Each piece that renders objects becomes a unit, for which
// see [unit]; units with the same namespace become the workloads of one project, since a release has one namespace.
// Whatever is declared and not carried over is a [Note]: fields are looked up in tables, and a field that no table has is
// noted too.
//
// The package is pure. It may import api/v1alpha1, render with its engines, and scaffold.
package migrate

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"slices"
	"strings"

	"trunkline.dev/trunkline/scaffold"
)

// Input is what to take over.
type Input struct {
	// Tree is the repository; its root becomes that of the platform.
	Tree fs.FS
	// To is the folder that declarations go to, such as "trunkline".
	To string
	// Platform is the name of the platform to declare; empty if there is one already.
	Platform string
	// Owner owns all projects.
	Owner string
}

// Result is what to write, and what is left to do.
type Result struct {
	// Files are those to write, by path. None of them is in the tree.
	Files []scaffold.File
	// Notes are in the order of files and lines.
	Notes []Note
	// Projects are the names of those that the files declare.
	Projects []string
}

// Note is something that is declared and not carried over, or not in the same way.
type Note struct {
	File string
	Line int
	// What is the object and the field, such as "HelmRelease apps/web: spec.postRenderers".
	What string
	// Why says what is different, and Do what to do instead.
	Why, Do string
}

func (n Note) String() string {
	at := ""
	if n.File != "" {
		at = n.File + ": "
	}
	if n.Line > 0 {
		at = fmt.Sprintf("%s:%d: ", n.File, n.Line)
	}
	out := at + n.What + ": " + n.Why
	if n.Do != "" {
		out += "\n    do: " + n.Do
	}
	return out
}

// ErrNothing is returned if a tree has nothing to take over.
var ErrNothing = errors.New("nothing to take over")

// nothing says that there is nothing of a kind to take over, and which files could not be read.
func (m *migration) nothing(what string) error {
	err := fmt.Errorf("%w: there is no %s", ErrNothing, what)
	for _, n := range m.notes {
		err = fmt.Errorf("%w\n%s", err, n)
	}
	return err
}

// migration is one run.
type migration struct {
	Input

	ctx  context.Context //nolint:containedctx // it lives for one run
	docs map[string][]document
	// unread says of files why they are not read.
	unread map[string]error
	notes  []Note
	envs   map[string]*environment
	units  []*unit
	// charts are those that units use, by folder; wanted are those to be fetched first, by folder.
	charts map[string]*chart
	wanted map[string]*wantedChart
}

func newMigration(ctx context.Context, in Input) *migration {
	return &migration{
		Input: in, ctx: ctx, docs: map[string][]document{}, unread: map[string]error{}, envs: map[string]*environment{},
		charts: map[string]*chart{}, wanted: map[string]*wantedChart{},
	}
}

// note adds a note on a field of an object, or on the object itself.
func (m *migration) note(o Object, field, why, do string) {
	file, line := m.position(o, field)
	what := describe(o)
	if field != "" {
		what += ": " + field
	}
	m.notes = append(m.notes, Note{File: file, Line: line, What: what, Why: why, Do: do})
}

// result lays out what was found.
func (m *migration) result() (Result, error) {
	if len(m.units) == 0 && len(m.notes) == 0 {
		return Result{}, ErrNothing
	}
	m.noteWanted()
	out, err := m.layout()
	if err != nil {
		return Result{}, err
	}
	slices.SortStableFunc(m.notes, func(a, b Note) int {
		return cmp.Or(cmp.Compare(a.File, b.File), cmp.Compare(a.Line, b.Line), cmp.Compare(a.What, b.What))
	})
	out.Notes = slices.Compact(m.notes)
	return out, nil
}

// isFile and isFolder say what the tree has.
func (m *migration) isFile(name string) bool {
	info, err := fs.Stat(m.Tree, name)
	return err == nil && info.Mode().IsRegular()
}

func (m *migration) isFolder(name string) bool {
	info, err := fs.Stat(m.Tree, name)
	return err == nil && info.IsDir()
}

// inTree makes a path of the tree of one that may begin with "./" or "/"; ok is false if it leads out.
func inTree(name string) (string, bool) {
	clean := path.Clean(strings.TrimLeft(strings.TrimPrefix(name, "./"), "/"))
	return clean, fs.ValidPath(clean)
}

// relative is the path of a file or folder of the tree, seen from another folder.
func relative(from, to string) string {
	if from == "." {
		return to
	}
	a, b := strings.Split(from, "/"), strings.Split(to, "/")
	if to == "." {
		b = nil
	}
	for len(a) > 0 && len(b) > 0 && a[0] == b[0] {
		a, b = a[1:], b[1:]
	}
	return path.Join(append(slices.Repeat([]string{".."}, len(a)), b...)...)
}
