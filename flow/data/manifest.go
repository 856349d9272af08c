// SPDX-License-Identifier: Apache-2.0

package data

import (
	"context"
	"errors"
	"fmt"
	"strings"

	"trunkline.dev/trunkline/flow/given"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/store"
)

// Tell writes the manifest of what is in the folder of a sink, where the run is told to leave it. Without a comment it is complete, or
// empty if nothing is there; with one, it is partial, and the comment says why. It returns what it wrote.
func (s *Stores) Tell(ctx context.Context, r given.Run, to given.Sink, partial string) (manifest.Manifest, error) {
	uris, err := s.written(ctx, to)
	if err != nil {
		return manifest.Manifest{}, err
	}
	return s.tell(ctx, r, to, uris, partial != "", partial)
}

// Note is Tell of what is whole, with a comment in which a program keeps what a later run is to know; empty: none.
func (s *Stores) Note(ctx context.Context, r given.Run, to given.Sink, comment string) (manifest.Manifest, error) {
	uris, err := s.written(ctx, to)
	if err != nil {
		return manifest.Manifest{}, err
	}
	return s.tell(ctx, r, to, uris, false, comment)
}

// TellListed is Tell of what the program says that it wrote, as of a table, which is no folder. Of more than [given.MaxListed] URIs the
// manifest names the folder, or the table.
func (s *Stores) TellListed(ctx context.Context, r given.Run, to given.Sink, uris []string, partial string) (manifest.Manifest, error) {
	return s.tell(ctx, r, to, uris, partial != "", partial)
}

// written lists what is in the folder of a sink, and no more of it than shows that there are too many objects to be listed.
func (s *Stores) written(ctx context.Context, to given.Sink) (uris []string, err error) {
	folder, err := s.folder(ctx, to.Folder)
	if err != nil {
		return nil, err
	}
	for o, err := range folder.List(ctx, "") {
		if err != nil {
			return nil, err
		}
		if given.Hidden(o.Key) {
			continue
		}
		if uris = append(uris, manifest.URI(folder.Data.Folder(), o.Key)); len(uris) > given.MaxListed {
			break
		}
	}
	return uris, nil
}

func (s *Stores) tell(ctx context.Context, r given.Run, to given.Sink, uris []string, partial bool, comment string) (manifest.Manifest, error) {
	if to.Store == "" {
		return manifest.Manifest{}, fmt.Errorf("%s comes in no lots, and so has no manifest", to.Role)
	}
	m := manifest.Manifest{State: manifest.Complete, LotID: r.Lot.ID(), URIType: manifest.Identifier, URIs: uris}
	if len(uris) > given.MaxListed {
		m.URIType, m.URIs = manifest.Path, []string{manifest.URI(to.Folder, "")}
	}
	if comment != "" {
		comment = strings.ToValidUTF8(comment[:min(len(comment), maxComment)], "")
		m.Comment = &comment
	}
	switch {
	case partial:
		m.State = manifest.Partial
	case len(m.URIs) == 0:
		m.State = manifest.Empty
	}
	key := r.Key(to, m.State)
	if err := m.Within(key, to.Folder); err != nil {
		return manifest.Manifest{}, fmt.Errorf("%s: %w", to.Role, err)
	}
	err := store.With(ctx, to.Store, s.opts, func(st *store.Store) error { return st.Write(ctx, key, m) })
	if conflict, ok := errors.AsType[*store.ConflictError](err); ok {
		return manifest.Manifest{}, fmt.Errorf("this run has written a manifest before, and the data have changed since: %w", conflict)
	}
	return m, err
}

// maxComment bounds a comment, such as why a run is partial.
const maxComment = 2000
