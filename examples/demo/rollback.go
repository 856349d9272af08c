// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"strings"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

// The bad image: one that no registry has. Prod is told to go back by itself from what is not healthy in time.
const (
	badImage   = "registry.example/storefront:2"
	badSubject = "storefront 2"
)

func badEdits() []edit {
	return []edit{
		{file: "environments/prod.yaml", old: "  clusters: [prod]\n", new: "  clusters: [prod]\n  rollback: true\n  healthTimeout: 20s\n"},
		{file: "projects/" + driftProject + "/project.yaml", old: "  image: trunkline.local/host:1\n", new: "  image: " + badImage + "\n"},
	}
}

// rollBack merges an image that does not exist, and waits until prod is back at what was healthy.
func (d *demo) rollBack(ctx context.Context) error {
	d.story.say("Prod is to go back by itself from what is not healthy in time. And a release goes out before its image is there:")
	was, err := d.remember(ctx)
	if err != nil {
		return err
	}
	before, err := d.daemon.Status(ctx)
	if err != nil {
		return err
	}
	edits := badEdits()
	if err := d.repo.apply(edits); err != nil {
		return err
	}
	for _, e := range edits {
		d.story.diff(e.file, edits)
	}
	d.story.blank()
	commit, err := d.repo.Commit(ctx, badSubject)
	if err != nil {
		return err
	}
	begin, err := d.publish(ctx, commit, badSubject)
	if err != nil {
		return err
	}
	d.story.busy("waiting for prod to go back")
	p, err := d.daemon.wait(ctx, func(p status.Platform) (bool, error) {
		r := inProd(p)
		return r.Held != nil && r.Held.Rule == "quarantined" && r.Result == status.Applied && r.Health == status.Healthy, nil
	})
	d.story.idle()
	if err != nil {
		return fmt.Errorf("waiting for prod to go back: %w\n%s", err, unfinished(p))
	}
	d.story.ok(sincePush+"prod is back at what was healthy", time.Since(begin))
	back := inProd(p)
	d.story.blank()
	d.story.problem(back.String() + ": " + back.Held.Reason)
	d.story.blank()
	if err := d.expect("the release is at the commit before", short(inProd(before).Commit), short(back.Commit)); err != nil {
		return err
	}
	image, err := d.kubectl(ctx, d.clusters[len(d.clusters)-1], "-n", driftNamespace, "get", "deployment", driftWorkload,
		"-o", "jsonpath={.spec.template.spec.containers[0].image}")
	if err != nil {
		return err
	}
	if err := d.expect("its image is the one that runs", "trunkline.local/host:1", strings.TrimSpace(image)); err != nil {
		return err
	}
	return was.expectOthers(ctx, driftProject)
}
