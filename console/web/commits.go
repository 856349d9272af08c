// SPDX-License-Identifier: Apache-2.0

package web

import (
	"cmp"
	"errors"
	"net/http"
	"net/url"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

// commitRow is a commit that was applied to a release.
type commitRow struct {
	Badge                 badge
	ID, Path, Short, Hash string
	// Subject and Author are empty for those who do not see everything.
	Subject, Author string
	First, Last     moment
	Counts, Failed  string
	// Before is the commit that was applied before it; empty: none is known.
	Before string
}

func commitRowOf(a *ask, id catalog.ReleaseID, c console.AppliedCommit, newest bool) commitRow {
	row := commitRow{
		Badge: badge{good, "applied"}, Short: status.Short(c.Commit.Hash), Hash: c.Commit.Hash, Subject: line(c.Commit.Subject, 160), Author: line(c.Commit.Author, 60),
		First: a.moment(c.First), Failed: line(c.Failed, maxMessage), Before: status.Short(c.Before),
		Counts: number.Count(c.Written, "object") + " written",
	}
	if c.Deleted > 0 {
		row.Counts += ", " + number.Count(c.Deleted, "object") + " deleted"
	}
	if c.Last.After(c.First) {
		row.Last = a.moment(c.Last)
	}
	switch {
	case c.Failed != "":
		row.Badge = badge{bad, "failed"}
	case newest:
		row.Badge = badge{good, "applied last"}
	default:
		row.Badge = badge{idle, "applied"}
	}
	row.Path = withQuery(releasePath(id)+join("commits", c.Commit.Hash), nil, "before", c.Before)
	row.ID = "commit-" + row.Short + "-" + cmp.Or(row.Before, "first")
	return row
}

// commits asks for those that were applied to a release. None are shown of a preview, whose commits are those of its pull request.
func (v *releasePage) commits(a *ask, r *status.Release) {
	if a.Commits == nil || a.History == nil || r.Preview != nil {
		return
	}
	all, err := a.sight.Commits(a.request.Context(), a.History, a.Commits, r.ReleaseID)
	if err != nil {
		v.NoCommits = "They cannot be read at the moment; see the daemon's log."
		a.Log.Warn("cannot find the commits of a release", "release", r.String(), "err", errors.Unwrap(err))
		return
	}
	for i, c := range all {
		v.Commits = append(v.Commits, commitRowOf(a, r.ReleaseID, c, i == 0))
	}
	if len(all) == 0 {
		v.NoCommits = "None is known, as far as the history goes back."
	}
}

// commitPage is what the page of a commit shows.
type commitPage struct {
	commitRow

	Release, ReleasePath string
	// Verdict is what the commit did on the whole, and Error why that is not known.
	Verdict, Error string
	Steps          []pullStep
	Unchanged, Cut int
	Command        string
}

func showCommit(a *ask) (shown, error) {
	id := catalog.ReleaseID{Project: a.request.PathValue("project"), Environment: a.request.PathValue("environment"), Cluster: a.request.PathValue("cluster")}
	before := a.one("before")
	if err := a.wrong(); err != nil {
		return shown{}, err
	}
	c, err := a.sight.Change(a.request.Context(), a.History, a.Commits, id, a.request.PathValue("commit"), before)
	if err != nil {
		return shown{}, unreadable(a, err)
	}
	return shown{Title: "Commit " + status.Short(c.Commit.Hash) + " in " + id.String(), View: commitPageOf(a, id, c), Scope: url.Values{"project": {id.Project}}, Still: true}, nil
}

// unreadable is the answer to who asks for what the history cannot say just now.
func unreadable(a *ask, err error) error {
	if problem, is := errors.AsType[*console.Problem](err); is {
		return problem
	}
	a.Log.Warn("cannot query the history", "err", errors.Unwrap(err))
	return problemf(http.StatusServiceUnavailable, "%s", err.Error())
}

// commitPageOf returns what the page shows.
func commitPageOf(a *ask, id catalog.ReleaseID, c console.CommitChange) commitPage {
	v := commitPage{
		commitRow: commitRowOf(a, id, c.AppliedCommit, false), Release: id.String(), ReleasePath: releasePath(id), Error: c.Error, Unchanged: c.Unchanged, Cut: c.Cut,
		Command: "trunkline plan --base " + cmp.Or(status.Short(c.Before), "COMMIT") + " --head " + status.Short(c.Commit.Hash) + " " + id.Project + "/" + id.Environment + "/" + id.Cluster,
	}
	switch c.Action {
	case "create":
		v.Verdict = "All of the release was made by it"
		if c.Before == "" {
			v.Verdict = "Nothing is known from before it: all of the release is shown"
		}
	case "remove":
		v.Verdict = "It does not declare the release any more"
	case "unchanged":
		v.Verdict = "The release renders to the same as before it: what was written was not as declared"
	case "change":
		v.Verdict = number.Count(len(c.Steps), "object") + " changed"
	}
	room := maxDiff
	for _, s := range c.Steps {
		step := pullStep{FactStep: s}
		if room -= len(s.Diff); room >= 0 {
			step.Lines = report.DiffLines(s.Diff)
		} else if s.Diff != "" {
			v.Cut++
		}
		v.Steps = append(v.Steps, step)
	}
	return v
}
