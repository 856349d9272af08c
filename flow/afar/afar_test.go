// SPDX-License-Identifier: Apache-2.0

package afar

import (
	"context"
	"encoding/json"
	"errors"
	"log/slog"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"github.com/google/go-cmp/cmp/cmpopts"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/jobs"
	"trunkline.dev/trunkline/flow/run"
)

// played is a cluster that notes what is done, and does it as the test says.
type played struct {
	mu      sync.Mutex
	tell    func(jobs.Event)
	watched chan struct{}
	did     []string
	ordered jobs.Order
	of      jobs.Job
	err     error
	busy    int
	// found is the Job that a look finds.
	found jobs.Job
}

func (p *played) Watch(ctx context.Context, tell func(jobs.Event)) {
	p.tell = tell
	close(p.watched)
	<-ctx.Done()
}

func (p *played) do(as jobs.As, what string, j jobs.Job) error {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.did, p.of = append(p.did, what+" "+as.Namespace+"/"+j.Name+" as "+as.Account), j
	return p.err
}

func (p *played) Create(_ context.Context, as jobs.As, o jobs.Order) error {
	p.ordered = o
	return p.do(as, "create", jobs.Job{Name: o.Name})
}

func (p *played) Settle(_ context.Context, as jobs.As, j jobs.Job, outcome string) error {
	return p.do(as, "settle "+outcome, j)
}

func (p *played) Delete(_ context.Context, as jobs.As, j jobs.Job) error {
	return p.do(as, "delete", j)
}

func (p *played) Why(_ context.Context, as jobs.As, j jobs.Job) (string, error) {
	return "it ended with exit code 3", p.do(as, "why", j)
}

func (p *played) Await(ctx context.Context, as jobs.As, name string) (bool, error) {
	if err := p.do(as, "await", jobs.Job{Name: name}); err != nil || p.busy == 0 {
		return false, err
	}
	p.busy--
	return false, context.DeadlineExceeded // it was asked for long enough
}

func (p *played) Lingering(_ context.Context, as jobs.As) (map[string]bool, error) {
	return map[string]bool{"clean-1": true}, p.do(as, "lingering", jobs.Job{})
}

func (p *played) Log(_ context.Context, as jobs.As, j jobs.Job) (string, error) {
	return "a line\n", p.do(as, "log", j)
}

func (p *played) Look(_ context.Context, as jobs.As, name string) (jobs.Looked, error) {
	return jobs.Looked{Job: p.found, Manifest: "kind: Job\n", Doing: "it waits for a node"}, p.do(as, "look", jobs.Job{Name: name})
}

// straight is a line on which nothing is lost.
type straight struct {
	hands *Hands
	told  func([]json.RawMessage)
	cut   error
}

func (s *straight) Follow(told func([]json.RawMessage), _ func(string)) func() {
	s.told = told
	s.hands.Follow(true)
	return func() { s.hands.Follow(false) }
}

func (s *straight) Ask(ctx context.Context, what json.RawMessage, _ time.Duration) ([]byte, error) {
	if s.cut != nil {
		return nil, s.cut
	}
	return s.hands.Answer(ctx, what), nil
}

func (s *straight) pass() {
	for more := true; more; {
		var said []json.RawMessage
		if said, more = s.hands.Next(2); len(said) > 0 {
			s.told(said)
		}
	}
}

func hour(t *testing.T) lot.Lot {
	t.Helper()
	l, err := lot.ParseID("20260102PT1H003")
	if err != nil {
		t.Fatal(err)
	}
	return l
}

// ends are both ends of a line, with a template and a Job in the cluster.
type ends struct {
	cluster *Cluster
	line    *straight
	played  *played
	events  chan jobs.Event
	keeps   bool
}

var (
	tmpl = jobs.Template{Namespace: "orders-dev", Name: "clean", UID: "t1", Environment: "dev", Workload: "orders/clean", Digest: "d1", Env: map[string]string{"MODE": "fast"}}
	as   = jobs.As{Namespace: "orders-dev", Account: "deployer"}
)

func newEnds(t *testing.T) *ends {
	t.Helper()
	e := &ends{played: &played{watched: make(chan struct{})}, events: make(chan jobs.Event, 100), keeps: true}
	hands := NewHands(e.played, func(ctx context.Context) (context.Context, func(), bool) { return ctx, func() {}, e.keeps })
	e.line = &straight{hands: hands}
	e.cluster = New("edge", e.line, slog.New(slog.DiscardHandler))
	ctx, cancel := context.WithCancel(t.Context())
	var both sync.WaitGroup
	both.Go(func() { hands.Run(ctx, func() {}) })
	both.Go(func() { e.cluster.Watch(ctx, func(one jobs.Event) { e.events <- one }) })
	t.Cleanup(func() { cancel(); both.Wait() })
	<-e.played.watched
	return e
}

func (e *ends) next(t *testing.T) jobs.Event {
	t.Helper()
	select {
	case one := <-e.events:
		return one
	case <-time.After(time.Minute):
		t.Fatal("nothing is told")
		return jobs.Event{}
	}
}

// TestDeeds: what the keeper asks of a cluster is done there, with what it takes, and what comes of it is told.
func TestDeeds(t *testing.T) {
	e := newEnds(t)
	job := jobs.Job{
		Namespace: "orders-dev", Name: "clean-1", UID: "j1", Environment: "dev", Workload: "orders/clean", Lot: hour(t), Attempt: "r1", Inputs: "in", Replaces: "{}", Tag: "t",
		Created: time.Date(2026, 1, 2, 3, 4, 5, 0, time.UTC), Timeout: time.Minute, Ended: time.Date(2026, 1, 2, 3, 5, 5, 0, time.UTC), Failed: true, Outcome: "failed",
	}
	other := jobs.Job{Namespace: "orders-dev", Name: "by-hand", UID: "j2", Workload: "orders/clean"}
	said := []jobs.Event{
		{Kind: jobs.Begins},
		{Kind: jobs.Has, Template: &tmpl},
		{Kind: jobs.Has, Job: &job},
		{Kind: jobs.Has, Other: &other},
		{Kind: jobs.Complete},
		{Kind: jobs.Away},
		{Kind: jobs.Back},
		{Kind: jobs.Gone, Job: &job},
	}
	for _, one := range said {
		e.played.tell(one)
		e.line.pass()
		one.Cluster = "edge"
		if diff := cmp.Diff(one, e.next(t), cmpopts.IgnoreUnexported(jobs.Job{}, jobs.Template{})); diff != "" {
			t.Errorf("what is told (-said +told):\n%s", diff)
		}
	}

	order := jobs.Order{
		Template: tmpl, Name: "clean-1", Lot: hour(t), Attempt: "r1", Inputs: "in", Replaces: "{}", Tag: "t",
		Variables: []run.Variable{{Name: "MODE", Value: run.Text{{Literal: "a"}, {Secret: "KEY"}}}}, Command: []run.Text{{{Literal: "sh"}}},
	}
	ctx := t.Context()
	if err := e.cluster.Create(ctx, as, order); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(order, e.played.ordered, cmpopts.IgnoreUnexported(jobs.Template{})); diff != "" {
		t.Errorf("what is ordered (-want +got):\n%s", diff)
	}
	if err := e.cluster.Settle(ctx, as, job, "made"); err != nil {
		t.Error(err)
	}
	if diff := cmp.Diff(job, e.played.of, cmpopts.IgnoreUnexported(jobs.Job{})); diff != "" {
		t.Errorf("what is settled (-want +got):\n%s", diff)
	}
	if err := e.cluster.Delete(ctx, as, job); err != nil {
		t.Error(err)
	}
	if why, err := e.cluster.Why(ctx, as, job); why != "it ended with exit code 3" || err != nil {
		t.Errorf("why it failed: %q, %v", why, err)
	}
	e.played.busy = 2
	if there, err := e.cluster.Await(ctx, as, "clean-1"); there || err != nil {
		t.Errorf("awaited: %t, %v", there, err)
	}
	if names, err := e.cluster.Lingering(ctx, as); !names["clean-1"] || err != nil {
		t.Errorf("lingering: %v, %v", names, err)
	}
	if text, err := e.cluster.Log(ctx, as, job); text != "a line\n" || err != nil {
		t.Errorf("the log: %q, %v", text, err)
	}
	for _, found := range []jobs.Job{job, other} {
		e.played.found = found
		looked := jobs.Looked{Job: found, Manifest: "kind: Job\n", Doing: "it waits for a node"}
		looked.Job.Cluster = "edge"
		got, err := e.cluster.Look(ctx, as, found.Name)
		if diff := cmp.Diff(looked, got, cmpopts.IgnoreUnexported(jobs.Job{})); diff != "" || err != nil {
			t.Errorf("what is found (-want +got), %v:\n%s", err, diff)
		}
	}
	want := []string{
		"create orders-dev/clean-1 as deployer", "settle made orders-dev/clean-1 as deployer", "delete orders-dev/clean-1 as deployer", "why orders-dev/clean-1 as deployer",
		"await orders-dev/clean-1 as deployer", "await orders-dev/clean-1 as deployer", "await orders-dev/clean-1 as deployer", "lingering orders-dev/ as deployer",
		"log orders-dev/clean-1 as deployer", "look orders-dev/clean-1 as deployer", "look orders-dev/by-hand as deployer",
	}
	if diff := cmp.Diff(want, e.played.did); diff != "" {
		t.Errorf("what was done (-want +got):\n%s", diff)
	}
}

// TestErrors: an error is of the kind that it is there; whatever is in the way of an answer leaves it open what came of it.
func TestErrors(t *testing.T) {
	e := newEnds(t)
	e.played.tell(jobs.Event{Kind: jobs.Begins})
	e.played.tell(jobs.Event{Kind: jobs.Has, Template: &tmpl})
	order := jobs.Order{Template: tmpl, Name: "clean-1", Lot: hour(t)}
	newer := order
	newer.Template.Digest = "d2"
	create := func(o jobs.Order) func() error {
		return func() error { return e.cluster.Create(t.Context(), as, o) }
	}
	for _, tc := range []struct {
		reason  string
		there   error
		cut     error
		keeps   bool
		ask     func() error
		says    string
		passing bool
	}{
		{"it says no", errors.New("no"), nil, true, create(order), "no", false},
		{"it does not answer", jobs.ErrUnanswered, nil, true, create(order), "does not answer", true},
		{"the line is cut", nil, errors.New("cut"), true, create(order), `the agent of the cluster "edge": cut`, true},
		{"the agent does not keep the cluster", nil, nil, false, create(order), "does not keep the cluster", true},
		{"the template is another one by now", nil, nil, true, create(newer), "the template orders-dev/clean is not what the run was planned by", true},
		{"there is nothing to read", jobs.ErrNoLog, nil, true, func() error { _, err := e.cluster.Log(t.Context(), as, jobs.Job{}); return err }, "it has no log", false},
	} {
		e.played.err, e.line.cut, e.keeps = tc.there, tc.cut, tc.keeps
		err := tc.ask()
		if err == nil || !strings.Contains(err.Error(), tc.says) || jobs.Transient(err) != tc.passing || errors.Is(err, jobs.ErrNoLog) != (tc.there == jobs.ErrNoLog) { //nolint:errorlint // it is this one
			t.Errorf("%s: %v, passing %t", tc.reason, err, jobs.Transient(err))
		}
	}
}

// TestWire: what is said is that of the version of [agent.RunsProtocol], whatever is renamed here.
func TestWire(t *testing.T) {
	e := jobs.Event{Kind: jobs.Has, Job: &jobs.Job{Namespace: "orders-dev", Name: "clean-1", UID: "j1", Lot: hour(t), Attempt: "r1", Timeout: time.Second}}
	data, err := encode(e)
	if err != nil {
		t.Fatal(err)
	}
	const want = `{"kind":"has","job":{"Cluster":"","Namespace":"orders-dev","Name":"clean-1","UID":"j1","Environment":"","Workload":"","Attempt":"r1","Inputs":"","Replaces":"","Tag":"",` +
		`"Created":"0001-01-01T00:00:00Z","Timeout":1000000000,"Ended":"0001-01-01T00:00:00Z","Failed":false,"Outcome":"","Lot":"20260102PT1H003"}}`
	if diff := cmp.Diff(want, string(data)); diff != "" {
		t.Errorf("an event (-want +got):\n%s", diff)
	}
	o := jobs.Order{Template: tmpl, Name: "clean-1", Lot: hour(t), Variables: []run.Variable{{Name: "A", Value: run.Text{{Literal: "b"}}}}}
	data, err = json.Marshal(question{Do: doCreate, As: as, Order: orderOf(o)})
	if err != nil {
		t.Fatal(err)
	}
	const asked = `{"do":"create","as":{"Namespace":"orders-dev","Account":"deployer"},"order":{"Name":"clean-1","Attempt":"","Inputs":"","Replaces":"","Tag":"",` +
		`"Variables":[{"Name":"A","Value":[{"Literal":"b","Secret":""}]}],"Command":null,"Template":{"Namespace":"orders-dev","Name":"clean","UID":"t1","Digest":"d1"},"Lot":"20260102PT1H003"}}`
	if diff := cmp.Diff(asked, string(data)); diff != "" {
		t.Errorf("a question (-want +got):\n%s", diff)
	}
	for _, wrong := range []string{"", "[]", `{"kind":"eats"}`, `{"kind":"has","job":{"Lot":"yesterday"}}`, `{"kind":"has","job":{"Lot":{"Unit":"x"}}}`} {
		if e, err := decode(json.RawMessage(wrong)); err == nil {
			t.Errorf("%s is read as %v", wrong, e)
		}
	}
}

// TestLookForNothing: that there is no Job is told as that, and what an older agent says, which knows of no looks, is an answer, too.
func TestLookForNothing(t *testing.T) {
	e := newEnds(t)
	e.played.err = jobs.ErrNoJob
	if _, err := e.cluster.Look(t.Context(), as, "clean-1"); !errors.Is(err, jobs.ErrNoJob) || jobs.Transient(err) {
		t.Errorf("got %v", err)
	}
	if _, err := (&looked{}).looked(); err == nil {
		t.Error("an answer that names no Job is one")
	}
	if _, err := (*looked)(nil).looked(); err == nil {
		t.Error("no answer is one")
	}
}
