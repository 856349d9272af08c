// SPDX-License-Identifier: Apache-2.0

package git

import "sync"

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
