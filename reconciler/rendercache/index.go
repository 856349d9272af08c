// SPDX-License-Identifier: Apache-2.0

package rendercache

import (
	"container/list"
	"io/fs"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"sync"
	"time"
)

// item is an entry on disk.
type item struct {
	key, name string
	size      int64
	used      time.Time
}

// index knows which entries there are, and which were used last.
type index struct {
	mu    sync.Mutex
	bytes int64
	// order has the items, that which was used last in front.
	order *list.List
	byKey map[string][]*list.Element
}

// entryName is that of an entry's file: the key and what tells it from others with the same key.
var entryName = regexp.MustCompile(`^([0-9a-f]{64})-[0-9a-f]{32}$`)

// readIndex finds what is in the folder. What a crash left half written is deleted; what is no entry is left alone.
func readIndex(dir string) (*index, error) {
	var items []item
	err := filepath.WalkDir(dir, func(name string, d fs.DirEntry, err error) error {
		if err != nil || !d.Type().IsRegular() {
			return err
		}
		if strings.HasPrefix(d.Name(), temporary) {
			return os.Remove(name) //nolint:gosec // nobody else can write to the folder
		}
		m := entryName.FindStringSubmatch(d.Name())
		info, err := d.Info()
		if m == nil || err != nil {
			return err
		}
		items = append(items, item{key: m[1], name: d.Name(), size: info.Size(), used: info.ModTime()})
		return nil
	})
	if err != nil {
		return nil, err
	}
	slices.SortFunc(items, func(a, b item) int { return a.used.Compare(b.used) })
	x := &index{order: list.New(), byKey: map[string][]*list.Element{}}
	for _, it := range items {
		x.add(it)
	}
	return x, nil
}

// add puts an item in front, in place of the one with its name. The caller holds the lock, or is alone.
func (x *index) add(it item) {
	x.remove(it.key, it.name)
	x.bytes += it.size
	x.byKey[it.key] = append(x.byKey[it.key], x.order.PushFront(&it))
}

func (x *index) remove(key, name string) {
	elements := x.byKey[key]
	i := slices.IndexFunc(elements, func(e *list.Element) bool { return itemOf(e).name == name })
	if i < 0 {
		return
	}
	x.bytes -= itemOf(elements[i]).size
	x.order.Remove(elements[i])
	if elements = slices.Delete(elements, i, i+1); len(elements) == 0 {
		delete(x.byKey, key)
		return
	}
	x.byKey[key] = elements
}

func itemOf(e *list.Element) *item { return e.Value.(*item) } //nolint:forcetypeassert // nothing else is put in

// names lists the entries of a key, that which was written last first.
func (x *index) names(key string) []string {
	x.mu.Lock()
	defer x.mu.Unlock()
	var out []string
	for _, e := range slices.Backward(x.byKey[key]) {
		out = append(out, itemOf(e).name)
	}
	return out
}

// touch notes that an entry was used, and reports whether that is worth noting on disk.
func (x *index) touch(key, name string, now time.Time) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	for _, e := range x.byKey[key] {
		if it := itemOf(e); it.name == name {
			x.order.MoveToFront(e)
			stale := now.Sub(it.used) > touchEvery
			if stale {
				it.used = now
			}
			return stale
		}
	}
	return false
}

// put adds an entry, and returns the names of those that have to go for it.
func (x *index) put(it item, limits Limits) (gone []string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.add(it)
	drop := func(old *item) {
		gone = append(gone, old.name)
		x.remove(old.key, old.name)
	}
	for len(x.byKey[it.key]) > maxVariants {
		drop(itemOf(x.byKey[it.key][0]))
	}
	for x.order.Len() > 1 && (x.bytes > limits.Bytes || x.order.Len() > limits.Entries) {
		drop(itemOf(x.order.Back()))
	}
	return gone
}

// forget takes an entry out.
func (x *index) forget(key, name string) {
	x.mu.Lock()
	defer x.mu.Unlock()
	x.remove(key, name)
}
