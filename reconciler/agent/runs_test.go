// SPDX-License-Identifier: Apache-2.0

package agent

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// played has runs that a test makes up: it tells what is in said to each connection that follows, and answers as the test says.
type played struct {
	mu      sync.Mutex
	said    []string
	next    []string
	follows bool
	answer  func(ctx context.Context, what string) []byte
}

func (p *played) Follow(follow bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	p.follows, p.next = follow, slices.Clone(p.said)
}

func (p *played) Next(most int) (said []json.RawMessage, more bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if !p.follows {
		return nil, false
	}
	n := min(most, len(p.next))
	for _, one := range p.next[:n] {
		data, err := json.Marshal(one)
		if err != nil {
			panic(err) // it is text
		}
		said = append(said, data)
	}
	p.next = p.next[n:]
	return said, len(p.next) > 0
}

func (p *played) Answer(ctx context.Context, what json.RawMessage) []byte {
	var text string
	_ = json.Unmarshal(what, &text)
	return p.answer(ctx, text)
}

// following is who is told.
type following struct {
	mu      sync.Mutex
	told    []string
	away    []string
	changed chan struct{}
}

func follow(d *Desk) (f *following, leave func()) {
	f = &following{changed: make(chan struct{}, 1)}
	wake := func() {
		select {
		case f.changed <- struct{}{}:
		default:
		}
	}
	return f, d.Follow(func(said []json.RawMessage) {
		f.mu.Lock()
		defer f.mu.Unlock()
		for _, one := range said {
			var text string
			_ = json.Unmarshal(one, &text)
			f.told = append(f.told, text)
		}
		wake()
	}, func(why string) {
		f.mu.Lock()
		defer f.mu.Unlock()
		f.away = append(f.away, why)
		wake()
	})
}

// await waits until so much was told.
func (f *following) await(t *testing.T, n int) {
	t.Helper()
	await(t, "what is told of runs", f.changed, func() bool {
		f.mu.Lock()
		defer f.mu.Unlock()
		return len(f.told) >= n
	})
}

// newRuns is a pair whose agent has runs.
func newRuns(t *testing.T) (*pair, *played) {
	t.Helper()
	p := newPair(t)
	runs := &played{answer: func(_ context.Context, what string) []byte { return []byte("done: " + what) }}
	p.link.opts.Runs = runs
	return p, runs
}

// TestRunsAreTold: each connection is told all that there is, if anyone follows, and why nothing is told otherwise.
func TestRunsAreTold(t *testing.T) {
	p, runs := newRuns(t)
	for i := range 3*runsAtOnce + 1 {
		runs.said = append(runs.said, strings.Repeat("x", i))
	}
	p.while(t, func() { p.settled(t) })
	f, leave := follow(p.office.desk)
	p.while(t, func() { f.await(t, len(runs.said)) })
	if !slices.Equal(f.told, runs.said) {
		t.Errorf("%d things are told, and not what was said, in its order", len(f.told))
	}
	p.while(t, func() { f.await(t, 2*len(runs.said)) })
	if len(f.away) != 3 || !strings.Contains(f.away[2], "has not been seen since") {
		t.Errorf("that nothing is told was said so: %q", f.away)
	}
	leave()
	runs.answer = func(context.Context, string) []byte {
		runs.mu.Lock()
		defer runs.mu.Unlock()
		if runs.follows {
			return []byte("it is followed")
		}
		return nil
	}
	p.while(t, func() {
		p.settled(t)
		got, err := p.office.desk.Ask(t.Context(), json.RawMessage(`"x"`), patience)
		if err != nil || len(got) > 0 {
			t.Errorf("nobody follows, and %s, %v", got, err)
		}
	})
}

// settled waits until the agent is connected.
func (p *pair) settled(t *testing.T) {
	t.Helper()
	await(t, "the agent to come", p.office.changed, func() bool { return p.office.desk.Presence().Connected })
}

// TestRunsAreAskedFor: what is asked for is answered, however long the answer is, and one whose connection ends says so. By then nothing of it
// is under way: the next connection begins after that.
func TestRunsAreAskedFor(t *testing.T) {
	p, runs := newRuns(t)
	d := p.office.desk
	if _, err := d.Ask(t.Context(), json.RawMessage(`"x"`), patience); err == nil || !strings.Contains(err.Error(), "has not been seen") {
		t.Errorf("without an agent: %v", err)
	}
	long := bytes.Repeat([]byte("0123456789"), answerPart/3)
	runs.answer = func(_ context.Context, what string) []byte {
		if what == "long" {
			return long
		}
		return []byte("done: " + what)
	}
	p.while(t, func() {
		p.settled(t)
		for what, want := range map[string][]byte{"make": []byte("done: make"), "long": long} {
			got, err := d.Ask(t.Context(), json.RawMessage(`"`+what+`"`), patience)
			if err != nil || !bytes.Equal(got, want) {
				t.Errorf("%s is answered with %d bytes, want %d; %v", what, len(got), len(want), err)
			}
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if _, err := d.Ask(ctx, json.RawMessage(`"make"`), patience); !errors.Is(err, context.Canceled) {
			t.Errorf("nobody waits: %v", err)
		}
	})

	begun, ended := make(chan struct{}), make(chan struct{})
	runs.answer = func(ctx context.Context, _ string) []byte {
		close(begun)
		<-ctx.Done()
		close(ended)
		return nil
	}
	broken := make(chan error, 1)
	p.while(t, func() {
		p.settled(t)
		go func() { _, err := d.Ask(t.Context(), json.RawMessage(`"x"`), patience); broken <- err }()
		<-begun
	})
	select {
	case <-ended:
	default:
		t.Error("the connection is over, and what was asked for over it is not")
	}
	if err := <-broken; !errors.Is(err, errBroken) {
		t.Errorf("one whose connection ended is answered by %v", err)
	}
	if n := len(d.runs.asks); n > 0 {
		t.Errorf("%d questions are kept that nobody waits for", n)
	}
}

// TestWhatIsLateIsNotDone: what arrives once the daemon does not wait for it any more is not begun, whatever the clocks of both show.
func TestWhatIsLateIsNotDone(t *testing.T) {
	p, runs := newRuns(t)
	clock, mine := time.Date(2020, 1, 1, 0, 0, 0, 0, time.UTC), time.Date(2030, 1, 1, 0, 0, 0, 0, time.UTC)
	p.link.opts.Now, p.link.began = func() time.Time { return clock }, clock
	p.office.desk.now = func() time.Time { return mine }
	var did []string
	runs.answer = func(_ context.Context, what string) []byte { did = append(did, what); return nil }

	clock = clock.Add(time.Hour)
	s := &session{desk: p.office.desk, stop: func(error) {}, wake: make(chan struct{}, 1)}
	if _, err := p.office.desk.begin(s, hello{Instance: "a", Runs: RunsProtocol, Clock: p.link.clock()}, "1"); err != nil {
		t.Fatal(err)
	}
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	asked := func(what string) ask { // what is on the line, once the daemon has asked for it
		_, _ = p.office.desk.Ask(ctx, json.RawMessage(`"`+what+`"`), 30*time.Second)
		return *s.posts[len(s.posts)-1].Ask
	}
	mine, clock = mine.Add(10*time.Minute), clock.Add(10*time.Minute)
	at := asked("in time")
	clock = clock.Add(29 * time.Second)
	p.link.serve(t.Context(), at)

	at = asked("late") // by the daemon's clock it is as late as when the other one was asked for
	clock = clock.Add(2 * time.Second)
	p.link.serve(t.Context(), at)

	mine = mine.Add(31 * time.Second)
	p.office.desk.hear(s, frame{Ping: 1, Clock: p.link.clock()})
	p.link.serve(t.Context(), asked("in time again"))
	if want := []string{"in time", "in time again"}; !slices.Equal(did, want) {
		t.Errorf("did %q, want %q", did, want)
	}
}

// TestAnAgentThatHasNoRuns: one of another version is not asked for any, and it is said which one to use.
func TestAnAgentThatHasNoRuns(t *testing.T) {
	p := newPair(t)
	f, leave := follow(p.office.desk)
	defer leave()
	p.while(t, func() {
		p.settled(t)
		const says = "install the agent of the daemon's version"
		if _, err := p.office.desk.Ask(t.Context(), json.RawMessage(`"x"`), patience); err == nil || !strings.Contains(err.Error(), says) {
			t.Errorf("asked for something: %v", err)
		}
		if got := p.office.desk.Warning(); !strings.Contains(got, says) {
			t.Errorf("the warning is %q", got)
		}
		f.mu.Lock()
		defer f.mu.Unlock()
		if last := f.away[len(f.away)-1]; !strings.Contains(last, says) {
			t.Errorf("who follows is told %q", last)
		}
	})
	if got := p.office.desk.Warning(); got != "" {
		t.Errorf("without an agent, the warning is %q", got)
	}
	other := &session{desk: p.office.desk, stop: func(error) {}, wake: make(chan struct{}, 1)}
	if _, err := p.office.desk.begin(other, hello{Instance: "b", Runs: RunsProtocol + 1}, "9.9"); err != nil {
		t.Fatal(err)
	}
	if got := p.office.desk.Warning(); !strings.Contains(got, "9.9") {
		t.Errorf("of a newer one, the warning is %q", got)
	}
}
