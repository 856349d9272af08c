// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/plan/preview/report"
	findings "trunkline.dev/trunkline/policy/report"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/status"
)

// exitCodes is what the help of the commands that preview says at its end.
const exitCodes = `Exit codes, as of diff: 0 nothing would change; 1 something would; 2 some of it
could not be determined, or would fail.`

// previewing is what the commands that preview have in common.
type previewing struct {
	head, output string
	format       report.Format
	summary      bool
	// path is the folder of the platform.
	path     string
	picker   preview.Picker
	included including
}

func (v *previewing) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&v.head, "head", "", "revision to look at instead of the files on disk, such as HEAD or a branch")
	cmd.Flags().StringVarP(&v.output, "output", "o", string(report.Text), "output format: text, json or markdown")
	v.included.flags(cmd.Flags())
	cmd.Flags().BoolVarP(&v.summary, "summary", "s", false, "leave the diffs out, in text and Markdown")
}

// read reads the arguments: a folder with a platform may come first, then patterns of releases.
func (v *previewing) read(args []string) (err error) {
	if v.format, err = report.ParseFormat(v.output); err != nil {
		return &usageError{err}
	}
	v.path = "."
	if len(args) > 0 {
		if _, err := os.Stat(filepath.Join(args[0], catalog.PlatformFile)); err == nil {
			v.path, args = args[0], args[1:]
		} else if info, err := os.Stat(args[0]); err == nil && info.IsDir() && strings.ContainsAny(args[0], `./\`) {
			return usagef("%s is a folder without %s", args[0], catalog.PlatformFile)
		}
	}
	if v.picker, err = preview.NewPicker(args...); err != nil {
		return &usageError{err}
	}
	return nil
}

// open reads and checks the head, compared with a base if one is given, and renders the releases that are wanted. A head
// that is refused ends the command: nothing would come of it.
func (v *previewing) open(cmd *cobra.Command, base string, want func(catalog.ReleaseID) bool) (*session, error) {
	ctx := cmd.Context()
	s := &session{v: validation{base: base, format: findings.Text, included: v.included}, dir: v.path, name: "the files on disk", now: time.Now(), renderer: cachedRenderer()}
	s.progress = showProgress(cmd, readingDeclarations)
	defer s.progress.end()
	tree, err := v.tree(ctx, s)
	if err != nil {
		return nil, err
	}
	if tree, err = v.included.heads(tree); err != nil {
		return nil, err
	}
	in := s.input(tree)
	in.Want = want
	if base != "" {
		if err := s.compare(ctx, &in, v.path); err != nil {
			return nil, err
		}
		if s.base.Denied() {
			return nil, fmt.Errorf("the base %q is itself refused, so that what runs is older: \"trunkline validate %s\" says why; choose another --base", base, base)
		}
	}
	err = s.evaluateHead(ctx, in)
	if s.progress.end(); err != nil {
		return nil, err
	}
	if !s.head.Denied() {
		return s, nil
	}
	if err := s.report(cmd.ErrOrStderr()); err != nil && !errors.Is(err, errFindings) {
		return nil, err
	}
	return nil, fmt.Errorf("%s: the whole commit is refused, so that nothing would happen", s.name)
}

// tree opens the head, and names it for people.
func (v *previewing) tree(ctx context.Context, s *session) (fs.FS, error) {
	if v.head == "" {
		return git.OpenDir(v.path)
	}
	commit, err := revision(ctx, v.path, v.head)
	if err != nil {
		return nil, fmt.Errorf("reading the head %q: %w", v.head, err)
	}
	s.name = revisionName(v.head, commit)
	return commit, nil
}

// revisionName names a revision for people: what they have written, and what that is.
func revisionName(rev string, tree *git.Tree) string { return revisionOf(rev, tree.Commit()) }

func revisionOf(rev, commit string) string {
	short := status.Short(commit)
	if strings.HasPrefix(commit, rev) {
		return short
	}
	return rev + " (" + short + ")"
}

// check makes sure that every pattern stands for a release.
func (v *previewing) check(ids ...[]catalog.ReleaseID) error {
	if unused := v.picker.Unused(slices.Concat(ids...)); len(unused) > 0 {
		return usagef("no release is called %s; \"trunkline validate\" counts them, and \"trunkline graph\" shows the projects", strings.Join(unused, ", "))
	}
	return nil
}

func releaseIDs(e *evaluate.Evaluation) (ids []catalog.ReleaseID) {
	for rel := range e.Releases() {
		ids = append(ids, rel.ID)
	}
	return ids
}

// print writes what would happen, and ends the command with what that means.
func (v *previewing) print(cmd *cobra.Command, p preview.Preview) error {
	p.Sort()
	opts := report.Options{Color: width(cmd.OutOrStdout()) > 0, Brief: v.summary}
	if err := report.Write(cmd.OutOrStdout(), v.format, p, opts); err != nil {
		return err
	}
	switch {
	case p.Failed():
		return errTrouble
	case p.Changes():
		return errFindings
	}
	return nil
}

// answering makes every error of a command one that says that there is no answer.
func answering(run func(*cobra.Command, []string) error) func(*cobra.Command, []string) error {
	return func(cmd *cobra.Command, args []string) error {
		err := run(cmd, args)
		if err == nil || errors.Is(err, errFindings) || errors.Is(err, errTrouble) {
			return err
		}
		return &troubleError{err}
	}
}

// unnamed lists clusters for a note; at most some of them.
func unnamed(names []string) string {
	const most = 10
	slices.Sort(names)
	if more := len(names) - most; more > 0 {
		return strings.Join(names[:most], ", ") + fmt.Sprintf(" and %d more", more)
	}
	return cmp.Or(strings.Join(names, ", "), "none")
}
