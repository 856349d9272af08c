// SPDX-License-Identifier: Apache-2.0

package deliver

import (
	"context"
	"log/slog"
	"net/http"
	"sync"
	"time"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/egress"
)

// Options are what a dispatcher is made of. All are required.
type Options struct {
	// Targets are where messages may be sent, by the names that environments call them.
	Targets map[string]Target
	Stores  bucket.Options
	Client  *http.Client
	Limits  egress.Limits
	// Upkeep is how often it is written down what was told. After a crash, what was told since is told once more.
	Upkeep time.Duration
	Log    *slog.Logger
	Now    func() time.Time
	// Ended is called with what came of each attempt to tell something: delivered, failed or dead.
	Ended func(environment, target, outcome string)
}

// DefaultUpkeep is how often the daemon writes down what was told.
const DefaultUpkeep = time.Minute

// Dispatcher tells targets of the lots of environments. Its methods may be called by any goroutine, and all but Run return at once.
type Dispatcher struct {
	opts    Options
	changed chan struct{}
	brokers brokers

	mu    sync.Mutex
	posts map[at]*post
}

// New makes a dispatcher, which tells nothing before it runs.
func New(opts Options) *Dispatcher {
	return &Dispatcher{opts: opts, changed: make(chan struct{}, 1), posts: map[at]*post{}, brokers: brokers{open: map[string]*connection{}}}
}

// Run tells until ctx ends. It begins with nothing but what the records say.
func (d *Dispatcher) Run(ctx context.Context) {
	type stopped struct {
		cancel context.CancelFunc
		ended  chan struct{}
	}
	running := map[*post]stopped{}
	end := func(s stopped) { s.cancel(); <-s.ended }
	defer func() {
		d.mu.Lock()
		clear(d.posts)
		d.mu.Unlock()
		for _, s := range running {
			s.cancel()
		}
		for _, s := range running {
			end(s)
		}
		d.brokers.close()
	}()
	for {
		d.mu.Lock()
		wanted := make(map[*post]bool, len(d.posts))
		for _, p := range d.posts {
			wanted[p] = true
		}
		d.mu.Unlock()
		for p, s := range running {
			if !wanted[p] {
				end(s)
				delete(running, p)
			}
		}
		for p := range wanted {
			if _, runs := running[p]; runs {
				continue
			}
			own, cancel := context.WithCancel(ctx)
			s := stopped{cancel, make(chan struct{})}
			running[p] = s
			go func() { defer close(s.ended); p.run(own) }()
		}
		select {
		case <-ctx.Done():
			return
		case <-d.changed:
		}
	}
}

// Declare says who is told of the lots of an environment, and where its records are; nobody, if there are no subscriptions.
func (d *Dispatcher) Declare(environment, records string, subs []egress.Subscription) {
	by := map[string][]egress.Subscription{}
	for _, s := range subs {
		if _, known := d.opts.Targets[s.Target]; !known {
			d.opts.Log.Warn("an environment has a target told of lots that nobody has configured: nothing is told", "environment", environment, "target", s.Target)
			continue
		}
		by[s.Target] = append(by[s.Target], s)
	}
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, p := range d.posts {
		if key.environment == environment && (by[key.target] == nil || p.address != records) {
			delete(d.posts, key)
		}
	}
	for name, subs := range by {
		key := at{environment, name}
		p := d.posts[key]
		if p == nil {
			p = &post{at: key, Dispatcher: d, to: d.opts.Targets[name], address: records, kick: make(chan struct{}, 1), declared: d.opts.Now()}
			d.posts[key] = p
		}
		p.mu.Lock()
		p.subs = subs
		p.mu.Unlock()
	}
	select {
	case d.changed <- struct{}{}:
	default:
	}
}

// of are the posts of an environment.
func (d *Dispatcher) of(environment string) (posts []*post) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, p := range d.posts {
		if key.environment == environment {
			posts = append(posts, p)
		}
	}
	return posts
}

// Wants returns since when all that has happened in an environment is to be told, as after a start; false if that is not wanted. Anyway:
// it was not looked for a while, so that something may have been missed.
func (d *Dispatcher) Wants(environment string, anyway bool) (since time.Time, ok bool) {
	for _, p := range d.of(environment) {
		if from, wants := p.ask(anyway); wants && (!ok || from.Before(since)) {
			since, ok = from, true
		}
	}
	return since, ok
}

// Tell has facts told; all: they are all since what Wants returned.
func (d *Dispatcher) Tell(environment string, facts []egress.Fact, all bool) {
	for _, p := range d.of(environment) {
		p.told(facts, all)
	}
}

// Waiting is how many facts wait to be told to a target; more may have happened than there is room for.
type Waiting struct {
	Environment, Target string
	Facts               int
}

// Waiting returns how many facts wait.
func (d *Dispatcher) Waiting() (out []Waiting) {
	d.mu.Lock()
	defer d.mu.Unlock()
	for key, p := range d.posts {
		out = append(out, Waiting{key.environment, key.target, p.waiting()})
	}
	return out
}
