// SPDX-License-Identifier: Apache-2.0

package post_test

import (
	"context"
	"encoding/json"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/fstest"
	"time"

	"trunkline.dev/trunkline/blueprints"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/deliver"
	"trunkline.dev/trunkline/notify/channel"
	"trunkline.dev/trunkline/notify/outbox"
	"trunkline.dev/trunkline/notify/post"
	"trunkline.dev/trunkline/notify/watch"
	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/reconciler/status"
	"trunkline.dev/trunkline/test/pgtest"
)

var pkg pgtest.Package

func TestMain(m *testing.M) { pkg.Main(m) }

const declared = `apiVersion: trunkline.dev/v1alpha1
kind: Platform
metadata: {name: acme}
spec:
  channels: [team, nobody]
  notify: [{to: team}, {to: nobody}]
`

// clock is a time that a test sets.
type clock struct {
	mu  sync.Mutex
	now time.Time
}

func (c *clock) Now() time.Time {
	c.mu.Lock()
	defer c.mu.Unlock()
	return c.now
}

func (c *clock) pass(d time.Duration) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.now = c.now.Add(d)
}

// receiver is a webhook, which says what it was told: ids, and what of.
type receiver struct {
	*httptest.Server
	told chan string
	mu   sync.Mutex
	// fails is how many messages it does not take.
	fails int
}

func newReceiver(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{told: make(chan string, 100)}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		body, err := io.ReadAll(req.Body)
		var m struct {
			ID    string
			Items []struct{ Topic, State string }
		}
		if err != nil || json.Unmarshal(body, &m) != nil {
			t.Errorf("it is no message: %s", body)
		}
		line := ""
		for _, i := range m.Items {
			line += " " + i.Topic + " " + i.State
		}
		r.mu.Lock()
		defer r.mu.Unlock()
		if r.fails > 0 {
			r.fails--
			w.WriteHeader(http.StatusServiceUnavailable)
			line = " (not taken)" + line
		}
		r.told <- m.ID + line
	}))
	t.Cleanup(r.Close)
	return r
}

// next is what is told next.
func (r *receiver) next(t *testing.T) (id, what string) {
	t.Helper()
	select {
	case line := <-r.told:
		id, what, _ = strings.Cut(line, " ")
		return id, what
	case <-t.Context().Done():
		t.Fatal("nothing is told")
		return "", ""
	}
}

// site is what posters of a test share.
type site struct {
	clock    *clock
	board    *status.Board
	database history.Database
	catalog  *catalog.Catalog
	hook     *receiver
}

func newSite(t *testing.T, d history.Database) *site {
	t.Helper()
	c, problems, err := catalog.Load(fstest.MapFS{"trunkline.yaml": {Data: []byte(declared)}}, blueprints.FS)
	if err != nil || problems.Denied() {
		t.Fatal(err, problems)
	}
	s := &site{clock: &clock{now: time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)}, database: d, catalog: c, hook: newReceiver(t)}
	s.board = status.NewBoard(s.clock.Now)
	s.board.SetName("acme")
	s.board.SetSource(func(src *status.Source) { src.Accepted = &status.Commit{Hash: "abc"} })
	return s
}

// delivered waits until nothing is left to be told.
func (s *site) delivered(t *testing.T) {
	t.Helper()
	box, err := outbox.Open(t.Context(), s.database)
	if err != nil {
		t.Fatal(err)
	}
	look := time.NewTicker(time.Millisecond)
	defer look.Stop()
	for {
		counts, err := box.Counts(t.Context(), s.clock.Now())
		if err != nil {
			t.Fatal(err)
		}
		if !slices.ContainsFunc(counts, func(c outbox.Count) bool { return c.Waiting > 0 }) {
			return
		}
		select {
		case <-look.C:
		case <-t.Context().Done():
			t.Fatal("not all is delivered")
		}
	}
}

// start starts a poster, and returns what ends it.
func (s *site) start(t *testing.T) (p *post.Poster, stop func()) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	var running sync.WaitGroup
	recorder := history.NewRecorder(history.Options{Database: s.database, Now: s.clock.Now})
	running.Go(func() { recorder.Run(ctx) })
	p = post.New(post.Options{
		Channels: map[string]channel.Channel{"team": {Kind: channel.Webhook, URL: func() (string, error) { return s.hook.URL, nil }}},
		Database: s.database, Board: s.board, Past: recorder, Catalog: func() *catalog.Catalog { return s.catalog }, Leads: func() bool { return true },
		Links: watch.Links{}, Client: deliver.NewClient(), Log: slog.New(slog.DiscardHandler), Now: s.clock.Now, Ended: func(string, string) {},
		Interval: time.Millisecond, SettleFor: time.Minute,
	})
	running.Go(func() { p.Run(ctx) })
	return p, sync.OnceFunc(func() { cancel(); running.Wait() })
}

func (s *site) fail(yes bool) {
	s.board.SetRelease(catalog.ReleaseID{Project: "orders", Environment: "prod", Cluster: "eu"}, func(r *status.Release) {
		r.Result, r.Health, r.Message = status.Applied, status.Healthy, ""
		if yes {
			r.Health, r.Message = status.Unhealthy, "it crashes"
		}
	})
}

// passing has time pass until something is told, however many looks that takes.
func (s *site) passing(t *testing.T) (id, what string) {
	t.Helper()
	ended := make(chan struct{})
	var running sync.WaitGroup
	running.Go(func() {
		tick := time.NewTicker(20 * time.Millisecond)
		defer tick.Stop()
		for {
			select {
			case <-ended:
				return
			case <-tick.C:
				s.clock.pass(5 * time.Second)
			}
		}
	})
	defer running.Wait()
	defer close(ended)
	return s.hook.next(t)
}

func sqlite(t *testing.T) history.Database {
	t.Helper()
	d, err := history.SQLite(filepath.Join(t.TempDir(), "history.db"))
	if err != nil {
		t.Fatal(err)
	}
	return d
}

// TestAcrossRestarts: what was told before a restart is not told again, and what was not taken is.
func TestAcrossRestarts(t *testing.T) {
	s := newSite(t, sqlite(t))
	s.hook.fails = 1
	s.fail(true)
	_, stop := s.start(t)
	first, what := s.passing(t)
	if what != "(not taken) release-failed firing" {
		t.Errorf("it is told %q", what)
	}
	stop()
	p, stop := s.start(t)
	again, what := s.passing(t)
	if what != "release-failed firing" || again != first {
		t.Errorf("after a restart it is told %q, with the id %s, which was %s", what, again, first)
	}
	if missing := p.Missing(); !slices.Equal(missing, []string{"nobody"}) {
		t.Errorf("these are not configured: %v", missing)
	}
	stop()
	s.fail(false)
	_, stop = s.start(t)
	defer stop()
	id, what := s.passing(t)
	for id == first { // it was taken, and the restart was before that was written down
		id, what = s.passing(t)
	}
	if what != "release-failed resolved" {
		t.Errorf("when it is over it is told %q", what)
	}
}

// TestReplicasTellOnce: two that see the same tell it once, and the other one goes on when one is gone.
func TestReplicasTellOnce(t *testing.T) {
	d, err := history.Postgres(pkg.Database(t))
	if err != nil {
		t.Fatal(err)
	}
	s := newSite(t, d)
	_, stop := s.start(t)
	_, stopOther := s.start(t)
	defer stopOther()
	s.fail(true)
	first, what := s.passing(t)
	if what != "release-failed firing" {
		t.Errorf("it is told %q", what)
	}
	s.delivered(t) // a poster that is stopped before it has the answer would have it told once more
	stop()
	s.fail(false)
	// What comes next is the end, and not the beginning once more.
	if id, what := s.passing(t); what != "release-failed resolved" || id == first {
		t.Errorf("then it is told %q, with the id %s", what, id)
	}
}
