// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"time"
)

// large is a platform of very many apps whose cluster no daemon is told of, so that nothing is applied.
type large struct {
	home     *home
	clusters []string
	apps     int
}

func (b *bench) newLarge(ctx context.Context, apps int) (*large, error) {
	h, err := b.newHome(ctx, platform{name: "app", clusters: []string{"nowhere"}})
	if err != nil {
		return nil, err
	}
	dir, err := b.folder("elsewhere")
	if err != nil {
		return nil, err
	}
	clusters, err := elsewhere(dir)
	return &large{home: h, clusters: clusters, apps: apps}, err
}

// elsewhere returns the cluster of a daemon that is to apply nothing: it must have one. This one refuses every connection, and
// no release goes there.
func elsewhere(dir string) ([]string, error) {
	file := kubeconfigIn(dir, "elsewhere")
	return []string{"elsewhere=" + file}, writeKubeconfig(file, "https://127.0.0.1:1")
}

// all pushes all apps and returns how long it takes until they are rendered.
func (l *large) all(ctx context.Context, d *daemon) (time.Duration, error) {
	return l.push(ctx, d, l.home.platform.apps(0, l.apps), rollLimit)
}

// change pushes another image of one app, and returns how long it takes until that is rendered. Each repetition has its
// own app and image.
func (l *large) change(ctx context.Context, d *daemon, repetition int) (time.Duration, error) {
	path, text := l.home.platform.declare(repetition*7%l.apps, firstVersion+1+repetition)
	return l.push(ctx, d, tree{path: text}, rollLimit) // after a start, all is rendered first
}

func (l *large) push(ctx context.Context, d *daemon, files tree, limit time.Duration) (time.Duration, error) {
	commit, err := l.home.repo.push(ctx, "change", files)
	if err != nil {
		return 0, err
	}
	began, err := d.sync(ctx)
	if err != nil {
		return 0, err
	}
	at, err := d.awaitAccepted(ctx, commit, limit)
	return at.Sub(began), err
}

// large measures push → checked and rendered for one changed app among very many.
func (b *bench) larges(ctx context.Context) error {
	n := b.opts.large
	if n == 0 {
		return nil
	}
	b.progress("%d apps: rendering", n)
	l, err := b.newLarge(ctx, n)
	if err != nil {
		return err
	}
	return b.withDaemon(ctx, l.home, l.clusters, func(d *daemon) error {
		all, err := l.all(ctx, d)
		if err != nil {
			return err
		}
		b.sheet.add(row{what: "all apps new, push → rendered", apps: n, figure: span(all)})
		var took []time.Duration
		for i := range b.opts.repeat {
			one, err := l.change(ctx, d, i)
			if err != nil {
				return err
			}
			took = append(took, one)
		}
		b.sheet.add(row{what: fmt.Sprintf("one app changed, push → rendered, median of %d", b.opts.repeat), apps: n, figure: both(took)})
		if m, err := memoryOf(d.Pid()); err == nil {
			b.sheet.add(row{what: "resident memory with that many rendered and none applied; at its peak", apps: n, figure: m.String()})
		}
		return nil
	})
}
