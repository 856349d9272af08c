// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"errors"
	"slices"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/webhooks/report"
)

// TestForgedComments: comments of others that look like ours are those of others, whoever they say they are.
func TestForgedComments(t *testing.T) {
	for name, author := range map[string]string{"Person": "mallory", "Bot": "dependabot[bot]", "Namesake": "trunkline"} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				w.pull(1, "olga", newImage())
				w.say(1, "olga", "/trunkline rollback orders --in prod")
				forged := report.Comment(report.Review{Outcome: report.Passed, Head: newImage().sha()}, report.State{})
				w.say(1, author, forged)
				w.say(1, author, report.Reply(report.Answer{To: 1, Kind: report.Done, Command: "rollback"}))
				e := w.engine()
				w.during(e, func() { w.take(e, Hint{Pull: 1, Comment: true}) })
				if w.comments[1].Body != forged {
					t.Error("the comment of someone else was edited")
				}
				if len(w.acts) != 1 {
					t.Errorf("a forged reply keeps a command from being done, or has it done twice: %v", w.acts)
				}
				ours := 0
				for _, c := range w.comments {
					if c.Ours && isReview(c.Body) {
						ours++
					}
				}
				if ours != 1 {
					t.Errorf("there are %d comments of ours", ours)
				}
			})
		})
	}
}

// TestAnActIsDoneOnce: a rollback is done at most once for a comment, whatever fails and whatever is deleted; and not for
// one that someone else may have edited.
func TestAnActIsDoneOnce(t *testing.T) {
	const ask = "/trunkline rollback orders --in prod"
	without := func(w *world, ours bool) {
		w.mu.Lock()
		defer w.mu.Unlock()
		w.comments = slices.DeleteFunc(w.comments, func(c Comment) bool {
			_, reply := report.ParseReply(c.Body)
			return reply && c.Ours == ours
		})
	}
	for name, tc := range map[string]struct {
		reason string
		do     func(w *world, e *Engine)
		acts   int
		want   []report.AnswerKind
	}{
		"Once": {"As it is meant.", func(*world, *Engine) {}, 1, []report.AnswerKind{report.Done}},
		"Again": {"Each comment is one.", func(w *world, e *Engine) {
			w.say(1, "olga", ask)
			w.take(e, Hint{Pull: 1, Comment: true})
		}, 2, []report.AnswerKind{report.Done, report.Done}},
		"Deleted": {"Our reply was deleted: it is written again.", func(w *world, e *Engine) {
			without(w, true)
			w.take(e, Hint{Pull: 1, Comment: true})
		}, 1, []report.AnswerKind{report.Done}},
		"DeletedAndRestarted": {"Another process does not know what came of it.", func(w *world, _ *Engine) {
			without(w, true)
			w.during(w.engine(), func() { time.Sleep(time.Minute) })
		}, 1, []report.AnswerKind{report.Failed}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				w.pull(1, "olga", newImage())
				e := w.engine()
				w.during(e, func() {
					w.say(1, "olga", ask)
					w.take(e, Hint{Pull: 1, Comment: true})
					tc.do(w, e)
				})
				if len(w.acts) != tc.acts {
					t.Errorf("%s This was done: %v", tc.reason, w.acts)
				}
				if diff := cmp.Diff(tc.want, w.replies()); diff != "" {
					t.Errorf("%s Other replies (-want +got):\n%s", tc.reason, diff)
				}
			})
		})
	}
}

// TestTheReplyFails: what was done and could not be told is told later, and not done again.
func TestTheReplyFails(t *testing.T) {
	for name, lost := range map[string]error{"Failed": errors.New("down"), "Lost": errLost} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				w.pull(1, "olga", newImage())
				e := w.engine()
				w.during(e, func() {
					w.say(1, "olga", "/trunkline rollback orders --in prod")
					failed := false
					w.set(func() {
						w.fail = func(call string) error {
							if failed || call != "CreateComment" {
								return nil
							}
							failed = true
							return lost
						}
					})
					w.take(e, Hint{Pull: 1, Comment: true})
					time.Sleep(time.Minute)
				})
				if len(w.acts) != 1 {
					t.Errorf("this was done: %v", w.acts)
				}
				if diff := cmp.Diff([]report.AnswerKind{report.Done}, w.replies()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestEditedComments: who may write can edit the comments of others, so that an edited one asks for nothing that changes what
// runs.
func TestEditedComments(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		w.pull(1, "olga", newImage())
		w.say(1, "olga", "looks good")
		e := w.engine()
		w.during(e, func() {
			time.Sleep(time.Minute)
			w.set(func() {
				w.comments[0].Body, w.comments[0].Updated = "/trunkline rollback orders --in prod", time.Now()
			})
			w.take(e, Hint{Pull: 1, Comment: true})
		})
		if len(w.acts) > 0 {
			t.Errorf("an edited comment had this done: %v", w.acts)
		}
		if diff := cmp.Diff([]report.AnswerKind{report.Failed}, w.replies()); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
	})
}

// TestRepliesAreBounded: nobody has us write without end, or uses up what others are answered with.
func TestRepliesAreBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		w.pull(1, "olga", newImage())
		e := w.engine()
		w.during(e, func() {
			for range 3 * maxReplies {
				w.say(1, "eve", "/trunkline help")
			}
			w.say(1, "olga", "/trunkline rollback orders --in prod")
			w.take(e, Hint{Pull: 1, Comment: true})
		})
		if got := len(w.replies()); got != maxRepliesEach+1 || len(w.acts) != 1 {
			t.Errorf("there are %d replies, and done is %v", got, w.acts)
		}
	})
}
