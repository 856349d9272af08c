// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"golang.org/x/sync/semaphore"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/reconciler/archive"
	"trunkline.dev/trunkline/reconciler/status"
)

const (
	// maxArchive is how many catalogs of older commits are in memory: what is held or rolled back is mostly so at the
	// same few commits.
	maxArchive = 2
	// maxRestores is how many releases are rendered at older commits at once.
	maxRestores = 8
)

// past renders releases as older commits declare them.
type past struct {
	catalogs *archive.Archive[*catalog.Catalog]
	renderer Renderer
	places   *semaphore.Weighted
	// looks has a place for one who compares.
	looks *semaphore.Weighted
}

// newPast returns nil if older commits cannot be read.
func newPast(opts Options) *past {
	if opts.Trees == nil {
		return nil
	}
	load := func(ctx context.Context, commit string) (*catalog.Catalog, error) {
		tree, err := opts.Trees(ctx, commit)
		if err != nil {
			return nil, err
		}
		c, _, err := catalog.Load(tree, opts.Library)
		return c, err
	}
	return &past{catalogs: archive.New(maxArchive, load), renderer: opts.Renderer, places: semaphore.NewWeighted(maxRestores), looks: semaphore.NewWeighted(1)}
}

// restore renders a release as an older commit declares it.
func (p *past) restore(ctx context.Context, id catalog.ReleaseID, commit string) (release.Target, error) {
	if p == nil || commit == "" {
		return release.Target{}, errors.New("older commits are not kept")
	}
	var t release.Target
	read := false
	err := p.catalogs.Use(ctx, commit, func(c *catalog.Catalog) (err error) {
		read = true
		t, err = p.render(ctx, c, id, commit)
		return err
	})
	if err != nil && !read {
		return release.Target{}, fmt.Errorf("reading commit %s: %w", status.Short(commit), err)
	}
	return t, err
}

// restore renders the release as an older commit declares it. Of a pull request only the newest push counts.
func (a *actor) restore(ctx context.Context, commit, digest string) (release.Target, error) {
	if a.preview {
		return release.Target{}, errors.New("a preview is kept at the newest push only")
	}
	if p := a.r.opts.Principal; p != nil {
		return p.Restore(ctx, a.id, commit, digest)
	}
	return a.r.past.restore(ctx, a.id, commit)
}

func (p *past) render(ctx context.Context, c *catalog.Catalog, id catalog.ReleaseID, commit string) (release.Target, error) {
	project, ok := c.Project(id.Project)
	if !ok || !slices.Contains(c.ReleasesOf(project), id) {
		return release.Target{}, fmt.Errorf("commit %s does not declare it", status.Short(commit))
	}
	if err := p.places.Acquire(ctx, 1); err != nil {
		return release.Target{}, err
	}
	defer p.places.Release(1)
	rel := c.Release(project, id)
	out := evaluate.Release(ctx, p.renderer, c.Tree(), rel)
	if out.Err != nil {
		return release.Target{}, fmt.Errorf("rendering it at commit %s: %w", status.Short(commit), out.Err)
	}
	return release.Target{Commit: commit, Namespace: rel.Namespace, Owner: rel.Owner, Objects: out.Objects, Digest: out.Objects.Digest()}, nil
}
