// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"fmt"
	"os/user"
	"slices"
	"strings"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/console"
	"trunkline.dev/trunkline/console/client"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/logs"
	"trunkline.dev/trunkline/flow/manifest"
)

// logLines is how many of the last lines of a log are shown, unless all are asked for.
const logLines = 20

// wantsLog says which log of a lot is shown, and how much of it.
type wantsLog struct {
	attempt string
	whole   bool
}

func (w *wantsLog) flags(cmd *cobra.Command) {
	cmd.Flags().BoolVar(&w.whole, "log", false, fmt.Sprintf("show all that there is of the log of a run, and not only its last %d lines", logLines))
	cmd.Flags().StringVar(&w.attempt, "attempt", "", "the attempt whose log is shown (default the last one)")
}

// shownLog is the log of a run of a lot, or why there is none.
type shownLog struct {
	Log   *console.LotLog `json:"log,omitempty"`
	NoLog string          `json:"noLog,omitempty"`
}

// show is a log as far as it is asked for.
func (w *wantsLog) show(log console.LotLog) shownLog {
	log.Text = readable(log.Text)
	if !w.whole {
		lines := strings.SplitAfter(strings.TrimRight(log.Text, "\n")+"\n", "\n")
		log.Text = strings.Join(lines[max(0, len(lines)-1-logLines):], "")
	}
	return shownLog{Log: &log}
}

// readable takes out of a log what a terminal would obey. Of a line that was written over and over, as progress bars are, the last state
// counts.
func readable(log string) string {
	lines := strings.Split(text.StripEscape(log), "\n")
	for i, line := range lines {
		line = strings.TrimRight(line, "\r")
		lines[i] = line[strings.LastIndexByte(line, '\r')+1:]
	}
	return plain(strings.Join(lines, "\n"))
}

// lines are those that show a log.
func (s shownLog) lines(whole bool) (out []string) {
	switch {
	case s.Log == nil && s.NoLog != "":
		return []string{"", "log", indent(cell(s.NoLog))}
	case s.Log == nil:
		return nil
	}
	head := "the log of " + cell(s.Log.Attempt)
	if s.Log.Outcome != "" {
		head += ", which " + map[bool]string{true: cell(s.Log.Outcome), false: "was " + cell(s.Log.Outcome)}[s.Log.Outcome == "failed"]
	}
	if !whole {
		head += fmt.Sprintf("; its last %d lines, --log shows all", logLines)
	}
	out = []string{"", head}
	for line := range strings.Lines(s.Log.Text) {
		out = append(out, "  "+strings.TrimRight(line, "\n"))
	}
	return out
}

// keptLog asks a daemon for the log of a run. That there is none, or that it may not be read, is no error: all else is shown.
func (w *wantsLog) keptLog(ctx context.Context, c *client.Client, environment, id, lotID string) shownLog {
	log, err := c.Log(ctx, environment, id, lotID, w.attempt)
	if err != nil {
		return shownLog{NoLog: refused(err).Error()}
	}
	return w.show(log)
}

// claimed is who asks, unless a token tells: a log is shown to people with a name only.
func claimed() string {
	if u, err := user.Current(); err == nil {
		return u.Username
	}
	return ""
}

// stored finds which logs the store has of a lot, and reads one of them.
func (v *lotsView) stored(ctx context.Context, cat *catalog.Catalog, workload string, l lot.Lot, w *wantsLog) (kept []logs.Kept, shown shownLog) {
	records, ok := cat.Records(v.env)
	if !ok || workload == "" {
		return nil, shown
	}
	err := bucket.With(ctx, records, bucket.Options{Endpoint: v.endpoint}, func(f bucket.Folder) (err error) {
		if kept, err = logs.List(ctx, f, workload, l); err != nil {
			return err
		}
		for _, k := range slices.Backward(kept) {
			if w.attempt != "" && w.attempt != k.Attempt {
				continue
			}
			text, err := logs.Read(ctx, f, k.Run)
			if err == nil {
				shown = w.show(console.LotLog{Attempt: k.Attempt, Outcome: k.Outcome, Kept: true, Text: text})
			}
			return err
		}
		return nil
	})
	switch {
	case err != nil:
		shown = shownLog{NoLog: "the log cannot be read: " + err.Error()}
	case shown.Log == nil && w.attempt != "":
		shown.NoLog = "no log of the attempt " + w.attempt + " is kept"
	}
	return kept, shown
}

// lotFailure is an attempt at a lot that failed.
type lotFailure struct {
	Attempt string    `json:"attempt"`
	At      time.Time `json:"at"`
	Why     string    `json:"why"`
}

// failuresOf are the attempts at a lot that failed, the first one first: those that left something, which a manifest says, and those of which
// only the log is kept.
func failuresOf(manifests []shownManifest, kept []logs.Kept) []lotFailure {
	out, seen := []lotFailure{}, map[string]bool{}
	for _, m := range manifests {
		if m.State == string(manifest.Partial) && m.Attempt != "" {
			seen[m.Attempt] = true
			out = append(out, lotFailure{m.Attempt, m.Written, m.Comment})
		}
	}
	for _, k := range kept {
		if k.Outcome == "failed" && !seen[k.Attempt] {
			seen[k.Attempt] = true
			out = append(out, lotFailure{k.Attempt, k.Written, "it left nothing but its log"})
		}
	}
	slices.SortStableFunc(out, func(a, b lotFailure) int { return a.At.Compare(b.At) })
	return out
}

// failureLines say how often a lot failed, and why.
func failureLines(all []lotFailure, width int) (lines []string) {
	if len(all) == 0 {
		return nil
	}
	times := "once"
	if len(all) > 1 {
		times = fmt.Sprintf("%d times", len(all))
	}
	lines = []string{"", "failed " + times}
	if more := len(all) - maxShown; more > 0 {
		lines = append(lines, fmt.Sprintf("  %d more, and then", more))
		all = all[more:]
	}
	for _, f := range all {
		line := fmt.Sprintf("%s %s", f.At.Format(time.RFC3339), cell(f.Attempt))
		if f.Why != "" {
			line += ": " + f.Why
		}
		lines = append(lines, indent(fitting(width)(2, line)))
	}
	return lines
}
