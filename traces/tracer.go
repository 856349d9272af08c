// SPDX-License-Identifier: Apache-2.0

package traces

import (
	"context"
	"log/slog"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/codes"
	"go.opentelemetry.io/otel/sdk/resource"
	sdk "go.opentelemetry.io/otel/sdk/trace"
	"go.opentelemetry.io/otel/trace"
)

// Options are what a [Tracer] is made of.
type Options struct {
	Target Target
	// Ratio is the share of traces that are sent, from 0 to 1. It is decided by the id of the trace, so that a trace is sent whole,
	// by all replicas, or not at all.
	Ratio float64
	// Version is that of the program, and Instance names the replica.
	Version, Instance string
	Log               *slog.Logger
	Now               func() time.Time
}

// Tracer makes spans of what it is told. Its methods return at once, and may be called by any goroutine; a nil one does nothing.
type Tracer struct {
	queue  *queue
	tracer trace.Tracer
	now    func() time.Time
	commits
}

// New returns a tracer, which sends nothing until [Tracer.Run].
func New(ctx context.Context, opts Options) (*Tracer, error) {
	exporter, err := newExporter(ctx, opts.Target)
	if err != nil {
		return nil, err
	}
	t := newTracer(opts, exporter)
	return t, nil
}

func newTracer(opts Options, exporter sdk.SpanExporter) *Tracer {
	q := newQueue(exporter, func(err error, spans int) {
		opts.Log.Warn("spans are dropped: the receiver of traces does not take them", "spans", spans, "err", err.Error())
	})
	provider := sdk.NewTracerProvider(
		sdk.WithSpanProcessor(q), sdk.WithSampler(sdk.TraceIDRatioBased(opts.Ratio)), sdk.WithIDGenerator(ids{}), sdk.WithRawSpanLimits(sdk.NewSpanLimits()),
		sdk.WithResource(resource.NewSchemaless(
			attribute.String("service.name", "trunkline"), attribute.String("service.version", opts.Version), attribute.String("service.instance.id", opts.Instance),
		)),
	)
	return &Tracer{queue: q, tracer: provider.Tracer("trunkline.dev/trunkline"), now: opts.Now}
}

// Run sends spans until ctx ends.
func (t *Tracer) Run(ctx context.Context) {
	if t != nil {
		t.queue.run(ctx)
	}
}

// Counts returns how many spans were sent, and how many were dropped, since there was no room for them or the receiver did not take them.
func (t *Tracer) Counts() (sent, dropped int64) {
	if t == nil {
		return 0, 0
	}
	return t.queue.sent.Load(), t.queue.dropped.Load()
}

// span is one that has ended.
type span struct {
	name   string
	trace  trace.TraceID
	id     trace.SpanID
	parent trace.SpanID // zero: it is the first of its trace
	kind   trace.SpanKind
	from   time.Time
	until  time.Time
	about  []attribute.KeyValue
	// failed reports whether what it is of did not succeed.
	failed bool
}

// add makes a span.
func (t *Tracer) add(s span) {
	if s.until.Before(s.from) {
		s.from = s.until // clocks of two machines
	}
	ctx := context.WithValue(context.Background(), wanted{}, s) //nolint:contextcheck // it carries ids to the SDK, and nothing is waited for
	if s.parent.IsValid() {
		ctx = trace.ContextWithRemoteSpanContext(ctx, trace.NewSpanContext(trace.SpanContextConfig{
			TraceID: s.trace, SpanID: s.parent, TraceFlags: trace.FlagsSampled, Remote: true,
		}))
	}
	_, made := t.tracer.Start(ctx, s.name, trace.WithTimestamp(s.from), trace.WithAttributes(s.about...), trace.WithSpanKind(s.kind))
	if s.failed {
		made.SetStatus(codes.Error, "")
	}
	made.End(trace.WithTimestamp(s.until))
}

// wanted is the key of the span whose ids are to be taken.
type wanted struct{}

// ids has spans get the ids that they are to have.
type ids struct{}

// NewIDs implements [sdk.IDGenerator].
func (ids) NewIDs(ctx context.Context) (trace.TraceID, trace.SpanID) {
	s, _ := ctx.Value(wanted{}).(span)
	return s.trace, s.id
}

// NewSpanID implements [sdk.IDGenerator].
func (ids) NewSpanID(ctx context.Context, _ trace.TraceID) trace.SpanID {
	s, _ := ctx.Value(wanted{}).(span)
	return s.id
}
