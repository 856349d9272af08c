// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"
)

// PullSpec says what a new pull request is like.
type PullSpec struct {
	Title, Body string
	// Author opens it; Base is the default branch if it is empty.
	Author, Base string
	// From is the repository of the head, a fork; nil: the same one. Head is its branch.
	From  *Repo
	Head  string
	Draft bool
	// Labels are set from the start.
	Labels []string
	// Files are what it changes, and Conflicts whether it can be merged, where there is no Git to ask.
	Files     []File
	Conflicts bool
}

// Open opens a pull request and returns its number.
func (r *Repo) Open(spec PullSpec) (int, error) {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	p, err := r.g.open(r.repo, spec)
	if err != nil {
		return 0, err
	}
	return p.number, nil
}

func (g *GitHub) open(r *repo, spec PullSpec) (*pull, error) {
	head := r
	if spec.From != nil {
		head = spec.From.repo
	}
	if spec.Base == "" {
		spec.Base = r.defaultBranch
	}
	baseSHA, headSHA := r.branches[spec.Base], head.branches[spec.Head]
	switch {
	case baseSHA == "":
		return nil, invalid("PullRequest", "base", "base is not a branch: "+spec.Base)
	case headSHA == "":
		return nil, invalid("PullRequest", "head", "head is not a branch: "+spec.Head)
	case headSHA == baseSHA:
		return nil, invalid("PullRequest", "head", "No commits between "+spec.Base+" and "+spec.Head)
	}
	for _, other := range r.pulls {
		if !other.closed && other.head == head && other.headBranch == spec.Head && other.base == spec.Base {
			return nil, invalid("PullRequest", "head", fmt.Sprintf("A pull request already exists for %s:%s.", head.owner.login, spec.Head))
		}
	}
	r.numbers++
	p := &pull{
		id: g.id(), number: r.numbers, title: spec.Title, body: spec.Body, author: g.account(spec.Author, "User"), base: spec.Base, baseSHA: baseSHA,
		head: head, headBranch: spec.Head, headOwner: head.owner, draft: spec.Draft, files: spec.Files, conflicts: spec.Conflicts, created: g.now(), edited: g.now(),
	}
	if err := g.setHead(r, p, headSHA); err != nil {
		return nil, err
	}
	for _, l := range spec.Labels {
		p.labels = append(p.labels, g.label(r, l))
	}
	r.pulls = append(r.pulls, p)
	g.requestChecks(r, headSHA, p.author)
	g.emitPull(r, p, "opened", p.author, nil)
	return p, nil
}

func (g *GitHub) label(r *repo, text string) *label {
	if r.labels[strings.ToLower(text)] == nil {
		r.labels[strings.ToLower(text)] = &label{id: g.id(), name: text}
	}
	return r.labels[strings.ToLower(text)]
}

// setHead has a pull request end at a commit, which the repository of its base has as refs/pull/N/head.
func (g *GitHub) setHead(r *repo, p *pull, sha string) error {
	if r.git != "" {
		if p.head != r {
			if _, err := g.git(r, "fetch", "--quiet", p.head.git, "+refs/heads/"+p.headBranch+":refs/pull/"+fmt.Sprint(p.number)+"/head"); err != nil {
				return err
			}
		} else if _, err := g.git(r, "update-ref", fmt.Sprintf("refs/pull/%d/head", p.number), sha); err != nil {
			return err
		}
	}
	p.headSHA = sha
	g.forgetMerge(p)
	return nil
}

// forgetMerge has the mergeability be unknown. What refs/pull/N/merge holds stays there, and is of older commits.
func (g *GitHub) forgetMerge(p *pull) {
	p.testMerged, p.unknown = false, max(g.opts.UnknownMerges, 0)
}

// findPull finds an open or closed pull request by its number.
func (r *repo) findPull(number int64) *pull {
	for _, p := range r.pulls {
		if int64(p.number) == number {
			return p
		}
	}
	return nil
}

// act does something to a pull request as a person, under the lock.
func (r *Repo) act(number int, as string, do func(p *pull, who *account) error) error {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	p := r.repo.findPull(int64(number))
	if p == nil {
		return fmt.Errorf("%s has no pull request %d", r.repo.fullName(), number)
	}
	return do(p, r.g.account(as, "User"))
}

// Close closes a pull request without merging it.
func (r *Repo) Close(number int, as string) error {
	return r.act(number, as, func(p *pull, who *account) error { return r.g.closePull(r.repo, p, who) })
}

func (g *GitHub) closePull(r *repo, p *pull, who *account) error {
	if p.closed {
		return nil
	}
	p.closed, p.closedAt, p.edited = true, g.now(), g.now()
	g.dequeue(r, p, "dequeued", who)
	g.emitPull(r, p, "closed", who, nil)
	return nil
}

// Reopen opens a pull request again that was closed; its head may have moved in between.
func (r *Repo) Reopen(number int, as string) error {
	return r.act(number, as, func(p *pull, who *account) error { return r.g.setState(r.repo, p, "open", who) })
}

// setState closes a pull request, or opens it again.
func (g *GitHub) setState(r *repo, p *pull, wanted string, who *account) error {
	switch {
	case wanted == state(p):
		return nil
	case wanted == "closed":
		return g.closePull(r, p, who)
	case wanted != "open" || p.merged:
		return invalid("PullRequest", "state", "state cannot be changed")
	case p.head == nil || p.head.branches[p.headBranch] == "":
		return invalid("PullRequest", "state", "state cannot be changed. The repository that submitted this pull request, or its branch, has been deleted.")
	}
	p.closed, p.closedAt, p.edited = false, time.Time{}, g.now()
	p.baseSHA = r.branches[p.base]
	if err := g.setHead(r, p, p.head.branches[p.headBranch]); err != nil {
		return err
	}
	g.emitPull(r, p, "reopened", who, nil)
	return nil
}

// SetDraft converts a pull request to a draft, or says that it is ready for review.
func (r *Repo) SetDraft(number int, draft bool, as string) error {
	return r.act(number, as, func(p *pull, who *account) error {
		p.draft, p.edited = draft, r.g.now()
		action := "ready_for_review"
		if draft {
			action = "converted_to_draft"
		}
		r.g.emitPull(r.repo, p, action, who, nil)
		return nil
	})
}

// Label adds a label, and Unlabel takes it away.
func (r *Repo) Label(number int, text, as string) error {
	return r.act(number, as, func(p *pull, who *account) error { r.g.addLabel(r.repo, p, text, who); return nil })
}

// Unlabel takes a label away.
func (r *Repo) Unlabel(number int, text, as string) error {
	return r.act(number, as, func(p *pull, who *account) error { r.g.removeLabel(r.repo, p, text, who); return nil })
}

func (g *GitHub) addLabel(r *repo, p *pull, text string, who *account) {
	l := g.label(r, text)
	if slices.Contains(p.labels, l) {
		return
	}
	p.labels, p.edited = append(p.labels, l), g.now()
	g.emitPull(r, p, "labeled", who, object{"label": g.shapeLabel(r, l)})
}

func (g *GitHub) removeLabel(r *repo, p *pull, text string, who *account) bool {
	l := g.label(r, text)
	at := slices.Index(p.labels, l)
	if at < 0 {
		return false
	}
	p.labels, p.edited = slices.Delete(p.labels, at, at+1), g.now()
	g.emitPull(r, p, "unlabeled", who, object{"label": g.shapeLabel(r, l)})
	return true
}

// Edit changes the title and the body.
func (r *Repo) Edit(number int, title, body, as string) error {
	return r.act(number, as, func(p *pull, who *account) error {
		changes := object{}
		if title != p.title {
			changes["title"] = object{"from": p.title}
		}
		if body != p.body {
			changes["body"] = object{"from": p.body}
		}
		p.title, p.body, p.edited = title, body, r.g.now()
		r.g.emitPull(r.repo, p, "edited", who, object{"changes": changes})
		return nil
	})
}

// Retarget has a pull request be merged into another branch.
func (r *Repo) Retarget(number int, base, as string) error {
	return r.act(number, as, func(p *pull, who *account) error {
		changes := object{}
		if err := r.g.retarget(r.repo, p, base, changes); err != nil {
			return err
		}
		r.g.emitPull(r.repo, p, "edited", who, object{"changes": changes})
		return nil
	})
}

// retarget has a pull request be merged into another branch, and says what changed.
func (g *GitHub) retarget(r *repo, p *pull, base string, changes object) error {
	sha := r.branches[base]
	if sha == "" {
		return invalid("PullRequest", "base", "base is not a branch: "+base)
	}
	changes["base"] = object{"ref": object{"from": p.base}, "sha": object{"from": p.baseSHA}}
	p.base, p.baseSHA, p.edited = base, sha, g.now()
	g.forgetMerge(p)
	return nil
}

// Comment writes a comment on a pull request and returns its id.
func (r *Repo) Comment(number int, body, as string) (id int64, err error) {
	err = r.act(number, as, func(p *pull, who *account) error {
		id = r.g.addComment(r.repo, p, body, caller{user: who}).id
		return nil
	})
	return id, err
}

// Review says that someone approves a pull request as it is ("APPROVED"), wants changes ("CHANGES_REQUESTED") or only says
// something ("COMMENTED").
func (r *Repo) Review(number int, state, as string) error {
	return r.act(number, as, func(p *pull, who *account) error {
		if !slices.Contains([]string{"APPROVED", "CHANGES_REQUESTED", "COMMENTED", "DISMISSED"}, state) {
			return fmt.Errorf("%q is no state of a review", state)
		}
		if strings.EqualFold(who.login, p.author.login) && state != "COMMENTED" {
			return errors.New("authors do not review their own pull requests")
		}
		p.reviews = append(p.reviews, &review{id: r.g.id(), user: who, state: state, commit: p.headSHA, created: r.g.now()})
		p.edited = r.g.now()
		r.g.emitReview(r.repo, p, p.reviews[len(p.reviews)-1])
		return nil
	})
}
