// SPDX-License-Identifier: Apache-2.0

// Command trunkline keeps Kubernetes clusters in the state that a Git repository declares.
//
// It is wiring only, and may import everything of Trunkline.
package main

import (
	"context"
	"errors"
	"fmt"
	"io"
	"os"
	"os/signal"
	"strings"
	"syscall"
	_ "time/tzdata" // schedules name time zones, and minimal images have none

	"github.com/spf13/cobra"
)

// The exit codes of every command.
const (
	exitFine     = 0
	exitFindings = 1 // something was found, or failed
	exitUsage    = 2 // the command was called wrongly
	exitTrouble  = 2 // a command that answers by its exit code, as diff does, has no answer

	exitInterrupted = 130 // a program that was run was interrupted, as shells have it
)

func main() { os.Exit(run(os.Args[1:], os.Stdin, os.Stdout, os.Stderr)) }

// run is the whole program but for the process.
func run(args []string, stdin io.Reader, stdout, stderr io.Writer) int {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	defer stop()
	root := newRoot()
	root.SetArgs(args)
	root.SetIn(stdin)
	root.SetOut(stdout)
	root.SetErr(stderr)
	began := false
	root.PersistentPreRun = func(*cobra.Command, []string) { began = true }
	cmd, err := root.ExecuteContextC(ctx)
	text := ""
	if err != nil {
		text = strings.TrimSpace(plain(unknownCommand(root, err).Error()))
	}
	var usage *usageError
	var program *exitError
	switch {
	case err == nil:
		return exitFine
	case errors.Is(err, errFindings):
		return exitFindings // what was found is printed
	case errors.Is(err, errTrouble):
		return exitTrouble // so is what went wrong
	case errors.As(err, &program):
		return program.code
	case isTrouble(err):
		_, _ = fmt.Fprintf(stderr, "trunkline: %s\n", text)
		return exitTrouble
	case !began || errors.As(err, &usage):
		_, _ = fmt.Fprintf(stderr, "trunkline: %s\nRun \"%s --help\" to see how it is used.\n", text, cmd.CommandPath())
		return exitUsage
	default:
		_, _ = fmt.Fprintf(stderr, "trunkline: %s\n", text)
		return exitFindings
	}
}

// errFindings ends a command that did its work and found something, which it has printed.
var errFindings = errors.New("there are findings")

// errTrouble ends a command that answers by its exit code and could not find out all, which it has printed.
var errTrouble = errors.New("some of it could not be determined")

// troubleError ends such a command with an error that is to be printed.
type troubleError struct{ err error }

func (e *troubleError) Error() string { return e.err.Error() }
func (e *troubleError) Unwrap() error { return e.err }

func isTrouble(err error) bool {
	var usage *usageError
	_, trouble := errors.AsType[*troubleError](err)
	return trouble && !errors.As(err, &usage)
}

// usageError says that a command was called wrongly.
type usageError struct{ err error }

func (e *usageError) Error() string { return e.err.Error() }
func (e *usageError) Unwrap() error { return e.err }

func usagef(format string, args ...any) error { return &usageError{fmt.Errorf(format, args...)} }
