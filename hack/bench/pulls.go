// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/test/stage"
	"trunkline.dev/trunkline/webhooks/github/githubtest"
)

const (
	// reviewLimit bounds one review; those of many at once wait for the forge's limits, which count by minutes.
	reviewLimit = time.Minute
	manyLimit   = 5 * time.Minute
	// settled is how long nothing is asked of the forge after what a push causes.
	settled = 500 * time.Millisecond
	// rateWindow is for how long requests count against most of GitHub's limits.
	rateWindow = time.Minute
)

// pulls measures pull requests of which each changes one app of so many.
func (b *bench) pulls(ctx context.Context) error {
	var first time.Duration
	for i, n := range b.opts.pullSizes {
		many := 0
		if i == len(b.opts.pullSizes)/2 {
			many = b.opts.pulls
		}
		took, err := b.pullsOf(ctx, n, many, first)
		if err != nil {
			return fmt.Errorf("%d apps: %w", n, err)
		}
		if first == 0 {
			first = took
		}
	}
	return nil
}

// stand is a forge with a platform, and a daemon that is connected to it.
type stand struct {
	*bench
	*forge
	daemon   *daemon
	platform platform
	apps     int
}

// pullsOf measures one size, and returns how long a review takes: the median. That of the first size is compared with.
func (b *bench) pullsOf(ctx context.Context, apps, many int, first time.Duration) (took time.Duration, err error) {
	b.progress("%d apps: pull requests", apps)
	s, err := b.newStand(ctx, apps)
	if err != nil {
		return 0, err
	}
	defer func() { err = errors.Join(err, s.daemon.Stop(), s.close()) }()
	if took, err = s.pushes(ctx, first); err != nil || many == 0 {
		return took, err
	}
	return took, s.atOnce(ctx, many)
}

// newStand starts one, and waits until the platform is accepted. Its cluster is one that the daemon is not told of.
func (b *bench) newStand(ctx context.Context, apps int) (_ *stand, err error) {
	dir, err := b.folder("forge")
	if err != nil {
		return nil, err
	}
	s := &stand{bench: b, platform: platform{name: "app", clusters: []string{"nowhere"}}, apps: apps}
	if s.forge, err = newForge(ctx, dir); err != nil {
		return nil, err
	}
	defer func() {
		if err != nil {
			err = errors.Join(err, s.close())
		}
	}()
	head, err := s.push("main", s.platform.base().with(s.platform.apps(0, apps)))
	if err != nil {
		return nil, err
	}
	home, err := b.folder("home-pulls")
	if err != nil {
		return nil, err
	}
	clusters, err := elsewhere(home)
	if err != nil {
		return nil, err
	}
	if s.daemon, err = startDaemon(ctx, stage.DaemonSpec{
		Program: b.opts.trunkline, Repo: s.repo.CloneURL(), Data: home + "/data", Clusters: clusters, Args: s.args,
	}, home+"/daemon.log", ""); err != nil {
		return nil, err
	}
	if _, err = s.daemon.awaitAccepted(ctx, head, rollLimit); err != nil {
		return nil, errors.Join(err, s.daemon.Stop())
	}
	s.hub.SetHook(s.app, s.daemon.url+"/hooks/github", hookSecret)
	return s, nil
}

// version returns the declaration of an app with another image.
func (s *stand) version(app, version int) tree {
	path, text := s.platform.declare(app, firstVersion+version)
	return tree{path: text}
}

// pushes measures pushes to one pull request, one after the other.
func (s *stand) pushes(ctx context.Context, first time.Duration) (time.Duration, error) {
	one := 7 % s.apps
	sha, err := s.open("one", s.version(one, 1))
	if err != nil {
		return 0, err
	}
	if _, err := s.awaitReview(ctx, sha, reviewLimit); err != nil {
		return 0, err
	}
	if err := s.settle(ctx, settled); err != nil {
		return 0, err
	}
	var took, outside []time.Duration
	var requests []int
	for i := range s.opts.repeat {
		s.restart()
		if sha, err = s.push("one", s.version(one, 2+i)); err != nil {
			return 0, err
		}
		r, err := s.awaitReview(ctx, sha, reviewLimit)
		if err != nil {
			return 0, err
		}
		if err := s.settle(ctx, settled); err != nil {
			return 0, err
		}
		took = append(took, r.took())
		outside = append(outside, r.took()-s.within(r))
		n, _ := s.counts()
		requests = append(requests, n)
	}
	_, kinds := s.counts()
	s.sheet.add(row{
		what: fmt.Sprintf("pull request of one app, event sent → comment written and check concluded, median of %d", s.opts.repeat), apps: s.apps,
		figure: both(took), beside: beside(first), ratio: ratio(median(took), first),
	})
	s.sheet.add(row{what: "the same without the time while GitHub was asked, by its API or by Git", apps: s.apps, figure: both(outside)})
	least, most := bounds(requests)
	s.sheet.add(row{what: "requests of GitHub's API for one push", apps: s.apps, figure: fmt.Sprintf("%d to %d", least, most)})
	s.sheet.note("Requests of the last push at %s apps: %s.", number.Of(s.apps), strings.Join(kinds, ", "))
	return median(took), nil
}

// beside names the median of the first size.
func beside(first time.Duration) string {
	if first == 0 {
		return ""
	}
	return span(first) + ": the first size"
}

// bounds returns the least and the greatest of numbers of which there is one.
func bounds(numbers []int) (least, most int) {
	least, most = numbers[0], numbers[0]
	for _, n := range numbers {
		least, most = min(least, n), max(most, n)
	}
	return least, most
}

// atOnce measures many pull requests that are pushed to at the same moment.
func (s *stand) atOnce(ctx context.Context, many int) error {
	before, err := s.idleMemory(ctx)
	if err != nil {
		return err
	}
	s.progress("%d apps: %d pull requests are opened", s.apps, many)
	all := make([]string, many)
	for i := range all {
		if all[i], err = s.open(fmt.Sprintf("many-%d", i), s.version((i+11)%s.apps, 1)); err != nil {
			return err
		}
	}
	if _, err := s.reviews(ctx, all); err != nil {
		return err
	}
	opened, err := s.idleMemory(ctx)
	if err != nil {
		return err
	}
	if err := pause(ctx, rateWindow); err != nil { // what was asked for until now does not count any more
		return err
	}
	s.progress("%d apps: %d pull requests are pushed to", s.apps, many)
	s.restart()
	release := s.hub.Hold() // the events go out together
	for i := range all {
		if all[i], err = s.push(fmt.Sprintf("many-%d", i), s.version((i+11)%s.apps, 2)); err != nil {
			return err
		}
	}
	began := time.Now()
	release(githubtest.All)
	ends, err := s.reviews(ctx, all)
	if err != nil {
		return err
	}
	took := make([]time.Duration, len(ends))
	for i, end := range ends {
		took[i] = end.Sub(began)
	}
	if err := s.settle(ctx, settled); err != nil {
		return err
	}
	n, _ := s.counts()
	usage := s.hub.Usage()
	s.sheet.add(row{
		what: fmt.Sprintf("%d pull requests pushed at once, first event → half, nine tenths, all concluded", many), apps: s.apps,
		figure: span(median(took)) + ", " + span(quantile(took, 0.9)) + ", " + span(quantile(took, 1)),
	})
	s.sheet.add(row{
		what: "requests for that, for each; refused by a primary, by a secondary rate limit", apps: s.apps,
		figure: fmt.Sprintf("%.1f; %d, %d", float64(n)/float64(many), usage.Primary, usage.Secondary),
	})
	after, err := s.idleMemory(ctx)
	if err != nil {
		return err
	}
	s.sheet.add(row{
		what: "memory of its own before; for each pull request when all are open; after the pushes", apps: s.apps,
		figure: fmt.Sprintf("%s; %.2f MiB; %.2f MiB", mebibytes(before), each(opened-before, many), each(after-before, many)),
	})
	return nil
}

// each is an amount of memory for one of many, in MiB.
func each(n int64, many int) float64 { return float64(n) / float64(many) / (1 << 20) }

// reviews waits until all heads are reviewed, and returns when each was.
func (s *stand) reviews(ctx context.Context, heads []string) (ends []time.Time, err error) {
	for _, sha := range heads {
		r, err := s.awaitReview(ctx, sha, manyLimit)
		if err != nil {
			return nil, err
		}
		ends = append(ends, r.to)
	}
	return ends, nil
}

// idleMemory is the resident memory of the daemon without that of its file, after it had nothing to do for a while.
func (s *stand) idleMemory(ctx context.Context) (int64, error) {
	if err := s.settle(ctx, s.opts.quiet); err != nil {
		return 0, err
	}
	m, err := memoryOf(s.daemon.Pid())
	return m.now - m.files, err
}

// pause waits.
func pause(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}
