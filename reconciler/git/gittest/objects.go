// SPDX-License-Identifier: Apache-2.0

package gittest

import (
	"errors"
	"testing"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/format/packfile"
	"github.com/go-git/go-git/v5/storage/memory"
)

func (r *Repo) encode(t testing.TB, o interface {
	Encode(plumbing.EncodedObject) error
},
) plumbing.Hash {
	t.Helper()
	raw := &plumbing.MemoryObject{}
	if err := o.Encode(raw); err != nil {
		t.Fatalf("gittest: encoding an object: %v", err)
	}
	return r.save(t, raw)
}

func (r *Repo) object(t testing.TB, typ plumbing.ObjectType, content []byte) plumbing.Hash {
	t.Helper()
	raw := &plumbing.MemoryObject{}
	raw.SetType(typ)
	if _, err := raw.Write(content); err != nil {
		t.Fatalf("gittest: encoding an object: %v", err)
	}
	return r.save(t, raw)
}

func (r *Repo) save(t testing.TB, raw plumbing.EncodedObject) plumbing.Hash {
	t.Helper()
	h := raw.Hash()
	if r.sto.HasEncodedObject(h) != nil {
		r.pending[h] = raw
	}
	return h
}

// flush writes the pending objects: many as one pack, which is much faster.
func (r *Repo) flush(t testing.TB) {
	t.Helper()
	var err error
	if len(r.pending) > 100 {
		err = r.pack()
	} else {
		for _, raw := range r.pending {
			_, setErr := r.sto.SetEncodedObject(raw)
			err = errors.Join(err, setErr)
		}
	}
	if err != nil {
		t.Fatalf("gittest: writing objects: %v", err)
	}
	clear(r.pending)
}

func (r *Repo) pack() error {
	all := memory.NewStorage()
	hashes := make([]plumbing.Hash, 0, len(r.pending))
	for h, raw := range r.pending {
		if _, err := all.SetEncodedObject(raw); err != nil {
			return err
		}
		hashes = append(hashes, h)
	}
	w, err := r.sto.PackfileWriter()
	if err != nil {
		return err
	}
	_, err = packfile.NewEncoder(w, all, false).Encode(hashes, 0)
	return errors.Join(err, w.Close())
}
