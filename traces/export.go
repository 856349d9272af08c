// SPDX-License-Identifier: Apache-2.0

package traces

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync/atomic"
	"time"

	"go.opentelemetry.io/otel/exporters/otlp/otlptrace/otlptracehttp"
	sdk "go.opentelemetry.io/otel/sdk/trace"
)

const (
	// maxWaiting bounds how many spans wait to be sent; more are dropped.
	maxWaiting = 4096
	// maxBatch bounds how many are sent at once, and batchEvery how long one waits for others.
	maxBatch   = 512
	batchEvery = 2 * time.Second
	// sendTimeout bounds one request, and retryFor how long a batch is tried again before it is dropped.
	sendTimeout = 10 * time.Second
	retryFor    = 30 * time.Second
	// stopTimeout bounds how long the end of the daemon waits for the last ones.
	stopTimeout = 5 * time.Second
)

// Target is where spans are sent.
type Target struct {
	// URL is that of a receiver of OTLP over HTTP; without a path it is /v1/traces there.
	URL string
	// Headers are sent with each request; they may hold secrets.
	Headers map[string]string
}

// Check refuses what is no receiver.
func (t Target) Check() error {
	u, err := url.Parse(t.URL)
	if err != nil || u.Host == "" || u.Scheme != "https" && u.Scheme != "http" || u.User != nil || u.RawQuery != "" || u.Fragment != "" {
		return errors.New("it is no address of HTTP without credentials, such as https://otel.example.com:4318")
	}
	return nil
}

// endpoint is the whole address.
func (t Target) endpoint() string {
	u, err := url.Parse(t.URL)
	if err != nil {
		return t.URL
	}
	if u.Path == "" || u.Path == "/" {
		u.Path = "/v1/traces"
	}
	return u.String()
}

// ParseHeaders reads headers, "Name: value" on each line. Errors name the line, and never show a value.
func ParseHeaders(text string) (map[string]string, error) {
	out := map[string]string{}
	number := 0
	for line := range strings.Lines(text) {
		number++
		if line = strings.TrimSpace(line); line == "" {
			continue
		}
		name, value, ok := strings.Cut(line, ":")
		name, value = strings.TrimSpace(name), strings.TrimSpace(value)
		if !ok || name == "" || value == "" || strings.ContainsAny(name, " \t") {
			return nil, fmt.Errorf("line %d is no header: write \"Name: value\"", number)
		}
		out[name] = value
	}
	return out, nil
}

// queue sends spans in the background. Whoever ends a span never waits: what there is no room for is dropped, and counted.
type queue struct {
	exporter sdk.SpanExporter
	spans    chan sdk.ReadOnlySpan
	sent     atomic.Int64
	dropped  atomic.Int64
	// failed is told why spans were dropped, at most once for each batch.
	failed func(err error, spans int)
}

func newQueue(exporter sdk.SpanExporter, failed func(error, int)) *queue {
	return &queue{exporter: exporter, spans: make(chan sdk.ReadOnlySpan, maxWaiting), failed: failed}
}

// newExporter sends to a target. A redirect is not followed: the headers are for the target alone.
func newExporter(ctx context.Context, t Target) (sdk.SpanExporter, error) {
	client := &http.Client{CheckRedirect: func(*http.Request, []*http.Request) error { return http.ErrUseLastResponse }, Timeout: sendTimeout}
	return otlptracehttp.New(
		ctx, otlptracehttp.WithEndpointURL(t.endpoint()), otlptracehttp.WithHeaders(t.Headers), otlptracehttp.WithHTTPClient(client), otlptracehttp.WithTimeout(sendTimeout),
		otlptracehttp.WithCompression(otlptracehttp.GzipCompression),
		otlptracehttp.WithRetry(otlptracehttp.RetryConfig{Enabled: true, InitialInterval: time.Second, MaxInterval: sendTimeout, MaxElapsedTime: retryFor}),
	)
}

// OnStart implements [sdk.SpanProcessor].
func (q *queue) OnStart(context.Context, sdk.ReadWriteSpan) {}

// OnEnd implements [sdk.SpanProcessor].
func (q *queue) OnEnd(s sdk.ReadOnlySpan) {
	if !s.SpanContext().IsSampled() {
		return
	}
	select {
	case q.spans <- s:
	default:
		q.dropped.Add(1)
	}
}

// Shutdown implements [sdk.SpanProcessor].
func (q *queue) Shutdown(context.Context) error { return nil }

// ForceFlush implements [sdk.SpanProcessor].
func (q *queue) ForceFlush(context.Context) error { return nil }

// run sends until ctx ends, and then once more what waits.
func (q *queue) run(ctx context.Context) {
	ticks := time.NewTicker(batchEvery)
	defer ticks.Stop()
	var batch []sdk.ReadOnlySpan
	for ctx.Err() == nil {
		select {
		case <-ctx.Done():
			continue
		case s := <-q.spans:
			if batch = append(batch, s); len(batch) < maxBatch {
				continue
			}
		case <-ticks.C:
		}
		q.send(ctx, batch)
		batch = nil
	}
	last, cancel := context.WithTimeout(context.WithoutCancel(ctx), stopTimeout)
	defer cancel()
	for len(q.spans) > 0 {
		batch = append(batch, <-q.spans)
	}
	q.send(last, batch)
	_ = q.exporter.Shutdown(last) // nothing of it is left
}

func (q *queue) send(ctx context.Context, batch []sdk.ReadOnlySpan) {
	if len(batch) == 0 {
		return
	}
	if err := q.exporter.ExportSpans(ctx, batch); err != nil {
		q.dropped.Add(int64(len(batch)))
		q.failed(err, len(batch))
		return
	}
	q.sent.Add(int64(len(batch)))
}
