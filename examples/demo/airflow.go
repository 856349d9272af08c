// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/reconciler/status"
)

// airflowEdits has the environment where lots arrive be one with an Airflow.
func airflowEdits() []edit {
	return []edit{{"environments/dev.yaml", "  clusters: [dev]\n", "  clusters: [dev]\n  orchestrator: airflow\n  healthTimeout: 10m\n"}}
}

// runAirflow merges an Airflow, and a DAG that is started by lots and makes lots.
func (d *demo) runAirflow(ctx context.Context) error {
	d.story.say("Some teams have DAGs. dev gets an Apache Airflow of its own, which is a workload as others are, and a project brings a DAG that lots of " +
		"orders/sales start. What its task makes are lots, too: one graph over both.")
	edits := airflowEdits()
	commit, begin, err := d.addProjects(ctx, []string{"airflow", "letters"}, "An Airflow, and letters about the sales", edits,
		"@since@", d.day(lateDay).Start.Format(time.RFC3339), "@airflow@", d.opts.engine("engines/airflow"), "@lake@", d.path("lake"))
	if err != nil {
		return err
	}
	d.story.diff(edits[0].file, edits)
	d.story.blank()
	r := newRoll(d, sincePush, commit, func(r status.Release) bool { return r.Project == "airflow" || r.Project == "letters" })
	r.begin = begin
	if _, err := r.wait(ctx); err != nil {
		return err
	}
	d.story.busy("waiting for Airflow to have the DAG")
	if _, err := d.daemon.wait(ctx, func(p status.Platform) (bool, error) {
		i := slices.IndexFunc(p.Releases, func(r status.Release) bool { return r.Project == "letters" })
		return i >= 0 && p.Releases[i].Dags != nil && p.Releases[i].Dags.Dags == 1, nil
	}); err != nil {
		return err
	}
	d.story.ok(sincePush+"Airflow has the DAG", time.Since(begin))
	d.story.say("The sales of a day are made again, since someone deletes their manifest. That they are there is an event, which starts the DAG:")
	l := d.day(lateDay)
	file := d.manifestOf("orders", "sales", l)
	d.story.quote("rm "+strings.TrimPrefix(file, d.dir+"/"), "")
	begin = time.Now()
	if err := os.Remove(file); err != nil {
		return fmt.Errorf("losing a lot: %w", err)
	}
	for _, m := range []struct{ project, dataset string }{{"orders", "sales"}, {"letters", "daily"}} {
		if err := d.awaitLot(ctx, m.project, m.dataset, l); err != nil {
			return err
		}
		d.story.ok(fmt.Sprintf("deleted → %s/%s has %s", m.project, m.dataset, l.ID()), time.Since(begin))
	}
	letter, err := d.objects("letters", "daily", l, ".txt")
	if err != nil {
		return err
	}
	sales, err := d.salesOf(l)
	if err != nil {
		return err
	}
	orders := 0
	for _, n := range sales {
		orders += n
	}
	d.story.quote("cat lake/dev/letters/daily/…/letter.txt", letter)
	d.story.blank()
	return d.expect("the letter is about the sales of the day", fmt.Sprintf("%d orders on %s\n", orders, l.Start.Format(time.DateOnly)), letter)
}
