// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"io"
	"slices"
	"time"

	"github.com/jedib0t/go-pretty/v6/text"
	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/report"
	"trunkline.dev/trunkline/flow/store"
)

func newLotsShow() *cobra.Command {
	v := &lotsView{}
	var output string
	var log wantsLog
	cmd := &cobra.Command{
		Use:   "show PROJECT/DATASET[@VERSION] LOT",
		Short: "Show all that is known of one lot",
		Long: `Show tells all that is known of one lot of a dataset: what its manifests say, why
it is there or is not, which lots it is made of, and which lots are made of it.
A manifest is read and held to the rules here: one that is damaged, or lists what
is not in the place of its dataset, does not count, and it is said why. It tells how
often it failed, and shows the end of the log of the last run of which one is kept.
With --server it asks a running daemon instead, which knows its runs, and has the
log of one that is under way. A daemon shows logs to people with a name, which your
token has, or else it is that of your account on this machine.

Exit codes: 0 the lot is there; 1 it is not, or something failed; 2 usage error.`,
		Example: `  trunkline lots show orders/clean 20260101PT1H005 --env prod
  trunkline lots show orders/clean 20260101PT1H005 --env prod --log \
    --server http://127.0.0.1:8080`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 2 {
				return usagef("name a dataset and a lot: trunkline lots show PROJECT/DATASET LOT")
			}
			if _, err := lot.ParseID(args[1]); err != nil {
				return &usageError{err}
			}
			return datasetArg(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			v.now = time.Now()
			if v.asksDaemon() {
				return v.keptLot(cmd, args[0], args[1], output, &log)
			}
			return v.show(cmd, args[0], args[1], output, &log)
		},
	}
	v.flags(cmd)
	v.remoteFlags(cmd)
	log.flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "output format: table, json or yaml")
	return cmd
}

// shownLot is all that is known of a lot.
type shownLot struct {
	Dataset     string `json:"dataset"`
	Environment string `json:"environment"`
	report.Lot
	End       time.Time       `json:"end"`
	Manifests []shownManifest `json:"manifests"`
	// Failures are the attempts that are known to have failed.
	Failures []lotFailure `json:"failures"`
	// MadeBy is the workload that makes it, of the lots MadeOf; UsedBy are the lots that are made of it.
	MadeBy string      `json:"madeBy,omitempty"`
	MadeOf []linkedLot `json:"madeOf"`
	UsedBy []linkedLot `json:"usedBy"`
	shownLog
	// whole is set if all of the log is shown.
	whole bool
}

// shownManifest is one manifest of a lot.
type shownManifest struct {
	Path    string    `json:"path"`
	Written time.Time `json:"written"`
	State   string    `json:"state"`
	Attempt string    `json:"attempt,omitempty"`
	Comment string    `json:"comment,omitempty"`
	URIs    []string  `json:"uris"`
	// Damaged is why it does not count.
	Damaged string `json:"damaged,omitempty"`
}

// linkedLot is a lot that another is made of, or made for.
type linkedLot struct {
	// Of is the dataset, or the workload that makes it, and Role the name by which it is read.
	Of     string `json:"of"`
	Role   string `json:"role,omitempty"`
	Lot    string `json:"lot"`
	Status string `json:"status"`
}

func (v *lotsView) show(cmd *cobra.Command, name, lotID, output string, log *wantsLog) error {
	print, err := formatNamed(output, printShown)
	if err != nil {
		return err
	}
	cat, err := v.load(cmd)
	if err != nil {
		return err
	}
	id, err := v.dataset(cat, name)
	if err != nil {
		return err
	}
	l, err := lot.ParseID(lotID)
	if err != nil {
		return &usageError{err}
	}
	s, err := v.open(cmd, cat, nil)
	if err != nil {
		return err
	}
	if series, _ := s.Graph.Series(id); series.Unit != l.Unit {
		return usagef("%s is no lot of %s, whose lots are %s: the one that holds its start is %s", l, id, series.Unit, series.Unit.At(l.Start))
	}
	shown := s.shown(id, l)
	if shown.Manifests, err = v.manifests(cmd, cat, id, l); err != nil {
		return err
	}
	kept, text := v.stored(cmd.Context(), cat, shown.MadeBy, l, log)
	shown.Failures, shown.shownLog, shown.whole = failuresOf(shown.Manifests, kept), text, log.whole
	if err := print(cmd.OutOrStdout(), shown); err != nil {
		return err
	}
	damaged := slices.ContainsFunc(shown.Manifests, func(m shownManifest) bool {
		return m.Damaged != "" && manifest.State(m.State).Counts()
	})
	if !s.Planner.Mark(id, l).State.There() || damaged {
		return errFindings
	}
	return nil
}

// shown gathers what is known of a lot without its manifests.
func (s *seen) shown(id string, l lot.Lot) shownLot {
	out := shownLot{Dataset: id, Environment: s.env, Lot: s.Lot(id, l), End: l.End(), MadeBy: s.Graph.Producer(id), MadeOf: []linkedLot{}, UsedBy: []linkedLot{}}
	arc, _ := s.Graph.Arc(out.MadeBy)
	inputs := s.Graph.Inputs(out.MadeBy, l)
	for _, r := range arc.Reads {
		for _, in := range inputs[r.Role] {
			out.MadeOf = append(out.MadeOf, linkedLot{r.Series, r.Role, in.ID(), string(s.Planner.Why(r.Series, in).Status)})
		}
	}
	for _, made := range s.Graph.Dependents(id, l) {
		out.UsedBy = append(out.UsedBy, linkedLot{Of: made.Arc, Lot: made.ID(), Status: string(s.Planner.Why(made.Arc, made.Lot).Status)})
	}
	return out
}

// manifests reads the manifests of a lot.
func (v *lotsView) manifests(cmd *cobra.Command, cat *catalog.Catalog, id string, l lot.Lot) (out []shownManifest, err error) {
	location, _ := cat.Manifests(id, v.env, catalog.Reads)
	data, _ := cat.Location(id, v.env, catalog.Reads)
	_, d, _ := cat.Dataset(id)
	s, err := store.Open(cmd.Context(), location, bucket.Options{Endpoint: v.endpoint})
	if err != nil {
		return nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	out = []shownManifest{}
	for e, err := range s.List(cmd.Context(), store.Of{Dataset: manifest.Dataset{Name: d.Name, Version: d.Version}, Lot: l}) {
		if err != nil {
			return nil, err
		}
		one := shownManifest{Path: s.Location() + e.Path, Written: e.Written.UTC(), State: string(e.Key.State), Attempt: e.Key.Attempt, URIs: []string{}}
		if e.Stray != nil {
			one.Damaged = e.Stray.Error()
			out = append(out, one)
			continue
		}
		m, err := s.Read(cmd.Context(), e.Key, data)
		if bad, ok := errors.AsType[*store.DamagedError](err); ok {
			one.Damaged = bad.Why.Error()
		} else if err != nil {
			return nil, err
		}
		if m.Comment != nil {
			one.Comment = *m.Comment
		}
		if m.URIs != nil {
			one.URIs = m.URIs
		}
		out = append(out, one)
	}
	return out, nil
}

// maxShown is how many URIs and lots are listed for people.
const maxShown = 20

// printShown prints a lot for people.
func printShown(w io.Writer, s shownLot) error {
	width := width(w)
	paint := painter(width > 0)
	lines := []string{
		fmt.Sprintf("%s %s in %s", cell(s.Dataset), s.Lot.Lot, cell(s.Environment)),
		fmt.Sprintf("%s to %s", s.Start.Format(time.RFC3339), s.End.Format(time.RFC3339)),
		fitting(width)(0, s.Why),
	}
	for _, m := range s.Manifests {
		state := paint(text.FgGreen, m.State)
		if m.Damaged != "" {
			state = paint(text.FgRed, "does not count")
		}
		lines = append(lines, "", fmt.Sprintf("%s, written %s", state, m.Written.Format(time.RFC3339)), indent(cell(m.Path)))
		for _, more := range []string{m.Damaged, m.Comment} {
			if more != "" {
				lines = append(lines, indent(fitting(width)(2, more)))
			}
		}
		for i, uri := range m.URIs {
			if i == maxShown {
				lines = append(lines, fmt.Sprintf("  and %d more", len(m.URIs)-i))
				break
			}
			lines = append(lines, indent(cell(uri)))
		}
	}
	lines = append(lines, claimLines(s.Refused, width)...)
	lines = append(lines, links("made by "+cell(s.MadeBy)+" of", s.MadeOf)...)
	lines = append(lines, links("used for", s.UsedBy)...)
	lines = append(lines, failureLines(s.Failures, width)...)
	lines = append(lines, s.lines(s.whole)...)
	for _, line := range lines {
		if err := println(w, line); err != nil {
			return err
		}
	}
	return nil
}

// claimLines say what tasks of Airflow say in vain of a lot, and what to do.
func claimLines(all []report.Claim, width int) (lines []string) {
	if len(all) == 0 {
		return nil
	}
	lines = []string{"", "what tasks of Airflow say, and does not count"}
	for _, c := range all {
		lines = append(lines, fmt.Sprintf("  %s  %s, run %s, refused %s", cell(c.ID), cell(c.By()), cell(c.Run), c.At.UTC().Format(time.RFC3339)), "    "+fitting(width)(4, c.Why))
	}
	return append(lines, indent(report.ClaimRemedy))
}

// links lists lots that another is made of or for.
func links(what string, all []linkedLot) (lines []string) {
	if len(all) == 0 {
		return nil
	}
	lines = []string{"", what}
	for i, l := range all {
		if i == maxShown {
			return append(lines, fmt.Sprintf("  and %d more", len(all)-i))
		}
		line := fmt.Sprintf("  %s %s  %s", cell(l.Of), l.Lot, l.Status)
		if l.Role != "" {
			line += "  (" + cell(l.Role) + ")"
		}
		lines = append(lines, line)
	}
	return lines
}
