// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"time"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/reconciler/status"
)

// scaleResult are the figures of one size that the next ones are compared with.
type scaleResult struct {
	apps             int
	perApp, bare     time.Duration
	applied, healthy []time.Duration
}

// scales measures everything that may depend on how many apps there are.
func (b *bench) scales(ctx context.Context) error {
	for _, n := range b.opts.sizes {
		if err := b.scale(ctx, n); err != nil {
			return fmt.Errorf("%d apps: %w", n, err)
		}
	}
	return nil
}

func (b *bench) scale(ctx context.Context, n int) error {
	p := platform{name: "app", clusters: []string{clusterName}, environment: b.opts.environment}
	objects, err := objectsOf(ctx, p.base().with(p.apps(0, n)))
	if err != nil {
		return err
	}
	b.progress("%d apps: applying %d objects with nothing around", n, len(objects))
	var bare, spent time.Duration
	err = b.onCell(ctx, clusterName, func(c *cell) (err error) {
		before := processor(os.Getpid()) // with the cluster, which this program started
		bare, err = bareApply(ctx, c.client, objects)
		spent = processor(os.Getpid()) - before
		return err
	})
	if err != nil {
		return err
	}
	if err := b.countRoll(ctx, p, n); err != nil {
		return err
	}
	// Another cluster, as fresh as the first was.
	return b.onCell(ctx, clusterName, func(c *cell) error {
		h, err := b.newHome(ctx, p)
		if err != nil {
			return err
		}
		s := &scaled{bench: b, cell: c, home: h, result: scaleResult{apps: n, bare: bare}, objects: len(objects), spent: spent}
		return s.run(ctx)
	})
}

// scaled is one size on its cluster.
type scaled struct {
	*bench
	cell    *cell
	home    *home
	result  scaleResult
	objects int
	// spent is the processor time of the bare applies, at both ends.
	spent time.Duration
	// version of the image that was last pushed.
	version int
}

func (s *scaled) run(ctx context.Context) error {
	s.version = firstVersion
	clusters := []string{s.cell.flag()}
	err := s.withDaemon(ctx, s.home, clusters, func(d *daemon) error {
		for _, step := range []func(context.Context, *daemon) error{s.roll, s.memory, s.changes, s.deletions, s.edited} {
			if err := step(ctx, d); err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return err
	}
	if err := s.restart(ctx); err != nil {
		return err
	}
	if err := s.counted(ctx); err != nil {
		return err
	}
	if s.first == nil {
		s.first = &s.result
	}
	return nil
}

func (s *scaled) roll(ctx context.Context, d *daemon) error {
	n := s.result.apps
	s.progress("%d apps: rolling out", n)
	r, err := roll(ctx, s.home, d, n, s.cell.names(), s.cell.PID())
	if err != nil {
		return err
	}
	s.result.perApp = r.healthy / time.Duration(n)
	s.sheet.add(row{
		what: "roll-out, push → all healthy", apps: n, figure: fmt.Sprintf("%s (all applied at %s)", span(r.healthy), span(r.applied)),
		beside: fmt.Sprintf("%s: the same %s objects applied, %d at a time", span(s.result.bare), number.Of(s.objects), bareRequests),
		ratio:  ratio(r.healthy, s.result.bare),
	})
	if r.ours > 0 {
		s.sheet.add(row{
			what: "processor time of the roll-out", apps: n,
			figure: fmt.Sprintf("%s: the daemon %s, the cluster %s", span(r.ours+r.theirs), span(r.ours), span(r.theirs)),
			beside: span(s.spent) + ": the bare applies, at both ends", ratio: ratio(r.ours+r.theirs, s.spent),
		})
	}
	if s.first != nil {
		s.sheet.add(row{
			what: "roll-out, an app", apps: n, figure: span(s.result.perApp),
			beside: fmt.Sprintf("%s with %s apps; bare, it grew %.2f times", span(s.first.perApp), number.Of(s.first.apps),
				ratio(s.result.bare/time.Duration(n), s.first.bare/time.Duration(s.first.apps))),
			ratio: ratio(s.result.perApp, s.first.perApp),
		})
	}
	return nil
}

func (s *scaled) memory(_ context.Context, d *daemon) error {
	m, err := memoryOf(d.Pid())
	if err != nil {
		s.sheet.note("The memory of the daemon is not known here: %v.", err)
		return nil // the rest can be measured without
	}
	s.sheet.add(row{what: "resident memory of the daemon after the roll-out; at its peak", apps: s.result.apps, figure: m.String()})
	return nil
}

// change pushes another image of an app, and returns when the daemon was told and with which commit.
func (s *scaled) change(ctx context.Context, d *daemon, app int) (time.Time, string, error) {
	s.version++
	path, text := s.home.platform.declare(app, s.version)
	commit, err := s.home.repo.push(ctx, "change", tree{path: text})
	if err != nil {
		return time.Time{}, "", err
	}
	began, err := d.sync(ctx)
	return began, commit, err
}

// some returns a few apps far apart from each other, one for each repetition.
func (s *scaled) some(repetition int) int { return repetition * 7 % s.result.apps }

// changes measures push → applied, as seen at the API server, and push → healthy, by the daemon's clock.
func (s *scaled) changes(ctx context.Context, d *daemon) error {
	n := s.result.apps
	s.progress("%d apps: changing one, %d times", n, s.opts.repeat)
	for i := range s.opts.repeat {
		app := s.some(i)
		e, err := s.cell.watch(ctx, resources["Deployment"], s.home.platform.namespace(app))
		if err != nil {
			return err
		}
		applied, healthy, err := s.oneChange(ctx, d, app, e)
		e.close()
		if err != nil {
			return err
		}
		s.result.applied, s.result.healthy = append(s.result.applied, applied), append(s.result.healthy, healthy)
	}
	bare, err := bareChanges(ctx, s.cell.client, s.opts.repeat)
	if err != nil {
		return err
	}
	s.sheet.add(row{
		what: fmt.Sprintf("one app changed, push → applied, median of %d", s.opts.repeat), apps: n, figure: both(s.result.applied),
		beside: both(bare) + ": that object applied, nothing else", ratio: ratio(median(s.result.applied), median(bare)),
	})
	s.sheet.add(row{what: "one app changed, push → healthy", apps: n, figure: both(s.result.healthy)})
	if s.first != nil {
		s.sheet.add(row{
			what: "push → applied, its growth", apps: n, figure: span(median(s.result.applied)),
			beside: fmt.Sprintf("%s with %s apps", span(median(s.first.applied)), number.Of(s.first.apps)),
			ratio:  ratio(median(s.result.applied), median(s.first.applied)),
		})
	}
	return nil
}

func (s *scaled) oneChange(ctx context.Context, d *daemon, app int, e *objectWatch) (applied, healthy time.Duration, err error) {
	began, commit, err := s.change(ctx, d, app)
	if err != nil {
		return 0, 0, err
	}
	want := image(s.version)
	at, err := e.until(ctx, changeLimit, "has the image "+want, hasImage(want))
	if err != nil {
		return 0, 0, fmt.Errorf("%w; the daemon's last word: %s", err, d.LastLine())
	}
	rel, err := s.settled(ctx, d, app, commit)
	if err != nil {
		return 0, 0, err
	}
	return at.Sub(began), rel.Since.Sub(began), nil
}

// settled waits until an app is fine at a commit.
func (s *scaled) settled(ctx context.Context, d *daemon, app int, commit string) (status.Release, error) {
	var found status.Release
	name := s.home.platform.app(app)
	_, err := d.await(ctx, wait{what: name + " to be healthy at " + status.Short(commit), limit: changeLimit}, func(p status.Platform) bool {
		for _, r := range p.Releases {
			if r.Project == name {
				found = r
			}
		}
		return found.Commit == commit && found.Fine()
	})
	return found, err
}
