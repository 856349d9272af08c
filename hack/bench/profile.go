package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"path/filepath"
)

// profiled makes one more roll-out of the largest size, with a daemon that writes profiles when it ends, which is
// as soon as all is healthy. Profiling takes time itself, so that its figures are in no row.
func (b *bench) profiled(ctx context.Context) error {
	n := b.opts.sizes[len(b.opts.sizes)-1]
	dir, err := filepath.Abs(b.opts.profile)
	if err != nil {
		return fmt.Errorf("finding the folder for profiles: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return fmt.Errorf("making the folder for profiles: %w", err)
	}
	b.progress("%d apps: rolling out with profiles", n)
	return b.onCell(ctx, clusterName, func(c *cell) (err error) {
		h, err := b.newHome(ctx, platform{name: "app", clusters: c.names(), environment: b.opts.environment})
		if err != nil {
			return err
		}
		d, err := startDaemon(ctx, daemonSpec{
			program: b.opts.trunkline, repo: h.repo.bare, data: h.data, log: h.log, clusters: []string{c.flag()}, profile: dir,
		})
		if err != nil {
			return err
		}
		defer func() { err = errors.Join(err, d.stop()) }()
		r, err := roll(ctx, h, d, n, c.names(), c.PID())
		if err != nil {
			return err
		}
		b.sheet.note("Profiles of the daemon, of a roll-out of %s apps in %s (%s of processor time), are in %s: `go tool pprof -top %s %s`.",
			thousands(n), span(r.healthy), span(r.ours), dir, b.opts.trunkline, filepath.Join(dir, "cpu.pprof"))
		return nil
	})
}
