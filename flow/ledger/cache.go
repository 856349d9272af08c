// SPDX-License-Identifier: Apache-2.0

package ledger

import (
	"sync"

	"trunkline.dev/trunkline/flow/manifest"
)

// maxCached is how many bytes of manifests are kept: those of about a hundred thousand lots of a few objects each.
const maxCached = 32 << 20

// cache keeps manifests by their addresses. A manifest is written once, so that what was read is what there is as long as its ETag is
// the same. What was used least recently goes, roughly: it keeps two generations, and what is used moves into the younger one.
type cache struct {
	mu         sync.Mutex
	young, old map[string]cached
	size       int64
}

type cached struct {
	etag string
	m    manifest.Manifest
	size int64
}

func newCache() *cache { return &cache{young: map[string]cached{}} }

// get returns what is kept of a manifest with an ETag.
func (c *cache) get(address, etag string) (manifest.Manifest, bool) {
	c.mu.Lock()
	defer c.mu.Unlock()
	found, ok := c.young[address]
	if !ok {
		if found, ok = c.old[address]; ok {
			c.keep(address, found)
		}
	}
	if !ok || etag == "" || found.etag != etag {
		return manifest.Manifest{}, false
	}
	return found.m, true
}

// put keeps a manifest, of so many bytes.
func (c *cache) put(address, etag string, m manifest.Manifest, size int64) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.keep(address, cached{etag, m, size + int64(len(address))})
}

func (c *cache) keep(address string, one cached) {
	c.size += one.size - c.young[address].size
	c.young[address] = one
	if c.size > maxCached/2 {
		c.old, c.young, c.size = c.young, map[string]cached{}, 0
	}
}
