// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"errors"
	"fmt"
	"maps"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/cost"
	"trunkline.dev/trunkline/evaluate"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// pull evaluates what change makes of the files as the preview of a pull request; the files stay as they are.
func (l *loop) pull(number int, change func()) *evaluate.Preview {
	l.t.Helper()
	_, base := l.Accepted()
	trunk := l.files
	l.files = maps.Clone(trunk)
	change()
	head := l.files
	l.files = trunk
	e, err := evaluate.Head(l.t.Context(), evaluate.Input{
		Tree: head, Library: blueprints.FS, Renderer: rendering{}, Now: time.Now(),
	})
	if err != nil {
		l.t.Fatal(err)
	}
	p, err := evaluate.NewPreview(l.t.Context(), evaluate.PreviewInput{
		Pull: catalog.Pull{Number: number}, Environment: "dev", Base: base, Head: e, Renderer: rendering{}, Cost: cost.Terms{Now: time.Now()},
	})
	if err != nil {
		l.t.Fatal(err)
	}
	return p
}

// put puts the preview of a pull request that changes the text of projects.
func (l *loop) put(number int, commit, text string, projects ...string) {
	l.t.Helper()
	p := l.pull(number, func() {
		for _, name := range projects {
			l.project(name, text)
		}
	})
	if err := l.PutPreview(l.t.Context(), Preview{Preview: p, Commit: commit}); err != nil {
		l.t.Fatal(err)
	}
}

func preview(number int, project string) catalog.ReleaseID {
	return catalog.ReleaseID{Project: project, Environment: catalog.Pull{Number: number}.Preview(), Cluster: "test"}
}

// awaitAt waits until a release is applied and healthy at a commit.
func (l *loop) awaitAt(id catalog.ReleaseID, commit string) status.Release {
	l.t.Helper()
	var out status.Release
	l.await(fmt.Sprintf("%s to be at %s", id, commit), func(p status.Platform) bool {
		i := slices.IndexFunc(p.Releases, func(r status.Release) bool { return r.ReleaseID == id })
		if i < 0 {
			return false
		}
		out = p.Releases[i]
		return out.Fine() && out.Commit == commit
	})
	return out
}

// awaitNone waits until the board has no release of an environment.
func (l *loop) awaitNone(environment string) {
	l.t.Helper()
	l.await(environment+" to be gone", func(p status.Platform) bool {
		return !slices.ContainsFunc(p.Releases, func(r status.Release) bool { return r.Environment == environment })
	})
}

// holds lists the objects in the namespaces of an environment, and its inventories.
func (l *loop) holds(environment string) (out []string) {
	l.cluster.Change(func() {
		for ref := range l.cluster.Objects {
			if strings.HasSuffix(ref.Namespace, "-"+environment) {
				out = append(out, ref.Name)
			}
		}
		for id, i := range l.cluster.Stored {
			if id.Environment == environment {
				out = append(out, fmt.Sprintf("%s is %s", id.Project, i.Preview))
			}
		}
	})
	slices.Sort(out)
	return out
}

// newPreviews is a loop whose environment gives previews, with two projects.
func newPreviews(t *testing.T) *loop {
	l := newLoop(t)
	l.write("env.yaml", "apiVersion: trunkline.dev/v1alpha1\nkind: Environment\nmetadata: {name: dev}\nspec: {clusters: [test], preview: {}}\n")
	l.project("orders", "a")
	l.project("rates", "x")
	return l
}

// own are the objects that bound a namespace.
var own = []string{"trunkline", "trunkline", "trunkline"}

func TestPreviewIsMadeChangedAndRemoved(t *testing.T) {
	l := newPreviews(t)
	l.run()
	l.accept()
	l.awaitFine()
	trunk := l.holds("dev")
	l.put(7, "p1", "bc", "orders", "rates")
	l.awaitAt(preview(7, "orders"), "p1")
	if r := l.awaitAt(preview(7, "rates"), "p1"); r.Preview == nil || *r.Preview != (status.Preview{Of: "dev"}) {
		t.Errorf("the board says of it %+v", r.Preview)
	}
	want := slices.Concat([]string{"orders is awake", "orders-0", "orders-1", "rates is awake", "rates-0", "rates-1"}, own, own)
	if diff := cmp.Diff(want, l.holds("pr-7")); diff != "" {
		t.Errorf("it holds: -want +got\n%s", diff)
	}
	if commits, err := l.Recorded(t.Context()); err != nil || slices.Contains(commits, "p1") {
		t.Errorf("commits of the trunk that clusters hold are %v (%v): p1 is none", commits, err)
	}

	// A newer push that does not change a project any more takes it out.
	l.put(7, "p2", "d", "orders")
	l.awaitAt(preview(7, "orders"), "p2")
	l.await("rates to be gone", func(p status.Platform) bool {
		return !slices.ContainsFunc(p.Releases, func(r status.Release) bool { return r.ReleaseID == preview(7, "rates") })
	})
	if diff := cmp.Diff(slices.Concat([]string{"orders is awake", "orders-0"}, own), l.holds("pr-7")); diff != "" {
		t.Errorf("it holds: -want +got\n%s", diff)
	}

	// Whatever was suspended, or has data in it, goes with the preview.
	if err := l.Do(t.Context(), preview(7, "orders"), Suspend, ByHand{By: "ann"}); err != nil {
		t.Fatal(err)
	}
	l.cluster.Change(func() {
		for ref, o := range l.cluster.Objects {
			if ref.Namespace == "orders-pr-7" {
				o.Prune = plan.PruneDisabled
			}
		}
	})
	if err := l.RemovePreview(t.Context(), "pr-7", ByHand{By: "ann"}); err != nil {
		t.Fatal(err)
	}
	l.awaitNone("pr-7")
	if got := l.holds("pr-7"); got != nil {
		t.Errorf("of a preview that was removed there is still %v", got)
	}
	if states, err := l.Previews(t.Context()); err != nil || len(states) != 0 {
		t.Errorf("previews are %+v (%v)", states, err)
	}
	if diff := cmp.Diff(trunk, l.holds("dev")); diff != "" {
		t.Errorf("the environment was touched: -want +got\n%s", diff)
	}
	var told []string
	for _, e := range l.told(history.Previewed) {
		told = append(told, e.Release.Environment+": "+e.Message)
	}
	if diff := cmp.Diff([]string{"pr-7: a preview of dev with 2 releases", "pr-7: it takes the newest push", "pr-7: the preview is removed, with its data"}, told); diff != "" {
		t.Errorf("history: -want +got\n%s", diff)
	}
}

// TestTheTrunkLeavesPreviewsAlone: no commit of the trunk removes what a pull request has made, nor the other way round.
func TestTheTrunkLeavesPreviewsAlone(t *testing.T) {
	l := newPreviews(t)
	l.run()
	l.accept()
	l.awaitFine()
	l.put(7, "p1", "bc", "orders")
	l.awaitAt(preview(7, "orders"), "p1")
	before := l.holds("pr-7")
	l.cluster.Log()
	l.remove("orders")
	l.project("rates", "y")
	commit := l.accept()
	l.await("the trunk's to be gone", func(p status.Platform) bool {
		return !slices.ContainsFunc(p.Releases, func(r status.Release) bool { return r.ReleaseID == idOf("orders") })
	})
	l.awaitAt(idOf("rates"), commit)
	if err := l.Swept(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.awaitAt(preview(7, "orders"), "p1")
	if diff := cmp.Diff(before, l.holds("pr-7")); diff != "" {
		t.Errorf("the preview holds: -want +got\n%s", diff)
	}
}

func TestPreviewsSleep(t *testing.T) {
	l := newPreviews(t)
	l.run()
	l.accept()
	l.awaitFine()
	if err := l.SleepPreview(t.Context(), "pr-7", ByHand{}); !errors.Is(err, ErrNotFound) {
		t.Errorf("putting to sleep what is not there: %v", err)
	}
	l.put(7, "p1", "bc", "orders")
	l.awaitAt(preview(7, "orders"), "p1")
	asleep := func(want bool) {
		t.Helper()
		l.await("it to be said", func(p status.Platform) bool {
			i := slices.IndexFunc(p.Releases, func(r status.Release) bool { return r.ReleaseID == preview(7, "orders") })
			return i >= 0 && p.Releases[i].Preview.Asleep == want && p.Releases[i].Fine()
		})
		states, err := l.Previews(t.Context())
		if err != nil || len(states) != 1 || states[0].Asleep != want || !states[0].Put || states[0].Removing {
			t.Errorf("previews are %+v (%v)", states, err)
		}
	}
	if err := l.SleepPreview(t.Context(), "pr-7", ByHand{By: "ann"}); err != nil {
		t.Fatal(err)
	}
	asleep(true)
	if err := l.WakePreview(t.Context(), "pr-7", ByHand{By: "ann"}); err != nil {
		t.Fatal(err)
	}
	asleep(false)
}

// TestPreviewsAfterARestart: what a preview is is not known to a daemon that was just started, and so nothing of it is removed
// until it is.
func TestPreviewsAfterARestart(t *testing.T) {
	l := newPreviews(t)
	stop := l.run()
	l.accept()
	l.awaitFine()
	for n := range 3 {
		l.put(7+n, "p1", "bc", "orders")
		l.awaitAt(preview(7+n, "orders"), "p1")
	}
	recorded := make(chan struct{}, 100)
	l.cluster.Change(func() {
		l.cluster.Hook = func(line string) {
			if strings.HasPrefix(line, "record ") {
				recorded <- struct{}{}
			}
		}
	})
	if err := l.SleepPreview(t.Context(), "pr-8", ByHand{}); err != nil {
		t.Fatal(err)
	}
	select {
	case <-recorded:
	case <-time.After(time.Minute):
		t.Fatal("that it sleeps is not recorded")
	}
	stop() // which waits for what is being written
	l.board = status.NewBoard(time.Now)
	l.restart()
	l.run()
	l.accept()
	l.awaitFine()
	l.cluster.Log()
	if err := l.Swept(t.Context()); err != nil {
		t.Fatal(err)
	}
	states, err := l.Previews(t.Context())
	want := []PreviewState{
		{Name: "pr-7", Releases: []catalog.ReleaseID{preview(7, "orders")}},
		{Name: "pr-8", Asleep: true, Releases: []catalog.ReleaseID{preview(8, "orders")}},
		{Name: "pr-9", Releases: []catalog.ReleaseID{preview(9, "orders")}},
	}
	if diff := cmp.Diff(want, states); diff != "" || err != nil {
		t.Fatalf("previews (%v): -want +got\n%s", err, diff)
	}
	if n := deletions(l.cluster.Log()); n > 0 {
		t.Fatalf("%d things were deleted before it was known which previews there should be", n)
	}
	if err := l.RemovePreview(t.Context(), "pr-9", ByHand{}); err != nil {
		t.Fatal(err) // which needs no more to be known
	}
	if err := l.Swept(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.awaitNone("pr-9")
	l.SetPreviews([]string{"pr-8"})
	if err := l.Swept(t.Context()); err != nil {
		t.Fatal(err)
	}
	l.awaitNone("pr-7")
	if a, b, c := l.holds("pr-7"), l.holds("pr-8"), l.holds("pr-9"); a != nil || b == nil || c != nil {
		t.Errorf("pr-7 has %v, pr-8 has %v, pr-9 has %v; want those of pr-8 alone", a, b, c)
	}
}

func TestPreviewsAreRefused(t *testing.T) {
	l := newPreviews(t)
	if err := l.PutPreview(t.Context(), Preview{Preview: &evaluate.Preview{Name: "pr-7"}}); !errors.Is(err, ErrNotReady) {
		t.Errorf("before a commit was accepted: %v", err)
	}
	l.run()
	l.accept()
	l.awaitFine()
	l.put(7, "p1", "bc", "orders")
	l.awaitAt(preview(7, "orders"), "p1")
	before := l.holds("pr-7")
	for _, tc := range []struct {
		reason string
		change func(*evaluate.Preview)
		want   string
	}{
		{"another preview has the namespace", func(p *evaluate.Preview) { p.Releases[0].Namespace = "orders-pr-7" }, `the namespace "orders-pr-7" is that of the preview pr-7`},
		{"the trunk has the namespace", func(p *evaluate.Preview) { p.Releases[0].Namespace = "rates-dev" }, `the namespace "rates-dev" is that of rates/dev@test`},
		{"it is no preview", func(p *evaluate.Preview) { p.Name = "dev" }, `"dev" is not the name of a preview`},
	} {
		p := l.pull(8, func() { l.project("orders", "zz") })
		tc.change(p)
		err := l.PutPreview(t.Context(), Preview{Preview: p, Commit: "p9"})
		if refused, ok := errors.AsType[*PreviewError](err); !ok || refused.Why != tc.want {
			t.Errorf("%s: got %v, want %s", tc.reason, err, tc.want)
		}
	}
	if diff := cmp.Diff(before, l.holds("pr-7")); diff != "" || l.holds("pr-8") != nil {
		t.Errorf("something was done: -want +got\n%s", diff)
	}
}

// TestPreviewsAreForgotten: a replica that does not lead any more keeps no preview, and removes none.
func TestPreviewsAreForgotten(t *testing.T) {
	l := newPreviews(t)
	l.run()
	l.accept()
	l.awaitFine()
	l.put(7, "p1", "bc", "orders")
	l.awaitAt(preview(7, "orders"), "p1")
	l.cluster.Log()
	l.ForgetPreviews()
	l.awaitNone("pr-7")
	if err := l.Swept(t.Context()); err != nil {
		t.Fatal(err)
	}
	if log := l.cluster.Log(); len(log) > 0 {
		t.Errorf("forgetting did %v", log)
	}
	l.put(7, "p2", "b", "orders")
	l.awaitAt(preview(7, "orders"), "p2")
}
