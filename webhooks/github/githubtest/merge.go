// SPDX-License-Identifier: Apache-2.0

package githubtest

import (
	"errors"
	"fmt"
	"net/http"
	"slices"
	"strings"
)

// testMerge tries whether a pull request can be merged, as GitHub does after it was asked: refs/pull/N/merge is the
// result. It is not there, or stale, until then.
func (g *GitHub) testMerge(r *repo, p *pull) error {
	if p.testMerged || p.closed {
		return nil
	}
	if r.git == "" {
		p.mergeable, p.mergeCommit = !p.conflicts, ""
		if p.mergeable {
			p.mergeCommit = name("merge", p.baseSHA, p.headSHA)
		}
		p.testMerged = true
		return nil
	}
	tree, err := g.mergeTrees(r, p.baseSHA, p.headSHA)
	if errors.Is(err, errConflict) {
		p.mergeable, p.testMerged = false, true // the ref stays at the last merge that worked
		return nil
	}
	if err != nil {
		return err
	}
	sha, err := g.commitTree(r, nil, tree, fmt.Sprintf("Merge %s into %s", p.headSHA, p.baseSHA), p.baseSHA, p.headSHA)
	if err != nil {
		return err
	}
	if _, err := g.git(r, "update-ref", fmt.Sprintf("refs/pull/%d/merge", p.number), sha); err != nil {
		return err
	}
	p.mergeable, p.mergeCommit, p.testMerged = true, sha, true
	return nil
}

// asked is what GitHub does when it is asked for a pull request: the answer is of before, and then the merge is tried.
func (g *GitHub) asked(r *repo, p *pull) (answer object, err error) {
	if p.unknown <= 0 {
		if err := g.testMerge(r, p); err != nil {
			return nil, err
		}
	} else {
		p.unknown--
	}
	return g.shapePull(r, p), nil
}

// SettleMerges tries all merges that were not tried yet, as GitHub does in its own time.
func (g *GitHub) SettleMerges() error {
	g.mu.Lock()
	defer g.mu.Unlock()
	var errs []error
	for _, r := range g.sortedRepos() {
		for _, p := range r.pulls {
			p.unknown = 0
			errs = append(errs, g.testMerge(r, p))
		}
	}
	return errors.Join(errs...)
}

// passed reports whether a required check of a commit has passed. One that nobody ever reported has not; one that is
// neutral or skipped has.
func (r *repo) passed(sha, required string) (passed, failed bool) {
	for _, c := range slices.Backward(r.checks) {
		if c.suite.sha == sha && c.name == required {
			done := c.status == "completed"
			ok := slices.Contains([]string{"success", "neutral", "skipped"}, c.conclusion)
			return done && ok, done && !ok
		}
	}
	for _, s := range slices.Backward(r.statuses) {
		if s.sha == sha && s.context == required {
			return s.state == "success", s.state == "failure" || s.state == "error"
		}
	}
	return false, false
}

// blocked says which required check a merge waits for; empty: none.
func (r *repo) blocked(branch, sha string) string {
	for _, required := range r.rules[branch].required {
		if ok, _ := r.passed(sha, required); !ok {
			return fmt.Sprintf("Required status check %q is expected.", required)
		}
	}
	return ""
}

// mergeState sums up what a merge would meet.
func (g *GitHub) mergeState(r *repo, p *pull) string {
	switch {
	case !p.mergeable:
		return "dirty"
	case p.draft:
		return "draft"
	case r.blocked(p.base, p.headSHA) != "":
		return "blocked"
	default:
		return "clean"
	}
}

// Merge presses the button of a pull request: it merges it, or puts it into the queue where the branch has one.
func (r *Repo) Merge(number int, as string) error {
	return r.act(number, as, func(p *pull, who *account) error {
		_, err := r.g.press(r.repo, p, who, "merge", "")
		return err
	})
}

// press merges, or queues, and returns the commit of the merge; empty if it is only queued.
func (g *GitHub) press(r *repo, p *pull, who *account, method, title string) (string, error) {
	refused := func(format string, args ...any) error {
		return &failure{status: http.StatusMethodNotAllowed, message: fmt.Sprintf(format, args...)}
	}
	if err := g.testMerge(r, p); err != nil {
		return "", err
	}
	switch {
	case p.closed:
		return "", refused("Pull Request is not mergeable")
	case p.draft:
		return "", refused("Pull Request is still a draft")
	case !p.mergeable:
		return "", refused("Pull Request is not mergeable")
	case r.rules[p.base].queue:
		return "", g.enqueue(r, p, who)
	}
	if why := r.blocked(p.base, p.headSHA); why != "" {
		return "", refused("%s", why)
	}
	return g.merge(r, p, who, method, title)
}

// merge makes the commit of the merge and moves the base branch to it.
func (g *GitHub) merge(r *repo, p *pull, who *account, method, title string) (string, error) {
	if title == "" {
		title = fmt.Sprintf("Merge pull request #%d from %s/%s\n\n%s", p.number, p.headOwner.login, p.headBranch, p.title)
	}
	parents := []string{p.baseSHA, p.headSHA}
	switch method {
	case "", "merge":
	case "squash":
		parents = parents[:1]
	case "rebase":
		if r.git != "" {
			return g.rebase(r, p, who)
		}
	default:
		return "", invalid("PullRequest", "merge_method", "merge_method is not one of merge, squash and rebase")
	}
	if r.git == "" {
		sha := name("merged", p.baseSHA, p.headSHA, p.number)
		return sha, g.merged(r, p, who, sha)
	}
	tree, err := g.mergeTrees(r, p.baseSHA, p.headSHA)
	if err != nil {
		return "", err
	}
	sha, err := g.commitTree(r, who, tree, title, parents...)
	if err != nil {
		return "", err
	}
	return sha, g.merged(r, p, who, sha)
}

// rebase makes each commit of a pull request again on the base branch, and moves that to the last one.
func (g *GitHub) rebase(r *repo, p *pull, who *account) (string, error) {
	tip := p.baseSHA
	for _, commit := range g.commitsOf(r, p) {
		tree, err := g.pick(r, commit, tip)
		if errors.Is(err, errConflict) {
			return "", &failure{status: http.StatusMethodNotAllowed, message: "This branch can't be rebased"}
		}
		if err != nil {
			return "", err
		}
		message, err := g.git(r, "log", "-1", "--format=%B", commit)
		if err != nil {
			return "", err
		}
		if tip, err = g.commitTree(r, who, tree, strings.TrimSpace(message), tip); err != nil {
			return "", err
		}
		p.rebased = append(p.rebased, tip)
	}
	return tip, g.merged(r, p, who, tip)
}

// pick returns the tree of what a commit changed, on another one. Git before 2.40 merges over no other base than that of the
// history, so that it is given one: two commits, of the two trees, on one of the tree before.
func (g *GitHub) pick(r *repo, commit, onto string) (string, error) {
	before, err := g.commitTree(r, nil, commit+"^^{tree}", "before")
	if err != nil {
		return "", err
	}
	sides := [2]string{onto, commit}
	for i, side := range sides {
		if sides[i], err = g.commitTree(r, nil, side+"^{tree}", "side", before); err != nil {
			return "", err
		}
	}
	return g.mergeTrees(r, sides[0], sides[1])
}

// merged does what follows from a merge.
func (g *GitHub) merged(r *repo, p *pull, who *account, sha string) error {
	p.merged, p.closed, p.mergedBy, p.mergeCommit = true, true, who, sha
	p.mergedAt, p.closedAt, p.edited = g.now(), g.now(), g.now()
	err := g.setBranch(r, p.base, sha, who)
	g.emitPull(r, p, "closed", who, nil)
	return err
}

// Enqueue puts a pull request into the merge queue of its base.
func (r *Repo) Enqueue(number int, as string) error {
	return r.act(number, as, func(p *pull, who *account) error { return r.g.enqueue(r.repo, p, who) })
}

// Dequeue takes a pull request out of the queue.
func (r *Repo) Dequeue(number int, as string) error {
	return r.act(number, as, func(p *pull, who *account) error { r.g.dequeue(r.repo, p, "dequeued", who); return nil })
}

// QueueHead is the commit of the group of a pull request in the queue; empty if it is in none.
func (r *Repo) QueueHead(number int) string {
	r.g.mu.Lock()
	defer r.g.mu.Unlock()
	for _, e := range r.repo.queue {
		if e.pull.number == number {
			return e.head
		}
	}
	return ""
}

func (g *GitHub) enqueue(r *repo, p *pull, who *account) error {
	for _, e := range r.queue {
		if e.pull == p {
			return &failure{status: http.StatusMethodNotAllowed, message: "Pull request is already in the queue"}
		}
	}
	e := &entry{pull: p, by: who}
	if err := g.group(r, e, g.lastOf(r, p.base)); err != nil {
		return err
	}
	r.queue = append(r.queue, e)
	g.emitGroup(r, e, "checks_requested", "", who)
	return nil
}

// lastOf is what the next group is merged into: the last one that waits, or the branch.
func (g *GitHub) lastOf(r *repo, branch string) string {
	last := r.branches[branch]
	for _, e := range r.queue {
		if e.pull.base == branch {
			last = e.head
		}
	}
	return last
}

// group makes the commit of an entry, on a branch of its own.
func (g *GitHub) group(r *repo, e *entry, base string) error {
	p := e.pull
	e.base = base
	e.ref = fmt.Sprintf("gh-readonly-queue/%s/pr-%d-%s", p.base, p.number, base)
	e.head = name("group", base, p.headSHA)
	if r.git != "" {
		tree, err := g.mergeTrees(r, base, p.headSHA)
		if err != nil {
			return err
		}
		message := fmt.Sprintf("Merge pull request #%d from %s/%s\n\n%s", p.number, p.headOwner.login, p.headBranch, p.title)
		if e.head, err = g.commitTree(r, e.by, tree, message, base, p.headSHA); err != nil {
			return err
		}
		if _, err := g.git(r, "update-ref", "refs/heads/"+e.ref, e.head); err != nil {
			return err
		}
	}
	r.branches[e.ref] = e.head
	return nil
}

// drop deletes the branch of an entry and says that its group is no more.
func (g *GitHub) drop(r *repo, e *entry, reason string, who *account) {
	g.emitGroup(r, e, "destroyed", reason, who)
	delete(r.branches, e.ref)
	if r.git != "" {
		if _, err := g.git(r, "update-ref", "-d", "refs/heads/"+e.ref); err != nil {
			g.opts.Log.Error("deleting the branch of a merge group", "err", err)
		}
	}
}

// dequeue takes a pull request out of the queue; the groups behind it are made again without it.
func (g *GitHub) dequeue(r *repo, p *pull, reason string, who *account) {
	at := slices.IndexFunc(r.queue, func(e *entry) bool { return e.pull == p })
	if at < 0 {
		return
	}
	behind := slices.Clone(r.queue[at+1:])
	g.drop(r, r.queue[at], reason, who)
	r.queue = r.queue[:at:at]
	for _, e := range behind {
		if e.pull.base != p.base {
			r.queue = append(r.queue, e)
			continue
		}
		g.drop(r, e, "invalidated", who)
		if err := g.group(r, e, g.lastOf(r, e.pull.base)); err != nil {
			continue // it conflicts now, and is out of the queue as well
		}
		r.queue = append(r.queue, e)
		g.emitGroup(r, e, "checks_requested", "", who)
	}
}

// advance merges what is at the front of the queue and has passed, and takes out what has failed.
func (g *GitHub) advance(r *repo) error {
	for {
		at := slices.IndexFunc(r.queue, func(e *entry) bool { return e.base == r.branches[e.pull.base] })
		if at < 0 {
			return nil
		}
		e := r.queue[at]
		failed, waiting := false, false
		for _, required := range r.rules[e.pull.base].required {
			ok, bad := r.passed(e.head, required)
			failed, waiting = failed || bad, waiting || !ok
		}
		switch {
		case failed:
			g.dequeue(r, e.pull, "dequeued", e.by)
		case waiting:
			return nil
		default:
			r.queue = slices.Delete(r.queue, at, at+1)
			g.drop(r, e, "merged", e.by)
			if err := g.merged(r, e.pull, e.by, e.head); err != nil {
				return err
			}
		}
	}
}

// queueBranch reports whether a branch is one of merge groups.
func queueBranch(branch string) bool { return strings.HasPrefix(branch, "gh-readonly-queue/") }
