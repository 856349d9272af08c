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
	return s.tell(ctx, r, to, partial != "", partial)
}

// Note is Tell of what is whole, with a comment in which a program keeps what a later run is to know; empty: none.
func (s *Stores) Note(ctx context.Context, r given.Run, to given.Sink, comment string) (manifest.Manifest, error) {
	return s.tell(ctx, r, to, false, comment)
}

func (s *Stores) tell(ctx context.Context, r given.Run, to given.Sink, partial bool, comment string) (manifest.Manifest, error) {
	if to.Store == "" {
		return manifest.Manifest{}, fmt.Errorf("%s comes in no lots, and so has no manifest", to.Role)
	}
	m := manifest.Manifest{State: manifest.Complete, LotID: r.Lot.ID(), URIType: manifest.Identifier}
	folder, err := s.folder(ctx, to.Folder)
	if err != nil {
		return manifest.Manifest{}, err
	}
	for o, err := range folder.List(ctx, "") {
		if err != nil {
			return manifest.Manifest{}, err
		}
		if given.Hidden(o.Key) {
			continue
		}
		if m.URIs = append(m.URIs, manifest.URI(folder.Data.Folder(), o.Key)); len(m.URIs) > given.MaxListed {
			m.URIType, m.URIs = manifest.Path, []string{manifest.URI(folder.Data.Folder(), "")}
			break
		}
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
	err = store.With(ctx, to.Store, s.opts, func(st *store.Store) error { return st.Write(ctx, key, m) })
	if conflict, ok := errors.AsType[*store.ConflictError](err); ok {
		return manifest.Manifest{}, fmt.Errorf("this run has written a manifest before, and the data have changed since: %w", conflict)
	}
	return m, err
}

// maxComment bounds a comment, such as why a run is partial.
const maxComment = 2000
