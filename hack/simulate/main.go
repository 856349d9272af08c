// SPDX-License-Identifier: Apache-2.0

// Command simulate says how a platform would do that is larger than a machine to measure it on: a model of replicas and API servers on a
// clock of its own, with what was measured for each piece of work, and with the daemon's own state machine for each release. What it prints
// is what the model says, and no measurement.
//
// Of Trunkline it may import api, catalog, plan and render.
package main

import (
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"strings"
	"time"

	"trunkline.dev/trunkline/api/number"
)

func main() {
	if err := run(os.Args[1:], os.Stdout, os.Stderr); err != nil {
		if !errors.Is(err, flag.ErrHelp) {
			fmt.Fprintln(os.Stderr, "simulate:", err)
		}
		os.Exit(1)
	}
}

func run(args []string, stdout, stderr io.Writer) error {
	o := options{costs: measured()}
	f := flag.NewFlagSet("simulate", flag.ContinueOnError)
	f.SetOutput(stderr)
	f.IntVar(&o.Clusters, "clusters", 100, "how many clusters there are")
	f.IntVar(&o.Releases, "releases", 500, "how many releases each cluster has")
	f.IntVar(&o.Tracks, "tracks", 20, "how many tracks these are of")
	f.IntVar(&o.Replicas, "replicas", 3, "how many replicas share them")
	f.IntVar(&o.Cores, "cores", o.Cores, "cores of a replica")
	f.IntVar(&o.ServerCores, "server-cores", o.ServerCores, "cores of an API server")
	f.DurationVar(&o.Latency, "latency", o.Latency, "there and back between a replica and a cluster")
	limits := f.Bool("limits", true, "also look for where it breaks, and what would move that")
	if err := f.Parse(args); err != nil {
		return err
	}
	if f.NArg() > 0 || min(o.Clusters, o.Releases, o.Tracks, o.Replicas, o.Cores, o.ServerCores) < 1 || o.all() < o.Tracks {
		return errors.New("there is at least one of each, and a release for each track")
	}
	if err := table(stdout, o); err != nil {
		return err
	}
	if *limits {
		return boundaries(stdout, o)
	}
	return nil
}

// table prints what each scenario comes to.
func table(w io.Writer, o options) error {
	all, err := simulate(o, scenarios)
	if err != nil {
		return err
	}
	least, most := o.memory()
	p := printer{w: w}
	p.line("%d clusters × %d releases = %s, of %d tracks; %d replicas of %d cores; API servers of %d cores, %s away", o.Clusters, o.Releases,
		number.Of(o.all()), o.Tracks, o.Replicas, o.Cores, o.ServerCores, o.Latency)
	p.line("")
	p.line("| what changes | releases | push → in the cluster: median, p95, last | APPLY, others | 429 | busiest replica, server | waiting at most |")
	p.line("| --- | --- | --- | --- | --- | --- | --- |")
	for _, s := range all {
		last := brief(s.longst)
		if s.missing > 0 {
			last = fmt.Sprintf("%s, and %s never", last, number.Of(s.missing))
		}
		p.line("| %s | %s | %s, %s, %s | %s, %s | %s | %d %%, %d %% | %s |", s.name, number.Of(s.releases), brief(s.median), brief(s.p95), last,
			number.Of(s.applies), number.Of(s.others), number.Of(s.refused), int(s.busiest*100), int(s.server*100), number.Of(s.queue))
	}
	p.line("")
	p.line("Memory of a replica: %s to %s. Watches: %s of each replica, %s in all.", mebibytes(least), mebibytes(most), number.Of(o.Clusters*o.Kinds), number.Of(o.Replicas*o.Clusters*o.Kinds))
	return p.err
}

// boundaries prints where it breaks, as it is and with what would move that.
func boundaries(w io.Writer, o options) error {
	variants := []struct {
		name   string
		change func(*options)
	}{
		{"as it is", func(*options) {}},
		{"replicas of 8 cores", func(o *options) { o.Cores = 8 }},
		{"10 replicas", func(o *options) { o.Replicas = 10 }},
		{"each replica renders and watches only its own", func(o *options) { o.RenderOwn, o.WatchOwn = true, true }},
		{"twice the tracks", func(o *options) { o.Tracks *= 2 }},
	}
	p := printer{w: w}
	head, rule := "| broken at |", "| --- |"
	for _, v := range variants {
		head, rule = head+" "+v.name+" |", rule+" --- |"
	}
	p.line("")
	p.line("%s", head)
	p.line("%s", rule)
	for _, l := range limits {
		row := []string{l.name}
		for _, v := range variants {
			changed := o
			v.change(&changed)
			at, err := broken(changed, l, o.Releases*maxGrowth)
			if err != nil {
				return err
			}
			row = append(row, at)
		}
		p.line("| %s |", strings.Join(row, " | "))
	}
	return p.err
}

// maxGrowth is how many times the releases of a cluster are looked at.
const maxGrowth = 16

type printer struct {
	w   io.Writer
	err error
}

func (p *printer) line(format string, args ...any) {
	if _, err := fmt.Fprintf(p.w, format+"\n", args...); p.err == nil {
		p.err = err
	}
}

// brief writes a time as people would.
func brief(d time.Duration) string {
	switch {
	case d < time.Second:
		return fmt.Sprintf("%d ms", d.Milliseconds())
	case d < 2*time.Minute:
		return fmt.Sprintf("%.1f s", d.Seconds())
	}
	return fmt.Sprintf("%.1f min", d.Minutes())
}

func mebibytes(n int64) string { return number.Of(int(n>>20)) + " MiB" }
