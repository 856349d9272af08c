// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io/fs"
	"maps"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/migrate"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/render"
	"trunkline.dev/trunkline/scaffold"
)

// systems are those that a repository can be taken over from.
var systems = map[string]func(context.Context, migrate.Input) (migrate.Result, error){
	"flux": migrate.Flux, "argocd": migrate.ArgoCD,
}

// takeover is what "trunkline new --from flux PATH" is asked for.
type takeover struct {
	// from is a system, and folder the repository.
	from, folder string
	to           string
	given        map[string]string
	dryRun       bool
	now          time.Time
}

// takeover returns what is to be taken over, if the arguments ask for that: a system and a folder.
func (n *creation) takeover(args []string, list bool) (*takeover, error) {
	_, is := systems[n.from]
	switch {
	case list || len(args) != 1:
		if n.dryRun {
			return nil, usagef("--dry-run is for \"trunkline new --from flux|argocd PATH\"")
		}
		return nil, nil //nolint:nilnil // there is nothing to take over
	case slices.Contains(scaffold.Kinds(), scaffold.Kind(args[0])):
		return nil, nil //nolint:nilnil // a name is missing, which is said elsewhere
	case !is && n.from != ".":
		return nil, usagef("nothing can be taken over from %q: %s", n.from, v1alpha1.Suggest(n.from, slices.Sorted(maps.Keys(systems))))
	case !is:
		return nil, nil //nolint:nilnil // likewise
	case n.template != "" || n.project != "":
		return nil, usagef("--template and --project are invalid with --from %s", n.from)
	}
	to := path.Clean(filepath.ToSlash(cmp.Or(n.to, "trunkline")))
	if to == "." || !fs.ValidPath(to) {
		return nil, usagef("--to %q is not a folder below %q", n.to, args[0])
	}
	return &takeover{from: n.from, folder: args[0], to: to, dryRun: n.dryRun}, nil
}

// run writes the declarations that do what a repository does now, or shows them.
func (t *takeover) run(cmd *cobra.Command) error {
	for name := range t.given {
		if name != "owner" && name != "platform" {
			return usagef("--set %s: want one of: owner, platform", name)
		}
	}
	tree, err := git.OpenDir(t.folder)
	if err != nil {
		return err
	}
	before, err := t.evaluate(cmd.Context(), tree)
	if err != nil {
		return err
	}
	in := migrate.Input{Tree: tree, To: t.to, Owner: cmp.Or(t.given["owner"], "platform")}
	if before.Catalog().Platform == nil {
		if in.Platform, err = t.platform(); err != nil {
			return err
		}
	}
	result, err := systems[t.from](cmd.Context(), in)
	if errors.Is(err, migrate.ErrNothing) {
		return fmt.Errorf("%q: %w", t.folder, err)
	}
	if err != nil {
		return err
	}
	if err := t.write(cmd, tree, before, result); err != nil {
		return err
	}
	return t.report(cmd, result)
}

// platform is the name of a platform that is not there yet: that of the folder.
func (t *takeover) platform() (string, error) {
	name := t.given["platform"]
	if name == "" {
		full, err := filepath.Abs(t.folder)
		if err != nil {
			return "", err
		}
		name = strings.Trim(strings.Map(func(r rune) rune {
			if r >= 'a' && r <= 'z' || r >= '0' && r <= '9' {
				return r
			}
			return '-'
		}, strings.ToLower(filepath.Base(full))), "-")
	}
	if err := scaffold.CheckName(name); err != nil {
		return "", &usageError{fmt.Errorf("the name of the platform: %w; give it one with --set platform=NAME", err)}
	}
	return name, nil
}

// write checks the files as "trunkline validate" does, and writes or shows them.
func (t *takeover) write(cmd *cobra.Command, tree fs.FS, before *evaluate.Evaluation, result migrate.Result) error {
	if err := absent(tree, result.Files); err != nil {
		return err
	}
	after, err := t.evaluate(cmd.Context(), scaffold.Overlay(tree, result.Files))
	if err != nil {
		return err
	}
	problems := scaffold.NewProblems(before.Problems(), after.Problems())
	if err := show(cmd, problems); err != nil {
		return err
	}
	if problems.Denied() {
		if err := t.notes(cmd, result); err != nil {
			return err
		}
		return errors.New("nothing is written: the declarations would be wrong")
	}
	for _, name := range result.Projects {
		if p, ok := after.Catalog().Project(name); !ok || !strings.HasPrefix(p.Document.File, t.to+"/") {
			return fmt.Errorf("nothing is written: %q is not below spec.roots of the platform: add it there, or choose another folder with --to", t.to)
		}
	}
	if t.dryRun {
		for _, f := range result.Files {
			if _, err := fmt.Fprintf(cmd.OutOrStdout(), "==> %s <==\n%s", plain(f.Path), f.Data); err != nil {
				return err
			}
		}
		return nil
	}
	if err := writeAll(t.folder, result.Files, nil); err != nil {
		return fmt.Errorf("nothing is written: %w", err)
	}
	for _, f := range result.Files {
		if _, err := fmt.Fprintf(cmd.OutOrStdout(), "wrote    %s\n", plain(f.Path)); err != nil {
			return err
		}
	}
	return nil
}

// evaluate checks a tree, and renders its releases.
func (t *takeover) evaluate(ctx context.Context, tree fs.FS) (*evaluate.Evaluation, error) {
	s := &session{now: t.now, v: validation{runs: true}, renderer: render.New(blueprints.FS)}
	err := s.evaluate(ctx, tree, t.folder)
	return s.head, err
}

// notes prints what is not carried over. They are for people, so that a dry run can go into a file.
func (t *takeover) notes(cmd *cobra.Command, result migrate.Result) error {
	var b strings.Builder
	if len(result.Notes) > 0 {
		fmt.Fprintf(&b, "Not carried over, or not in the same way (%d):\n", len(result.Notes))
	}
	for _, n := range result.Notes {
		for line := range strings.Lines(n.String()) {
			fmt.Fprintln(&b, plain(strings.TrimSuffix(line, "\n")))
		}
	}
	_, err := fmt.Fprint(cmd.ErrOrStderr(), b.String())
	return err
}

// report says what is left to do.
func (t *takeover) report(cmd *cobra.Command, result migrate.Result) error {
	if err := t.notes(cmd, result); err != nil || t.dryRun {
		return err
	}
	_, err := fmt.Fprintf(cmd.ErrOrStderr(), "Next: look at them, then \"trunkline validate %s\", and compare with what is in the clusters: docs/migrate.md.\n", t.folder)
	return err
}
