// SPDX-License-Identifier: Apache-2.0

package git

import (
	"errors"
	"fmt"
	"io"
	"math"
	"os"
	"sync"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// objects reads a store's objects for any number of goroutines.
//
// go-git's storage is not safe for concurrent use (it fills its index and its table of open packs without
// a lock), so all reading goes through mu; what comes out is copied before mu is released. Decoded folders
// are kept apart from it, since nearly every look-up is one of a path whose folders were just looked at.
type objects struct {
	limits Limits
	// open opens the storage; again after packs were added or taken away.
	open func() *filesystem.Storage

	mu  sync.Mutex
	sto *filesystem.Storage

	folders generations[plumbing.Hash, *folder]
	extents generations[plumbing.Hash, extent]
	commits generations[plumbing.Hash, *object.Commit]
	sizes   generations[plumbing.Hash, int64]

	// damaged is set when a missing or unreadable object was met; the next fetch repairs the store.
	damaged atomic.Bool
	// pins are the commits whose trees are being read.
	pins pins
	// lost are commits whose content was missing when it was asked for. Everything is fetched again for them once: it may
	// have been collected; what does not come then is in none of the branches any more.
	lost lost
}

const (
	// maxFolderEntries bounds the folder cache to some 20 MB of names and hashes.
	maxFolderEntries = 200_000
	maxExtents       = 200_000
	maxCommits       = 5_000
	maxSizes         = 100_000
	// objectCacheBytes is for the bases of deltas and small blobs that are read again.
	objectCacheBytes = 16 << 20
)

func newObjects(lim Limits, open func() *filesystem.Storage) *objects {
	return &objects{
		limits: lim, open: open, sto: open(),
		folders: generations[plumbing.Hash, *folder]{max: maxFolderEntries},
		extents: generations[plumbing.Hash, extent]{max: maxExtents},
		commits: generations[plumbing.Hash, *object.Commit]{max: maxCommits},
		sizes:   generations[plumbing.Hash, int64]{max: maxSizes},
	}
}

// reopen makes packs known that were added. Caches by hash stay: a hash names one content.
func (o *objects) reopen() {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.sto.Close() // its descriptors are only read from
	o.sto = o.open()
}

// smallPack is the size up to which a new pack is made known without reading all indexes again.
const smallPack = 1 << 20

// learn makes a pack known that was added to the folder of packs.
func (o *objects) learn(file string) {
	info, err := os.Stat(file)
	if err != nil || info.Size() > smallPack || o.index(file) != nil {
		o.reopen()
	}
}

// index has go-git index a pack that is in its place already. go-git knows no other way to add one to those it knows than
// to write it; it notices then that the pack is there.
func (o *objects) index(file string) (err error) {
	pack, err := os.Open(file)
	if err != nil {
		return err
	}
	defer pack.Close()
	o.mu.Lock()
	defer o.mu.Unlock()
	w, err := o.sto.PackfileWriter()
	if err != nil {
		return err
	}
	_, err = io.Copy(w, pack)
	return errors.Join(err, w.Close())
}

// swap changes what is on disk while nothing is read, and forgets all that was known of it.
func (o *objects) swap(change func() error) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.sto.Close() // its descriptors are only read from
	err := change()
	o.sto = o.open()
	o.forget()
	return err
}

// forget empties the caches, for when what is on disk is in doubt.
func (o *objects) forget() {
	o.folders.clear()
	o.extents.clear()
	o.commits.clear()
	o.sizes.clear()
}

// read returns the content of an object of the given type.
func (o *objects) read(typ plumbing.ObjectType, h plumbing.Hash) ([]byte, error) {
	content, _, err := o.readWithin(typ, h, math.MaxInt64)
	return content, err
}

// readWithin is read that returns no content, only the size, when that is above limit.
func (o *objects) readWithin(typ plumbing.ObjectType, h plumbing.Hash, limit int64) (content []byte, size int64, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer recoverCorrupt(typ, h, &err)
	// An object above the storage's threshold comes without its content, so its size is known in time.
	obj, err := o.sto.EncodedObject(typ, h)
	if err != nil {
		return nil, 0, objectError(typ, h, err)
	}
	if obj.Size() > limit {
		return nil, obj.Size(), nil
	}
	r, err := obj.Reader()
	if err != nil {
		return nil, 0, objectError(typ, h, err)
	}
	defer r.Close()
	content = make([]byte, obj.Size())
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, 0, objectError(typ, h, err)
	}
	// go-git takes some objects' names from the index and does not compare them with the content.
	if got := plumbing.ComputeHash(typ, content); got != h {
		return nil, 0, objectError(typ, h, fmt.Errorf("the content's hash is %s", got))
	}
	return content, obj.Size(), nil
}

// size returns the length of a blob without reading it.
func (o *objects) size(h plumbing.Hash) (n int64, err error) {
	if n, ok := o.sizes.get(h); ok {
		return n, nil
	}
	o.mu.Lock()
	defer o.mu.Unlock()
	defer recoverCorrupt(plumbing.BlobObject, h, &err)
	n, err = o.sto.EncodedObjectSize(h)
	if errors.Is(err, plumbing.ErrObjectNotFound) {
		// go-git looks into the repositories that this one borrows from only when it reads.
		var obj plumbing.EncodedObject
		if obj, err = o.sto.EncodedObject(plumbing.BlobObject, h); err == nil {
			n = obj.Size()
		}
	}
	if err != nil {
		return 0, objectError(plumbing.BlobObject, h, err)
	}
	o.sizes.put(h, n, 1)
	return n, nil
}

// has reports a blob that is not in the store.
func (o *objects) has(h plumbing.Hash) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.sto.HasEncodedObject(h); err != nil {
		return objectError(plumbing.BlobObject, h, err)
	}
	return nil
}

// commit returns a decoded commit, not to be changed. It has no storer: its methods that read other
// objects do not work.
func (o *objects) commit(h plumbing.Hash) (*object.Commit, error) {
	if c, ok := o.commits.get(h); ok {
		return c, nil
	}
	content, err := o.read(plumbing.CommitObject, h)
	if err != nil {
		return nil, err
	}
	raw := &plumbing.MemoryObject{}
	raw.SetType(plumbing.CommitObject)
	_, _ = raw.Write(content) // in memory
	c := &object.Commit{}
	if err := c.Decode(raw); err != nil {
		return nil, objectError(plumbing.CommitObject, h, err)
	}
	o.commits.put(h, c, 1)
	return c, nil
}

// folder returns a decoded tree object, from the cache when it can.
func (o *objects) folder(h plumbing.Hash) (*folder, error) {
	if f, ok := o.folders.get(h); ok {
		return f, nil
	}
	content, err := o.read(plumbing.TreeObject, h)
	if err != nil {
		return nil, err
	}
	f, err := decodeFolder(content)
	if err != nil {
		return nil, objectError(plumbing.TreeObject, h, err)
	}
	o.folders.put(h, f, 1+len(f.entries))
	return f, nil
}

func objectError(typ plumbing.ObjectType, h plumbing.Hash, err error) error {
	return &ObjectError{
		Kind: typ.String(), Hash: h.String(), cause: err,
		Missing: errors.Is(err, plumbing.ErrObjectNotFound),
	}
}

// recoverCorrupt turns a panic of the decoder into an error: a damaged pack must not end the daemon.
func recoverCorrupt(typ plumbing.ObjectType, h plumbing.Hash, err *error) {
	if p := recover(); p != nil {
		*err = objectError(typ, h, fmt.Errorf("the object is damaged: %v", p))
	}
}
