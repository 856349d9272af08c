// SPDX-License-Identifier: Apache-2.0

package main

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path"
	"strings"
	"time"
	"unicode/utf8"

	"github.com/aymanbagabas/go-udiff"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/diff3"
	"trunkline.dev/trunkline/scaffold"
)

// What becomes of conflicts.
const (
	refuseConflicts = "refuse"
	ourConflicts    = "ours"
	markConflicts   = "markers"
)

// updateArguments reads what is to be updated.
func (n *creation) updateArguments(args []string, list bool) error {
	n.kind, n.name = scaffold.Project, n.update
	known := []string{refuseConflicts, ourConflicts, markConflicts}
	switch {
	case len(args) > 0 || list || n.project != "" || n.to != "" || n.notebook != "" || n.run != string(scaffold.ByPapermill):
		return usagef("--update takes the project's name, and goes with --template, --set, --conflicts, --dry-run and --from only")
	case n.conflicts != refuseConflicts && n.conflicts != ourConflicts && n.conflicts != markConflicts:
		return usagef("--conflicts takes no %q: %s", n.conflicts, v1alpha1.Instead(n.conflicts, known))
	}
	return nil
}

// updating is what an update does.
type updating struct {
	template *scaffold.Template
	record   *scaffold.Record
	// file is the path of the record, and was what it holds.
	file    string
	was     []byte
	changes []scaffold.Change
	// next is what the record is to be.
	next []byte
}

// runUpdate applies the template of a project again.
func (n *creation) runUpdate(cmd *cobra.Command) error {
	tree, err := git.OpenDir(n.from)
	if err != nil {
		return err
	}
	before, err := n.validate(cmd.Context(), tree)
	if err != nil {
		return err
	}
	c := before.Catalog()
	if c.Platform == nil {
		return errors.Join(show(cmd, before.Problems()), fmt.Errorf("there is no platform at %q: name its folder with --from", n.from))
	}
	if _, ok := c.Project(n.name); !ok {
		return noProject(cmd, before, n.name)
	}
	u, err := n.prepare(cmd, c)
	if err != nil {
		return err
	}
	if err := u.show(cmd.OutOrStdout()); err != nil {
		return err
	}
	if err := u.resolve(n.conflicts); err != nil {
		return err
	}
	files, changed, gone := u.writes()
	overlay := scaffold.Overlay(tree, u.valid(n.conflicts), gone...)
	after, err := n.validate(cmd.Context(), overlay)
	if err != nil {
		return err
	}
	if problems := scaffold.NewProblems(before.Problems(), after.Problems()); len(problems) > 0 {
		return errors.Join(show(cmd, problems), fmt.Errorf("nothing is written: the project %q would be wrong", n.name))
	}
	if !n.declared(after.Catalog()) {
		return fmt.Errorf("nothing is written: the template %q does not declare the project %q any more", u.template.Name, n.name)
	}
	if !n.dryRun {
		if err := writeAll(n.from, files, changed...); err != nil {
			return fmt.Errorf("nothing is written: %w", err)
		}
	}
	return n.updated(cmd.OutOrStdout(), u)
}

// prepare finds out what is to change.
func (n *creation) prepare(cmd *cobra.Command, c *catalog.Catalog) (*updating, error) {
	p, _ := c.Project(n.name)
	u := &updating{file: path.Join(p.Dir(), scaffold.RecordFile)}
	var err error
	if u.record, err = scaffold.ReadRecord(c.Tree(), p.Dir()); errors.Is(err, fs.ErrNotExist) {
		return nil, fmt.Errorf("there is no %s, which says what made the project: only what \"trunkline new\" has made, and recorded, can be updated", u.file)
	} else if err != nil {
		return nil, err
	}
	if u.was, err = fs.ReadFile(c.Tree(), u.file); err != nil {
		return nil, fmt.Errorf("reading what made the project: %w", err)
	}
	name := n.template
	if name == "" {
		name = u.record.Template
	}
	if u.template, err = n.open(cmd, c, name); err != nil {
		return nil, err
	}
	if u.template.From == u.record.From && u.record.Commit != "" && u.template.Commit != u.record.Commit {
		if err := say(cmd.ErrOrStderr(), "%s is not what it was when the project was made: it was the commit %s, and is %s\n", u.template.From, u.record.Commit, u.template.Commit); err != nil {
			return nil, err
		}
	}
	given := map[string]string{}
	for _, q := range u.template.Questions {
		if answer, ok := u.record.Answers[q.Name]; ok {
			given[q.Name] = answer
		}
	}
	maps.Copy(given, n.given)
	answers, err := answered(cmd, u.template, scaffold.FactsOf(c, n.name, n.now.Format(time.DateOnly)), given)
	if err != nil {
		return nil, err
	}
	files, err := u.template.Files(p.Dir(), u.record.Known, answers)
	if err != nil {
		return nil, err
	}
	if u.changes, err = scaffold.Changes(c.Tree(), p.Dir(), u.record.Made, files, merge); err != nil {
		return nil, err
	}
	next, err := scaffold.RecordOf(u.template, u.record.Known, answers, p.Dir(), files)
	if err != nil {
		return nil, err
	}
	u.next, err = next.Encode()
	return u, err
}

// merge merges as git does.
func merge(base, ours, theirs []byte) ([]byte, int, error) {
	return diff3.Marked(base, ours, theirs, "here", "template")
}

// show prints what changes.
func (u *updating) show(w io.Writer) error {
	for _, c := range u.changes {
		is := c.Is
		if c.Conflict != "" {
			if err := say(w, "%s: conflict: %s\n", c.Path, c.Conflict); err != nil {
				return err
			}
			if is = c.Marked; is == nil {
				continue
			}
		}
		from, to := "a/"+c.Path, "b/"+c.Path
		if c.Was == nil {
			from = "/dev/null"
		}
		if is == nil {
			to = "/dev/null"
		}
		if binary(c.Was) || binary(is) {
			if err := say(w, "Binary files %s and %s differ\n", from, to); err != nil {
				return err
			}
			continue
		}
		for line := range strings.Lines(udiff.Unified(from, to, string(c.Was), string(is))) {
			if err := say(w, "%s\n", strings.TrimRight(line, "\r\n")); err != nil {
				return err
			}
		}
	}
	return nil
}

// binary reports whether lines of a file are of no use to people.
func binary(data []byte) bool { return bytes.IndexByte(data, 0) >= 0 || !utf8.Valid(data) }

// resolve does with conflicts what was asked for.
func (u *updating) resolve(how string) error {
	var in []string
	for i := range u.changes {
		c := &u.changes[i]
		if c.Conflict == "" {
			continue
		}
		in = append(in, c.Path)
		if how == markConflicts && c.Marked != nil {
			c.Is = c.Marked
		}
	}
	if len(in) > 0 && how == refuseConflicts {
		return fmt.Errorf("nothing is written: there are conflicts in %s; leave these as they are with --conflicts ours, or have both written with marks between with --conflicts markers",
			strings.Join(in, ", "))
	}
	return nil
}

// writes are the files that are new, those that change, and the names of those that go.
func (u *updating) writes() (files []scaffold.File, changed []*change, gone []string) {
	for _, c := range u.changes {
		switch file := (scaffold.File{Path: c.Path, Data: c.Is}); {
		case c.Was == nil && c.Is == nil || c.Was != nil && c.Is != nil && string(c.Was) == string(c.Is):
		case c.Was == nil:
			files = append(files, file)
		case c.Is == nil:
			gone = append(gone, c.Path)
			changed = append(changed, &change{File: file, was: c.Was, gone: true})
		default:
			changed = append(changed, &change{File: file, was: c.Was})
		}
	}
	if string(u.was) != string(u.next) {
		changed = append(changed, &change{File: scaffold.File{Path: u.file, Data: u.next}, was: u.was})
	}
	return files, changed, gone
}

// valid are the files that have to be valid: what gets marks cannot be before someone has taken them out.
func (u *updating) valid(how string) (out []scaffold.File) {
	for _, c := range u.changes {
		if c.Is != nil && (how != markConflicts || c.Conflict == "") {
			out = append(out, scaffold.File{Path: c.Path, Data: c.Is})
		}
	}
	return out
}

// updated says what was done.
func (n *creation) updated(w io.Writer, u *updating) error {
	if string(u.was) == string(u.next) && len(u.changes) == 0 {
		return say(w, "The project %q is as its template %q has it: nothing is written.\n", n.name, u.template.Name)
	}
	did := map[string]string{"new": "wrote   ", "gone": "removed ", "": "changed "}
	if n.dryRun {
		did = map[string]string{"new": "would write   ", "gone": "would remove  ", "": "would change  "}
	}
	files, changed, _ := u.writes()
	for _, f := range files {
		if err := say(w, "%s %s\n", did["new"], f.Path); err != nil {
			return err
		}
	}
	for _, c := range changed {
		what := did[""]
		if c.gone {
			what = did["gone"]
		}
		if err := say(w, "%s %s\n", what, c.Path); err != nil {
			return err
		}
	}
	return nil
}
