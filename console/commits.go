// SPDX-License-Identifier: Apache-2.0

package console

import (
	"context"
	"errors"
	"net/http"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

const (
	// maxApplied is how many commits of a release are told of, and maxRuns of how many of its runs they are found.
	maxApplied, maxRuns = 50, history.MaxLimit
	// betweenTimeout bounds how long it may take to find out what a commit changed.
	betweenTimeout = 30 * time.Second
)

// Commits are those of the repository.
type Commits interface {
	// Between returns what a commit makes of the objects of a release that are as another commit declares them; an empty from is none. Values of
	// Secrets are in none of it. Its error is for people.
	Between(ctx context.Context, id catalog.ReleaseID, from, to string) (Difference, error)
	// Describe returns what is known of a commit; of one that is not there any more, its hash.
	Describe(commit string) status.Commit
}

// AppliedCommit is a commit by which objects of a release were written or deleted.
type AppliedCommit struct {
	// Commit has more than its hash for those who see all that it may be about.
	Commit status.Commit `json:"commit"`
	// Before is the commit that was applied before it; empty if none is known.
	Before string `json:"before,omitempty"`
	// First is when it was applied, and Last when something was written or deleted by it last.
	First time.Time `json:"first"`
	Last  time.Time `json:"last"`
	// Written and Deleted count objects, each as often as it was; Failed is why the last of it failed, and empty if that did not.
	Written int    `json:"written"`
	Deleted int    `json:"deleted"`
	Failed  string `json:"failed,omitempty"`
}

// AppliedCommits are those of a release, the newest first. A commit that was gone back to is among them once more.
type AppliedCommits struct {
	Items []AppliedCommit `json:"items"`
}

// Difference is what a commit changed of a release.
type Difference struct {
	// Action is what became of the release as a whole, such as "change", and Steps of its objects.
	Action string            `json:"action"`
	Steps  []report.FactStep `json:"steps"`
	// Unchanged counts the objects that stayed as they were.
	Unchanged int `json:"unchanged"`
	// Error is why it is not known; empty if it is.
	Error string `json:"error,omitempty"`
	// Cut counts the objects whose differences are left out for want of room.
	Cut int `json:"cut,omitempty"`
}

// CommitChange is what an applied commit changed.
type CommitChange struct {
	AppliedCommit
	Difference
}

// applied finds the commits in what happened to a release, which begins with the newest. Commits by which nothing was written or deleted, as
// those that are about something else, have left no trace in it.
func applied(events []history.Event) []AppliedCommit {
	out := []AppliedCommit{}
	for _, e := range events {
		if e.Commit == "" || e.Applied+e.Pruned == 0 {
			continue
		}
		if n := len(out) - 1; n < 0 || out[n].Commit.Hash != e.Commit {
			if n >= 0 {
				out[n].Before = e.Commit
			}
			if len(out) == maxApplied {
				return out
			}
			out = append(out, AppliedCommit{Commit: status.Commit{Hash: e.Commit}, Last: e.Time})
			if e.Kind == history.Failed {
				out[len(out)-1].Failed = e.Message
			}
		}
		c := &out[len(out)-1]
		c.First = e.Time
		c.Written, c.Deleted = c.Written+e.Applied, c.Deleted+e.Pruned
	}
	return out
}

// commits are those that were applied to a release, as far as a caller sees them.
func (s *sight) commits(ctx context.Context, past History, from Commits, id catalog.ReleaseID) ([]AppliedCommit, error) {
	switch {
	case past == nil:
		return nil, problemf(http.StatusNotFound, "this daemon keeps no history: it was started with --history off")
	case from == nil:
		return nil, problemf(http.StatusNotFound, "this daemon does not say what commits have changed")
	}
	ctx, cancel := context.WithTimeout(ctx, historyTimeout)
	defer cancel()
	page, err := past.Query(ctx, history.Filter{Release: id, Kinds: []history.Kind{history.Ran, history.Failed}, Limit: maxRuns})
	if err != nil {
		return nil, &unreadError{err}
	}
	// The history answers for what it was asked; a caller gets what is of the release all the same.
	var own []history.Event
	for _, e := range page.Events {
		if e.Release == id {
			own = append(own, e)
		}
	}
	all := applied(own)
	if page.Next != 0 && len(all) > 0 && all[len(all)-1].Before == "" {
		all = all[:len(all)-1] // what was before it is not known
	}
	for i := range all {
		if s.whole { // what a commit says, and who made it, may be about others
			all[i].Commit = from.Describe(all[i].Commit.Hash)
		}
	}
	return all, nil
}

// unreadError says that the history could not be read. Where the database is, and what is wrong with it, is for whoever runs the daemon.
type unreadError struct{ err error }

func (e *unreadError) Error() string {
	return "the history cannot be read at the moment; see the daemon's log"
}
func (e *unreadError) Unwrap() error { return e.err }

// commitChange is what an applied commit changed: the last time that it was applied, or the one after a commit. Only what was applied to the release
// is compared: other commits that the daemon has may be of pull requests that nobody has accepted.
func (s *sight) commitChange(ctx context.Context, past History, from Commits, id catalog.ReleaseID, commit, before string) (CommitChange, error) {
	all, err := s.commits(ctx, past, from, id)
	if err != nil {
		return CommitChange{}, err
	}
	for _, a := range all {
		if a.Commit.Hash != commit || before != "" && a.Before != before {
			continue
		}
		ctx, cancel := context.WithTimeout(ctx, betweenTimeout)
		defer cancel()
		d, err := from.Between(ctx, id, a.Before, commit)
		if err != nil {
			d = Difference{Action: "fail", Error: "what it changed cannot be shown: " + err.Error()}
		}
		if d.Steps == nil {
			d.Steps = []report.FactStep{}
		}
		return CommitChange{a, d}, nil
	}
	return CommitChange{}, problemf(http.StatusNotFound, "the commit %s was not applied to %s, as far as the history goes back", shown(commit), id)
}

// applied answers with the commits that were applied to a release.
func (c *console) applied(w http.ResponseWriter, r *http.Request) error {
	if err := newQuery(r).done(); err != nil {
		return err
	}
	all, err := c.sight(r).commits(r.Context(), c.opts.History, c.opts.Commits, releaseOf(r))
	if err != nil {
		return c.unread(err)
	}
	c.answer(w, http.StatusOK, AppliedCommits{all})
	return nil
}

// commit answers with what a commit changed of a release.
func (c *console) commit(w http.ResponseWriter, r *http.Request) error {
	q := newQuery(r)
	before := q.one("before")
	if err := q.done(); err != nil {
		return err
	}
	change, err := c.sight(r).commitChange(r.Context(), c.opts.History, c.opts.Commits, releaseOf(r), r.PathValue("commit"), before)
	if err != nil {
		return c.unread(err)
	}
	c.answer(w, http.StatusOK, change)
	return nil
}

// unread is what a caller is told of an error of the history.
func (c *console) unread(err error) error {
	unread, is := errors.AsType[*unreadError](err)
	if !is {
		return err
	}
	c.opts.Log.Warn("cannot query the history", "err", unread.err.Error())
	return problemf(http.StatusServiceUnavailable, "%s", unread.Error())
}

// Commits are those that were applied to a release, the newest first, as far as the caller sees them.
func (s Sight) Commits(ctx context.Context, past History, from Commits, id catalog.ReleaseID) ([]AppliedCommit, error) {
	if s.s == nil {
		return nil, unseen()
	}
	return s.s.commits(ctx, past, from, id)
}

// Change is what an applied commit changed of a release: the last time that it was applied, or the one after a commit.
func (s Sight) Change(ctx context.Context, past History, from Commits, id catalog.ReleaseID, commit, before string) (CommitChange, error) {
	if s.s == nil {
		return CommitChange{}, unseen()
	}
	return s.s.commitChange(ctx, past, from, id, commit, before)
}
