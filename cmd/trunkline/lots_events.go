// SPDX-License-Identifier: Apache-2.0

package main

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"time"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/deliver"
	"trunkline.dev/trunkline/flow/report"
)

func newLotsEvents() *cobra.Command {
	v := &lotsView{}
	var output string
	cmd := &cobra.Command{
		Use:   "events",
		Short: "List events of lots that nobody accepted",
		Long: `Events lists the dead letters of an environment: what was to be told of its lots
and runs, and what the target did not accept, or not for three days. They are kept
beside the manifests until they are delivered after all, or dropped.

It also lists what came the other way and was refused: events in which a task of
Airflow says that it has made a lot, which is not so, or not for it to say. These
are kept until a later event makes the lot: correct the task, and clear it in
Airflow.

Exit codes: 0 success; 1 something failed; 2 usage error.`,
		Example: `  trunkline lots events --env prod
  trunkline lots events retry --all --env prod
  trunkline lots events drop 5f0c2e9a41d7b6c8 --env prod`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			print, err := rowsNamed(output, vainTable)
			if err != nil {
				return err
			}
			return v.letters(cmd, func(cat *catalog.Catalog, _ *deliver.Records, letters []deliver.Letter) error {
				claimed, unread := v.claims(cmd.Context(), cat)
				all := []vain{}
				for _, l := range letters {
					all = append(all, vain{Letter: &l})
				}
				for _, c := range claimed.All() {
					all = append(all, vain{Claim: &c})
				}
				return errors.Join(print(cmd.OutOrStdout(), all), unread)
			})
		},
	}
	v.flags(cmd)
	cmd.Flags().StringVarP(&output, "output", "o", "table", "output format: table, json, yaml, csv or tsv")
	cmd.AddCommand(
		newLettersAct("retry", "Send dead letters once more", `Retry has the daemon send dead letters once more, within a minute or two. One that
is not accepted again stays where it is.`, "will be sent once more",
			func(cmd *cobra.Command, r *deliver.Records, l deliver.Letter) error { return r.Again(cmd.Context(), l) }),
		newLettersAct("drop", "Give dead letters up", `Drop deletes dead letters. What they say is told to nobody.`, "is given up",
			func(cmd *cobra.Command, r *deliver.Records, l deliver.Letter) error { return r.Drop(cmd.Context(), l) }),
	)
	return cmd
}

// vain is an event that nobody accepted: a dead letter, or what a task of Airflow claims.
type vain struct {
	*deliver.Letter

	Claim *report.Claim `json:"claim,omitempty"`
}

// vainTable prints events that nobody accepted.
var vainTable = columns[vain]{
	names:  []string{"Event", "Target", "Refused", "What", "Of", "Lot", "Why"},
	fields: []string{"id", "target", "at", "type", "of", "lot", "refused", "again", "claimedBy"},
	row: func(one vain, _ paintFunc) []string {
		if c := one.Claim; c != nil {
			return []string{cell(c.ID), "", c.At.Format(time.RFC3339), cell("claimed by " + c.By()), cell(c.Dataset), cell(lotsOfClaim(*c)), cell(c.Why + "; " + report.ClaimRemedy)}
		}
		l := one.Letter
		why := cell(l.Refused)
		if l.Again {
			why += "; it will be sent once more"
		}
		return []string{cell(l.ID), cell(l.Target), l.At.Format(time.RFC3339), string(l.Fact.Type), cell(letterOf(*l)), l.Fact.Lot.ID(), why}
	},
	values: func(one vain) []string {
		if c := one.Claim; c != nil {
			return []string{c.ID, "", c.At.Format(time.RFC3339), "claimed", c.Dataset, strings.Join(c.Lots, " "), cell(c.Why), "false", c.By()}
		}
		l := one.Letter
		return []string{l.ID, l.Target, l.At.Format(time.RFC3339), string(l.Fact.Type), letterOf(*l), l.Fact.Lot.ID(), l.Refused, fmt.Sprint(l.Again), ""}
	},
	none: "no dead letters, and no claims that were refused",
}

// lotsOfClaim names the lots of a claim, as far as there is room.
func lotsOfClaim(c report.Claim) string {
	if len(c.Lots) > 1 {
		return fmt.Sprintf("%s and %d more", c.Lots[0], len(c.Lots)-1)
	}
	return strings.Join(c.Lots, "")
}

func letterOf(l deliver.Letter) string {
	if l.Fact.OfRun() {
		return l.Fact.Workload
	}
	return l.Fact.Dataset
}

// newLettersAct is a command that does something with dead letters.
func newLettersAct(verb, short, long, done string, do func(*cobra.Command, *deliver.Records, deliver.Letter) error) *cobra.Command {
	v := &lotsView{}
	var all bool
	cmd := &cobra.Command{
		Use:     verb + " (EVENT... | --all)",
		Short:   short,
		Long:    long + "\n\nEvents are named as \"trunkline lots events\" lists them, or by the beginning of their ids.\n\nExit codes: 0 success; 1 something failed; 2 usage error.",
		Example: "  trunkline lots events " + verb + " 5f0c2e9a41d7b6c8 --env prod",
		Args: func(_ *cobra.Command, args []string) error {
			if all == (len(args) > 0) {
				return usagef("name events, or --all")
			}
			return nil
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			return v.letters(cmd, func(_ *catalog.Catalog, r *deliver.Records, letters []deliver.Letter) error {
				chosen, err := chooseLetters(letters, args)
				if err != nil {
					return err
				}
				for _, l := range chosen {
					if err := do(cmd, r, l); err != nil {
						return err
					}
					if err := println(cmd.OutOrStdout(), plain(l.Target+": "+l.ID+" "+done)); err != nil {
						return err
					}
				}
				return nil
			})
		},
	}
	v.flags(cmd)
	cmd.Flags().BoolVar(&all, "all", false, "all that there are")
	return cmd
}

// chooseLetters finds dead letters by the beginnings of their ids; of none: all. An event that two targets did not accept is two.
func chooseLetters(letters []deliver.Letter, ids []string) (chosen []deliver.Letter, err error) {
	if len(ids) == 0 {
		return letters, nil
	}
	for _, id := range ids {
		if strings.Contains(id, "/") {
			return nil, usagef("%q is no dead letter, but what a task of Airflow claims: it goes once a later event makes the lot; %s", id, report.ClaimRemedy)
		}
		var of []string
		for _, l := range letters {
			if strings.HasPrefix(l.ID, id) {
				chosen, of = append(chosen, l), append(of, l.ID)
			}
		}
		switch of = slices.Compact(slices.Sorted(slices.Values(of))); {
		case len(of) == 0:
			return nil, fmt.Errorf("there is no dead letter %q: \"trunkline lots events\" lists them", id)
		case len(of) > 1:
			return nil, usagef("%q begins the ids of several: %s", id, strings.Join(of, ", "))
		}
	}
	return chosen, nil
}

// letters does something with the dead letters of an environment. If some cannot be read, it is done with the others all the same.
func (v *lotsView) letters(cmd *cobra.Command, do func(*catalog.Catalog, *deliver.Records, []deliver.Letter) error) (err error) {
	cat, err := v.load(cmd)
	if err != nil {
		return err
	}
	address, ok := cat.Records(v.env)
	if !ok {
		return fmt.Errorf("the environment %q keeps no records of lots: spec.lots.manifests says where manifests are, and they are beside these", v.env)
	}
	records, err := deliver.OpenRecords(cmd.Context(), address, bucket.Options{Endpoint: v.endpoint})
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, records.Close()) }()
	letters, unread := records.Letters(cmd.Context())
	return errors.Join(do(cat, records, letters), unread)
}
