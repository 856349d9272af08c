// SPDX-License-Identifier: Apache-2.0

package flow

import (
	"context"
	"fmt"
	"time"

	"trunkline.dev/trunkline/flow/acts"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/record"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

// reader lists manifests.
type reader struct{ opts bucket.Options }

// all lists what the stores of an environment have of some datasets; of none: of all.
func (r reader) all(ctx context.Context, d *declared, only []string) survey.Found {
	found, _ := survey.Of(ctx, d.catalog, d.name, only, func(ctx context.Context, location string) (survey.Store, error) { // each store has its error
		return store.Open(ctx, location, r.opts)
	})
	return found
}

// remembered reads what there is to remember in a folder of records: when each replay began, and what people asked for.
func (r reader) remembered(ctx context.Context, records string) (out remembered) {
	out.err = bucket.With(ctx, records, r.opts, func(f bucket.Folder) (err error) {
		if out.begun, err = record.Replays(ctx, f); err != nil {
			return err
		}
		out.written, err = acts.Read(ctx, f)
		return err
	})
	return out
}

// written reads what people asked for, in a folder of records.
func (r reader) written(ctx context.Context, records string) (out acts.Written, err error) {
	err = bucket.With(ctx, records, r.opts, func(f bucket.Folder) error {
		out, err = acts.Read(ctx, f)
		return err
	})
	return out, err
}

// begin writes down that replays of an environment begin, and says when each that ever did began.
func (r reader) begin(ctx context.Context, d *declared, all []plan.Replay) (begun map[string]time.Time, err error) {
	err = bucket.With(ctx, d.records, r.opts, func(f bucket.Folder) error {
		for _, one := range all {
			if err := record.Begin(ctx, f, one); err != nil {
				return err
			}
		}
		begun, err = record.Replays(ctx, f)
		return err
	})
	return begun, err
}

// one lists what there is of a lot of a dataset.
func (r reader) one(ctx context.Context, location string, of store.Of) (entries []store.Entry, err error) {
	err = r.list(ctx, location, of, func(e store.Entry) { entries = append(entries, e) })
	return entries, err
}

// read reads a manifest of a dataset whose data are in a location.
func (r reader) read(ctx context.Context, location string, key manifest.Key, data string) (m manifest.Manifest, err error) {
	err = store.With(ctx, location, r.opts, func(s *store.Store) error {
		m, err = s.Read(ctx, key, data)
		return err
	})
	return m, err
}

func (r reader) list(ctx context.Context, location string, of store.Of, take func(store.Entry)) error {
	return store.With(ctx, location, r.opts, func(s *store.Store) error {
		for e, err := range s.List(ctx, of) {
			if err != nil {
				return fmt.Errorf("listing manifests: %w", err)
			}
			take(e)
		}
		return nil
	})
}
