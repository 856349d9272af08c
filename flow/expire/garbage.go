// SPDX-License-Identifier: Apache-2.0

package expire

import (
	"context"
	"fmt"
	"iter"
	"maps"
	"slices"
	"strings"
	"sync"

	"golang.org/x/sync/errgroup"

	"trunkline.dev/trunkline/flow/bucket"
	"trunkline.dev/trunkline/flow/manifest"
	"trunkline.dev/trunkline/flow/store"
)

const (
	// atOnce is how many objects are read or deleted at a time.
	atOnce = 16
	// maxObjects bounds the objects of the lots that are removed at once.
	maxObjects = 1_000_000
)

// garbage are the objects to delete, by their paths in the location of a dataset.
type garbage struct {
	location string
	folder   bucket.Folder

	mu sync.Mutex
	// keys has each object, and whether it is to be deleted; sorted are all of them.
	keys   map[string]bool
	sorted []string
}

func (g *garbage) all() iter.Seq[string] { return maps.Keys(g.keys) }

// add has the objects be deleted that a manifest lists. One that lists the whole location is of no use for that: others have data there.
func (g *garbage) add(ctx context.Context, m manifest.Manifest) error {
	for _, uri := range m.URIs {
		paths := manifest.Paths(g.location, uri)
		if len(paths) == 0 || slices.ContainsFunc(paths, func(p string) bool { return strings.Trim(p, "/") == "" }) {
			continue
		}
		found, err := g.find(ctx, m.URIType, paths)
		if err != nil {
			return err
		}
		for _, key := range found {
			if g.keys[key] = true; len(g.keys) > maxObjects {
				return fmt.Errorf("the lots have more than %d objects: remove fewer of them at a time, by a lower perDay", maxObjects)
			}
		}
	}
	return nil
}

// find lists the objects that a URI names. If it can be read in two ways, and there is something by both, nothing says which is meant.
func (g *garbage) find(ctx context.Context, kind manifest.URIType, paths []string) (found []string, err error) {
	if kind == manifest.Identifier && len(paths) == 1 {
		return paths, nil
	}
	for _, path := range paths {
		var keys []string
		for o, err := range g.folder.List(ctx, path) {
			if bucket.ClassOf(err) == bucket.NoStore {
				return nil, nil
			}
			if err != nil {
				return nil, err
			}
			if kind == manifest.Identifier && o.Key != path {
				break // the first whose key begins so is the one that is just so
			}
			if keys = append(keys, o.Key); len(keys) > maxObjects {
				return nil, fmt.Errorf("%s%s has more than %d objects: delete them by hand", g.location, path, maxObjects)
			}
			if kind == manifest.Identifier {
				break
			}
		}
		if len(keys) > 0 && len(found) > 0 {
			return nil, nil
		}
		if len(keys) > 0 {
			found = keys
		}
	}
	return found, nil
}

// keep has what a manifest that counts lists not be deleted, whichever way its URIs are read.
func (g *garbage) keep(m manifest.Manifest) {
	g.mu.Lock()
	defer g.mu.Unlock()
	for _, uri := range m.URIs {
		for _, path := range manifest.Paths(g.location, uri) {
			if m.URIType == manifest.Identifier {
				if g.keys[path] {
					g.keys[path] = false
				}
				continue
			}
			for i, _ := slices.BinarySearch(g.sorted, path); i < len(g.sorted) && strings.HasPrefix(g.sorted[i], path); i++ {
				g.keys[g.sorted[i]] = false
			}
		}
	}
}

// spare reads all manifests of the dataset that count, but for some, and keeps what they list. If one of them is damaged, nobody knows what it lists:
// then no data are deleted.
func (r remover) spare(ctx context.Context, g *garbage, but []manifest.Key) (err error) {
	except := map[manifest.Key]bool{}
	for _, key := range but {
		except[key] = true
	}
	group, reading := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for e, failed := range r.store.List(ctx, store.Of{Dataset: r.Dataset.Dataset}) {
		if failed != nil {
			err = failed
			break
		}
		if e.Stray != nil || !e.Key.State.Counts() || except[e.Key] {
			continue
		}
		group.Go(func() error {
			m, err := r.store.Read(reading, e.Key, r.Data)
			if bucket.ClassOf(err) == bucket.NotFound {
				return nil // it was removed meanwhile
			}
			if err != nil {
				return fmt.Errorf("the data stay, since not all manifests can be read that may list them: %w", err)
			}
			g.keep(m)
			return nil
		})
	}
	if failed := group.Wait(); failed != nil {
		return failed
	}
	return err
}

// count counts the objects that would be deleted.
func (g *garbage) count() (n int) {
	for _, goes := range g.keys {
		if goes {
			n++
		}
	}
	return n
}

// delete deletes them.
func (g *garbage) delete(ctx context.Context) error {
	group, deleting := errgroup.WithContext(ctx)
	group.SetLimit(atOnce)
	for _, key := range g.sorted {
		if g.keys[key] {
			group.Go(func() error { return g.folder.Delete(deleting, key) })
		}
	}
	return group.Wait()
}
