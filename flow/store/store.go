// SPDX-License-Identifier: Apache-2.0

// Package store keeps manifests in an object store: each is written once, under the key that says what it is of, so that a listing says
// what lots there are.
//
// Of Trunkline it imports api/lot, flow/manifest and flow/bucket. Errors have a class, by [bucket.ClassOf].
package store

import (
	"context"
	"errors"
	"fmt"
	"iter"
	"time"

	"trunkline.dev/trunkline/api/lot"
	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
)

// Store is the place of the manifests of an environment's datasets. Its methods may be called by any goroutine.
type Store struct {
	location string
	folder   bucket.Folder
}

// Open opens a store by its location, such as "s3://acme-manifests/prod/". That it is there is seen when it is used.
func Open(ctx context.Context, location string, opts bucket.Options) (*Store, error) {
	l, err := bucket.Parse(location)
	if err != nil {
		return nil, err
	}
	folder, err := bucket.Open(ctx, location, opts)
	if err != nil {
		return nil, err
	}
	return &Store{l.String(), folder}, nil
}

// With opens a store for as long as something is done with it.
func With(ctx context.Context, location string, opts bucket.Options, do func(*Store) error) (err error) {
	s, err := Open(ctx, location, opts)
	if err != nil {
		return err
	}
	defer func() { err = errors.Join(err, s.Close()) }()
	return do(s)
}

// Location is the address of the store, which ends in "/".
func (s *Store) Location() string { return s.location }

// Close releases what was opened.
func (s *Store) Close() error { return s.folder.Close() }

// Entry is what a listing says of a manifest.
type Entry struct {
	// Key is what its place says; zero if Stray is not nil.
	Key manifest.Key
	// Path is the place in the store.
	Path string
	// Written is when it was, by the clock of the store.
	Written time.Time
	// ETag changes when the content does, and Size is that of the content in bytes.
	ETag string
	Size int64
	// Stray says why something that lies among the manifests is none; nil: it may be one. It counts for nothing.
	Stray error
}

// Of says what is listed. The zero value is all.
type Of struct {
	// Dataset is the one whose manifests are listed; zero: all of them.
	Dataset manifest.Dataset
	// Lot is the one of Dataset whose manifests are listed; zero: all of them.
	Lot lot.Lot
}

func (o Of) prefix() string {
	switch {
	case o.Dataset == manifest.Dataset{}:
		return manifest.Folder
	case o.Lot.IsZero():
		return o.Dataset.Prefix()
	}
	return manifest.Key{Dataset: o.Dataset, Lot: o.Lot}.LotPrefix()
}

// List lists manifests by their keys, in the order of their paths, and reads none. An error is the last that is yielded.
func (s *Store) List(ctx context.Context, of Of) iter.Seq2[Entry, error] {
	return func(yield func(Entry, error) bool) {
		for o, err := range s.folder.List(ctx, of.prefix()) {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if !yield(Listed(o), nil) {
				return
			}
		}
	}
}

// Between lists the manifests of the lots of a dataset from the first to the last, with one request for each thousand. Few is about how many
// there are. Ok is false where the store cannot: then each lot is listed by itself.
func (s *Store) Between(ctx context.Context, d manifest.Dataset, first, last lot.Lot, few int) (found iter.Seq2[Entry, error], ok bool) {
	from, to := manifest.Key{Dataset: d, Lot: first}.LotPrefix(), manifest.Key{Dataset: d, Lot: last}.LotPrefix()
	objects, ok := s.folder.Between(ctx, common(from, to), from, to, few)
	if !ok {
		return nil, false
	}
	return func(yield func(Entry, error) bool) {
		for o, err := range objects {
			if err != nil {
				yield(Entry{}, err)
				return
			}
			if !yield(Listed(o), nil) {
				return
			}
		}
	}, true
}

// common is what two texts begin with.
func common(a, b string) string {
	n := 0
	for n < len(a) && n < len(b) && a[n] == b[n] {
		n++
	}
	return a[:n]
}

// Listed is what a listing says of an object as a manifest, by its path in a store.
func Listed(o bucket.Object) Entry {
	e := Entry{Path: o.Key, Written: o.Written, ETag: o.ETag, Size: o.Size}
	e.Key, e.Stray = manifest.ParsePath(o.Key)
	if e.Stray == nil && o.Size > manifest.MaxSize {
		e.Key, e.Stray = manifest.Key{}, fmt.Errorf("%s has more than %d MiB", o.Key, manifest.MaxSize>>20)
	}
	return e
}

// DamagedError is a manifest that does not count, although its key says so.
type DamagedError struct {
	// Path is where it is, with the address of the store.
	Path string
	// Why is what is wrong with it.
	Why error
}

// Error says which, and why.
func (e *DamagedError) Error() string {
	return fmt.Sprintf("the manifest %s does not count: %v", e.Path, e.Why)
}

// Unwrap returns why.
func (e *DamagedError) Unwrap() error { return e.Why }

// Read returns a manifest that is what its key says, and lists nothing but what is in the location of its dataset, such as
// "s3://lake/orders/". One that is not is a [DamagedError].
func (s *Store) Read(ctx context.Context, key manifest.Key, location string) (manifest.Manifest, error) {
	m, _, err := s.Get(ctx, key, location)
	return m, err
}

// Get returns a manifest as [Store.Read] does, with what [bucket.Folder.Get] says of its object, also of one that is damaged.
func (s *Store) Get(ctx context.Context, key manifest.Key, location string) (manifest.Manifest, Entry, error) {
	data, o, err := s.folder.Get(ctx, key.Path(), manifest.MaxSize)
	if err != nil {
		return manifest.Manifest{}, Entry{}, err
	}
	m, err := manifest.Parse(data)
	if err == nil {
		err = m.Within(key, location)
	}
	if err != nil {
		return manifest.Manifest{}, Listed(o), &DamagedError{s.location + key.Path(), err}
	}
	return m, Listed(o), nil
}

// ConflictError is a manifest that was to be written where another one is.
type ConflictError struct {
	// Path is where it is, with the address of the store.
	Path string
	// Have is what is there, and Want what was to be.
	Have, Want []byte
}

// Error says where, and what.
func (e *ConflictError) Error() string {
	return fmt.Sprintf("the manifest %s is there, and is another one: it is %.300q, and was to be %.300q", e.Path, e.Have, e.Want)
}

// Write writes a manifest, once: if the same is there, it has been written. Another one is a [ConflictError].
func (s *Store) Write(ctx context.Context, key manifest.Key, m manifest.Manifest) error {
	if err := errors.Join(key.Check(), m.Check(), m.Matches(key)); err != nil {
		return fmt.Errorf("writing the manifest %s: %w", s.location+key.Path(), err)
	}
	_, err := s.create(ctx, key, m)
	return err
}

// create writes a manifest. There reports whether the same was there already.
func (s *Store) create(ctx context.Context, key manifest.Key, m manifest.Manifest) (there bool, err error) {
	want := m.Encode()
	err = s.folder.Create(ctx, key.Path(), want)
	if bucket.ClassOf(err) != bucket.Exists {
		return false, err
	}
	have, err := s.folder.Read(ctx, key.Path(), manifest.MaxSize)
	if err != nil {
		return false, err
	}
	if there, err := manifest.Parse(have); err == nil && there.Same(m) {
		return true, nil
	}
	return false, &ConflictError{s.location + key.Path(), have, want}
}
