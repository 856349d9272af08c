// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"fmt"
	"maps"
	"slices"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/compose"
)

// state is one of a release: the commits of all repositories that brought it, and its digest; empty for none.
type state struct {
	commits compose.State
	digest  string
}

// wayBack looks for a way from what a release is to become back to what is in place, of steps that were reviewed. A step takes one
// repository back by what one of its pull requests brought, with the others as they are: in which order they came is not known, so that
// each order counts in which all steps did what they showed.
type wayBack struct {
	id catalog.ReleaseID
	// own is the source that declares the release.
	own string
	to  state
	// mergeAt finds out what the step did by which a source came to a state; false if nobody works on its pull requests. digestAt is what
	// the release renders to in a state.
	mergeAt  func(ctx context.Context, source string, at compose.State) (merge, bool, error)
	digestAt func(ctx context.Context, at compose.State) (string, error)
	// tried are the states from which there is no way, and left is how many steps may be looked at.
	tried map[string]bool
	left  int
}

// notBack is why what cannot be followed back was not reviewed.
const notBack = "it cannot be followed back to what is in place"

// why says why a state was not reviewed; empty if every step was that leads there from what is in place.
func (w *wayBack) why(ctx context.Context, next state) (string, error) {
	w.tried, w.left = map[string]bool{}, maxMerges
	next, err := w.skip(ctx, next)
	if err != nil {
		return "", err
	}
	return w.from(ctx, next)
}

// skip takes the repositories back to what is in place that change nothing of the release on the whole: there is nothing to review of
// them.
func (w *wayBack) skip(ctx context.Context, next state) (state, error) {
	commits := compose.State{}
	maps.Copy(commits, w.to.commits) // with those that are not included any more: a step back may include them again
	maps.Copy(commits, next.commits)
	next.commits = commits
	for _, source := range w.moved(next) {
		if source == w.own {
			continue
		}
		at := maps.Clone(next.commits)
		if before, known := w.to.commits[source]; known {
			at[source] = before
		} else if delete(at, source); source == "" {
			continue // there is nothing without the platform
		}
		digest, err := w.digestAt(ctx, at)
		if err != nil {
			return next, err
		}
		if digest == next.digest {
			next.commits = at
		}
	}
	return next, nil
}

// moved are the repositories that are not at what is in place, the one that declares the release first.
func (w *wayBack) moved(next state) []string {
	names := next.commits.Moved(w.to.commits)
	if i := slices.Index(names, w.own); i > 0 {
		names = slices.Insert(slices.Delete(names, i, i+1), 0, w.own)
	}
	return names
}

func (w *wayBack) from(ctx context.Context, next state) (string, error) {
	moved := w.moved(next)
	if next.digest == w.to.digest || len(moved) == 0 {
		return "", nil
	}
	why := ""
	for _, source := range moved {
		if w.left == 0 {
			break
		}
		w.left--
		before, this, err := w.step(ctx, source, next)
		if err != nil {
			return "", err
		}
		if key := before.digest + " " + before.commits.Key(); this == "" && w.tried[key] {
			this = notBack
		} else if this == "" {
			w.tried[key] = true
			if this, err = w.from(ctx, before); this == "" || err != nil {
				return "", err
			}
		}
		if why == "" {
			why = this
		}
	}
	if why == "" {
		why = notBack
	}
	return why, nil
}

// step takes a repository back by one step; with a reason, that was not reviewed.
func (w *wayBack) step(ctx context.Context, source string, next state) (state, string, error) {
	m, works, err := w.mergeAt(ctx, source, next.commits)
	switch {
	case err != nil:
		return next, "", err
	case !works:
		return next, fmt.Sprintf("what changes it came from the source %q, on whose pull requests nobody works here", source), nil
	}
	if why := m.unreviewed(w.id); why != "" {
		return next, why, nil
	}
	if m.before == "" {
		return next, notBack, nil
	}
	before := state{maps.Clone(next.commits), next.digest}
	before.commits[source] = m.before
	if _, changes := m.changed[w.id]; changes {
		if m.is[w.id] != next.digest {
			return next, fmt.Sprintf("commit %s does not render to what is to be applied", short(m.commit)), nil
		}
		before.digest = m.was[w.id]
	}
	return before, "", nil
}
