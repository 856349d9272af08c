// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"trunkline.dev/trunkline/webhooks/report"
)

// passes reports whether a check was ever told to pass, at any moment.
func (w *world) passes() bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return slices.ContainsFunc(w.writes, func(s string) bool {
		return strings.HasSuffix(s, "Check success") || strings.HasSuffix(s, "Check neutral")
	})
}

// verdictOn is what the newest check of a commit says, which is the one that counts.
func (w *world) verdictOn(sha string) CheckState {
	c, _, err := w.FindCheck(w.t.Context(), sha, "trunkline")
	if err != nil {
		w.t.Fatal(err)
	}
	return c.State
}

// TestNothingIsEarnedByAStranger: whatever a pull request by someone who owns nothing changes, also about who owns what and by
// which rules it is judged, no check passes, nothing is deployed, and nothing is done.
func TestNothingIsEarnedByAStranger(t *testing.T) {
	edit := func(name, old, other string) files {
		if !strings.Contains(platform()[name], old) {
			t.Fatalf("%s does not hold %q", name, old)
		}
		return files{name: strings.Replace(platform()[name], old, other, 1)}
	}
	orders := "projects/orders/app.yaml"
	for name, tc := range map[string]struct {
		reason  string
		changes files
		change  func(*Pull)
	}{
		"Project":         {"It is someone else's.", edit(orders, "image: img", "image: evil"), nil},
		"Owner":           {"The owner before the change counts.", edit(orders, "owner: team-orders", "owner: mallory"), nil},
		"Notes":           {"What is in a project's folder is its owner's.", files{"projects/revenue/notes.txt": "evil\n"}, nil},
		"Removed":         {"Nothing is removed but by its owner.", files{orders: ""}, nil},
		"Codeowners":      {"Owners before the change count.", files{"CODEOWNERS": "* @mallory\n"}, nil},
		"OtherCodeowners": {"Also if there was no such file, and it comes before the one that there is.", edit(orders, "image: img", "image: evil").with(files{".github/CODEOWNERS": "* @mallory\n"}), nil},
		"NoCodeowners":    {"Also if there is none any more.", edit(orders, "image: img", "image: evil").with(files{"CODEOWNERS": ""}), nil},
		"RuleOff":         {"Rules before the change count.", edit(orders, "image: img", "image: evil").with(edit("trunkline.yaml", "{name: acme}", "{name: acme}\nspec: {rules: {ownership: off}}")), nil},
		"RuleOffAlone":    {"And are their owner's.", edit("trunkline.yaml", "{name: acme}", "{name: acme}\nspec: {rules: {ownership: off}}"), nil},
		"Exception":       {"So are exceptions.", edit(orders, "image: img", "image: evil").with(edit("trunkline.yaml", "{name: acme}", "{name: acme}\nspec: {exceptions: [{rule: ownership, project: orders, reason: trust me}]}")), nil},
		"Environment":     {"What governs others is their owner's.", edit("environments.yaml", ", protected: true", ""), nil},
		"Cluster":         {"And where it is.", edit("clusters.yaml", "{name: one}", "{name: one}\nspec: {rates: {cpu: \"3\"}}"), nil},
		"Policy":          {"And by which policies.", files{"policies/p.yaml": head + "kind: Policy\nmetadata: {name: p}\nspec: {on: project, validations: [{expression: 'true', message: fine}]}\n"}, nil},
		"Blueprint":       {"And from what.", files{"projects/orders/b.yaml": head + "kind: Blueprint\nmetadata: {name: container-job}\nspec: {}\n"}, nil},
		"NewProject":      {"Anyone can name themselves as the owner of what is new, which owns nothing for those who may not write.", files{"projects/miner/app.yaml": project("miner", "mallory", "{name: a, blueprint: container-job, image: img, command: [run]}", "")}, nil},
		"TeamsName":       {"A login that is called like a team is none.", edit(orders, "image: img", "image: evil"), func(p *Pull) { p.Author, p.HeadOwner = "team-orders", "team-orders" }},
		"Deleted":         {"Nobody knows who made it, which is no reason not to ask.", edit(orders, "image: img", "image: evil"), func(p *Pull) { p.Author = "" }},
		"OwnersPull":      {"An owner opened it for the fork of someone else, who may push to it.", edit(orders, "image: img", "image: evil"), func(p *Pull) { p.Author = "olga" }},
		"DeletedFork":     {"It is not known whose fork it was.", edit(orders, "image: img", "image: evil"), func(p *Pull) { p.Author, p.HeadOwner = "olga", "" }},
		"OtherBranch":     {"A check is of a commit, and would count for the trunk as well.", edit(orders, "image: img", "image: evil"), func(p *Pull) { p.Base.Ref = "old" }},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				p := w.pull(1, "mallory", platform().with(tc.changes))
				w.change(1, func(p *Pull) {
					p.Fork, p.HeadOwner = true, "mallory"
					if tc.change != nil {
						tc.change(p)
					}
				})
				e := w.engine()
				w.during(e, func() {
					w.say(1, "mallory", "/trunkline rollback orders --in prod\n/trunkline retry")
					w.take(e, Hint{Pull: 1, Comment: true, Rerun: true, SHA: p.Head.SHA})
					time.Sleep(2 * defaultPoll)
				})
				if w.passes() {
					t.Errorf("%s A check passed: %v", tc.reason, w.writes)
				}
				if (len(w.checks) == 0) != (name == "OtherBranch") {
					t.Errorf("%s The checks are %v", tc.reason, w.checks)
				}
				if len(w.acts)+len(w.deployments) > 0 {
					t.Errorf("%s It had this done: %v, and deployed %v", tc.reason, w.acts, w.deployments)
				}
			})
		})
	}
}

// TestOwnersOfForks: an owner's own fork is theirs, and of someone else's they can approve a head.
func TestOwnersOfForks(t *testing.T) {
	for name, tc := range map[string]struct {
		reason         string
		author, of, by string
		want           CheckState
	}{
		"Own":      {reason: "Nobody else pushes to it.", author: "olga", of: "Olga", want: Success},
		"Approved": {reason: "An owner has seen this head.", author: "mallory", of: "mallory", by: "olga", want: Success},
		"Stranger": {reason: "An approval by who owns nothing is none.", author: "mallory", of: "mallory", by: "eve", want: Failure},
		"Itself":   {reason: "Nor is one by a login called like the team.", author: "mallory", of: "mallory", by: "team-orders", want: Failure},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				w.pull(1, tc.author, newImage())
				w.change(1, func(p *Pull) { p.Fork, p.HeadOwner = true, tc.of })
				if tc.by != "" {
					w.approvals[1] = []string{tc.by}
				}
				w.during(w.engine(), func() {})
				if got := w.verdictOn(newImage().sha()); got != tc.want {
					t.Errorf("%s The check is %q, want %q", tc.reason, got, tc.want)
				}
			})
		})
	}
}

// TestRetargeted: a pull request that goes to another branch and back has the verdict on what it does to the trunk, and one
// that waits is not left waiting.
func TestRetargeted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		p := w.pull(1, "mallory", newImage())
		e := w.engine()
		to := func(branch string) {
			w.change(1, func(p *Pull) { p.Base.Ref = branch })
			w.take(e, Hint{Pull: 1})
			time.Sleep(time.Minute)
		}
		w.during(e, func() {
			to("old")
			if !strings.Contains(w.comments[0].Body, "old") {
				t.Errorf("the comment does not say where it goes: %s", w.comments[0].Body)
			}
			to("main")
			if !strings.Contains(w.comments[0].Body, "none of its owners") || len(w.comments) != 1 {
				t.Errorf("the comment does not tell of the trunk again: %s", w.comments[0].Body)
			}
		})
		if got := w.verdictOn(p.Head.SHA); got != Failure || w.passes() {
			t.Errorf("the check is %s: %v", got, w.writes)
		}
	})
}

// TestReopened: a check that was ended when the pull request was closed is no verdict when it is opened again.
func TestReopened(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		p := w.pull(1, "olga", newImage())
		w.fail = func(call string) error {
			if call == "UpdateCheck success" || call == "CreateComment" {
				return errors.New("down")
			}
			return nil
		}
		e := w.engine()
		w.during(e, func() {
			w.set(func() { w.fail = nil })
			w.change(1, func(p *Pull) { p.State, p.Closed = Closed, time.Now() })
			w.take(e, Hint{Pull: 1})
			if got := w.verdictOn(p.Head.SHA); got != Failure {
				t.Fatalf("a check of a closed pull request is left at %s", got)
			}
			w.change(1, func(p *Pull) { p.State, p.Closed = Open, time.Time{} })
			w.take(e, Hint{Pull: 1})
		})
		if got := w.verdictOn(p.Head.SHA); got != Success {
			t.Errorf("it was opened again, and its check is %s", got)
		}
	})
}

// TestSharedHeadAfterAll: whichever of two pull requests with one head is looked at last, also by another process, the newest
// check is the one of both; and one that leaves takes its verdict along.
func TestSharedHeadAfterAll(t *testing.T) {
	for name, order := range map[string][]int{"FailingLast": {1, 2}, "PassingLast": {2, 1}} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				one := func(o *Options) { o.Workers = 1 }
				p := w.pull(1, "olga", newImage())
				w.pull(2, "mallory", newImage())
				for range 3 { // processes
					e := w.engine(one)
					w.during(e, func() {
						for _, number := range order {
							w.take(e, Hint{Pull: number})
						}
						time.Sleep(time.Minute)
					})
					if got := w.verdictOn(p.Head.SHA); got != Failure {
						t.Errorf("one of two does not pass, and the check that counts is %s", got)
					}
				}
				e := w.engine(one)
				w.during(e, func() {
					w.pull(2, "mallory", newImage().with(files{"README.md": "other\n"}))
					w.take(e, Hint{Pull: 2})
					time.Sleep(time.Minute)
				})
				if got := w.verdictOn(p.Head.SHA); got != Success {
					t.Errorf("the one that does not pass has another head, and the check is %s", got)
				}
			})
		})
	}
}

// delayed is a repository that makes one pull request wait.
type delayed struct {
	Repository

	number int
	until  chan struct{}
}

func (d delayed) Merge(ctx context.Context, p Pull, base string) (Merge, error) {
	if p.Number == d.number {
		<-d.until
	}
	return d.Repository.Merge(ctx, p, base)
}

// TestSharedHeadSideBySide: of two that are looked at side by side, the one with the newest check passes before the other one
// fails, in a check that does not count any more.
func TestSharedHeadSideBySide(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		p := w.pull(2, "mallory", newImage())
		until := make(chan struct{})
		e := w.engine(func(o *Options) { o.Repository = delayed{o.Repository, 2, until} })
		w.during(e, func() {
			w.pull(1, "olga", newImage())
			w.take(e, Hint{Pull: 1})
			w.take(e, Hint{Pull: 1, Rerun: true}) // which makes a newer check
			close(until)
			time.Sleep(time.Minute)
		})
		if got := w.verdictOn(p.Head.SHA); got != Failure {
			t.Errorf("one of two does not pass, and the check that counts is %s: %v", got, w.writes)
		}
	})
}

// TestOneThatBeginsToFail: when one of two that share a head comes to fail later, the check of the other does not stay green.
func TestOneThatBeginsToFail(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		p := w.pull(1, "olga", newImage())
		w.pull(2, "mallory", newImage())
		w.approvals[2] = []string{"olga"}
		e := w.engine()
		w.during(e, func() {
			if got := w.verdictOn(p.Head.SHA); got != Success {
				t.Fatalf("both pass, and the check is %s", got)
			}
			w.take(e, Hint{Pull: 1, Rerun: true}) // so that the newest check is the first one's
			w.set(func() { w.approvals[2] = nil })
			w.take(e, Hint{Pull: 2})
			time.Sleep(time.Minute)
		})
		if got := w.verdictOn(p.Head.SHA); got != Failure {
			t.Errorf("an approval was withdrawn, and the check is %s", got)
		}
	})
}

// TestMergedIsNotReviewed: what a merge does and its pull request did not show is said: the base moved, or there is no check.
func TestMergedIsNotReviewed(t *testing.T) {
	for name, tc := range map[string]struct {
		reason  string
		between func(w *world)
		want    string
	}{
		"Same":    {"What was shown is what happens.", func(*world) {}, ""},
		"Moved":   {"Something else is merged than what was shown.", func(w *world) { w.push(moved()) }, "**Not as reviewed**, since the branch moved"},
		"NoCheck": {"Nothing was shown.", func(w *world) { w.checks = nil }, "**Not reviewed**, since no check"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, platform())
				w.pull(1, "olga", newImage())
				w.during(w.engine(), func() {})
				tc.between(w)
				w.accept(w.merge(1))
				w.during(w.engine(), func() {})
				body := ""
				for _, c := range w.comments {
					if report.IsMerged(c.Body) {
						body = c.Body
					}
				}
				if body == "" || tc.want == "" && strings.Contains(body, "reviewed**") || !strings.Contains(body, tc.want) {
					t.Errorf("%s The comment on the merge is to say %q:\n%s", tc.reason, tc.want, body)
				}
			})
		})
	}
}

func moved() files {
	return platform().with(files{"projects/orders/app.yaml": strings.Replace(platform()["projects/orders/app.yaml"], "image: img", "image: img3", 1)})
}

// TestAFloodIsBounded: more hints than there is room for are refused and cost nothing, and the next sweep finds what they were
// about; hints that are played again, or claim what is not so, change nothing.
func TestAFloodIsBounded(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		p := w.pull(1, "olga", newImage())
		e := w.engine()
		e.queue.limit = 3
		busy := 0
		for n := range 100 {
			if err := e.Take(Hint{Pull: n + 10}); errors.Is(err, ErrBusy) {
				busy++
			}
		}
		if busy != 97 {
			t.Errorf("%d hints of 100 are refused; there is room for 3", busy)
		}
		if err := e.Take(Hint{Pull: 1}); !errors.Is(err, ErrBusy) {
			t.Errorf("there is room for one more: %v", err)
		}
		w.during(e, func() { time.Sleep(defaultPoll) })
		if got := w.verdictOn(p.Head.SHA); got != Success {
			t.Errorf("the check of what was refused is %q", got)
		}
		before := len(w.writes)
		w.during(w.engine(), func() {})
		e = w.engine()
		w.during(e, func() {
			for range 100 {
				w.take(e, Hint{Pull: 1, SHA: p.Head.SHA})
				w.take(e, Hint{Pull: 99, Comment: true})               // there is none
				w.take(e, Hint{SHA: strings.Repeat("a", 40)})          // nor such a commit
				w.take(e, Hint{Pull: 1, SHA: strings.Repeat("b", 40)}) // it is not at that
			}
			w.mu.Lock()
			if n := len(e.pulls); n > 1 {
				t.Errorf("%d pull requests are kept in mind, and there is one", n)
			}
			w.mu.Unlock()
		})
		if len(w.writes) != before {
			t.Errorf("nothing is new, and this is written: %v", w.writes[before:])
		}
	})
}
