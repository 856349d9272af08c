// SPDX-License-Identifier: Apache-2.0

package meter

import (
	"context"
	"errors"
	"maps"
	"slices"
	"time"

	"trunkline.dev/trunkline/cost/usage"
)

// look notes all that is there, and what has ended. First is the look that finds out what ended while nobody looked. It reports whether
// that could be noted.
func (k *connection) look(ctx context.Context, first bool) bool {
	now := k.m.opts.Now()
	k.mu.Lock()
	if k.away[usage.Pod] && !first {
		k.mu.Unlock()
		k.flush(ctx)
		return false // what is known may not be so any more
	}
	there := make(map[string]bool, len(k.objects))
	var running []*object
	for uid, o := range k.objects {
		there[uid] = true // claims and nodes among them do no harm
		if o.fact.Certainty == usage.Running && !k.away[o.fact.Kind] {
			still := *o
			still.fact.Until = now
			running = append(running, &still)
		}
	}
	for uid := range k.ended {
		there[uid] = true
	}
	k.mu.Unlock()
	if !k.flush(ctx) || !k.write(ctx, running) {
		return false
	}
	k.measure(ctx, now, running)
	lost, err := k.m.opts.Ledger.Look(ctx, k.platform, k.cluster, now, there)
	if err != nil {
		k.failed(ctx, err)
		return false
	}
	if lost > 0 {
		k.m.opts.Log.Warn("pods have ended while nobody looked; they count until they were seen last", "cluster", k.cluster, "pods", lost)
	}
	return true
}

// flush notes what has ended, and reports whether it could.
func (k *connection) flush(ctx context.Context) bool {
	k.mu.Lock()
	ended := slices.Collect(maps.Values(k.ended))
	dropped := k.dropped
	k.dropped = 0
	k.mu.Unlock()
	if dropped > 0 {
		k.m.opts.Log.Warn("ends are not noted: there were more than there is place for", "cluster", k.cluster, "things", dropped)
	}
	if !k.write(ctx, ended) {
		return false
	}
	k.mu.Lock()
	defer k.mu.Unlock()
	for _, o := range ended {
		if k.ended[string(o.UID)] == o {
			delete(k.ended, string(o.UID))
		}
	}
	return true
}

// write notes what is known of objects, and reports whether it could.
func (k *connection) write(ctx context.Context, objects []*object) bool {
	var things []Priced
	for _, o := range objects {
		if p, ok := k.price(o); ok {
			things = append(things, p)
		}
	}
	if len(things) == 0 {
		return true
	}
	ctx, cancel := context.WithTimeout(ctx, callTimeout)
	defer cancel()
	trouble, err := k.m.opts.Ledger.Write(ctx, k.platform, things)
	if len(trouble) > 0 {
		k.m.opts.Log.Warn("something is left out", "cluster", k.cluster, "err", errors.Join(trouble...).Error())
	}
	if err != nil {
		k.failed(ctx, err)
		return false
	}
	return true
}

// price returns what an object costs; false if it takes nothing that is counted.
func (k *connection) price(o *object) (Priced, bool) {
	f := o.fact
	if f.Began.Before(k.since) {
		f.Began, f.Once = k.since, false // how long it took as a whole is another matter
	}
	if !o.begun || o.odd != nil || !f.Until.After(f.Began) {
		return Priced{}, false
	}
	cat := k.m.opts.Catalog()
	f.Place.Owner = usage.OwnerOf(cat, f.Place.Project)
	node := o.spot
	if f.Kind == usage.Pod {
		k.mu.Lock()
		if n := k.nodes[o.node]; n != nil {
			node = n.spot
		}
		k.mu.Unlock()
	}
	f.Spot = usage.OnSpot(cat, f, o.takes, node)
	return Priced{f, usage.TariffOf(cat, f, o.takes)}, true
}

// failed logs that something cannot be noted now.
func (k *connection) failed(ctx context.Context, err error) {
	if ctx.Err() == nil {
		k.m.opts.Log.Debug("cannot note what is used; it is tried again", "cluster", k.cluster, "err", err.Error())
	}
}

// metrics is what is known of measurements: of each pod, up to when it was measured.
type metrics struct {
	last map[string]time.Time
	// sampled is when what each pod of a run uses was kept last.
	sampled map[string]time.Time
	off     bool
}
