// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/api/v1alpha1"
	"trunkline.dev/trunkline/docs/rules"
	"trunkline.dev/trunkline/policy"
	"trunkline.dev/trunkline/webhooks/report"
)

const (
	// commandsFor is how old a comment may be whose commands are done: what nobody answered for so long, nobody waits for.
	commandsFor = 24 * time.Hour
	// maxReplies bounds the replies on one pull request, so that nobody makes us write without end.
	maxReplies = 100
	// maxRepliesEach bounds those to one person, so that nobody uses them up for others.
	maxRepliesEach = 20
)

// answer does what comments on a pull request ask for, and replies to each. A reply names the comment that it answers,
// which is the memory of what was done.
func (e *Engine) answer(ctx context.Context, p Pull, s *pullState) error {
	if !s.commented.Swap(false) {
		return nil
	}
	err := e.answerAll(ctx, p, s)
	if err != nil {
		s.commented.Store(true)
		err = fmt.Errorf("answering comments on pull request #%d: %w", p.Number, err)
	}
	return err
}

func (e *Engine) answerAll(ctx context.Context, p Pull, s *pullState) error {
	comments, err := e.opts.Forge.CommentsOf(ctx, p.Number)
	if err != nil {
		return err
	}
	s.own.recallActs(comments)
	replied, given := replies(comments)
	for _, c := range comments {
		if c.Ours || replied[c.ID] || e.opts.Now().Sub(c.Created) > commandsFor || given.total >= maxReplies || given.to[c.Author] >= maxRepliesEach {
			continue
		}
		commands := commandsIn(c.Body)
		if len(commands) == 0 {
			continue
		}
		a, err := e.once(ctx, p, s, c, commands)
		if err != nil {
			return err
		}
		if given.before(c.Author, a.Kind) {
			continue // it was said to them before
		}
		reply, err := e.opts.Forge.CreateComment(ctx, p.Number, report.Reply(a))
		if err != nil {
			return err
		}
		s.own.did(reply.ID, reply.Created, a.Acts)
		given.add(c.Author, a.Kind)
	}
	return nil
}

// once does the commands of a comment, unless this process did before: then only the reply is missing. A reaction is the mark
// of an earlier process, which stays where a reply may be deleted.
func (e *Engine) once(ctx context.Context, p Pull, s *pullState, c Comment, commands []command) (report.Answer, error) {
	if a, done := s.answered[c.ID]; done {
		return a, nil
	}
	if s.begun == nil {
		s.begun, s.answered = map[int64]bool{}, map[int64]report.Answer{}
	}
	added, err := e.opts.Forge.React(ctx, c.ID, "eyes")
	if added || err != nil {
		s.begun[c.ID] = true // also if only the answer is lost
	}
	if err != nil {
		return report.Answer{}, err
	}
	a, err := e.answers(ctx, p, s, c, commands)
	if err != nil {
		return report.Answer{}, err
	}
	a.To = c.ID
	s.answered[c.ID] = a
	return a, nil
}

// wasEdited is why a comment does nothing that runs.
const wasEdited = "the comment was edited, and who may write to the repository can edit those of others; write it in a new one"

func edited(c Comment) bool { return c.Updated.After(c.Created) }

// doubt says why what a comment asks for is not done although its author may; empty: it is done.
func (s *pullState) doubt(c Comment) string {
	switch {
	case edited(c):
		return wasEdited
	case !s.begun[c.ID]:
		return "it was begun before, and what came of it is not known: look at the status, and write it in a new comment if it is still to be done"
	}
	return ""
}

// given is what was replied to whom.
type given struct {
	total int
	to    map[string]int
	once  map[string]bool
}

// before reports whether a reply was given before that is given to each person once.
func (g *given) before(login string, kind report.AnswerKind) bool {
	return (kind == report.NotAllowed || kind == report.UnknownCommand) && g.once[login+" "+string(kind)]
}

func (g *given) add(login string, kind report.AnswerKind) {
	g.total++
	g.to[login]++
	g.once[login+" "+string(kind)] = true
}

// replies returns the comments that have a reply of ours, and what was replied to whom.
func replies(comments []Comment) (map[int64]bool, *given) {
	authors := map[int64]string{}
	for _, c := range comments {
		authors[c.ID] = c.Author
	}
	replied, g := map[int64]bool{}, &given{to: map[string]int{}, once: map[string]bool{}}
	for _, c := range comments {
		if a, ok := report.ParseReply(c.Body); ok && c.Ours {
			replied[a.To] = true
			g.add(authors[a.To], a.Kind)
		}
	}
	return replied, g
}

// answers does the commands of a comment, until one is not done; the last answer is that of the comment.
func (e *Engine) answers(ctx context.Context, p Pull, s *pullState, c Comment, commands []command) (a report.Answer, err error) {
	permission, err := e.permission(ctx, c.Author)
	if err != nil {
		return a, fmt.Errorf("reading what %s may do: %w", c.Author, err)
	}
	who := caller{Person: policy.Person{Login: c.Author}, permission: permission, author: c.Author == p.Author}
	var acts []string
	for _, cmd := range commands {
		if a, err = e.do(ctx, p, s, c, who, cmd); err != nil {
			return a, err
		}
		acts = append(acts, a.Acts...)
		a.Acts = acts
		if a.Command = cmd.String(); a.Kind != report.Done {
			break
		}
	}
	return a, nil
}

// do does one command.
func (e *Engine) do(ctx context.Context, p Pull, s *pullState, in Comment, who caller, c command) (report.Answer, error) {
	switch c.name {
	case "plan", "retry":
		if !who.mayAsk() {
			return report.Answer{Kind: report.NotAllowed, Who: []string{"the author", "who may write to the repository"}}, nil
		}
		if p.State != Open {
			return report.Answer{Kind: report.Nothing, What: "the pull request is not open"}, nil
		}
		s.rerun.Store(true)
		return report.Answer{Kind: report.Done, What: "the pull request is evaluated again"}, nil
	case "explain":
		return e.explain(c), nil
	case "rollback":
		return e.rollback(ctx, p, s, in, who, c)
	case "preview":
		return e.askPreview(ctx, p, in, who, c)
	case "promote":
		return e.promote(ctx, s, in, who, c)
	case "approve":
		return e.approve(ctx, p, s, in, who, c)
	case "diff":
		return e.diff(ctx, p, who, c)
	case "help":
		return report.Answer{Kind: report.Help}, nil
	}
	return report.Answer{Kind: report.UnknownCommand}, nil
}

// explain says what a rule is about.
func (e *Engine) explain(c command) report.Answer {
	if len(c.args) != 1 {
		return report.Answer{Kind: report.WrongUse, What: "it takes the id of a rule, such as dag-cycle"}
	}
	id := c.args[0]
	known, err := rules.All()
	if err != nil {
		return report.Answer{Kind: report.Failed, What: err.Error()}
	}
	rule, ok := known[id]
	if !ok {
		return report.Answer{Kind: report.Failed, What: fmt.Sprintf("there is no rule %q; %s", id, v1alpha1.Suggest(id, slices.Sorted(maps.Keys(known))))}
	}
	a := report.Answer{Kind: report.Explained, What: rule.Title, Link: id}
	if e.opts.Links.Rules != "" {
		a.URL = e.opts.Links.Rules + id + ".md"
	}
	return a
}
