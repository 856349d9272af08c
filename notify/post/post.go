// SPDX-License-Identifier: Apache-2.0

package post

import (
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync"
	"time"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/notify"
	"trunkline.dev/trunkline/notify/channel"
	"trunkline.dev/trunkline/notify/outbox"
	"trunkline.dev/trunkline/notify/watch"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
)

// Options are what a poster is made of. All but Interval and SettleFor are required.
type Options struct {
	// Channels are those that are configured, by the names that declarations call them.
	Channels map[string]channel.Channel
	// Database is where the outbox is kept.
	Database history.Database
	Board    *status.Board
	Past     interface {
		Query(ctx context.Context, f history.Filter) (history.Page, error)
	}
	// Catalog returns the accepted declarations; nil before there are any.
	Catalog func() *catalog.Catalog
	// Budgets returns those that do not last, and whether that is known; nil: nothing is counted.
	Budgets func() ([]watch.Budget, bool)
	// Previews returns those of pull requests, and whether that is known; nil: there are none.
	Previews func() ([]watch.Preview, bool)
	// Leads reports whether this replica tells of what is no release's.
	Leads  func() bool
	Links  watch.Links
	Client *http.Client
	Log    *slog.Logger
	Now    func() time.Time
	// Ended is called with what came of each attempt to send a message: delivered, failed or dead.
	Ended func(channel, outcome string)
	// Interval is how often it is looked, and messages are sent; default: 5s. SettleFor is for how long after the start nothing is taken
	// to be over; default: 3m.
	Interval, SettleFor time.Duration
}

const (
	defaultInterval, defaultSettle = 5 * time.Second, 3 * time.Minute
	// overlap is by how much events may come late into the history: it is written when its database can be reached.
	overlap = time.Hour
	// maxPages bounds how much of the history one look reads.
	maxPages = 5
	// closing bounds what is written of a message whose sending was begun when the daemon ends.
	closing = 5 * time.Second
)

// Poster tells channels. Its methods may be called by any goroutine.
type Poster struct {
	opts    Options
	started time.Time

	mu      sync.Mutex
	box     *outbox.Box
	counts  []outbox.Count
	missing []string
	// why is why a lot of a workload failed last.
	why map[workload]string
	// trouble is what was logged last.
	trouble string
}

type workload struct{ project, environment, name string }

// New makes a poster, which tells nothing before it runs.
func New(opts Options) *Poster {
	if opts.Interval <= 0 {
		opts.Interval = defaultInterval
	}
	if opts.SettleFor <= 0 {
		opts.SettleFor = defaultSettle
	}
	return &Poster{opts: opts, why: map[workload]string{}}
}

// Run tells until ctx ends. It begins with what the outbox says.
func (p *Poster) Run(ctx context.Context) {
	p.started = p.opts.Now()
	var work sync.WaitGroup
	defer p.close()
	defer work.Wait()
	for name := range p.opts.Channels {
		work.Go(func() { p.each(ctx, func() { p.deliver(ctx, name) }) })
	}
	p.each(ctx, func() { p.say(p.look(ctx)) })
}

// each does something from time to time.
func (p *Poster) each(ctx context.Context, do func()) {
	tick := time.NewTicker(p.opts.Interval)
	defer tick.Stop()
	for {
		do()
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
	}
}

func (p *Poster) close() {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.box != nil {
		_ = p.box.Close() // nothing is written any more
		p.box = nil
	}
}

// open returns the outbox, which is opened again if its database was replaced.
func (p *Poster) open(ctx context.Context) (*outbox.Box, error) {
	p.mu.Lock()
	defer p.mu.Unlock()
	if p.box != nil {
		return p.box, nil
	}
	box, err := outbox.Open(ctx, p.opts.Database)
	if err != nil {
		return nil, err
	}
	p.box = box
	return box, nil
}

// say logs what is in the way, once.
func (p *Poster) say(err error) {
	text := ""
	switch {
	case errors.Is(err, outbox.ErrOther), errors.Is(err, context.Canceled):
		return // the next look sees what the other replica wrote
	case errors.Is(err, history.ErrGone):
		p.close()
		fallthrough
	case err != nil:
		text = err.Error()
	}
	p.mu.Lock()
	before := p.trouble
	p.trouble = text
	p.mu.Unlock()
	if text != "" && text != before {
		p.opts.Log.Warn("notifications cannot be kept just now; it is tried again", "err", text)
	}
}

// look decides what is to be told of what is so and has happened, and puts it into the outbox.
func (p *Poster) look(ctx context.Context) error {
	box, err := p.open(ctx)
	if err != nil {
		return err
	}
	now := p.opts.Now()
	state, version, err := box.Load(ctx)
	if err != nil {
		return err
	}
	if version == 0 {
		state = notify.New(strings.ToLower(rand.Text()), now)
	}
	in, err := p.input(ctx, state, now)
	if err != nil {
		return err
	}
	next, messages := notify.Step(state, in, now)
	if version == 0 || len(messages) > 0 || changed(state, next) {
		if err := box.Save(ctx, version, next, messages); err != nil {
			return err
		}
	}
	counts, err := box.Counts(ctx, now)
	p.mu.Lock()
	p.counts = counts
	p.mu.Unlock()
	if err == nil {
		p.opts.Board.SetSource(func(s *status.Source) { s.Notifications = givenUp(counts) })
	}
	return err
}

// givenUp says which messages were given up, and why; empty: none.
func givenUp(counts []outbox.Count) string {
	var parts []string
	for _, c := range counts {
		if c.Dead == 0 {
			continue
		}
		text := fmt.Sprintf("%d to %s were given up", c.Dead, c.Channel)
		if c.Why != "" {
			text += ": " + c.Why
		}
		parts = append(parts, text)
	}
	return strings.Join(parts, "; ")
}

// changed reports whether a state differs in more than up to when the history was read, which costs no write by itself for a while.
func changed(a, b notify.State) bool {
	if b.Read.Sub(a.Read) < overlap/2 {
		b.Read = a.Read
	}
	was, err := json.Marshal(a)
	is, err2 := json.Marshal(b)
	return err != nil || err2 != nil || string(was) != string(is)
}

// input is what there is to decide about.
func (p *Poster) input(ctx context.Context, s notify.State, now time.Time) (notify.Input, error) {
	declared := p.opts.Catalog()
	in := notify.Input{Routes: watch.Routes(declared), Channels: map[string]notify.Limit{}}
	for name, c := range p.opts.Channels {
		in.Channels[name] = c.Limit()
	}
	p.miss(watch.Channels(declared))
	if declared == nil {
		return in, nil // nothing is known of who is told
	}
	events, read, err := p.events(ctx, s, now)
	if err != nil {
		return in, err
	}
	in.Read, in.Happenings = read, watch.Happenings(events, p.opts.Links)
	sight := watch.Sight{
		Leads: p.opts.Leads(), Settling: now.Sub(p.started) < p.opts.SettleFor, Links: p.opts.Links,
		Why: func(project, environment, name string) string { return p.why[workload{project, environment, name}] }, Now: now,
	}
	if p.opts.Budgets != nil {
		sight.Budgets, sight.Counted = p.opts.Budgets()
	}
	if p.opts.Previews != nil {
		sight.Previews, sight.Known = p.opts.Previews()
	}
	seen := watch.Observe(p.opts.Board.Snapshot(), sight)
	in.Observation = &seen
	return in, nil
}

// events reads what has happened since it was read last, and some of before.
func (p *Poster) events(ctx context.Context, s notify.State, now time.Time) (out []history.Event, read time.Time, err error) {
	f := history.Filter{Kinds: watch.Kinds(), Since: s.Read.Add(-overlap), Limit: history.MaxLimit}
	if f.Since.Before(s.Began) {
		f.Since = s.Began
	}
	for range maxPages {
		page, err := p.opts.Past.Query(ctx, f)
		if err != nil {
			return nil, s.Read, err
		}
		out = append(out, page.Events...)
		if page.Next == 0 {
			break
		}
		f.Before = page.Next
	}
	for _, e := range slices.Backward(out) { // the newest are first, and the last one counts
		if e.Kind == history.LotFailed {
			_, name, _ := strings.Cut(e.Object, "/")
			if name == "" {
				name = e.Object
			}
			p.why[workload{e.Release.Project, e.Release.Environment, name}] = e.Message + ": " + e.Why
		}
	}
	if len(p.why) > maxWhy {
		clear(p.why)
	}
	return out, now, nil
}

// maxWhy bounds what is remembered of workloads that failed.
const maxWhy = 10_000

// miss says which channels are declared and not configured.
func (p *Poster) miss(declared []string) {
	var missing []string
	for _, name := range declared {
		if _, configured := p.opts.Channels[name]; !configured {
			missing = append(missing, name)
		}
	}
	p.mu.Lock()
	defer p.mu.Unlock()
	if !slices.Equal(missing, p.missing) && len(missing) > 0 {
		p.opts.Log.Warn("the platform has channels that nobody has configured: they are told nothing", "channels", strings.Join(missing, ", "))
	}
	p.missing = missing
}

// Missing are the channels that are declared and not configured.
func (p *Poster) Missing() []string {
	p.mu.Lock()
	defer p.mu.Unlock()
	return slices.Clone(p.missing)
}

// Counts are the messages of all channels that wait or are dead letters, as they were a moment ago.
func (p *Poster) Counts() []outbox.Count {
	p.mu.Lock()
	defer p.mu.Unlock()
	all := map[string]outbox.Count{}
	for name := range p.opts.Channels {
		all[name] = outbox.Count{Channel: name}
	}
	for _, c := range p.counts {
		all[c.Channel] = c
	}
	return slices.SortedFunc(maps.Values(all), func(a, b outbox.Count) int { return strings.Compare(a.Channel, b.Channel) })
}
