// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"errors"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/promotion"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

const ordersFile = "projects/orders/app.yaml"

// chain is a platform in which orders has an image of its own in each environment: dev has the newer one.
func chain(environments ...string) files {
	f := platform()
	f[ordersFile] = strings.Replace(f[ordersFile], "environments: [dev, prod]", "environments:\n    dev: {image: 'img@sha256:2'}\n    prod:\n      image: img@sha256:1 # since spring", 1)
	f[ordersFile] = strings.Replace(f[ordersFile], "image: img, ", "", 1)
	for i := 0; i < len(environments); i += 2 {
		f["environments.yaml"] = strings.Replace(f["environments.yaml"], environments[i], environments[i+1], 1)
	}
	return f
}

func automatic() files {
	return chain("promotesFrom: dev", "promotesFrom: dev, soak: 1h, promotion: {automatic: true}")
}

// buildIn returns the build of orders in an environment of a commit.
func buildIn(t *testing.T, f files, environment string) promotion.BuildID {
	t.Helper()
	d, err := promotion.Read(f.tree(), ordersFile, "orders")
	if err != nil {
		t.Fatal(err)
	}
	id, err := d.Build(environment)
	if err != nil {
		t.Fatal(err)
	}
	return id
}

// healthy has the board say of orders in dev that it is in place and healthy with a commit.
func (w *world) healthy(commit string, change ...func(*status.Release)) {
	w.board.SetRelease(catalog.ReleaseID{Project: "orders", Environment: "dev", Cluster: "one"}, func(r *status.Release) {
		r.Result, r.Health, r.Commit, r.Held = status.Applied, status.Healthy, commit, nil
		for _, c := range change {
			c(r)
		}
	})
}

// proposals are the pull requests of ours that are open.
func (w *world) proposals() []Pull {
	return w.list(func(p Pull) bool { return p.State == Open && strings.HasPrefix(p.Head.Ref, "trunkline/") })
}

// TestPromoteByComment: who may, what is opened, and what is said where nothing is.
func TestPromoteByComment(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, by, body string
		want             report.AnswerKind
		says             string
		opened           int
	}{
		"Owner":     {"An owner's team may.", "olga", "/trunkline promote orders --to prod", report.Opened, "from dev to prod", 1},
		"Admin":     {"Who administers the repository may.", "petra", "/trunkline promote orders --to=prod", report.Opened, "from dev to prod", 1},
		"Writer":    {"Who may write owns nothing by that.", "wim", "/trunkline promote orders --to prod", report.NotAllowed, "team-orders", 0},
		"Stranger":  {"Nor does a stranger.", "eve", "/trunkline promote orders --to prod", report.NotAllowed, "team-orders", 0},
		"Author":    {"Nor does the author of the pull request.", "mallory", "/trunkline promote orders --to prod", report.NotAllowed, "team-orders", 0},
		"NoEnv":     {"It says what it takes.", "olga", "/trunkline promote orders", report.WrongUse, "it takes a project and <code>--to", 0},
		"TooMuch":   {"It says what it takes.", "olga", "/trunkline promote orders revenue --to prod", report.WrongUse, "it takes a project and <code>--to", 0},
		"NoRelease": {"There is no such release.", "olga", "/trunkline promote orders --to qa", report.Failed, "there is no release", 0},
		"NoChain":   {"Nothing comes before dev.", "olga", "/trunkline promote orders --to dev", report.Failed, "declares no promotesFrom", 0},
		"Nothing":   {"Both are the same.", "rita", "/trunkline promote revenue --to prod", report.Nothing, "has the build", 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, chain())
				w.pull(1, "mallory", newImage())
				e := w.engine()
				w.during(e, func() {
					w.say(1, tc.by, tc.body)
					w.take(e, Hint{Pull: 1, Comment: true})
				})
				if diff := cmp.Diff([]report.AnswerKind{tc.want}, w.replies()); diff != "" {
					t.Errorf("%s Other replies (-want +got):\n%s", tc.reason, diff)
				}
				if last := w.comments[len(w.comments)-1].Body; !strings.Contains(last, tc.says) {
					t.Errorf("%s It says %s", tc.reason, last)
				}
				if got := w.proposals(); len(got) != tc.opened {
					t.Errorf("%s These are open: %+v", tc.reason, got)
				}
			})
		})
	}
}

// TestPromotingMovesTheBuild: after the promotion is merged, prod has the very build of dev, and nothing else in the file
// changed; the pull request is reviewed as any other, and an owner has to approve it.
func TestPromotingMovesTheBuild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, chain())
		w.pull(1, "mallory", newImage())
		e := w.engine()
		w.during(e, func() {
			for range 2 { // the second time, the one that is open is updated
				w.say(1, "olga", "/trunkline promote orders --to prod")
				w.take(e, Hint{Pull: 1, Comment: true})
			}
			opened := w.proposals()
			if len(opened) != 1 {
				t.Fatalf("these are open: %+v", opened)
			}
			w.take(e, Hint{Pull: opened[0].Number})
		})
		p := w.proposals()[0]
		before, after := chain(), w.commits[p.Head.SHA]
		if buildIn(t, before, "prod") == buildIn(t, before, "dev") || buildIn(t, after, "prod") != buildIn(t, before, "dev") {
			t.Error("the build was not moved")
		}
		want := strings.Replace(before[ordersFile], "image: img@sha256:1 # since", "image: img@sha256:2 # since", 1)
		if diff := cmp.Diff(want, after[ordersFile]); diff != "" {
			t.Errorf("(-want +got):\n%s", diff)
		}
		if !strings.Contains(w.bodies[p.Number], "olga") || !strings.Contains(w.bodies[p.Number], "not healthy") {
			t.Errorf("the description says\n%s", w.bodies[p.Number])
		}
		if c := w.checks[len(w.checks)-1]; c.SHA != p.Head.SHA || c.State != Failure {
			t.Errorf("a promotion that no owner approved passes: %+v", c)
		}
	})
}

// TestPromotionsByRule: when an environment's rule opens a pull request by itself.
func TestPromotionsByRule(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		files  files
		do     func(w *world)
		opened int
	}{
		"Soaked":   {"It was healthy for an hour.", automatic(), func(w *world) { w.healthy(w.accepted); time.Sleep(2 * time.Hour) }, 1},
		"Soaking":  {"The hour is not over.", automatic(), func(w *world) { w.healthy(w.accepted); time.Sleep(50 * time.Minute) }, 0},
		"NotAsked": {"The environment has no rule.", chain(), func(w *world) { w.healthy(w.accepted); time.Sleep(2 * time.Hour) }, 0},
		"Same":     {"There is nothing to promote.", automatic().with(files{ordersFile: platform()[ordersFile]}), func(w *world) { w.healthy(w.accepted); time.Sleep(2 * time.Hour) }, 0},
		"Sick": {"It is not healthy.", automatic(), func(w *world) {
			w.healthy(w.accepted, func(r *status.Release) { r.Health = status.Stalled })
			time.Sleep(2 * time.Hour)
		}, 0},
		"NotKnown": {"Nothing is known of it.", automatic(), func(*world) { time.Sleep(2 * time.Hour) }, 0},
		"TakenBack": {"A person took it back.", automatic(), func(w *world) {
			w.healthy(w.accepted, func(r *status.Release) { r.Held = &status.Held{Rule: "quarantined"} })
			time.Sleep(2 * time.Hour)
		}, 0},
		"SickLater": {"It was healthy, but not for an hour at a time.", automatic(), func(w *world) {
			for range 6 {
				w.healthy(w.accepted)
				time.Sleep(40 * time.Minute)
				w.healthy(w.accepted, func(r *status.Release) { r.Health = status.Unhealthy })
				time.Sleep(20 * time.Minute)
			}
		}, 0},
		"Closed": {"People closed it: it stays closed.", automatic(), func(w *world) {
			w.healthy(w.accepted)
			time.Sleep(2 * time.Hour)
			for _, p := range w.proposals() {
				w.change(p.Number, func(p *Pull) { p.State, p.Closed = Closed, time.Now() })
			}
			time.Sleep(2 * time.Hour)
			w.during(w.engine(), func() { time.Sleep(2 * time.Hour) }) // also by another process
		}, 0},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, tc.files)
				w.during(w.engine(), func() { tc.do(w) })
				if got := w.proposals(); len(got) != tc.opened {
					t.Errorf("%s These are open: %+v", tc.reason, got)
				}
			})
		})
	}
}

// TestAPromotionThatFails keeps none of the others from being opened.
func TestAPromotionThatFails(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		f := automatic()
		revenue := strings.Replace(f["projects/revenue/app.yaml"], "environments: [dev, prod]", "environments: {dev: {image: 'img@sha256:2'}, prod: {image: 'img@sha256:1'}}", 1)
		w := newWorld(t, f.with(files{"projects/revenue/app.yaml": strings.Replace(revenue, "image: img, ", "", 1)}))
		w.fail = func(call string) error {
			if strings.HasPrefix(call, "Propose "+promoteBranch+"orders/") {
				return errors.New("the branch is locked")
			}
			return nil
		}
		w.during(w.engine(), func() {
			for _, project := range []string{"orders", "revenue"} {
				w.board.SetRelease(catalog.ReleaseID{Project: project, Environment: "dev", Cluster: "one"}, func(r *status.Release) {
					r.Result, r.Health, r.Commit = status.Applied, status.Healthy, w.accepted
				})
			}
			time.Sleep(2 * time.Hour)
		})
		var got []string
		for _, p := range w.proposals() {
			got = append(got, p.Head.Ref)
		}
		if diff := cmp.Diff([]string{promoteBranch + "revenue/prod"}, got); diff != "" {
			t.Errorf("other pull requests are open (-want +got):\n%s", diff)
		}
	})
}

// TestAPromotionFollows: a newer build takes the place of the one in an open pull request, and what has nothing to promote any
// more is closed.
func TestAPromotionFollows(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, automatic())
		newer := automatic()
		newer[ordersFile] = strings.Replace(newer[ordersFile], "sha256:2", "sha256:3", 1)
		level := automatic()
		level[ordersFile] = strings.Replace(level[ordersFile], "sha256:1", "sha256:2", 1)
		w.during(w.engine(), func() {
			w.healthy(w.accepted)
			time.Sleep(2 * time.Hour)
			first := w.proposals()
			w.accept(w.push(newer))
			w.healthy(w.accepted)
			time.Sleep(30 * time.Minute)
			if diff := cmp.Diff(first, w.proposals()); diff != "" {
				t.Errorf("it soaks, and the pull request is another already:\n%s", diff)
			}
			time.Sleep(2 * time.Hour)
			second := w.proposals()
			if len(first) != 1 || len(second) != 1 || second[0].Number != first[0].Number || buildIn(t, w.commits[second[0].Head.SHA], "prod") != buildIn(t, newer, "dev") {
				t.Errorf("it does not follow: %+v %+v", first, second)
			}
			w.accept(w.push(level))
			time.Sleep(10 * time.Minute)
		})
		if got := w.proposals(); len(got) != 0 {
			t.Errorf("these are open: %+v", got)
		}
		if len(w.acts) != 1 || !strings.HasSuffix(w.acts[0], "Closed: there is nothing to promote any more.") {
			t.Errorf("it is said: %v", w.acts)
		}
	})
}

// TestRollbackByPullRequest: what is restored, and whether that is done at once, as the environment says.
func TestRollbackByPullRequest(t *testing.T) {
	const ask = "/trunkline rollback orders --in prod"
	before := chain()
	later := func(from, to string) func(files) files {
		return func(f files) files {
			return f.with(files{ordersFile: strings.Replace(f[ordersFile], from, to, 1)})
		}
	}
	slow := func(f files) files {
		return f.with(files{"environments.yaml": strings.Replace(f["environments.yaml"], "promotesFrom: dev", "promotesFrom: dev, rollbackAtOnce: false", 1)})
	}
	for name, tc := range map[string]struct {
		reason string
		now    files
		acts   int
		want   report.AnswerKind
		says   string
		file   string
	}{
		"AtOnce":   {"The environment allows it: both are done.", later("sha256:1", "sha256:9")(before), 1, report.Opened, "goes back", before[ordersFile]},
		"Waiting":  {"The environment waits for the merge.", slow(later("sha256:1", "sha256:9")(before)), 0, report.Opened, "it restores the build", before[ordersFile]},
		"OnlyProd": {"What changed elsewhere stays changed.", later("sha256:2", "sha256:3")(later("sha256:1", "sha256:9")(before)), 1, report.Opened, "goes back", later("sha256:2", "sha256:3")(before)[ordersFile]},
		"Whole":    {"A command is the same everywhere: all goes back.", later("command: [run]", "command: [walk]")(before), 1, report.Opened, "in all environments", before[ordersFile]},
		"Nothing":  {"There is nothing before.", before.with(files{"README.md": "other\n"}), 1, report.Done, "no build before", ""},
		"NotAtAll": {"There is nothing before, and nothing is done at once.", slow(before), 0, report.Failed, "no build before", ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, before)
				w.accept(w.push(tc.now))
				w.accept(w.push(tc.now.with(files{"projects/revenue/notes.txt": "of no matter\n"})))
				w.pull(1, "olga", newImage())
				e := w.engine()
				w.during(e, func() {
					w.say(1, "olga", ask)
					w.take(e, Hint{Pull: 1, Comment: true})
				})
				if diff := cmp.Diff([]report.AnswerKind{tc.want}, w.replies()); diff != "" {
					t.Errorf("%s Other replies (-want +got):\n%s", tc.reason, diff)
				}
				if last := w.comments[len(w.comments)-1].Body; !strings.Contains(last, tc.says) {
					t.Errorf("%s It says %s", tc.reason, last)
				}
				if len(w.acts) != tc.acts {
					t.Errorf("%s Done at once: %v", tc.reason, w.acts)
				}
				opened, got := w.proposals(), ""
				if len(opened) > 0 {
					got = w.commits[opened[0].Head.SHA][ordersFile]
				}
				if diff := cmp.Diff(tc.file, got); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
				}
			})
		})
	}
}

// refused is an error of the forge that trying again does not cure.
type refused struct{ error }

func (refused) Temporary() bool { return false }

// TestWhatCannotBeOpened: a rollback is done once, whatever becomes of its pull request; a promotion is tried again, unless the
// forge says that it is not allowed.
func TestWhatCannotBeOpened(t *testing.T) {
	for name, tc := range map[string]struct {
		body string
		err  error
		want report.AnswerKind
		acts int
	}{
		"RollbackDown":    {"/trunkline rollback orders --in prod", errors.New("down"), report.Done, 1},
		"PromoteDown":     {"/trunkline promote orders --to prod", errors.New("down"), report.Opened, 0},
		"PromoteRefused":  {"/trunkline promote orders --to prod", refused{errors.New("GitHub does not let us write")}, report.Failed, 0},
		"RollbackRefused": {"/trunkline rollback orders --in prod", refused{errors.New("GitHub does not let us write")}, report.Done, 1},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, chain())
				w.accept(w.push(chain().with(files{ordersFile: strings.Replace(chain()[ordersFile], "sha256:1", "sha256:9", 1)})))
				w.pull(1, "olga", newImage())
				failed := false
				w.fail = func(call string) error {
					if failed || !strings.HasPrefix(call, "Propose") {
						return nil
					}
					failed = true
					return tc.err
				}
				e := w.engine()
				w.during(e, func() {
					w.say(1, "olga", tc.body)
					w.take(e, Hint{Pull: 1, Comment: true})
					time.Sleep(time.Minute)
				})
				if diff := cmp.Diff([]report.AnswerKind{tc.want}, w.replies()); diff != "" {
					t.Errorf("(-want +got):\n%s", diff)
				}
				if len(w.acts) != tc.acts || !failed {
					t.Errorf("done at once: %v", w.acts)
				}
			})
		})
	}
}

// TestTheMergeSaysWhichBuild: the comment after a promotion names the build, which is that of the environment before.
func TestTheMergeSaysWhichBuild(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, chain())
		after := chain()
		after[ordersFile] = strings.Replace(after[ordersFile], "sha256:1", "sha256:2", 1)
		w.pull(1, "olga", after)
		e := w.engine()
		w.during(e, func() {
			w.accept(w.merge(1))
			for _, env := range []string{"dev", "prod"} {
				w.board.SetRelease(catalog.ReleaseID{Project: "orders", Environment: env, Cluster: "one"}, func(r *status.Release) {
					r.Result, r.Health = status.Applied, status.Healthy
				})
			}
			w.take(e, Hint{Pull: 1})
			time.Sleep(time.Minute)
		})
		last := w.comments[len(w.comments)-1].Body
		want := "build <code>" + buildIn(t, chain(), "dev").Short() + "</code>"
		if !strings.Contains(last, want) || !strings.Contains(last, "merged by <code>rita</code>") {
			t.Errorf("there is no %s in\n%s", want, last)
		}
	})
}
