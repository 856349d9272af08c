// SPDX-License-Identifier: Apache-2.0

package history

import "sync"

// queue holds the events that are not written yet, the oldest first, and no more than a number of bytes of them.
type queue struct {
	// limit is in bytes, as [size] counts.
	limit int

	mu     sync.Mutex
	events []Event
	bytes  int
	// first is the number of the first event, and dropped how many were dropped, ever.
	first   int64
	dropped int64
	// wake has room for one: whoever writes looks at all there is.
	wake chan struct{}
}

func newQueue(limit int) *queue { return &queue{limit: limit, first: 1, wake: make(chan struct{}, 1)} }

// push adds an event, and drops the oldest ones for which there is no room. It never waits for anything but another push or
// take.
func (q *queue) push(e Event) {
	q.mu.Lock()
	q.events = append(q.events, e)
	q.bytes += size(e)
	for q.bytes > q.limit && len(q.events) > 1 {
		q.dropped++
		q.pop()
	}
	q.mu.Unlock()
	q.poke()
}

// poke wakes whoever writes.
func (q *queue) poke() {
	select {
	case q.wake <- struct{}{}:
	default: // it will look anyway
	}
}

// pop removes the first event. The caller holds the lock.
func (q *queue) pop() Event {
	e := q.events[0]
	q.events[0] = Event{} // what the slice still reaches must not keep its texts
	q.events = q.events[1:]
	q.bytes -= size(e)
	q.first++
	return e
}

// take removes up to n events, and returns the number of the first one.
func (q *queue) take(n int) (first int64, events []Event) {
	q.mu.Lock()
	defer q.mu.Unlock()
	first = q.first
	for len(q.events) > 0 && len(events) < n {
		events = append(events, q.pop())
	}
	return first, events
}

// state returns how many events wait, and how many were dropped.
func (q *queue) state() (waiting int, dropped int64) {
	q.mu.Lock()
	defer q.mu.Unlock()
	return len(q.events), q.dropped
}
