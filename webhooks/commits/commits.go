// SPDX-License-Identifier: Apache-2.0

// Package commits reads the commits of pull requests from the store that the daemon keeps.
//
// Of Trunkline it may import plan/compose, reconciler/git and webhooks.
package commits

import (
	"context"
	"errors"
	"fmt"
	"io/fs"
	"path"
	"strings"

	"trunkline.dev/trunkline/plan/compose"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/webhooks"
)

// Repository is a [webhooks.Repository] on a store.
type Repository struct {
	Store *git.Store
	// Source names the repository, if the platform includes it; empty: it is the platform's own.
	Source string
	// Remote returns where commits are fetched from; its branch is the trunk. Its credentials may be renewed.
	Remote func(ctx context.Context) (git.Remote, error)
	// Dir is the folder of the repository that holds the platform; empty for the repository itself.
	Dir string
	// Folder returns the folder of a source that counts; nil, or empty: all of it.
	Folder func() string
	// Join returns the commit in which one of the repository is joined with those of the others: as they are accepted, or as they are in a
	// state; nil: there are no others.
	Join func(ctx context.Context, commit string, beside compose.State) (string, error)
}

var _ webhooks.Repository = (*Repository)(nil)

// Merge implements [webhooks.Repository]. The forge's test merge is taken where it is one of exactly these commits; otherwise
// the same is made here.
func (r *Repository) Merge(ctx context.Context, p webhooks.Pull, base string) (webhooks.Merge, error) {
	remote, err := r.Remote(ctx)
	if err != nil {
		return webhooks.Merge{}, err
	}
	heads, err := r.Store.FetchPulls(ctx, r.Source, remote, []int{p.Number})
	if err != nil {
		return webhooks.Merge{}, refusal(err)
	}
	head := heads[p.Number]
	switch {
	case head.Err != nil:
		return webhooks.Merge{}, refusal(head.Err)
	case head.Commit != p.Head.SHA:
		// A push came between the question and the fetch; its event has this looked at again.
		return webhooks.Merge{}, fmt.Errorf("the head is %s by now", head.Commit)
	case head.TestMerge != "" && head.Base == base:
		tree, err := r.tree(ctx, head.TestMerge, nil)
		return webhooks.Merge{ID: head.TestMerge, Tree: tree}, err
	}
	merged, err := r.Store.Merge(ctx, base, p.Head.SHA)
	if err != nil {
		return webhooks.Merge{}, refusal(err)
	}
	if merged.Tree == nil {
		return webhooks.Merge{Conflicts: conflicts(merged)}, nil
	}
	tree, err := r.joint(ctx, merged.Commit, merged.Tree, nil)
	return webhooks.Merge{ID: merged.Commit, Tree: tree}, err
}

func conflicts(m git.Merged) (out []string) {
	for _, c := range m.Conflicts {
		out = append(out, c.Path)
	}
	return out
}

// Commit implements [webhooks.Repository].
func (r *Repository) Commit(ctx context.Context, sha, ref string, beside compose.State) (webhooks.Commit, error) {
	parents, err := r.Store.Parents(sha)
	if err != nil {
		if err := r.fetch(ctx, ref); err != nil {
			return webhooks.Commit{}, err
		}
		if parents, err = r.Store.Parents(sha); err != nil {
			return webhooks.Commit{}, err
		}
	}
	c := webhooks.Commit{SHA: sha}
	if len(parents) > 0 {
		c.Parent, c.Merge = parents[0], len(parents) > 1
	}
	c.Tree, err = r.tree(ctx, sha, beside)
	return c, err
}

// fetch fetches a branch: the trunk, or one of a merge queue.
func (r *Repository) fetch(ctx context.Context, ref string) error {
	remote, err := r.Remote(ctx)
	if err != nil {
		return err
	}
	if ref == remote.Branch {
		trunk, err := r.trunk()
		if err != nil {
			return err
		}
		_, err = trunk.Fetch(ctx, remote)
		return err
	}
	track, err := r.Store.Track(git.QueueTrack(r.Source, ref))
	if err != nil {
		return err
	}
	remote.Branch = ref
	_, err = track.Fetch(ctx, remote)
	return err
}

// Changed implements [webhooks.Repository].
func (r *Repository) Changed(_ context.Context, from, to fs.FS) ([]string, error) {
	a, ok := from.(*git.Tree)
	b, both := to.(*git.Tree)
	if !ok || !both {
		return nil, errors.New("only trees of commits can be compared")
	}
	return git.Changed(a, b)
}

// Contains implements [webhooks.Repository].
func (r *Repository) Contains(ctx context.Context, tip, commit string) (bool, error) {
	if tip == commit {
		return true, nil
	}
	if _, err := r.Store.Parents(commit); err != nil {
		return false, nil //nolint:nilerr // what was not fetched yet is not in what was
	}
	bases, err := r.Store.MergeBases(ctx, tip, commit)
	return len(bases) == 1 && bases[0] == commit, err
}

// trunk is the track of the branch that counts.
func (r *Repository) trunk() (*git.Track, error) {
	if r.Source == "" {
		return r.Store.Track(git.Trunk)
	}
	return r.Store.Track(git.SourceTrack(r.Source))
}

// Path implements [webhooks.Repository].
func (r *Repository) Path(file string) string {
	of, inside := "", file
	if below, ok := strings.CutPrefix(file, git.SourcesDir+"/"); ok && r.Join != nil {
		of, inside, _ = strings.Cut(below, "/")
	}
	switch {
	case of != r.Source || inside == "":
		return ""
	case of == "":
		return path.Join(r.Dir, file)
	case r.Folder == nil:
		return inside
	}
	return path.Join(r.Folder(), inside)
}

// Fetched implements [webhooks.Repository].
func (r *Repository) Fetched(number int) (string, error) {
	track, err := r.Store.Track(git.PullTrack(r.Source, number))
	if err != nil {
		return "", err
	}
	head, _, err := track.Head(fmt.Sprintf("refs/pull/%d/head", number))
	return head.Commit, err
}

// Forget implements [webhooks.Repository].
func (r *Repository) Forget(_ context.Context, number int) error {
	track, err := r.Store.Track(git.PullTrack(r.Source, number))
	if err != nil {
		return err
	}
	return track.Remove()
}

func (r *Repository) tree(ctx context.Context, commit string, beside compose.State) (fs.FS, error) {
	tree, err := r.Store.Tree(ctx, commit)
	if err != nil {
		return nil, err
	}
	return r.joint(ctx, commit, tree, beside)
}

// joint returns the platform's folder of a commit, with the repositories that it includes.
func (r *Repository) joint(ctx context.Context, commit string, tree *git.Tree, beside compose.State) (fs.FS, error) {
	if r.Join == nil {
		return r.in(tree)
	}
	joint, err := r.Join(ctx, commit, beside)
	if err != nil {
		return nil, refusal(err)
	}
	if joint != commit {
		if tree, err = r.Store.Tree(ctx, joint); err != nil {
			return nil, err
		}
	}
	return r.in(tree)
}

// in returns the platform's folder of a tree. That there is none is the fault of the commit.
func (r *Repository) in(tree *git.Tree) (fs.FS, error) {
	if r.Dir == "" {
		return tree, nil
	}
	inside, err := tree.At(path.Clean(r.Dir))
	if errors.Is(err, fs.ErrNotExist) {
		return nil, &webhooks.RefusalError{Err: fmt.Errorf("the merge has no folder %s, which holds the platform", r.Dir)}
	}
	if err != nil {
		return nil, err
	}
	return inside, nil
}

// refusal marks an error that trying again does not cure.
func refusal(err error) error {
	if c, ok := errors.AsType[interface {
		error
		Class() git.Class
	}](err); ok && c.Class() == git.Terminal {
		return &webhooks.RefusalError{Err: err}
	}
	return err
}
