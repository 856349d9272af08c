// SPDX-License-Identifier: Apache-2.0

// Command demo tells Trunkline's story on this machine: two real Kubernetes clusters, a real Git repository with the
// example platform, and the daemon that follows it. A merge rolls out, a change touches one project only, a removal
// prunes, and a commit whose data flow has a cycle is refused.
//
// The repository is at a GitHub in memory, with pages for a browser, and the daemon is an App there. One pull request gets
// its check and its comment, another one fails because of a cycle until a push fixes it, and the person at the keyboard
// merges the first and watches the deployment. With --once, the demo presses the button itself.
//
// Every step is checked; the first check that fails ends the demo with exit code 1. Whatever way it ends, its
// processes and its folder are gone afterwards.
//
// Of Trunkline it may import console, console/client, reconciler/status, test/stage and webhooks/github/githubtest.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"strconv"
	"syscall"
	"time"

	"golang.org/x/term"
)

// Exit codes; an interrupted program ends with 128 + the number of the signal.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

func main() {
	if len(os.Args) == 3 && os.Args[1] == sweepCommand {
		os.Exit(sweep(os.Args[2], os.Stdin))
	}
	// A broken pipe (demo | head) and a closed terminal end the demo like Ctrl-C. The signals stay caught until
	// the very end, so that pressing Ctrl-C again does not break the clean-up.
	ctx, _ := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP, syscall.SIGPIPE)
	os.Exit(run(ctx, os.Args[1:], os.Stdout, os.Stderr, os.Getenv))
}

// options are the flags of the demo.
type options struct {
	bin     string // folder of the two programs
	example string // folder of the example platform
	once    bool   // end after the last step instead of staying up
	full    bool   // with the engines of data platforms
	engines string // folder of these engines
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer, env func(string) string) int {
	opts, err := parse(args, stderr, env)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return exitUsage // the flag package has said why
	}
	s := newStory(stdout, terminalWidth(stdout), env("NO_COLOR") == "" && env("TERM") != "dumb", time.Now)
	if err := opts.check(); err != nil {
		s.failed(err)
		return exitUsage
	}
	err = play(ctx, opts, s)
	switch {
	case err == nil:
		return 0
	case errors.Is(err, errInterrupted):
		s.line(s.dim("Interrupted; nothing is left behind."))
		return exitInterrupted
	default:
		s.failed(err)
		return exitFailed
	}
}

func parse(args []string, stderr io.Writer, env func(string) string) (options, error) {
	var o options
	f := flag.NewFlagSet("demo", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.bin, "bin", "bin", "folder with the programs trunkline and devcluster")
	f.StringVar(&o.example, "example", filepath.Join("examples", "acme"), "folder of the example platform")
	f.BoolVar(&o.once, "once", truthy(env("CI")) || truthy(env("ONCE")), "end after the last step; also with CI=true or ONCE=1 in the environment")
	f.BoolVar(&o.full, "full", truthy(env("FULL")), "with the engines of data platforms, such as Spark; also with FULL=1 in the environment")
	f.StringVar(&o.engines, "engines", ".cache", "folder of these engines")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	if f.NArg() > 0 {
		err := fmt.Errorf("unexpected argument %q", f.Arg(0))
		_, writeErr := fmt.Fprintln(stderr, err)
		return o, errors.Join(err, writeErr)
	}
	engines, err := filepath.Abs(o.engines) // pods have other working directories
	if err != nil {
		return o, fmt.Errorf("--engines: %w", err)
	}
	o.engines = engines
	return o, nil
}

// truthy reads a switch of the environment: anything but nothing, 0 and false is on.
func truthy(s string) bool {
	on, err := strconv.ParseBool(s)
	return s != "" && (on || err != nil)
}

// check finds what is missing before anything is started.
func (o options) check() error {
	for _, program := range []string{o.trunkline(), o.devcluster()} {
		if info, err := os.Stat(program); err != nil || info.IsDir() { //nolint:gosec // the user says where they are
			return fmt.Errorf("the program %s is not there: \"make demo\" in the repository's root builds it", program)
		}
	}
	if _, err := os.Stat(filepath.Join(o.example, "trunkline.yaml")); err != nil {
		return fmt.Errorf("%s holds no example platform: run \"make demo\" in the repository's root, or say --example FOLDER", o.example)
	}
	if _, err := exec.LookPath("git"); err != nil {
		return errors.New("git is needed and not found: please install it")
	}
	if o.full {
		return o.checkEngines()
	}
	return nil
}

// length is how many minutes the demo takes, about.
func (o options) length() string {
	if o.full {
		return "five"
	}
	return "two"
}

func (o options) trunkline() string  { return o.bin + string(filepath.Separator) + "trunkline" }
func (o options) devcluster() string { return o.bin + string(filepath.Separator) + "devcluster" }

// terminalWidth returns the columns of a terminal; 0 where there is none.
func terminalWidth(w io.Writer) int {
	f, ok := w.(*os.File)
	if !ok {
		return 0
	}
	columns, _, err := term.GetSize(int(f.Fd()))
	if err != nil {
		return 0
	}
	return columns
}
