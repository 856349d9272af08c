// SPDX-License-Identifier: Apache-2.0

package data

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"

	"trunkline.dev/trunkline/flow/given"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/store"
)

// Object is one of what a run reads.
type Object struct {
	// Lot is the id of the lot that it is of; empty for a dataset that comes in no lots.
	Lot string
	// URI is its address.
	URI string
	// Path is where it is among the data of its lot: below the folder of the attempt that wrote it, or else below the location of the
	// dataset. Of several lots, it begins with "lot=ID/".
	Path string
	// Folder is the location of the dataset.
	Folder string
	// Prefix reports that it stands for all objects that begin like it, which only what counted before does.
	Prefix bool

	// keys are what it may be called in Folder, the likeliest first.
	keys []string
}

// MaxObjects is how many objects of an input are looked at.
const MaxObjects = 1_000_000

// errMore ends a listing.
var errMore = fmt.Errorf("it has more than %d objects, which is the limit", MaxObjects)

// Objects finds what an input has: what the manifests of its lots list, in the order of the lots, or what is in its location. What is no
// data, by its name, is passed over where a folder is listed.
func (s *Stores) Objects(ctx context.Context, in given.Input) ([]Object, error) {
	var found []Object
	take := func(o Object) error {
		if found = append(found, o); len(found) > MaxObjects {
			return errMore
		}
		return nil
	}
	var err error
	if in.Whole {
		err = s.list(ctx, in, "", "", take)
	}
	for _, m := range in.Manifests {
		if err = s.ofLot(ctx, in, m, take); err != nil {
			break
		}
	}
	if err != nil {
		return nil, fmt.Errorf("%s: %w", in.Role, err)
	}
	return found, nil
}

// Key is what the object is called in Folder: of a URI that can be read in two ways that which its format says.
func (o Object) Key() string { return o.keys[0] }

// Former finds what the lots of an input had before: what those manifests of them list that were retired, whether it is still there or
// not, in the order of the lots. What counts now may be among it. One that is damaged is an error: what it listed is not known.
func (s *Stores) Former(ctx context.Context, in given.Input) (found []Object, err error) {
	for _, m := range in.Manifests {
		err := store.With(ctx, m.Store, s.opts, func(st *store.Store) error {
			for e, err := range st.List(ctx, store.Of{Dataset: m.Dataset, Lot: m.Lot}) {
				if err != nil {
					return err
				}
				if e.Stray != nil || e.Key.State != manifest.Removed {
					continue
				}
				old, err := st.Read(ctx, e.Key, in.Location)
				if _, damaged := errors.AsType[*store.DamagedError](err); damaged {
					return fmt.Errorf("%w; see that nothing it listed is in use, and delete it", err)
				}
				if err != nil {
					return err
				}
				found = append(found, former(in, m.Lot.ID(), old)...)
			}
			return nil
		})
		if err != nil {
			return nil, fmt.Errorf("%s: finding what the lot %s had before: %w", in.Role, m.Lot, err)
		}
	}
	return found, nil
}

// former is what a manifest lists that does not count any more.
func former(in given.Input, id string, m manifest.Manifest) (all []Object) {
	for _, uri := range m.URIs {
		paths := manifest.Paths(in.Location, uri)
		slices.Reverse(paths)
		o := object(in, id, uri, paths)
		o.Prefix = m.URIType != manifest.Identifier
		all = append(all, o)
	}
	return all
}

// Manifest reads the manifest of a lot of an input.
func (s *Stores) Manifest(ctx context.Context, in given.Input, m given.Manifest) (found manifest.Manifest, err error) {
	err = store.With(ctx, m.Store, s.opts, func(st *store.Store) error {
		found, err = st.Read(ctx, m.Key, in.Location)
		return err
	})
	return found, err
}

// ofLot finds what a manifest lists.
func (s *Stores) ofLot(ctx context.Context, in given.Input, m given.Manifest, take func(Object) error) error {
	found, err := s.Manifest(ctx, in, m)
	if err != nil {
		return err
	}
	id := m.Lot.ID()
	for _, uri := range found.URIs {
		paths := manifest.Paths(in.Location, uri)
		slices.Reverse(paths) // it was checked to lie there: there is one, or there are two
		if found.URIType == manifest.Identifier {
			err = take(object(in, id, uri, paths))
		} else {
			err = s.below(ctx, in, id, paths, take)
		}
		if err != nil {
			return err
		}
	}
	return nil
}

// below lists what begins with one of several paths; the first that something begins with is meant.
func (s *Stores) below(ctx context.Context, in given.Input, id string, paths []string, take func(Object) error) error {
	for _, prefix := range paths {
		found := false
		err := s.list(ctx, in, id, prefix, func(o Object) error {
			found = true
			return take(o)
		})
		if err != nil || found {
			return err
		}
	}
	return nil
}

// list lists the data whose paths below the location begin with a prefix.
func (s *Stores) list(ctx context.Context, in given.Input, id, prefix string, take func(Object) error) error {
	folder, err := s.folder(ctx, in.Location)
	if err != nil {
		return err
	}
	named := prefix[strings.LastIndexByte(prefix, '/')+1:]
	for o, err := range folder.List(ctx, prefix) {
		if err != nil {
			return err
		}
		if given.Hidden(named+strings.TrimPrefix(o.Key, prefix)) || strings.HasSuffix(o.Key, "/") {
			continue
		}
		if err := take(object(in, id, manifest.URI(folder.Data.Folder(), o.Key), []string{o.Key})); err != nil {
			return err
		}
	}
	return nil
}

// object is one of a lot, whose path below the location may be any of the keys.
func object(in given.Input, id, uri string, keys []string) Object {
	o := Object{Lot: id, URI: uri, Path: keys[0], Folder: in.Location, keys: keys}
	if id == "" {
		return o
	}
	around := "lot=" + id + "/"
	if attempt, rest, below := strings.Cut(strings.TrimPrefix(o.Path, around), "/"); below && strings.HasPrefix(o.Path, around+"attempt=") && attempt != "" {
		o.Path = rest
	}
	if len(in.Manifests) > 1 {
		o.Path = around + o.Path
	}
	return o
}
