// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"slices"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/artifact"
	"trunkline.dev/trunkline/api/edit"
	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/git"
)

func newLock() *cobra.Command {
	l := locking{}
	cmd := &cobra.Command{
		Use:   "lock [BLUEPRINT...]",
		Short: "Write the digests of blueprints that are fetched",
		Long: `Write into the declarations of blueprints, in the files on disk, which artifact
of their registry or Helm repository they are.

A blueprint with a source such as oci://ghcr.io/acme/charts/web follows a tag or a
range of versions. What it is now is found out here, or by the pull requests of the
daemon, and never when it is deployed: a blueprint without a digest is refused.

Without names it does so for all blueprints. Those that have a digest stay as they
are, unless --update is given. Only tag and digest are edited. The credentials are
those of docker's config.json.`,
		Example: `  trunkline lock
  trunkline lock --update web`,
		RunE: l.run,
	}
	cmd.Flags().StringVar(&l.from, "from", ".", "folder with the platform")
	cmd.Flags().BoolVar(&l.update, "update", false, "also move what has a digest to what is there now")
	return cmd
}

// locking is one run of "trunkline lock".
type locking struct {
	from   string
	update bool
}

func (l *locking) run(cmd *cobra.Command, names []string) error {
	tree, err := git.OpenDir(l.from)
	if err != nil {
		return err
	}
	c, _, err := catalog.Load(tree, blueprints.FS) // that something is not locked is one of its problems
	if err != nil {
		return err
	}
	var known []string
	var failed []error
	for doc := range c.Documents(v1alpha1.KindBlueprint) {
		bp, ok := doc.Object.(*v1alpha1.Blueprint)
		if !ok || !artifact.IsRemote(bp.Spec.Source) {
			continue
		}
		if known = append(known, doc.Name); len(names) > 0 && !slices.Contains(names, doc.Name) {
			continue
		}
		said, err := l.one(cmd.Context(), doc, bp.Spec)
		if err != nil {
			failed = append(failed, fmt.Errorf("%s: the blueprint %q: %w", doc.Position("spec", "source"), doc.Name, err))
			continue
		}
		if err := println(cmd.OutOrStdout(), said); err != nil {
			return err
		}
	}
	for _, name := range names {
		if !slices.Contains(known, name) {
			return unknown("blueprint from a registry or Helm repository", name, known)
		}
	}
	if len(known) == 0 {
		return println(cmd.OutOrStdout(), "There is no blueprint from a registry or Helm repository.")
	}
	return errors.Join(failed...)
}

// one locks a blueprint, and says what has come of it.
func (l locking) one(ctx context.Context, doc *v1alpha1.Document, spec v1alpha1.BlueprintSpec) (string, error) {
	a := spec.Artifact
	if a == nil || a.Track == "" && a.Tag == "" {
		if a != nil && a.Digest != "" {
			return doc.Name + " follows nothing, and stays at " + a.Digest, nil
		}
		return "", errors.New(`it follows nothing: write artifact: {track: "^1.4"} or another range or tag`)
	}
	if a.Digest != "" && !l.update {
		return doc.Name + " stays at " + lockedAt(a), nil
	}
	follow := a.Track
	if follow == "" {
		follow = a.Tag
	}
	store, err := userArtifacts()
	if err != nil {
		return "", err
	}
	found, err := store.Find(ctx, artifact.Ref{Source: spec.Source, Chart: a.Chart}, follow)
	if err != nil {
		return "", err
	}
	ranged := a.Track != "" && !v1alpha1.IsTag(a.Track)
	if found.Digest == a.Digest && (!ranged || found.Tag == a.Tag) {
		return doc.Name + " is up to date: " + lockedAt(a), nil
	}
	var changes []edit.Change
	if ranged {
		changes = append(changes, edit.Change{Path: []any{"spec", "artifact", "tag"}, Value: found.Tag})
	}
	changes = append(changes, edit.Change{Path: []any{"spec", "artifact", "digest"}, Value: found.Digest})
	if err := l.write(doc, changes); err != nil {
		return "", err
	}
	return fmt.Sprintf("%s: %s is %s@%s, in %s", doc.Name, follow, found.Tag, found.Digest, doc.File), nil
}

func lockedAt(a *v1alpha1.Artifact) string {
	if a.InForce() == "" {
		return a.Digest
	}
	return a.InForce() + "@" + a.Digest
}

// write edits the file of a declaration in place.
func (l locking) write(doc *v1alpha1.Document, changes []edit.Change) error {
	name := filepath.Join(l.from, filepath.FromSlash(doc.File))
	data, err := os.ReadFile(name)
	if err != nil {
		return err
	}
	out, err := edit.Apply(data, doc.Ordinal(), changes...)
	if err != nil {
		return err
	}
	return os.WriteFile(name, out, 0o644) //nolint:gosec // it is there, and keeps its own mode
}
