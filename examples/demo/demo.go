// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"path/filepath"
	"slices"
	"syscall"
	"time"

	"trunkline.dev/trunkline/test/stage"
)

// How long steps may take on a slow machine.
const (
	startLimit   = 4 * time.Minute
	rolloutLimit = 6 * time.Minute
	changeLimit  = 4 * time.Minute
	refuseLimit  = 2 * time.Minute
	pullLimit    = 2 * time.Minute
	mergeLimit   = mergeWait + changeLimit
	lotsLimit    = 4 * time.Minute
)

// errInterrupted reports whether the user ended the demo before its last step.
var errInterrupted = errors.New("interrupted")

// demo is one performance.
type demo struct {
	opts     options
	story    *story
	dir      string // everything that is written is below it
	family   *family
	sweeper  *sweeper
	clusters []*clusterAPI
	forge    *forge
	repo     *repository
	daemon   *daemon
	log      string // file to show the end of when a step fails
	checks   int
	// today is the midnight before the demo began: the lots of days before have ended.
	today time.Time
	// beforeMistake is how everything was before the mistake was merged.
	beforeMistake *before
	// pull is the number of the pull request that is merged in the end.
	pull int
}

// play makes the folder, plays the story, and clears everything away however that ended.
func play(ctx context.Context, opts options, s *story) (err error) {
	sweeper, err := startSweeper()
	if err != nil {
		return err
	}
	// One that ends by itself ends the story; what it said last is in the cause.
	ctx, cancel := context.WithCancelCause(ctx)
	defer cancel(nil)
	d := &demo{opts: opts, story: s, dir: sweeper.dir, today: time.Now().UTC().Truncate(24 * time.Hour), sweeper: sweeper, family: newFamily(cancel, sweeper.hold)}
	defer func() {
		err = errors.Join(err, d.clear())
	}()
	err = d.play(ctx)
	if err == nil && !opts.once {
		d.explore()
		return d.follow(ctx)
	}
	return d.explain(ctx, err)
}

// play plays the steps one after the other.
func (d *demo) play(ctx context.Context) error {
	begin := time.Now()
	d.story.heading("Trunkline: merge to trunk, and it runs.")
	d.story.say("Two real Kubernetes clusters, a GitHub in memory and the daemon, all on this machine and below " +
		d.dir + ". It takes about " + d.opts.length() + " minutes. Ctrl-C ends it, and leaves nothing behind.")
	for _, step := range d.steps() {
		d.story.step(step.title)
		err := func() error {
			ctx, cancel := context.WithTimeoutCause(ctx, step.limit, tooLongError{step.limit})
			defer cancel()
			return step.run(ctx)
		}()
		d.story.idle()
		if err != nil {
			return fmt.Errorf("step %d: %w", d.story.steps, err)
		}
	}
	d.story.step("Look at the whole")
	if err := d.showStatus(ctx); err != nil {
		return err
	}
	d.story.blank()
	d.story.ok(fmt.Sprintf("%d steps, %d checks", d.story.steps, d.checks), time.Since(begin))
	return nil
}

// step is a part of the story.
type step struct {
	title string
	limit time.Duration
	run   func(context.Context) error
}

// steps are all but the last one.
func (d *demo) steps() []step {
	steps := []step{
		{"Start two clusters, dev and prod", startLimit, d.startClusters},
		{"Merge the platform: rendered, applied, healthy", rolloutLimit, d.rollOut},
		{"Change one project: only that one is touched", changeLimit, d.change},
		{"Change something by hand: it is taken back", changeLimit, d.heal},
		{"Merge an image that does not exist: prod goes back by itself", changeLimit, d.rollBack},
		{"Remove a project: it is pruned, the others stay", changeLimit, d.remove},
		{"Merge a mistake: refused, and what runs stays untouched", refuseLimit, d.refuse},
		{"Revert the mistake: accepted again", refuseLimit, d.revert},
		{"Open a pull request: a check and a comment tell what merging does", pullLimit, d.openPull},
		{"Open one with the mistake: it fails at both files, and a push fixes it", pullLimit, d.refusePull},
		{"Ask for a preview: the pull request runs beside dev, and leaves nothing behind", pullLimit, d.previewPull},
		{"Press merge: deployed, and the pull request says so", mergeLimit, d.mergePull},
		{"Let data arrive, day by day: computed through three projects", lotsLimit, d.computeLots},
		{"Lose a lot: it is computed again", lotsLimit, d.loseLot},
		{"Merge a backfill: lots from earlier on", lotsLimit, d.backfill},
		{"Merge a replay: a lot once more, and what was made of it", lotsLimit, d.replay},
		{"Ask why a lot is missing: the first cause is named", lotsLimit, d.nameGap},
	}
	if d.opts.full {
		steps = append(steps, d.fullSteps()...)
	}
	return append(
		steps,
		step{"Ask what all of this did cost: to the cent, in two ways", lotsLimit, d.spent},
		step{"Open the console: the same, in a browser", lotsLimit, d.openConsole},
	)
}

// tooLongError is why a step is given up.
type tooLongError struct{ limit time.Duration }

func (t tooLongError) Error() string { return fmt.Sprintf("not done after %s", t.limit) }

// explain returns an error its cause, and adds what the daemon or the process that died said last.
func (d *demo) explain(ctx context.Context, err error) error {
	if err == nil {
		return nil
	}
	var exited *stage.ExitedError
	switch cause := context.Cause(ctx); {
	case errors.As(cause, &exited):
		return withLog(cause, exited.Process.Log)
	case ctx.Err() != nil:
		return errInterrupted
	}
	return withLog(err, d.log)
}

// clear ends the processes and removes the folder. No signal stops it, and it is bounded by the timeout that
// each process is given.
func (d *demo) clear() error {
	begin := time.Now()
	d.story.blank()
	d.story.busy("stopping")
	err := d.family.stop()
	if d.forge != nil {
		err = errors.Join(err, d.forge.stop())
	}
	err = errors.Join(err, d.sweeper.finish())
	d.story.idle()
	if err != nil {
		return fmt.Errorf("clearing away: %w", err)
	}
	d.story.ok("stopped; "+d.dir+" is removed", time.Since(begin))
	return nil
}

// path returns a path in the demo's folder.
func (d *demo) path(elem ...string) string {
	return filepath.Join(slices.Concat([]string{d.dir}, elem)...)
}

// command is a program that ends by itself soon. Ctrl-C does not reach it but through ctx, so that an interrupted
// demo does not look like one that failed.
func command(ctx context.Context, name string, args ...string) *exec.Cmd {
	cmd := exec.CommandContext(ctx, name, args...)
	cmd.SysProcAttr = &syscall.SysProcAttr{Setpgid: true}
	return cmd
}

// kubectl runs the kubectl inside of devcluster.
func (d *demo) kubectl(ctx context.Context, c *clusterAPI, args ...string) (string, error) {
	cmd := command(ctx, d.opts.devcluster(), append([]string{"kubectl", "--kubeconfig", c.kubeconfig}, args...)...)
	out, err := cmd.CombinedOutput()
	if err != nil {
		return "", fmt.Errorf("running kubectl %v: %w: %s", args, err, out)
	}
	return string(out), nil
}
