// SPDX-License-Identifier: Apache-2.0

// Package expire removes lots that are not kept any more: first their manifests, then the data that these listed. Which lots those are
// is decided by flow/plan.
//
// What is removed is written down before, so that what a crash leaves is finished at the next look. Data go only if no manifest of the
// dataset that counts lists them too. Of Trunkline it imports api/lot, flow/bucket, flow/manifest and flow/store.
package expire

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"slices"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/store"
)

// Dataset is where a dataset has its lots.
type Dataset struct {
	// ID is "project/name@version".
	ID string
	manifest.Dataset
	// Manifests is the store of its manifests, Data the location of its data, and Records the folder of what is to be remembered of the
	// environment.
	Manifests, Data, Records string
	// Why is the reason that is written into the manifests of the lots that are removed.
	Why string
}

// Lot is one to remove, if its manifest is still the one with this ETag.
type Lot struct {
	lot.Lot
	ETag string
}

const (
	// folder is where it is written down, in the records of an environment, what is being removed of each dataset.
	folder, ending = "expiring/", ".json"
	// maxRecord bounds such a record in bytes. A lot takes some 300 of them.
	maxRecord = 16 << 20
)

// going is a manifest that is being removed.
type going struct {
	Path    string    `json:"path"`
	Written time.Time `json:"written"`
	ETag    string    `json:"etag"`
}

func (d Dataset) record() string { return folder + d.ID + ending }

// Unfinished lists the datasets of which an earlier removal was not finished, by their ids.
func Unfinished(ctx context.Context, records string, opts bucket.Options) (ids []string, err error) {
	err = bucket.With(ctx, records, opts, func(f bucket.Folder) error {
		for o, err := range f.List(ctx, folder) {
			if bucket.ClassOf(err) == bucket.NoStore {
				return nil
			}
			if err != nil {
				return err
			}
			if id, ok := cutEnding(o.Key); ok {
				ids = append(ids, id)
			}
		}
		return nil
	})
	return ids, err
}

func cutEnding(key string) (id string, ok bool) {
	if len(key) <= len(folder)+len(ending) || key[len(key)-len(ending):] != ending {
		return "", false
	}
	return key[len(folder) : len(key)-len(ending)], true
}

// Remove removes lots of a dataset, after it has finished what an earlier call has left. It returns those whose manifests it has removed
// or may have, also with an error: calling it again goes on. A lot whose manifest is another one by now stays.
func Remove(ctx context.Context, d Dataset, lots []Lot, opts bucket.Options) (removed []lot.Lot, err error) {
	err = bucket.With(ctx, d.Records, opts, func(records bucket.Folder) error {
		return store.With(ctx, d.Manifests, opts, func(s *store.Store) error {
			r := remover{d, records, s, opts}
			if err := r.finish(ctx); err != nil {
				return fmt.Errorf("finishing an earlier removal: %w", err)
			}
			removed, err = r.remove(ctx, lots)
			return err
		})
	})
	if err != nil {
		err = fmt.Errorf("removing lots of %s: %w", d.ID, err)
	}
	return removed, err
}

// remover removes lots of a dataset.
type remover struct {
	Dataset

	records bucket.Folder
	store   *store.Store
	opts    bucket.Options
}

// remove removes lots.
func (r remover) remove(ctx context.Context, lots []Lot) (removed []lot.Lot, err error) {
	var all []store.Entry
	for _, l := range lots {
		e, ok, err := r.counting(ctx, l)
		if err != nil {
			return nil, err
		}
		if ok {
			all = append(all, e)
		}
	}
	if len(all) == 0 {
		return nil, nil
	}
	if err := r.note(ctx, all); err != nil {
		return nil, err
	}
	gone := make([]manifest.Key, len(all))
	group, retiring := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for i, e := range all {
		removed = append(removed, e.Key.Lot)
		group.Go(func() error {
			gone[i] = store.Removal(e)
			return r.store.Retire(retiring, e, r.Data, r.Why)
		})
	}
	if err := group.Wait(); err != nil {
		return removed, err
	}
	if err := r.purge(ctx, gone); err != nil {
		return removed, err
	}
	return removed, r.records.Delete(ctx, r.record())
}

// counting returns the manifest of a lot, if it is the one that is meant and the only one that counts.
func (r remover) counting(ctx context.Context, l Lot) (found store.Entry, ok bool, err error) {
	n := 0
	for e, err := range r.store.List(ctx, store.Of{Dataset: r.Dataset.Dataset, Lot: l.Lot}) {
		if err != nil {
			return found, false, err
		}
		if e.Stray == nil && e.Key.State.Counts() {
			n++
			found = e
		}
	}
	return found, n == 1 && found.ETag == l.ETag, nil
}

// note writes down what is about to be removed.
func (r remover) note(ctx context.Context, all []store.Entry) error {
	out := make([]going, 0, len(all))
	for _, e := range all {
		out = append(out, going{e.Path, e.Written, e.ETag})
	}
	data, err := json.Marshal(out)
	if err != nil {
		return fmt.Errorf("writing down what is removed: %w", err)
	}
	return r.records.Create(ctx, r.record(), append(data, '\n'))
}

// finish deletes the data of what an earlier removal got as far as to have counted no more. What still counts stays: it is decided again
// whether it goes.
func (r remover) finish(ctx context.Context) error {
	data, err := r.records.Read(ctx, r.record(), maxRecord)
	if class := bucket.ClassOf(err); class == bucket.NotFound || class == bucket.NoStore {
		return nil
	}
	if err != nil {
		return err
	}
	var all []going
	if err := json.Unmarshal(data, &all); err != nil {
		return fmt.Errorf("the record %s%s is damaged: look at what the removed manifests list, and delete the record: %w", r.Records, r.record(), err)
	}
	var gone []manifest.Key
	for _, g := range all {
		key, err := manifest.ParsePath(g.Path)
		if err != nil || key.Dataset != r.Dataset.Dataset {
			return fmt.Errorf("the record %s%s names %q, which is no manifest of the dataset: delete the record", r.Records, r.record(), g.Path)
		}
		e := store.Entry{Key: key, Path: g.Path, Written: g.Written, ETag: g.ETag}
		still, err := r.still(ctx, e)
		if err != nil {
			return err
		}
		if !still {
			gone = append(gone, store.Removal(e))
		}
	}
	if err := r.purge(ctx, gone); err != nil {
		return err
	}
	return r.records.Delete(ctx, r.record())
}

// still reports whether a manifest is there as it was listed.
func (r remover) still(ctx context.Context, old store.Entry) (bool, error) {
	for e, err := range r.store.List(ctx, store.Of{Dataset: old.Key.Dataset, Lot: old.Key.Lot}) {
		if err != nil {
			return false, err
		}
		if e.Path == old.Path && e.ETag == old.ETag && e.Written.Equal(old.Written) {
			return true, nil
		}
	}
	return false, nil
}

// Count counts the objects that [Remove] would delete with some lots, and changes nothing.
func Count(ctx context.Context, d Dataset, lots []Lot, opts bucket.Options) (objects int, err error) {
	err = store.With(ctx, d.Manifests, opts, func(s *store.Store) error {
		r := remover{d, nil, s, opts}
		var keys []manifest.Key
		for _, l := range lots {
			e, ok, err := r.counting(ctx, l)
			if err != nil {
				return err
			}
			if ok {
				keys = append(keys, e.Key)
			}
		}
		return r.collect(ctx, keys, keys, func(g *garbage) error {
			objects = g.count()
			return nil
		})
	})
	return objects, err
}

// purge deletes the data that only manifests list that count no more.
func (r remover) purge(ctx context.Context, gone []manifest.Key) error {
	return r.collect(ctx, gone, nil, func(g *garbage) error { return g.delete(ctx) })
}

// collect finds the data that only some manifests list, and does something with them. What others that count list is spared, but for those
// that are to count no more.
func (r remover) collect(ctx context.Context, gone, but []manifest.Key, do func(*garbage) error) error {
	if len(gone) == 0 {
		return nil
	}
	return bucket.With(ctx, r.Data, r.opts, func(data bucket.Folder) error {
		g := garbage{location: r.Data, folder: data, keys: map[string]bool{}}
		for _, key := range gone {
			m, err := r.store.Read(ctx, key, r.Data)
			if _, damaged := errors.AsType[*store.DamagedError](err); damaged || bucket.ClassOf(err) == bucket.NotFound {
				continue // nothing says what it had
			}
			if err != nil {
				return err
			}
			if err := g.add(ctx, m); err != nil {
				return err
			}
		}
		if len(g.keys) == 0 {
			return nil
		}
		g.sorted = slices.Sorted(g.all())
		if err := r.spare(ctx, &g, but); err != nil {
			return err
		}
		return do(&g)
	})
}
