// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"
	"time"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
)

// Retire has a manifest that counts count no more: it writes what it says as one that is removed, and then deletes it. A crash, or an
// error, leaves either the one that counts or a record that it was removed; doing it again goes on. The attempt of the record is made
// of what the listing says of the old manifest, so that a newer one in its place is not meant: if the old one was retired before, there
// is nothing to do. Why it is retired is for people. Whoever retires is alone with a dataset; what another one writes between is recorded
// as the old one if it was written in the same instant of the store's clock and says the same, so that its lot has to be made once more.
//
// A manifest that is damaged is retired, too; its record lists nothing.
func (s *Store) Retire(ctx context.Context, old Entry, location, why string) error {
	if old.Stray != nil || !old.Key.State.Counts() {
		return fmt.Errorf("retiring %s%s: it does not count", s.location, old.Path)
	}
	removal := Removal(old)
	m, now, err := s.Get(ctx, old.Key, location)
	if bucket.ClassOf(err) == bucket.NotFound {
		return s.retired(ctx, old, removal)
	}
	if damaged, ok := errors.AsType[*DamagedError](err); ok {
		m, err = manifest.Manifest{LotID: old.Key.Lot.ID(), URIType: manifest.Identifier}, nil
		why += "; " + damaged.Error()
	}
	if err != nil {
		return err
	}
	is := now.ETag == old.ETag && now.Written.Sub(old.Written).Abs() < clockStep
	if now.ETag == "" {
		is, err = s.is(ctx, old)
	}
	if err != nil {
		return err
	}
	if !is {
		return s.retired(ctx, old, removal)
	}
	m.State, m.Comment = manifest.Removed, &why
	before, err := s.create(ctx, removal, m)
	if before && err == nil {
		// Someone had begun, and may have come to the end: then this is another one that says the same.
		if is, err = s.is(ctx, old); !is {
			return err
		}
	}
	if err != nil {
		return err
	}
	return s.folder.Delete(ctx, old.Key.Path())
}

// clockStep is more than what the time of an object differs between a listing and its own header, which has whole seconds.
const clockStep = 2 * time.Second

// Removal is the key of what [Store.Retire] writes of a manifest.
func Removal(old Entry) manifest.Key {
	key := old.Key
	key.State, key.Attempt = manifest.Removed, attemptOf(old)
	return key
}

// attemptOf tells the manifests that are written one after the other for a lot apart.
func attemptOf(old Entry) string {
	return fmt.Sprintf("%d-%.32s", old.Written.UnixMilli(), old.ETag)
}

// is reports whether a manifest is there still, and not another one in its place.
func (s *Store) is(ctx context.Context, old Entry) (bool, error) {
	for e, err := range s.List(ctx, Of{Dataset: old.Key.Dataset, Lot: old.Key.Lot}) {
		if err != nil {
			return false, err
		}
		if e.Path == old.Key.Path() {
			return e.Written.Equal(old.Written) && e.ETag == old.ETag, nil
		}
	}
	return false, nil
}

// retired returns nil if a manifest that is not there any more was retired.
func (s *Store) retired(ctx context.Context, old Entry, removal manifest.Key) error {
	_, err := s.folder.Read(ctx, removal.Path(), manifest.MaxSize)
	if bucket.ClassOf(err) == bucket.NotFound {
		return fmt.Errorf("retiring %s%s: it is not what was listed, and nothing says that it was removed; list it again", s.location, old.Path)
	}
	return err
}
