// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"strings"

	"trunkline.dev/trunkline/reconciler/status"
)

// The change: one more column in a result. It is in the scripts of one project.
const (
	changedProject = "revenue"
	changedHeader  = "day,country,revenue_eur,orders"
	changeSubject  = "Count the orders beside the revenue"
)

func changeEdits() []edit {
	const sh, awk = "projects/revenue/scripts/convert.sh", "projects/revenue/scripts/convert.awk"
	return []edit{
		{file: sh, old: `	echo "day,country,revenue_eur"`, new: `	echo "` + changedHeader + `"`},
		{file: awk, old: `{ sum[$2 OFS $3] += $5 * rate[$2, $4] }`, new: `{ sum[$2 OFS $3] += $5 * rate[$2, $4]; orders[$2 OFS $3]++ }`},
		{
			file: awk,
			old:  `END { for (key in sum) printf "%s,%.2f\n", key, sum[key] }`,
			new:  `END { for (key in sum) printf "%s,%.2f,%d\n", key, sum[key], orders[key] }`,
		},
	}
}

// change merges a commit that changes one project.
func (d *demo) change(ctx context.Context) error {
	d.story.say("team-finance wants the number of orders beside the revenue:")
	was, err := d.remember(ctx)
	if err != nil {
		return err
	}
	edits := changeEdits()
	if err := d.repo.apply(edits); err != nil {
		return err
	}
	shown := ""
	for _, e := range edits {
		if e.file != shown {
			d.story.diff(e.file, edits)
		}
		shown = e.file
	}
	d.story.blank()
	commit, err := d.repo.Commit(ctx, changeSubject)
	if err != nil {
		return err
	}
	r := newRoll(d, sincePush, commit, func(rel status.Release) bool { return rel.Project == changedProject })
	if r.begin, err = d.publish(ctx, commit, changeSubject); err != nil {
		return err
	}
	p, err := r.wait(ctx)
	if err != nil {
		return err
	}
	d.story.blank()
	if err := was.expectOthers(ctx, changedProject); err != nil {
		return err
	}
	for _, rel := range p.Releases {
		if rel.Project != changedProject {
			continue
		}
		head, err := d.revenue(rel.Environment, 1)
		if err != nil {
			return err
		}
		if got := strings.TrimSpace(head); got != changedHeader {
			return &checkError{check: "the result of " + rel.Environment + " has the new column", want: changedHeader, got: got}
		}
	}
	d.checks++
	d.story.check("the result has the new column in every environment")
	head, err := d.revenue("prod", 4)
	if err != nil {
		return err
	}
	d.story.quote("head -4 lake/prod/revenue/daily/revenue.csv", head)
	return nil
}
