// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"errors"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/flow/store"
)

// atOnce is how many lots are looked at at a time.
const atOnce = 16

// address is where a manifest lies.
func address(p run.Place, k manifest.Key) string {
	return strings.TrimSuffix(p.Store, "/") + "/" + k.Path()
}

// Entries lists what there is of the lots of an input, by lot: on S3 by one request for each thousand manifests, elsewhere by one for each
// lot.
func (l *Ledger) Entries(ctx context.Context, in run.Input) (map[lot.Lot][]store.Entry, error) {
	out := make(map[lot.Lot][]store.Entry, len(in.Lots))
	if in.Store == "" || len(in.Lots) == 0 {
		return out, nil
	}
	err := store.With(ctx, in.Store, l.opts, func(s *store.Store) error {
		first, last := in.Lots[0], in.Lots[len(in.Lots)-1]
		if len(in.Lots) > 1 {
			if found, ok := s.Between(ctx, in.Name, first, last, len(in.Lots)); ok {
				for e, err := range found {
					if err != nil {
						return err
					}
					out[e.Key.Lot] = append(out[e.Key.Lot], e) // what is stray is one of no lot
				}
				return nil
			}
		}
		var mu sync.Mutex
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(atOnce)
		for _, one := range in.Lots {
			group.Go(func() error {
				all, err := entries(ctx, s, in.Place, run.Run{Lot: one})
				mu.Lock()
				defer mu.Unlock()
				out[one] = all
				return err
			})
		}
		return group.Wait()
	})
	return out, err
}

// Wanted is a manifest of an input as a listing had it, by which it is read without another listing.
type Wanted struct {
	Key  manifest.Key
	ETag string
}

// Got is what came of reading one.
type Got struct {
	run.Found
	// Changed says that it is not there any more, or is another one than was listed.
	Changed bool
	// Damaged is why it does not count, although it says so.
	Damaged *store.DamagedError
}

// Read reads manifests of an input, in the order in which they are wanted. One that was read before, or written by this ledger, costs no
// request as long as a listing has it with the same ETag: it may be gone by now, which who lists when the run has ended finds out.
func (l *Ledger) Read(ctx context.Context, in run.Input, wanted []Wanted) ([]Got, error) {
	out := make([]Got, len(wanted))
	var missing []int
	for i, w := range wanted {
		m, ok := l.read.get(address(in.Place, w.Key), w.ETag)
		if ok && m.Within(w.Key, in.Location) == nil {
			out[i].Found = run.Found{Lot: w.Key.Lot, Manifest: m}
		} else {
			missing = append(missing, i)
		}
	}
	if len(missing) == 0 {
		return out, nil
	}
	return out, store.With(ctx, in.Store, l.opts, func(s *store.Store) error {
		group, ctx := errgroup.WithContext(ctx)
		group.SetLimit(atOnce)
		for _, i := range missing {
			group.Go(func() (err error) {
				out[i], err = l.get(ctx, s, in, wanted[i])
				return err
			})
		}
		return group.Wait()
	})
}

// get reads one.
func (l *Ledger) get(ctx context.Context, s *store.Store, in run.Input, w Wanted) (Got, error) {
	m, now, err := s.Get(ctx, w.Key, in.Location)
	if bucket.ClassOf(err) == bucket.NotFound {
		return Got{Changed: true}, nil
	}
	bad, damaged := errors.AsType[*store.DamagedError](err)
	if err != nil && !damaged {
		return Got{}, err
	}
	// A store that does not say the tag with the content is believed: what a run reads is compared once it has ended.
	if now.ETag != "" && now.ETag != w.ETag {
		return Got{Changed: true}, nil
	}
	if damaged {
		return Got{Damaged: bad}, nil
	}
	if now.ETag != "" {
		l.read.put(address(in.Place, w.Key), now.ETag, m, now.Size)
	}
	return Got{Found: run.Found{Lot: w.Key.Lot, Manifest: m}}, nil
}
