// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"os/exec"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/secretref"
	"trunkline.dev/trunkline/flow/ledger"
	lotrun "trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/reconciler/child"
)

const (
	// stopDelay is how long a program may take to stop that is asked to.
	stopDelay = 10 * time.Second
	// settleTimeout bounds what is done after a run that was interrupted.
	settleTimeout = time.Minute
)

// handRun is a run on this machine.
type handRun struct {
	run      lotrun.Run
	process  lotrun.Process
	dir      string
	stores   *ledger.Ledger
	standing ledger.Standing
}

// exitError ends a command as the program ended that it has run, which it has said.
type exitError struct{ code int }

func (e *exitError) Error() string { return lotrun.Exit(e.code) }

// execute runs the program, and does what comes after a run.
func (l *lotsRun) execute(cmd *cobra.Command, h handRun) error {
	if err := h.stores.Fresh(cmd.Context(), h.run); err != nil {
		return err
	}
	for _, note := range h.process.Notes {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), plain(note)) // the run matters more than a terminal that is gone
	}
	if why, err := h.stores.Begin(cmd.Context(), h.run, l.again); err != nil {
		return err
	} else if why != "" {
		return fmt.Errorf("%s of %s/%s is not made: %s", l.lot, l.project, l.workload, why)
	}
	ended, code, err := h.start(cmd)
	if err != nil {
		return errors.Join(err, h.stores.End(cmd.Context(), h.run, nil, "its program did not start"))
	}
	// Whatever ended the program, what it left is accounted for.
	ctx, cancel := context.WithTimeout(context.WithoutCancel(cmd.Context()), settleTimeout)
	defer cancel()
	left, err := h.stores.Left(ctx, h.run)
	if err != nil {
		return fmt.Errorf("the program is done, and what it left is not known, so that it does not count: %w", err)
	}
	out := h.run.Conclude(ended, left)
	if _, err := h.stores.Publish(ctx, out, h.standing.There, "replaced by the attempt "+h.run.Attempt); err != nil {
		return err
	}
	if err := h.stores.End(ctx, h.run, out.SinkStates(), out.Failed); err != nil {
		return err
	}
	if err := l.tell(cmd, out); err != nil {
		return err
	}
	switch {
	case code != 0:
		return &exitError{code}
	case out.State != lotrun.Complete:
		return errFindings
	}
	return nil
}

// start runs the program until it ends, or is asked to because its time is over or someone interrupts. The error says that it did not start.
func (h handRun) start(cmd *cobra.Command) (ended lotrun.Ended, code int, err error) {
	secrets, err := h.secrets()
	if err != nil {
		return lotrun.Ended{}, 0, err
	}
	ctx, cancel := context.WithTimeout(cmd.Context(), h.run.Workload.Timeout)
	defer cancel()
	args := make([]string, len(h.process.Command))
	for i, arg := range h.process.Command {
		args[i] = arg.With(secrets)
	}
	program := exec.CommandContext(ctx, args[0], args[1:]...)
	program.Dir, program.Env = h.dir, os.Environ()
	for _, v := range h.process.Variables {
		program.Env = append(program.Env, v.Name+"="+v.Value.With(secrets))
	}
	program.Stdout, program.Stderr = cmd.OutOrStdout(), cmd.ErrOrStderr() // and no input, as in a container
	child.Group(program)
	// It is asked to end, as by a kubelet. However it ends then, it may have ended half-way.
	var stopped error
	program.Cancel = func() error {
		stopped = ctx.Err()
		return child.Terminate(program)
	}
	program.WaitDelay = stopDelay
	if err := program.Start(); err != nil {
		return lotrun.Ended{}, 0, fmt.Errorf("starting the program: %w", err)
	}
	err = program.Wait()
	_ = child.Kill(program) // what it has started, if that is still there
	failed, exited := errors.AsType[*exec.ExitError](err)
	switch {
	case errors.Is(stopped, context.DeadlineExceeded):
		return lotrun.Ended{Failed: fmt.Sprintf("it took longer than its timeout of %s", h.run.Workload.Timeout)}, exitFindings, nil
	case stopped != nil:
		return lotrun.Ended{Failed: "it was interrupted"}, exitInterrupted, nil
	case err == nil:
		return lotrun.Ended{}, 0, nil
	case exited && failed.ExitCode() > 0:
		return lotrun.Ended{Failed: lotrun.Exit(failed.ExitCode())}, failed.ExitCode(), nil
	}
	return lotrun.Ended{Failed: err.Error()}, exitFindings, nil
}

// secrets are the values of those of the program, which whoever runs it has in the environment.
func (h handRun) secrets() (map[string]string, error) {
	secrets, missing := map[string]string{}, []string(nil)
	for _, name := range slices.Sorted(maps.Keys(h.process.Secrets)) {
		value, set := os.LookupEnv(name)
		if secrets[name] = value; !set {
			ref := h.process.Secrets[name]
			where := fmt.Sprintf("the key %s of the Secret %s", ref.Key, ref.Name)
			if ref.Store != "" {
				where = secretref.Where(ref)
			}
			missing = append(missing, fmt.Sprintf("%s (%s)", name, where))
		}
	}
	if len(missing) > 0 {
		return nil, fmt.Errorf("values of secrets are in the cluster: set before %s", strings.Join(missing, ", "))
	}
	return secrets, nil
}

// tell says what came of the run.
func (l *lotsRun) tell(cmd *cobra.Command, out lotrun.Outcome) error {
	w := cmd.ErrOrStderr()
	if out.Failed != "" {
		if _, err := fmt.Fprintf(w, "%s of %s/%s is %s: %s\n", l.lot, l.project, l.workload, out.State, plain(out.Failed)); err != nil {
			return err
		}
	} else if _, err := fmt.Fprintf(w, "%s of %s/%s is %s\n", l.lot, l.project, l.workload, out.State); err != nil {
		return err
	}
	for _, made := range out.Sinks {
		if made.Manifest == nil {
			continue
		}
		if _, err := fmt.Fprintf(w, "  %s: %s, %s\n", made.ID, made.Manifest.State, made.Address()); err != nil {
			return err
		}
	}
	return nil
}
