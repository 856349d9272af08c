// SPDX-License-Identifier: Apache-2.0

package console_test

import (
	"bufio"
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"

	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/consoletest"
	"trunkline.dev/trunkline/reconciler/status"
)

// event is one of a stream.
type event struct{ name, id, data string }

// listener reads a stream.
type listener struct {
	t     *testing.T
	lines *bufio.Reader
	body  io.Closer
}

func listen(t *testing.T, d *consoletest.Daemon, query, last string) *listener {
	t.Helper()
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, d.URL+"/api/v1/changes"+query, nil)
	if err != nil {
		t.Fatal(err)
	}
	if last != "" {
		req.Header.Set("Last-Event-ID", last)
	}
	resp, err := d.Client().Do(req)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { resp.Body.Close() })
	if kind := resp.Header.Get("Content-Type"); kind != "text/event-stream" || resp.StatusCode != http.StatusOK {
		t.Fatalf("got %d of type %s", resp.StatusCode, kind)
	}
	return &listener{t, bufio.NewReader(resp.Body), resp.Body}
}

// next returns the next event.
func (l *listener) next() event {
	l.t.Helper()
	var e event
	for {
		line, err := l.lines.ReadString('\n')
		if err != nil {
			l.t.Fatalf("the stream ended: %v", err)
		}
		field, value, _ := strings.Cut(strings.TrimSuffix(line, "\n"), ": ")
		switch field {
		case "event":
			e.name = value
		case "id":
			e.id = value
		case "data":
			e.data = value
		case "":
			if e.name != "" {
				return e
			}
		}
	}
}

// batch returns what comes until the state is complete, in short, and the id of the last event.
func (l *listener) batch() (events []string, id string) {
	l.t.Helper()
	for {
		e := l.next()
		if e.name == console.EventSynced {
			return events, e.id
		}
		var about struct{ Name, Project, Message string }
		if err := json.Unmarshal([]byte(e.data), &about); err != nil {
			l.t.Fatalf("%q: %v", e.data, err)
		}
		events = append(events, strings.TrimSpace(fmt.Sprintf("%s %s %s", e.name, about.Name+about.Project, about.Message)))
	}
}

func set(d *consoletest.Daemon, project, message string) {
	d.Board.SetRelease(id(project, "dev", "one"), func(r *status.Release) { r.Message = message })
}

func TestChanges(t *testing.T) {
	d := consoletest.Start(t)
	d.Board.SetName("acme")
	d.Board.SetCluster(status.Cluster{Name: "one", Reachable: true})
	set(d, "a", "1")
	set(d, "b", "1")

	l := listen(t, d, "?pace=10", "")
	got, first := l.batch()
	if diff := cmp.Diff([]string{"status acme", "cluster one", "release a 1", "release b 1"}, got); diff != "" {
		t.Errorf("at first all there is (-want +got):\n%s", diff)
	}
	set(d, "b", "2")
	got, second := l.batch()
	if diff := cmp.Diff([]string{"release b 2"}, got); diff != "" {
		t.Errorf("then what changes, and nothing else (-want +got):\n%s", diff)
	}
	d.Board.RemoveRelease(id("a", "dev", "one"))
	got, last := l.batch()
	if diff := cmp.Diff([]string{"removed a"}, got); diff != "" {
		t.Errorf("a release that is gone (-want +got):\n%s", diff)
	}
	l.body.Close()

	// Whoever comes back is sent what they missed, each thing once, however often it changed.
	for i := range 100 {
		set(d, "b", fmt.Sprint(i))
	}
	set(d, "c", "1")
	for from, want := range map[string][]string{
		first:                {"removed a", "release b 99", "release c 1"},
		second:               {"removed a", "release b 99", "release c 1"},
		last:                 {"release b 99", "release c 1"},
		"another.7":          {"resync", "status acme", "cluster one", "release b 99", "release c 1"},
		"nonsense\x00":       nil,
		first + "9999999999": {"resync", "status acme", "cluster one", "release b 99", "release c 1"},
		"-1":                 {"resync", "status acme", "cluster one", "release b 99", "release c 1"},
	} {
		if want == nil {
			continue // no header of HTTP
		}
		got, _ := listen(t, d, "", from).batch()
		if diff := cmp.Diff(want, got); diff != "" {
			t.Errorf("after %q (-want +got):\n%s", from, diff)
		}
	}
}

func TestChangesOfAPart(t *testing.T) {
	d := consoletest.Start(t)
	set(d, "a", "1")
	set(d, "b", "1")
	l := listen(t, d, "?project=b&pace=10", "")
	got, _ := l.batch()
	if diff := cmp.Diff([]string{"release b 1"}, got); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}
	set(d, "a", "2")
	set(d, "b", "2")
	if got, _ = l.batch(); len(got) != 1 || got[0] != "release b 2" {
		t.Errorf("got %v", got)
	}
}

// TestChangesAreCutIntoChunks sends more than is in memory for one stream at once.
func TestChangesAreCutIntoChunks(t *testing.T) {
	d := consoletest.Start(t)
	for i := range 600 {
		set(d, fmt.Sprintf("p%03d", i), "")
	}
	l := listen(t, d, "", "")
	var half string
	for range 300 {
		half = l.next().id
	}
	l.body.Close()
	if got, _ := listen(t, d, "", half).batch(); len(got) != 300 {
		t.Errorf("after half of it: got %d more", len(got))
	}
}

// TestASlowClientCostsNothing: while someone does not read, the board changes a thousand times; what is kept for them is no
// more than what they are sent in the end.
func TestASlowClientIsSentTheStateOnce(t *testing.T) {
	d := consoletest.Start(t)
	l := listen(t, d, "?pace=60000", "")
	l.batch()
	large := strings.Repeat("x", 1000)
	for i := range 1000 {
		set(d, "a", fmt.Sprintf("%s %d", large, i))
	}
	l.body.Close()
	got, _ := listen(t, d, "", "").batch()
	if len(got) != 1 || !strings.HasSuffix(got[0], " 999") {
		t.Errorf("got %d events", len(got))
	}
}

func TestAStreamSaysThatItIsAlive(t *testing.T) {
	d := consoletest.Start(t, func(o *console.Options) { o.Heartbeat = time.Millisecond })
	l := listen(t, d, "", "")
	l.batch()
	if line, err := l.lines.ReadString('\n'); line != ": alive\n" {
		t.Errorf("got %q, %v", line, err)
	}
}

// left reports when a client that followed is gone.
type left struct {
	console.Board
	waited chan struct{}
}

func (l left) Changed(after int64) <-chan struct{} {
	select {
	case l.waited <- struct{}{}:
	default:
	}
	return l.Board.Changed(after)
}

// TestAStreamEndsWithItsClient: the handler returns, and its place is free for another.
func TestAStreamEndsWithItsClient(t *testing.T) {
	board := left{waited: make(chan struct{}, 1)}
	d, handler := consoletest.New(func(o *console.Options) {
		board.Board = o.Board
		o.Board = board
	})
	d.Board.SetName("acme")
	ctx, cancel := context.WithCancel(t.Context())
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/api/v1/changes", nil)
	if err != nil {
		t.Fatal(err)
	}
	go func() {
		<-board.waited
		cancel()
	}()
	handler.ServeHTTP(&answer{header: http.Header{}}, req) // it returns
}

func TestFollowersAreBounded(t *testing.T) {
	board := left{waited: make(chan struct{}, 300)}
	_, handler := consoletest.New(func(o *console.Options) {
		board.Board = o.Board
		o.Board = board
	})
	ctx, cancel := context.WithCancel(t.Context())
	ended := make(chan struct{}, 256)
	for range 256 {
		go func() {
			req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://localhost/api/v1/changes", nil)
			if err == nil {
				handler.ServeHTTP(&answer{header: http.Header{}}, req)
			}
			ended <- struct{}{}
		}()
	}
	for range 256 {
		<-board.waited
	}
	req, err := http.NewRequestWithContext(t.Context(), http.MethodGet, "http://localhost/api/v1/changes", nil)
	if err != nil {
		t.Fatal(err)
	}
	w := &answer{header: http.Header{}}
	handler.ServeHTTP(w, req)
	if w.code != http.StatusServiceUnavailable || w.header.Get("Retry-After") == "" {
		t.Errorf("got %d", w.code)
	}
	cancel()
	for range 256 {
		<-ended
	}
}
