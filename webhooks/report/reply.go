// SPDX-License-Identifier: Apache-2.0

package report

import (
	"bytes"
	"fmt"
	"regexp"
	"slices"
	"strconv"
	"strings"

	"trunkline.dev/trunkline/api/markdown"
	"trunkline.dev/trunkline/plan/preview"
	plantext "trunkline.dev/trunkline/plan/preview/report"
)

// replyBegin and replyEnd are around the comment that is answered and the kind of answer, in the first line of a reply.
const replyBegin, replyEnd = "<!-- trunkline:reply ", " -->\n"

// Usage is how a command is written, and what it does.
type Usage struct{ Command, Does string }

// Commands are the commands that people write into comments, in the order of the help.
func Commands() []Usage {
	return []Usage{
		{"/trunkline plan", "evaluate again, and update the check and the comment"},
		{"/trunkline retry", "the same, for what failed or was not known"},
		{"/trunkline preview [up|down|extend|sleep|wake]", "the pull request's own environment: have one, have none, keep it longer, let it sleep, wake it"},
		{"/trunkline promote PROJECT --to ENV", "open a pull request that moves the build of a project from the environment before"},
		{"/trunkline rollback PROJECT --in ENV", "take a project back to what it was before, and open a pull request that restores its declaration"},
		{"/trunkline diff [ENV]", "compare what the merge would make with what the clusters hold"},
		{"/trunkline approve ENV", "show what waits for an approval, and how to give it"},
		{"/trunkline explain RULE", "why there is a rule, and how to fix what it refuses"},
		{"/trunkline help", "this list"},
	}
}

// AnswerKind is what a command came to.
type AnswerKind string

// The kinds of answer.
const (
	// Help lists the commands, and UnknownCommand says first that there is none of that name: this is said once.
	Help           AnswerKind = "help"
	UnknownCommand AnswerKind = "unknown"
	// WrongUse says what is wrong with the arguments, and NotAllowed who may do it.
	WrongUse   AnswerKind = "usage"
	NotAllowed AnswerKind = "denied"
	// Done says what was done, Opened that a pull request was, and Nothing why there was nothing to do.
	Done    AnswerKind = "done"
	Opened  AnswerKind = "opened"
	Nothing AnswerKind = "nothing"
	// Outdated says that the head moved since the command was written, which counts for what was shown.
	Outdated AnswerKind = "outdated"
	// Failed says why it could not be done.
	Failed AnswerKind = "failed"
	// Explained says what a rule is about.
	Explained AnswerKind = "explained"
	// Confirm says what waits for an approval, and the command that approves just that.
	Confirm AnswerKind = "confirm"
	// Compared says how clusters differ.
	Compared AnswerKind = "compared"
)

// Answer is what came of a command.
type Answer struct {
	// To is the number of the comment that is answered.
	To   int64
	Kind AnswerKind
	// Command is the command as far as it was understood, such as "approve".
	Command string
	// What says what was done or why not, in a sentence; of [Explained] it is the rule's title.
	What string
	// Who may do it, of [NotAllowed]: owners, teams and roles.
	Who []string
	// Acts are the words of what was done of lasting effect, such as "preview-extend": they are remembered in the reply.
	Acts []string
	// Held is what waits for an approval, of [Confirm], and Code what is written after the command to give it.
	Held []string
	Code string
	// Diff is what was found, of [Compared].
	Diff *preview.Preview
	// URL leads to what was made or explained, and Link is what it is called, such as "#43" or a rule.
	URL, Link string
}

// answers has for each kind how the answer begins, and whether the help follows.
var answers = map[AnswerKind]struct {
	text func(a Answer) string
	help bool
}{
	Help:           {func(Answer) string { return "Commands, each on a line of its own in a comment:" }, true},
	UnknownCommand: {func(a Answer) string { return a.command() + " is no command that I know. These are:" }, true},
	WrongUse:       {func(a Answer) string { return a.command() + " was not understood" + a.because() + " These are:" }, true},
	NotAllowed:     {Answer.refusal, false},
	Done:           {func(a Answer) string { return a.command() + " is done" + a.because() }, false},
	Opened:         {func(a Answer) string { return a.command() + " opened " + a.link() + a.because() }, false},
	Nothing:        {func(a Answer) string { return a.command() + " had nothing to do" + a.because() }, false},
	Outdated: {func(a Answer) string {
		return a.command() + " was for an older commit of this pull request, and does not count for the newest. Look at that, and comment again." + a.more()
	}, false},
	Failed:    {func(a Answer) string { return a.command() + " failed" + a.because() }, false},
	Explained: {func(a Answer) string { return a.link() + a.because() }, false},
	Confirm:   {Answer.confirm, false},
	Compared:  {Answer.compared, false},
}

// Reply returns the comment that answers a command.
func Reply(a Answer) string {
	words := []string{strconv.FormatInt(a.To, 10), string(kindOf(a.Kind))}
	for _, act := range a.Acts {
		if actWord.MatchString(act) {
			words = append(words, act)
		}
	}
	begin := replyBegin + strings.Join(words, " ") + replyEnd
	answer := answers[kindOf(a.Kind)]
	var b strings.Builder
	b.WriteString(begin + answer.text(a) + "\n")
	if answer.help {
		b.WriteString("\n| | |\n| --- | --- |\n")
		for _, u := range Commands() {
			b.WriteString("| `" + strings.ReplaceAll(u.Command, "|", `\|`) + "` | " + u.Does + " |\n")
		}
	}
	return b.String()
}

// kindOf is the kind, or that it failed: an answer of a kind that is not known promises nothing.
func kindOf(k AnswerKind) AnswerKind {
	if _, ok := answers[k]; ok {
		return k
	}
	return Failed
}

// actWord is what an act looks like.
var actWord = regexp.MustCompile(`^[a-z]+(-[a-z]+)*$`)

// ParseReply reports whether a text is a reply of ours, and returns which comment it answers, how, and what was done. Ask it
// only of comments that we wrote.
func ParseReply(body string) (Answer, bool) {
	line, _, _ := strings.Cut(strings.ReplaceAll(body, "\r\n", "\n"), "\n")
	line, begins := strings.CutPrefix(line+"\n", replyBegin)
	line, ends := strings.CutSuffix(line, replyEnd)
	words := strings.Split(line, " ")
	if !begins || !ends || len(words) < 2 {
		return Answer{}, false
	}
	to, err := strconv.ParseInt(words[0], 10, 64)
	kind, acts := AnswerKind(words[1]), words[2:]
	if err != nil || kindOf(kind) != kind || slices.ContainsFunc(acts, func(act string) bool { return !actWord.MatchString(act) }) {
		return Answer{}, false
	}
	return Answer{To: to, Kind: kind, Acts: acts}, true
}

func (a Answer) command() string { return markdown.Code("/trunkline " + a.Command) }

func (a Answer) because() string {
	if a.What == "" {
		return "."
	}
	return ": " + sentence(markdown.Prose(a.What, maxMessage))
}

func (a Answer) more() string {
	if a.What == "" {
		return ""
	}
	return " " + sentence(markdown.Prose(a.What, maxMessage))
}

func (a Answer) link() string { return markdown.Link(markdown.Code(a.Link), a.URL) }

// confirm lists what waits for an approval.
func (a Answer) confirm() string {
	var b strings.Builder
	b.WriteString("This waits for an approval:\n\n")
	for _, held := range a.Held {
		b.WriteString("- " + markdown.Prose(held, maxMessage) + "\n")
	}
	b.WriteString("\nTo approve exactly that, write this in a new comment:\n\n" + markdown.Code("/trunkline approve "+a.Code))
	return b.String()
}

// maxCompared bounds what is told of clusters, in bytes.
const maxCompared = 55_000

// compared tells how clusters differ.
func (a Answer) compared() string {
	var b bytes.Buffer
	if a.Diff == nil || plantext.Write(&b, plantext.Markdown, *a.Diff, plantext.Options{MaxBytes: maxCompared}) != nil {
		return a.command() + " failed."
	}
	return fold("What the merge would change in the clusters as they are now", b.String())
}

func (a Answer) refusal() string {
	text := a.command() + " is not done, since you may not" + a.because()
	if len(a.Who) > 0 {
		text += fmt.Sprintf(" Who may: %s.", names(a.Who))
	}
	return text
}
