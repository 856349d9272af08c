// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan/compose"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

// image is the platform with another image of orders.
func image(name string) files {
	return platform().with(files{"projects/orders/app.yaml": strings.Replace(platform()["projects/orders/app.yaml"], "image: img", "image: "+name, 1)})
}

// waits says on the board that a release waits for a review, with the commit that it has in place.
func (w *world) waits(id catalog.ReleaseID, inPlace, commit string) {
	w.t.Helper()
	digest := digestIn(w.runs, id)
	w.board.SetRelease(id, func(r *status.Release) {
		r.Result, r.Commit = status.Applied, inPlace
		r.Held = &status.Held{Rule: string(gate.Unreviewed), Commit: commit, Digest: digest, Reason: "not known yet"}
	})
}

// reviewing runs what finds out what was reviewed until it comes to rest.
func (w *world) reviewing(e *Engine) {
	w.t.Helper()
	ctx, stop := context.WithCancel(w.t.Context())
	done := make(chan struct{})
	go func() { e.KeepReviews(ctx); close(done) }()
	synctest.Wait()
	time.Sleep(time.Hour)
	synctest.Wait()
	stop()
	<-done
}

// TestReviewed: what a release is to become was reviewed if every step of the branch that leads there was shown by the check of its
// pull request, whatever happened meanwhile, and whoever asks. What is not known was not.
func TestReviewed(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		// do changes the branch, beginning with a pull request 1 that was evaluated, and returns the newest commit.
		do   func(w *world) string
		want string
	}{
		"Shown": {"What was shown is what was merged.", func(w *world) string { return w.merge(1) }, ""},
		"Moved": {"The branch moved, so that merging makes something else.", func(w *world) string {
			w.pulls[1] = w.pull(1, "olga", image("img3"))
			return w.merge(1)
		}, "no check of #1 showed what merging it does"},
		"Direct": {"Nobody was shown what was pushed.", func(w *world) string { return w.push(image("img9")) }, "commit COMMIT was not brought by a pull request"},
		"DirectBefore": {"Nor what was pushed before.", func(w *world) string {
			w.push(image("img9"))
			return w.merge(1)
		}, "#1 showed something else, since the branch moved before it was merged"},
		"DirectElsewhere": {"What is pushed besides, and does nothing to it, is nothing of its.", func(w *world) string {
			w.merge(1)
			return w.push(w.commits[w.tip].with(files{"README.md": "new\n"}))
		}, ""},
		"NoCheck": {"A pull request that was merged before it was evaluated showed nothing.", func(w *world) string {
			w.checks = nil
			return w.merge(1)
		}, "no check of #1 showed what merging it does"},
		"ForgedComment": {"A comment can be written by others: what it says does not count.", func(w *world) string {
			w.checks[0].Text = ""
			return w.merge(1)
		}, "no check of #1 showed what merging it does"},
		"CommitStatus": {"Where there are only commit statuses, the comment is all there is.", func(w *world) string {
			w.checks[0].Text, w.checks[0].Brief = "", true
			return w.merge(1)
		}, ""},
		"Refused": {"What follows a commit that is refused cannot be compared.", func(w *world) string {
			w.push(platform().with(files{"projects/orders/app.yaml": "kind: [\n"}))
			return w.merge(1)
		}, "commit COMMIT, or the one before it, is refused: what it changes cannot be compared with what was shown"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				first := w.tip
				w.pull(1, "olga", image("img2"))
				w.during(w.engine(), func() {})
				newest := tc.do(w)
				w.accept(newest)
				w.waits(ordersProd, first, newest)
				w.reviewing(w.engine()) // it knows nothing but what the forge remembers
				if len(w.reviewed) != 1 {
					t.Fatalf("%s It is told %d times: %q", tc.reason, len(w.reviewed), w.reviewed)
				}
				_, got, _ := strings.Cut(w.reviewed[0], ": ")
				if want := strings.ReplaceAll(tc.want, "COMMIT", short(newest)); got != want {
					t.Errorf("%s It was not reviewed: %q, want %q", tc.reason, got, want)
				}
			})
		})
	}
}

// TestReviewsAreFoundOutAgain: a forge that fails is asked again, and who has forgotten what was found out is told again.
func TestReviewsAreFoundOutAgain(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		first := w.tip
		w.pull(1, "olga", image("img2"))
		w.during(w.engine(), func() {})
		w.accept(w.merge(1))
		failures := 3
		w.fail = func(call string) error {
			if call == "PullOf" && failures > 0 {
				failures--
				return errors.New("bad gateway")
			}
			return nil
		}
		w.waits(ordersProd, first, w.tip)
		w.reviewing(w.engine())
		if len(w.reviewed) != 1 || failures != 0 {
			t.Errorf("after %d failures it is told %q", 3-failures, w.reviewed)
		}
	})
}

// TestWhyUnreviewed: the steps of the branch from what is in place to what a release is to become.
func TestWhyUnreviewed(t *testing.T) {
	step := func(commit, before, was, is string, reviewed bool) merge {
		return merge{commit: commit, before: before, pull: 7, shown: true, changed: map[catalog.ReleaseID]bool{ordersDev: reviewed}, was: map[catalog.ReleaseID]string{ordersDev: was}, is: map[catalog.ReleaseID]string{ordersDev: is}}
	}
	none := merge{commit: "n", before: "b", changed: map[catalog.ReleaseID]bool{ordersProd: false}}
	const moved, lost = "#7 showed something else, since the branch moved before it was merged", "it cannot be followed back to what is in place"
	for name, tc := range map[string]struct {
		reason        string
		inPlace, next state
		steps         map[string]merge
		want          string
	}{
		"One":        {"The one step was reviewed.", state{compose.State{"": "a"}, "1"}, state{compose.State{"": "b"}, "2"}, map[string]merge{"b": step("b", "a", "1", "2", true)}, ""},
		"Not":        {"It was not.", state{compose.State{"": "a"}, "1"}, state{compose.State{"": "b"}, "2"}, map[string]merge{"b": step("b", "a", "1", "2", false)}, moved},
		"Two":        {"All steps count.", state{compose.State{"": "a"}, "1"}, state{compose.State{"": "c"}, "3"}, map[string]merge{"c": step("c", "b", "2", "3", true), "b": step("b", "a", "1", "2", false)}, moved},
		"Since":      {"What led to what is in place does not.", state{compose.State{"": "b"}, "2"}, state{compose.State{"": "c"}, "3"}, map[string]merge{"c": step("c", "b", "2", "3", true), "b": step("b", "a", "1", "2", false)}, ""},
		"LongAgo":    {"What is in place may be of any commit.", state{compose.State{"": "a"}, "2"}, state{compose.State{"": "c"}, "3"}, map[string]merge{"c": step("c", "b", "2", "3", true)}, ""},
		"Others":     {"What changes others is no step of it.", state{compose.State{"": "a"}, "1"}, state{compose.State{"": "n"}, "2"}, map[string]merge{"n": none, "b": step("b", "a", "1", "2", true)}, ""},
		"New":        {"A release that is new was nothing before.", state{}, state{compose.State{"": "b"}, "2"}, map[string]merge{"b": step("b", "a", "", "2", true)}, ""},
		"Removed":    {"A removal makes nothing of it.", state{compose.State{"": "a"}, "1"}, state{compose.State{"": "b"}, ""}, map[string]merge{"b": step("b", "a", "1", "", true)}, ""},
		"RemovedNot": {"It is reviewed like any other step.", state{compose.State{"": "a"}, "1"}, state{compose.State{"": "b"}, ""}, map[string]merge{"b": step("b", "a", "1", "", false)}, moved},
		"Other":      {"What is to be applied is not what the commit makes.", state{compose.State{"": "a"}, "1"}, state{compose.State{"": "b"}, "9"}, map[string]merge{"b": step("b", "a", "1", "2", true)}, "commit b does not render to what is to be applied"},
		"Unknown":    {"What is in place is not known.", state{compose.State{"": "z"}, unknownDigest}, state{compose.State{"": "b"}, "2"}, map[string]merge{"b": step("b", "", "1", "2", true)}, lost},
		"TooFar":     {"It is followed so far, and no further.", state{compose.State{"": "a"}, "1"}, state{compose.State{"": "n"}, "2"}, map[string]merge{"n": {commit: "n", before: "n"}}, lost},
	} {
		t.Run(name, func(t *testing.T) {
			w := wayBack{id: ordersDev, to: tc.inPlace, mergeAt: func(_ context.Context, source string, at compose.State) (merge, bool, error) {
				m, ok := tc.steps[at[source]]
				if !ok {
					t.Fatalf("%s It asks for commit %q", tc.reason, at[source])
				}
				return m, true, nil
			}}
			got, err := w.why(t.Context(), tc.next)
			if err != nil || got != tc.want {
				t.Errorf("%s It was not reviewed: %q, %v; want %q", tc.reason, got, err, tc.want)
			}
		})
	}
}

// TestMergedAsAWhole: what a pull request did is everything that it brought, however it was merged.
func TestMergedAsAWhole(t *testing.T) {
	between := image("img2")
	after := between.with(files{"projects/revenue/app.yaml": strings.Replace(platform()["projects/revenue/app.yaml"], "image: img", "image: img2", 1)})
	for name, tc := range map[string]struct {
		reason string
		merge  func(w *world)
		want   []string
	}{
		"Rebase": {"Each of its commits is on the branch.", func(w *world) {
			w.rebased = map[int][]string{1: {w.push(between)}}
			w.merge(1)
		}, []string{"orders/dev@one", "orders/prod@one", "revenue/dev@one", "revenue/prod@one"}},
		"Squash": {"One commit is, after whatever was there before.", func(w *world) {
			w.push(between) // someone else's
			w.merge(1)
		}, []string{"revenue/dev@one", "revenue/prod@one"}},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				w.pull(1, "olga", after)
				w.change(1, func(p *Pull) { p.Commits = 2 })
				tc.merge(w)
				w.accept(w.tip)
				e := w.engine()
				defer e.queue.work.ShutDown()
				r, err := e.merged(t.Context(), w.pulls[1])
				if err != nil {
					t.Fatal(err)
				}
				var got []string
				for _, rel := range r.Plan.Releases {
					got = append(got, rel.ID.String())
				}
				if diff := cmp.Diff(tc.want, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
				}
			})
		})
	}
}

// TestLeftOpen: the check of a head that a push has replaced while the daemon was away is concluded, and no other one.
func TestLeftOpen(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		state  CheckState
		want   string
	}{
		"Queued":    {"Nobody else concludes it.", Queued, "Not evaluated: a newer push came before"},
		"Concluded": {"What was concluded stays.", Success, "this merge changes 2 releases"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				old := image("img2").sha()
				w.checks = []Check{{ID: 1, Name: defaultCheck, SHA: old, State: tc.state, Title: "this merge changes 2 releases"}}
				w.fetched = map[int]string{1: old}
				w.pull(1, "olga", image("img3"))
				w.during(w.engine(), func() {})
				if got := w.checks[0]; !got.State.Final() || got.Title != tc.want {
					t.Errorf("%s The check says %q: %s", tc.reason, got.Title, got.State)
				}
				if got := w.verdictOn(image("img3").sha()); got != Success {
					t.Errorf("%s The check of the newest head is %q", tc.reason, got)
				}
			})
		})
	}
}

// TestApprove: what is held is approved by its owners, exactly as it was shown.
func TestApprove(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, author, command string
		change                  func(w *world)
		acts                    int
		says                    string
	}{
		"Shown":      {"It is shown first, with what approves just that.", "olga", "approve dev", nil, 0, "/trunkline approve dev CODE"},
		"Approved":   {"That is done.", "olga", "approve dev CODE", nil, 1, "1 releases in dev go on"},
		"OtherState": {"What is held by now was not shown.", "olga", "approve dev CODE", func(w *world) { w.waits(ordersDev, "", "other") }, 0, "not the code of what is held"},
		"Guess":      {"A code cannot be left to chance.", "olga", "approve dev 000000000000", nil, 0, "not the code of what is held"},
		"NotOwner":   {"Who may write owns nothing by that.", "wim", "approve dev CODE", nil, 0, "you may not"},
		"Stranger":   {"A stranger may nothing.", "mallory", "approve dev CODE", nil, 0, "you may not"},
		"Admin":      {"Who administers the repository may.", "petra", "approve dev CODE", nil, 1, "1 releases in dev go on"},
		"Nothing":    {"Nothing is held elsewhere.", "olga", "approve prod", nil, 0, "nothing in"},
		"Use":        {"It takes an environment.", "olga", "approve", nil, 0, "it takes an environment"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				w.pull(1, "olga", image("img2"))
				w.waits(ordersDev, "", "held")
				_, digest := status.ToApprove(w.board.Snapshot().Releases, "dev")
				code := digest[:codeLength]
				if tc.change != nil {
					w.board.SetRelease(ordersDev, func(r *status.Release) { r.Held.Reason = "something else" })
				}
				e := w.engine()
				w.during(e, func() {
					w.say(1, tc.author, "/trunkline "+strings.ReplaceAll(tc.command, "CODE", code))
					w.take(e, Hint{Pull: 1, Comment: true})
				})
				if len(w.acts) != tc.acts {
					t.Errorf("%s Done: %q", tc.reason, w.acts)
				}
				if want := strings.ReplaceAll(tc.says, "CODE", code); !strings.Contains(w.lastReply(), want) {
					t.Errorf("%s The reply is to say %q:\n%s", tc.reason, want, w.lastReply())
				}
			})
		})
	}
}

// lastReply is what was replied last.
func (w *world) lastReply() (body string) {
	for _, c := range w.comments {
		if _, ok := report.ParseReply(c.Body); ok {
			body = c.Body
		}
	}
	return body
}
