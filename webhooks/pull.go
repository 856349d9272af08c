// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"
	"sync/atomic"
	"time"

	"trunkline.dev/trunkline/plan/previews"
	"trunkline.dev/trunkline/webhooks/report"
)

// pullState is what is known of a pull request. Only the worker on it uses it, but for what is atomic.
type pullState struct {
	// head is the newest head that the forge told of when it was asked, and told the one of the newest event.
	head, told atomic.Value // strings
	// ownComment is the id of our comment, once it is known.
	ownComment atomic.Int64
	// rerun is set when someone asked for the check to run again.
	rerun atomic.Bool
	// commented is set when someone wrote a comment.
	commented atomic.Bool
	// since is when the first event came of what was not looked at since, in nanoseconds; 0: none has.
	since atomic.Int64

	// begun are the comments whose commands this process has begun to do, and answered what came of them.
	begun    map[int64]bool
	answered map[int64]report.Answer

	// ended is set once there is nothing to do for it any more.
	ended atomic.Bool

	// reviewed identifies what the check and the comment tell of; empty if that is not known.
	reviewed string
	check    Check
	// seen are the heads that were looked at since the start, of which the forge was asked for checks or which got one.
	seen []string
	// wrote identifies what was written into the check.
	wrote string
	// unknown is how often in a row nothing could be found out.
	unknown int
	// comment is ours, if it was looked for; its ID is zero if there is none.
	comment *Comment
	// substance identifies what the comment says, but for when it was found out.
	substance string
	// followed is what becomes of it after the merge.
	followed followed
	// own is its own environment.
	own own
}

// Reviewed is a review that was written, and when it was how far.
type Reviewed struct {
	Pull    Pull
	Outcome report.Outcome
	// Told is when an event told of it; zero: it was found by looking. Opened is when the check was begun, Evaluated when it was known
	// what to say, and Commented and Concluded are when it was said.
	Told, Began, Opened, Evaluated, Commented, Concluded time.Time
}

// toldOf notes when an event came, if none is waiting.
func (s *pullState) toldOf(now time.Time) { s.since.CompareAndSwap(0, now.UnixNano()) }

// review keeps the check and the comment of an open pull request as they should be.
func (e *Engine) review(ctx context.Context, p Pull, s *pullState) (time.Duration, error) {
	done := Reviewed{Pull: p, Began: e.opts.Now()}
	if at := s.since.Swap(0); at != 0 {
		done.Told = time.Unix(0, at)
	}
	if p.Base.Ref != e.opts.Trunk.Branch() {
		return 0, e.elsewhere(ctx, p, s)
	}
	logins, err := e.logins(ctx, p)
	if err != nil {
		return 0, err
	}
	tip := e.opts.Trunk.Tip()
	subject := identity(p, tip+e.joint(), logins)
	s.own.subject, s.own.logins = fmt.Sprintf("%s %q %v", subject, p.Labels, p.Draft), logins
	rerun := s.rerun.Swap(false)
	if s.reviewed == subject && !rerun {
		return 0, nil
	}
	s.reviewed = "" // until the check says so again
	if err := e.openCheck(ctx, p, s, subject, rerun); err != nil {
		return 0, retryRerun(s, rerun, fmt.Errorf("opening the check of pull request #%d: %w", p.Number, err))
	}
	if s.check.State.Final() && s.check.ExternalID == subject {
		s.reviewed = subject // by the process before this one
		e.verdict(p.Head.SHA, p.Number, s.check.State)
		return 0, nil
	}
	done.Opened = e.opts.Now()
	var w wish
	r, again, err := e.examine(ctx, p, func(ctx context.Context) (r report.Review, err error) {
		r, w, err = e.look(ctx, p, tip, logins, s.own.askedFor(e.rules()))
		return r, err
	})
	if err != nil {
		return 0, err // it was cancelled: for a newer push, or since the daemon ends
	}
	done.Outcome, done.Evaluated = r.Outcome, e.opts.Now()
	shown := r
	if len(e.rules()) > 0 {
		s.own.saw(w, r)
		f, _, err := e.foresee(ctx, p, s)
		if err != nil {
			return 0, fmt.Errorf("finding out about the preview of #%d: %w", p.Number, err)
		}
		shown.Preview = e.ownLine(p, s, f)
	}
	if err := e.writeComment(ctx, p, s, shown); err != nil {
		return 0, fmt.Errorf("writing the comment on pull request #%d: %w", p.Number, err)
	}
	done.Commented = e.opts.Now()
	if err := e.conclude(ctx, p, s, subject, r); err != nil {
		return 0, fmt.Errorf("concluding the check of pull request #%d: %w", p.Number, err)
	}
	done.Concluded = e.opts.Now()
	e.opts.Observe(done)
	e.opts.Log.Info("pull request reviewed", "pull", p.Number, "head", p.Head.SHA, "outcome", string(r.Outcome), "took", r.Took)
	if r.Outcome == report.Unknown && again > 0 {
		again = min(again<<s.unknown, muchLater)
		s.unknown = min(s.unknown+1, 10)
		return again, nil
	}
	s.reviewed, s.unknown = subject, 0
	return 0, nil
}

// elsewhere ends what was begun for a pull request that is to be merged into what does not run. It gets no check: a
// check is of a commit, so that one which passes would count for a pull request into the trunk with the same head as well.
func (e *Engine) elsewhere(ctx context.Context, p Pull, s *pullState) error {
	into := fmt.Sprintf("it is to be merged into %s, and what runs is %s", p.Base.Ref, e.opts.Trunk.Follows())
	if e.opts.Trunk.Follows() == "" {
		into = fmt.Sprintf("the platform includes no repository as %q", e.opts.Source)
	}
	r := report.Review{Outcome: report.Untouched, Notes: []string{into}, Head: p.Head.SHA, BaseRef: p.Base.Ref, At: e.opts.Now(), Secretless: p.Fork}
	if err := e.writeComment(ctx, p, s, r); err != nil {
		return fmt.Errorf("writing the comment on pull request #%d: %w", p.Number, err)
	}
	e.leave(p.Number)
	s.reviewed = ""
	s.rerun.Store(true) // once it is to be merged into the trunk again
	return e.abandonCheck(ctx, p, s, "Not evaluated: "+into)
}

// unknownSubject is what a check is concluded with that says that nothing is known.
const unknownSubject = "trunkline:unknown"

// retryRerun has a rerun that failed early remembered, and returns the error.
func retryRerun(s *pullState, rerun bool, err error) error {
	if rerun {
		s.rerun.Store(true)
	}
	return err
}

// The first and the last wait before what could not be found out is tried again.
const (
	soonAgain = 30 * time.Second
	muchLater = 10 * time.Minute
)

// examine finds out what there is to tell of a pull request. What goes wrong is part of that, and then a wait says when to
// look again; an error says that the work was cancelled.
func (e *Engine) examine(ctx context.Context, p Pull, look func(context.Context) (report.Review, error)) (report.Review, time.Duration, error) {
	began := e.opts.Now()
	limited, cancel := context.WithTimeout(ctx, e.opts.Limit)
	defer cancel()
	r, err := look(limited)
	if ctx.Err() != nil {
		return r, 0, context.Cause(ctx)
	}
	var again time.Duration
	if err != nil {
		r, again = report.Review{Outcome: report.Unknown, Trouble: e.trouble(err)}, soonAgain
		if _, refused := errors.AsType[*RefusalError](err); refused {
			again = 0
		} else if errors.Is(err, context.DeadlineExceeded) {
			again = muchLater
		}
		e.opts.Log.Warn("cannot evaluate a pull request", "pull", p.Number, "head", p.Head.SHA, "err", err.Error())
	}
	r.Head, r.Base, r.BaseRef = p.Head.SHA, e.opts.Trunk.Tip(), p.Base.Ref
	r.At = e.opts.Now()
	r.Took = r.At.Sub(began)
	r.Secretless = p.Fork
	r.RulesURL = e.opts.Links.Rules
	r.ReportURL, r.PageURL = e.keepReport(p, r), e.pageOf(p.Number)
	return r, again, nil
}

// look evaluates a pull request, and finds out what it would have as its preview: after the environment that someone asked
// for, if none is declared for it.
func (e *Engine) look(ctx context.Context, p Pull, tip string, logins []string, asked string) (r report.Review, w wish, err error) {
	merge, err := e.opts.Repository.Merge(ctx, p, tip)
	if err != nil {
		return r, w, fmt.Errorf("merging %s into %s: %w", short(p.Head.SHA), short(tip), err)
	}
	if len(merge.Conflicts) > 0 {
		return report.Review{Outcome: report.Conflict, Conflicts: merge.Conflicts}, wish{verdict: previews.Refused}, nil
	}
	c, err := e.evaluate(ctx, tip, merge.Tree, logins)
	if err != nil {
		return r, w, err
	}
	if r, err = reviewOf(c, e.opts.Now()); err != nil {
		return r, w, err
	}
	if r.Cost != nil {
		r.Cost.Accuracy = e.opts.Accuracy()
	}
	r.Merged = merge.ID
	if len(e.rules()) > 0 {
		w, err = e.wishOf(ctx, p, c, r.Outcome, logins, asked)
	}
	return r, w, err
}

// trouble puts an error into words for people: what is none of theirs stays in the log.
func (e *Engine) trouble(err error) string {
	switch {
	case errors.Is(err, context.DeadlineExceeded):
		return fmt.Sprintf("the evaluation took longer than %s and was ended", e.opts.Limit)
	case errors.Is(err, errNotReady):
		return errNotReady.Error()
	}
	if refusal, ok := errors.AsType[*RefusalError](err); ok {
		return refusal.Error()
	}
	return "it could not be found out what a merge would do, by no fault of the change; the daemon's log says why"
}

// logins are those of who made and approved the head, the author first.
func (e *Engine) logins(ctx context.Context, p Pull) ([]string, error) {
	approvals, err := e.opts.Forge.Approvals(ctx, p.Number, p.Head.SHA)
	if err != nil {
		return nil, fmt.Errorf("reading who approved pull request #%d: %w", p.Number, err)
	}
	var logins []string
	logins = append(logins, maker(p))
	for _, login := range union(approvals, nil) {
		if login != p.Author {
			logins = append(logins, login)
		}
	}
	return logins, nil
}

// maker returns who made the head, as far as that can be told; what is no login owns nothing. Anybody can open a pull request
// of anybody's fork, into which its owner pushes what they like: who opened it made it only if the fork is their own.
func maker(p Pull) string {
	switch {
	case p.Author == "":
		return "someone whose account was deleted"
	case p.Fork && !strings.EqualFold(p.HeadOwner, p.Author):
		return p.Author + " (for a fork of someone else)"
	}
	return p.Author
}

// identity identifies what a review is of: anything else is reviewed again.
func identity(p Pull, tip string, logins []string) string {
	h := sha256.New()
	_, _ = fmt.Fprintf(h, "%d %s %s %s %q", p.Number, p.Head.SHA, p.Base.Ref, tip, logins) // a hash never fails
	return "trunkline:" + hex.EncodeToString(h.Sum(nil)[:16])
}

// writeComment brings the comment up to date. It is written only if it says something else than when it was found out.
func (e *Engine) writeComment(ctx context.Context, p Pull, s *pullState, r report.Review) error {
	if s.comment == nil {
		found, err := e.findComment(ctx, p.Number, isReview)
		if err != nil {
			return err
		}
		s.comment = &found
		s.ownComment.Store(found.ID)
	}
	if r.Outcome == report.Untouched && s.comment.ID == 0 {
		return nil // the check says all that there is to say
	}
	previous, _ := report.ParseComment(s.comment.Body)
	timeless := r
	timeless.At, timeless.Took = time.Time{}, 0
	substance := digest(report.Comment(timeless, previous))
	if substance == s.substance {
		return nil
	}
	body := report.Comment(r, previous)
	if s.comment.ID == 0 {
		made, err := e.opts.Forge.CreateComment(ctx, p.Number, body)
		if err != nil {
			s.comment = nil // it may have been made all the same
			return err
		}
		s.comment.ID = made.ID
		s.ownComment.Store(made.ID)
	} else if err := e.opts.Forge.EditComment(ctx, s.comment.ID, body); errors.Is(err, ErrNotFound) {
		s.comment = nil // someone deleted it
		return fmt.Errorf("it was deleted, and is made again: %w", err)
	} else if err != nil {
		return err
	}
	s.comment.Body = body
	after, _ := report.ParseComment(body)
	s.substance = digest(report.Comment(timeless, after))
	return nil
}

func isReview(body string) bool {
	_, ok := report.ParseComment(body)
	return ok
}

// findComment returns our comment of a kind on a pull request; without an ID if there is none.
func (e *Engine) findComment(ctx context.Context, number int, is func(body string) bool) (Comment, error) {
	comments, err := e.opts.Forge.CommentsOf(ctx, number)
	if err != nil {
		return Comment{}, err
	}
	for _, c := range comments {
		if c.Ours && is(c.Body) {
			return c, nil
		}
	}
	return Comment{}, nil
}

func digest(text string) string {
	sum := sha256.Sum256([]byte(text))
	return hex.EncodeToString(sum[:])
}
