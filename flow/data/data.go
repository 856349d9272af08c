// SPDX-License-Identifier: Apache-2.0

// Package data reads, writes and copies the data of a run from the side of its program: it finds what the manifests of the inputs list,
// moves objects of any size between stores and the disk, and writes the manifest of what was written.
//
// Of Trunkline it imports api/lot, flow/bucket, flow/filter, flow/given, flow/manifest and flow/store.
package data

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"

	"trunkline.dev/trunkline/flow/bucket"
)

// Stores are those that a run reads and writes. They are opened when they are used, once.
type Stores struct {
	opts bucket.Options

	mu   sync.Mutex
	open map[string]opened
}

// opened is a folder, as a listing and as data.
type opened struct {
	bucket.Folder
	bucket.Data
}

// New returns stores that are opened as the options say.
func New(opts bucket.Options) *Stores { return &Stores{opts: opts, open: map[string]opened{}} }

// Close releases what was opened.
func (s *Stores) Close() error {
	s.mu.Lock()
	defer s.mu.Unlock()
	var errs []error
	for _, o := range s.open {
		errs = append(errs, o.Data.Close(), o.Folder.Close())
	}
	s.open = map[string]opened{}
	return errors.Join(errs...)
}

// folder opens a folder by its address.
func (s *Stores) folder(ctx context.Context, address string) (opened, error) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if o, ok := s.open[address]; ok {
		return o, nil
	}
	folder, err := bucket.Open(ctx, address, s.opts)
	if err != nil {
		return opened{}, err
	}
	data, err := bucket.OpenData(ctx, address, s.opts)
	if err != nil {
		return opened{}, errors.Join(err, folder.Close())
	}
	s.open[address] = opened{folder, data}
	return s.open[address], nil
}

// Read writes the content of an object to w.
func (s *Stores) Read(ctx context.Context, o Object, w io.Writer) error {
	from, err := s.folder(ctx, o.Folder)
	if err != nil {
		return err
	}
	return o.each(func(key string) error {
		r, err := from.Open(ctx, key)
		if err != nil {
			return err
		}
		if _, err = io.Copy(w, r); err != nil {
			err = fmt.Errorf("reading %s: %w", o.URI, err)
		}
		return errors.Join(err, r.Close())
	})
}

// Write writes an object below a folder from what is read.
func (s *Stores) Write(ctx context.Context, folder, path string, r io.Reader) error {
	to, err := s.folder(ctx, folder)
	if err != nil {
		return err
	}
	return to.Put(ctx, path, r)
}

// copy copies an object to a path below a folder.
func (s *Stores) copy(ctx context.Context, o Object, folder, path string) error {
	from, err := s.folder(ctx, o.Folder)
	if err != nil {
		return err
	}
	to, err := s.folder(ctx, folder)
	if err != nil {
		return err
	}
	return o.each(func(key string) error { return to.CopyFrom(ctx, from.Data, key, path) })
}

// each does something with an object by the key that it has. A URI can be read in two ways: the first is that which its format says.
func (o Object) each(do func(key string) error) error {
	var err error
	for _, key := range o.keys {
		if err = do(key); bucket.ClassOf(err) != bucket.NotFound {
			return err
		}
	}
	return fmt.Errorf("%s is listed, and is not there: %w", o.URI, err)
}
