// SPDX-License-Identifier: Apache-2.0

package traces_test

import (
	"bytes"
	"compress/gzip"
	"context"
	"encoding/hex"
	"fmt"
	"io"
	"log/slog"
	"net/http"
	"net/http/httptest"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	collector "go.opentelemetry.io/proto/otlp/collector/trace/v1"
	"google.golang.org/protobuf/proto"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/traces"
)

// receiver takes spans as a collector of OpenTelemetry does: the requests are those of its published protocol.
type receiver struct {
	*httptest.Server

	mu      sync.Mutex
	spans   []string
	traces  map[string]bool
	raw     bytes.Buffer
	headers http.Header
	// answer is what it answers; 0: that it took them.
	answer int
	asked  int
	// to is where it sends whoever it redirects.
	to string
}

func receive(t *testing.T) *receiver {
	t.Helper()
	r := &receiver{traces: map[string]bool{}}
	r.Server = httptest.NewServer(http.HandlerFunc(func(w http.ResponseWriter, req *http.Request) {
		r.mu.Lock()
		defer r.mu.Unlock()
		r.asked++
		if r.answer != 0 {
			w.Header().Set("Location", r.to)
			w.WriteHeader(r.answer)
			return
		}
		if err := r.take(req); err != nil {
			t.Error(err)
			w.WriteHeader(http.StatusBadRequest)
			return
		}
		body, err := proto.Marshal(&collector.ExportTraceServiceResponse{})
		if err != nil {
			t.Error(err)
		}
		w.Header().Set("Content-Type", "application/x-protobuf")
		_, _ = w.Write(body)
	}))
	t.Cleanup(r.Close)
	return r
}

func (r *receiver) take(req *http.Request) error {
	if req.Method != http.MethodPost || req.URL.Path != "/v1/traces" || req.Header.Get("Content-Type") != "application/x-protobuf" {
		return fmt.Errorf("asked %s %s with %s", req.Method, req.URL, req.Header.Get("Content-Type"))
	}
	r.headers = req.Header
	packed, err := gzip.NewReader(req.Body)
	if err != nil {
		return err
	}
	data, err := io.ReadAll(packed)
	if err != nil {
		return err
	}
	r.raw.Write(data)
	var sent collector.ExportTraceServiceRequest
	if err := proto.Unmarshal(data, &sent); err != nil {
		return err
	}
	names := map[string]string{}
	for _, of := range sent.GetResourceSpans() {
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				names[string(s.GetSpanId())] = s.GetName()
			}
		}
	}
	for _, of := range sent.GetResourceSpans() {
		for _, scope := range of.GetScopeSpans() {
			for _, s := range scope.GetSpans() {
				r.traces[hex.EncodeToString(s.GetTraceId())] = true
				from, until := time.Unix(0, int64(s.GetStartTimeUnixNano())), time.Unix(0, int64(s.GetEndTimeUnixNano()))
				line := fmt.Sprintf("%s < %s %v-%v", s.GetName(), names[string(s.GetParentSpanId())], from.Sub(noon), until.Sub(noon))
				if s.GetStatus().GetCode() != 0 {
					line += " " + s.GetStatus().GetCode().String()
				}
				r.spans = append(r.spans, line)
			}
		}
	}
	return nil
}

var noon = time.Date(2026, 11, 21, 12, 0, 0, 0, time.UTC)

// traced is a tracer with a clock.
type traced struct {
	*traces.Tracer

	clock time.Time
	log   *strings.Builder
}

func tracer(t *testing.T, url string, ratio float64) *traced {
	t.Helper()
	out := &traced{clock: noon, log: &strings.Builder{}}
	var err error
	out.Tracer, err = traces.New(t.Context(), traces.Options{
		Target: traces.Target{URL: url, Headers: map[string]string{"Authorization": "Bearer s3cret-of-the-receiver"}}, Ratio: ratio, Version: "1", Instance: "one",
		Log: slog.New(slog.NewTextHandler(out.log, nil)), Now: func() time.Time { return out.clock },
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// after lets time pass.
func (d *traced) after(seconds int) { d.clock = d.clock.Add(time.Duration(seconds) * time.Second) }

// send sends what there is, as at the end of the daemon.
func (d *traced) send(t *testing.T) {
	t.Helper()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	d.Run(ctx)
}

const (
	commit = "0123456789abcdef0123456789abcdef01234567"
	later  = "fedcba9876543210fedcba9876543210fedcba98"
)

var orders = catalog.ReleaseID{Project: "orders", Environment: "dev", Cluster: "one"}

// TestACommit is one trace, from the push until the release is healthy, whatever happens in between and afterwards.
func TestACommit(t *testing.T) {
	for name, c := range map[string]struct {
		reason string
		do     func(d *traced)
		want   []string
	}{
		"Pushed": {
			"from the push on, each part with its time", func(d *traced) {
				d.Pushed()
				d.after(1)
				d.Pushed() // a second event of the same push
				d.after(1)
				d.Fetching()
				d.after(3)
				d.Fetched(commit, true)
				d.after(4)
				d.Judged(commit, true)
				d.after(5)
				d.Applied(traces.Applied{Release: orders, Commit: commit, Took: 2 * time.Second, Objects: 3})
				d.after(10)
				d.Settled(orders, commit, true)
			},
			[]string{"apply < commit 12s-14s", "become healthy < apply 14s-24s", "commit <  0s-9s", "fetch < commit 2s-5s", "judge < commit 5s-9s", "wait for fetch < commit 0s-2s"},
		},
		"Found": {
			"without a push, from the fetch on", func(d *traced) {
				d.Fetching()
				d.after(1)
				d.Fetched(commit, true)
				d.after(1)
				d.Judged(commit, false)
			},
			[]string{"commit <  0s-2s STATUS_CODE_ERROR", "fetch < commit 0s-1s", "judge < commit 1s-2s STATUS_CODE_ERROR"},
		},
		"FailsFirst": {
			"a run that fails is in it, and so is the one after it", func(d *traced) {
				d.Applied(traces.Applied{Release: orders, Commit: commit, Failed: true})
				d.after(1)
				d.Applied(traces.Applied{Release: orders, Commit: commit, Objects: 1})
				d.after(1)
				d.Settled(orders, commit, false)
				d.after(1)
				d.Settled(orders, commit, true)
			},
			[]string{"apply <  0s-0s STATUS_CODE_ERROR", "apply <  1s-1s", "become healthy < apply 1s-2s STATUS_CODE_ERROR", "become healthy < apply 1s-3s"},
		},
		"Drift": {
			"what corrects a drift of a healthy release is none of the commit's", func(d *traced) {
				d.Applied(traces.Applied{Release: orders, Commit: commit, Objects: 1})
				d.Settled(orders, commit, true)
				d.after(60)
				d.Applied(traces.Applied{Release: orders, Commit: commit, Objects: 1})
				d.Settled(orders, commit, true)
				d.Applied(traces.Applied{Release: orders, Commit: later, Objects: 1})
			},
			[]string{"apply <  0s-0s", "apply <  1m0s-1m0s", "become healthy < apply 0s-0s"},
		},
		"Nothing": {
			"what changes nothing, or is of no commit, is no span", func(d *traced) {
				d.Applied(traces.Applied{Release: orders, Commit: commit})
				d.Applied(traces.Applied{Release: orders, Objects: 1})
				d.Settled(orders, commit, true)
				d.Settled(orders, "", true)
				d.Fetching()
				d.Fetched(commit, false)
			},
			nil,
		},
		"NextPush": {
			"a push while a fetch runs is of the next one", func(d *traced) {
				d.Fetching()
				d.after(1)
				d.Pushed()
				d.after(1)
				d.Fetched(commit, true)
				d.Judged(commit, true)
				d.Fetching()
				d.after(1)
				d.Fetched(later, true)
				d.Judged(later, true)
			},
			[]string{"commit <  0s-2s", "commit <  1s-3s", "fetch < commit 0s-2s", "fetch < commit 2s-3s", "judge < commit 2s-2s", "judge < commit 3s-3s", "wait for fetch < commit 1s-2s"},
		},
	} {
		t.Run(name, func(t *testing.T) {
			r := receive(t)
			d := tracer(t, r.URL, 1)
			c.do(d)
			d.send(t)
			slices.Sort(r.spans)
			if diff := cmp.Diff(c.want, r.spans); diff != "" {
				t.Errorf("%s (-want +got):\n%s", c.reason, diff)
			}
			for id := range r.traces {
				if id != commit[:32] && id != later[:32] {
					t.Errorf("a trace has the id %s, which is of no commit", id)
				}
			}
			if sent, dropped := d.Counts(); sent != int64(len(c.want)) || dropped != 0 {
				t.Errorf("%d are sent, and %d dropped", sent, dropped)
			}
		})
	}
}

// TestAPullRequest is one trace of a head, from the event to what is written.
func TestAPullRequest(t *testing.T) {
	r := receive(t)
	d := tracer(t, r.URL+"/", 1)
	at := func(seconds int) time.Time { return noon.Add(time.Duration(seconds) * time.Second) }
	d.Reviewed(traces.Review{Number: 7, Head: commit, Outcome: "passed", Told: at(0), Began: at(1), Opened: at(2), Evaluated: at(5), Commented: at(6), Concluded: at(8)})
	d.clock = at(30)
	d.LotEnded(traces.LotRun{Release: orders, Workload: "clean", Lot: "20260101PT1H004", Attempt: "1", Took: 20 * time.Second, Outcome: "failed", Failed: true})
	d.send(t)
	slices.Sort(r.spans)
	want := []string{
		"comment < pull request 5s-6s", "conclude check < pull request 6s-8s", "evaluate < pull request 2s-5s", "open check < pull request 1s-2s", "pull request <  0s-8s",
		"run for a lot <  10s-30s STATUS_CODE_ERROR", "wait < pull request 0s-1s",
	}
	if diff := cmp.Diff(want, r.spans); diff != "" {
		t.Errorf("(-want +got):\n%s", diff)
	}
	if len(r.traces) != 2 {
		t.Errorf("there are %d traces, want one of the head and one of the run", len(r.traces))
	}
	if got := r.headers.Get("Authorization"); got != "Bearer s3cret-of-the-receiver" {
		t.Errorf("the header is %q", got)
	}
	if strings.Contains(r.raw.String(), "s3cret") || !strings.Contains(r.raw.String(), "service.instance.id") {
		t.Error("a secret is in a span, or what tells replicas apart is not")
	}
}

// TestShare: whether a trace is sent is decided by its id: by all replicas alike, and for all of its spans.
func TestShare(t *testing.T) {
	for _, c := range []struct {
		ratio       float64
		least, most int
	}{{0, 0, 0}, {0.5, 60, 140}, {1, 200, 200}} {
		one, other := receive(t), receive(t)
		for _, r := range []*receiver{one, other} {
			d := tracer(t, r.URL, c.ratio)
			for i := range 200 {
				commit := fmt.Sprintf("%016x%016x%08x", i*7919, uint64(i)*0x9e3779b97f4a7c15, i)
				d.Judged(commit, true)
				d.Applied(traces.Applied{Release: orders, Commit: commit, Objects: 1})
			}
			d.send(t)
		}
		if n := len(one.traces); n < c.least || n > c.most || len(one.spans) != 4*n {
			t.Errorf("of 200 traces %d are sent at %g, with %d spans", n, c.ratio, len(one.spans))
		}
		if diff := cmp.Diff(one.traces, other.traces); diff != "" {
			t.Errorf("two replicas send different traces: %s", diff)
		}
	}
}

// TestAReceiverThatIsAway: nobody waits for it, what does not fit is dropped, and all of that is counted.
func TestAReceiverThatIsAway(t *testing.T) {
	r := receive(t)
	d := tracer(t, r.URL, 1)
	const more = 5000
	for range more { // nothing is sent while this runs: a call that waited would never return
		d.LotEnded(traces.LotRun{Release: orders, Workload: "clean"})
	}
	if sent, dropped := d.Counts(); sent != 0 || dropped != more-4096 {
		t.Errorf("%d are sent, and %d dropped", sent, dropped)
	}
	r.answer = http.StatusForbidden
	d.send(t)
	if sent, dropped := d.Counts(); sent != 0 || dropped != more {
		t.Errorf("refused: %d are sent, and %d dropped", sent, dropped)
	}
	if log := d.log.String(); !strings.Contains(log, "spans are dropped") || strings.Contains(log, "s3cret") {
		t.Errorf("the log says %s", log)
	}
	other := receive(t)
	r.to = other.URL + "/v1/traces"
	r.answer, d = http.StatusTemporaryRedirect, tracer(t, r.URL, 1)
	d.LotEnded(traces.LotRun{Release: orders, Workload: "clean"})
	d.send(t)
	if sent, _ := d.Counts(); sent != 0 || other.asked != 0 {
		t.Error("a redirect is followed, with the headers")
	}
}

// TestOff: where no traces are asked for, nothing is made.
func TestOff(t *testing.T) {
	var d *traces.Tracer
	d.Pushed()
	d.Fetching()
	d.Fetched(commit, true)
	d.Judged(commit, true)
	d.Applied(traces.Applied{Release: orders, Commit: commit, Objects: 1})
	d.Settled(orders, commit, true)
	d.Reviewed(traces.Review{})
	d.LotEnded(traces.LotRun{})
	d.Run(t.Context())
	if sent, dropped := d.Counts(); sent+dropped != 0 {
		t.Error("something is counted")
	}
}

func TestTargets(t *testing.T) {
	for url, ok := range map[string]bool{
		"https://otel.example.com:4318": true, "http://127.0.0.1:4318/v1/traces": true, "otel.example.com:4318": false, "grpc://otel.example.com": false,
		"https://ann:s3cret@otel.example.com": false, "https://otel.example.com/?key=s3cret": false, "": false, "https://": false,
	} {
		if err := (traces.Target{URL: url}).Check(); (err == nil) != ok || err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: got %v", url, err)
		}
	}
	for text, want := range map[string]map[string]string{
		"": {}, "api-key: a b\n\nX-Org:7\n": {"api-key": "a b", "X-Org": "7"}, "s3cret": nil, "name:": nil, ": s3cret": nil, "two names: s3cret": nil,
	} {
		got, err := traces.ParseHeaders(text)
		if diff := cmp.Diff(want, got); diff != "" || (err == nil) != (want != nil) || err != nil && strings.Contains(err.Error(), "s3cret") {
			t.Errorf("%q: %v %s", text, err, diff)
		}
	}
}
