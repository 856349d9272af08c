// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"io/fs"
	"maps"
	"path/filepath"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/ledger"
	"trunkline.dev/trunkline/flow/plan"
	lotrun "trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/render"
)

// lotsRun is what "trunkline lots run" is asked for.
type lotsRun struct {
	from                       source
	env, cluster, lot, attempt string
	endpoint                   string
	local, exec, again         bool
	project, workload          string
	now                        time.Time
}

func newLotsRun() *cobra.Command {
	var l lotsRun
	cmd := &cobra.Command{
		Use:   "run PROJECT/WORKLOAD --env ENVIRONMENT --lot ID --local",
		Short: "Run a workload for one lot by hand, on this machine",
		Long: `Run makes one lot of what a workload writes, on this machine instead of in a
cluster, of the real lots that it reads. It reads the declarations on disk, and
asks the stores of the environment which manifests there are.

With --local it prints a shell script: all variables that a run of the workload
for that lot gets, and the command. With --exec it runs the command itself, in
the folder of the project, and then does what comes after a run: it lists what
the program wrote and writes the manifests. The lot is there once each dataset
that the workload writes has it. What a run writes that fails does not count,
also if it is interrupted; a manifest says what is left of it.

A run writes to a location of its own, and is refused while lots that it waits
for are not there. A lot that is there is not made again unless you say --again:
what was there counts until the new one does.

Exit codes: that of the program with --exec; else 0 success, 1 something failed
or the run was refused, 2 usage error.`,
		Example: `  trunkline lots run orders/clean -e dev --lot 20260101P1D000 --local > run.sh
  trunkline lots run orders/clean -e dev --lot 20260101P1D000 --local --exec
  trunkline lots run orders/clean -e prod --lot 20260101P1D000 \
    --local --exec --again`,
		Args: func(_ *cobra.Command, args []string) (err error) {
			if len(args) == 1 {
				var whole bool
				l.project, l.workload, whole = strings.Cut(args[0], "/")
				if whole && l.project != "" && l.workload != "" {
					return nil
				}
			}
			return usagef("name one workload: trunkline lots run PROJECT/WORKLOAD --env ENVIRONMENT --lot ID --local")
		},
		RunE: func(cmd *cobra.Command, _ []string) error {
			if err := l.complete(); err != nil {
				return err
			}
			l.now = time.Now()
			return l.run(cmd)
		},
	}
	l.from.flags(cmd)
	cmd.Flags().StringVarP(&l.env, "env", "e", "", "environment whose data are read and written")
	cmd.Flags().StringVar(&l.cluster, "cluster", "", "cluster of the environment that TRUNKLINE_CLUSTER names (default the first)")
	cmd.Flags().StringVar(&l.lot, "lot", "", "id of the lot to make, such as 20260101PT1H005")
	cmd.Flags().BoolVar(&l.local, "local", false, "on this machine: print a script that starts the program as a run would")
	cmd.Flags().BoolVar(&l.exec, "exec", false, "with --local: run the program, and write the manifests")
	cmd.Flags().BoolVar(&l.again, "again", false, "make the lot although it is there, and replace it")
	cmd.Flags().StringVar(&l.attempt, "attempt", "", "name of the attempt: lower-case letters and digits (default the time in milliseconds)")
	cmd.Flags().StringVar(&l.endpoint, "s3-endpoint", "", "address of an S3 that is not AWS, for s3:// stores")
	return cmd
}

// complete refuses what is missing or contradicts itself.
func (l *lotsRun) complete() error {
	switch {
	case l.env == "":
		return usagef("no environment given: add --env ENVIRONMENT")
	case l.lot == "":
		return usagef("no lot given: add --lot ID, such as --lot 20260101P1D000")
	case !l.local:
		return usagef("runs in a cluster are not started from here: add --local to print a script for this machine")
	case l.exec && l.from.rev != "":
		return usagef("--exec runs the files on disk: remove --rev")
	}
	if l.attempt != "" {
		if err := lotrun.CheckAttempt(l.attempt); err != nil {
			return &usageError{err}
		}
	}
	if _, err := lot.ParseID(l.lot); err != nil {
		return &usageError{err}
	}
	return nil
}

func (l *lotsRun) run(cmd *cobra.Command) error {
	r, err := l.resolve(cmd)
	if err != nil {
		return err
	}
	stores := ledger.New(bucket.Options{Endpoint: l.endpoint})
	standing, err := stores.Look(cmd.Context(), r)
	if err != nil {
		return err
	}
	standing.Now, standing.Local = l.now, true
	if err := l.may(r, standing); err != nil {
		return err
	}
	for _, damaged := range standing.Damaged {
		if _, err := fmt.Fprintln(cmd.ErrOrStderr(), plain("warning: "+oneLine(damaged))); err != nil {
			return err
		}
	}
	process, err := r.Process(standing.Seen)
	if err != nil {
		return fmt.Errorf("%s/%s: %w", l.project, l.workload, err)
	}
	dir, err := filepath.Abs(filepath.Join(l.from.from, filepath.FromSlash(r.Dir)))
	if err != nil {
		return err
	}
	if l.exec {
		return l.execute(cmd, handRun{r, process, dir, stores, standing})
	}
	script, err := process.Script(fmt.Sprintf("The lot %s of %s/%s in %s, attempt %s. What the program writes counts once a manifest says so:\n"+
		"add --exec to run it and write that.", r.Lot, l.project, l.workload, l.env, r.Attempt), dir)
	if err != nil {
		return err
	}
	_, err = io.WriteString(cmd.OutOrStdout(), script)
	return err
}

// resolve reads the declarations, and finds what the run is.
func (l *lotsRun) resolve(cmd *cobra.Command) (lotrun.Run, error) {
	tree, cat, err := l.from.load(cmd)
	if err != nil {
		return lotrun.Run{}, err
	}
	releases, err := pick(cat, l.project, l.env, l.cluster)
	if err != nil {
		return lotrun.Run{}, err
	}
	p, _ := cat.Project(l.project)
	if _, _, ok := p.Workload(l.workload); !ok {
		var names []string
		for i := range p.Spec.Workloads {
			names = append(names, p.Spec.Workloads[i].Name)
		}
		return lotrun.Run{}, unknown("workload", l.workload, names)
	}
	one, err := lot.ParseID(l.lot)
	if err != nil {
		return lotrun.Run{}, err
	}
	attempt := l.attempt
	if attempt == "" {
		attempt = lotrun.AttemptAt(l.now)
	}
	run, err := lotrun.Of(cat, plan.Of(cat, l.env), releases[0].ID, l.workload, one, attempt)
	if err != nil {
		return run, err
	}
	return run, l.packages(tree, &run.Workload)
}

// packages has the program find its packages where they are on this machine.
func (l *lotsRun) packages(tree fs.FS, w *catalog.Workload) error {
	if len(w.Packages) == 0 {
		return nil
	}
	if _, err := render.PackageFiles(tree, w.Packages); err != nil {
		return fmt.Errorf("%s/%s: %w", l.project, l.workload, err)
	}
	root, err := filepath.Abs(l.from.from)
	if err != nil {
		return err
	}
	env := map[string]string{}
	maps.Copy(env, w.Env)
	render.WithPackages(env, w.Packages, func(use catalog.PackageUse) string { return filepath.Join(root, filepath.FromSlash(use.Dir)) })
	w.Env = env
	return nil
}

// may refuses a run that would make a lot of nothing, or over one that is there.
func (l *lotsRun) may(r lotrun.Run, s ledger.Standing) error {
	refuse := func(why string) error {
		if len(s.Damaged) > 0 {
			why += "\n" + strings.Join(s.Damaged, "\n")
		}
		return fmt.Errorf("%s of %s/%s is not made: %s", r.Lot, l.project, l.workload, why)
	}
	if end := r.Lot.End(); l.now.Before(end) {
		return refuse("it ends at " + end.Format(time.RFC3339) + ", which is still to come")
	}
	if err := s.State(r).Start(l.again); err != nil {
		return refuse(err.Error() + "; add --again to make it once more and replace it")
	}
	for _, sink := range r.Sinks {
		if len(s.There[sink.Role]) > 0 && !l.again {
			return refuse(fmt.Sprintf("%s is there, and another dataset that the workload writes is not; add --again to make them all and replace it", sink.ID))
		}
	}
	short := r.Within > 0 && !l.now.Before(r.Lot.End().Add(r.Within))
	if waits := r.Waits(s.Seen, short); len(waits) > 0 {
		return refuse("what it reads is not there:\n  " + strings.Join(waits, "\n  "))
	}
	return nil
}
