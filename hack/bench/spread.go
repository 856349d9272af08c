// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"
)

// spreadRuns is how often each of the two cases is run; an even number, so that both meet the same clusters.
const spreadRuns = 2

// spread measures two clusters alone, and beside a third one that takes connections and never answers.
func (b *bench) spread(ctx context.Context) error {
	b.progress("%d apps on each of two clusters, without and with a third that hangs", b.opts.spread)
	return b.onCell(ctx, "one", func(one *cell) error {
		return b.onCell(ctx, "two", func(two *cell) error { return b.spreadOn(ctx, one, two) })
	})
}

func (b *bench) spreadOn(ctx context.Context, one, two *cell) error {
	var alone, beside []time.Duration
	fallen := 0
	for i := range 2 * spreadRuns {
		// Alone, beside, beside, alone: what a cluster takes grows with what it holds.
		hanging := i%4 == 1 || i%4 == 2
		r, n, err := b.spreadOnce(ctx, fmt.Sprintf("spread%d", i), []*cell{one, two}, hanging)
		if err != nil {
			return err
		}
		if hanging {
			beside, fallen = append(beside, r.healthy), fallen+n
		} else {
			alone = append(alone, r.healthy)
		}
	}
	if fallen == 0 {
		return errors.New("the cluster that hangs was never spoken to, so that nothing was measured beside it")
	}
	b.sheet.add(row{
		what: "roll-out on two clusters beside a third that hangs, push → all healthy on the two", apps: b.opts.spread,
		figure: span(mean(beside)), beside: span(mean(alone)) + ": the two alone", ratio: ratio(mean(beside), mean(alone)),
	})
	return nil
}

// spreadOnce rolls a platform of its own out to the clusters; hanging adds one that never answers. It returns how
// often that one was called.
func (b *bench) spreadOnce(ctx context.Context, name string, cells []*cell, hanging bool) (r rolled, calls int, err error) {
	p := platform{name: name}
	var flags, names []string
	for _, c := range cells {
		names, flags = append(names, c.Name), append(flags, c.flag())
	}
	p.clusters = names
	if hanging {
		h, err := digHole(ctx)
		if err != nil {
			return r, 0, err
		}
		defer func() { calls, err = h.fallen(), errors.Join(err, h.close()) }()
		dir, err := b.folder("hole")
		if err != nil {
			return r, 0, err
		}
		kubeconfig := kubeconfigIn(dir, "three")
		if err := writeKubeconfig(kubeconfig, h.url()); err != nil {
			return r, 0, err
		}
		p.clusters, flags = append(slices.Clip(p.clusters), "three"), append(flags, "three="+kubeconfig)
	}
	h, err := b.newHome(ctx, p)
	if err != nil {
		return r, 0, err
	}
	err = b.withDaemon(ctx, h, flags, func(d *daemon) (err error) {
		r, err = roll(ctx, h, d, b.opts.spread, names, cells[0].PID())
		return err
	})
	return r, calls, err
}
