// SPDX-License-Identifier: Apache-2.0

package git

import (
	"container/heap"
	"context"
	"time"

	"github.com/go-git/go-git/v5/plumbing"
)

// descends reports whether ancestor is tip or among its ancestors.
//
// It walks from both, newest first, and gives up the lines of tip that run into ancestor's own past, since
// nothing there can lead to ancestor again. So the cost is what the two histories do not share, not the
// length of the history. Dates only order the walk: wrong ones make it longer, never wrong.
func (s *Store) descends(ctx context.Context, tip, ancestor plumbing.Hash) (bool, error) {
	if tip == ancestor {
		return true, nil
	}
	queue := newDateQueue(s.objects)
	for _, h := range []plumbing.Hash{tip, ancestor} {
		if err := queue.add(h); err != nil {
			return false, err
		}
	}
	past := map[plumbing.Hash]bool{ancestor: true} // ancestor and its ancestors, as far as known
	open := 1                                      // queued commits that are not in past
	for open > 0 {
		c, ok := queue.pop()
		if !ok {
			break
		}
		if err := ctx.Err(); err != nil {
			return false, err
		}
		inPast := past[c.hash]
		if !inPast {
			open--
		}
		for _, p := range c.parents {
			if !inPast && p == ancestor {
				return true, nil
			}
			if inPast && past[p] {
				continue
			}
			if inPast {
				past[p] = true
				if queue.waiting(p) {
					open-- // it was waiting as a commit of tip's own
				}
				if err := queue.addAgain(p); err != nil {
					return false, err
				}
				continue
			}
			if past[p] || queue.seen(p) {
				continue
			}
			if err := queue.add(p); err != nil {
				return false, err
			}
			open++
		}
	}
	return false, nil
}

// dated is a commit as a walk needs it.
type dated struct {
	hash    plumbing.Hash
	when    time.Time
	parents []plumbing.Hash
}

// dateQueue yields commits, newest first.
type dateQueue struct {
	objects *objects
	items   dates
	state   map[plumbing.Hash]bool // true while waiting, false once yielded
}

func newDateQueue(o *objects) *dateQueue {
	return &dateQueue{objects: o, state: map[plumbing.Hash]bool{}}
}

// add queues a commit, the first time it is named.
func (q *dateQueue) add(h plumbing.Hash) error {
	if q.seen(h) {
		return nil
	}
	return q.addAgain(h)
}

// addAgain queues a commit unless it waits already.
func (q *dateQueue) addAgain(h plumbing.Hash) error {
	if q.waiting(h) {
		return nil
	}
	c, err := q.objects.commit(h)
	if err != nil {
		return err
	}
	q.state[h] = true
	heap.Push(&q.items, dated{h, c.Committer.When, c.ParentHashes})
	return nil
}

func (q *dateQueue) seen(h plumbing.Hash) bool    { _, ok := q.state[h]; return ok }
func (q *dateQueue) waiting(h plumbing.Hash) bool { return q.state[h] }

func (q *dateQueue) pop() (dated, bool) {
	if len(q.items) == 0 {
		return dated{}, false
	}
	c := heap.Pop(&q.items).(dated)
	q.state[c.hash] = false
	return c, true
}

type dates []dated

func (d dates) Len() int           { return len(d) }
func (d dates) Less(i, j int) bool { return d[i].when.After(d[j].when) }
func (d dates) Swap(i, j int)      { d[i], d[j] = d[j], d[i] }
func (d *dates) Push(x any)        { *d = append(*d, x.(dated)) }
func (d *dates) Pop() any {
	last := (*d)[len(*d)-1]
	*d = (*d)[:len(*d)-1]
	return last
}
