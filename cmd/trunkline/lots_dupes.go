// SPDX-License-Identifier: Apache-2.0

package main

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"sync"
	"time"

	"github.com/spf13/cobra"
	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/catalog"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/report"
	"trunkline.dev/trunkline/flow/store"
)

func newLotsDupes() *cobra.Command {
	v := &lotsView{}
	var output string
	cmd := &cobra.Command{
		Use:   "dupes PROJECT/DATASET[@VERSION]",
		Short: "Find data of a dataset that are counted more than once",
		Long: `Dupes reads the manifests of a dataset, and finds what more than one lot lists: the
same object, or one that lies in a folder which another lot lists. A lot that is
said to be complete and empty is found too. It changes nothing.

Manifests that are damaged do not count, and are named.

Exit codes: 0 nothing is counted twice; 1 something is, or something failed;
2 usage error.`,
		Example: `  trunkline lots dupes orders/clean --env prod --earliest 30d`,
		Args: func(cmd *cobra.Command, args []string) error {
			if len(args) != 1 {
				return usagef("name one dataset: trunkline lots dupes PROJECT/DATASET")
			}
			return datasetArg(cmd, args)
		},
		RunE: func(cmd *cobra.Command, args []string) error {
			v.now = time.Now()
			return v.dupes(cmd, args[0], output)
		},
	}
	v.flags(cmd)
	v.rangeFlags(cmd, "(default the first that there is)")
	cmd.Flags().StringVarP(&output, "output", "o", "table", "output format: table, json, yaml, csv or tsv")
	return cmd
}

// dupeTable prints what is counted more than once.
var dupeTable = columns[report.Dupe]{
	names:  []string{"Lots", "What"},
	fields: []string{"dataset", "uri", "lots"},
	row: func(d report.Dupe, _ paintFunc) []string {
		what := "it is said to be complete and empty"
		if d.URI != "" {
			what = cell(d.URI)
		}
		return []string{strings.Join(d.Lots, " "), what}
	},
	values: func(d report.Dupe) []string { return []string{d.Dataset, d.URI, strings.Join(d.Lots, " ")} },
	none:   "nothing is counted twice",
}

func (v *lotsView) dupes(cmd *cobra.Command, name, output string) error {
	print, r, cat, err := prepare(v, cmd, output, dupeTable)
	if err != nil {
		return err
	}
	id, err := v.dataset(cat, name)
	if err != nil {
		return err
	}
	listed, damaged, err := v.listed(cmd, cat, id, r)
	if err != nil {
		return err
	}
	for _, d := range damaged {
		if err := println(cmd.ErrOrStderr(), "warning: "+plain(d.Error())); err != nil {
			return err
		}
	}
	found := report.Dupes(id, listed)
	if err := print(cmd.OutOrStdout(), found); err != nil {
		return err
	}
	if len(found) > 0 {
		return errFindings
	}
	return nil
}

// readAtOnce bounds how many manifests are read at a time.
const readAtOnce = 16

// listed reads the manifests of a dataset that count, and says which are damaged.
func (v *lotsView) listed(cmd *cobra.Command, cat *catalog.Catalog, id string, r report.Range) (all []report.Listed, damaged []error, err error) {
	p := showProgress(cmd, "Reading manifests")
	defer p.end()
	location, _ := cat.Manifests(id, v.env, catalog.Reads)
	data, _ := cat.Location(id, v.env, catalog.Reads)
	_, d, _ := cat.Dataset(id)
	s, err := store.Open(cmd.Context(), location, bucket.Options{Endpoint: v.endpoint})
	if err != nil {
		return nil, nil, err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	group, ctx := errgroup.WithContext(cmd.Context())
	group.SetLimit(readAtOnce)
	var mu sync.Mutex
	read := func(ctx context.Context, key manifest.Key) error {
		m, err := s.Read(ctx, key, data)
		bad, is := errors.AsType[*store.DamagedError](err)
		if err != nil && !is {
			return err
		}
		mu.Lock()
		defer mu.Unlock()
		if is {
			damaged = append(damaged, bad)
		} else {
			all = append(all, report.Listed{Lot: key.Lot, Manifest: m})
		}
		return nil
	}
	for e, err := range s.List(ctx, store.Of{Dataset: manifest.Dataset{Name: d.Name, Version: d.Version}}) {
		if err != nil {
			return nil, nil, errors.Join(fmt.Errorf("listing the manifests of %s: %w", id, err), group.Wait())
		}
		if e.Stray != nil || !e.Key.State.Counts() || e.Key.Lot.Start.Before(r.From) || !r.Until.IsZero() && !e.Key.Lot.Start.Before(r.Until) {
			continue
		}
		group.Go(func() error { return read(ctx, e.Key) })
	}
	err = group.Wait()
	return all, damaged, err
}
