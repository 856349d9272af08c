// SPDX-License-Identifier: Apache-2.0

package release_test

import (
	"errors"
	"time"

	"k8s.io/apimachinery/pkg/apis/meta/v1/unstructured"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/plan"
	"trunkline.dev/trunkline/plan/gate"
	"trunkline.dev/trunkline/plan/health"
	"trunkline.dev/trunkline/plan/release"
	"trunkline.dev/trunkline/plan/terms"
	"trunkline.dev/trunkline/render"
)

var (
	id    = catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "eu"}
	start = time.Date(2026, 12, 16, 10, 0, 0, 0, time.UTC)
)

// world is what the machine runs in: a clock, a cluster with an inventory, and a repository with older commits. It answers
// operations when it is asked to.
type world struct {
	t     tb
	now   time.Time
	state release.State
	// op is the operation under way, nil if there is none, and canceled is set once it was asked to end.
	op       release.Effect
	canceled bool
	wake     time.Time
	view     release.View
	progress release.Progress
	replies  map[int64]error
	records  []release.Record
	runs     []release.Run
	looking  *release.Diagnose
	retired  bool

	// The cluster: what is recorded of the release, and how many objects it holds.
	commit, digest string
	memory         gate.Memory
	objects        plan.Tally
	health         health.State
	// targets are what commits render to.
	targets map[string]release.Target
	acts    int64
}

func newWorld(t tb) *world {
	return &world{
		t: t, now: start, state: release.New(id), replies: map[int64]error{}, health: health.Healthy, targets: map[string]release.Target{},
	}
}

// target is a state of n objects that a commit brings.
func (w *world) target(commit, digest string, n int) release.Target {
	var objects []*unstructured.Unstructured
	for i := range n {
		objects = append(objects, &unstructured.Unstructured{Object: map[string]any{
			"apiVersion": "v1", "kind": "ConfigMap", "metadata": map[string]any{"namespace": "orders-prod", "name": string(rune('a' + i))},
		}})
	}
	packed, err := render.Pack(objects)
	if err != nil {
		w.t.Fatal(err)
	}
	t := release.Target{Commit: commit, Namespace: "orders-prod", Owner: "team", Objects: packed, Digest: digest}
	w.targets[commit] = t
	return t
}

func settings() release.Settings {
	t := terms.Undeclared()
	t.Rollback, t.Awaited = true, true
	return release.Settings{Terms: t, Access: release.Access{Declared: true}}
}

func (w *world) step(e release.Event) {
	w.t.Helper()
	s := w.state
	next, effects := release.Step(s, e, w.now)
	w.state = next
	retired := false
	for _, f := range effects {
		if retired {
			w.t.Fatalf("%T comes after the release is retired", f)
		}
		_, retired = f.(release.Retire)
		w.do(f)
	}
	if retired && next.Op != s.Op && next.Op != release.Idle {
		w.t.Fatalf("a release that is retired begins to %s", next.Op)
	}
}

func (w *world) do(f release.Effect) {
	w.t.Helper()
	switch f := f.(type) {
	case release.Look, release.Restore, release.Save, release.Ask:
		w.begin(f)
	case release.Run:
		w.begin(f)
		w.runs = append(w.runs, f)
	case release.Cancel:
		w.canceled = true
	case release.Publish:
		w.view = f.View
	case release.Report:
		w.progress = f.Progress
	case release.Record:
		w.records = append(w.records, f)
	case release.Reply:
		if _, twice := w.replies[f.ID]; twice {
			w.t.Fatalf("request %d is answered twice", f.ID)
		}
		w.replies[f.ID] = f.Err
	case release.Wake:
		w.wake = f.At
	case release.Diagnose:
		w.looking = &f
	case release.Retire:
		w.retired = true
	case release.Warn:
	default:
		w.t.Fatalf("an effect that nobody knows: %T", f)
	}
}

func (w *world) begin(f release.Effect) {
	w.t.Helper()
	if w.op != nil {
		w.t.Fatalf("%T is begun while %T is under way", f, w.op)
	}
	w.op, w.canceled = f, false
}

// answer ends the operation under way, with success.
func (w *world) answer() {
	w.t.Helper()
	op := w.op
	w.op = nil
	switch op := op.(type) {
	case release.Look:
		w.step(release.Looked{Epoch: op.Epoch, Commit: w.commit, Digest: w.digest, Memory: w.memory, Objects: w.objects})
	case release.Run:
		w.step(w.ran(op))
	case release.Restore:
		t, ok := w.targets[op.Commit]
		out := release.Restored{Epoch: op.Epoch, Target: t}
		if !ok {
			out.Err = errors.New("unknown commit")
		}
		w.step(out)
	case release.Save:
		w.memory = op.Memory
		w.step(release.Saved{Epoch: op.Epoch, Memory: op.Memory})
	case release.Ask:
		w.step(release.Answered{Epoch: op.Epoch})
	default:
		w.t.Fatalf("nothing is under way")
	}
}

// ran does what a run is asked for.
func (w *world) ran(in release.Run) release.Ended {
	out := release.Ended{Epoch: in.Epoch, Planned: true}
	if w.canceled {
		return release.Ended{Epoch: in.Epoch, Canceled: true}
	}
	if in.Target.Remove {
		w.commit, w.digest, w.memory, w.objects = "", "", gate.Memory{}, nil
		out.Finished = true
		return out
	}
	if w.digest != in.Target.Digest {
		w.commit, out.Applied = in.Target.Commit, in.Target.Objects.Len()
	}
	w.digest, w.memory, w.objects = in.Target.Digest, in.Memory, in.Target.Objects.Made()
	out.Recorded = &release.Recorded{Commit: w.commit, Digest: w.digest, Memory: w.memory}
	out.Members = w.objects
	out.Observation = w.observation()
	return out
}

// fail ends the operation under way with an error.
func (w *world) fail(err error, terminal bool) {
	w.t.Helper()
	op := w.op
	w.op = nil
	switch op := op.(type) {
	case release.Look:
		w.step(release.Looked{Epoch: op.Epoch, Err: err, Terminal: terminal})
	case release.Run:
		w.step(release.Ended{Epoch: op.Epoch, Err: err, Terminal: terminal, Canceled: w.canceled})
	case release.Restore:
		w.step(release.Restored{Epoch: op.Epoch, Err: err})
	case release.Save:
		w.step(release.Saved{Epoch: op.Epoch, Err: err})
	case release.Ask:
		w.step(release.Answered{Epoch: op.Epoch, Again: true})
	default:
		w.t.Fatalf("nothing is under way")
	}
}

func (w *world) observation() *release.Observation {
	o := release.Observation{Health: w.health}
	if w.health != health.Healthy {
		o.Worst = plan.Ref{Namespace: "orders-prod", Name: "a"}
		o.Message = "a is " + string(w.health)
	}
	return &o
}

// observe reports the health, if it can be read.
func (w *world) observe() {
	w.t.Helper()
	if w.state.Observable() {
		w.step(release.Observed{Observation: *w.observation()})
	}
}

// settle answers everything and observes, until nothing more is to be done at this time.
func (w *world) settle() {
	w.t.Helper()
	for range 100 {
		w.observe()
		if w.op == nil {
			return
		}
		w.answer()
	}
	w.t.Fatalf("it does not come to rest: %T is under way", w.op)
}

// pass lets time pass, and wakes the machine when it asked for it.
func (w *world) pass(d time.Duration) {
	w.t.Helper()
	end := w.now.Add(d)
	for range 10_000 {
		if w.wake.IsZero() || w.wake.After(end) {
			w.now = end
			w.step(release.Timer{})
			w.settle()
			return
		}
		if w.wake.After(w.now) {
			w.now = w.wake
		}
		asked := w.wake
		if w.looking != nil {
			w.diagnosed(health.Reason{})
		}
		w.observe()
		w.step(release.Timer{})
		w.settle()
		if w.op == nil && !w.wake.IsZero() && !w.wake.After(w.now) && w.wake.Equal(asked) {
			w.t.Fatalf("it asks to be woken at %s again and again, and it is %s", w.wake, w.now)
		}
	}
	w.t.Fatal("it wakes up all the time")
}

func (w *world) diagnosed(r health.Reason) {
	d := *w.looking
	w.looking = nil
	w.step(release.Diagnosed{Epoch: d.Epoch, Ref: d.Ref, Reason: r})
}

// declare accepts a commit that declares the release.
func (w *world) declare(t release.Target, s release.Settings) {
	w.t.Helper()
	w.step(release.Declared{Target: t, Settings: s})
}

// removed accepts a commit that does not declare the release any more.
func (w *world) removed(commit string) {
	w.t.Helper()
	w.step(release.Declared{
		Target: release.Target{Commit: commit, Remove: true}, Settings: settings(), Removals: &gate.Removals{Environment: "prod", Removed: 1, Of: 10},
	})
}

// act asks for something, and returns the number of the request.
func (w *world) act(do release.Do) int64 {
	w.t.Helper()
	w.acts++
	w.step(release.Act{ID: w.acts, Do: do, By: "ann", Why: "incident 7"})
	return w.acts
}

// kinds lists what was recorded for the history.
func (w *world) kinds() (kinds []release.Kind) {
	for _, r := range w.records {
		kinds = append(kinds, r.Kind)
	}
	return kinds
}

// kept is a world in which the release is at c1, applied and healthy.
func kept(t tb) *world {
	t.Helper()
	w := newWorld(t)
	w.step(release.Gained{})
	w.declare(w.target("c1", "d1", 2), settings())
	w.settle()
	if w.view.Result != release.Applied || w.view.Health != health.Healthy || w.digest != "d1" {
		t.Fatalf("the release is not kept at c1: %+v", w.view)
	}
	w.records = nil
	return w
}

// tb is a test, or a check of one.
type tb interface {
	Helper()
	Error(args ...any)
	Errorf(format string, args ...any)
	Fatal(args ...any)
	Fatalf(format string, args ...any)
}
