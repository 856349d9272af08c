package main

import (
	"context"
	"fmt"
	"time"
)

// large measures push → judged and rendered for one changed app among very many. The daemon is told of no way to the
// platform's cluster, so that nothing is applied.
func (b *bench) large(ctx context.Context) error {
	n := b.opts.large
	if n == 0 {
		return nil
	}
	b.progress("%d apps: rendering", n)
	p := platform{name: "app", clusters: []string{"nowhere"}}
	h, err := b.newHome(ctx, p)
	if err != nil {
		return err
	}
	dir, err := b.folder("elsewhere")
	if err != nil {
		return err
	}
	// A daemon must have a cluster. This one refuses every connection, and no release goes there.
	elsewhere := kubeconfigIn(dir, "elsewhere")
	if err := writeKubeconfig(elsewhere, "https://127.0.0.1:1"); err != nil {
		return err
	}
	return b.withDaemon(ctx, h, []string{"elsewhere=" + elsewhere}, func(d *daemon) error {
		all, err := h.repo.push(ctx, "apps", p.apps(0, n))
		if err != nil {
			return err
		}
		began, err := d.sync(ctx)
		if err != nil {
			return err
		}
		first, err := d.awaitAccepted(ctx, all, rollLimit)
		if err != nil {
			return err
		}
		b.sheet.add(row{what: "all apps new, push → rendered", apps: n, figure: span(first.Sub(began))})
		var took []time.Duration
		for i := range b.opts.repeat {
			path, text := p.declare(i*7%n, firstVersion+1+i)
			commit, err := h.repo.push(ctx, "change", tree{path: text})
			if err != nil {
				return err
			}
			began, err := d.sync(ctx)
			if err != nil {
				return err
			}
			at, err := d.awaitAccepted(ctx, commit, changeLimit)
			if err != nil {
				return err
			}
			took = append(took, at.Sub(began))
		}
		b.sheet.add(row{what: fmt.Sprintf("one app changed, push → rendered, median of %d", b.opts.repeat), apps: n, figure: both(took)})
		if m, err := memoryOf(d.pid()); err == nil {
			b.sheet.add(row{what: "resident memory with that many rendered and none applied; at its peak", apps: n, figure: m.String()})
		}
		return nil
	})
}
