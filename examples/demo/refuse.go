// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os/exec"
	"strings"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

// The mistake: rates begins to read what is computed from it.
const (
	mistakeFile    = "projects/rates/project.yaml"
	mistakeSubject = "Weigh rates by revenue"
)

func mistakeEdits() []edit {
	return []edit{{
		file: mistakeFile,
		old:  "    - name: publish\n      blueprint: container-job\n",
		new:  "    - name: publish\n      blueprint: container-job\n      reads: {revenue: revenue/revenue-daily@1}\n",
	}}
}

// refuse merges a commit whose data flow has a cycle.
func (d *demo) refuse(ctx context.Context) error {
	d.story.say("rates is to read revenue, which is computed from rates. Each of the two files is fine by itself:")
	was, err := d.remember(ctx)
	if err != nil {
		return err
	}
	d.beforeMistake = was
	edits := mistakeEdits()
	if err := d.repo.apply(edits); err != nil {
		return err
	}
	d.story.diff(mistakeFile, edits)
	d.story.blank()
	commit, err := d.repo.Commit(ctx, mistakeSubject)
	if err != nil {
		return err
	}
	begin, err := d.publish(ctx, commit, mistakeSubject)
	if err != nil {
		return err
	}
	p, err := d.waitJudged(ctx, commit)
	if err != nil {
		return err
	}
	if !p.Source.Refused() {
		return &checkError{check: "the commit is refused", want: "a problem with file and line", got: "accepted"}
	}
	d.story.ok(sincePush+"refused, with every edge of the cycle at its line", time.Since(begin))
	problem := p.Source.Problems[0]
	d.story.blank()
	d.story.problem(problem.String())
	d.story.blank()
	if err := d.expect("the message names the line in "+mistakeFile, "a place in "+mistakeFile, placeIn(mistakeFile, p)); err != nil {
		return err
	}
	if err := was.expectOthers(ctx, ""); err != nil {
		return err
	}
	code, out, err := d.status(ctx)
	if err != nil {
		return err
	}
	if err := d.expect("\"trunkline status\" shows the message, and exits with 1", "exit 1 with "+problem.Position.String(),
		fmt.Sprintf("exit %d with %s", code, mention(out, problem.Position.String()))); err != nil {
		return err
	}
	return nil
}

// revert merges a commit that takes the mistake back.
func (d *demo) revert(ctx context.Context) error {
	commit, err := d.repo.Revert(ctx)
	if err != nil {
		return err
	}
	begin, err := d.publish(ctx, commit, "Revert "+mistakeSubject)
	if err != nil {
		return err
	}
	p, err := d.waitJudged(ctx, commit)
	if err != nil {
		return err
	}
	if p.Source.Refused() {
		return &checkError{check: "the revert is accepted", want: "no problems", got: p.Source.Problems.String()}
	}
	d.checks++
	d.story.ok(sincePush+"accepted", time.Since(begin))
	return d.beforeMistake.expectOthers(ctx, "")
}

// waitJudged waits until the daemon has accepted or refused a commit.
func (d *demo) waitJudged(ctx context.Context, commit string) (status.Platform, error) {
	d.story.busy("waiting for the daemon to see the commit")
	defer d.story.idle()
	p, err := d.daemon.wait(ctx, func(p status.Platform) (bool, error) {
		refused := p.Source.Head != nil && p.Source.Head.Hash == commit && p.Source.Refused()
		accepted := p.Source.Accepted != nil && p.Source.Accepted.Hash == commit
		return refused || accepted, nil
	})
	if err != nil {
		return p, fmt.Errorf("waiting for commit %s to be accepted or refused: %w", short(commit), err)
	}
	return p, nil
}

// placeIn reports whether the problems name a place in a file.
func placeIn(file string, p status.Platform) string {
	for _, problem := range p.Source.Problems {
		for _, step := range problem.Trace {
			if step.Position.File == file && step.Position.Line > 0 {
				return "a place in " + file
			}
		}
	}
	return p.Source.Problems.String()
}

// mention returns the part if the text has it, and the whole text otherwise.
func mention(text, part string) string {
	if strings.Contains(text, part) {
		return part
	}
	return text
}

// status runs "trunkline status" and returns its exit code and output.
func (d *demo) status(ctx context.Context) (code int, out string, err error) {
	cmd := command(ctx, d.opts.trunkline(), "status", "--server", d.daemon.Server())
	data, err := cmd.CombinedOutput()
	var exit *exec.ExitError
	if errors.As(err, &exit) && exit.ExitCode() > 0 {
		return exit.ExitCode(), string(data), nil
	}
	if err != nil {
		return 0, "", fmt.Errorf("running trunkline status: %w", err)
	}
	return 0, string(data), nil
}
