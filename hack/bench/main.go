// SPDX-License-Identifier: Apache-2.0

// Command bench measures the loop from a push to what runs, with everything real: the daemon's own program, Git
// repositories on disk, and Kubernetes API servers of bin/devcluster whose pods are played. It prints one table
// in Markdown. Beside each figure stands the limit that the same run measured, such as the same objects
// applied with nothing around; it checks nothing, and fails only when something does not happen at all.
//
// Whatever way it ends, the processes that it started and its folder are gone afterwards.
//
// Of Trunkline it may import api, blueprints, catalog, console/client, test/clustertest, test/stage, reconciler/status, render and webhooks/github/githubtest.
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
	"slices"
	"strconv"
	"strings"
	"syscall"
	"time"
)

// Exit codes; an interrupted program ends with 128 + the number of the signal.
const (
	exitFailed      = 1
	exitUsage       = 2
	exitInterrupted = 130
)

// options are what the benchmark is told.
type options struct {
	trunkline string // the daemon's program
	// sizes are the numbers of apps that are rolled out, ascending.
	sizes []int
	// large is the number of apps that are rendered only; 0 leaves that part out.
	large int
	// spread is the number of apps on each of several clusters.
	spread int
	// pullSizes are the numbers of apps among which a pull request changes one, ascending, and pulls how many pull requests are
	// pushed to at once, at the size in the middle; 0: none.
	pullSizes []int
	pulls     int
	// repeat is how often what is small is measured.
	repeat int
	// quiet is how long requests are counted while nothing happens.
	quiet time.Duration
	// engineTime is how long each engine renders.
	engineTime time.Duration
	// limit bounds the whole.
	limit time.Duration
	// edits has edited objects measured, and environment is YAML for the spec of the environment that asks for it.
	edits       bool
	environment string
	// parts are those that are run.
	parts []string
	// profile is the folder for profiles of a roll-out; empty for none.
	profile string
}

// The parts of the table, in their order.
const (
	partScale   = "scale"
	partLarge   = "large"
	partSpread  = "spread"
	partPulls   = "pulls"
	partEngines = "engines"
)

var allParts = []string{partScale, partLarge, partSpread, partPulls, partEngines}

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM, syscall.SIGHUP)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

func run(ctx context.Context, args []string, stdout, stderr io.Writer) int {
	opts, err := parse(args, stderr)
	if errors.Is(err, flag.ErrHelp) {
		return 0
	}
	if err != nil {
		return exitUsage // it has been said why
	}
	if err := opts.check(); err != nil {
		say(stderr, "bench: "+err.Error())
		return exitUsage
	}
	bounded, cancel := context.WithTimeoutCause(ctx, opts.limit, fmt.Errorf("the benchmark is not done after %s: give it more with -limit, or less to do with -sizes", opts.limit))
	defer cancel()
	s := &sheet{}
	err = measure(bounded, opts, s, stderr)
	// What was measured before an error is worth having.
	if _, writeErr := io.WriteString(stdout, s.markdown()); writeErr != nil {
		err = errors.Join(err, writeErr)
	}
	switch {
	case err == nil:
		return 0
	case ctx.Err() != nil:
		say(stderr, "bench: interrupted; nothing is left behind")
		return exitInterrupted
	default:
		say(stderr, "bench: the table is incomplete: "+err.Error())
		return exitFailed
	}
}

// say prints a line for whoever watches. That it cannot be printed is no reason to end.
func say(w io.Writer, text string) { _, _ = fmt.Fprintln(w, text) }

func parse(args []string, stderr io.Writer) (options, error) {
	var o options
	sizes, pullSizes, parts := "", "", ""
	f := flag.NewFlagSet("bench", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.StringVar(&o.trunkline, "trunkline", "bin/trunkline", "the program to measure")
	f.StringVar(&sizes, "sizes", "200,1000", "numbers of apps to roll out; each is compared with the first")
	f.IntVar(&o.large, "large", 10000, "number of apps of which one changes, rendered and not applied")
	f.IntVar(&o.spread, "spread", 50, "number of apps on each of the clusters beside one that hangs")
	f.StringVar(&pullSizes, "pull-sizes", "200,1000,10000", "numbers of apps among which a pull request changes one; each is compared with the first")
	f.IntVar(&o.pulls, "pulls", 50, "number of pull requests that are pushed to at once, at the middle one of -pull-sizes; 0 leaves that out")
	f.IntVar(&o.repeat, "repeat", 30, "how often a change, a deletion and an edit are measured")
	f.DurationVar(&o.quiet, "quiet", 30*time.Second, "how long to count requests while nothing happens")
	f.DurationVar(&o.engineTime, "engine-time", 3*time.Second, "how long to render with each engine")
	f.DurationVar(&o.limit, "limit", 10*time.Minute, "end with an error after this long")
	f.BoolVar(&o.edits, "edits", false, "measure also how fast edited fields come back, for a daemon that corrects them at once")
	f.StringVar(&o.environment, "environment-spec", "", "YAML in one line to add to the spec of the environment, such as what has edits corrected: \"key: value\"")
	f.StringVar(&parts, "only", strings.Join(allParts, ","), "parts of the table to run")
	f.StringVar(&o.profile, "profile", "", "folder for CPU and heap profiles of daemons, of one more roll-out and of one more round of changes that are not in the table")
	if err := f.Parse(args); err != nil {
		return o, err
	}
	err := o.read(f.Args(), sizes, pullSizes, parts)
	if err != nil {
		say(stderr, "bench: "+err.Error())
	}
	return o, err
}

// maxApps bounds every number of apps: more than this is a typing error.
const maxApps = 100_000

// maxPulls bounds pull requests: what GitHub lets one App create in an hour is 500 things.
const maxPulls = 200

// read parses what the flag package cannot.
func (o *options) read(rest []string, sizes, pullSizes, parts string) (err error) {
	if len(rest) > 0 {
		return fmt.Errorf("unexpected argument %q", rest[0])
	}
	if o.sizes, err = readSizes("-sizes", sizes); err != nil {
		return err
	}
	if o.pullSizes, err = readSizes("-pull-sizes", pullSizes); err != nil {
		return err
	}
	for p := range strings.SplitSeq(parts, ",") {
		if !slices.Contains(allParts, p) {
			return fmt.Errorf("-only: %q is not one of %s", p, strings.Join(allParts, ", "))
		}
		o.parts = append(o.parts, p)
	}
	if o.large < 0 || o.large > maxApps || o.spread < 1 || o.spread > maxApps {
		return fmt.Errorf("-large and -spread are at most %d, and -spread at least 1", maxApps)
	}
	if o.pulls < 0 || o.pulls > maxPulls {
		return fmt.Errorf("-pulls is a number from 0 to %d", maxPulls)
	}
	if o.repeat < 1 || o.repeat > 1000 {
		return errors.New("-repeat is a number from 1 to 1000")
	}
	if o.quiet < time.Second || o.engineTime <= 0 || o.limit <= 0 {
		return errors.New("-quiet is at least 1s, -engine-time and -limit are more than nothing")
	}
	return nil
}

// readSizes reads numbers of apps, and returns them ascending, each once.
func readSizes(flag, text string) (sizes []int, err error) {
	for s := range strings.SplitSeq(text, ",") {
		n, err := strconv.Atoi(strings.TrimSpace(s))
		if err != nil || n < 1 || n > maxApps {
			return nil, fmt.Errorf("%s: %q is not a number from 1 to %d", flag, s, maxApps)
		}
		sizes = append(sizes, n)
	}
	slices.Sort(sizes)
	return slices.Compact(sizes), nil
}

// check finds what is missing before anything is started.
func (o options) check() error {
	if info, err := os.Stat(o.trunkline); err != nil || info.IsDir() {
		return fmt.Errorf("the program %s is not there: \"make bench\" in the repository's root builds it", o.trunkline)
	}
	if _, err := exec.LookPath("git"); err != nil {
		return errors.New("git is needed and not found: please install it")
	}
	return nil
}
