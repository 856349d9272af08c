// SPDX-License-Identifier: Apache-2.0

package reconciler_test

import (
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/reconciler"
	"trunkline.dev/trunkline/reconciler/git"
	"trunkline.dev/trunkline/reconciler/git/gittest"
	"trunkline.dev/trunkline/reconciler/signers"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/render"
)

// joint is a follower of a platform with sources, each in a repository of its own. Fetches are the test's.
type joint struct {
	*following
	platform *gittest.Repo
	sources  map[string]*gittest.Repo
	watch    *reconciler.SourceWatch
	// admission says which heads of a source count.
	admission map[string]reconciler.Admission
	// unread are the sources that the configuration does not have.
	unread map[string]bool

	mu       sync.Mutex
	lines    []reconciler.SourceLine
	accepted []string // the projects of each commit that was accepted
	refused  []string
}

// including declares a platform that includes repositories; each value is what is said of one beside its name and address.
func including(t *testing.T, repos map[string]*gittest.Repo, of map[string]string) string {
	t.Helper()
	text := "apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: joint}\nspec:\n  sources:\n"
	names := make([]string, 0, len(of))
	for name := range of {
		names = append(names, name)
	}
	slices.Sort(names)
	for _, name := range names {
		text += fmt.Sprintf("    - {name: %s, url: %q%s}\n", name, repos[name].URL(), of[name])
	}
	return text
}

// newJoint makes a platform that includes the sources, with a project in each, and its follower.
func newJoint(t *testing.T, names ...string) *joint {
	t.Helper()
	j := &joint{platform: gittest.New(t), sources: map[string]*gittest.Repo{}, admission: map[string]reconciler.Admission{}, unread: map[string]bool{}}
	of := map[string]string{}
	for _, name := range names {
		j.sources[name] = gittest.New(t)
		j.sources[name].Commit(t, "first of "+name, tree{"project.yaml": service(name, "img:1")})
		of[name] = ""
	}
	j.platform.Commit(t, "platform", platform("joint", tree{"trunkline.yaml": including(t, j.sources, of), "own/project.yaml": service("own", "img:1")}))
	j.open(t, t.TempDir())
	return j
}

// open makes a follower on a store, as a start of the daemon does.
func (j *joint) open(t *testing.T, dir string) {
	t.Helper()
	j.following = followWith(t, j.platform, dir, render.New(blueprints.FS))
	j.watch = &reconciler.SourceWatch{Store: j.store}
	j.Grace = time.Hour
	j.Observe = func(judged reconciler.Judged) {
		j.mu.Lock()
		defer j.mu.Unlock()
		if judged.Problems.Denied() {
			j.refused = append(j.refused, judged.Commit.Subject)
			return
		}
		tree, err := j.store.Tree(context.Background(), judged.Commit.Hash)
		if err != nil {
			j.accepted = append(j.accepted, err.Error())
			return
		}
		c, _, err := catalog.Load(tree, blueprints.FS)
		if err != nil {
			j.accepted = append(j.accepted, err.Error())
			return
		}
		j.accepted = append(j.accepted, strings.Join(c.ProjectNames(), " "))
	}
	j.Sources = &reconciler.Sources{
		Store: j.store, Known: j.watch.Known, Keep: j.watch.Keep,
		Check: func(l reconciler.SourceLine) error {
			if j.unread[l.Name] || j.sources[l.Name] == nil || j.sources[l.Name].URL() != l.URL {
				return fmt.Errorf("no source %q at %s", l.Name, l.URL)
			}
			return nil
		},
		Follow: func(lines []reconciler.SourceLine, _ []string) {
			j.mu.Lock()
			defer j.mu.Unlock()
			j.lines = lines
			j.board.SetSource(func(s *status.Source) { s.Notice = fmt.Sprint("follows ", len(lines)) }) // which wakes the test
		},
		Admission: func(name string) reconciler.Admission { return j.admission[name] },
	}
}

// follows waits until lines are followed.
func (j *joint) follows(want ...string) {
	j.t.Helper()
	j.await(fmt.Sprint(want, " to be followed"), func(status.Source) bool {
		return slices.Equal(j.followed(), want)
	})
}

func (j *joint) followed() (names []string) {
	j.mu.Lock()
	defer j.mu.Unlock()
	for _, l := range j.lines {
		names = append(names, l.Name+" "+l.String())
	}
	return names
}

// source fetches a source, as its watcher does, and returns its head.
func (j *joint) source(name string) string {
	j.t.Helper()
	j.mu.Lock()
	lines := slices.Clone(j.lines)
	j.mu.Unlock()
	commit := ""
	for _, line := range lines {
		if line.Name != name {
			continue
		}
		tr, err := j.store.Track(git.SourceTrack(name))
		if err != nil {
			j.t.Fatal(err)
		}
		head, err := tr.Fetch(j.t.Context(), line.Remote(git.Remote{URL: line.URL}))
		if err != nil {
			j.SourceFailed(line, err)
			continue
		}
		commit = head.Commit
		j.SourceHead(line, head)
	}
	return commit
}

// settled waits until the heads that were fetched are judged: nothing is left that could be accepted.
func (j *joint) settled(what string, ok func(status.Source) bool) status.Source {
	j.t.Helper()
	return j.await(what, ok)
}

func included(s status.Source, name string) status.Included {
	for _, i := range s.Sources {
		if i.Name == name {
			return i
		}
	}
	return status.Included{}
}

// at waits until a source is accepted at a commit.
func (j *joint) at(name, commit string) status.Source {
	j.t.Helper()
	return j.settled(name+" at "+commit, func(s status.Source) bool {
		i := included(s, name)
		return i.Accepted != nil && i.Accepted.Hash == commit && !i.Refused()
	})
}

// refuses waits until the head of a source is refused, and returns why.
func (j *joint) refuses(name, commit string) string {
	j.t.Helper()
	s := j.settled(name+" to be refused at "+commit, func(s status.Source) bool {
		i := included(s, name)
		return i.Refused() && i.Head.Hash == commit
	})
	return included(s, name).Problems.String()
}

// projects are those of the accepted commit.
func (j *joint) projects() string {
	if c := j.Reconciler.Catalog(); c != nil {
		return strings.Join(c.ProjectNames(), " ")
	}
	return ""
}

// begin starts with everything fetched and accepted.
func (j *joint) begin() {
	j.t.Helper()
	j.start()
	head := j.fetch()
	var want []string
	for name := range j.sources {
		want = append(want, name+" branch main")
	}
	slices.Sort(want)
	j.follows(want...)
	for name := range j.sources {
		j.source(name)
	}
	j.settled("everything to be accepted", func(s status.Source) bool {
		return s.Accepted != nil && s.Accepted.Of("") == head && len(s.Sources) == len(want) && !slices.ContainsFunc(s.Sources, func(i status.Included) bool { return !i.Fine() })
	})
}

func (j *joint) check(what, want string) {
	j.t.Helper()
	if got := j.projects(); got != want {
		j.t.Errorf("%s: the accepted commit declares %q, want %q", what, got, want)
	}
}

// TestTheHeadsOfSourcesAreJudged: what is refused stays where it was, and the others go on.
func TestTheHeadsOfSourcesAreJudged(t *testing.T) {
	j := newJoint(t, "billing", "orders")
	j.begin()
	j.check("at first", "billing orders own")
	if diff := cmp.Diff([]string{"billing orders own"}, j.accepted); diff != "" {
		t.Errorf("all came at once (-want +got):\n%s", diff)
	}
	bad := j.sources["orders"].Commit(t, "bad", tree{"project.yaml": strings.Replace(service("orders", "img:2"), "[dev]", "[nowhere]", 1)})
	good := j.sources["billing"].Commit(t, "good", tree{"more/project.yaml": service("more", "img:1")})
	j.source("orders")
	if why := j.refuses("orders", bad); !strings.Contains(why, `sources/orders/project.yaml:6:18: error: spec.environments[0]: there is no environment "nowhere"`) {
		t.Errorf("orders is refused since %s", why)
	}
	j.source("billing")
	s := j.at("billing", good)
	j.check("beside a refused one", "billing more orders own")
	if i := included(s, "orders"); i.Accepted == nil || i.Accepted.Hash == bad {
		t.Errorf("orders is at %+v", i.Accepted)
	}
	if s.Refused() || s.Head.Hash != s.Accepted.Hash {
		t.Errorf("the platform's own head is said to be refused: %+v", s.Head)
	}
	fix := j.sources["orders"].Commit(t, "fix", tree{"project.yaml": service("orders", "img:3")})
	j.source("orders")
	s = j.at("orders", fix)
	if s.Accepted.Subject != "orders: fix" || s.Accepted.Of("billing") != good || s.Accepted.Of("orders") != fix {
		t.Errorf("the accepted commit is %+v", s.Accepted)
	}
	j.stop()
	if diff := cmp.Diff([]string{"orders: bad"}, j.refused); diff != "" {
		t.Errorf("refused (-want +got):\n%s", diff)
	}
}

// TestThePlatformBreaksASource: a head of the platform is refused for what it breaks, and says whose it is.
func TestThePlatformBreaksASource(t *testing.T) {
	j := newJoint(t, "orders")
	j.begin()
	at := included(j.board.Snapshot().Source, "orders").Accepted.Hash
	before := j.projects()
	bad := j.platform.Commit(t, "no dev", tree{"env.yaml": strings.Replace(platform("x", nil)["env.yaml"], "name: dev", "name: test", 1), "own/project.yaml": strings.Replace(service("own", "img:2"), "[dev]", "[test]", 1)})
	j.fetch()
	s := j.await("the head to be refused", func(s status.Source) bool { return s.Refused() && s.Head.Hash == bad })
	want := fmt.Sprintf(`sources/orders/project.yaml:6:18: error: spec.environments[0]: there is no environment "dev" (in the source "orders" at commit %s, which is accepted)`, at[:8])
	if got := s.Problems.String(); !strings.Contains(got, want) {
		t.Errorf("got %s\nwant %s", got, want)
	}
	j.check("after that", before)
	// The source goes on meanwhile, and once it follows, both are accepted.
	next := j.sources["orders"].Commit(t, "follows", tree{"project.yaml": strings.Replace(service("orders", "img:2"), "[dev]", "[test]", 1)})
	j.source("orders")
	s = j.at("orders", next)
	if s.Refused() || s.Accepted.Of("") != bad {
		t.Errorf("the platform is at %s, refused: %t", s.Accepted.Of(""), s.Refused())
	}
}

// TestAProjectMovesToASource: it is never missing in between, in whichever order the two are pushed.
func TestAProjectMovesToASource(t *testing.T) {
	for _, first := range []string{"source", "platform"} {
		t.Run(first+" first", func(t *testing.T) {
			j := newJoint(t, "orders")
			j.begin()
			source := func() string {
				return j.sources["orders"].Commit(t, "take own", tree{"own/project.yaml": service("own", "img:1")})
			}
			own := func() { j.platform.Commit(t, "give own away", tree{"own/project.yaml": gittest.Delete}) }
			if first == "source" {
				twice := source()
				j.source("orders")
				if why := j.refuses("orders", twice); !strings.Contains(why, `Project "own" is already declared at own/project.yaml`) {
					t.Errorf("refused since %s", why)
				}
				own()
				j.fetch()
				j.at("orders", twice)
			} else {
				// Both are pushed before either is fetched.
				own()
				taken := source()
				j.source("orders")
				j.refuses("orders", taken)
				j.fetch()
				j.at("orders", taken)
			}
			j.stop()
			for _, projects := range j.accepted {
				if !strings.Contains(projects, "own") {
					t.Errorf("a commit was accepted without the project: %q", j.accepted)
				}
			}
			j.check("in the end", "orders own")
		})
	}
}

// TestWhatIsNotConfiguredIsNotRead: the repository does not have the daemon call addresses.
func TestWhatIsNotConfiguredIsNotRead(t *testing.T) {
	j := newJoint(t, "orders")
	j.unread["orders"] = true
	j.start()
	head := j.fetch()
	s := j.await("the head to be refused", func(s status.Source) bool { return s.Refused() && s.Head.Hash == head })
	if got := s.Problems.String(); !strings.HasPrefix(got, "trunkline.yaml:6:27: error: ") || !strings.Contains(got, `no source "orders"`) {
		t.Errorf("refused since %s", got)
	}
	if lines := j.followed(); len(lines) > 0 {
		t.Errorf("it follows %v", lines)
	}
	// Once it is configured the same head counts.
	j.unread["orders"] = false
	j.fetch()
	j.follows("orders branch main")
	j.at("orders", j.source("orders"))
	// What is taken out of the configuration stays as it is, and says so.
	j.unread["orders"] = true
	next := j.platform.Commit(t, "next", tree{"more/project.yaml": service("more", "img:1")})
	j.fetch()
	s = j.await("the next head to be refused", func(s status.Source) bool { return s.Head.Hash == next })
	if !s.Refused() || included(s, "orders").Error == "" || included(s, "orders").Accepted == nil {
		t.Errorf("the source is %+v", included(s, "orders"))
	}
	j.check("in the end", "orders own")
}

// TestASourceThatIsAway: what was accepted of it is kept, and the others go on.
func TestASourceThatIsAway(t *testing.T) {
	j := newJoint(t, "billing", "orders")
	j.begin()
	restore := j.sources["orders"].Hide(t)
	j.source("orders")
	good := j.sources["billing"].Commit(t, "good", tree{"more/project.yaml": service("more", "img:1")})
	j.source("billing")
	s := j.at("billing", good)
	if i := included(s, "orders"); i.Error == "" || i.Accepted == nil || strings.Contains(s.Error, "orders") {
		t.Errorf("orders is %+v; the platform's own error is %q", i, s.Error)
	}
	j.check("with one away", "billing more orders own")
	restore()
	j.source("orders")
	j.await("the error to be gone", func(s status.Source) bool { return included(s, "orders").Error == "" })
	// A branch that is deleted is the same.
	j.sources["orders"].DeleteBranch(t, "main")
	j.source("orders")
	s = j.await("the branch to be missed", func(s status.Source) bool { return strings.Contains(included(s, "orders").Error, "does not exist") })
	if included(s, "orders").Accepted == nil {
		t.Error("what was accepted is forgotten")
	}
	j.check("with the branch gone", "billing more orders own")
}

// TestASourceThatNeverCame: the platform counts without it, and what it declares is not known.
func TestASourceThatNeverCame(t *testing.T) {
	j := newJoint(t, "billing", "orders")
	restore := j.sources["orders"].Hide(t)
	j.start()
	head := j.fetch()
	j.follows("billing branch main", "orders branch main")
	j.source("billing")
	if s := j.board.Snapshot().Source; s.Accepted != nil {
		t.Error("it does not wait for a source that was never tried")
	}
	j.source("orders")
	s := j.await("the platform to be accepted", func(s status.Source) bool {
		return s.Accepted != nil && s.Accepted.Of("") == head && len(s.Sources) == 2
	})
	if i := included(s, "orders"); i.Accepted != nil || i.Error == "" || i.Fine() {
		t.Errorf("orders is %+v", i)
	}
	j.check("without orders", "billing own")
	if diff := cmp.Diff([]string{"orders"}, j.Reconciler.Catalog().Unknown()); diff != "" {
		t.Errorf("not known (-want +got):\n%s", diff)
	}
	restore()
	j.at("orders", j.source("orders"))
	j.check("with orders", "billing orders own")
}

// TestTheWaitForASourceEnds: one that answers to nothing holds up nobody for long.
func TestTheWaitForASourceEnds(t *testing.T) {
	j := newJoint(t, "orders")
	j.Grace = time.Millisecond
	j.start()
	head := j.fetch()
	j.await("the platform to be accepted", func(s status.Source) bool { return s.Accepted != nil && s.Accepted.Hash == head })
}

// TestARestartWithSources resumes where the daemon was, without any server.
func TestARestartWithSources(t *testing.T) {
	j := newJoint(t, "billing", "orders")
	dir := t.TempDir()
	j.open(t, dir)
	j.begin()
	bad := j.sources["billing"].Commit(t, "bad", tree{"project.yaml": strings.Replace(service("billing", "img:2"), "[dev]", "[nowhere]", 1)})
	j.source("billing")
	j.refuses("billing", bad)
	before := j.board.Snapshot().Source.Accepted.Hash
	j.stop()
	if err := j.store.Close(); err != nil {
		t.Fatal(err)
	}
	restore := []func(){j.platform.Hide(t), j.sources["billing"].Hide(t), j.sources["orders"].Hide(t)}
	j.lines = nil
	j.open(t, dir)
	j.start()
	j.await("the accepted commit", func(s status.Source) bool { return s.Accepted != nil && s.Accepted.Hash == before })
	j.follows("billing branch main", "orders branch main")
	j.check("after a restart", "billing orders own")
	// One source alone comes back, and moves.
	restore[2]()
	next := j.sources["orders"].Commit(t, "next", tree{"more/project.yaml": service("more", "img:1")})
	j.source("orders")
	s := j.at("orders", next)
	if s.Accepted.Of("billing") == bad {
		t.Error("what was refused is accepted")
	}
	j.check("with the platform away", "billing more orders own")
	restore[0]()
	restore[1]()
	j.fetch()
	j.source("billing")
	j.refuses("billing", bad)
}

// TestALostRecordOfSourcesIsMadeAgain: a store that was repaired may have lost what was accepted, of which the refused source is at something older.
func TestALostRecordOfSourcesIsMadeAgain(t *testing.T) {
	j := newJoint(t, "billing", "orders")
	dir := t.TempDir()
	j.open(t, dir)
	j.begin()
	bad := j.sources["orders"].Commit(t, "bad", tree{"project.yaml": strings.Replace(service("orders", "img:2"), "[dev]", "[nowhere]", 1)})
	j.source("orders")
	j.refuses("orders", bad)
	before := j.board.Snapshot().Source.Accepted.Hash
	if err := os.Remove(filepath.Join(dir, "refs", "trunkline", "accepted")); err != nil {
		t.Fatal(err)
	}
	j.platform.Commit(t, "next", tree{"more/project.yaml": service("more", "img:1")})
	head := j.fetch()
	s := j.await("the next commit", func(s status.Source) bool { return s.Accepted.Of("") == head })
	j.check("after the loss", "billing more orders own")
	if i := included(s, "orders"); s.Accepted.Hash == before || i.Accepted == nil || i.Accepted.Hash == bad {
		t.Errorf("orders is %+v", i)
	}
	if err := os.Remove(filepath.Join(dir, "refs", "trunkline", "accepted")); err != nil {
		t.Fatal(err)
	}
	worse := j.sources["orders"].Commit(t, "worse", tree{"project.yaml": strings.Replace(service("orders", "img:3"), "[dev]", "[nowhere]", 1)})
	j.source("orders")
	j.refuses("orders", worse) // nothing is accepted, and what was is recorded again
	if accepted, _, err := j.store.Accepted(); err != nil || accepted != s.Accepted.Hash {
		t.Errorf("the store has %q, %v; want %s", accepted, err, s.Accepted.Hash)
	}
}

// TestASourceIsSigned: who may sign, and whether history may be rewritten, is said for each.
func TestASourceIsSigned(t *testing.T) {
	j := newJoint(t, "orders")
	j.begin()
	var mu sync.Mutex
	unsigned := ""
	j.admission["orders"] = reconciler.Admission{NoRewrite: true, Verify: func(_ context.Context, commit string, _ bool) error {
		mu.Lock()
		defer mu.Unlock()
		if commit == unsigned {
			return &signers.RefusedError{Because: "it is not signed"}
		}
		return nil
	}}
	at := included(j.board.Snapshot().Source, "orders").Accepted.Hash
	mu.Lock()
	unsigned = j.sources["orders"].Commit(t, "unsigned", tree{"more/project.yaml": service("more", "img:1")})
	mu.Unlock()
	j.source("orders")
	if why := j.refuses("orders", unsigned); !strings.Contains(why, "the commit is refused: it is not signed") {
		t.Errorf("refused since %s", why)
	}
	mu.Lock()
	unsigned = "" // a key is added
	mu.Unlock()
	signed := j.source("orders")
	j.at("orders", signed)
	j.sources["orders"].Reset(t, at)
	rewritten := j.sources["orders"].Commit(t, "rewritten", tree{"other/project.yaml": service("other", "img:1")})
	j.source("orders")
	if why := j.refuses("orders", rewritten); !strings.Contains(why, "does not come after "+signed+", which is accepted") || !strings.Contains(why, "acceptRewrites: ["+signed+".."+rewritten+"]") {
		t.Errorf("refused since %s", why)
	}
	j.admission["orders"] = reconciler.Admission{NoRewrite: true, Rewrites: []reconciler.Rewrite{{From: signed, To: rewritten}}}
	j.source("orders")
	j.at("orders", rewritten)
	j.check("in the end", "orders other own")
}

// TestAHeadThatMayNotCountIncludesNothing: what it says of sources is not read.
func TestAHeadThatMayNotCountIncludesNothing(t *testing.T) {
	j := newJoint(t, "orders")
	var unsigned atomic.Value
	j.Admission.Verify = func(_ context.Context, commit string, _ bool) error {
		if commit == unsigned.Load() {
			return &signers.RefusedError{Because: "it is not signed"}
		}
		return nil
	}
	j.begin()
	j.sources["orders"].CommitTo(t, "evil", "evil", tree{"evil/project.yaml": service("evil", "img:1")})
	head := j.platform.Commit(t, "unsigned", tree{"trunkline.yaml": including(t, j.sources, map[string]string{"orders": ", branch: evil"})})
	unsigned.Store(head)
	j.fetch()
	s := j.await("the head to be refused", func(s status.Source) bool { return s.Refused() && s.Head.Hash == head })
	if got := s.Problems.String(); !strings.Contains(got, "it is not signed") {
		t.Errorf("refused since %s", got)
	}
	if diff := cmp.Diff([]string{"orders branch main"}, j.followed()); diff != "" {
		t.Errorf("followed (-want +got):\n%s", diff)
	}
	// Its sources go on meanwhile.
	j.at("orders", func() string {
		next := j.sources["orders"].Commit(t, "next", tree{"more/project.yaml": service("more", "img:1")})
		j.source("orders")
		return next
	}())
	j.check("beside it", "more orders own")
}

// TestWhatOfASourceCounts: a platform chooses another branch, a tag, a commit, a folder, and nothing.
func TestWhatOfASourceCounts(t *testing.T) {
	j := newJoint(t, "orders")
	j.begin()
	r := j.sources["orders"]
	first := included(j.board.Snapshot().Source, "orders").Accepted.Hash
	release := r.CommitTo(t, "release", "release", tree{"deploy/project.yaml": service("released", "img:1"), "not/project.yaml": service("not", "img:1")})
	r.SetRef(t, "refs/tags/v1", release)
	choose := func(what, follows, commit, projects string) {
		t.Helper()
		head := j.platform.Commit(t, "choose"+what, tree{"trunkline.yaml": including(t, j.sources, map[string]string{"orders": what})})
		j.fetch()
		j.await("the line to be followed", func(status.Source) bool { return slices.Contains(j.followed(), "orders "+follows) })
		j.source("orders")
		j.await(what+" to be accepted", func(s status.Source) bool {
			return s.Accepted != nil && s.Accepted.Of("") == head && s.Accepted.Of("orders") == commit
		})
		j.check(what, projects)
	}
	choose(", tag: v1", "tag v1", release, "not own released")
	choose(", branch: release, path: deploy", "branch release", release, "own released")
	choose(", commit: "+first, "commit "+first[:8], first, "orders own")
	choose("", "branch main", first, "orders own")
	// A folder that is not there is refused, and names the line.
	head := j.platform.Commit(t, "no folder", tree{"trunkline.yaml": including(t, j.sources, map[string]string{"orders": ", path: nothing"})})
	j.fetch()
	s := j.await("the head to be refused", func(s status.Source) bool { return s.Refused() && s.Head.Hash == head })
	if got := s.Problems.String(); !strings.HasPrefix(got, "trunkline.yaml:6:") || !strings.Contains(got, `source orders has no folder "nothing"`) {
		t.Errorf("refused since %s", got)
	}
	j.check("meanwhile", "orders own")
	// Nothing: the platform is one repository again.
	alone := j.platform.Commit(t, "alone", tree{"trunkline.yaml": platform("joint", nil)["trunkline.yaml"]})
	j.fetch()
	j.await("the platform alone", func(s status.Source) bool {
		return s.Accepted != nil && s.Accepted.Hash == alone && s.Head.Hash == alone
	})
	j.check("alone", "own")
	j.fetch()
	j.follows()
	if s = j.board.Snapshot().Source; len(s.Sources) > 0 || s.Refused() {
		t.Errorf("the board still has %+v", s.Sources)
	}
}

// TestHostileSources: what a repository can hold does nothing to others.
func TestHostileSources(t *testing.T) {
	cases := map[string]struct {
		reason string
		files  tree
		want   string
	}{
		"platform":    {"A source declares no platform.", tree{"trunkline.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Platform\nmetadata: {name: mine}\n"}, `Platform "mine" does not count here: the source "orders" may not declare the kind`},
		"environment": {"Nor rights.", tree{"env.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: mine}\nspec: {clusters: [test]}\n"}, `Environment "mine" does not count here`},
		"replaced":    {"Nor those of others again.", tree{"env.yaml": platform("x", nil)["env.yaml"]}, `Environment "dev" does not count here`},
		"other's":     {"Nor a project that another has.", tree{"own.yaml": service("own", "evil:1")}, `Project "own" is already declared at own/project.yaml`},
		"syntax":      {"What cannot be read is its own.", tree{"project.yaml": "apiVersion: trunkline.dev/v1alpha1\nkind: Project\n\tmetadata\n"}, "sources/orders/project.yaml:3:"},
		"another":     {"A folder with the name of another source is one of its own.", tree{"sources/billing/project.yaml": service("billing", "evil:1")}, `Project "billing" is already declared at sources/billing/project.yaml`},
		"link":        {"A link leads nowhere.", tree{"objects": gittest.Symlink("../../own"), "k/project.yaml": strings.Replace(manifests("k"), "path: objects", "path: ../objects", 1)}, ""},
		"up":          {"Nor does a path.", tree{"k/project.yaml": strings.Replace(manifests("k"), "path: objects", "path: ../../../own", 1)}, ""},
		"submodule":   {"A submodule is empty.", tree{"sub": gittest.Submodule(strings.Repeat("a", 40)), "k/project.yaml": strings.Replace(manifests("k"), "path: objects", "path: ../sub", 1)}, ""},
		"git":         {"What is hidden is not searched.", tree{".hidden/env.yaml": platform("x", nil)["env.yaml"]}, ""},
		"a namespace": {"Objects are held to its own namespace.", tree{"k/project.yaml": manifests("k"), "k/objects/kustomization.yaml": "resources: [x.yaml]\n", "k/objects/x.yaml": "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: x, namespace: kube-system}\n"}, ""},
	}
	for name, tc := range cases {
		t.Run(name, func(t *testing.T) {
			j := newJoint(t, "billing", "orders")
			j.begin()
			evil := j.sources["orders"].Commit(t, "evil", tc.files)
			good := j.sources["billing"].Commit(t, "good", tree{"more/project.yaml": service("more", "img:1")})
			j.source("orders")
			if tc.want == "" {
				j.at("orders", evil)
			} else if why := j.refuses("orders", evil); !strings.Contains(why, tc.want) {
				t.Errorf("%s\nIt is refused since %s", tc.reason, why)
			}
			j.source("billing")
			j.at("billing", good)
			if _, ok := j.Reconciler.Catalog().Project("k"); ok && name != "git" {
				for _, r := range j.board.Snapshot().Releases {
					if r.Project == "k" && r.Result != status.Failed {
						t.Errorf("%s\nIt renders: %+v", tc.reason, r)
					}
				}
			}
			if p, _ := j.Reconciler.Catalog().Project("own"); p.Spec.Image.Reference() != "img:1" {
				t.Errorf("%s\nThe platform's own project is %v", tc.reason, p.Spec.Image)
			}
		})
	}
}

// TestALargeSourceIsRefusedAlone: it is its own fetch that fails.
func TestALargeSourceIsRefusedAlone(t *testing.T) {
	j := newJoint(t, "billing", "orders")
	j.begin()
	deep := strings.Repeat("a/", 300) + "x"
	j.sources["orders"].Commit(t, "deep", tree{deep: "x"})
	j.source("orders")
	j.await("orders not to be read", func(s status.Source) bool { return included(s, "orders").Error != "" })
	good := j.sources["billing"].Commit(t, "good", tree{"more/project.yaml": service("more", "img:1")})
	j.source("billing")
	j.at("billing", good)
	j.check("beside it", "billing more orders own")
}

// TestAStartBesideSomethingNewer compares part by part: a cluster that holds something newer of one repository is not rolled back.
func TestAStartBesideSomethingNewer(t *testing.T) {
	j := newJoint(t, "billing", "orders")
	dir := t.TempDir()
	j.open(t, dir)
	j.begin()
	older := j.board.Snapshot().Source.Accepted.Hash
	next := j.sources["orders"].Commit(t, "next", tree{"more/project.yaml": service("more", "img:1")})
	j.source("orders")
	newer := j.at("orders", next).Accepted.Hash
	j.stop()
	// Another replica has not seen the last one.
	if err := j.store.SetAccepted(older); err != nil {
		t.Fatal(err)
	}
	if err := j.store.Close(); err != nil {
		t.Fatal(err)
	}
	for name, tc := range map[string]struct {
		recorded []string
		resumes  bool
	}{"as old": {[]string{older}, true}, "newer": {[]string{older, newer}, false}, "unknown": {[]string{strings.Repeat("1", 40)}, false}} {
		j.open(t, dir)
		j.Recorded = func(context.Context) ([]string, error) { return tc.recorded, nil }
		j.start()
		s := j.await("the start", func(s status.Source) bool { return s.Accepted != nil || s.Error != "" })
		if resumed := s.Accepted != nil; resumed != tc.resumes {
			t.Errorf("%s: resumed is %t: %s", name, resumed, s.Error)
		}
		j.stop()
		if err := j.store.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestSourceWatch follows real repositories by itself.
func TestSourceWatch(t *testing.T) {
	orders, billing := gittest.New(t), gittest.New(t)
	first := orders.Commit(t, "first", tree{"x": "1"})
	billing.Commit(t, "first", tree{"x": "2"})
	store, err := git.Open(t.TempDir())
	if err != nil {
		t.Fatal(err)
	}
	heads, failed := make(chan string, 100), make(chan string, 100)
	w := &reconciler.SourceWatch{
		Store: store, Interval: time.Hour, Log: slog.New(slog.DiscardHandler),
		Remote: func(_ context.Context, l reconciler.SourceLine) (git.Remote, error) {
			return l.Remote(git.Remote{URL: l.URL}), nil
		},
		OnHead:  func(l reconciler.SourceLine, h git.Head) { heads <- l.Name + " " + h.Commit },
		OnError: func(l reconciler.SourceLine, err error) { failed <- l.Name + " " + err.Error() },
	}
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	running.Go(func() { w.Run(ctx) })
	line := reconciler.SourceLine{Name: "orders", URL: orders.URL(), Branch: "main"}
	gone := reconciler.SourceLine{Name: "gone", URL: billing.URL(), Branch: "nothing"}
	w.Follow([]reconciler.SourceLine{line, gone}, []string{"orders", "gone"})
	if got := <-heads; got != "orders "+first {
		t.Errorf("got %s", got)
	}
	if got := <-failed; !strings.HasPrefix(got, `gone source "gone": branch "nothing" does not exist`) {
		t.Errorf("got %s", got)
	}
	second := orders.Commit(t, "second", tree{"x": "3"})
	w.Trigger(func(l reconciler.SourceLine) bool { return l.Name == "orders" })
	if got := <-heads; got != "orders "+second {
		t.Errorf("triggered, got %s", got)
	}
	if head, known, err := w.Known(line); !known || err != nil || head.Commit != second {
		t.Errorf("known is %v %t %v", head, known, err)
	}
	// What nobody includes any more is forgotten, once it is not fetched any more.
	other := reconciler.SourceLine{Name: "billing", URL: billing.URL(), Branch: "main"}
	w.Follow([]reconciler.SourceLine{other}, []string{"billing"})
	<-heads
	cancel()
	running.Wait()
	tracks, err := store.Tracks()
	if diff := cmp.Diff([]string{"source/billing"}, tracks); diff != "" || err != nil {
		t.Errorf("tracks (-want +got): %v\n%s", err, diff)
	}
	_ = store.Close()
}
