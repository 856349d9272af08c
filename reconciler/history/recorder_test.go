// SPDX-License-Identifier: Apache-2.0

package history_test

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"sync"
	"testing"
	"time"

	"trunkline.dev/trunkline/reconciler/history"
	"trunkline.dev/trunkline/test/pgtest"
)

// running is a recorder at work.
type running struct {
	*history.Recorder
	t    *testing.T
	log  *logs
	stop func()
}

// logs keeps what was logged.
type logs struct {
	mu  sync.Mutex
	buf bytes.Buffer
}

func (l *logs) Write(p []byte) (int, error) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.Write(p)
}

func (l *logs) String() string {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.buf.String()
}

// record makes a recorder that tries again at once, and does not run it yet.
func record(t *testing.T, d history.Database, change func(*history.Options)) *running {
	t.Helper()
	r := &running{t: t, log: &logs{}}
	opts := history.Options{
		Database: d, RetryMin: time.Millisecond, RetryMax: 5 * time.Millisecond,
		Log: slog.New(slog.NewTextHandler(r.log, &slog.HandlerOptions{Level: slog.LevelDebug})), Now: func() time.Time { return noon },
	}
	if change != nil {
		change(&opts)
	}
	r.Recorder = history.NewRecorder(opts)
	return r
}

// run has the recorder write until the test ends, or stop is called.
func (r *running) run() *running {
	ctx, cancel := context.WithCancel(r.t.Context())
	done := make(chan struct{})
	go func() {
		defer close(done)
		r.Run(ctx)
	}()
	r.stop = func() {
		cancel()
		<-done
	}
	r.t.Cleanup(r.stop)
	return r
}

func (r *running) say(messages ...string) {
	for i, m := range messages {
		r.Record(history.Event{Kind: history.Ran, Message: m, Time: noon.Add(time.Duration(i) * time.Second)})
	}
}

// await waits until something holds.
func (r *running) await(what string, holds func() bool) {
	r.t.Helper()
	for range 20_000 {
		if holds() {
			return
		}
		select {
		case <-time.After(time.Millisecond):
		case <-r.t.Context().Done():
			r.t.Fatalf("waiting for %s: %v", what, r.t.Context().Err())
		}
	}
	r.t.Fatalf("%s: it never came to that; the log:\n%s", what, r.log)
}

func (r *running) written(n int64) {
	r.t.Helper()
	r.await(fmt.Sprintf("%d events to be written", n), func() bool { return r.Stats().Written == n })
}

func (r *running) logged(what string) {
	r.t.Helper()
	r.await("the log to say "+what, func() bool { return strings.Contains(r.log.String(), what) })
}

func (r *running) messages() []string {
	r.t.Helper()
	p, err := r.Query(r.t.Context(), history.Filter{Limit: history.MaxLimit})
	if err != nil {
		r.t.Fatal(err)
	}
	return messages(p)
}

func TestRecorder(t *testing.T) {
	onBoth(t, func(t *testing.T, d history.Database) {
		r := record(t, d, nil)
		r.say("before it runs")
		r.run()
		r.written(1)
		var all sync.WaitGroup
		for range 20 {
			all.Go(func() {
				for range 50 {
					r.Record(history.Event{Kind: history.Ran, Message: "at once", Time: noon.Add(-time.Hour)})
				}
			})
		}
		all.Wait()
		r.written(1001)
		got := r.messages()
		check(t, "What was recorded first, and what many recorded at once, is there.", "before it runs", got[0])
		check(t, "All of it.", history.MaxLimit, len(got))
		r.say("the last")
		r.stop()
		check(t, "What was recorded before the end is written at the end.",
			history.Stats{Written: 1002}, r.Stats())
		check(t, "And is there for whoever comes next.", "the last", messages(query(t, open(t, d), history.Filter{Kinds: []history.Kind{history.Ran}}))[0])
		if _, err := r.Query(t.Context(), history.Filter{}); !strings.HasSuffix(fmt.Sprint(err), "the daemon is ending") {
			t.Errorf("after the end a question is answered with %v", err)
		}
	})
}

func TestQuestionsBeforeItIsOpen(t *testing.T) {
	r := record(t, sqliteAt(t, filepath.Join(t.TempDir(), "h.db")), nil)
	_, err := r.Query(t.Context(), history.Filter{})
	var unavailable *history.UnavailableError
	if !errors.As(err, &unavailable) || err.Error() != "the history cannot be read just now: it is not open yet" {
		t.Errorf("got %v", err)
	}
	if _, err := r.Query(t.Context(), history.Filter{Limit: -1}); err == nil || errors.As(err, &unavailable) {
		t.Errorf("what cannot be asked is answered with %v", err)
	}
}

func TestADatabaseThatGoesAndComesBack(t *testing.T) {
	server := pgtest.Start(t)
	d := postgresAt(t, server.Database(t))
	r := record(t, d, nil).run()
	r.say("before")
	r.written(1)
	server.Stop(t)
	r.say("while it is away 1", "while it is away 2")
	r.logged("the history cannot be written")
	if _, err := r.Query(t.Context(), history.Filter{}); err == nil {
		t.Error("a server that is away answers")
	}
	check(t, "Nothing is lost meanwhile.", int64(0), r.Stats().Dropped)
	server.Start(t)
	r.written(3)
	r.logged("the history is written again")
	check(t, "What waited is there, once.", []string{"while it is away 2", "while it is away 1", "before"}, r.messages())
	check(t, "An outage is logged once.", 1, strings.Count(r.log.String(), "the history cannot be written"))
	if strings.Contains(r.log.String(), pgtest.Password) {
		t.Errorf("the log holds the password:\n%s", r.log)
	}
}

func TestADatabaseThatNeverComes(t *testing.T) {
	// A folder is where the file should be.
	file := filepath.Join(t.TempDir(), "h.db")
	if err := os.Mkdir(file, 0o700); err != nil {
		t.Fatal(err)
	}
	r := record(t, sqliteAt(t, file), func(o *history.Options) { o.BufferBytes = 4000 }).run()
	for i := range 1000 {
		r.say(fmt.Sprint(i))
	}
	r.logged("there were more than it could take")
	stats := r.Stats()
	// Nothing is taken out of the queue before the database is open.
	if stats.Waiting < 5 || stats.Waiting > 12 || stats.Dropped+stats.Waiting != 1000 || stats.Written != 0 {
		t.Errorf("got %+v, want that a few wait and all others are dropped", stats)
	}
	if err := os.Remove(file); err != nil {
		t.Fatal(err)
	}
	r.written(stats.Waiting)
	check(t, "The newest ones were kept.", "999", newestByID(t, r))
}

// newestByID returns the message that was written last.
func newestByID(t *testing.T, r *running) string {
	t.Helper()
	p, err := r.Query(t.Context(), history.Filter{Limit: history.MaxLimit})
	if err != nil {
		t.Fatal(err)
	}
	var newest history.Event
	for _, e := range p.Events {
		if e.ID > newest.ID {
			newest = e
		}
	}
	return newest.Message
}

func TestTheEndIsBounded(t *testing.T) {
	// Nobody answers at this address; connecting to it takes longer than the test allows.
	d := postgresAt(t, "postgres://ann:"+pgtest.Password+"@192.0.2.1/x?sslmode=disable")
	r := record(t, d, func(o *history.Options) { o.FlushTimeout = time.Millisecond }).run()
	r.say("never written")
	r.stop()
	r.logged("the last events are not in the history")
	check(t, "It says how many.", int64(1), r.Stats().Waiting)
	if strings.Contains(r.log.String(), pgtest.Password) {
		t.Errorf("the log holds the password:\n%s", r.log)
	}
}

func TestWhatTheDatabaseDoesNotTake(t *testing.T) {
	server := pgtest.Start(t)
	dsn := server.Database(t)
	d := postgresAt(t, dsn)
	s := open(t, d)
	server.Exec(t, dsn, `ALTER TABLE trunkline_events ADD CONSTRAINT poison CHECK (message <> 'poison')`)
	r := record(t, d, nil)
	for i := range 600 {
		if i%100 == 7 {
			r.say("poison")
		} else {
			r.say("good")
		}
	}
	r.run()
	r.written(594)
	check(t, "One event that is not taken holds up no other.", history.Stats{Written: 594, Rejected: 6}, r.Stats())
	check(t, "All others are there.", 594, len(query(t, s, history.Filter{Limit: 1000}).Events))
	check(t, "Each is logged.", 6, strings.Count(r.log.String(), "the database does not take an event"))
}
