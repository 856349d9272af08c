// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/lot"
)

// How many days ago lots begin: first, and once the backfill is merged. The day that ended last arrives late, on purpose.
const (
	firstDay    = 2
	backfillDay = 5
	lateDay     = 1
)

// lotsInterval is how often the daemon lists manifests, which is how it sees what others bring or remove.
const lotsInterval = "2s"

// made are the datasets that are computed for each day, in the order of the DAG, and the files that declare lots.
var made = []struct{ project, dataset string }{{"rates", "fx"}, {"orders", "sales"}, {"revenue", "takings"}}

// Nobody computes takings for a while.
const (
	suspendFile = "projects/revenue/project.yaml"
	suspendText = "Suspend takings while the books are closed"
)

func suspendEdits() []edit {
	const head = "    - name: takings                       # runs once for each day for which both are there\n"
	return []edit{{file: suspendFile, old: head, new: head + "      suspend: true\n"}}
}

// computeLots lets a day arrive, and shows what is computed of it.
func (d *demo) computeLots(ctx context.Context) error {
	d.story.say("Other data of the three teams come in lots, one a day in UTC. Two come from outside; the other three are " +
		"each written by a workload that runs once for each lot whose inputs are there. In dev:")
	d.story.blank()
	d.story.line(margin + "exports ─▶ orders/sales ─┐")
	d.story.line(margin + " quotes ─▶ rates/fx ─────┴─▶ revenue/takings")
	d.story.blank()
	l := d.day(firstDay)
	begin := time.Now()
	if err := d.arrive(ctx, firstDay); err != nil {
		return err
	}
	d.story.ok(fmt.Sprintf("the lot %s of exports and quotes arrives, with its manifests", l.ID()), time.Since(begin))
	for _, m := range made {
		if err := d.awaitLot(ctx, m.project, m.dataset, l); err != nil {
			return err
		}
		d.checks++
		d.story.ok(fmt.Sprintf("arrived → %s/%s has it", m.project, m.dataset), time.Since(begin))
	}
	address, text, err := d.taking(l)
	if err != nil {
		return err
	}
	d.story.quote("cat "+address, text)
	d.story.blank()
	return d.expect("the takings of the day are there, in their columns", "country,orders,revenue_eur", firstLine(text))
}

// loseLot removes a lot, and waits until it is there again.
func (d *demo) loseLot(ctx context.Context) error {
	l := d.day(firstDay)
	was, _, err := d.taking(l)
	if err != nil {
		return err
	}
	file := d.manifestOf("revenue", "takings", l)
	d.story.say("A manifest says that a lot is there. Someone deletes that of the takings:")
	d.story.quote("rm "+strings.TrimPrefix(file, d.dir+"/"), "")
	begin := time.Now()
	if err := os.Remove(file); err != nil {
		return fmt.Errorf("losing a lot: %w", err)
	}
	if err := d.awaitLot(ctx, "revenue", "takings", l); err != nil {
		return err
	}
	d.story.ok("deleted → computed again", time.Since(begin))
	is, text, err := d.taking(l)
	if err != nil {
		return err
	}
	if is == was {
		return &checkError{check: "another run made the lot", want: "another folder than " + was, got: is}
	}
	return d.expect("another run made the lot, in a folder of its own, of the same inputs", "country,orders,revenue_eur", firstLine(text))
}

// backfill merges a pull request by which lots begin earlier.
func (d *demo) backfill(ctx context.Context) error {
	for ago := backfillDay; ago > firstDay; ago-- {
		if err := d.arrive(ctx, ago); err != nil {
			return err
		}
	}
	d.story.say(fmt.Sprintf("What came from outside is there from %s on. The teams want it all, and say so:", d.day(backfillDay).Start.Format(time.DateOnly)))
	if err := d.pullMain(ctx); err != nil {
		return err
	}
	files, err := d.sinceFiles()
	if err != nil {
		return err
	}
	d.story.line(margin + "  " + d.story.red("- "+sinceText(d.day(firstDay))))
	d.story.line(margin + "  " + d.story.green("+ "+sinceText(d.day(backfillDay))) + "   in all five datasets")
	d.story.blank()
	begin, err := d.mergeData(ctx, "backfill", "Lots from "+d.day(backfillDay).Start.Format(time.DateOnly)+" on", "lots", files)
	if err != nil {
		return err
	}
	for ago := firstDay + 1; ago <= backfillDay; ago++ {
		for _, m := range made {
			if err := d.awaitLot(ctx, m.project, m.dataset, d.day(ago)); err != nil {
				return err
			}
		}
	}
	d.checks++
	d.story.ok(fmt.Sprintf("merge → %d lots of %d datasets are computed", (backfillDay-firstDay)*len(made), len(made)), time.Since(begin))
	return nil
}

// mergeData merges a pull request whose comment says what it computes, and returns when.
func (d *demo) mergeData(ctx context.Context, branch, title, says string, files map[string]string) (merged time.Time, err error) {
	begin := time.Now()
	number, commit, err := d.forge.open(branch, title, "", files)
	if err != nil {
		return merged, err
	}
	d.story.ok(fmt.Sprintf("opened #%d", number), time.Since(begin))
	if err := d.awaitCheck(ctx, commit, "success", "opened → ", begin); err != nil {
		return merged, err
	}
	comment, err := d.awaitComment(ctx, number, "what it computes", func(body string) bool { return strings.Contains(body, says) }, begin)
	if err != nil {
		return merged, err
	}
	d.story.comment(comment)
	d.story.blank()
	merged = time.Now()
	if err := d.forge.merge(ctx, number); err != nil {
		return merged, err
	}
	d.story.check(fmt.Sprintf("#%d is merged", number))
	return merged, nil
}

// replayEdits have the sales of a day made once more, and all that was made of them.
func (d *demo) replayEdits() []edit {
	const description = "      description: The orders of one day; no duplicates, no rows without an amount.\n"
	day := d.day(firstDay)
	return []edit{{file: "projects/orders/project.yaml", old: description, new: description + fmt.Sprintf(
		"      replay:\n        - {id: corrected-export, from: %q, until: %q, cascade: true, reason: the shop has corrected its export}\n",
		day.Start.Format(time.RFC3339), day.End().Format(time.RFC3339))}}
}

// replay merges a pull request by which a lot is made once more, and what was made of it.
func (d *demo) replay(ctx context.Context) error {
	l := d.day(firstDay)
	was, _, err := d.taking(l)
	if err != nil {
		return err
	}
	d.story.say("The shop has corrected the export of " + l.Start.Format(time.DateOnly) + ". What was made of it is to be made once more, and the takings too:")
	if err := d.pullMain(ctx); err != nil {
		return err
	}
	edits := d.replayEdits()
	files, err := d.repo.edited(edits)
	if err != nil {
		return err
	}
	d.story.diff(edits[0].file, edits)
	d.story.blank()
	begin, err := d.mergeData(ctx, "replay", "Make the sales of "+l.Start.Format(time.DateOnly)+" once more", "once more", files)
	if err != nil {
		return err
	}
	is := was
	err = d.await(ctx, "waiting for other takings of "+l.ID(), func(context.Context) (bool, error) {
		if is, _, err = d.taking(l); errors.Is(err, os.ErrNotExist) {
			return false, nil // the old ones are gone, and the new ones not there yet
		}
		return is != was, err
	})
	if err != nil {
		return err
	}
	d.checks++
	d.story.ok("merge → the sales of the day are made once more, and the takings of them", time.Since(begin))
	return nil
}

// sinceFiles are the declarations with lots that begin earlier.
func (d *demo) sinceFiles() (map[string]string, error) {
	files := map[string]string{}
	for _, m := range made {
		name := "projects/" + m.project + "/project.yaml"
		data, err := os.ReadFile(d.path("work", name))
		if err != nil {
			return nil, fmt.Errorf("changing the example: %w", err)
		}
		files[name] = strings.ReplaceAll(string(data), sinceText(d.day(firstDay)), sinceText(d.day(backfillDay)))
		if files[name] == string(data) {
			return nil, fmt.Errorf("changing the example: no lots of %s begin at %s: the demo does not fit the example any more", name, d.day(firstDay))
		}
	}
	return files, nil
}

// nameGap has a lot be missing, asks why, and has it made.
func (d *demo) nameGap(ctx context.Context) error {
	l := d.day(lateDay)
	d.story.say("Which lots are missing, and why? For what waits, the first cause upstream is named:")
	if err := d.expectGap(ctx, "orders/sales@1", "orders/exports@1 "+l.ID()+": it is written outside of the platform, and was not"); err != nil {
		return err
	}
	d.story.blank()
	d.story.say("The day arrives while the team has a workload suspended:")
	if err := d.pullMain(ctx); err != nil {
		return err
	}
	if err := d.repo.apply(suspendEdits()); err != nil {
		return err
	}
	d.story.diff(suspendFile, suspendEdits())
	d.story.blank()
	commit, err := d.repo.Commit(ctx, suspendText)
	if err != nil {
		return err
	}
	if err := d.push(ctx, commit, suspendText); err != nil {
		return err
	}
	if err := d.arrive(ctx, lateDay); err != nil {
		return err
	}
	begin := time.Now()
	for _, m := range made[:2] {
		if err := d.awaitLot(ctx, m.project, m.dataset, l); err != nil {
			return err
		}
		d.story.ok(fmt.Sprintf("arrived → %s/%s has it", m.project, m.dataset), time.Since(begin))
	}
	if err := d.expectGap(ctx, "revenue/takings@1", "revenue/takings is suspended"); err != nil {
		return err
	}
	d.story.blank()
	d.story.say("It goes on, by another commit:")
	begin = time.Now()
	if commit, err = d.repo.Revert(ctx); err != nil {
		return err
	}
	if err := d.push(ctx, commit, "Revert "+suspendText); err != nil {
		return err
	}
	if err := d.awaitLot(ctx, "revenue", "takings", l); err != nil {
		return err
	}
	d.story.ok(sincePush+"revenue/takings has it", time.Since(begin))
	code, out, err := d.lots(ctx, "gaps", "--latest", d.today.Format(time.RFC3339))
	if err != nil {
		return err
	}
	if err := d.expect("\"trunkline gaps\" finds none, and exits with 0", "exit 0", fmt.Sprintf("exit %d", code)); err != nil {
		return fmt.Errorf("%w\n%s", err, out)
	}
	code, out, err = d.lots(ctx, "lots", "--latest", d.today.Format(time.RFC3339))
	if err == nil && code != 0 {
		err = fmt.Errorf("trunkline lots exits with %d: %s", code, out)
	}
	if err != nil {
		return err
	}
	d.story.quote("trunkline lots --env "+lotsEnvironment, out)
	return nil
}

// expectGap checks that "trunkline gaps" names a cause in the line of a dataset.
func (d *demo) expectGap(ctx context.Context, dataset, cause string) error {
	code, out, err := d.lots(ctx, "gaps", "--latest", d.today.Format(time.RFC3339))
	if err != nil {
		return err
	}
	d.story.quote("trunkline gaps --env "+lotsEnvironment, out)
	d.story.blank()
	named := slices.ContainsFunc(strings.Split(out, "\n"), func(line string) bool {
		return strings.HasPrefix(line, dataset) && strings.Contains(line, cause)
	})
	got := fmt.Sprintf("exit %d with\n%s", code, out)
	if named {
		got = fmt.Sprintf("exit %d with %s: %s", code, dataset, cause)
	}
	if want := fmt.Sprintf("exit 1 with %s: %s", dataset, cause); got != want {
		return &checkError{check: "\"trunkline gaps\" names the cause", want: want, got: got}
	}
	d.checks++
	d.story.check("\"trunkline gaps\" exits with 1, and names the cause for " + dataset)
	return nil
}

// push pushes a commit, and waits until the daemon has accepted it.
func (d *demo) push(ctx context.Context, commit, subject string) error {
	begin, err := d.publish(ctx, commit, subject)
	if err != nil {
		return err
	}
	p, err := d.waitJudged(ctx, commit)
	if err != nil {
		return err
	}
	if p.Source.Refused() {
		return &checkError{check: "the commit is accepted", want: "no problems", got: p.Source.Problems.String()}
	}
	d.story.ok(sincePush+"accepted", time.Since(begin))
	return nil
}

// pullMain has the clone be as main is, into which pull requests were merged.
func (d *demo) pullMain(ctx context.Context) error {
	_, err := d.repo.Git(ctx, "-C", d.repo.Work, "pull", "--quiet", "--ff-only", "origin", "main")
	return err
}

// awaitLot waits until a lot of a dataset has a manifest that counts.
func (d *demo) awaitLot(ctx context.Context, project, dataset string, l lot.Lot) error {
	file := d.manifestOf(project, dataset, l)
	return d.await(ctx, fmt.Sprintf("waiting for %s of %s/%s", l.ID(), project, dataset), func(context.Context) (bool, error) {
		_, err := os.Stat(file)
		if errors.Is(err, os.ErrNotExist) {
			return false, nil
		}
		return err == nil, err
	})
}

// lots runs a command that looks at the lots, in the clone, and returns its exit code and what it prints.
func (d *demo) lots(ctx context.Context, name string, args ...string) (code int, out string, err error) {
	cmd := command(ctx, d.opts.trunkline(), append([]string{name, "--env", lotsEnvironment, "--from", d.repo.Work}, args...)...)
	data, err := cmd.CombinedOutput()
	if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() == 1 {
		return 1, string(data), nil
	}
	if err != nil {
		return 0, "", fmt.Errorf("running trunkline %s: %w: %s", name, err, data)
	}
	return 0, string(data), nil
}
