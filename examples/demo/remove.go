// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"maps"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

// removedProject is a service that nobody reads from.
const (
	removedProject = "storefront"
	removeSubject  = "Remove storefront"
)

// remove merges a commit that removes a project.
func (d *demo) remove(ctx context.Context) error {
	was, err := d.remember(ctx)
	if err != nil {
		return err
	}
	had := was.objects.of(removedProject)
	d.story.say(fmt.Sprintf("Nobody reads what %s makes, and its team gives it up. It has %d objects on the clusters, "+
		"with what Kubernetes made for them, and a service that runs:", removedProject, len(had)))
	if err := d.repo.remove("projects/" + removedProject); err != nil {
		return err
	}
	d.story.line(margin + "  " + d.story.red("- projects/"+removedProject+"/"))
	d.story.blank()
	commit, err := d.repo.Commit(ctx, removeSubject)
	if err != nil {
		return err
	}
	begin, err := d.publish(ctx, commit, removeSubject)
	if err != nil {
		return err
	}
	if err := d.waitPruned(ctx, commit, begin); err != nil {
		return err
	}
	d.story.blank()
	now, err := snapshot(ctx, d.clusters)
	if err != nil {
		return err
	}
	left := slices.Sorted(maps.Keys(now.of(removedProject)))
	if err := d.expect(fmt.Sprintf("its namespaces and all its %d objects are gone", len(had)), "nothing", listOr(left, "nothing")); err != nil {
		return err
	}
	return was.expectOthers(ctx, removedProject)
}

// waitPruned waits until the project is off the daemon's board: then its objects are gone, which is checked.
func (d *demo) waitPruned(ctx context.Context, commit string, begin time.Time) error {
	d.story.busy("waiting for the daemon to see the commit")
	defer d.story.idle()
	accepted := false
	p, err := d.daemon.wait(ctx, func(p status.Platform) (bool, error) {
		if p.Source.Accepted == nil || p.Source.Accepted.Hash != commit {
			return false, nil
		}
		if !accepted {
			accepted = true
			d.story.ok(sincePush+"accepted", time.Since(begin))
		}
		var rest []string
		for _, r := range p.Releases {
			if r.Project == removedProject {
				rest = append(rest, r.String())
			}
		}
		d.story.busy("pruning " + strings.Join(rest, ", "))
		return len(rest) == 0, nil
	})
	if err != nil {
		return fmt.Errorf("removing %s: %w\n%s", removedProject, err, unfinished(p))
	}
	d.story.ok(sincePush+"pruned", time.Since(begin))
	return nil
}
