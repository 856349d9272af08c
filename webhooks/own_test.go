// SPDX-License-Identifier: Apache-2.0

package webhooks

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"testing/synctest"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/webhooks/report"
)

// clusters hold previews, in memory, and the data that they wrote. What is put is healthy at once, unless told otherwise.
type clusters struct {
	w *world

	there map[string]PreviewState
	of    map[string]*evaluate.Preview
	// log is what was done, and data the locations that were emptied.
	log, data []string
	// fail is asked before each call, slow keeps what is removed there, and unhealthy has what is put fail.
	fail            func(call string) error
	slow, unhealthy bool
}

func newClusters(w *world) *clusters {
	return &clusters{w: w, there: map[string]PreviewState{}, of: map[string]*evaluate.Preview{}}
}

func (c *clusters) engine(change ...func(*Options)) *Engine {
	return c.w.engine(append([]func(*Options){func(o *Options) { o.Previews, o.Data = c, remover{c} }}, change...)...)
}

// do is every call; it holds the world's lock.
func (c *clusters) do(call string, change func()) error {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	if c.fail != nil {
		if err := c.fail(call); err != nil {
			return err
		}
	}
	change()
	return nil
}

func (c *clusters) Put(_ context.Context, p *evaluate.Preview, head string, asleep bool) error {
	var unhealthy bool
	err := c.do("Put", func() {
		c.there[p.Name] = PreviewState{Name: p.Name, Of: p.Of, Head: head, Asleep: asleep, Put: true}
		c.of[p.Name] = p
		c.log = append(c.log, fmt.Sprintf("put %s at %s asleep %v: %s", p.Name, short(head), asleep, strings.Join(p.Projects, " ")))
		unhealthy = c.unhealthy
	})
	if err != nil {
		return err
	}
	for _, r := range p.Releases {
		c.w.board.SetRelease(r.ID, func(s *status.Release) {
			s.Commit, s.Result, s.Health = head, status.Applied, status.Healthy
			if unhealthy {
				s.Health, s.Message = status.Unhealthy, "Job app: it crashed"
			}
		})
	}
	return nil
}

func (c *clusters) Sleep(_ context.Context, name string) error { return c.sleep(name, true) }
func (c *clusters) Wake(_ context.Context, name string) error  { return c.sleep(name, false) }

func (c *clusters) sleep(name string, asleep bool) error {
	return c.do("Sleep", func() {
		s := c.there[name]
		s.Asleep = asleep
		c.there[name] = s
		c.log = append(c.log, fmt.Sprintf("%s asleep %v", name, asleep))
	})
}

func (c *clusters) Remove(_ context.Context, name, why string) error {
	var gone *evaluate.Preview
	err := c.do("Remove", func() {
		s, ok := c.there[name]
		if !ok {
			return
		}
		if s.Removing = true; c.slow {
			c.there[name] = s
			return
		}
		delete(c.there, name)
		gone = c.of[name]
		c.log = append(c.log, "remove "+name+": "+why)
	})
	if gone != nil {
		for _, r := range gone.Releases {
			c.w.board.RemoveRelease(r.ID)
		}
	}
	return err
}

func (c *clusters) States(context.Context) (out []PreviewState, err error) {
	err = c.do("States", func() { out = slices.Collect(maps.Values(c.there)) })
	return out, err
}

func (c *clusters) Check(location string) error {
	if strings.HasPrefix(location, "gs://") {
		return errors.New("nothing can be removed from gs")
	}
	return nil
}

// remover is the store of the world.
type remover struct{ *clusters }

func (r remover) Remove(_ context.Context, location string) (int, error) {
	err := r.do("RemoveData", func() { r.data = append(r.data, location) })
	return 1, err
}

// names are the previews that there are, with their heads.
func (c *clusters) names() (out []string) {
	c.w.mu.Lock()
	defer c.w.mu.Unlock()
	for _, name := range slices.Sorted(maps.Keys(c.there)) {
		out = append(out, name+" at "+short(c.there[name].Head))
	}
	return out
}

// previewed is the platform with previews of dev.
func previewed(rules string) files {
	f := platform()
	return f.with(files{"environments.yaml": strings.Replace(f["environments.yaml"], "stores: {lake: 's3://acme-dev'}", "preview: {"+rules+"}, stores: {lake: 's3://acme-dev'}", 1)})
}

// image is a change of orders to another image.
func (f files) image(name string) files {
	return f.with(files{"projects/orders/app.yaml": strings.Replace(f["projects/orders/app.yaml"], "image: img", "image: "+name, 1)})
}

// line is what the comment on a pull request says of its preview.
func (w *world) line(number int) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, c := range w.comments {
		if c.Number != number || !isReview(c.Body) {
			continue
		}
		for line := range strings.Lines(c.Body) {
			if strings.HasPrefix(line, "**Preview**") {
				return strings.TrimSpace(line)
			}
		}
	}
	return ""
}

// deployment is the newest into a preview: its commit and state.
func (w *world) deployment(environment string) string {
	w.mu.Lock()
	defer w.mu.Unlock()
	for _, d := range slices.Backward(w.deployments) {
		if d.Environment == environment {
			return short(d.SHA) + " " + string(d.State)
		}
	}
	return ""
}

// TestPreview: a pull request gets an environment of its own, which follows its pushes, and is gone with it.
func TestPreview(t *testing.T) {
	for _, state := range []PullState{Closed, Merged} {
		synctest.Test(t, func(t *testing.T) {
			base := previewed("")
			w := newWorld(t, base)
			c := newClusters(w)
			first, second := base.image("img2"), base.image("img3")
			w.pull(1, "olga", first)
			e := c.engine()
			w.during(e, func() {
				time.Sleep(time.Minute)
				if diff := cmp.Diff([]string{"pr-1 at " + short(first.sha())}, c.names()); diff != "" {
					t.Fatalf("opened (-want +got):\n%s\n%s", diff, w.comments[0].Body)
				}
				if got := w.deployment("pr-1"); got != short(first.sha())+" success" {
					t.Errorf("opened: the deployment is %q", got)
				}
				if got := w.line(1); !strings.Contains(got, "is healthy since") || !strings.Contains(got, "gone at") || strings.Contains(got, "reads") {
					t.Errorf("opened: the comment says %q", got)
				}
				w.pull(1, "olga", second)
				w.take(e, Hint{Pull: 1, SHA: second.sha()})
				time.Sleep(time.Minute)
				if diff := cmp.Diff([]string{"pr-1 at " + short(second.sha())}, c.names()); diff != "" {
					t.Errorf("pushed (-want +got):\n%s", diff)
				}
				if got := w.deployment("pr-1"); got != short(second.sha())+" success" || w.deployments[0].State != DeployInactive {
					t.Errorf("pushed: the deployments are %+v", w.deployments)
				}
				w.change(1, func(p *Pull) { p.State, p.Closed = state, time.Now() })
				w.take(e, Hint{Pull: 1})
				time.Sleep(time.Minute)
				if len(c.names()) > 0 || w.deployment("pr-1") != "" {
					t.Errorf("%s: there are still %v and %q", state, c.names(), w.deployment("pr-1"))
				}
				want := []string{"s3://acme-dev/trunkline-previews/acme/pr-1/", "s3://acme-prod/trunkline-previews/acme/pr-1/"}
				if diff := cmp.Diff(want, c.data); diff != "" {
					t.Errorf("%s: other data is removed (-want +got):\n%s", state, diff)
				}
			})
			if len(w.comments) != 1 {
				t.Errorf("there are %d comments", len(w.comments))
			}
			want := []string{
				"put pr-1 at " + short(first.sha()) + " asleep false: orders revenue", "put pr-1 at " + short(second.sha()) + " asleep false: orders revenue",
				"remove pr-1: the pull request is " + string(state),
			}
			if diff := cmp.Diff(want, c.log); diff != "" {
				t.Errorf("other things were done (-want +got):\n%s", diff)
			}
		})
	}
}

// TestPreviewsOfNobody: who declares none has none, and nothing of the forge is asked for it.
func TestPreviewsOfNobody(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld(t, platform())
		c := newClusters(w)
		w.pull(1, "olga", newImage())
		w.during(c.engine(), func() { time.Sleep(time.Minute) })
		plain := newWorld(t, platform())
		plain.pull(1, "olga", newImage())
		plain.during(plain.engine(), func() { time.Sleep(time.Minute) })
		if len(c.log) > 0 || w.calls != plain.calls {
			t.Errorf("%d calls instead of %d; %v", w.calls, plain.calls, c.log)
		}
	})
}

// TestNoPreviewIsEarnedByAStranger: of a fork, only a head runs that someone who may has approved in a review.
func TestNoPreviewIsEarnedByAStranger(t *testing.T) {
	first, second := previewed("").image("img2"), previewed("").image("img3")
	for name, tc := range map[string]struct {
		reason string
		rules  string
		do     func(w *world, e *Engine)
		want   []string
		says   string
	}{
		"Nobody":   {"Nobody approved it.", "", func(*world, *Engine) {}, nil, "waiting for approval"},
		"Stranger": {"A stranger's approval is none.", "", func(w *world, _ *Engine) { w.approvals[1] = []string{"eve"} }, nil, "team-orders"},
		"Itself":   {"Nor is the author's own.", "", func(w *world, _ *Engine) { w.approvals[1] = []string{"mallory"} }, nil, "waiting for approval"},
		"Writer":   {"Nor is that of who may write, and owns nothing of it.", "", func(w *world, _ *Engine) { w.approvals[1] = []string{"wim"} }, nil, "waiting for approval"},
		"Owner":    {"An owner has seen this head.", "", func(w *world, _ *Engine) { w.approvals[1] = []string{"olga"} }, []string{"pr-1 at " + short(first.sha())}, "healthy"},
		"Admin":    {"So has who administers the repository, where the rules do not ask for an owner as well.", "", func(w *world, _ *Engine) { w.approvals[1] = []string{"petra"} }, nil, ""},
		"Label":    {"A label approves nothing.", "labels: [preview]", func(w *world, _ *Engine) { w.change(1, func(p *Pull) { p.Labels = []string{"preview"} }) }, nil, "waiting for approval"},
		"Author":   {"Nor does being named.", "authors: [mallory]", func(*world, *Engine) {}, nil, "waiting for approval"},
		"Command": {"Nor does a command, by whomever.", "", func(w *world, _ *Engine) {
			w.say(1, "mallory", "/trunkline preview up")
			w.say(1, "olga", "/trunkline preview up")
		}, nil, "waiting for approval"},
		"Forged": {"A reply that is not ours says nothing.", "labels: [preview]", func(w *world, _ *Engine) {
			w.say(1, "mallory", report.Reply(report.Answer{To: 1, Kind: report.Done, Acts: []string{"preview-up"}}))
			w.approvals[1] = []string{"olga"}
		}, nil, ""},
		"OwnRules": {"What the pull request declares itself does not count.", "labels: [preview]", func(w *world, e *Engine) {
			w.approvals[1] = []string{"olga", "petra"}
			w.pull(1, "mallory", first.with(files{"environments.yaml": previewed("")["environments.yaml"]}))
			w.change(1, func(p *Pull) { p.Fork, p.HeadOwner = true, "mallory" })
			w.take(e, Hint{Pull: 1})
		}, nil, ""},
		"Pushed": {"A push after the approval is not approved, and what was runs no more.", "", func(w *world, e *Engine) {
			w.set(func() { w.approvals[1] = []string{"olga"} })
			w.take(e, Hint{Pull: 1})
			time.Sleep(time.Minute)
			w.pull(1, "mallory", second)
			w.change(1, func(p *Pull) { p.Fork, p.HeadOwner = true, "mallory" })
			w.set(func() { w.approvals[1] = nil }) // the forge tells approvals of exactly a head
			w.take(e, Hint{Pull: 1, SHA: second.sha()})
			time.Sleep(time.Minute)
		}, nil, "waiting for approval"},
		"Withdrawn": {"Nor does what was approved run once that is withdrawn.", "", func(w *world, e *Engine) {
			w.set(func() { w.approvals[1] = []string{"olga"} })
			w.take(e, Hint{Pull: 1})
			time.Sleep(time.Minute)
			w.set(func() { w.approvals[1] = nil })
			w.take(e, Hint{Pull: 1})
			time.Sleep(time.Minute)
		}, nil, "waiting for approval"},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				w := newWorld(t, previewed(tc.rules))
				c := newClusters(w)
				w.pull(1, "mallory", previewed(tc.rules).image("img2"))
				w.change(1, func(p *Pull) { p.Fork, p.HeadOwner = true, "mallory" })
				e := c.engine()
				w.during(e, func() {
					w.set(func() {})
					tc.do(w, e)
					w.take(e, Hint{Pull: 1, Comment: true})
					time.Sleep(2 * defaultPoll)
				})
				want := tc.want
				if tc.rules != "" && want != nil {
					t.Fatal("the head has another name then")
				}
				if diff := cmp.Diff(want, c.names()); diff != "" {
					t.Errorf("%s (-want +got):\n%s\n%v", tc.reason, diff, c.log)
				}
				if got := w.line(1); !strings.Contains(got, tc.says) {
					t.Errorf("%s The comment says %q, want %q", tc.reason, got, tc.says)
				}
				if len(want) == 0 && len(c.log) == 0 && len(w.deployments) > 0 {
					t.Errorf("%s There is a deployment: %+v", tc.reason, w.deployments)
				}
			})
		})
	}
}

// TestPreviewCommands: who may ask for what, and what comes of it.
func TestPreviewCommands(t *testing.T) {
	for name, tc := range map[string]struct {
		reason, rules, by string
		ask               []string
		want              []report.AnswerKind
		there             string
	}{
		"Label":      {"It is not for this one.", "labels: [preview]", "olga", nil, nil, ""},
		"Up":         {"It is asked for.", "labels: [preview]", "olga", []string{"up"}, []report.AnswerKind{report.Done}, "awake"},
		"Bare":       {"Nothing else can be meant.", "labels: [preview]", "olga", []string{""}, []report.AnswerKind{report.Done}, "awake"},
		"Admin":      {"", "labels: [preview]", "petra", []string{"up"}, []report.AnswerKind{report.Done}, "awake"},
		"NotOwner":   {"Who may write may not have it run.", "labels: [preview]", "wim", []string{"up"}, []report.AnswerKind{report.NotAllowed}, ""},
		"Stranger":   {"", "", "eve", []string{"down"}, []report.AnswerKind{report.NotAllowed}, "awake"},
		"Down":       {"", "", "olga", []string{"down"}, []report.AnswerKind{report.Done}, ""},
		"DownUp":     {"", "", "olga", []string{"down", "up"}, []report.AnswerKind{report.Done, report.Done}, "awake"},
		"Sleep":      {"", "", "olga", []string{"sleep"}, []report.AnswerKind{report.Done}, "asleep"},
		"Wake":       {"", "", "olga", []string{"sleep", "wake"}, []report.AnswerKind{report.Done, report.Done}, "awake"},
		"AfterHours": {"It sleeps by itself.", "sleepAfter: 1m", "olga", nil, nil, "asleep"},
		"Expired":    {"Nobody used it.", "ttl: 1m", "olga", nil, nil, ""},
		"Odd":        {"", "", "olga", []string{"sideways"}, []report.AnswerKind{report.WrongUse}, "awake"},
		"None":       {"There is no room.", "limit: 0", "olga", []string{"up"}, []report.AnswerKind{report.Done}, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := previewed(tc.rules)
				w := newWorld(t, base)
				c := newClusters(w)
				w.pull(1, "olga", base.image("img2"))
				check := func(when string) {
					t.Helper()
					got := ""
					if s, ok := c.there["pr-1"]; ok {
						got = map[bool]string{true: "asleep", false: "awake"}[s.Asleep]
					}
					if got != tc.there {
						t.Errorf("%s %s it is %q, want %q: %v", tc.reason, when, got, tc.there, c.log)
					}
				}
				e := c.engine()
				w.during(e, func() {
					for _, ask := range tc.ask {
						time.Sleep(time.Minute)
						w.say(1, tc.by, "/trunkline preview "+ask)
						w.take(e, Hint{Pull: 1, Comment: true})
					}
					time.Sleep(4 * time.Minute)
				})
				check("In the end")
				if diff := cmp.Diff(tc.want, w.replies()); diff != "" {
					t.Errorf("%s (-want +got):\n%s", tc.reason, diff)
				}
				for name, s := range c.there { // as after a start
					s.Put = false
					c.there[name] = s
				}
				w.during(c.engine(), func() { time.Sleep(time.Minute) })
				check("After a restart")
				if diff := cmp.Diff(tc.want, w.replies()); diff != "" {
					t.Errorf("After a restart it was answered again (-want +got):\n%s", diff)
				}
			})
		})
	}
}

// TestExtended: more time, a preview's age and what it was made for are known to the next process from the forge alone.
func TestExtended(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := previewed("ttl: 10h")
		w := newWorld(t, base)
		c := newClusters(w)
		w.pull(1, "olga", base.image("img2"))
		for i, want := range []int{1, 1, 1, 0, 0, 1} { // every four hours: it is extended in the first, and made again in the last
			e := c.engine()
			var ending []Expiring
			w.during(e, func() {
				if i == 1 || i == 5 {
					w.say(1, "olga", "/trunkline preview extend")
					w.take(e, Hint{Pull: 1, Comment: true})
				}
				time.Sleep(4*time.Hour - time.Minute)
				ending = e.Expiring()
			})
			if now := time.Now(); len(ending) != want || want == 1 && (ending[0].Name != "pr-1" || !ending[0].Expires.After(now) || ending[0].Expires.After(now.Add(10*time.Hour))) {
				t.Errorf("after %d times 4 hours these end: %v", i+1, ending)
			}
			if len(c.there) != want {
				t.Fatalf("after %d times 4 hours there are %v, want %d: %v", i+1, c.there, want, c.log)
			}
		}
		if !slices.Contains(c.log, "remove pr-1: ttl") || len(w.deployments) != 1 {
			t.Errorf("it went for another reason: %v; %v", c.log, w.deployments)
		}
	})
}

// TestRoomForPreviews: there are never more than the limit, and a place that gets free is taken.
func TestRoomForPreviews(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := previewed("limit: 2")
		w := newWorld(t, base)
		c := newClusters(w)
		most := 0
		c.fail = func(string) error { most = max(most, len(c.there)); return nil }
		for number := 1; number <= 4; number++ {
			w.pull(number, "olga", base.image(fmt.Sprintf("img%d", number)))
		}
		e := c.engine()
		w.during(e, func() {
			time.Sleep(time.Minute)
			if len(c.names()) != 2 {
				t.Fatalf("there are %v", c.names())
			}
			for number := 1; number <= 4; number++ {
				if _, there := c.there[catalog.Pull{Number: number}.Preview()]; !there && !strings.Contains(w.line(number), "as many as there may be") {
					t.Errorf("#%d is not said to wait: %q", number, w.line(number))
				}
			}
			for number := range 2 {
				w.change(number+1, func(p *Pull) { p.State, p.Closed = Closed, time.Now() })
				w.take(e, Hint{Pull: number + 1})
				time.Sleep(time.Minute)
			}
			if got := c.names(); len(got) != 2 || !strings.HasPrefix(got[0], "pr-3") || !strings.HasPrefix(got[1], "pr-4") {
				t.Errorf("places are free, and there are %v", got)
			}
		})
		if most > 2 {
			t.Errorf("at a time there were %d", most)
		}
	})
}

// TestRemovedAfterAll: whatever fails, and wherever the daemon ends, a preview of what is closed goes, with its data.
func TestRemovedAfterAll(t *testing.T) {
	for name, tc := range map[string]struct {
		reason string
		broken func(w *world, c *clusters)
	}{
		"Slow":       {"The cluster takes its time.", func(_ *world, c *clusters) { c.slow = true }},
		"Cluster":    {"A cluster does not answer.", func(_ *world, c *clusters) { c.fail = failing("States") }},
		"Removal":    {"It cannot be asked.", func(_ *world, c *clusters) { c.fail = failing("Remove") }},
		"Data":       {"The store does not answer.", func(_ *world, c *clusters) { c.fail = failing("RemoveData") }},
		"Forge":      {"The environment cannot be removed.", func(w *world, _ *clusters) { w.fail = failing("RemoveEnvironment") }},
		"ForgeReads": {"Nor its deployments be read.", func(w *world, _ *clusters) { w.fail = failing("DeploymentsIn") }},
		"Accepted":   {"It is not known yet what is declared, nor so where its data is.", func(w *world, _ *clusters) { w.runs = nil }},
	} {
		for _, restarted := range []bool{false, true} {
			t.Run(fmt.Sprintf("%s/%v", name, restarted), func(t *testing.T) {
				synctest.Test(t, func(t *testing.T) {
					base := previewed("")
					w := newWorld(t, base)
					c := newClusters(w)
					w.pull(1, "olga", base.image("img2"))
					e := c.engine()
					runs := w.runs
					mend := func() { w.set(func() { w.fail, c.fail, c.slow, w.runs = nil, nil, false, runs }) }
					w.during(e, func() {
						time.Sleep(time.Minute)
						w.set(func() { tc.broken(w, c) })
						w.change(1, func(p *Pull) { p.State, p.Closed = Closed, time.Now() })
						w.take(e, Hint{Pull: 1})
						time.Sleep(time.Minute)
						if w.deployment("pr-1") == "" {
							t.Error("it is said to be gone, and is not")
						}
						if !restarted {
							mend()
							time.Sleep(10 * time.Minute)
						}
					})
					if restarted {
						mend()
						w.during(c.engine(), func() { time.Sleep(time.Minute) })
					}
					if len(c.there) > 0 || len(c.data) < 2 || w.deployment("pr-1") != "" {
						t.Errorf("%s There are %v, and %q; the data is %v", tc.reason, c.there, w.deployment("pr-1"), c.data)
					}
				})
			})
		}
	}
}

func failing(what string) func(string) error {
	return func(call string) error {
		if call == what {
			return errors.New("down")
		}
		return nil
	}
}

// TestNothingUnknownGoes: what the forge does not answer, or says is not there, is no reason to remove a preview.
func TestNothingUnknownGoes(t *testing.T) {
	for name, breaks := range map[string]func(w *world){
		"Down":      func(w *world) { w.fail = func(string) error { return errors.New("down") } },
		"NotShown":  func(w *world) { w.pulls = map[int]Pull{} },
		"NotLooked": func(w *world) { w.fail = failing("Merge") },
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := previewed("")
				w := newWorld(t, base)
				c := newClusters(w)
				w.pull(1, "olga", base.image("img2"))
				w.during(c.engine(), func() { time.Sleep(time.Minute) })
				breaks(w)
				e := c.engine()
				w.during(e, func() {
					w.take(e, Hint{Pull: 1})
					time.Sleep(time.Hour)
				})
				if len(c.there) != 1 || len(c.data) > 0 {
					t.Errorf("there are %v: %v %v", c.there, c.log, c.data)
				}
			})
		})
	}
}

// TestWhatPreviewsSay: the comment says how a preview is, and why there is none.
func TestWhatPreviewsSay(t *testing.T) {
	orders := platform()["projects/orders/app.yaml"]
	for name, tc := range map[string]struct {
		reason, rules string
		change        func(base files) files
		prepare       func(w *world, c *clusters)
		want          []string
		deployment    DeploymentState
	}{
		"Healthy": {"", "sleepAfter: 8h", nil, nil, []string{"healthy since", "sleeps at", "gone at"}, DeploySuccess},
		"Reads": {"What is not in it is read from elsewhere.", "", func(base files) files {
			return base.with(files{"projects/revenue/app.yaml": strings.Replace(base["projects/revenue/app.yaml"], "image: img", "image: img2", 1)})
		}, func(w *world, _ *clusters) { w.approvals[1] = []string{"rita"} }, []string{"reads <code>orders</code> from <code>dev</code>"}, DeploySuccess},
		"Sick": {"", "", nil, func(_ *world, c *clusters) { c.unhealthy = true }, []string{"failing", "it crashed"}, DeployFailure},
		"Refused": {"The core says why.", "", nil, func(_ *world, c *clusters) {
			c.fail = func(call string) error {
				if call == "Put" {
					return &RefusalError{errors.New("the namespace orders-pr-1 is someone else's")}
				}
				return nil
			}
		}, []string{"someone else's"}, ""},
		"Nothing": {"What is only in prod has none.", "projects: [revenue]", nil, nil, []string{"runs in the environment"}, ""},
		"Denied": {"A change that is refused has none, and the verdict says why.", "", func(base files) files {
			return base.with(files{"projects/orders/app.yaml": strings.Replace(orders, "command", "comand", 1)})
		}, nil, nil, ""},
		"Unstored":        {"What could not be removed is not written.", "", nil, nil, []string{"could not be removed again"}, ""},
		"Unlabelled":      {"A label is all that it lacks.", "labels: [preview]", nil, nil, []string{"the label \"preview\" makes one"}, ""},
		"UnlabelledDraft": {"Nobody expects one.", "labels: [preview]", nil, func(w *world, _ *clusters) { w.change(1, func(p *Pull) { p.Draft = true }) }, nil, ""},
		"Draft":           {"", "", nil, func(w *world, _ *clusters) { w.change(1, func(p *Pull) { p.Draft = true }) }, nil, ""},
	} {
		t.Run(name, func(t *testing.T) {
			synctest.Test(t, func(t *testing.T) {
				base := previewed(tc.rules)
				if name == "Unstored" {
					base["environments.yaml"] = strings.ReplaceAll(base["environments.yaml"], "s3://acme-dev", "gs://acme-dev")
				}
				w := newWorld(t, base)
				c := newClusters(w)
				head := base.image("img2")
				if tc.change != nil {
					head = tc.change(base)
				}
				w.pull(1, "olga", head)
				if tc.prepare != nil {
					tc.prepare(w, c)
				}
				w.during(c.engine(), func() { time.Sleep(time.Minute) })
				line := w.line(1)
				for _, want := range tc.want {
					if !strings.Contains(line, want) {
						t.Errorf("%s The comment says %q, want %q", tc.reason, line, want)
					}
				}
				if tc.want == nil && line != "" {
					t.Errorf("%s The comment says %q", tc.reason, line)
				}
				if len(w.deployments) > 0 != (tc.deployment != "") || len(w.deployments) > 0 && w.deployments[0].State != tc.deployment {
					t.Errorf("%s The deployments are %+v, want %q", tc.reason, w.deployments, tc.deployment)
				}
			})
		})
	}
}

// TestPreviewsBeforeAnythingIsKnown: no new preview is made before all clusters said which there are; then it is made soon.
func TestPreviewsBeforeAnythingIsKnown(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		base := previewed("")
		w := newWorld(t, base)
		c := newClusters(w)
		c.fail = failing("States")
		w.pull(1, "olga", base.image("img2"))
		e := c.engine()
		w.during(e, func() {
			time.Sleep(2 * time.Minute)
			if len(c.log) > 0 {
				t.Errorf("not all previews are known, and it is done: %v", c.log)
			}
			w.set(func() { c.fail = nil })
			time.Sleep(time.Minute)
			if len(c.names()) != 1 {
				t.Errorf("all are known, and there are %v", c.names())
			}
		})
	})
}
