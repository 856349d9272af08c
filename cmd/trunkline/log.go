// SPDX-License-Identifier: Apache-2.0

package main

import (
	"fmt"
	"io"
	"log/slog"
	"os"

	"github.com/spf13/cobra"
	"golang.org/x/term"
)

// logging are the flags of commands that run for a while.
type logging struct {
	level string
	now   slog.LevelVar
}

func (l *logging) flags(cmd *cobra.Command, level string) {
	cmd.Flags().StringVar(&l.level, "log-level", level, "lowest level to log: debug, info, warn or error")
}

// logger writes text for people on a terminal, and JSON for machines anywhere else.
func (l *logging) logger(w io.Writer) (*slog.Logger, error) {
	if err := l.check(); err != nil {
		return nil, err
	}
	l.set(l.level)
	opts := &slog.HandlerOptions{Level: &l.now}
	if isTerminal(w) {
		return slog.New(slog.NewTextHandler(w, opts)), nil
	}
	return slog.New(slog.NewJSONHandler(w, opts)), nil
}

func (l *logging) check() error {
	var level slog.Level
	if err := level.UnmarshalText([]byte(l.level)); err != nil || level < slog.LevelDebug {
		// Below debug, the Kubernetes client logs all that it sends: Secrets in plain as well.
		return usagef("--log-level: %q is not one of debug, info, warn and error", l.level)
	}
	return nil
}

// set has the logger log from another level on, which has been checked.
func (l *logging) set(level string) { _ = l.now.UnmarshalText([]byte(level)) }

func isTerminal(w io.Writer) bool {
	if b, shown := w.(besides); shown {
		w = b.w
	}
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// println prints a line; what cannot be printed ends the command.
func println(w io.Writer, args ...any) error {
	_, err := fmt.Fprintln(w, args...)
	return err
}
