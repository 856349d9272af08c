// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"slices"
	"time"

	"trunkline.dev/trunkline/test/stage"
)

const (
	// rollLimit bounds a roll-out, changeLimit one change.
	rollLimit   = 4 * time.Minute
	changeLimit = 30 * time.Second
)

// bench is one run of the benchmark.
type bench struct {
	opts  options
	dir   string
	sheet *sheet
	log   io.Writer
	// folders counts those that were made in dir.
	folders int
	// first are the figures of the smallest size, which the others are compared with; nil before them.
	first *scaleResult
}

// measure runs all parts, in a folder that is gone afterwards.
func measure(ctx context.Context, opts options, s *sheet, log io.Writer) (err error) {
	dir, err := os.MkdirTemp("", "trunkline-bench-")
	if err != nil {
		return fmt.Errorf("making a folder for the benchmark: %w", err)
	}
	defer func() { err = errors.Join(err, os.RemoveAll(dir)) }()
	s.machine = thisMachine()
	b := &bench{opts: opts, dir: dir, sheet: s, log: log}
	for _, part := range []struct {
		name string
		run  func(context.Context) error
	}{
		{partScale, b.scales}, {partLarge, b.larges}, {partSpread, b.spread}, {partPulls, b.pulls}, {partEngines, b.engines},
	} {
		if !slices.Contains(opts.parts, part.name) {
			continue
		}
		if err := part.run(ctx); err != nil {
			return fmt.Errorf("%s: %w", part.name, err)
		}
	}
	if opts.profile != "" {
		if err := b.profiled(ctx); err != nil {
			return fmt.Errorf("the roll-out with profiles: %w", err)
		}
	}
	return nil
}

// progress tells who watches what is being done.
func (b *bench) progress(format string, args ...any) {
	say(b.log, time.Now().Format(time.TimeOnly)+" "+fmt.Sprintf(format, args...))
}

// folder makes a new one.
func (b *bench) folder(name string) (string, error) {
	b.folders++
	dir := filepath.Join(b.dir, fmt.Sprintf("%02d-%s", b.folders, name))
	if err := os.Mkdir(dir, 0o700); err != nil {
		return "", fmt.Errorf("making a folder for the benchmark: %w", err)
	}
	return dir, nil
}

// onCell runs something with a fresh cluster, which is ended after it.
func (b *bench) onCell(ctx context.Context, name string, run func(*cell) error) (err error) {
	dir, err := b.folder("cluster-" + name)
	if err != nil {
		return err
	}
	c, err := newCell(ctx, dir, name)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, c.Down()) }()
	return run(c)
}

// home is a repository and the daemon's folders.
type home struct {
	platform platform
	repo     *repository
	data     string
	log      string
	// profile is the folder for profiles of its daemons; empty for none.
	profile string
}

// newHome makes the repository of a platform, with no app in it yet.
func (b *bench) newHome(ctx context.Context, p platform) (*home, error) {
	dir, err := b.folder("home-" + p.name)
	if err != nil {
		return nil, err
	}
	repo, err := newRepository(ctx, dir, p.base())
	if err != nil {
		return nil, err
	}
	return &home{platform: p, repo: repo, data: filepath.Join(dir, "data"), log: filepath.Join(dir, "daemon.log")}, nil
}

// daemon starts one for the home; clusters are "NAME=KUBECONFIG".
func (b *bench) daemon(ctx context.Context, h *home, clusters ...string) (*daemon, error) {
	return startDaemon(ctx, stage.DaemonSpec{Program: b.opts.trunkline, Repo: h.repo.Bare, Data: h.data, Clusters: clusters}, h.log, h.profile)
}

// withDaemon runs something with a daemon, which is ended after it.
func (b *bench) withDaemon(ctx context.Context, h *home, clusters []string, run func(*daemon) error) (err error) {
	d, err := b.daemon(ctx, h, clusters...)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, d.Stop()) }()
	return run(d)
}
