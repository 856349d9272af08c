// SPDX-License-Identifier: Apache-2.0

package main

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"maps"
	"os"
	"path"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/migrate"
	"trunkline.dev/trunkline/migrate/clusterless"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/scaffold"
)

// systems are those that a repository can be taken over from.
var systems = map[string]func(context.Context, migrate.Input) (migrate.Result, error){
	"flux": migrate.Flux, "argocd": migrate.ArgoCD,
}

// clusterlessSystem is the one of which project files are taken over, and no repository.
const clusterlessSystem = "clusterless"

// takeover is what "trunkline new --from flux PATH" is asked for.
type takeover struct {
	// from is a system, and folder the repository.
	from, folder string
	// files are those of Clusterless; "-" is the standard input.
	files  []string
	to     string
	given  map[string]string
	dryRun bool
	now    time.Time
}

// takeover returns what is to be taken over, if the arguments ask for that: a system and a folder.
func (n *creation) takeover(args []string, list bool) (*takeover, error) {
	_, is := systems[n.from]
	kind := len(args) > 0 && slices.Contains(scaffold.Kinds(), scaffold.Kind(args[0]))
	files := n.from == clusterlessSystem && len(args) > 0 && !kind && !list
	switch {
	case n.update != "":
		return nil, nil
	case !files && (list || len(args) != 1):
		if n.dryRun {
			return nil, usagef("--dry-run is for \"trunkline new --update PROJECT\", \"trunkline new --from flux|argocd PATH\" and \"trunkline new --from clusterless FILE\"")
		}
		return nil, nil //nolint:nilnil // there is nothing to take over
	case kind:
		return nil, nil //nolint:nilnil // a name is missing, which is said elsewhere
	case !is && !files && n.from != ".":
		return nil, usagef("nothing can be taken over from %q: %s", n.from, v1alpha1.Suggest(n.from, append(slices.Sorted(maps.Keys(systems)), clusterlessSystem)))
	case !is && !files:
		return nil, nil //nolint:nilnil // likewise
	case n.template != "" || n.project != "":
		return nil, usagef("--template and --project are invalid with --from %s", n.from)
	}
	t := &takeover{from: n.from, folder: args[0], dryRun: n.dryRun}
	if files {
		t.folder, t.files = ".", args
	}
	t.to = path.Clean(filepath.ToSlash(cmp.Or(n.to, "trunkline")))
	if t.to == "." || !fs.ValidPath(t.to) {
		return nil, usagef("--to %q is not a folder below %q", n.to, t.folder)
	}
	return t, nil
}

// run writes the declarations that do what a repository does now, or shows them.
func (t *takeover) run(cmd *cobra.Command) error {
	answers := []string{"owner", "platform"}
	if t.files != nil {
		answers = []string{"cluster", "owner", "platform", "project", "registry", "since"}
	}
	for _, name := range slices.Sorted(maps.Keys(t.given)) {
		if !slices.Contains(answers, name) {
			return usagef("--set %s: want one of: %s", name, strings.Join(answers, ", "))
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
	result, err := t.take(cmd, tree, before.Catalog())
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

// take makes the declarations.
func (t *takeover) take(cmd *cobra.Command, tree fs.FS, c *catalog.Catalog) (result migrate.Result, err error) {
	platform, owner := "", cmp.Or(t.given["owner"], "platform")
	if c.Platform == nil {
		if platform, err = t.platform(); err != nil {
			return migrate.Result{}, err
		}
	}
	if t.files == nil {
		return systems[t.from](cmd.Context(), migrate.Input{Tree: tree, To: t.to, Owner: owner, Platform: platform})
	}
	in := clusterless.Input{
		Catalog: c, To: t.to, Owner: owner, Platform: platform, Project: t.given["project"], Cluster: t.given["cluster"], Registry: t.given["registry"],
		Since: t.now.Truncate(24 * time.Hour),
	}
	for what, name := range map[string]string{"project": in.Project, "cluster": in.Cluster} {
		if name != "" && scaffold.CheckName(name) != nil {
			return migrate.Result{}, usagef("--set %s: %v", what, scaffold.CheckName(name))
		}
	}
	if since := t.given["since"]; since != "" {
		if in.Since, err = time.Parse(time.DateOnly, since); err != nil {
			return migrate.Result{}, usagef("--set since=%q is no day, such as 2026-01-31", since)
		}
	}
	for _, name := range t.files {
		f, err := readProject(cmd.InOrStdin(), name)
		if err != nil {
			return migrate.Result{}, err
		}
		in.Files = append(in.Files, f)
	}
	return clusterless.Take(in)
}

// readProject reads a project file of Clusterless.
func readProject(stdin io.Reader, name string) (clusterless.File, error) {
	if name != "-" {
		opened, err := os.Open(name)
		if err != nil {
			return clusterless.File{}, fmt.Errorf("opening the project file: %w", err)
		}
		defer func() { _ = opened.Close() }() // it is read only
		stdin = opened
	} else {
		name = "standard input"
	}
	data, err := io.ReadAll(io.LimitReader(stdin, clusterless.MaxBytes+1))
	if err != nil {
		return clusterless.File{}, fmt.Errorf("reading the project file %s: %w", name, err)
	}
	return clusterless.File{Name: filepath.ToSlash(name), Data: data}, nil
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
	s := &session{now: t.now, v: validation{runs: true}, renderer: offlineRenderer()}
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
	next := "compare with what is in the clusters"
	if t.files != nil {
		next = "follow the steps of \"From Clusterless\""
	}
	_, err := fmt.Fprintf(cmd.ErrOrStderr(), "Next: look at them, then \"trunkline validate %s\", and %s: docs/migrate.md.\n", t.folder, next)
	return err
}
