// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

// sincePush begins a line whose time is counted from the push.
const sincePush = "push → "

// roll is one commit on its way to the clusters.
type roll struct {
	demo   *demo
	since  string // what the times of the stages are counted from
	commit string
	// touched tells which releases the commit is expected to change.
	touched func(status.Release) bool
	// begin is when the commit was about to be pushed.
	begin time.Time
	// stage is how much of it was printed already.
	stage int
	// failed is the release that will not become healthy by itself.
	failed *status.Release
}

func newRoll(d *demo, since, commit string, touched func(status.Release) bool) *roll {
	return &roll{demo: d, since: since, commit: commit, touched: touched, begin: time.Now()}
}

// wait tells of each stage when it is reached: accepted, applied, healthy.
func (r *roll) wait(ctx context.Context) (status.Platform, error) {
	r.demo.story.busy("waiting for the daemon to see the commit")
	p, err := r.demo.daemon.wait(ctx, r.step)
	r.demo.story.idle()
	if err != nil {
		err = fmt.Errorf("rolling out commit %s: %w\n%s", short(r.commit), err, unfinished(p))
		return p, r.withLogs(ctx, err)
	}
	return p, nil
}

// withLogs adds to an error what the pods of the failed release said.
func (r *roll) withLogs(ctx context.Context, err error) error {
	if r.failed == nil {
		return err
	}
	args := []string{"logs", "-n", r.failed.Namespace, "-l", labelProject + "=" + r.failed.Project, "--prefix", "--tail=10"}
	out, logErr := r.demo.kubectl(ctx, r.demo.cluster(r.failed.Cluster), args...)
	if logErr != nil || out == "" {
		return err // it may be why there are no pods: then the daemon's log has it
	}
	return &loggedError{err: err, log: "kubectl " + strings.Join(args, " "), tail: strings.Split(strings.TrimSpace(out), "\n")}
}

func (r *roll) step(p status.Platform) (bool, error) {
	if p.Source.Head != nil && p.Source.Head.Hash == r.commit && p.Source.Refused() {
		return false, &checkError{check: "the commit is accepted", want: "no problems", got: p.Source.Problems.String()}
	}
	if p.Source.Accepted == nil || p.Source.Accepted.Hash != r.commit {
		return false, nil
	}
	r.reach(1, "accepted")
	total, applied, healthy := 0, 0, 0
	for _, rel := range p.Releases {
		if !r.touched(rel) {
			continue
		}
		total++
		if rel.Settled() && !rel.Fine() {
			r.failed = &rel
			return false, &checkError{check: rel.String() + " becomes healthy", want: "applied, healthy", got: describe(rel)}
		}
		if rel.Result == status.Applied && rel.Commit == r.commit {
			applied++
			if rel.Fine() {
				healthy++
			}
		}
	}
	r.demo.story.busy(fmt.Sprintf("%d of %d releases applied, %d healthy", applied, total, healthy))
	if total > 0 && applied == total {
		r.reach(2, fmt.Sprintf("applied: %d releases", total))
	}
	if total > 0 && healthy == total {
		r.reach(3, fmt.Sprintf("healthy: %d releases", total))
		return true, nil
	}
	return false, nil
}

// reach tells of a stage, once, with the time since the push.
func (r *roll) reach(stage int, text string) {
	if r.stage < stage {
		r.stage = stage
		r.demo.story.ok(r.since+text, time.Since(r.begin))
	}
}

// unfinished lists the releases that are not fine.
func unfinished(p status.Platform) string {
	var lines []string
	for _, r := range p.Releases {
		if !r.Fine() {
			lines = append(lines, "  "+r.String()+": "+describe(r))
		}
	}
	return listOr(lines, "  every release is applied and healthy")
}

func describe(r status.Release) string {
	return strings.TrimSuffix(fmt.Sprintf("%s, %s at %s: %s", r.Result, r.Health, short(r.Commit), r.Message), ": ")
}

func short(commit string) string { return status.Short(commit) }
