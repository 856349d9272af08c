// SPDX-License-Identifier: Apache-2.0

package store

import (
	"context"
	"errors"
	"fmt"

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
	now, there, err := s.find(ctx, old.Key)
	if err != nil {
		return err
	}
	if !there || !now.Written.Equal(old.Written) || now.ETag != old.ETag {
		return s.retired(ctx, old, removal)
	}
	m, err := s.Read(ctx, old.Key, location)
	if damaged, ok := errors.AsType[*DamagedError](err); ok {
		m, err = manifest.Manifest{LotID: old.Key.Lot.ID(), URIType: manifest.Identifier}, nil
		why += "; " + damaged.Error()
	}
	if err != nil {
		return err
	}
	m.State, m.Comment = manifest.Removed, &why
	if err := s.create(ctx, removal, m); err != nil {
		return err
	}
	return s.folder.Delete(ctx, old.Key.Path())
}

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

// find returns what a listing says of a manifest now.
func (s *Store) find(ctx context.Context, key manifest.Key) (Entry, bool, error) {
	for e, err := range s.List(ctx, Of{Dataset: key.Dataset, Lot: key.Lot}) {
		if err != nil {
			return Entry{}, false, err
		}
		if e.Path == key.Path() {
			return e, true, nil
		}
	}
	return Entry{}, false, nil
}

// retired returns nil if a manifest that is not there any more was retired.
func (s *Store) retired(ctx context.Context, old Entry, removal manifest.Key) error {
	_, err := s.folder.Read(ctx, removal.Path(), manifest.MaxSize)
	if bucket.ClassOf(err) == bucket.NotFound {
		return fmt.Errorf("retiring %s%s: it is not what was listed, and nothing says that it was removed; list it again", s.location, old.Path)
	}
	return err
}
