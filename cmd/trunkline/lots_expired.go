// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"slices"
	"strconv"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/flow/plan"
)

// expiredLots are the lots of a dataset that are older than its retention, and there.
type expiredLots struct {
	Dataset string `json:"dataset"`
	Lots    int    `json:"lots"`
	First   string `json:"first"`
	Last    string `json:"last"`
	// Next counts those that go first, and Stay those that something is in the way of; Why says what, of the first of them.
	Next int    `json:"next"`
	Stay int    `json:"stay"`
	Why  string `json:"why,omitempty"`
}

func newLotsExpired() *cobra.Command {
	v := &lotsView{}
	var output string
	cmd := &cobra.Command{
		Use:   "expired",
		Short: "Count the lots that are older than the retention of their datasets",
		Long: `Expired counts the lots that are there, and are not to be kept any more: how many
there are of each dataset, how many of them are removed next, and what is in the way
of the others. It changes nothing, also where the environment removes such lots: use
it before spec.lots.retention.enforce of an environment is set. Runs that are under
way are not known to it; the daemon waits for them.

Exit codes: 0 success; 1 something failed, such as a store that does not answer:
what is known is printed all the same; 2 usage error.`,
		Example: `  trunkline lots expired --env prod
  trunkline lots expired --env prod -o csv`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			v.now = time.Now()
			return v.expired(cmd, output)
		},
	}
	v.flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "output format: table, json, yaml, csv or tsv")
	return cmd
}

// expiredTable prints what would be removed.
var expiredTable = columns[expiredLots]{
	names:  []string{"Dataset", "Lots", "First", "Last", "Next", "Stay", "Why"},
	fields: []string{"dataset", "lots", "first", "last", "next", "stay", "why"},
	row:    func(e expiredLots, _ paintFunc) []string { return e.cells() },
	values: expiredLots.cells,
	none:   "no lot is older than its dataset is kept",
}

func (e expiredLots) cells() []string {
	return []string{cell(e.Dataset), strconv.Itoa(e.Lots), e.First, e.Last, strconv.Itoa(e.Next), strconv.Itoa(e.Stay), cell(e.Why)}
}

// expired counts what is not to be kept any more.
func (v *lotsView) expired(cmd *cobra.Command, output string) error {
	print, _, cat, err := prepare(v, cmd, output, expiredTable)
	if err != nil {
		return err
	}
	s, failed := v.open(cmd, cat, nil)
	retain := plan.RetainOf(cat, v.env)
	would := retain
	would.Enforce = true
	note := fmt.Sprintf("note: %s removes no more than %d lots in 24 hours, the oldest first", v.env, retain.PerDay)
	if !retain.Enforce {
		note = fmt.Sprintf("note: nothing is removed: spec.lots.retention.enforce of %s is not set; if it were, no more than %d lots in 24 hours", v.env, retain.PerDay)
	}
	all := countExpired(s.Planner.Expired(would), s.Planner.Remove(would))
	return errors.Join(print(cmd.OutOrStdout(), all), println(cmd.ErrOrStderr(), note), failed)
}

// countExpired counts lots by their datasets, in the order of their ids.
func countExpired(all, now []plan.Expired) []expiredLots {
	out := []expiredLots{}
	of := func(id string) *expiredLots {
		i := slices.IndexFunc(out, func(e expiredLots) bool { return e.Dataset == id })
		if i < 0 {
			i, out = len(out), append(out, expiredLots{Dataset: id})
		}
		return &out[i]
	}
	for _, e := range all {
		d := of(e.Series)
		if d.Lots == 0 {
			d.First = e.Lot.ID()
		}
		d.Lots++
		d.Last = e.Lot.ID()
		if e.Stays == "" {
			continue
		}
		if d.Stay == 0 {
			d.Why = e.Stays
		}
		d.Stay++
	}
	for _, e := range now {
		of(e.Series).Next++
	}
	slices.SortFunc(out, func(a, b expiredLots) int { return strings.Compare(a.Dataset, b.Dataset) })
	return out
}
