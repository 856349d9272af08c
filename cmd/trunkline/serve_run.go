// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"io"
	stdlog "log"
	"log/slog"
	"runtime"
	"runtime/debug"
	"time"

	"golang.org/x/sync/errgroup"
	"k8s.io/klog/v2"

	"trunkline.dev/trunkline/reconciler/git"
)

// gcPercent has garbage collected twice as often as usual: the daemon lives long and works little, so memory is dearer
// to those who run it than the processor time.
const gcPercent = 50

// run runs all parts until ctx ends or one of them fails.
func (d *daemon) run(ctx context.Context) error {
	debug.SetGCPercent(gcPercent)
	finish := func() error { return nil }
	if d.flags.profile != "" {
		var err error
		if finish, err = profile(d.flags.profile); err != nil {
			return err
		}
	}
	// What is recorded last is recorded after everything else has ended.
	stopHistory := d.past.start(ctx)
	stopTraces := d.startTraces(ctx)
	d.log.Info("serving", "repo", d.flags.remote.String(), "listen", d.door.listener.Addr().String(), "clusters", len(d.flags.clusters))
	group, ctx := errgroup.WithContext(ctx)
	group.Go(func() error { d.rec.Run(ctx); return nil })
	group.Go(func() error { d.idle.run(ctx); return nil })
	group.Go(func() error { d.past.recallAges(ctx); return nil })
	group.Go(func() error { d.usual.learn(ctx, d.past, d.counting.ledger); return nil })
	group.Go(func() error { d.count(ctx); return nil })
	group.Go(func() error { d.lookAhead(ctx); return nil })
	group.Go(func() error { d.sharing.run(ctx, d.rec, d.board); return nil })
	group.Go(func() error { d.follower.Run(ctx); return nil })
	group.Go(func() error { watcher := d.watcher(); watcher.Run(ctx); return nil })
	group.Go(func() error { d.sources.Run(ctx); return nil })
	group.Go(func() error {
		collector := git.Collector{Store: d.store, Keep: d.rec.Needed, Log: d.log}
		collector.Run(ctx)
		return nil
	})
	group.Go(func() error { d.keepLots(ctx); return nil })
	group.Go(func() error { d.sharing.lead(ctx, d.keepAirflow); return nil })
	group.Go(func() error { d.sharing.lead(ctx, d.remoteRuns.keeper.Run); return nil })
	if d.workspaces != nil {
		group.Go(func() error { d.sharing.lead(ctx, d.workspaces.Run); return nil })
	}
	if d.flags.config != "" {
		group.Go(func() error {
			looks := time.NewTicker(configInterval)
			defer looks.Stop()
			d.keepConfig(ctx, looks.C)
			return nil
		})
	}
	group.Go(func() error { d.sharing.lead(ctx, d.resources.Run); return nil })
	if d.notifications != nil {
		group.Go(func() error { d.notify(ctx); return nil })
	}
	if d.newPulls != nil {
		group.Go(func() error { d.sharing.lead(ctx, d.workOnPulls); return nil })
		group.Go(func() error { d.newPulls().KeepReviews(ctx); return nil })
	}
	if d.agentDoor != nil {
		group.Go(func() error { return d.agentDoor.serve(ctx) })
		group.Go(func() error { d.sharing.lead(ctx, hangUp(d.rec)); return nil })
	}
	if d.appsDoor != nil {
		d.log.Info("applications are served", "listen", d.appsDoor.listener.Addr().String(), "url", d.flags.apps.url)
		group.Go(func() error { return d.appsDoor.serve(ctx) })
	}
	group.Go(func() error { return d.door.serve(ctx) })
	err := group.Wait()
	stopHistory()
	stopTraces()
	err = errors.Join(err, finish())
	runtime.KeepAlive(d) // a profile of memory shows what is in use
	d.log.Info("stopped")
	return err
}

// quietClients has the Kubernetes client log through ours, and only for those who debug: what matters of it is
// in the status already. What else is printed by way of Go's standard logger is dropped: Helm prints values there
// that it cannot merge, which can be secrets.
func quietClients(log *slog.Logger) {
	stdlog.SetOutput(io.Discard)
	if log.Enabled(context.Background(), slog.LevelDebug) {
		klog.SetSlogLogger(log)
		return
	}
	klog.SetSlogLogger(slog.New(slog.DiscardHandler))
}
