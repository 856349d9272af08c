// SPDX-License-Identifier: Apache-2.0

// Package archive keeps a few values that are expensive to load and large to hold, such as the catalogs of older commits,
// for many who ask for them at once.
//
// Of Trunkline it may import nothing.
package archive

import (
	"context"
	"slices"
	"sync"
)

// Load reads the value of a key. Its context ends when nobody waits for the value any more.
type Load[T any] func(ctx context.Context, key string) (T, error)

// Archive loads values on demand. There are never more of them in memory than it has places, whether they are being
// loaded, in use or kept for the next caller; who asks for one more waits for a place. It is safe for concurrent use.
type Archive[T any] struct {
	load   Load[T]
	places int

	mu sync.Mutex
	// taken counts the places of what is being loaded, in use or kept.
	taken   int
	entries map[string]*entry[T]
	// queue holds the entries that wait for a place, first come first served.
	queue []*entry[T]
	// idle holds the loaded entries that nobody uses, the one that was used longest ago first.
	idle []*entry[T]
}

// entry is one key, from the first call that asks for it until it is evicted.
type entry[T any] struct {
	key string
	// callers counts who waits for the value or uses it.
	callers int
	// start loads the value; cancel ends that.
	start  func()
	cancel context.CancelFunc
	// done is closed when value and err are set.
	done  chan struct{}
	value T
	err   error
}

// New returns an archive that holds at most the given number of values.
func New[T any](places int, load Load[T]) *Archive[T] {
	return &Archive[T]{load: load, places: max(places, 1), entries: map[string]*entry[T]{}}
}

// Use calls use with the value of a key, which stays in memory at least until use returns. However many ask for a key at
// once, it is loaded once; an error of loading it is returned to all of them, and not remembered. Use stops waiting when
// its context ends, which does not affect the others that wait for the same key. It must not be called from within use.
func (a *Archive[T]) Use(ctx context.Context, key string, use func(T) error) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e := a.join(ctx, key)
	defer a.leave(e)
	select {
	case <-e.done:
	case <-ctx.Done():
		return ctx.Err()
	}
	if e.err != nil {
		return e.err
	}
	return use(e.value)
}

// join returns the entry of a key, which counts one more caller.
func (a *Archive[T]) join(ctx context.Context, key string) *entry[T] {
	a.mu.Lock()
	defer a.mu.Unlock()
	e := a.entries[key]
	if e != nil {
		e.callers++
		a.idle = without(a.idle, e)
		return e
	}
	e = &entry[T]{key: key, callers: 1, done: make(chan struct{})}
	// The load must not end with the caller that happens to be the first.
	loading, cancel := context.WithCancel(context.WithoutCancel(ctx)) //nolint:gosec // fill and leave call it
	e.start, e.cancel = func() { a.fill(loading, e) }, cancel
	a.entries[key] = e
	a.queue = append(a.queue, e)
	a.next()
	return e
}

// leave counts one caller less. What nobody waits for is not loaded, and what nobody uses makes room when it is needed.
func (a *Archive[T]) leave(e *entry[T]) {
	a.mu.Lock()
	defer a.mu.Unlock()
	if e.callers--; e.callers > 0 {
		return
	}
	select {
	case <-e.done:
		if e.err == nil {
			a.idle = append(a.idle, e)
			a.next()
		}
	default:
		e.cancel()
		a.queue = without(a.queue, e)
		a.forget(e)
	}
}

// fill loads the value of an entry.
func (a *Archive[T]) fill(ctx context.Context, e *entry[T]) {
	value, err := a.load(ctx, e.key)
	e.cancel() // releases the context's resources
	a.mu.Lock()
	defer a.mu.Unlock()
	e.value, e.err = value, err
	close(e.done)
	if err != nil || e.callers == 0 {
		a.forget(e)
		a.taken--
		a.next()
	}
}

// next loads what waits for a place, as far as there are any. The caller holds the lock.
func (a *Archive[T]) next() {
	for len(a.queue) > 0 {
		if a.taken >= a.places {
			if len(a.idle) == 0 {
				return
			}
			a.forget(a.idle[0])
			a.idle = slices.Delete(a.idle, 0, 1)
			a.taken--
		}
		e := a.queue[0]
		a.queue = slices.Delete(a.queue, 0, 1)
		a.taken++
		go e.start()
	}
}

// forget has the next call for a key load it again. The caller holds the lock.
func (a *Archive[T]) forget(e *entry[T]) {
	if a.entries[e.key] == e {
		delete(a.entries, e.key)
	}
}

func without[T any](entries []*entry[T], e *entry[T]) []*entry[T] {
	return slices.DeleteFunc(entries, func(other *entry[T]) bool { return other == e })
}
