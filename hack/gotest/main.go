// SPDX-License-Identifier: Apache-2.0

// Command gotest runs "go test" with the arguments that it is given, prints what failed, and ends with what was skipped
// and why: go test itself says so only to those who ask with -v, and a test that is skipped forever looks like one
// that passes.
//
// A skip by -short, which says which tier a test is in, is counted. Any other is listed; with the environment variable CI
// set it fails the run, unless the list in skips.go has it with a reason.
//
// It imports nothing of Trunkline.
package main

import (
	"bufio"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"syscall"
)

func main() {
	// The tests are interrupted together with this process, and end in order; this one waits for them.
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	strict := os.Getenv("CI") != "" && os.Getenv("CI") != "false"
	code := run(ctx, os.Args[1:], strict, os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, strict bool, out, errs io.Writer) int {
	c := exec.CommandContext(ctx, "go", append([]string{"test", "-json"}, args...)...) //nolint:gosec // the arguments are those of who runs the tests
	c.Stderr = errs
	c.Cancel = func() error { return c.Process.Signal(os.Interrupt) }
	stdout, err := c.StdoutPipe()
	if err != nil {
		fmt.Fprintf(errs, "gotest: %v\n", err)
		return 2
	}
	if err := c.Start(); err != nil {
		fmt.Fprintf(errs, "gotest: starting go test: %v\n", err)
		return 2
	}
	s := newSummary(out)
	if err := read(stdout, s); err != nil {
		fmt.Fprintf(errs, "gotest: reading what go test prints: %v\n", err)
	}
	code := 0
	if err := c.Wait(); err != nil {
		code = 1
		if exit, ok := errors.AsType[*exec.ExitError](err); ok && exit.ExitCode() > 0 {
			code = exit.ExitCode()
		}
	}
	if !s.end() && strict && code == 0 {
		fmt.Fprintln(errs, "gotest: tests were skipped; list them in hack/gotest/skips.go with a reason, or let them run")
		code = 1
	}
	return code
}

// read hands every event to the summary. A line that is no event is printed as it is.
func read(r io.Reader, s *summary) error {
	lines := bufio.NewReader(r)
	for {
		line, err := lines.ReadBytes('\n')
		if len(line) > 0 {
			var e event
			if json.Unmarshal(line, &e) != nil || e.Action == "" {
				e = event{Action: "build-output", Output: string(line)}
			}
			s.add(e)
		}
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
	}
}
