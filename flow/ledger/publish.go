// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"context"
	"crypto/md5" //nolint:gosec // it is what S3 calls an ETag
	"encoding/hex"
	"errors"
	"fmt"
	"slices"

	"trunkline.dev/trunkline/flow/run"
	"trunkline.dev/trunkline/flow/store"
)

// Publish writes the manifests of an outcome, and returns what there is of each sink of which something was written, also if it fails at
// another one.
//
// What counted before, by role, is retired first, so that a crash leaves either of them or a lot that is to be made; why says so to people.
// What has come to count meanwhile stays: of the manifest of the same state the store refuses the new one; a lot that is complete for one
// and empty for the other is found by the listing after it, and then the new one is taken back. Both are a [store.ConflictError]. Doing all of it again, after
// a crash anywhere, comes to the same end.
func (l *Ledger) Publish(ctx context.Context, out run.Outcome, there map[string][]store.Entry, why string) (now map[string][]store.Entry, err error) {
	now = map[string][]store.Entry{}
	for _, made := range out.Beside {
		if err := l.open(ctx, made, func(s *store.Store) error { return write(ctx, s, made) }); err != nil {
			return now, err
		}
	}
	for _, made := range out.Sinks {
		if made.Manifest == nil {
			continue
		}
		err := l.open(ctx, made, func(s *store.Store) (err error) {
			now[made.Role], err = l.publish(ctx, s, made, there[made.Role], why)
			return err
		})
		if now[made.Role] == nil {
			delete(now, made.Role)
		}
		if _, taken := errors.AsType[*store.ConflictError](err); taken {
			return now, fmt.Errorf("someone else has made %s of %s meanwhile, which counts; what this run wrote does not: %w", made.Key.Lot, made.ID, err)
		}
		if err != nil {
			return now, err
		}
	}
	return now, nil
}

func (l *Ledger) open(ctx context.Context, made run.Made, do func(*store.Store) error) error {
	return store.With(ctx, made.Store, l.opts, do)
}

// publish writes one manifest. If it is to count, what counted before is retired first; a lot is complete or empty, and these are two places:
// that one of them is free says nothing of the other.
func (l *Ledger) publish(ctx context.Context, s *store.Store, made run.Made, before []store.Entry, why string) (now []store.Entry, err error) {
	counts := made.Key.State.Counts()
	for _, old := range before {
		if !counts {
			break
		}
		if err := s.Retire(ctx, old, made.Location, why); err != nil {
			return nil, err
		}
	}
	if err := write(ctx, s, made); err != nil {
		return nil, err
	}
	if now, err = entries(ctx, s, made.Place, run.Run{Lot: made.Key.Lot}); err != nil {
		return nil, err
	}
	mine := slices.IndexFunc(now, func(e store.Entry) bool { return e.Key == made.Key && e.Stray == nil })
	if mine < 0 {
		return nil, fmt.Errorf("the store does not list %s, which was written just now", address(made.Place, made.Key))
	}
	own := now[mine]
	if !counts {
		return now, nil
	}
	other := slices.IndexFunc(now, func(e store.Entry) bool {
		return e.Stray == nil && e.Key.State.Counts() && e.Key != made.Key && !slices.ContainsFunc(before, func(old store.Entry) bool { return old.Key == e.Key && old.ETag == e.ETag })
	})
	if other >= 0 {
		theirs := now[other]
		if err := s.Retire(ctx, own, made.Location, "someone else has made it meanwhile, as "+theirs.Path); err != nil {
			return nil, err
		}
		return slices.Delete(now, mine, mine+1), &store.ConflictError{Path: address(made.Place, theirs.Key), Have: []byte(theirs.Key.State), Want: []byte(made.Key.State)}
	}
	if data := made.Manifest.Encode(); own.ETag == digest(data) {
		l.read.put(address(made.Place, made.Key), own.ETag, *made.Manifest, own.Size)
	}
	return now, nil
}

// write writes a manifest. The record of an attempt that is there already is that of an earlier try.
func write(ctx context.Context, s *store.Store, made run.Made) error {
	err := s.Write(ctx, made.Key, *made.Manifest)
	if _, taken := errors.AsType[*store.ConflictError](err); taken && made.Key.State.Attempted() {
		return nil
	}
	return err
}

// digest is the ETag that S3 has of an object, unless it encrypts it with a key of its owner: then what is written is read once.
func digest(data []byte) string {
	sum := md5.Sum(data) //nolint:gosec // see above
	return hex.EncodeToString(sum[:])
}
