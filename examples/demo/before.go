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

// before is how everything was when a step began.
type before struct {
	demo     *demo
	releases []status.Release
	objects  objects
}

// remember looks at the daemon's status and at the clusters.
func (d *demo) remember(ctx context.Context) (*before, error) {
	p, err := d.daemon.Status(ctx)
	if err != nil {
		return nil, err
	}
	all, err := snapshot(ctx, d.clusters)
	if err != nil {
		return nil, err
	}
	return &before{demo: d, releases: p.Releases, objects: all}, nil
}

// expectOthers checks that nothing but the given project was touched: by what the daemon says, and by what the
// clusters say. An empty project leaves nothing out.
func (b *before) expectOthers(ctx context.Context, project string) error {
	begin := time.Now()
	now, err := b.demo.remember(ctx)
	if err != nil {
		return err
	}
	was, is := b.objects.without(project), now.objects.without(project)
	whose := "the other projects"
	if project == "" {
		whose = "all projects"
	}
	releases := commits(b.releases, project)
	if err := b.demo.expect(fmt.Sprintf("%d releases of %s: the same commit as before", len(releases), whose),
		strings.Join(releases, "\n"), strings.Join(commits(now.releases, project), "\n")); err != nil {
		return err
	}
	diffs, reported := differences(was, is)
	if len(diffs) > 0 {
		return &checkError{check: "the objects of " + whose + " are untouched", want: "no differences", got: strings.Join(diffs, "\n")}
	}
	b.demo.checks++
	text := fmt.Sprintf("%d objects of %s: the same resourceVersion as before", len(is), whose)
	if reported > 0 {
		text += fmt.Sprintf(" (%d: new status)", reported)
	}
	b.demo.story.ok(text, time.Since(begin))
	return nil
}

// commits lists the releases of all projects but one, and the commits that they are at.
func commits(releases []status.Release, without string) []string {
	var lines []string
	for _, r := range releases {
		if r.Project != without {
			lines = append(lines, fmt.Sprintf("%s at %s", r, short(r.Commit)))
		}
	}
	slices.Sort(lines)
	return lines
}

// publish pushes what was committed, and has the daemon look at it now. It returns the time it began.
func (d *demo) publish(ctx context.Context, commit, subject string) (time.Time, error) {
	begin := time.Now()
	if err := d.repo.Push(ctx); err != nil {
		return begin, err
	}
	if err := d.daemon.Sync(ctx); err != nil {
		return begin, err
	}
	d.story.ok(fmt.Sprintf("pushed %s %q", short(commit), subject), time.Since(begin))
	return begin, nil
}
