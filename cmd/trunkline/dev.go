// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"path/filepath"
	"slices"
	"strings"

	"github.com/fsnotify/fsnotify"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/console/client"
)

func newDev() *cobra.Command {
	var r remoteRun
	cmd := &cobra.Command{
		Use:   "dev PROJECT/WORKLOAD --env ENVIRONMENT [--lot ID] [-- ARGS]",
		Short: "Run a workload again whenever its files are saved",
		Long: `Dev does what "trunkline run" does, and once more whenever a file of the project is
saved. A run that is under way then is cancelled first. What is wrong with the
files, or with a run, is said, and the next save tries again. Ctrl-C cancels the
run and ends.

Exit codes: 130 ended by Ctrl-C; 2 usage error.`,
		Example: `  trunkline dev orders/report --env dev
  trunkline dev orders/clean -e dev --lot 20260101P1D000 -- --verbose`,
		Args: r.arguments,
		RunE: func(cmd *cobra.Command, _ []string) error {
			c, err := r.client()
			if err != nil {
				return err
			}
			return r.repeat(cmd, c)
		},
	}
	r.flags(cmd)
	return cmd
}

// repeat runs what is on disk whenever it changes, until the command is interrupted.
func (r *remoteRun) repeat(cmd *cobra.Command, c *client.Client) error {
	watcher, err := fsnotify.NewWatcher()
	if err != nil {
		return fmt.Errorf("watching files: %w", err)
	}
	defer watcher.Close()
	dir, err := filepath.Abs(r.from.from)
	if err != nil {
		return err
	}
	if err := watchBelow(watcher, dir); err != nil {
		return fmt.Errorf("watching files: %w", err)
	}
	for {
		ctx, cancel := context.WithCancel(cmd.Context())
		ended := make(chan struct{})
		go func() {
			defer close(ended)
			r.report(cmd, r.run(ctx, cmd, c))
		}()
		err := r.saved(cmd, watcher, dir)
		cancel()
		<-ended
		switch {
		case err != nil:
			return err
		case cmd.Context().Err() != nil:
			return &exitError{exitInterrupted}
		}
	}
}

// report says what came of a run.
func (r *remoteRun) report(cmd *cobra.Command, err error) {
	var program *exitError
	said := errors.As(err, &program) || errors.Is(err, errFindings) || errors.Is(err, context.Canceled)
	if err != nil && !said {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), plain(oneLine(err.Error())))
	}
	if cmd.Context().Err() == nil {
		_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "the next save runs it again; press Ctrl-C to end")
	}
}

// saved waits until a file of the project has changed, or the command is interrupted. Until the declarations could be read, any file is one.
func (r *remoteRun) saved(cmd *cobra.Command, watcher *fsnotify.Watcher, dir string) error {
	for {
		changed, err := next(cmd, watcher, dir)
		if err != nil || cmd.Context().Err() != nil {
			return err
		}
		below := r.folder.Load()
		if below == nil || slices.ContainsFunc(changed, func(name string) bool { return *below == "." || strings.HasPrefix(name, *below+"/") }) {
			return nil
		}
	}
}
