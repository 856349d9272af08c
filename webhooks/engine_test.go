// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"
)

// newImage is a change of orders that orders' own team makes.
func newImage() files {
	return platform().with(files{"projects/orders/app.yaml": strings.Replace(platform()["projects/orders/app.yaml"], "image: img", "image: img2", 1)})
}

// TestReview: the check and the comment that a pull request ends with.
func TestReview(t *testing.T) {
	orders := platform()["projects/orders/app.yaml"]
	for name, tc := range map[string]struct {
		reason   string
		author   string
		files    files
		prepare  func(*world)
		want     CheckState
		comments int
		says     string // in the check's title or summary
	}{
		"Fine":      {reason: "A change by who owns it passes.", author: "olga", files: newImage(), want: Success, comments: 1},
		"Stranger":  {reason: "Nobody who owns the project made or approved it.", author: "mallory", files: newImage(), want: Failure, comments: 1},
		"Approved":  {reason: "An owner approved it.", author: "mallory", files: newImage(), prepare: func(w *world) { w.approvals[1] = []string{"olga"} }, want: Success, comments: 1},
		"Untouched": {reason: "Nothing of ours changes.", author: "mallory", files: platform().with(files{"README.md": "hello\n"}), want: Neutral},
		"Cycle": {
			reason: "orders comes to read what revenue makes of it.", author: "olga", want: Failure, comments: 1,
			files: platform().with(files{"projects/orders/app.yaml": strings.Replace(orders, "writes:", "reads: {in: revenue/daily@1}, writes:", 1)}),
		},
		"Broken": {
			reason: "A release that does not render any more fails the check, and is no finding of a rule.", author: "olga", want: Failure, comments: 1,
			files: platform().with(files{"projects/orders/app.yaml": strings.Replace(orders, "image: img", "image: broken", 1)}),
		},
		"Slow": {
			reason: "What takes too long fails and says so.", author: "olga", want: Failure, comments: 1, says: "took longer than",
			files: platform().with(files{"projects/orders/app.yaml": strings.Replace(orders, "image: img", "image: slow", 1)}),
		},
		"Conflict":   {reason: "What cannot be merged fails.", author: "olga", files: newImage(), prepare: func(w *world) { w.conflicts[1] = []string{"projects/orders/app.yaml"} }, want: Failure, comments: 1, says: "conflicts"},
		"NewProject": {reason: "A new project is its own owner's.", author: "nina", files: platform().with(files{"projects/news/app.yaml": project("news", "team-news", "{name: a, blueprint: container-job, image: img, command: [run]}", "")}), prepare: func(w *world) { w.teams["nina"] = []string{"team-news"} }, want: Success, comments: 1},
		"OwnRules":   {reason: "A change of who owns what does not count for itself.", author: "mallory", files: newImage().with(files{"CODEOWNERS": "* @mallory\n"}), want: Failure, comments: 1},
		"NotReachable": {reason: "The repository cannot be read: that is no verdict that passes.", author: "olga", files: newImage(), prepare: func(w *world) {
			w.fail = func(call string) error {
				if call == "Merge" {
					return errors.New("dial tcp 10.0.0.1:443: secret")
				}
				return nil
			}
		}, want: Failure, comments: 1, says: "by no fault of the change"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				p := w.pull(1, tc.author, tc.files)
				if tc.prepare != nil {
					tc.prepare(w)
				}
				w.during(w.engine(), func() { time.Sleep(6 * time.Minute) }) // the limit of an evaluation
				var got []string
				for _, c := range w.checks {
					got = append(got, string(c.State))
					if c.SHA != p.Head.SHA {
						t.Errorf("%s: the check is on %s; the head is %s", tc.reason, c.SHA, p.Head.SHA)
					}
					if tc.says != "" && !strings.Contains(c.Title+c.Summary, tc.says) {
						t.Errorf("%s: the check does not say %q: %q %q", tc.reason, tc.says, c.Title, c.Summary)
					}
					if strings.Contains(c.Title+c.Summary, "secret") {
						t.Errorf("the check tells of internals: %q", c.Summary)
					}
				}
				if diff := cmp.Diff([]string{string(tc.want)}, got); diff != "" {
					t.Errorf("%s: other checks (-want +got):\n%s\n%v", tc.reason, diff, w.checks)
				}
				if len(w.comments) != tc.comments {
					t.Errorf("%s: there are %d comments, want %d", tc.reason, len(w.comments), tc.comments)
				}
			})
		})
	}
}

// TestFollowsPushes: a push turns the check of its own head; the comment stays one, and what is not new is not written.
func TestFollowsPushes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		broken := newImage().with(files{"projects/orders/app.yaml": strings.Replace(newImage()["projects/orders/app.yaml"], "command: [run]", "comand: [run]", 1)})
		w.pull(1, "olga", broken)
		e := w.engine()
		w.during(e, func() {
			w.pull(1, "olga", newImage())
			w.take(e, Hint{Pull: 1, SHA: newImage().sha()})
			before := len(w.writes)
			for range 3 { // the same event again, and sweeps
				w.take(e, Hint{Pull: 1, SHA: newImage().sha()})
				time.Sleep(defaultPoll)
			}
			if len(w.writes) != before {
				t.Errorf("nothing is new, and this is written: %v", w.writes[before:])
			}
		})
		var states []CheckState
		for _, c := range w.checks {
			states = append(states, c.State)
		}
		if diff := cmp.Diff([]CheckState{Failure, Success}, states); diff != "" {
			t.Errorf("other checks (-want +got):\n%s", diff)
		}
		if len(w.comments) != 1 || !strings.Contains(w.comments[0].Body, newImage().sha()[:7]) {
			t.Errorf("there is to be one comment, about the newest head: %+v", w.comments)
		}
	})
}

// TestNewerPushEndsOlderWork: what takes long is ended by a push, and does not delay the verdict on it.
func TestNewerPushEndsOlderWork(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		slow := platform().with(files{"projects/orders/app.yaml": strings.Replace(platform()["projects/orders/app.yaml"], "image: img", "image: slow", 1)})
		w.pull(1, "olga", slow)
		e := w.engine()
		w.during(e, func() {
			began := time.Now()
			w.pull(1, "olga", newImage())
			w.take(e, Hint{Pull: 1, SHA: newImage().sha()})
			if took := time.Since(began); took != 0 || w.checks[len(w.checks)-1].State != Success {
				t.Errorf("after %s the checks are %v", took, w.checks)
			}
			if w.checks[0].State != Failure || w.checks[0].SHA != slow.sha() {
				t.Errorf("the check of the older head is left at %s", w.checks[0].State)
			}
		})
	})
}

// TestEndsInAFinalState: wherever the daemon ends, and whatever call fails, the next one brings the head to one concluded check
// and the pull request to one comment.
func TestEndsInAFinalState(t *testing.T) {
	for _, how := range []string{"the daemon ends", "the call fails", "the answer is lost"} {
		for n := 1; ; n++ {
			reached := false
			t.Run(fmt.Sprintf("%s at call %d", how, n), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					w := newWorld(t, platform())
					w.pull(1, "olga", newImage())
					broken := errors.New("the forge is down")
					w.fail = func(string) error {
						if w.calls < n {
							return nil
						}
						reached = true
						switch {
						case how == "the daemon ends", how == "the call fails" && w.calls == n:
							return broken
						case how == "the answer is lost" && w.calls == n:
							return errLost
						}
						return nil
					}
					w.during(w.engine(), func() {
						if how != "the daemon ends" {
							time.Sleep(time.Hour)
						}
					})
					if how == "the daemon ends" {
						w.fail = nil
						w.during(w.engine(), func() { time.Sleep(time.Minute) })
					}
					final := 0
					for _, c := range w.checks {
						if !c.State.Final() {
							t.Errorf("a check is left at %s", c.State)
						}
						if c.State == Success {
							final++
						}
					}
					if final != 1 || len(w.comments) != 1 {
						t.Errorf("there are %d checks that pass and %d comments, want one each: %v", final, len(w.comments), w.writes)
					}
				})
			})
			if !reached {
				break
			}
		}
	}
}

// TestSharedHead: pull requests with the same head share a check, which passes only if all do.
func TestSharedHead(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		w.pull(1, "olga", newImage())
		w.pull(2, "mallory", newImage())
		e := w.engine()
		w.during(e, func() {
			time.Sleep(time.Minute)
			if got := w.checks[len(w.checks)-1]; got.State != Failure {
				t.Errorf("one of two does not pass, and the check is %s", got.State)
			}
			w.change(2, func(p *Pull) { p.State, p.Closed = Closed, time.Now() })
			w.take(e, Hint{Pull: 2})
			time.Sleep(time.Minute)
		})
		if got := w.checks[len(w.checks)-1]; got.State != Success {
			t.Errorf("the one that does not pass was closed, and the check is %s", got.State)
		}
		if len(w.comments) != 2 {
			t.Errorf("there are %d comments; each pull request has its own", len(w.comments))
		}
		if diff := cmp.Diff([]int{2}, w.forgotten); diff != "" {
			t.Errorf("other pull requests were forgotten (-want +got):\n%s", diff)
		}
	})
}

// TestMergeGroup: a merge group is checked on its own commit, found after a restart, and dropped when it is destroyed.
func TestMergeGroup(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		hint   bool
	}{
		"Event": {"The queue tells of a group.", true},
		"Lost":  {"The event was lost: the queue is asked.", false},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				w.commits[newImage().sha()] = newImage()
				g := MergeGroup{Head: newImage().sha(), HeadRef: "gh-readonly-queue/main/pr-1-" + w.tip, Base: w.tip}
				w.groups = []MergeGroup{g}
				e := w.engine()
				if !tc.hint {
					w.during(e, func() {})
				} else {
					w.groups = nil
					w.during(e, func() { w.take(e, Hint{Queue: &g}) })
				}
				if len(w.checks) != 1 || w.checks[0].SHA != g.Head || w.checks[0].State != Success {
					t.Errorf("%s The checks are %+v", tc.reason, w.checks)
				}
				if len(w.comments) != 0 || len(e.groups) != 0 {
					t.Errorf("%s There are %d comments, and %d groups are kept", tc.reason, len(w.comments), len(e.groups))
				}
			})
		})
	}
}

// TestMergeGroupThatIsNotKnown: a group whose commit cannot be read at first is tried again, in the same check.
func TestMergeGroupThatIsNotKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		g := MergeGroup{Head: newImage().sha(), HeadRef: "gh-readonly-queue/main/pr-1-" + w.tip, Base: w.tip}
		w.groups = []MergeGroup{g}
		e := w.engine()
		w.during(e, func() {
			if len(w.checks) != 1 || w.checks[0].State != Failure {
				t.Errorf("a commit that is not there is checked as %+v", w.checks)
			}
			w.set(func() { w.commits[newImage().sha()] = newImage() })
			time.Sleep(soonAgain)
			synctest.Wait()
		})
		if len(w.checks) != 1 || w.checks[0].State != Success || len(e.groups) != 0 {
			t.Errorf("the checks are %+v, and %d groups are kept", w.checks, len(e.groups))
		}
	})
}

// TestRerun: who asks for the check to run again gets a new one.
func TestRerun(t *testing.T) {
	for name, h := range map[string]Hint{"OfThePull": {Pull: 1, Rerun: true}, "OfTheCommit": {SHA: newImage().sha(), Rerun: true}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				w.pull(1, "olga", newImage())
				e := w.engine()
				w.during(e, func() { w.take(e, h) })
				if len(w.checks) != 2 || w.checks[1].State != Success {
					t.Errorf("the checks are %+v", w.checks)
				}
			})
		})
	}
}

// TestRerunThatFails: a check that was to run again is concluded although the forge fails meanwhile.
func TestRerunThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		w.pull(1, "olga", newImage())
		e := w.engine()
		w.during(e, func() {
			failed := false
			w.set(func() {
				w.fail = func(call string) error {
					if failed || !strings.HasPrefix(call, "UpdateCheck") {
						return nil
					}
					failed = true
					return errors.New("the forge is down")
				}
			})
			w.take(e, Hint{Pull: 1, Rerun: true})
			time.Sleep(time.Minute)
		})
		if len(w.checks) != 2 || w.checks[1].State != Success {
			t.Errorf("the checks are %+v", w.checks)
		}
	})
}

// TestRequests: how many calls of the forge a push takes.
func TestRequests(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		w.pull(1, "olga", platform().with(files{"projects/orders/app.yaml": platform()["projects/orders/app.yaml"] + "\n# one\n"}))
		e := w.engine()
		w.during(e, func() {
			before := w.calls
			w.pull(1, "olga", newImage())
			sha := newImage().sha()
			w.take(e, Hint{SHA: sha}) // that there is a commit is told, too, and may be told first
			w.take(e, Hint{Pull: 1, SHA: sha})
			w.take(e, Hint{SHA: sha})
			w.take(e, Hint{Pull: 1, Comment: true, CommentID: w.comments[0].ID}) // our own, which was edited
			e.state(1).head.Store("newer")                                       // a push that came meanwhile
			e.state(1).told.Store("newer")
			time.Sleep(2 * commitGrace)
			synctest.Wait()
			// The pull request, its approvals, the author's teams, a new check, the comment, the verdict; and the
			// repository, which is none of the forge's requests.
			if got := w.calls - before - 1; got > 6 {
				t.Errorf("a push takes %d requests", got)
			}
		})
	})
}

// TestLostEvent: the event of a commit makes up for the lost one of its pull request, without waiting for the next poll.
func TestLostEvent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		e := w.engine()
		w.during(e, func() {
			w.pull(1, "olga", newImage())
			w.take(e, Hint{SHA: newImage().sha()})
			time.Sleep(2 * commitGrace)
			synctest.Wait()
			if len(w.checks) != 1 || w.checks[0].State != Success {
				t.Errorf("the checks are %+v", w.checks)
			}
		})
	})
}

// TestChecksOfOthers: the forge is asked for a check of a head unless there can be none.
func TestChecksOfOthers(t *testing.T) {
	older := platform().with(files{"projects/orders/app.yaml": platform()["projects/orders/app.yaml"] + "\n# one\n"})
	for name, tc := range map[string]struct {
		reason        string
		do            func(w *world, e *Engine)
		asked, checks int
	}{
		"Restarted": {"The process before may have made it.", func(w *world, _ *Engine) {
			w.during(w.engine(), func() {}) // another one, which goes on
		}, 2, 1},
		"Back": {"A push went back to a head that has one already.", func(w *world, e *Engine) {
			w.pull(1, "olga", newImage())
			w.take(e, Hint{Pull: 1, SHA: newImage().sha()})
			w.pull(1, "olga", older)
			w.take(e, Hint{Pull: 1, SHA: older.sha()})
		}, 2, 2},
		"Elsewhere": {"Another pull request with this head has one, which was concluded for that one.", func(w *world, e *Engine) {
			w.pull(2, "olga", newImage())
			w.take(e, Hint{Pull: 2, SHA: newImage().sha()})
			w.pull(1, "olga", newImage())
			w.take(e, Hint{Pull: 1, SHA: newImage().sha()})
		}, 3, 3},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				w.pull(1, "olga", older)
				asked := 0
				w.fail = func(call string) error { // none does
					if call == "FindCheck" {
						asked++
					}
					return nil
				}
				e := w.engine()
				w.during(e, func() { tc.do(w, e) })
				if asked != tc.asked || len(w.checks) != tc.checks {
					t.Errorf("%s It was asked %d times, want %d; there are %d checks, want %d", tc.reason, asked, tc.asked, len(w.checks), tc.checks)
				}
				for _, c := range w.checks {
					if !c.State.Final() {
						t.Errorf("%s A check is left open: %+v", tc.reason, c)
					}
				}
			})
		})
	}
}
