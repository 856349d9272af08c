// SPDX-License-Identifier: Apache-2.0

package command

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"strings"

	"github.com/spf13/cobra"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/store"
)

func newState(p *program) *cobra.Command {
	var manifests, location string
	cmd := &cobra.Command{
		Use:   "state DATASET LOT...",
		Short: "Say what there is of lots, and fail if one is not there",
		Long: fmt.Sprintf(`Looks for the manifests of lots, and prints the id and the state of each. A lot
is there if it is complete or empty; one that is partial, that was removed or of
which there is nothing ("none") is not. A manifest that does not count is said,
and its lot is not there.

It needs no run: DATASET is a name and a version, such as raw@1.

Exit codes: 0 all are there; 1 something failed; 2 usage error; %d a lot is not
there.`, exitAbsent),
		Example: `  lot state --manifests s3://acme-manifests/prod/ --location s3://acme-lake/raw/ \
    raw@1 20260101PT1H000 20260101PT1H001`,
		Args: cobra.MinimumNArgs(2),
		RunE: func(cmd *cobra.Command, args []string) error {
			name, version, ok := strings.Cut(args[0], "@")
			if !ok || manifests == "" || location == "" {
				return &usageError{"a dataset is a name and a version, such as raw@1, and --manifests and --location say where it is"}
			}
			var lots []lot.Lot
			for _, id := range args[1:] {
				l, err := lot.ParseID(id)
				if err != nil {
					return &usageError{err.Error()}
				}
				lots = append(lots, l)
			}
			there := true
			err := store.With(cmd.Context(), manifests, bucket.Options{Endpoint: p.endpoint}, func(s *store.Store) error {
				for _, l := range lots {
					state, err := stateOf(cmd.Context(), s, manifest.Dataset{Name: name, Version: version}, l, location)
					if damaged, ok := errors.AsType[*store.DamagedError](err); ok {
						_, _ = fmt.Fprintln(cmd.ErrOrStderr(), "lot:", damaged)
					} else if err != nil {
						return err
					}
					there = there && state.Counts()
					if _, err := fmt.Fprintln(cmd.OutOrStdout(), l.ID(), cmp.Or(string(state), "none")); err != nil {
						return err
					}
				}
				return nil
			})
			if err == nil && !there {
				return &endedError{code: exitAbsent}
			}
			return err
		},
	}
	cmd.Flags().StringVar(&manifests, "manifests", "", "the store of the manifests, such as s3://acme-manifests/prod/")
	cmd.Flags().StringVar(&location, "location", "", "where the dataset is, such as s3://acme-lake/raw/")
	return cmd
}

// stateOf is what there is of a lot; empty for nothing. What counts is read, and is none if it does not hold what it has to.
func stateOf(ctx context.Context, s *store.Store, d manifest.Dataset, l lot.Lot, location string) (manifest.State, error) {
	var found manifest.State
	for e, err := range s.List(ctx, store.Of{Dataset: d, Lot: l}) {
		switch {
		case err != nil:
			return "", err
		case e.Stray != nil:
		case e.Key.State.Counts():
			if found.Counts() {
				return "", &store.DamagedError{Path: s.Location() + e.Path, Why: errors.New("another one counts, too")}
			}
			if _, err := s.Read(ctx, e.Key, location); err != nil {
				return "", err
			}
			found = e.Key.State
		case found == "" || e.Key.State == manifest.Removed && !found.Counts():
			found = e.Key.State
		}
	}
	return found, nil
}
