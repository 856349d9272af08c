// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"io/fs"
	"os"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/status"
)

// source is where the offline commands take the tree from.
type source struct {
	from, rev string
	included  including
}

func (s *source) flags(cmd *cobra.Command) {
	cmd.Flags().StringVar(&s.from, "from", ".", "folder with the platform, in a repository or not")
	cmd.Flags().StringVar(&s.rev, "rev", "", "revision to read instead of the files on disk, such as HEAD or main~2")
	s.included.flags(cmd.Flags())
}

// tree opens the tree, and says which commit it is; files on disk are no commit, and their hash is empty.
func (s *source) tree(ctx context.Context) (fs.FS, status.Commit, error) {
	if s.rev == "" {
		tree, err := git.OpenDir(s.from)
		if err != nil {
			return nil, status.Commit{}, err
		}
		joint, err := s.included.heads(tree)
		return joint, status.Commit{Subject: "files on disk"}, err
	}
	whole, err := git.OpenTree(ctx, s.from, s.rev)
	if err != nil {
		return nil, status.Commit{}, err
	}
	where, err := git.Locate(s.from)
	if err != nil {
		return nil, status.Commit{}, err
	}
	tree, err := whole.At(where.Prefix)
	if err != nil {
		return nil, status.Commit{}, err
	}
	joint, err := s.included.heads(tree)
	return joint, status.Commit{Hash: whole.Commit()}, err
}

// opened is a platform that was named as a folder or a revision.
type opened struct {
	tree fs.FS
	// dir is the folder on disk; empty for a revision. name is the folder, or the hash of the commit.
	dir, name string
}

// openPlatform opens a folder that is there, or else a revision of the repository that the current folder is in.
func openPlatform(ctx context.Context, what string) (opened, error) {
	if info, err := os.Stat(what); err == nil && info.IsDir() {
		tree, err := git.OpenDir(what)
		return opened{tree: tree, dir: what, name: what}, err
	}
	tree, err := revision(ctx, ".", what)
	if err != nil {
		return opened{}, fmt.Errorf("%q is neither a folder nor a revision: %w", what, err)
	}
	return opened{tree: tree, name: tree.Commit()}, nil
}

// revision opens the folder's part of a revision of the repository that it is in.
func revision(ctx context.Context, folder, rev string) (*git.Tree, error) {
	whole, err := git.OpenTree(ctx, folder, rev)
	if err != nil {
		return nil, err
	}
	where, err := git.Locate(folder)
	if err != nil {
		return nil, err
	}
	return whole.At(where.Prefix)
}

// load reads the declarations, and prints what is wrong with them. Problems that deny the tree end the command.
func (s *source) load(cmd *cobra.Command) (fs.FS, *catalog.Catalog, error) {
	tree, _, cat, err := s.loadCommit(cmd)
	return tree, cat, err
}

// loadCommit is load, and says which commit it is.
func (s *source) loadCommit(cmd *cobra.Command) (fs.FS, status.Commit, *catalog.Catalog, error) {
	p := showProgress(cmd, readingDeclarations)
	defer p.end()
	tree, commit, err := s.tree(cmd.Context())
	if err != nil {
		return nil, commit, nil, err
	}
	cat, problems, err := catalog.Load(tree, blueprints.FS)
	if p.end(); err != nil {
		return nil, commit, nil, err
	}
	if err := printProblems(cmd, problems); err != nil {
		return nil, commit, nil, err
	}
	return tree, commit, cat, nil
}

// printProblems prints what is wrong, for people; errFindings if that denies the tree.
func printProblems(cmd *cobra.Command, problems v1alpha1.Problems) error {
	if len(problems) > 0 {
		if _, err := fmt.Fprintln(cmd.ErrOrStderr(), problems); err != nil {
			return err
		}
	}
	if problems.Denied() {
		return errFindings
	}
	return nil
}
