// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/webhooks/report"
)

// TestCommandsIn: what of a comment is a command.
func TestCommandsIn(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, body string
		want         []string
	}{
		"Alone":      {"A line of its own.", "/trunkline plan", []string{"plan"}},
		"Bare":       {"Nothing is asked for: help.", "please\n/trunkline  \nthanks", []string{"help"}},
		"Arguments":  {"Words after the name.", "/trunkline rollback orders --in prod", []string{"rollback orders --in prod"}},
		"Several":    {"One after the other.", "/trunkline plan\r\ntext\r\n/trunkline explain dag-cycle\r\n", []string{"plan", "explain dag-cycle"}},
		"Sentence":   {"It is mentioned, and not asked for.", "use /trunkline plan", nil},
		"Quoted":     {"Someone else's words.", "> /trunkline plan", nil},
		"Fenced":     {"An example.", "```\n/trunkline plan\n```\n", nil},
		"AfterFence": {"The block has ended.", "````\n```\n/trunkline plan\n````\n/trunkline help", []string{"help"}},
		"OtherFence": {"Tildes do not end backticks.", "```\n~~~\n/trunkline plan\n```", nil},
		"Unclosed":   {"All that follows is code.", "~~~ sh\n/trunkline plan", nil},
		"Inline":     {"A row of backticks with others behind it is no block.", "``` a ```\n/trunkline plan", []string{"plan"}},
		"Indented":   {"Four spaces make code.", "    /trunkline plan", nil},
		"OtherWord":  {"It only begins like it.", "/trunklines plan", nil},
		"TooMany":    {"There is an end.", strings.Repeat("/trunkline plan\n", 9), []string{"plan", "plan", "plan", "plan", "plan"}},
		"Case":       {"People write as they like.", "/trunkline PLAN", []string{"plan"}},
	} {
		t.Run(name, func(t *testing.T) {
			var got []string
			for _, c := range commandsIn(tc.body) {
				got = append(got, c.String())
			}
			if diff := cmp.Diff(tc.want, got); diff != "" {
				t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
			}
		})
	}
}

// TestAnswers: what commands come to, by who asks.
func TestAnswers(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, by, body string
		want             []report.AnswerKind
		acts             []string
		checks           int
	}{
		"Plan":            {"The author may.", "mallory", "/trunkline plan", []report.AnswerKind{report.Done}, nil, 2},
		"Retry":           {"Who may write may.", "wim", "/trunkline retry", []report.AnswerKind{report.Done}, nil, 2},
		"PlanByStranger":  {"It is work, which strangers may not ask for.", "eve", "/trunkline plan", []report.AnswerKind{report.NotAllowed}, nil, 1},
		"Help":            {"It is told to anybody.", "eve", "/trunkline help", []report.AnswerKind{report.Help}, nil, 1},
		"Unknown":         {"There is help.", "wim", "/trunkline frobnicate", []report.AnswerKind{report.UnknownCommand}, nil, 1},
		"Explain":         {"By the rule's page.", "eve", "/trunkline explain dag-cycle", []report.AnswerKind{report.Explained}, nil, 1},
		"ExplainNothing":  {"It says what it takes.", "eve", "/trunkline explain", []report.AnswerKind{report.WrongUse}, nil, 1},
		"ExplainUnknown":  {"There is no such rule.", "eve", "/trunkline explain dag-cycl", []report.AnswerKind{report.Failed}, nil, 1},
		"Rollback":        {"An owner's team may.", "olga", "/trunkline rollback orders --in prod", []report.AnswerKind{report.Done}, []string{"rollback orders/prod@one by olga, asked for in #1"}, 1},
		"RollbackUser":    {"An owner by name may.", "rita", "/trunkline rollback revenue --in=dev", []report.AnswerKind{report.Done}, []string{"rollback revenue/dev@one by rita, asked for in #1"}, 1},
		"RollbackAdmin":   {"Who administers the repository may.", "petra", "/trunkline rollback revenue --in dev", []report.AnswerKind{report.Done}, []string{"rollback revenue/dev@one by petra, asked for in #1"}, 1},
		"RollbackByOther": {"Who may write owns nothing by that.", "wim", "/trunkline rollback orders --in prod", []report.AnswerKind{report.NotAllowed}, nil, 1},
		"RollbackAuthor":  {"Nor does the author.", "mallory", "/trunkline rollback orders --in prod", []report.AnswerKind{report.NotAllowed}, nil, 1},
		"RollbackNoEnv":   {"It says what it takes.", "olga", "/trunkline rollback orders", []report.AnswerKind{report.WrongUse}, nil, 1},
		"RollbackNothing": {"There is no such release.", "olga", "/trunkline rollback orders --in qa", []report.AnswerKind{report.Failed}, nil, 1},
		"None":            {"A comment is a comment.", "wim", "nice", nil, nil, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				w.pull(1, "mallory", newImage())
				e := w.engine()
				w.during(e, func() {
					w.say(1, tc.by, tc.body)
					w.take(e, Hint{Pull: 1, Comment: true})
					w.take(e, Hint{Pull: 1, Comment: true}) // again
				})
				w.during(w.engine(), func() {}) // nothing is done twice
				if diff := cmp.Diff(tc.want, w.replies()); diff != "" {
					t.Errorf("%s Other replies (-want +got):\n%s", tc.reason, diff)
				}
				if diff := cmp.Diff(tc.acts, w.acts); diff != "" {
					t.Errorf("%s Other acts (-want +got):\n%s", tc.reason, diff)
				}
				if len(w.checks) != tc.checks {
					t.Errorf("%s There are %d checks, want %d", tc.reason, len(w.checks), tc.checks)
				}
			})
		})
	}
}

func (w *world) replies() (kinds []report.AnswerKind) {
	for _, c := range w.comments {
		if a, ok := report.ParseReply(c.Body); ok && c.Ours {
			kinds = append(kinds, a.Kind)
		}
	}
	return kinds
}

// TestAnsweredAfterAll: a comment whose event was lost is found by a sweep, one that is old is not; and who does not know the
// commands is helped once.
func TestAnsweredAfterAll(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		w.pull(1, "olga", newImage())
		w.say(1, "wim", "/trunkline help")
		time.Sleep(commandsFor + time.Hour)
		e := w.engine()
		w.during(e, func() {
			for range 3 {
				w.say(1, "wim", "/trunkline frobnicate")
				time.Sleep(2 * defaultPoll)
			}
			w.say(1, "olga", "/trunkline frobnicate")
			time.Sleep(2 * defaultPoll)
		})
		if diff := cmp.Diff([]report.AnswerKind{report.UnknownCommand, report.UnknownCommand}, w.replies()); diff != "" {
			t.Errorf("one for each who asked (-want +got):\n%s", diff)
		}
	})
}
