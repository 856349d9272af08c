// SPDX-License-Identifier: Apache-2.0

package traces

import (
	"slices"
	"strconv"
	"time"

	"go.opentelemetry.io/otel/attribute"
	"go.opentelemetry.io/otel/trace"

	"trunkline.dev/trunkline/catalog"
)

// Review is the review of a head of a pull request, with when it came how far.
type Review struct {
	// Source is the repository, if it is one that the platform includes.
	Source string
	Number int
	Head   string
	// Outcome is what came of it, in a word, and Failed reports whether that is nothing that can be merged.
	Outcome string
	Failed  bool
	// Told is when an event told of it; zero: it was found by looking. The others are when each part of the work was done.
	Told, Began, Opened, Evaluated, Commented, Concluded time.Time
}

// Reviewed tells of the review of a head.
func (t *Tracer) Reviewed(r Review) {
	if t == nil {
		return
	}
	number := strconv.Itoa(r.Number)
	id := traceNamed("pull", r.Source, number, r.Head)
	name := func(part string) trace.SpanID {
		return spanNamed(part, r.Source, number, r.Head, r.Began.UTC().Format(time.RFC3339Nano))
	}
	about := []attribute.KeyValue{attribute.Int("trunkline.pull", r.Number), attribute.String("trunkline.head", r.Head)}
	if r.Source != "" {
		about = append(about, attribute.String("trunkline.source", r.Source))
	}
	from := r.Began
	if !r.Told.IsZero() && r.Told.Before(from) {
		from = r.Told
	}
	root := name("pull")
	t.add(span{
		name: "pull request", trace: id, id: root, kind: trace.SpanKindConsumer, from: from, until: r.Concluded,
		about: append(slices.Clip(about), attribute.String("trunkline.outcome", r.Outcome), attribute.Bool("trunkline.told", !r.Told.IsZero())), failed: r.Failed,
	})
	for _, part := range []struct {
		name        string
		kind        trace.SpanKind
		from, until time.Time
	}{
		{"wait", trace.SpanKindInternal, from, r.Began},
		{"open check", trace.SpanKindClient, r.Began, r.Opened},
		{"evaluate", trace.SpanKindInternal, r.Opened, r.Evaluated},
		{"comment", trace.SpanKindClient, r.Evaluated, r.Commented},
		{"conclude check", trace.SpanKindClient, r.Commented, r.Concluded},
	} {
		if part.until.After(part.from) {
			t.add(span{name: part.name, trace: id, id: name(part.name), parent: root, kind: part.kind, from: part.from, until: part.until, about: about})
		}
	}
}

// LotRun is a run for a lot that has ended.
type LotRun struct {
	Release                catalog.ReleaseID
	Workload, Lot, Attempt string
	Took                   time.Duration
	// Outcome is what came of it, in a word.
	Outcome string
	Failed  bool
}

// LotEnded tells of a run for a lot.
func (t *Tracer) LotEnded(r LotRun) {
	if t == nil {
		return
	}
	now := t.now()
	parts := []string{"lot", r.Release.String(), r.Workload, r.Lot, r.Attempt}
	t.add(span{
		name: "run for a lot", trace: traceNamed(parts...), id: spanNamed(parts...), kind: trace.SpanKindInternal, from: now.Add(-r.Took), until: now, failed: r.Failed,
		about: []attribute.KeyValue{
			attribute.String("trunkline.project", r.Release.Project), attribute.String("trunkline.environment", r.Release.Environment), attribute.String("trunkline.cluster", r.Release.Cluster),
			attribute.String("trunkline.workload", r.Workload), attribute.String("trunkline.lot", r.Lot), attribute.String("trunkline.attempt", r.Attempt), attribute.String("trunkline.outcome", r.Outcome),
		},
	})
}
