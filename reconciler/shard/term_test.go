// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"context"
	"errors"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"
	metav1 "k8s.io/apimachinery/pkg/apis/meta/v1"
)

// prompt are Leases of an API server that answers, until the process that asks is killed.
type prompt struct {
	w    *world
	dead atomic.Bool
}

func (p *prompt) do(serve func() error) error {
	time.Sleep(time.Millisecond)
	if p.dead.Load() {
		return errors.New("it was killed")
	}
	return serve()
}

func (p *prompt) List(context.Context, string) (all []coordinationv1.Lease, err error) {
	return all, p.do(func() error { all = p.w.list(); return nil })
}

func (p *prompt) Create(_ context.Context, l *coordinationv1.Lease) error {
	return p.do(func() error { return p.w.create(l) })
}

func (p *prompt) Update(_ context.Context, l *coordinationv1.Lease) error {
	return p.do(func() error { return p.w.update(l) })
}

func (p *prompt) Delete(_ context.Context, l *coordinationv1.Lease) error {
	return p.do(func() error { return p.w.remove(l) })
}

// sole is a replica whose identity no other process has; end has it let go, and kill ends it without a word.
type sole struct {
	*Coordinator

	end, kill func()
}

func startSole(t *testing.T, w *world, name string, change ...func(*Options)) sole {
	t.Helper()
	leases := &prompt{w: w}
	opts := testOptions()
	for _, f := range change {
		f(&opts)
	}
	opts.Shards, opts.Sole, opts.Leases, opts.Now, opts.Identity = false, true, leases, time.Now, name
	c, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		c.Run(ctx)
	}()
	end := func() { stop(); <-ended }
	return sole{c, end, func() { leases.dead.Store(true); end() }}
}

// TestTerms: of replicas that do not share, one leads in a term of its own, which is later than those before. It knows whether it
// goes on with what it has left itself, and waits for the Lease of one that was killed, unless that was itself.
func TestTerms(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		opts := testOptions()
		last := Term{}
		for _, tt := range []struct {
			reason, name      string
			kill, heir, waits bool
		}{
			{reason: "nobody has led that is known of", name: "a", waits: true, kill: true},
			{reason: "it was killed, and goes on", name: "a", heir: true, kill: true},
			{reason: "another one was killed, and may write yet", name: "b", waits: true},
			{reason: "the other one has let go", name: "a"},
			{reason: "it has let go itself", name: "a", heir: true, kill: true},
			{reason: "a name that begins alike is another one's", name: "a.b", waits: true},
			{reason: "and so is one that ends alike", name: "b"},
		} {
			p := startSole(t, w, tt.name)
			began := time.Now()
			for !p.Leads() {
				if time.Sleep(opts.Interval / 2); time.Since(began) > 5*time.Minute {
					t.Fatalf("%s: %s does not lead: %+v", tt.reason, tt.name, p.Status())
				}
			}
			if took := time.Since(began); (took >= opts.RenewDeadline+opts.WriteTimeout) != tt.waits {
				t.Errorf("%s: %s leads after %s; it is to wait: %v", tt.reason, tt.name, took, tt.waits)
			}
			if got := p.Heir(); got != tt.heir {
				t.Errorf("%s: %s goes on with what it left: %v", tt.reason, tt.name, got)
			}
			term := p.Term()
			if last.Of != "" && (term.Of != last.Of || term.Epoch <= last.Epoch) {
				t.Errorf("%s: the term %+v came after %+v", tt.reason, term, last)
			}
			last = term
			// One that comes later waits, whatever its name, and the term stays.
			for _, name := range []string{"0", "z"} {
				beside := startSole(t, w, name)
				time.Sleep(2 * opts.Duration)
				if !p.Leads() || beside.Leads() || p.Term() != last || beside.Term() != last {
					t.Errorf("%s: beside %s, %s leads: %v, in the term %+v", tt.reason, name, tt.name, p.Leads(), p.Term())
				}
				beside.end()
			}
			time.Sleep(2 * opts.Interval)
			if tt.kill {
				p.kill()
			} else {
				p.end()
			}
		}
	})
}

// TestTheFirstOfAll: where nothing was ever done the first replica waits for nobody. If something was, or that cannot be found out, or Leases
// are taken away from one that is at work, it is waited for whoever may be at work without a Lease.
func TestTheFirstOfAll(t *testing.T) {
	never := func(context.Context) (bool, error) { return true, nil }
	for _, tt := range []struct {
		reason    string
		untouched func(context.Context) (bool, error)
		before    func(w *world)
		waits     bool
	}{
		{reason: "nothing was ever done", untouched: never},
		{reason: "nobody knows", waits: true},
		{reason: "something was done", untouched: func(context.Context) (bool, error) { return false, nil }, waits: true},
		{
			reason: "there is an assignment, which is damaged", untouched: never, waits: true,
			before: func(w *world) {
				_ = w.create(&coordinationv1.Lease{ObjectMeta: metav1.ObjectMeta{Name: assignmentName(testOptions().Group), Labels: map[string]string{LabelGroup: testOptions().Group}}})
			},
		},
	} {
		synctest.Test(t, func(t *testing.T) {
			w := newWorld()
			if tt.before != nil {
				tt.before(w)
			}
			opts := testOptions()
			p := startSole(t, w, "a", func(o *Options) { o.Untouched = tt.untouched })
			began := time.Now()
			for !p.Leads() {
				if time.Sleep(opts.Interval / 2); time.Since(began) > 5*time.Minute {
					t.Fatalf("%s: it does not lead: %+v", tt.reason, p.Status())
				}
			}
			if took := time.Since(began); (took >= opts.RenewDeadline+opts.WriteTimeout) != tt.waits {
				t.Errorf("%s: it leads after %s; it is to wait: %v", tt.reason, took, tt.waits)
			}
			// Someone takes away all Leases. It may go on with what it has, and another one does not know of it.
			for _, l := range w.list() {
				_ = w.remove(&l)
			}
			began = time.Now()
			second := startSole(t, w, "b")
			for time.Since(began) < 2*opts.Interval || !p.Leads() && !second.Leads() {
				time.Sleep(opts.Interval / 2)
			}
			if took := time.Since(began); took < opts.RenewDeadline+opts.WriteTimeout {
				t.Errorf("%s: without Leases, one leads again after %s", tt.reason, took)
			}
			second.end()
			p.end()
		})
	}

	synctest.Test(t, func(t *testing.T) {
		asked := 0
		p := startSole(t, newWorld(), "a", func(o *Options) {
			o.Untouched = func(context.Context) (bool, error) {
				asked++
				if asked < 3 {
					return false, errors.New("it does not answer")
				}
				return true, nil
			}
		})
		for !p.Leads() {
			time.Sleep(time.Second)
		}
		if asked != 3 {
			t.Errorf("it was asked %d times, want until it was answered", asked)
		}
		p.end()
	})
}
