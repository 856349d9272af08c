// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/google/go-github/v60/github"

	"trunkline.dev/trunkline/reconciler/status"
)

// The pull request that is merged in the end: a project reports more often, and prod gets more room.
const (
	pullProject = "revenue"
	pullFile    = "projects/revenue/project.yaml"
	pullBranch  = "half-hourly"
	pullTitle   = "Report revenue every half hour"
	pullBody    = "The shop wants fresher figures. While at it, prod gets more room for the conversion."
)

func pullEdits() []edit {
	return []edit{
		{file: pullFile, old: `      schedule: "0 * * * *"`, new: `      schedule: "*/30 * * * *"`},
		{file: pullFile, old: `        convert: {size: mx.micro}`, new: `        convert: {size: mx.small}`},
	}
}

// fixEdits are what the author of the mistake makes of it: the weights come from what does not depend on rates.
const fixTitle = "Weigh rates by orders"

func fixEdits() []edit {
	fixed := mistakeEdits()
	for i := range fixed {
		fixed[i].new = strings.ReplaceAll(fixed[i].new, "{revenue: revenue/revenue-daily@1}", "{orders: orders/orders-clean@1}")
	}
	return fixed
}

// mergeWait is how long the person at the keyboard has to press merge before the demo does.
const mergeWait = 10 * time.Minute

// openPull opens a pull request that changes one project.
func (d *demo) openPull(ctx context.Context) error {
	d.story.say("In a team, nobody pushes to main. " + author + " opens a pull request:")
	files, err := d.repo.edited(pullEdits())
	if err != nil {
		return err
	}
	d.story.diff(pullFile, pullEdits())
	d.story.blank()
	was, err := d.remember(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	number, commit, err := d.forge.open(pullBranch, pullTitle, pullBody, files)
	if err != nil {
		return err
	}
	d.pull = number
	d.story.ok(fmt.Sprintf("opened #%d %q", number, pullTitle), time.Since(begin))
	if err := d.awaitCheck(ctx, commit, "success", "opened → ", begin); err != nil {
		return err
	}
	comment, err := d.awaitComment(ctx, number, "what merging does", func(body string) bool { return strings.Contains(body, pullProject) }, begin)
	if err != nil {
		return err
	}
	d.story.comment(comment)
	d.story.blank()
	if err := was.expectOthers(ctx, ""); err != nil {
		return err
	}
	d.showPage("This is how it looks in a browser:", number)
	return nil
}

// refusePull opens a pull request that closes a cycle, which a push then fixes.
func (d *demo) refusePull(ctx context.Context) error {
	d.story.say("The mistake from before, but as a pull request: it is seen before it is on main.")
	files, err := d.repo.edited(mistakeEdits())
	if err != nil {
		return err
	}
	begin := time.Now()
	number, commit, err := d.forge.open("weights", mistakeSubject, "", files)
	if err != nil {
		return err
	}
	d.story.ok(fmt.Sprintf("opened #%d %q", number, mistakeSubject), time.Since(begin))
	if err := d.awaitCheck(ctx, commit, "failure", "opened → ", begin); err != nil {
		return err
	}
	annotated := strings.Join(d.forge.repo.Annotations(commit, "trunkline"), "\n")
	for _, file := range []string{mistakeFile, pullFile} {
		if err := d.expect("the check is at a line of "+file, file, mention(annotated, file)); err != nil {
			return err
		}
	}
	comment, err := d.awaitComment(ctx, number, "the cycle", func(body string) bool { return strings.Contains(body, "dag-cycle") }, begin)
	if err != nil {
		return err
	}
	d.story.comment(comment)

	d.story.blank()
	d.story.say(author + " reads it, and takes the weights from the orders instead:")
	if files, err = d.repo.edited(fixEdits()); err != nil {
		return err
	}
	d.story.diff(mistakeFile, fixEdits())
	d.story.blank()
	begin = time.Now()
	if commit, err = d.forge.repo.Push("weights", fixTitle, files, author); err != nil {
		return fmt.Errorf("pushing the fix: %w", err)
	}
	d.story.ok(fmt.Sprintf("pushed %s %q", short(commit), fixTitle), time.Since(begin))
	if err := d.awaitCheck(ctx, commit, "success", sincePush, begin); err != nil {
		return err
	}
	fixed, err := d.awaitComment(ctx, number, "that it is fixed", func(body string) bool { return strings.HasPrefix(words(body)[0], "✅") }, begin)
	if err != nil {
		return err
	}
	d.story.comment(fixed)
	d.showPage("It stays open:", number)
	return nil
}

// mergePull has the first pull request be merged, by the person at the keyboard if there is one, and watches what becomes of it.
func (d *demo) mergePull(ctx context.Context) error {
	was, err := d.remember(ctx)
	if err != nil {
		return err
	}
	commit, pressed, err := d.awaitMerge(ctx)
	if err != nil {
		return err
	}
	begin := time.Now()
	d.story.check(fmt.Sprintf("#%d is merged, as %s", d.pull, short(commit)))
	r := newRoll(d, "merge → ", commit, func(rel status.Release) bool { return rel.Project == pullProject })
	p, err := r.wait(ctx)
	if err != nil {
		return err
	}
	for _, rel := range p.Releases {
		if rel.Project == pullProject {
			if err := d.awaitDeployment(ctx, commit, rel.Environment, begin); err != nil {
				return err
			}
		}
	}
	comment, err := d.awaitComment(ctx, d.pull, "what was deployed where", func(body string) bool { return strings.Contains(body, "deployed, and healthy") }, begin)
	if err != nil {
		return err
	}
	d.story.comment(comment)
	d.story.blank()
	if !pressed {
		return nil // the person may have merged more than this
	}
	return was.expectOthers(ctx, pullProject)
}

// awaitMerge returns the commit of the merge, and whether it was the demo that pressed the button.
func (d *demo) awaitMerge(ctx context.Context) (commit string, pressed bool, err error) {
	if !d.opts.once {
		d.showPage(fmt.Sprintf("It is your turn: press \"Merge pull request\" on this page within %.0f minutes, and watch:", mergeWait.Minutes()), d.pull)
		d.story.blank()
		waiting, cancel := context.WithTimeout(ctx, mergeWait)
		defer cancel()
		err := d.await(waiting, "waiting for you to press merge", func(ctx context.Context) (bool, error) {
			commit, err = d.forge.merged(ctx, d.pull)
			return commit != "", err
		})
		if err == nil || ctx.Err() != nil || waiting.Err() == nil {
			return commit, false, err
		}
		d.story.say("Nobody did, so the demo presses it.")
	} else {
		d.story.say("Nobody watches, so the demo presses the button, by the API:")
	}
	if err := d.forge.merge(ctx, d.pull); err != nil {
		return "", true, err
	}
	commit, err = d.forge.merged(ctx, d.pull)
	return commit, true, err
}

// await waits until something is so at GitHub, which is asked again and again, as a browser would.
func (d *demo) await(ctx context.Context, what string, is func(context.Context) (bool, error)) error {
	d.story.busy(what)
	defer d.story.idle()
	ticker := time.NewTicker(forgePace)
	defer ticker.Stop()
	for {
		if ok, err := is(ctx); ok || err != nil && ctx.Err() == nil {
			return err
		}
		select {
		case <-ticker.C:
		case <-ctx.Done():
			return fmt.Errorf("%s: %w", what, context.Cause(ctx))
		}
	}
}

// awaitCheck waits until the check of a commit is concluded, and checks how.
func (d *demo) awaitCheck(ctx context.Context, commit, want, since string, begin time.Time) error {
	var run *github.CheckRun
	if err := d.await(ctx, "waiting for the check of "+short(commit), func(ctx context.Context) (done bool, err error) {
		run, err = d.forge.check(ctx, commit)
		return run.GetStatus() == "completed", err
	}); err != nil {
		return err
	}
	if got := run.GetConclusion(); got != want {
		return &checkError{check: "the check of " + short(commit) + " is concluded", want: want, got: got + "\n" + run.GetOutput().GetSummary()}
	}
	d.checks++
	d.story.ok(fmt.Sprintf("%scheck %s, %q", since, want, run.GetOutput().GetTitle()), time.Since(begin))
	return nil
}

// awaitComment waits until a pull request has a comment, and returns it.
func (d *demo) awaitComment(ctx context.Context, number int, about string, is func(body string) bool, begin time.Time) (comment string, err error) {
	if err := d.await(ctx, fmt.Sprintf("waiting for the comment on #%d with %s", number, about), func(ctx context.Context) (bool, error) {
		bodies, err := d.forge.comments(ctx, number)
		i := slices.IndexFunc(bodies, is)
		if i >= 0 {
			comment = bodies[i]
		}
		return i >= 0, err
	}); err != nil {
		return "", err
	}
	d.checks++
	d.story.ok(fmt.Sprintf("a comment on #%d says %s", number, about), time.Since(begin))
	return comment, nil
}

// awaitDeployment waits until the deployment of a commit into an environment has ended, and checks how.
func (d *demo) awaitDeployment(ctx context.Context, commit, environment string, begin time.Time) error {
	state := ""
	if err := d.await(ctx, "waiting for the deployment into "+environment, func(context.Context) (bool, error) {
		state = d.forge.repo.DeploymentState(commit, environment)
		return slices.Contains([]string{"success", "failure", "error"}, state), nil
	}); err != nil {
		return fmt.Errorf("%w; it is %q", err, state)
	}
	if state != "success" {
		return &checkError{check: "GitHub's deployment into " + environment + " succeeds", want: "success", got: state}
	}
	d.checks++
	d.story.ok("merge → GitHub's deployment into "+environment+": success", time.Since(begin))
	return nil
}

// showPage says where a pull request is in a browser.
func (d *demo) showPage(text string, number int) {
	d.story.blank()
	d.story.say(text)
	d.story.line(margin + "  " + d.story.cyan(d.forge.page(number)))
}
