// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"context"
	"errors"
	"log/slog"
	"math/rand"
	"strings"
	"sync/atomic"
	"testing"
	"testing/synctest"
	"time"

	coordinationv1 "k8s.io/api/coordination/v1"

	"trunkline.dev/trunkline/catalog"
)

// pair starts two replicas on a good network, and waits until each has some of the releases.
func pair(t *testing.T, w *world, opts Options, releases []catalog.ReleaseID) [2]*process {
	var ps [2]*process
	for i, name := range []string{"a", "b"} {
		ps[i] = &process{w: w, name: name, rate: 1, slow: time.Millisecond, random: rand.New(rand.NewSource(int64(i)))}
		ps[i].run(t, opts, releases)
	}
	time.Sleep(opts.Duration + 3*opts.Rebalance)
	for _, p := range ps {
		if st := p.coordinator.Status(); len(st.Replicas) != 2 || st.Replicas[0].Held != 32 && st.Replicas[0].Held != 29 && st.Replicas[0].Held != 35 {
			t.Fatalf("the replicas do not share evenly: %+v", st)
		}
	}
	return ps
}

func finish(w *world, ps [2]*process) {
	for _, p := range ps {
		p.stop()
	}
	for _, p := range ps {
		p.running.Wait()
	}
	w.requests.Wait()
}

func testOptions() Options {
	return Options{
		Group: "acme", Shards: true, Duration: 20 * time.Second, RenewDeadline: 6 * time.Second,
		WriteTimeout: 12 * time.Second, Interval: time.Second, Rebalance: 10 * time.Second,
	}
}

func TestWorkIsSpreadAsItIsMeasured(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		ps := pair(t, w, testOptions(), nil)
		defer finish(w, ps)
		// Two releases of one replica become busy.
		var busy []catalog.ReleaseID
		used := set(0)
		for _, id := range releasesOf(1000) {
			if b := bucketOf(id); len(busy) < 2 && ps[0].coordinator.Owned(id) && !used.has(b) {
				busy, used = append(busy, id), used.with(b)
			}
		}
		for _, p := range ps {
			for _, id := range busy {
				p.running.Go(func() {
					for p.coordinator.opts.Now().Sub(w.start) < 20*time.Minute {
						if run, done, ok := p.coordinator.Begin(t.Context(), id); ok {
							w.began(run, p, id)
							time.Sleep(time.Second)
							w.ended(p, id)
							done()
						}
						time.Sleep(100 * time.Millisecond)
					}
				})
			}
		}
		time.Sleep(5 * time.Minute)
		if first, second := ps[0].coordinator.Owner(busy[0]), ps[0].coordinator.Owner(busy[1]); first == second {
			t.Errorf("both busy releases are still of %s: %+v", first, ps[0].coordinator.Status())
		}
		for _, p := range ps {
			if first, second := p.coordinator.Owned(busy[0]), p.coordinator.Owned(busy[1]); first == second {
				t.Errorf("%s owns both busy releases or none: %t", p.name, first)
			}
		}
		held := ps[0].coordinator.Owner(busy[0]) + ps[0].coordinator.Owner(busy[1])
		time.Sleep(10 * time.Minute)
		if now := ps[0].coordinator.Owner(busy[0]) + ps[0].coordinator.Owner(busy[1]); now != held {
			t.Errorf("the busy releases move on although nothing has changed: from %s to %s", held, now)
		}
		w.mu.Lock()
		defer w.mu.Unlock()
		if len(w.found) > 0 {
			t.Error(w.found)
		}
	})
}

func TestARunOutlivesNoLease(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		opts := testOptions()
		ps := pair(t, w, opts, nil)
		defer finish(w, ps)
		p := ps[0]
		var id catalog.ReleaseID
		for _, id = range releasesOf(1000) {
			if p.coordinator.Owned(id) {
				break
			}
		}
		run, done, _ := p.coordinator.Begin(t.Context(), id)
		defer done()
		began := time.Now()
		p.mu.Lock()
		p.cut = began.Add(time.Minute)
		p.mu.Unlock()
		<-run.Done()
		if took := time.Since(began); took > opts.RenewDeadline || p.coordinator.Owned(id) {
			t.Errorf("cut off, the replica goes on for %s and owns the release: %t; want less than %s", took, p.coordinator.Owned(id), opts.RenewDeadline)
		}
		for !ps[1].coordinator.Owned(id) {
			time.Sleep(time.Second)
		}
		if took := time.Since(began); took < opts.RenewDeadline+opts.WriteTimeout || took > opts.Duration+6*opts.Interval {
			t.Errorf("the other one takes over after %s, want about %s", took, opts.Duration)
		}
		if st := p.coordinator.Status(); st.Message == "" {
			t.Error("the status of the one that is cut off says nothing of it")
		}
	})
}

func TestElapsedTakesTheClockThatWentOn(t *testing.T) {
	from := time.Now()
	for name, tt := range map[string]struct {
		to   time.Time
		want time.Duration
	}{
		"both":                          {to: from.Add(time.Minute), want: time.Minute},
		"asleep, by the wall only":      {to: from.Round(0).Add(time.Hour), want: time.Hour},
		"set back by the wall":          {to: from, want: 0},
		"a clock without the monotonic": {to: from.Round(0).Add(-time.Hour), want: -time.Hour},
	} {
		if got := elapsed(from, tt.to); got != tt.want {
			t.Errorf("%s: got %s, want %s", name, got, tt.want)
		}
	}
}

func TestAProblemIsLoggedOnce(t *testing.T) {
	var out strings.Builder
	c := &Coordinator{opts: Options{Log: slog.New(slog.NewTextHandler(&out, nil))}}
	for _, err := range []error{nil, errors.New("down"), errors.New("down"), nil, nil} {
		c.problem(t.Context(), err)
	}
	if n := strings.Count(out.String(), "\n"); n != 2 {
		t.Errorf("one outage is logged in %d lines, want that it began and that it ended:\n%s", n, out.String())
	}
}

// late are Leases of which a renewal is answered only after a while, until they cannot be reached.
type late struct {
	Leases
	down *atomic.Bool
	sent *atomic.Pointer[time.Time] // of the last one that succeeded
}

func (l late) Update(ctx context.Context, lease *coordinationv1.Lease) error {
	if l.down.Load() {
		return errors.New("down")
	}
	sent := time.Now()
	err := l.Leases.Update(ctx, lease)
	time.Sleep(1500 * time.Millisecond)
	if err == nil {
		l.sent.Store(&sent)
	}
	return err
}

func TestALeaseHoldsFromWhenItsRenewalWasSent(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		w := newWorld()
		p := &process{w: w, name: "a", rate: 1, slow: time.Millisecond, random: rand.New(rand.NewSource(1))}
		var down atomic.Bool
		var sent atomic.Pointer[time.Time]
		opts := testOptions()
		opts.Identity, opts.Now, opts.Leases = "a", time.Now, late{Leases: p, down: &down, sent: &sent}
		c, err := New(opts)
		if err != nil {
			t.Fatal(err)
		}
		ctx, stop := context.WithCancel(t.Context())
		p.running.Go(func() { c.Run(ctx) })
		for !c.Leads() {
			time.Sleep(time.Second)
		}
		id := releasesOf(1)[0]
		run, done, _ := c.Begin(t.Context(), id)
		down.Store(true)
		<-run.Done()
		if took := time.Since(*sent.Load()); took > opts.RenewDeadline {
			t.Errorf("the release is given up %s after the last renewal was sent, want %s", took, opts.RenewDeadline)
		}
		done()
		stop()
		p.running.Wait()
		w.requests.Wait()
	})
}

func TestANewLeaseWaitsForTheRunsOfTheOldOne(t *testing.T) {
	opts := testOptions()
	opts.Leases, opts.Identity, opts.Now = none{}, "a", time.Now
	c, err := New(opts)
	if err != nil {
		t.Fatal(err)
	}
	c.allowed, c.renewed = every, time.Now()
	_, done, ok := c.Begin(t.Context(), releasesOf(1)[0])
	if !ok {
		t.Fatal("the run may not begin")
	}
	c.drop()
	if err := c.join(t.Context()); err == nil || c.joined {
		t.Error("a new Lease is made, and nobody would wait for the run that is under way")
	}
	done()
	if err := c.join(t.Context()); err != nil || !c.joined {
		t.Errorf("no new Lease is made although no run is under way: %v", err)
	}
}
