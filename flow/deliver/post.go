// SPDX-License-Identifier: Apache-2.0

package deliver

import (
	"context"
	"fmt"
	"sync"
	"time"

	"github.com/cenkalti/backoff/v5"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/egress"
)

// at is what one target is told of one environment.
type at struct{ environment, target string }

// post tells one target of the lots of one environment. What it owns is behind its lock, which is held for no request.
type post struct {
	at
	*Dispatcher

	to Target
	// address is that of the environment's records.
	address string
	kick    chan struct{}
	// declared is when it was said that the target is to be told.
	declared time.Time

	mu   sync.Mutex
	subs []egress.Subscription
	// box is nil before it is known what was told, and early is what is learned until then.
	box   *egress.Outbox
	early []egress.Fact
	// letters are how many dead letters there are.
	letters int
	// failing is set while the target does not accept anything.
	failing bool

	// keeping is held by who writes records; number is that of the newest cursor.
	keeping sync.Mutex
	number  uint64
}

// told has facts told that the target subscribes to.
func (p *post) told(facts []egress.Fact, all bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	var mine []egress.Fact
	for _, f := range facts {
		if p.to.Format.tells(f) && p.selects(f) {
			mine = append(mine, f)
		}
	}
	switch {
	case p.box == nil && all:
	case p.box == nil:
		p.early = append(p.early, mine[:min(len(mine), p.opts.Limits.Queue-len(p.early))]...)
	case all:
		p.box.All(mine)
	default:
		p.box.Tell(mine)
	}
	p.wake()
}

func (p *post) selects(f egress.Fact) bool {
	for _, s := range p.subs {
		if s.Selects(f) {
			return true
		}
	}
	return false
}

// ask asks since when all is to be told.
func (p *post) ask(anyway bool) (since time.Time, ok bool) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.box == nil {
		return time.Time{}, false
	}
	return p.box.Ask(anyway)
}

func (p *post) waiting() int {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.box == nil {
		return 0
	}
	return p.box.Waiting()
}

func (p *post) wake() {
	select {
	case p.kick <- struct{}{}:
	default:
	}
}

// lastTimeout bounds what is written when the daemon ends.
const lastTimeout = 5 * time.Second

// run tells until ctx ends.
func (p *post) run(ctx context.Context) {
	records, err := p.begin(ctx)
	if err != nil {
		return // ctx has ended
	}
	defer func() {
		last, cancel := context.WithTimeout(context.WithoutCancel(ctx), lastTimeout)
		defer cancel()
		p.save(last, records)
		_ = records.Close() // nothing is written any more
	}()
	var flights sync.WaitGroup
	defer flights.Wait()
	upkeep := time.NewTicker(p.opts.Upkeep)
	defer upkeep.Stop()
	timer := time.NewTimer(0)
	defer timer.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-upkeep.C:
			flights.Go(func() { p.look(ctx, records) })
		case <-p.kick:
		case <-timer.C:
		}
		p.mu.Lock()
		now := p.opts.Now()
		sendings, again := p.box.Next(now)
		p.mu.Unlock()
		for _, s := range sendings {
			flights.Go(func() { p.settle(ctx, records, s) })
		}
		if !again.IsZero() {
			timer.Reset(max(0, again.Sub(now)))
		}
	}
}

// newMargin is by how much a store's clock may be behind when a target is new.
const newMargin = time.Second

// begin finds what was told. A target that is new is told what has happened since it was declared.
func (p *post) begin(ctx context.Context) (*Records, error) {
	records, err := backoff.Retry(ctx, func() (*Records, error) {
		records, err := OpenRecords(ctx, p.address, p.opts.Stores)
		if err != nil {
			return nil, err
		}
		if err := p.recall(ctx, records); err != nil {
			_ = records.Close() // it is opened again
			return nil, err
		}
		return records, nil
	}, backoff.WithMaxElapsedTime(0), backoff.WithNotify(func(err error, in time.Duration) {
		p.opts.Log.Warn("cannot find out what was told of lots; it is tried again", append(p.words(), "err", err.Error(), "in", in.String())...)
	}))
	return records, err
}

func (p *post) recall(ctx context.Context, records *Records) error {
	found, err := records.list(ctx, p.target)
	if err != nil {
		return err
	}
	cursor := egress.Cursor{Until: p.declared.Add(-newMargin).UTC()}
	if found.number == 0 {
		found.number = 1
		if err := records.write(ctx, cursorKey(p.target, 1), cursor); err != nil && bucket.ClassOf(err) != bucket.Exists {
			return err
		}
	}
	if err := records.read(ctx, cursorKey(p.target, found.number), &cursor); err != nil {
		return err
	}
	p.mu.Lock()
	p.number = found.number
	p.box = egress.New(cursor, p.opts.Limits)
	p.box.Tell(p.early)
	p.early = nil
	p.mu.Unlock()
	p.redeliver(ctx, records, found)
	return nil
}

// look does what is done from time to time: it writes down what was told, and asks for dead letters that are to be sent once more. If
// nothing was told and there are none, that costs no request.
func (p *post) look(ctx context.Context, records *Records) {
	p.save(ctx, records)
	p.mu.Lock()
	any := p.letters > 0
	p.mu.Unlock()
	if !any {
		return
	}
	found, err := records.list(ctx, p.target)
	if err != nil {
		p.unasked(ctx, err)
		return
	}
	p.redeliver(ctx, records, found)
}

// redeliver has the dead letters sent that are to be. One that cannot be read holds up neither the others nor what is new: it is tried again
// when it is looked next, unless it is damaged. Then nothing can be sent, and it is not asked for any more.
func (p *post) redeliver(ctx context.Context, records *Records, found kept) {
	for id, again := range found.letters {
		if !again {
			continue
		}
		l, err := records.letter(ctx, p.target, id)
		switch {
		case err == nil:
			p.mu.Lock()
			p.box.Again(l.Fact)
			p.mu.Unlock()
		case bucket.ClassOf(err) == bucket.NotFound: // it was delivered meanwhile
		case bucket.ClassOf(err) != bucket.Invalid && !isDamaged(err):
			p.unasked(ctx, err)
		default:
			p.opts.Log.Warn("a dead letter is damaged, and is not sent again", append(p.words(), "event", id, "err", err.Error())...)
			if err := records.forget(ctx, p.target, id); err != nil {
				p.unasked(ctx, err)
			}
		}
	}
	p.mu.Lock()
	p.letters = len(found.letters)
	p.mu.Unlock()
	p.wake()
}

// unasked logs why dead letters are not sent again yet.
func (p *post) unasked(ctx context.Context, err error) {
	if ctx.Err() == nil {
		p.opts.Log.Warn("cannot ask for dead letters; it is tried again", append(p.words(), "err", err.Error())...)
	}
}

// save writes down what was told, in an object that is created once: of two that do so, one is told, and looks which is the newest.
func (p *post) save(ctx context.Context, records *Records) {
	p.keeping.Lock()
	defer p.keeping.Unlock()
	p.mu.Lock()
	cursor, changed := p.box.Cursor()
	p.mu.Unlock()
	if !changed {
		return
	}
	err := records.write(ctx, cursorKey(p.target, p.number+1), cursor)
	if bucket.ClassOf(err) == bucket.Exists {
		found, listed := records.list(ctx, p.target)
		if listed == nil {
			p.number = found.number
		}
		return
	}
	if err != nil {
		p.opts.Log.Warn("cannot write down what was told of lots; it is tried again", append(p.words(), "err", err.Error())...)
		return
	}
	p.number++
	p.mu.Lock()
	p.box.Saved(cursor)
	p.mu.Unlock()
	if err := records.folder.Delete(ctx, cursorKey(p.target, p.number-1)); err != nil {
		p.opts.Log.Debug("cannot delete an older record of what was told", append(p.words(), "err", err.Error())...)
	}
}

// settle sends a fact, or puts it with the dead letters, and says what came of it.
func (p *post) settle(ctx context.Context, records *Records, s egress.Sending) {
	a := p.attempt(ctx, records, s)
	if ctx.Err() != nil && !a.Done {
		return // it says nothing of the target
	}
	p.tell(s, a)
	p.mu.Lock()
	p.box.Answered(s.ID, a, p.opts.Now())
	if a.Done && (s.Letter || s.Refused != "") {
		p.letters++ // it is counted when it is looked next
	}
	p.mu.Unlock()
	p.wake()
}

func (p *post) attempt(ctx context.Context, records *Records, s egress.Sending) egress.Answer {
	now := p.opts.Now()
	if s.Refused != "" {
		if err := records.bury(ctx, p.target, s, now); err != nil {
			return egress.Answer{Failed: err.Error()}
		}
		return egress.Answer{Done: true}
	}
	var a egress.Answer
	if p.to.Send != nil {
		a = p.to.Send(ctx, s.Fact, now)
	} else if p.to.brokered() {
		a = p.to.put(ctx, p.target, &p.brokers, s.Fact, now)
	} else {
		a = p.to.send(ctx, p.opts.Client, s.Fact, now)
	}
	if a.Done && s.Letter {
		if err := records.Drop(ctx, Letter{ID: s.ID, Target: p.target}); err != nil {
			return egress.Answer{Failed: fmt.Sprintf("it was delivered, and stays with the dead letters: %v", err)}
		}
	}
	return a
}

// tell logs and counts what came of a sending. That a target does not answer is told once, until it does again.
func (p *post) tell(s egress.Sending, a egress.Answer) {
	outcome := "delivered"
	words := append(p.words(), "event", s.ID, "what", string(s.Fact.Type), "lot", s.Fact.Lot.ID(), "dataset", s.Fact.Dataset)
	p.mu.Lock()
	was := p.failing
	p.failing = a.Failed != ""
	p.mu.Unlock()
	switch {
	case s.Refused != "" && a.Done:
		outcome = "dead"
		p.opts.Log.Warn("an event of a lot was not accepted, and is with the dead letters", append(words, "why", s.Refused)...)
	case a.Failed != "":
		outcome = "failed"
		if !was {
			p.opts.Log.Warn("events of lots cannot be delivered; it is tried again", append(words, "why", a.Failed)...)
		}
	case a.Refused != "":
		return // it is counted when it is with the dead letters
	case was:
		p.opts.Log.Info("events of lots are delivered again", p.words()...)
	}
	p.opts.Ended(p.environment, p.target, outcome)
}

func (p *post) words() []any { return []any{"environment", p.environment, "target", p.target} }
