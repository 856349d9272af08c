// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	ahead "trunkline.dev/trunkline/plan/preview"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// Between returns what a commit makes of the objects of a release that are as another commit declares them; an empty from is none, so that
// all of it is made. Nothing of it is held against a cluster. One comparison is made at a time: what is held and rolled back is restored from
// the same older commits, and comes first. The error is for people.
func (r *Reconciler) Between(ctx context.Context, id catalog.ReleaseID, from, to string) (ahead.Release, error) {
	return r.past.between(ctx, id, from, to)
}

func (p *past) between(ctx context.Context, id catalog.ReleaseID, from, to string) (ahead.Release, error) {
	if p == nil {
		return ahead.Release{}, errors.New("older commits are not kept")
	}
	if err := p.looks.Acquire(ctx, 1); err != nil {
		return ahead.Release{}, fmt.Errorf("%w: other commits are being compared", errSlow)
	}
	defer p.looks.Release(1)
	var sides [2]*ahead.Rendered
	for i, commit := range []string{from, to} {
		if commit == "" {
			continue
		}
		var err error
		if sides[i], err = p.side(ctx, id, commit); err != nil {
			if ctx.Err() != nil {
				return ahead.Release{}, fmt.Errorf("%w: %s could not be rendered in time", errSlow, status.Short(commit))
			}
			return ahead.Release{}, err
		}
	}
	return ahead.Between(id, sides[0], sides[1]), nil
}

// errSlow means that a comparison took too long.
var errSlow = errors.New("it takes too long just now")

// side returns what a release renders to at an older commit, with what its account may do; nil if the commit does not declare it.
func (p *past) side(ctx context.Context, id catalog.ReleaseID, commit string) (side *ahead.Rendered, err error) {
	read := false
	err = p.catalogs.Use(ctx, commit, func(c *catalog.Catalog) error {
		read = true
		project, ok := c.Project(id.Project)
		if !ok || !slices.Contains(c.ReleasesOf(project), id) {
			return nil
		}
		rel := c.Release(project, id)
		side = &ahead.Rendered{}
		if access, ok := c.Access(id); ok {
			side.Access = render.Access(id, rel.Namespace, access)
		}
		out := evaluate.Release(ctx, p.renderer, c.Tree(), rel)
		if side.Err = out.Err; side.Err != nil {
			return ctx.Err()
		}
		side.Objects, side.Err = out.Objects.Unpack()
		return nil
	})
	if err != nil && !read {
		return nil, fmt.Errorf("commit %s cannot be read any more: %w", status.Short(commit), err)
	}
	return side, err
}
