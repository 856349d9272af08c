// SPDX-License-Identifier: Apache-2.0

package deliver_test

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	cehttp "github.com/cloudevents/sdk-go/v2/protocol/http"
	"github.com/google/go-cmp/cmp"
	standardwebhooks "github.com/standard-webhooks/standard-webhooks/libraries/go"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/deliver"
	"trunkline.dev/trunkline/flow/egress"
)

const secret = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSwMfKQ9r8GKYqr"

// waitTimeout bounds every wait; it is long, since only a failing test waits for all of it.
const waitTimeout = time.Minute

// heard is what a target was told.
type heard struct {
	server *httptest.Server

	mu     sync.Mutex
	events []string
	bodies [][]byte
	header []http.Header
	// answer says what is answered to the nth request, from 0 on; nil: all is accepted.
	answer func(n int, w http.ResponseWriter, r *http.Request)
	n      int
}

func listen(t *testing.T) *heard {
	t.Helper()
	h := &heard{}
	h.server = httptest.NewServer(h)
	t.Cleanup(h.server.Close)
	return h
}

func (h *heard) ServeHTTP(w http.ResponseWriter, r *http.Request) {
	body, _ := io.ReadAll(r.Body)
	h.mu.Lock()
	n, answer := h.n, h.answer
	h.n++
	h.mu.Unlock()
	kept := &kept{ResponseWriter: w, code: http.StatusOK}
	if answer != nil {
		answer(n, kept, r)
	}
	if kept.code != http.StatusOK {
		return
	}
	var e struct {
		Type, Subject string
	}
	_ = json.Unmarshal(body, &e)
	h.mu.Lock()
	defer h.mu.Unlock()
	h.events, h.bodies, h.header = append(h.events, strings.TrimPrefix(e.Type, "dev.trunkline.lot.")+" "+e.Subject), append(h.bodies, body), append(h.header, r.Header)
}

type kept struct {
	http.ResponseWriter

	code int
}

func (k *kept) WriteHeader(code int) { k.code = code; k.ResponseWriter.WriteHeader(code) }

func (h *heard) told() []string {
	h.mu.Lock()
	defer h.mu.Unlock()
	return slices.Clone(h.events)
}

func (h *heard) await(t *testing.T, what string, ok func(told []string) bool) {
	t.Helper()
	await(t, what, func() bool { return ok(h.told()) })
}

func await(t *testing.T, what string, ok func() bool) {
	t.Helper()
	for late := time.Now().Add(waitTimeout); !ok(); time.Sleep(2 * time.Millisecond) {
		if time.Now().After(late) {
			t.Fatalf("waiting for %s", what)
		}
	}
}

// world has the records of an environment, and the lots that it has.
type world struct {
	t       *testing.T
	dir     string
	targets map[string]deliver.Target

	mu   sync.Mutex
	lots []egress.Fact
}

func newWorld(t *testing.T) *world {
	t.Helper()
	return &world{t: t, dir: t.TempDir(), targets: map[string]deliver.Target{}}
}

func (w *world) address() string { return "file://" + w.dir + "/" }

func (w *world) to(name string, h *heard, format deliver.Format) {
	w.targets[name] = deliver.Target{URL: h.server.URL, Format: format, Secret: func() (string, error) { return secret, nil }}
}

// tell runs a dispatcher until the function that it returns is called. Without a last write, it is as if it was killed.
func (w *world) tell() (d *deliver.Dispatcher, stop func()) {
	limits := egress.DefaultLimits()
	limits.Pause, limits.Longest = time.Millisecond, 5*time.Millisecond
	d = deliver.New(deliver.Options{
		Targets: w.targets, Client: deliver.NewClient(), Limits: limits, Upkeep: 10 * time.Millisecond, Log: slog.New(slog.DiscardHandler), Now: time.Now,
		Ended: func(string, string, string) {},
	})
	var subs []egress.Subscription
	for name := range w.targets {
		subs = append(subs, egress.Subscription{Target: name})
	}
	d.Declare("prod", w.address(), subs)
	ctx, cancel := context.WithCancel(w.t.Context())
	ended := make(chan struct{})
	go func() {
		defer close(ended)
		var surveying sync.WaitGroup
		surveying.Go(func() {
			for ; ctx.Err() == nil; time.Sleep(time.Millisecond) {
				w.survey(d)
			}
		})
		d.Run(ctx)
		surveying.Wait()
	}()
	stop = sync.OnceFunc(func() { cancel(); <-ended })
	w.t.Cleanup(stop)
	return d, stop
}

// survey tells all that there is if it is asked for, as the keeper does when it has listed the stores.
func (w *world) survey(d *deliver.Dispatcher) {
	since, ok := d.Wants("prod", false)
	if !ok {
		return
	}
	w.mu.Lock()
	defer w.mu.Unlock()
	var facts []egress.Fact
	for _, f := range w.lots {
		if f.At.After(since) {
			facts = append(facts, f)
		}
	}
	d.Tell("prod", facts, true)
}

// ready waits until it is written down for each target from when on it is told.
func (w *world) ready() {
	w.t.Helper()
	for name := range w.targets {
		await(w.t, "it to begin", func() bool {
			found, _ := filepath.Glob(filepath.Join(w.dir, "outbox", name, "cursor/*"))
			return len(found) > 0
		})
	}
}

// happens has a lot be there.
func (w *world) happens(dataset string, n int) egress.Fact {
	w.mu.Lock()
	defer w.mu.Unlock()
	l := lot.Hourly.At(time.Date(2026, 1, 1, n, 0, 0, 0, time.UTC))
	f := egress.Fact{
		Type: egress.Available, Platform: "acme", Environment: "prod", Dataset: "orders/" + dataset + "@1", Workload: "orders/land", Lot: l, At: time.Now().UTC(),
		State: "complete", Manifest: "s3://m/" + l.ID(), Location: "s3://lake/orders/" + dataset + "/", Mark: "etag",
	}
	w.lots = append(w.lots, f)
	return f
}

func event(dataset string, n int) string {
	return fmt.Sprintf("available.v1 orders/%s@1/20260101PT1H%03d", dataset, n)
}

// records counts what is kept.
func (w *world) records() map[string]int {
	out := map[string]int{}
	_ = filepath.WalkDir(w.dir, func(path string, e os.DirEntry, err error) error {
		if err == nil && !e.IsDir() {
			out[filepath.Base(filepath.Dir(path))]++
		}
		return nil
	})
	return out
}

// TestDelivered: facts arrive once each and in order, signed, at each target that subscribes.
func TestDelivered(t *testing.T) {
	w, one, two := newWorld(t), listen(t), listen(t)
	w.to("one", one, deliver.CloudEvents)
	w.to("two", two, deliver.CloudEvents)
	d, stop := w.tell()
	w.ready()
	var want []string
	for n := range 20 {
		f := w.happens("raw", n)
		d.Tell("prod", []egress.Fact{f}, false)
		d.Tell("prod", []egress.Fact{f}, false) // who tells it twice changes nothing
		want = append(want, event("raw", n))
	}
	for _, h := range []*heard{one, two} {
		h.await(t, "all events", func(told []string) bool { return len(told) >= len(want) })
		if diff := cmp.Diff(want, h.told()); diff != "" {
			t.Errorf("-want +got:\n%s", diff)
		}
		verifier, err := standardwebhooks.NewWebhook(secret)
		if err != nil {
			t.Fatal(err)
		}
		for i, body := range h.bodies {
			if err := verifier.Verify(body, h.header[i]); err != nil {
				t.Errorf("the signature of event %d: %v", i, err)
			}
			r := httptest.NewRequest(http.MethodPost, "/", strings.NewReader(string(body)))
			r.Header = h.header[i]
			if e, err := cehttp.NewEventFromHTTPRequest(r); err != nil || e.Validate() != nil || e.ID() != h.header[i].Get("webhook-id") {
				t.Errorf("event %d is none: %v %v", i, e, err)
			}
		}
	}
	stop()
	if diff := cmp.Diff(map[string]int{"cursor": 2}, w.records()); diff != "" {
		t.Errorf("what is kept: -want +got:\n%s", diff)
	}
}

func waiting(d *deliver.Dispatcher, target string) int {
	for _, w := range d.Waiting() {
		if w.Target == target {
			return w.Facts
		}
	}
	return -1
}

// TestTroubledTargets: whatever a target answers, each event is delivered in order in the end, and no other target is delayed.
func TestTroubledTargets(t *testing.T) {
	release := make(chan struct{})
	for name, tc := range map[string]struct {
		answer func(n int, w http.ResponseWriter, r *http.Request)
		heals  bool
	}{
		"fails": {func(n int, w http.ResponseWriter, _ *http.Request) {
			if n%3 != 2 {
				w.WriteHeader([]int{500, 503, 408}[n%3])
			}
		}, true},
		"asks to wait": {func(n int, w http.ResponseWriter, _ *http.Request) {
			if n%2 == 0 {
				w.Header().Set("Retry-After", "0")
				w.WriteHeader(http.StatusTooManyRequests)
			}
		}, true},
		"is cut": {func(n int, w http.ResponseWriter, _ *http.Request) {
			if n%2 == 0 {
				w.(*kept).code = 0
				panic(http.ErrAbortHandler)
			}
		}, true},
		"hangs": {func(_ int, w http.ResponseWriter, r *http.Request) {
			select {
			case <-release:
			case <-r.Context().Done():
			}
			w.(*kept).code = 0
		}, false},
	} {
		t.Run(name, func(t *testing.T) {
			w, bad, good := newWorld(t), listen(t), listen(t)
			bad.answer = tc.answer
			w.to("bad", bad, deliver.CloudEvents)
			w.to("good", good, deliver.CloudEvents)
			d, stop := w.tell()
			w.ready()
			var want []string
			for n := range 4 {
				d.Tell("prod", []egress.Fact{w.happens("raw", n)}, false)
				want = append(want, event("raw", n))
			}
			good.await(t, "the other target", func(told []string) bool { return len(told) == len(want) })
			if !tc.heals {
				await(t, "them to wait", func() bool { return waiting(d, "bad") == len(want) })
				if told := bad.told(); len(told) > 0 {
					t.Errorf("a target that hangs has accepted %v", told)
				}
				stop() // it does not wait for it
				return
			}
			bad.await(t, "all events", func(told []string) bool { return len(told) == len(want) })
			if diff := cmp.Diff(want, bad.told()); diff != "" {
				t.Errorf("-want +got:\n%s", diff)
			}
		})
	}
	close(release)
}

// TestKilled: what happened while nobody looked is told by who comes next, and what was told and is not written down yet is told with
// the same id, so that it can be known.
func TestKilled(t *testing.T) {
	w, h := newWorld(t), listen(t)
	w.to("one", h, deliver.CloudEvents)
	d, stop := w.tell()
	w.ready()
	d.Tell("prod", []egress.Fact{w.happens("raw", 0)}, false)
	h.await(t, "the first", func(told []string) bool { return len(told) == 1 })
	stop()
	w.happens("raw", 1) // its manifest is written, and then the daemon is killed

	_, stop = w.tell()
	h.await(t, "the second", func(told []string) bool { return slices.Contains(told, event("raw", 1)) })
	stop()
	if diff := cmp.Diff([]string{event("raw", 0), event("raw", 1)}, h.told()); diff != "" {
		t.Errorf("-want +got:\n%s", diff)
	}

	// Without any record of what was told after it began.
	cursors, _ := filepath.Glob(filepath.Join(w.dir, "outbox/one/cursor/*"))
	if err := os.WriteFile(cursors[0], []byte(`{"until":"2026-01-01T00:00:00Z"}`), 0o600); err != nil {
		t.Fatal(err)
	}
	w.tell()
	h.await(t, "both again", func(told []string) bool { return len(told) == 4 })
	h.mu.Lock()
	defer h.mu.Unlock()
	first, again := h.header[0].Get("webhook-id"), h.header[2].Get("webhook-id")
	if first == "" || first != again {
		t.Errorf("an event that is doubled has the ids %q and %q", first, again)
	}
}

// TestDeadLetters: what a target refuses is kept with why, delays nothing, and is sent once more when someone asks for it.
func TestDeadLetters(t *testing.T) {
	w, h := newWorld(t), listen(t)
	var accepts bool
	h.answer = func(_ int, rw http.ResponseWriter, _ *http.Request) {
		h.mu.Lock()
		defer h.mu.Unlock()
		if !accepts {
			rw.WriteHeader(http.StatusNotFound)
		}
	}
	w.to("one", h, deliver.CloudEvents)
	d, stop := w.tell()
	w.ready()
	d.Tell("prod", []egress.Fact{w.happens("raw", 0), w.happens("clean", 0)}, false)
	await(t, "dead letters", func() bool { return w.records()["dead"] == 2 })
	stop()

	records, err := deliver.OpenRecords(t.Context(), w.address(), bucket.Options{})
	if err != nil {
		t.Fatal(err)
	}
	defer records.Close()
	letters, err := records.Letters(t.Context())
	if err != nil || len(letters) != 2 {
		t.Fatalf("dead letters are %v, %v", letters, err)
	}
	for _, l := range letters {
		if l.Refused != "it answered 404 Not Found" || l.Target != "one" || l.ID != l.Fact.ID() || l.Again {
			t.Errorf("a dead letter is %+v", l)
		}
	}
	h.mu.Lock()
	accepts = true
	h.mu.Unlock()
	d, stop = w.tell()
	w.ready()
	d.Tell("prod", []egress.Fact{w.happens("raw", 1)}, false)
	h.await(t, "what comes after it", func(told []string) bool { return slices.Contains(told, event("raw", 1)) })
	if got := len(h.told()); got != 1 {
		t.Errorf("%d events are delivered: dead letters are sent again although nobody asked", got)
	}
	for range 2 { // asking twice is asking once
		if err := records.Again(t.Context(), letters[0]); err != nil {
			t.Fatal(err)
		}
	}
	h.await(t, "the letter", func(told []string) bool { return len(told) == 2 })
	await(t, "it to be forgotten", func() bool { r := w.records(); return r["dead"] == 1 && r["again"] == 0 })
	if err := records.Drop(t.Context(), letters[1]); err != nil {
		t.Fatal(err)
	}
	stop()
	if diff := cmp.Diff(map[string]int{"cursor": 1}, w.records()); diff != "" {
		t.Errorf("what is kept: -want +got:\n%s", diff)
	}
}

// TestDamagedLetters: a dead letter that is damaged and asked for again holds up nothing: what was learned before it was known what was told,
// also what nothing that is kept says, what happens then, and the letters that are not. It stays, and is not asked for any more.
func TestDamagedLetters(t *testing.T) {
	w, h := newWorld(t), listen(t)
	w.to("one", h, deliver.CloudEvents)
	good, other := w.happens("raw", 5), w.happens("raw", 6)
	w.mu.Lock()
	w.lots = nil // whoever surveys the stores finds neither
	w.mu.Unlock()
	letter := func(f egress.Fact) string {
		text, err := json.Marshal(deliver.Letter{Target: "one", Refused: "no", At: f.At, Fact: f})
		if err != nil {
			t.Fatal(err)
		}
		return string(text)
	}
	for id, text := range map[string]string{
		"0a": "damaged", "0b": "{}", "0c": "", "0d": letter(other), "0e": `{"fact": {"lot": "x"}}`, good.ID(): letter(good),
	} {
		for folder, text := range map[string]string{"dead": text, "again": "{}"} {
			path := filepath.Join(w.dir, "outbox/one", folder, id+".json")
			if err := os.MkdirAll(filepath.Dir(path), 0o755); err != nil {
				t.Fatal(err)
			}
			if err := os.WriteFile(path, []byte(text), 0o644); err != nil {
				t.Fatal(err)
			}
		}
	}
	d, _ := w.tell()
	fleeting := func(n int) egress.Fact {
		f := w.happens("raw", n)
		f.Fleeting = true
		w.mu.Lock()
		defer w.mu.Unlock()
		w.lots = nil // whoever surveys the stores does not find it
		return f
	}
	d.Tell("prod", []egress.Fact{fleeting(0)}, false)
	await(t, "it to have found the cursor", func() bool { _, ok := d.Wants("prod", true); return ok })
	d.Tell("prod", []egress.Fact{fleeting(1)}, false)
	h.await(t, "all", func(told []string) bool {
		return slices.Contains(told, event("raw", 0)) && slices.Contains(told, event("raw", 1)) && slices.Contains(told, event("raw", 5))
	})
	await(t, "nobody to ask any more", func() bool { r := w.records(); return r["dead"] == 5 && r["again"] == 0 })
	if told := h.told(); slices.Contains(told, event("raw", 6)) {
		t.Errorf("a letter under the name of another event is sent: %v", told)
	}
}

// TestNoRedirections: a target cannot have messages sent elsewhere, with the token in them.
func TestNoRedirections(t *testing.T) {
	w, elsewhere, h := newWorld(t), listen(t), listen(t)
	h.answer = func(_ int, rw http.ResponseWriter, r *http.Request) {
		http.Redirect(rw, r, elsewhere.server.URL, http.StatusTemporaryRedirect)
	}
	w.to("one", h, deliver.CloudEvents)
	d, _ := w.tell()
	w.ready()
	d.Tell("prod", []egress.Fact{w.happens("raw", 0)}, false)
	await(t, "a dead letter", func() bool { return w.records()["dead"] == 1 })
	if told := elsewhere.told(); len(told) > 0 {
		t.Errorf("elsewhere got %v", told)
	}
}

// TestCredentials: a secret or token that cannot be read or used sends nothing, and is no matter of the event.
func TestCredentials(t *testing.T) {
	w, h := newWorld(t), listen(t)
	var mu sync.Mutex
	now := "whsec_" // signs with nothing, as anybody can
	reads := 0
	read := func() (string, error) { mu.Lock(); defer mu.Unlock(); reads++; return now, nil }
	w.targets["one"] = deliver.Target{URL: h.server.URL, Format: deliver.CloudEvents, Secret: read, Token: func() (string, error) { return "t0ken", nil }}
	d, _ := w.tell()
	w.ready()
	d.Tell("prod", []egress.Fact{w.happens("raw", 0)}, false)
	await(t, "it to be tried", func() bool { mu.Lock(); defer mu.Unlock(); return reads > 1 })
	mu.Lock()
	now = secret
	mu.Unlock()
	h.await(t, "the event", func(told []string) bool { return len(told) == 1 })
	if got := h.header[0].Get("Authorization"); got != "Bearer t0ken" {
		t.Errorf("the token is %q", got)
	}
	if n := w.records()["dead"]; n > 0 || h.n != 1 {
		t.Errorf("%d dead letters and %d requests: it was sent with a secret that is none", n, h.n)
	}
}

func TestChecks(t *testing.T) {
	token := func() (string, error) { return "", nil }
	for address, tc := range map[string]struct {
		token bool
		want  string
	}{
		"https://hooks.example.com/x":      {true, ""},
		"http://hooks.data:8080/x":         {false, ""},
		"http://127.0.0.1:8080/x":          {true, ""},
		"http://hooks.data:8080/y":         {true, "a token is sent by https:// only"},
		"https://ann:pw@hooks.example.com": {false, "the URL of a target has no credentials: put a token into a file"},
		"file:///etc/passwd":               {false, "the URL of a target is http://, https://, nats:// or kafka://, with a host"},
		"hooks.example.com":                {false, "the URL of a target is http://, https://, nats:// or kafka://, with a host"},
	} {
		target := deliver.Target{URL: address}
		if tc.token {
			target.Token = token
		}
		got := ""
		if err := target.Check(); err != nil {
			got = err.Error()
		}
		if got != tc.want {
			t.Errorf("%s: got %q, want %q", address, got, tc.want)
		}
	}
}
