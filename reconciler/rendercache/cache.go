// SPDX-License-Identifier: Apache-2.0

package rendercache

import (
	"crypto/rand"
	"crypto/sha256"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"log/slog"
	"os"
	"path/filepath"
	"sync/atomic"
	"time"

	"trunkline.dev/trunkline/reconciler/durable"
	"trunkline.dev/trunkline/render"
)

const (
	// maxVariants bounds the entries of one key: the trees between which branches go back and forth.
	maxVariants = 8
	// touchEvery is how exactly the disk knows when an entry was used; to write it down each time would cost more
	// than it is worth.
	touchEvery = time.Hour
	// temporary begins the names of files that are not finished.
	temporary  = ".new-"
	secretSize = 32
)

// Limits bound a cache.
type Limits struct {
	// Bytes of all entries together; default: 1 GiB, which is 100,000 releases of ten objects.
	Bytes int64
	// Entries; default: 100,000. Each takes about 400 bytes of memory.
	Entries int
}

// Cache keeps rendered releases in a folder. It may be used by several goroutines, and by one process at a time.
type Cache struct {
	dir    string
	secret []byte
	limits Limits
	index  *index
	log    *slog.Logger
	now    func() time.Time
	// full reports whether the last write failed, which is said once and not for each release.
	full atomic.Bool
}

// Options are what a cache is made of. All are optional but Log and Now.
type Options struct {
	Limits Limits
	Log    *slog.Logger
	Now    func() time.Time
}

// Open opens the cache in a folder, which is made if need be, with the key in a file, which must lie outside of the
// folder and is made too. With another key, everything in the folder is foreign.
func Open(dir, keyFile string, opts Options) (*Cache, error) {
	c := &Cache{dir: dir, limits: opts.Limits, log: opts.Log, now: opts.Now}
	if c.limits.Bytes <= 0 {
		c.limits.Bytes = 1 << 30
	}
	if c.limits.Entries <= 0 {
		c.limits.Entries = 100_000
	}
	var err error
	if err = private(dir); err == nil {
		c.secret, err = readSecret(keyFile)
	}
	if err == nil {
		c.index, err = readIndex(dir)
	}
	if err != nil {
		return nil, fmt.Errorf("opening the cache of rendered releases in %s: %w", dir, err)
	}
	return c, nil
}

// private makes a folder that is the daemon's alone.
func private(dir string) error {
	if err := os.MkdirAll(dir, 0o700); err != nil {
		return err
	}
	return os.Chmod(dir, 0o700) //nolint:gosec // a folder
}

// readSecret reads the key, or makes one.
func readSecret(file string) ([]byte, error) {
	secret, err := os.ReadFile(file)
	if err == nil && len(secret) == secretSize {
		return secret, nil
	}
	if err != nil && !errors.Is(err, fs.ErrNotExist) {
		return nil, err
	}
	secret = make([]byte, secretSize)
	_, _ = rand.Read(secret) // never fails
	return secret, durable.Write(file, secret, filepath.Join(filepath.Dir(file), temporary+"*"))
}

// write writes an entry so that it is there as a whole or not at all, as long as the machine runs. It is not synced, which
// would cost more than rendering: an entry that a power failure cut off does not match its code, and is rendered again.
func write(file string, data []byte) error {
	f, err := os.CreateTemp(filepath.Dir(file), temporary+"*") // 0600
	if err != nil {
		return err
	}
	_, err = f.Write(data)
	if err = errors.Join(err, f.Close()); err == nil {
		err = os.Rename(f.Name(), file)
	}
	if err != nil {
		_ = os.Remove(f.Name())
	}
	return err
}

// path is where an entry lies: in folders by how the name begins, as a folder with all would be slow.
func (c *Cache) path(name string) string { return filepath.Join(c.dir, name[:2], name) }

// Get returns what was rendered under a key, if it counts for a tree.
func (c *Cache) Get(key string, tree fs.FS) (*render.Packed, render.ReadSet, bool) {
	for _, name := range c.index.names(key) {
		objects, reads, err := c.read(name, tree)
		if err != nil {
			c.index.forget(key, name)
			if errors.Is(err, fs.ErrNotExist) {
				continue // deleted by someone, or to make room
			}
			c.log.Warn("an entry of the render cache is not used, and deleted", "entry", name, "err", err.Error())
			_ = os.Remove(c.path(name))
			continue
		}
		if objects == nil {
			continue
		}
		if now := c.now(); c.index.touch(key, name, now) {
			_ = os.Chtimes(c.path(name), now, now)
		}
		return objects, reads, true
	}
	return nil, render.ReadSet{}, false
}

// read returns what an entry holds; nil if it does not count for the tree.
func (c *Cache) read(name string, tree fs.FS) (objects *render.Packed, reads render.ReadSet, err error) {
	f, err := os.Open(c.path(name))
	if err != nil {
		return nil, reads, err
	}
	defer func() { _ = f.Close() }()
	data, err := io.ReadAll(io.LimitReader(f, maxEntry+1))
	if err != nil {
		return nil, reads, err
	}
	if len(data) > maxEntry {
		return nil, reads, errForeign
	}
	top, body, err := open(c.secret, name, data)
	if err != nil || !hold(tree, top.Facts) {
		return nil, reads, err
	}
	objects, err = render.Assemble(body, top.Parts, top.Digest)
	return objects.WithWarnings(top.Warnings), top.Reads, err
}

// Put keeps what a tree rendered to under a key.
func (c *Cache) Put(key string, tree fs.FS, objects *render.Packed, reads render.ReadSet) {
	facts, known := factsOf(tree, reads)
	if !known {
		return
	}
	data, err := encode(facts, objects, reads)
	if err == nil {
		err = c.write(key, facts, data)
	}
	if err == nil {
		c.full.Store(false)
	} else if !c.full.Swap(true) {
		c.log.Warn("cannot keep a rendered release; it will be rendered again after a restart", "err", err.Error())
	}
}

func (c *Cache) write(key string, facts []fact, data []byte) error {
	which, err := json.Marshal(facts)
	if err != nil {
		return err
	}
	sum := sha256.Sum256(which)
	name := key + "-" + hex.EncodeToString(sum[:16])
	seal(c.secret, name, data)
	if err := private(filepath.Dir(c.path(name))); err != nil {
		return err
	}
	if err := write(c.path(name), data); err != nil {
		return err
	}
	for _, old := range c.index.put(item{key: key, name: name, size: int64(len(data)), used: c.now()}, c.limits) {
		_ = os.Remove(c.path(old))
	}
	return nil
}
