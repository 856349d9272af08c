// SPDX-License-Identifier: Apache-2.0

// Command mutants breaks the code on purpose, one line at a time, and reports which of these mutants the tests do not
// notice. A mutant that survives is an invariant that no test holds.
//
// mutants.yaml beside it lists them; CONTRIBUTING.md has the invariant that each one breaks. The sources are never
// touched: the compiler is given another file in their place (go test -overlay).
//
// It imports nothing of Trunkline.
package main

import (
	"context"
	"flag"
	"fmt"
	"io"
	"os"
	"os/signal"
	"path/filepath"
	"regexp"
	"runtime"
	"sync"
	"syscall"
	"time"
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	code := run(ctx, os.Args[1:], os.Stdout, os.Stderr)
	stop()
	os.Exit(code)
}

// The exit codes.
const (
	exitKilled   = 0 // every mutant was noticed
	exitSurvived = 1
	exitUnusable = 2 // a mutant does not apply or compile, or the command was called wrongly
)

func run(ctx context.Context, args []string, out, errs io.Writer) int {
	flags := flag.NewFlagSet("mutants", flag.ContinueOnError)
	flags.SetOutput(errs)
	root := flags.String("C", ".", "the root of the repository")
	table := flags.String("table", "hack/mutants/mutants.yaml", "the list of mutants, relative to the root")
	pattern := flags.String("run", ".", "a regular expression: only mutants whose name matches")
	list := flags.Bool("list", false, "list the mutants and run nothing")
	parallel := flags.Int("parallel", max(1, runtime.NumCPU()/2), "how many to try at a time")
	timeout := flags.Duration("timeout", 10*time.Minute, "how long the tests of one mutant may take")
	if flags.Parse(args) != nil {
		return exitUnusable
	}
	name, err := regexp.Compile(*pattern)
	if err != nil {
		fmt.Fprintf(errs, "mutants: reading -run: %v\n", err)
		return exitUnusable
	}
	mutants, err := load(filepath.Join(*root, *table))
	if err != nil {
		fmt.Fprintf(errs, "mutants: %v\n", err)
		return exitUnusable
	}
	mutants = matching(mutants, name)
	if *list {
		for _, m := range mutants {
			fmt.Fprintf(out, "%-32s %s\n", m.Name, m.Breaks)
		}
		return exitKilled
	}
	results := try(ctx, mutants, *parallel, func(ctx context.Context, m mutant) result {
		return runMutant(ctx, *root, m, *timeout)
	}, out)
	return summarise(results, out)
}

func matching(all []mutant, name *regexp.Regexp) []mutant {
	var out []mutant
	for _, m := range all {
		if name.MatchString(m.Name) {
			out = append(out, m)
		}
	}
	return out
}

// try runs the mutants, some at a time, prints each result as it comes, and returns all in the order of the table.
func try(ctx context.Context, mutants []mutant, parallel int, one func(context.Context, mutant) result, out io.Writer) []result {
	results := make([]result, len(mutants))
	places := make(chan struct{}, max(1, parallel))
	var mu sync.Mutex // guards out
	var wg sync.WaitGroup
	for i, m := range mutants {
		wg.Go(func() {
			places <- struct{}{}
			defer func() { <-places }()
			r := result{mutant: m, outcome: unusable, detail: "interrupted"}
			if ctx.Err() == nil {
				r = one(ctx, m)
			}
			results[i] = r
			mu.Lock()
			defer mu.Unlock()
			fmt.Fprintf(out, "%-9s %-32s %s\n", r.outcome, m.Name, m.Breaks)
		})
	}
	wg.Wait()
	return results
}

// summarise prints what went wrong and returns the exit code.
func summarise(results []result, out io.Writer) int {
	code, killed := exitKilled, 0
	for _, r := range results {
		switch r.outcome {
		case dead:
			killed++
		case survived:
			fmt.Fprintf(out, "\n%s survived: no test of %s notices that in %s\n  %s\nbecame\n  %s\n", r.mutant.Name, r.mutant.Test, r.mutant.File, r.mutant.Find, r.mutant.Replace)
			code = max(code, exitSurvived)
		case unusable:
			fmt.Fprintf(out, "\n%s cannot be tried: %s\n", r.mutant.Name, r.detail)
			code = exitUnusable
		}
	}
	fmt.Fprintf(out, "\n%d of %d mutants were killed\n", killed, len(results))
	if len(results) == 0 {
		return exitUnusable // a pattern that matches nothing would pass for a success
	}
	return code
}
