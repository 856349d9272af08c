// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/reconciler/status"
)

// restart measures a daemon that starts with a data folder from before, and finds a commit that was pushed
// meanwhile.
func (s *scaled) restart(ctx context.Context) error {
	n := s.result.apps
	s.progress("%d apps: starting the daemon again", n)
	const app = 0
	e, err := s.cell.watch(ctx, resources["Deployment"], s.home.platform.namespace(app))
	if err != nil {
		return err
	}
	defer e.close()
	s.version++
	path, text := s.home.platform.declare(app, s.version)
	commit, err := s.home.repo.push(ctx, "while the daemon was down", tree{path: text})
	if err != nil {
		return err
	}
	return s.withDaemon(ctx, s.home, []string{s.cell.flag()}, func(d *daemon) error {
		want := image(s.version)
		first, err := e.until(ctx, rollLimit, "has the image "+want, hasImage(want))
		if err != nil {
			return fmt.Errorf("%w; the daemon's last word: %s", err, d.LastLine())
		}
		p, err := d.await(ctx, wait{what: "everything to be fine after a restart", limit: rollLimit, interval: pace}, func(p status.Platform) bool {
			return p.Fine() && p.Source.Accepted.Hash == commit && len(p.Releases) == n
		})
		if err != nil {
			return err
		}
		all := latest(p.Releases)
		s.sheet.add(row{what: "start with a warm data folder → what was pushed meanwhile is applied", apps: n, figure: span(first.Sub(d.Began))})
		s.sheet.add(row{what: "start with a warm data folder → all healthy", apps: n, figure: span(all.Sub(d.Began))})
		if m, err := memoryOf(d.Pid()); err == nil {
			s.sheet.add(row{what: "resident memory after that start; at its peak", apps: n, figure: m.String()})
		}
		return nil
	})
}

// newApps is how many apps are added to see what one more costs in requests.
const newApps = 10

// counted counts the requests of what happens every day, through a proxy. It comes last: the proxy takes time.
func (s *scaled) counted(ctx context.Context) (err error) {
	n := s.result.apps
	s.progress("%d apps: counting requests", n)
	dir, err := s.folder("counter")
	if err != nil {
		return err
	}
	proxy, err := startCounter(ctx, s.cell.Config, kubeconfigIn(dir, clusterName))
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, proxy.close()) }()
	return s.withDaemon(ctx, s.home, []string{clusterName + "=" + proxy.kubeconfig}, func(d *daemon) error {
		for _, step := range []struct {
			what string
			do   func(context.Context, *daemon) error
			per  int
		}{
			{"requests of a start with a warm data folder", s.awaitAll, 1},
			{"requests of one app changed", s.changeOne, 1},
			{"requests of a commit that changes nothing rendered", s.changeNothing, 1},
			{fmt.Sprintf("requests of %s of nothing", s.opts.quiet), s.nothing, 1},
			{fmt.Sprintf("requests of a new app, of %d", newApps), s.grow, newApps},
		} {
			proxy.take()
			if err := step.do(ctx, d); err != nil {
				return err
			}
			if err := proxy.settle(ctx); err != nil {
				return err
			}
			calls := proxy.take()
			s.sheet.add(row{
				what: step.what, apps: n, figure: verbs(calls, step.per),
				beside: fmt.Sprintf("%s in all, %d watches open", number.Of(total(calls)), proxy.openWatches()),
			})
		}
		return nil
	})
}

func (s *scaled) awaitAll(ctx context.Context, d *daemon) error {
	_, err := d.await(ctx, wait{what: "everything to be fine", limit: rollLimit, interval: pace}, func(p status.Platform) bool {
		return p.Fine() && len(p.Releases) == s.result.apps
	})
	return err
}

func (s *scaled) changeOne(ctx context.Context, d *daemon) error {
	_, commit, err := s.change(ctx, d, 0)
	if err != nil {
		return err
	}
	_, err = s.settled(ctx, d, 0, commit)
	return err
}

// changeNothing pushes a declaration that reads differently and says the same.
func (s *scaled) changeNothing(ctx context.Context, d *daemon) error {
	path, text := s.home.platform.declare(0, s.version)
	commit, err := s.home.repo.push(ctx, "a remark", tree{path: "# A remark.\n" + text})
	if err != nil {
		return err
	}
	if _, err := d.sync(ctx); err != nil {
		return err
	}
	_, err = d.awaitAccepted(ctx, commit, changeLimit)
	return err
}

func (s *scaled) nothing(ctx context.Context, _ *daemon) error {
	select {
	case <-time.After(s.opts.quiet):
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

func (s *scaled) grow(ctx context.Context, d *daemon) error {
	n := s.result.apps
	commit, err := s.home.repo.push(ctx, "more apps", s.home.platform.apps(n, n+newApps))
	if err != nil {
		return err
	}
	if _, err := d.sync(ctx); err != nil {
		return err
	}
	_, err = d.await(ctx, wait{what: "more apps to be healthy", limit: rollLimit, interval: pace}, func(p status.Platform) bool {
		return p.Fine() && p.Source.Accepted.Hash == commit && len(p.Releases) == n+newApps
	})
	return err
}
