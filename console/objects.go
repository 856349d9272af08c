// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"errors"
	"net/http"

	"trunkline.dev/trunkline/access"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/status"
)

// Objects are those of releases, in the clusters that this daemon reaches.
type Objects interface {
	// Objects returns those of a release, the worst first. The error is [ErrNotKnown] if they are not seen from here.
	Objects(ctx context.Context, id catalog.ReleaseID) ([]status.Object, error)
}

// ObjectList are the objects of a release.
type ObjectList struct {
	Items []status.Object `json:"items"`
}

// objects are those of a release as far as a caller sees them: what happened to them may quote what programs have written.
func (s *sight) objects(ctx context.Context, from Objects, id catalog.ReleaseID) ([]status.Object, error) {
	if from == nil {
		return nil, problemf(http.StatusServiceUnavailable, "the objects are not seen from here")
	}
	all, err := from.Objects(ctx, id)
	if errors.Is(err, ErrNotKnown) {
		return nil, problemf(http.StatusServiceUnavailable, "%s", err.Error())
	}
	if err != nil {
		return nil, err
	}
	if !s.rules.May(s.who, access.ViewLogs, access.Scope{Project: id.Project, Environment: id.Environment}).Allowed {
		for i := range all {
			all[i].Events = nil
		}
	}
	return all, nil
}

// objects lists the objects of a release.
func (c *console) objects(w http.ResponseWriter, r *http.Request) error {
	if err := newQuery(r).done(); err != nil {
		return err
	}
	id := releaseOf(r)
	if _, ok := c.opts.Board.Release(id); !ok {
		return unseen()
	}
	all, err := c.sight(r).objects(r.Context(), c.opts.Objects, id)
	if err != nil {
		return err
	}
	c.answer(w, http.StatusOK, ObjectList{Items: all})
	return nil
}

// Objects are the objects of a release as far as the caller sees them.
func (s Sight) Objects(ctx context.Context, from Objects, id catalog.ReleaseID) ([]status.Object, error) {
	if s.s == nil {
		return nil, unseen()
	}
	return s.s.objects(ctx, from, id)
}
