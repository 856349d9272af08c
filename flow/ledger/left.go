// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/flow/store"
)

const (
	// maxReturned is how many manifests of a program are read: more than one cannot be true.
	maxReturned = 10
	// maxOthers is how many folders of other Jobs of an attempt are named.
	maxOthers = 100
)

// Left reads what a run has left at each of its sinks, by one listing of each, and of a program that wrote a manifest that.
func (l *Ledger) Left(ctx context.Context, r run.Run) (map[string]run.Left, error) {
	out := map[string]run.Left{}
	for _, sink := range r.Sinks {
		if sink.Store == "" {
			continue
		}
		left, returned, err := l.data(ctx, r, sink)
		if err == nil && len(returned) > 0 {
			left.Returned, err = l.returned(ctx, sink, returned)
		}
		if err != nil {
			return nil, err
		}
		out[sink.Role] = left
	}
	return out, nil
}

// data lists the objects of an attempt, and those of its manifests among them, with their paths in [run.Sink.Returns]. Of a table there are
// manifests only: what is in it cannot be listed.
func (l *Ledger) data(ctx context.Context, r run.Run, sink run.Sink) (left run.Left, returned []bucket.Object, err error) {
	around, prefix := r.Around(sink)
	mine, ok := strings.CutPrefix(sink.Own(), around)
	at, err := bucket.Parse(around)
	if err != nil || !ok {
		return left, nil, errors.Join(err, check(ok, sink))
	}
	returns := strings.TrimPrefix(sink.Returns(), around)
	err = bucket.With(ctx, around, l.opts, func(f bucket.Folder) error {
		for o, err := range f.List(ctx, prefix) {
			if err != nil {
				return err
			}
			folder, of := r.Folder(o.Key)
			switch {
			case !of: // another attempt, whose name begins in the same way
			case folder != mine && sink.Table(): // it lists no more than what its program says of the table
			case folder != mine:
				if uri := manifest.URI(at.String(), folder); len(left.Others) < maxOthers && !slices.Contains(left.Others, uri) {
					left.Others = append(left.Others, uri)
				}
			case len(left.Objects) > run.MaxObjects: // it is known that there are more
			default:
				if !sink.Table() {
					left.Objects = append(left.Objects, manifest.URI(at.String(), o.Key))
				}
				if key, is := strings.CutPrefix(o.Key, returns); is && strings.HasPrefix(key, manifest.Folder) && len(returned) < maxReturned {
					o.Key = key
					returned = append(returned, o)
				}
			}
		}
		return nil
	})
	return left, returned, err
}

func check(ok bool, sink run.Sink) error {
	if ok {
		return nil
	}
	return fmt.Errorf("%s is not where attempts of the lot write", sink.Own())
}

// returned reads the manifests that a program left itself.
func (l *Ledger) returned(ctx context.Context, sink run.Sink, objects []bucket.Object) (back []run.Returned, err error) {
	err = store.With(ctx, sink.Returns(), l.opts, func(s *store.Store) error {
		for _, o := range objects {
			e := store.Listed(o)
			one := run.Returned{Path: e.Path, Key: e.Key, Damaged: e.Stray}
			if e.Stray == nil {
				var err error
				one.Manifest, err = s.Read(ctx, e.Key, sink.Attempt)
				if bad, ok := errors.AsType[*store.DamagedError](err); ok {
					one.Damaged, err = bad.Why, nil
				}
				if err != nil {
					return err
				}
			}
			back = append(back, one)
		}
		return nil
	})
	return back, err
}
