package git

import (
	"context"
	"errors"
	"fmt"
	"io"
	"sync"
	"sync/atomic"

	"github.com/go-git/go-git/v5/plumbing"
	"github.com/go-git/go-git/v5/plumbing/object"
	"github.com/go-git/go-git/v5/storage/filesystem"
)

// objects reads a store's objects for any number of goroutines.
//
// go-git's storage is not safe for concurrent use (it fills its index and its table of open packs without
// a lock), so all reading goes through mu; what comes out is copied before mu is let go. Decoded folders
// are kept apart from it, since nearly every look-up is one of a path whose folders were just looked at.
type objects struct {
	limits Limits
	// open opens the storage; again after packs were added or taken away.
	open func() *filesystem.Storage

	mu  sync.Mutex
	sto *filesystem.Storage

	folders generations[plumbing.Hash, *folder]
	extents generations[plumbing.Hash, extent]

	// damaged is set by a tree that met a missing or unreadable object; the next fetch repairs the store.
	damaged atomic.Bool
}

const (
	// maxFolderEntries bounds the folder cache to some 20 MB of names and hashes.
	maxFolderEntries = 200_000
	maxExtents       = 500_000
	// objectCacheBytes is for the bases of deltas and small blobs that are read again.
	objectCacheBytes = 16 << 20
)

func newObjects(lim Limits, open func() *filesystem.Storage) *objects {
	return &objects{
		limits: lim, open: open, sto: open(),
		folders: generations[plumbing.Hash, *folder]{max: maxFolderEntries},
		extents: generations[plumbing.Hash, extent]{max: maxExtents},
	}
}

// reopen forgets what go-git knows of the packs on disk. Caches by hash stay: a hash names one content.
func (o *objects) reopen() {
	o.mu.Lock()
	defer o.mu.Unlock()
	_ = o.sto.Close() // its descriptors are only read from
	o.sto = o.open()
}

// forget empties the caches, for when what is on disk is in doubt.
func (o *objects) forget() {
	o.folders.clear()
	o.extents.clear()
}

// read returns the content of an object of the given type.
func (o *objects) read(typ plumbing.ObjectType, h plumbing.Hash) (content []byte, err error) {
	o.mu.Lock()
	defer o.mu.Unlock()
	defer recoverCorrupt(typ, h, &err)
	obj, err := o.sto.EncodedObject(typ, h)
	if err != nil {
		return nil, objectError(typ, h, err)
	}
	r, err := obj.Reader()
	if err != nil {
		return nil, objectError(typ, h, err)
	}
	defer r.Close()
	content = make([]byte, obj.Size())
	if _, err := io.ReadFull(r, content); err != nil {
		return nil, objectError(typ, h, err)
	}
	// Asked last: go-git takes some objects' names from the index, and computes others from the content.
	if got := plumbing.ComputeHash(typ, content); got != h {
		return nil, objectError(typ, h, fmt.Errorf("the content's hash is %s", got))
	}
	return content, nil
}

// size returns the length of a blob without reading it.
func (o *objects) size(h plumbing.Hash) (n int64, err error) {
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

// commit returns a decoded commit. It has no storer: its methods that read other objects do not work.
func (o *objects) commit(h plumbing.Hash) (*object.Commit, error) {
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

// generations is a bounded cache of two halves: what is used moves to the young half, and when that is
// full the old half is dropped. It costs one map look-up and no list to maintain.
type generations[K comparable, V any] struct {
	mu         sync.Mutex
	young, old map[K]weighed[V]
	weight     int
	max        int
}

type weighed[V any] struct {
	value  V
	weight int
}

func (g *generations[K, V]) get(k K) (V, bool) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if w, ok := g.young[k]; ok {
		return w.value, true
	}
	w, ok := g.old[k]
	if ok {
		g.insert(k, w)
	}
	return w.value, ok
}

func (g *generations[K, V]) put(k K, v V, weight int) {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.insert(k, weighed[V]{v, weight})
}

func (g *generations[K, V]) insert(k K, w weighed[V]) {
	if g.young == nil || g.weight+w.weight > g.max/2 {
		g.old, g.young, g.weight = g.young, map[K]weighed[V]{}, 0
	}
	if _, ok := g.young[k]; !ok {
		g.weight += w.weight
	}
	g.young[k] = w
}

func (g *generations[K, V]) clear() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.young, g.old, g.weight = nil, nil, 0
}

// extent is how much hangs below a folder.
type extent struct {
	files int64
	depth int
	// complete says that every object below was seen in the store.
	complete bool
}

// measure walks everything below a folder once per distinct folder, so that a tree which repeats itself
// beyond all bounds is found out by adding, not by walking. With complete set it also asks for every blob.
func (o *objects) measure(ctx context.Context, h plumbing.Hash, depth int, complete bool) (extent, error) {
	if x, ok := o.extents.get(h); ok && (x.complete || !complete) {
		return x, o.checkExtent(x, depth)
	}
	if err := ctx.Err(); err != nil {
		return extent{}, err
	}
	f, err := o.folder(h)
	if err != nil {
		return extent{}, err
	}
	sum := extent{depth: 1, complete: complete}
	for _, e := range f.entries {
		sub := extent{files: 1}
		switch {
		case e.kind == kindFolder:
			if depth >= o.limits.MaxDepth {
				return sum, o.tooDeep()
			}
			if sub, err = o.measure(ctx, e.hash, depth+1, complete); err != nil {
				return sum, err
			}
		case e.kind != kindModule && complete:
			if err := o.has(e.hash); err != nil {
				return sum, err
			}
		}
		sum.depth = max(sum.depth, sub.depth+1)
		// No overflow: a folder's sum is bounded before it is added to the next.
		if sum.files += sub.files; sum.files > o.limits.MaxFiles {
			return sum, &LimitError{Subject: "the tree", Limit: o.limits.MaxFiles, Unit: "files", Field: "MaxFiles"}
		}
	}
	o.extents.put(h, sum, 1)
	return sum, nil
}

func (o *objects) checkExtent(x extent, depth int) error {
	if depth+x.depth-1 > o.limits.MaxDepth {
		return o.tooDeep()
	}
	return nil
}

func (o *objects) tooDeep() error {
	return &LimitError{Subject: "the tree", Limit: int64(o.limits.MaxDepth), Unit: "folders in one path", Field: "MaxDepth"}
}
