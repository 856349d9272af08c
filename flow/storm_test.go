// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"log/slog"
	"maps"
	"net/http"
	"net/http/httptest"
	"sync"
	"testing"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
)

// What a storm is made of; "make storms" has large ones.
var (
	stormLots  = flag.Int("storm-lots", 15, "how many lots each of the two workloads of a storm has to make")
	stormKills = flag.Int("storm-kills", 5, "how often the keeper is killed in a storm")
	stormSeed  = flag.Uint64("storm-seed", 1, "what the dice of a storm begin with")
)

// perRun is about how often a run of a workload asks the store and the cluster.
const perRun = 8

// TestStorm: a backfill through two projects, in which the keeper is killed at points that are diced, before or after what it asked for
// was done, and now and then goes on beside the next one, cut off from it; the store is down, slow, sends half of its answers, fails
// before and after it has done something, and has conditional writes lose; programs fail, write nothing, write where they must not, write
// a manifest that lies, and do not end; their Jobs are deleted by hand; people write manifests by hand, damaged ones and those of other
// times and datasets among them; notifications are lost, doubled, out of order and forged; and the clock jumps. In the end each lot is
// there, of one run that ended well, with all that it wrote; at no time did two runs make the same lot, was one made that is not due, or
// did one begin before what it reads was there.
func TestStorm(t *testing.T) {
	w := newStorm(t, *stormLots, *stormSeed)
	between := 2 * perRun * *stormLots / *stormKills
	struck := 0
	for _, act := range w.acts() {
		act()
	}
	for range *stormKills {
		w.jump()
		lives := []*life{w.life(between)}
		if w.dice(3) == 0 {
			lives = append(lives, w.life(between))
		}
		var stops []func()
		for _, l := range lives {
			stops = append(stops, w.keep(l, true))
		}
		for w.dice(3) > 0 {
			w.cluster.deleteOne()
		}
		for _, l := range lives {
			select {
			case <-l.over:
			case <-time.After(waitTimeout):
				t.Fatalf("the keeper does nothing any more:\n%s", w.state())
			}
		}
		if !w.settled() {
			struck++
		}
		for _, stop := range stops {
			stop()
		}
	}
	w.calm()
	l := &life{left: -1}
	stop := w.keep(l, false)
	defer stop()
	written := -1
	for late := time.Now(); !w.settled(); time.Sleep(20 * time.Millisecond) {
		if n := w.written(); n != written {
			written, late = n, time.Now().Add(waitTimeout)
		} else if time.Now().After(late) {
			t.Fatalf("nothing happens any more, and not all lots are made:\n%s", w.state())
		}
	}
	w.check()
	t.Logf("%d of %d kills were before the end; %s", struck, *stormKills, w.cluster.describe())
	if struck < *stormKills/2 {
		t.Errorf("%d of %d kills were after the end: they are to be earlier", *stormKills-struck, *stormKills)
	}
}

// errKilled is what a keeper is told that is no more.
var errKilled = errors.New("killed")

// life is how long a keeper lives: so many things it asks for.
type life struct {
	mu   sync.Mutex
	left int // less than 0: for ever
	// after has the last be done, and not answered.
	after bool
	over  chan struct{}
}

// spend does something that a keeper asks for, if that lives.
func (l *life) spend(do func()) error {
	l.mu.Lock()
	if l.left == 0 {
		l.mu.Unlock()
		return errKilled
	}
	l.left--
	last := l.left == 0
	l.mu.Unlock()
	if !last || l.after {
		do()
	}
	if last {
		close(l.over)
		return errKilled
	}
	return nil
}

// life is one that ends somewhere within so many requests.
func (w *storm) life(within int) *life {
	return &life{left: 1 + w.dice(within), after: w.dice(2) == 0, over: make(chan struct{})}
}

// dice returns a number below n.
func (w *storm) dice(n int) int {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.random.IntN(n)
}

// jump sets the clock to any time of the hour in which the test plays.
func (w *storm) jump() {
	at := time.Duration(w.dice(30)) * time.Minute
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock, w.set = w.begin.Add(at), time.Now()
}

// calm ends what goes wrong, and the pauses after failures.
func (w *storm) calm() {
	w.mu.Lock()
	defer w.mu.Unlock()
	w.clock, w.set, w.quiet = w.begin.Add(55*time.Minute), time.Now(), true
}

func (w *storm) now() time.Time {
	w.mu.Lock()
	defer w.mu.Unlock()
	now := w.clock.Add(time.Since(w.set))
	if now.After(w.latest) {
		w.latest = now
	}
	return now
}

// due reports whether a lot has ended by a clock that was ever shown: on a slow machine, the hour in which the test plays may end.
func (w *storm) due(l lot.Lot) bool {
	w.mu.Lock()
	defer w.mu.Unlock()
	return !l.End().After(w.latest)
}

// keep has a keeper of some life keep the lots until the function that it returns is called.
func (w *storm) keep(l *life, faults bool) (stop func()) {
	store := httptest.NewServer(&faulty{w, l, faults})
	log := slog.DiscardHandler
	if !faults {
		log = slog.NewTextHandler(w.t.Output(), nil)
	}
	interval := 50 * time.Millisecond
	if w.dice(2) == 0 {
		interval = 300 * time.Millisecond // it hears of most things by notifications
	}
	limits := DefaultLimits()
	limits.Pause, limits.MaxPause = 50*time.Millisecond, time.Second
	k := New(Options{
		Accepted: w.accepted, Clusters: []Cluster{&front{w.cluster, l}}, Interval: interval, Limits: limits,
		Stores: bucket.Options{Endpoint: store.URL}, Log: slog.New(log), Now: w.now, Ended: func(Ended) {},
	})
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() { defer close(ended); k.Run(ctx) }()
	others := make(chan struct{})
	go func() { defer close(others); w.others(ctx, k) }()
	return func() {
		cancel()
		<-ended
		<-others
		store.Close()
	}
}

// faulty is the store as a keeper of some life sees it.
type faulty struct {
	storm  *storm
	life   *life
	faults bool
}

// ServeHTTP hands requests on, or does not.
func (g *faulty) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body := new(bytes.Buffer)
	if _, err := body.ReadFrom(r.Body); err != nil {
		panic(http.ErrAbortHandler)
	}
	r.Body = http.NoBody
	if body.Len() > 0 {
		r.Body = nopCloser{body}
	}
	answer := httptest.NewRecorder()
	fault := ""
	if g.faults {
		fault = g.storm.fault()
	}
	if g.life.spend(func() {
		if fault != "refuse" && fault != "busy" && fault != "lose" && fault != "down" {
			g.storm.s3.ServeHTTP(answer, r)
		}
	}) != nil {
		panic(http.ErrAbortHandler)
	}
	fail := func(code int, name string) {
		w.WriteHeader(code)
		_, _ = fmt.Fprintf(w, "<Error><Code>%s</Code><Message>it is a storm</Message></Error>", name)
	}
	switch {
	case fault == "busy":
		fail(http.StatusServiceUnavailable, "SlowDown")
	case fault == "lose" && r.Method == http.MethodPut:
		fail(http.StatusConflict, "ConditionalRequestConflict")
	case fault == "refuse", fault == "lose", fault == "late":
		fail(http.StatusInternalServerError, "InternalError")
	case fault == "down":
		panic(http.ErrAbortHandler)
	default:
		maps.Copy(w.Header(), answer.Header())
		w.WriteHeader(answer.Code)
		data := answer.Body.Bytes()
		if fault == "half" && len(data) > 1 {
			_, _ = w.Write(data[:len(data)/2])
			_ = http.NewResponseController(w).Flush()
			panic(http.ErrAbortHandler)
		}
		_, _ = w.Write(data)
	}
}

type nopCloser struct{ *bytes.Buffer }

func (nopCloser) Close() error { return nil }

// fault says what goes wrong with a request: mostly nothing. A store that is down is that for several requests.
func (w *storm) fault() string {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.down > 0 {
		w.down--
		return "down"
	}
	switch n := w.random.IntN(200); {
	case n < 3:
		return "refuse"
	case n < 6:
		return "late"
	case n < 9:
		return "busy"
	case n < 12:
		return "lose"
	case n < 15:
		return "half"
	case n < 16:
		w.down = 10
		return "down"
	case n < 20:
		w.mu.Unlock()
		time.Sleep(10 * time.Millisecond) // it is slow
		w.mu.Lock()
	}
	return ""
}
