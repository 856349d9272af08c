// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

// Pull requests get previews made after an environment once that says so on main.
const (
	previewFile    = "environments/dev.yaml"
	previewSubject = "Previews after dev, for those who ask"
)

func previewEdits() []edit {
	return []edit{{file: previewFile, old: "  lots:\n", new: "  preview: {labels: [preview], ttl: 24h, limit: 3}\n  lots:\n"}}
}

// previewPull asks for a preview of the first pull request, looks at it, and asks for it to be gone.
func (d *demo) previewPull(ctx context.Context) error {
	d.story.say("dev comes to lend its clusters and its data to pull requests:")
	d.story.diff(previewFile, previewEdits())
	d.story.blank()
	if err := d.repo.apply(previewEdits()); err != nil {
		return err
	}
	commit, err := d.repo.Commit(ctx, previewSubject)
	if err != nil {
		return err
	}
	begin, err := d.publish(ctx, commit, previewSubject)
	if err != nil {
		return err
	}
	if _, err := d.waitJudged(ctx, commit); err != nil {
		return err
	}
	d.story.ok(sincePush+"accepted", time.Since(begin))
	environment, head := fmt.Sprintf("pr-%d", d.pull), d.forge.repo.Head(pullBranch)

	begin = time.Now()
	if err := d.ask(viewer, "/trunkline preview up"); err != nil {
		return err
	}
	if err := d.awaitDeployment(ctx, head, environment, begin); err != nil {
		return err
	}
	comment, err := d.awaitComment(ctx, d.pull, "where its preview is", func(body string) bool {
		return strings.Contains(body, "**Preview**") && strings.Contains(body, "is healthy since")
	}, begin)
	if err != nil {
		return err
	}
	d.story.comment(comment)
	d.showPage("And in a browser:", d.pull)

	d.story.blank()
	begin = time.Now()
	if err := d.ask(viewer, "/trunkline preview down"); err != nil {
		return err
	}
	_, err = d.daemon.wait(ctx, func(p status.Platform) (bool, error) {
		return !slices.ContainsFunc(p.Releases, func(r status.Release) bool { return r.Environment == environment }), nil
	})
	if err != nil {
		return fmt.Errorf("waiting for %s to be gone: %w", environment, err)
	}
	d.checks++
	d.story.ok("asked → "+environment+" is gone, with its namespaces and its data", time.Since(begin))
	return nil
}

// ask writes a command into a comment on the first pull request.
func (d *demo) ask(who, command string) error {
	if _, err := d.forge.repo.Comment(d.pull, command, who); err != nil {
		return fmt.Errorf("commenting on pull request %d: %w", d.pull, err)
	}
	d.story.check(who + " comments on #" + fmt.Sprint(d.pull) + ": " + command)
	return nil
}
