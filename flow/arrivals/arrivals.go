// SPDX-License-Identifier: Apache-2.0

// Package arrivals looks at what has arrived in the paths of boundaries' datasets, and writes the manifests that flow/ingress says.
//
// Of Trunkline it imports api, flow/bucket, flow/ingress, flow/ledger, flow/manifest, flow/plan, flow/run, flow/store and flow/survey.
package arrivals

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"maps"
	"sync"
	"time"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/ingress"
	"trunkline.dev/trunkline/flow/ledger"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/plan"
	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/flow/store"
	"trunkline.dev/trunkline/flow/survey"
)

const (
	// atOnce is how many manifests are read or written at a time.
	atOnce = 8
	// MaxWrites is how many manifests are written by one look; more wait for the next, which follows at once.
	MaxWrites = 1000
)

// Boundary is one of an environment, and where its dataset is.
type Boundary struct {
	ingress.Boundary
	// Series is the id of the dataset, and Store the address of its manifests.
	Series, Store string
}

// place is that of the dataset, as runs have it.
func (g Boundary) place() run.Place {
	return run.Place{ID: g.Series, Name: g.Dataset, Store: g.Store, Location: g.Location}
}

// Look is what came of looking.
type Look struct {
	// Lots are those whose manifests were written or looked at, as they are now.
	Lots map[lot.Lot]survey.Lot
	// Written are the lots of which a manifest was written, by its state; Again is set for those that had one before.
	Written map[lot.Lot]Written
	// Passed counts the objects that are of no lot, and Refused are the lots of which no manifest can be written; both by why.
	Passed  map[string]int
	Refused map[lot.Lot]string
	// Next is when something is to be written although nothing more arrives; zero if never.
	Next time.Time
	// More says that more is to be written at once.
	More bool
}

// Written is a manifest that was written.
type Written struct {
	State   manifest.State
	Objects int
	// Why is why it was written in place of another one; empty if there was none.
	Why string
}

// Looker looks at one boundary, once at a time. It remembers the manifests that it has read.
type Looker struct {
	opts   bucket.Options
	ledger *ledger.Ledger
	known  map[lot.Lot]known
}

// known is a manifest that was read. Of one that a boundary wrote, nothing but the comment is kept.
type known struct {
	etag    string
	comment string
	foreign *manifest.Manifest
}

// New makes a looker.
func New(opts bucket.Options) *Looker {
	return &Looker{opts, ledger.New(opts), map[lot.Lot]known{}}
}

// Look looks at what there is by now, and writes what follows. Have is what is known of the manifests of the dataset; what has changed
// since is found when it is written, and left to the next look. What was done is returned with an error, too.
func (k *Looker) Look(ctx context.Context, g Boundary, have map[lot.Lot]survey.Lot, now time.Time) (Look, error) {
	out := Look{Lots: map[lot.Lot]survey.Lot{}, Written: map[lot.Lot]Written{}}
	arrived, err := k.list(ctx, g, now)
	if err != nil {
		return out, err
	}
	if arrived.More {
		return out, fmt.Errorf("%s has more than %d objects that may be data: have filter.includes name the folders that are", g.Location, ingress.MaxObjects)
	}
	seen, err := k.read(ctx, g, arrived, have)
	if err != nil {
		return out, err
	}
	p := g.Plan(arrived, seen, now)
	out.Passed, out.Refused, out.Next = arrived.Passed, p.Refused, p.Next
	if out.More = len(p.Writes) > MaxWrites; out.More {
		p.Writes = p.Writes[:MaxWrites]
	}
	return out, k.write(ctx, g, p.Writes, have, &out)
}

// list lists what is in the path of the dataset.
func (k *Looker) list(ctx context.Context, g Boundary, now time.Time) (a ingress.Arrived, err error) {
	folder, err := bucket.Open(ctx, g.Location, k.opts)
	if err != nil {
		return a, err
	}
	defer func() { err = errors.Join(err, folder.Close()) }()
	return g.Sort(objects(folder.List(ctx, g.Filter.Prefix())), now)
}

func objects(listed iter.Seq2[bucket.Object, error]) iter.Seq2[ingress.Object, error] {
	return func(yield func(ingress.Object, error) bool) {
		for o, err := range listed {
			if !yield(ingress.Object{Key: o.Key, Written: o.Written, ETag: o.ETag}, err) {
				return
			}
		}
	}
}

// read reads the manifests that count, but for those of which it is known that there is nothing new.
func (k *Looker) read(ctx context.Context, g Boundary, a ingress.Arrived, have map[lot.Lot]survey.Lot) (map[lot.Lot]ingress.Seen, error) {
	maps.DeleteFunc(k.known, func(l lot.Lot, _ known) bool { _, there := have[l]; return !there })
	seen := map[lot.Lot]ingress.Seen{}
	var todo []lot.Lot
	for l, f := range have {
		state := stateOf(f)
		if state == "" {
			continue
		}
		s := ingress.Seen{State: state, Written: f.Written}
		was, ok := k.known[l]
		ok = ok && was.etag == f.ETag
		switch {
		case state == manifest.Empty:
		case ok && was.foreign != nil:
			s.Manifest = *was.foreign
		case ok && g.Settled(a, l, was.comment):
			s.Manifest.Comment = &was.comment
		default:
			todo = append(todo, l)
		}
		seen[l] = s
	}
	if len(todo) == 0 {
		return seen, nil
	}
	var mu sync.Mutex
	err := store.With(ctx, g.Store, k.opts, func(s *store.Store) error {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(atOnce)
		for _, l := range todo {
			group.Go(func() error {
				m, err := s.Read(ctx, manifest.Key{Dataset: g.Dataset, Lot: l, State: manifest.Complete}, g.Location)
				_, damaged := errors.AsType[*store.DamagedError](err)
				if err != nil && !damaged {
					return err
				}
				mu.Lock()
				defer mu.Unlock()
				if damaged {
					delete(seen, l) // it is written again, in its place
					return nil
				}
				one := seen[l]
				one.Manifest = m
				seen[l] = one
				k.remember(l, have[l].ETag, m)
				return nil
			})
		}
		return group.Wait()
	})
	return seen, err
}

// remember keeps what a manifest says, as far as it is needed.
func (k *Looker) remember(l lot.Lot, etag string, m manifest.Manifest) {
	one := known{etag: etag}
	if ingress.Ours(m) {
		one.comment = *m.Comment
	} else {
		one.foreign = &m
	}
	k.known[l] = one
}

// write writes manifests.
func (k *Looker) write(ctx context.Context, g Boundary, writes []ingress.Write, have map[lot.Lot]survey.Lot, out *Look) error {
	if len(writes) == 0 {
		return nil
	}
	var mu sync.Mutex
	return store.With(ctx, g.Store, k.opts, func(s *store.Store) error {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(atOnce)
		for _, w := range writes {
			group.Go(func() error {
				now, done, err := k.one(ctx, s, g, w, have[w.Key.Lot])
				if err != nil {
					return fmt.Errorf("writing the manifest of %s %s: %w", g.Series, w.Key.Lot, err)
				}
				if now == nil {
					if now, err = entries(ctx, s, w.Key); err != nil {
						return err
					}
				}
				mu.Lock()
				defer mu.Unlock()
				found := survey.Fold(now)
				out.Lots[w.Key.Lot] = found
				if done {
					out.Written[w.Key.Lot] = Written{w.Manifest.State, len(w.Manifest.URIs), w.Why}
					k.remember(w.Key.Lot, found.ETag, w.Manifest)
				}
				return nil
			})
		}
		return group.Wait()
	})
}

// one writes a manifest, after what counts was retired that it was planned to be written in place of. It is not done if something else
// counts by now: the next look sees that. Now is what there is of the lot, if that was
// listed after it was written.
func (k *Looker) one(ctx context.Context, s *store.Store, g Boundary, w ingress.Write, was survey.Lot) (now []store.Entry, done bool, err error) {
	var before []store.Entry
	if was.State != plan.None && was.State != plan.Removed { // else the store refuses what is written, if anything counts by now
		listed, err := entries(ctx, s, w.Key)
		if err != nil {
			return nil, false, err
		}
		for _, e := range listed {
			if e.Stray == nil && e.Key.State.Counts() {
				before = append(before, e)
			}
		}
	}
	if len(before) == 1 && before[0].ETag != was.ETag {
		return nil, false, nil // of several none counts
	}
	why := w.Why
	if why == "" {
		why = "it did not count"
	}
	sink := run.Sink{Role: "main", Place: g.place()}
	outcome := run.Outcome{State: run.Complete, Sinks: []run.Made{{Sink: sink, Key: w.Key, Manifest: &w.Manifest}}}
	all, err := k.ledger.Publish(ctx, outcome, map[string][]store.Entry{sink.Role: before}, "replaced by "+g.ID+": "+why)
	now = all[sink.Role]
	if _, taken := errors.AsType[*store.ConflictError](err); taken {
		return now, false, nil
	}
	return now, err == nil, err
}

// stateOf is the state of the manifest of a lot that counts; empty if none does.
func stateOf(l survey.Lot) manifest.State {
	switch l.State {
	case plan.Complete:
		return manifest.Complete
	case plan.Empty:
		return manifest.Empty
	case plan.None, plan.Partial, plan.Removed:
	}
	return ""
}

// entries are all manifests of a lot.
func entries(ctx context.Context, s *store.Store, key manifest.Key) (all []store.Entry, err error) {
	for e, err := range s.List(ctx, store.Of{Dataset: key.Dataset, Lot: key.Lot}) {
		if err != nil {
			return nil, err
		}
		all = append(all, e)
	}
	return all, nil
}
