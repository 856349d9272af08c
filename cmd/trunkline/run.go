// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"net/http"
	"slices"
	"strings"
	"sync/atomic"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/lot"
	numbers "trunkline.dev/trunkline/api/number"
	"trunkline.dev/trunkline/build/image"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/render"
)

const (
	// resumePause is the wait before a stream is resumed that has ended, and resumeFor how long that is tried. A daemon that is there removes a
	// run that nobody follows for a minute, and then says so; one that was not counts from its start.
	resumePause, resumeFor = time.Second, 10 * time.Minute
	// cancelTimeout bounds how long it takes to cancel a run after Ctrl-C.
	cancelTimeout = 20 * time.Second
)

// remoteRun is what "trunkline run" is asked for.
type remoteRun struct {
	asking

	from              source
	env, cluster, lot string
	// as is how code of an image travels; empty: as it fits.
	as string
	// bases are images that code was put on.
	bases             map[string]image.Base
	attach            string
	detach            bool
	project, workload string
	args              []string
	// folder is that of the project, once the declarations were read.
	folder atomic.Pointer[string]
}

func newRun() *cobra.Command {
	var r remoteRun
	cmd := &cobra.Command{
		Use:   "run PROJECT/WORKLOAD --env ENVIRONMENT [--lot ID] [-- ARGS]",
		Short: "Run the files on disk where a workload runs",
		Long: `Run has the daemon run a workload with the files on disk, those that are not
committed among them, in an environment: with the image, size, identity, secrets
and variables that are deployed there, and what it reads. The files that the
workload declares, its command, and the code that its image is built of are those
on disk; what else is changed in a declaration counts once it is merged. What it writes goes to a folder of your own
in the same store, which is printed, and counts for no lot.

Code of an image travels as files if it is small, which are put over those of the
image. Else, or with --as layer, it is pushed as a layer on the image to the
registry that the environment has for runs: only what changed.

The log is shown from its first line. The exit code is that of the program.
Ctrl-C cancels the run. Nothing of it is left in the cluster when it has ended, or
a minute after this command is gone. With --detach it goes on by itself, for 8
hours at most: "trunkline runs" lists it, and --attach waits for it.

It takes the right "run": a contributor of the project and of the environment has
it. The history says who ran what.

Exit codes: that of the program; 1 it did not start or was refused; 2 usage error,
or the daemon does not answer; 130 cancelled.`,
		Example: `  trunkline run orders/report --env dev
  trunkline run orders/clean -e dev --lot 20260101P1D000 -- --verbose
  trunkline run orders/report -e dev --as layer --detach
  trunkline run --attach report-run-k3v9x2ab`,
		Args: r.arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			if r.attach != "" {
				ref, err := runNamed(cmd.Context(), c, r.attach)
				if err != nil {
					return err
				}
				return r.wait(cmd.Context(), cmd, c, ref)
			}
			return r.run(cmd.Context(), cmd, c)
		},
	}
	r.flags(cmd)
	cmd.Flags().BoolVar(&r.detach, "detach", false, "start it, print its name, and leave it to itself")
	cmd.Flags().StringVar(&r.attach, "attach", "", "wait for the run of this name instead of starting one")
	return cmd
}

// flags are those that say what is run.
func (r *remoteRun) flags(cmd *cobra.Command) {
	r.asking.flags(cmd)
	cmd.Flags().StringVar(&r.from.from, "from", ".", "folder with the platform, in a repository or not")
	r.from.included.flags(cmd.Flags())
	cmd.Flags().StringVarP(&r.env, "env", "e", "", "environment to run in")
	cmd.Flags().StringVar(&r.cluster, "cluster", "", "cluster of the environment (default its first)")
	cmd.Flags().StringVar(&r.as, "as", "", "how code of an image gets there: files or layer (default files if it is small)")
	cmd.Flags().StringVar(&r.lot, "lot", "", "id of the lot that the program is given, for a workload that runs for lots")
}

// arguments takes apart what was named, and refuses what is missing or contradicts itself.
func (r *remoteRun) arguments(cmd *cobra.Command, args []string) error {
	named := args
	if dash := cmd.ArgsLenAtDash(); dash >= 0 {
		named, r.args = args[:dash], args[dash:]
	}
	if r.attach != "" {
		if len(args) > 0 || r.env != "" || r.lot != "" || r.as != "" || r.detach {
			return usagef("--attach takes the name of a run, and nothing else: trunkline run --attach RUN")
		}
		return nil
	}
	whole := false
	if len(named) == 1 {
		r.project, r.workload, whole = strings.Cut(named[0], "/")
	}
	switch {
	case !whole || r.project == "" || r.workload == "":
		return usagef("name one workload, and what the program is given after --: %s PROJECT/WORKLOAD --env ENVIRONMENT -- ARGS", cmd.CommandPath())
	case r.env == "":
		return usagef("no environment given: add --env ENVIRONMENT")
	}
	if r.as != "" && r.as != asFiles && r.as != asLayer {
		return usagef("--as %s: choose files or layer", r.as)
	}
	if r.lot != "" {
		if _, err := lot.ParseID(r.lot); err != nil {
			return &usageError{err}
		}
	}
	return nil
}

// run starts a run of the files on disk.
func (r *remoteRun) run(ctx context.Context, cmd *cobra.Command, c *client.Client) error {
	request, err := r.request(cmd, c)
	if err != nil {
		return err
	}
	made, err := c.StartRun(ctx, r.env, r.project, request)
	if err != nil {
		return refused(err)
	}
	w := cmd.ErrOrStderr()
	_, _ = fmt.Fprintf(w, "%s: %s/%s in %s, with %s of %s\n", plain(made.Run), r.project, r.workload, r.env, numbers.Count(len(request.Files)+len(request.Code), "file"), plain(r.from.from))
	for _, role := range slices.Sorted(maps.Keys(made.Writes)) {
		_, _ = fmt.Fprintf(w, "  writes %s to %s\n", plain(role), plain(made.Writes[role]))
	}
	for _, note := range made.Notes {
		_, _ = fmt.Fprintf(w, "  %s\n", plain(note))
	}
	ref := console.RunRef{Environment: made.Environment, Project: made.Project, Run: made.Run}
	if r.detach {
		return println(cmd.OutOrStdout(), plain(made.Run))
	}
	return r.wait(ctx, cmd, c, ref)
}

// request is what is run: the files and the command of the workload as they are on disk.
func (r *remoteRun) request(cmd *cobra.Command, c *client.Client) (console.RunRequest, error) {
	request := console.RunRequest{Workload: r.workload, Cluster: r.cluster, Lot: r.lot, Args: r.args, Detached: r.detach}
	tree, cat, err := r.from.load(cmd)
	if err != nil {
		return request, err
	}
	releases, err := pick(cat, r.project, r.env, r.cluster)
	if err != nil {
		return request, err
	}
	r.folder.Store(&releases[0].Dir)
	var names []string
	for i := range releases[0].Workloads {
		w := &releases[0].Workloads[i]
		if names = append(names, w.Name); w.Name != r.workload {
			continue
		}
		request.Command = w.Command
		if request.Files, err = render.Files(tree, releases[0], *w); err != nil || w.Build == nil {
			return request, err
		}
		return request, r.code(cmd, c, projectCode{tree: tree, catalog: cat, settings: *w.Build}, &request)
	}
	return request, unknown("workload", r.workload, names)
}

// wait shows the log of a run until it ends, and ends as it does. If ctx ends before, the run is cancelled.
func (r *remoteRun) wait(ctx context.Context, cmd *cobra.Command, c *client.Client, ref console.RunRef) error {
	end, err := showRun(ctx, cmd, c, ref, console.Following{Waits: true})
	if end == nil && ctx.Err() != nil {
		ctx, cancel := context.WithTimeout(context.WithoutCancel(ctx), cancelTimeout)
		defer cancel()
		done, err := c.CancelRun(ctx, ref, "")
		if err != nil {
			return fmt.Errorf("it is not cancelled, and goes on for a minute at most: %w", refused(err))
		}
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), plain(done.Message))
		return &exitError{exitInterrupted}
	}
	if err != nil {
		return err
	}
	switch {
	case end.Code == 0:
		return nil
	case end.Code < 0:
		return errors.New(plain(oneLine(end.Why)))
	}
	_, _ = fmt.Fprintln(cmd.ErrOrStderr(), plain(oneLine(end.Why)))
	return &exitError{end.Code}
}

// showRun shows the log of a run until it ends. A stream that ends before is resumed where it was.
func showRun(ctx context.Context, cmd *cobra.Command, c *client.Client, ref console.RunRef, how console.Following) (*console.RunEnd, error) {
	out, notes := cmd.OutOrStdout(), cmd.ErrOrStderr()
	terminal := width(out) > 0
	var lost time.Time
	told := false
	for {
		end, err := c.FollowRun(ctx, ref, how, func(e console.RunEvent) error {
			lost, told = time.Time{}, false
			if e.Note != "" {
				_, _ = fmt.Fprintln(notes, plain(oneLine(e.Note)))
			}
			if e.Line == nil {
				return nil
			}
			how.After = e.At
			line := *e.Line
			if terminal {
				line = readable(line)
			}
			return println(out, line)
		})
		if end != nil {
			return end, nil
		}
		if ctx.Err() != nil {
			return nil, ctx.Err()
		}
		var no *client.RefusedError
		if errors.As(err, &no) && !passes(no.Code) || errors.Is(err, client.ErrToken) {
			return nil, refused(err)
		}
		if err != nil && !told {
			told = true
			_, _ = fmt.Fprintln(notes, "the daemon is asked again: "+plain(oneLine(err.Error())))
		}
		if lost.IsZero() {
			lost = time.Now()
		} else if err != nil && time.Since(lost) > resumeFor {
			return nil, refused(fmt.Errorf("the run %s is not followed any more: %w", ref.Run, err))
		}
		select {
		case <-ctx.Done():
		case <-time.After(resumePause):
		}
	}
}

// passes reports whether a refusal is one of a daemon, or of what is before it, that has no time or is being started.
func passes(code int) bool {
	return code == http.StatusTooManyRequests || code == http.StatusBadGateway || code == http.StatusServiceUnavailable || code == http.StatusGatewayTimeout
}

// runNamed finds a run by its name.
func runNamed(ctx context.Context, c *client.Client, name string) (console.RunRef, error) {
	all, err := c.Runs(ctx, "")
	if err != nil {
		return console.RunRef{}, refused(err)
	}
	names := make([]string, len(all))
	for i, run := range all {
		if names[i] = run.Run; run.Run == name {
			return console.RunRef{Environment: run.Environment, Project: run.Project, Run: run.Run}, nil
		}
	}
	return console.RunRef{}, &troubleError{unknown("run", name, names)}
}
