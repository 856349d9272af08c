// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"

	"trunkline.dev/trunkline/webhooks/report"
)

// openCheck makes sure that the head has a check. One that was concluded for something else, or that is to run again, is
// followed by a new one: annotations are only ever added, so that those of the old one would stay. One that says that
// nothing is known has none, and stays until something is.
func (e *Engine) openCheck(ctx context.Context, p Pull, s *pullState, subject string, rerun bool) error {
	if s.check.SHA != p.Head.SHA {
		if err := e.recallCheck(ctx, p, s); err != nil {
			return err
		}
		if err := e.supersede(ctx, s); err != nil {
			return err
		}
		var found Check
		if !e.unchecked(p, s) {
			var err error
			if found, _, err = e.opts.Forge.FindCheck(ctx, p.Head.SHA, e.opts.CheckName); err != nil {
				return err
			}
		}
		s.check = found
		if len(s.seen) < maxSeen && !slices.Contains(s.seen, p.Head.SHA) {
			s.seen = append(s.seen, p.Head.SHA)
		}
	}
	switch c := s.check; {
	case c.ID == 0, c.State.Final() && (rerun || c.ExternalID != subject && c.ExternalID != unknownSubject):
	default:
		return nil
	}
	c := Check{Name: e.opts.CheckName, SHA: p.Head.SHA, ExternalID: subject, State: Queued, Title: "Waiting to be evaluated"}
	id, err := e.opts.Forge.CreateCheck(ctx, c)
	if err != nil {
		s.check = Check{} // it may have been made all the same
		return err
	}
	c.ID = id
	s.check = c
	return nil
}

// recallCheck finds the check that a process before this one may have left open: that of the head which was fetched last, and
// which a push has replaced since, by force or not.
func (e *Engine) recallCheck(ctx context.Context, p Pull, s *pullState) error {
	if len(s.seen) > 0 || p.Number == 0 {
		return nil
	}
	before, err := e.opts.Repository.Fetched(p.Number)
	if err != nil || before == "" || before == p.Head.SHA {
		return err
	}
	found, _, err := e.opts.Forge.FindCheck(ctx, before, e.opts.CheckName)
	if err != nil {
		return err
	}
	s.check = found
	return nil
}

// supersede concludes the check of the head before, if a newer push ended the work on it, so that none is left open. Another pull
// request with that head concludes it itself.
func (e *Engine) supersede(ctx context.Context, s *pullState) error {
	if s.check.ID == 0 || s.check.State.Final() || len(e.pullsAt(s.check.SHA)) > 0 {
		return nil
	}
	c := s.check
	c.State, c.Title = Failure, "Not evaluated: a newer push came before"
	if err := e.opts.Forge.UpdateCheck(ctx, c); err != nil {
		return err
	}
	s.check = c
	return nil
}

// unchecked reports whether a head cannot have a check of ours, so that the forge need not be asked for it: this process saw the
// pull request at another head first, so that no process before it was told of this one, and has not met this one itself, here or
// at another pull request.
func (e *Engine) unchecked(p Pull, s *pullState) bool {
	if len(s.seen) == 0 || len(s.seen) >= maxSeen || slices.Contains(s.seen, p.Head.SHA) {
		return false
	}
	e.mu.Lock()
	shared := len(e.heads[p.Head.SHA]) > 0
	e.mu.Unlock()
	return !shared && len(e.pullsAt(p.Head.SHA)) <= 1
}

// maxSeen bounds the heads of a pull request that are remembered; after that the forge is asked.
const maxSeen = 200

// conclude writes the verdict into the check.
func (e *Engine) conclude(ctx context.Context, p Pull, s *pullState, subject string, r report.Review) error {
	if r.Outcome == report.Unknown {
		subject = unknownSubject // so that it is looked at again, also by another process
	}
	text := report.Check(r)
	c := Check{
		ID: s.check.ID, Name: e.opts.CheckName, SHA: p.Head.SHA, ExternalID: subject, State: stateOf(r.Outcome),
		Title: text.Title, Summary: text.Summary, Text: text.Text, Annotations: e.annotations(text), DetailsURL: r.ReportURL,
	}
	worst, others := e.verdict(p.Head.SHA, p.Number, c.State)
	if worst != c.State {
		c.State = worst
		c.Title = fmt.Sprintf("%s; %s does not pass", c.Title, strings.Join(others, ", "))
	}
	wrote := digest(fmt.Sprintf("%#v", c))
	if s.wrote == wrote {
		return nil
	}
	if err := e.opts.Forge.UpdateCheck(ctx, c); err != nil {
		return err
	}
	s.check, s.wrote = c, wrote
	s.check.Annotations, s.check.Summary, s.check.Text = nil, "", "" // they are told, and large
	return nil
}

// abandonCheck concludes a check that nobody waits for any more, so that none is left open.
func (e *Engine) abandonCheck(ctx context.Context, p Pull, s *pullState, title string) error {
	if s.check.SHA != p.Head.SHA {
		found, ok, err := e.opts.Forge.FindCheck(ctx, p.Head.SHA, e.opts.CheckName)
		if err != nil {
			return err
		}
		if s.check = found; !ok {
			s.check = Check{SHA: p.Head.SHA}
		}
	}
	if s.check.ID == 0 || s.check.State.Final() {
		return nil
	}
	c := s.check
	c.State, c.Title, c.ExternalID = Failure, title, unknownSubject // it may be opened again
	if err := e.opts.Forge.UpdateCheck(ctx, c); err != nil {
		return fmt.Errorf("concluding the check of pull request #%d, which is not open any more: %w", p.Number, err)
	}
	s.check = c
	return nil
}

// verdict accepts the verdict on a pull request, and returns the one on its head, as [heads.worst] does. The others that
// share a head are looked at again if that changes whether it passes: the newest check of a commit counts, and may be theirs.
func (e *Engine) verdict(sha string, pull int, state CheckState) (CheckState, []string) {
	e.mu.Lock()
	defer e.mu.Unlock()
	if pull != 0 && e.heads[sha][pull] == "" {
		e.lookAgain(e.heads.others(pull)) // those at its former head may pass now
	}
	before, _ := e.heads.worst(sha, 0)
	e.heads.set(sha, pull, state)
	worst, others := e.heads.worst(sha, pull)
	if (before == Failure) != (worst == Failure) {
		e.lookAgain(e.heads.others(pull))
	}
	return worst, others
}

// leave drops the verdict on a pull request. Others that share its check may pass now.
func (e *Engine) leave(pull int) {
	e.mu.Lock()
	defer e.mu.Unlock()
	e.lookAgain(e.heads.others(pull))
	e.heads.forget(pull)
}

// lookAgain has pull requests looked at again, with a new check. The caller holds the lock.
func (e *Engine) lookAgain(pulls []int) {
	for _, number := range pulls {
		if s := e.pulls[number]; s != nil {
			s.rerun.Store(true)
			e.queue.work.Add(key{pull: number})
		}
	}
}

// stateOf returns the state of a check. What is not known does not pass.
func stateOf(o report.Outcome) CheckState {
	switch o {
	case report.Passed:
		return Success
	case report.Untouched:
		return Neutral
	case report.Running:
		return InProgress
	default:
		return Failure
	}
}

// annotations are those of a check, as far as they are about files of the repository.
func (e *Engine) annotations(text report.CheckText) []Annotation {
	out := make([]Annotation, 0, len(text.Annotations))
	for _, a := range text.Annotations {
		path := e.opts.Repository.Path(a.Path)
		if path == "" {
			continue
		}
		out = append(out, Annotation{Path: path, Line: a.Line, EndLine: a.EndLine, Level: AnnotationLevel(a.Level), Title: a.Title, Message: a.Message})
	}
	return out
}

// heads are the verdicts on the pull requests that have the same commit as their head, and so share its check: it passes only
// if all do.
type heads map[string]map[int]CheckState

func (h heads) set(sha string, pull int, s CheckState) {
	h.forget(pull)
	if h[sha] == nil {
		h[sha] = map[int]CheckState{}
	}
	h[sha][pull] = s
}

// forget drops a pull request.
func (h heads) forget(pull int) {
	for sha, pulls := range h {
		if delete(pulls, pull); len(pulls) == 0 {
			delete(h, sha)
		}
	}
}

// others are the pull requests that share a head with one.
func (h heads) others(pull int) (out []int) {
	for _, pulls := range h {
		if _, ok := pulls[pull]; !ok {
			continue
		}
		for number := range pulls {
			if number != pull {
				out = append(out, number)
			}
		}
	}
	return out
}

// worst returns the verdict on a commit, and which others than the given pull request it is for, if it is not for that one.
func (h heads) worst(sha string, pull int) (CheckState, []string) {
	rank := func(s CheckState) int { return slices.Index([]CheckState{Neutral, Success, Failure}, s) }
	state := h[sha][pull]
	var others []string
	for _, number := range slices.Sorted(maps.Keys(h[sha])) {
		switch s := h[sha][number]; {
		case number == pull || rank(s) < rank(state):
		case rank(s) > rank(state):
			state, others = s, []string{fmt.Sprintf("#%d", number)}
		case len(others) > 0:
			others = append(others, fmt.Sprintf("#%d", number))
		}
	}
	return state, others
}
