// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"path/filepath"
	"time"

	"trunkline.dev/trunkline/api/number"
)

// The folders of profiles: of one more roll-out of the largest size, and of changes of one app among very many.
const (
	rollProfile   = "roll"
	changeProfile = "change"
)

// profiled does what is worth looking into once more, with daemons that write profiles when they end. Profiling
// takes time itself, so that its figures are in no row.
func (b *bench) profiled(ctx context.Context) error {
	if err := b.profileRoll(ctx, b.opts.sizes[len(b.opts.sizes)-1]); err != nil {
		return err
	}
	if b.opts.large == 0 {
		return nil
	}
	return b.profileChange(ctx, b.opts.large)
}

// profileDir makes the folder for the profiles of something.
func (b *bench) profileDir(of string) (string, error) {
	dir, err := filepath.Abs(filepath.Join(b.opts.profile, of))
	if err != nil {
		return "", fmt.Errorf("finding the folder for profiles: %w", err)
	}
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return "", fmt.Errorf("making the folder for profiles: %w", err)
	}
	return dir, nil
}

func (b *bench) profileRoll(ctx context.Context, n int) error {
	dir, err := b.profileDir(rollProfile)
	if err != nil {
		return err
	}
	b.progress("%d apps: rolling out with profiles", n)
	return b.onCell(ctx, clusterName, func(c *cell) error {
		h, err := b.newHome(ctx, platform{name: "app", clusters: c.names(), environment: b.opts.environment})
		if err != nil {
			return err
		}
		h.profile = dir
		return b.withDaemon(ctx, h, []string{c.flag()}, func(d *daemon) error {
			r, err := roll(ctx, h, d, n, c.names(), c.PID())
			if err != nil {
				return err
			}
			b.sheet.note("Profiles of the daemon, of a roll-out of %s apps in %s (%s of processor time): `go tool pprof -top %s %s`.",
				number.Of(n), span(r.healthy), span(r.ours), b.opts.trunkline, filepath.Join(dir, "cpu.pprof"))
			return nil
		})
	})
}

// profileChange starts a daemon twice: the first renders everything, and the second, which is profiled, resumes there.
// What it does for the changes is below Follower.Head, and what for its start below Follower.Resume.
func (b *bench) profileChange(ctx context.Context, n int) error {
	dir, err := b.profileDir(changeProfile)
	if err != nil {
		return err
	}
	b.progress("%d apps: changing one with profiles", n)
	l, err := b.newLarge(ctx, n)
	if err != nil {
		return err
	}
	if err := b.withDaemon(ctx, l.home, l.clusters, func(d *daemon) error { _, err := l.all(ctx, d); return err }); err != nil {
		return err
	}
	l.home.profile = dir
	return b.withDaemon(ctx, l.home, l.clusters, func(d *daemon) error {
		var took []time.Duration
		for i := range b.opts.repeat {
			one, err := l.change(ctx, d, i)
			if err != nil {
				return err
			}
			took = append(took, one)
		}
		b.sheet.note("Profiles of a daemon with %s apps of which one changes, push → rendered in %s: `go tool pprof -top -focus=Follower..Head %s %s`.",
			number.Of(n), span(median(took)), b.opts.trunkline, filepath.Join(dir, "cpu.pprof"))
		return nil
	})
}
