// SPDX-License-Identifier: Apache-2.0

package main

import (
	"container/heap"
	"time"
)

// engine is a clock that jumps from one thing that happens to the next.
type engine struct {
	now    time.Duration
	events events
	made   int
}

type event struct {
	at time.Duration
	// nth keeps what happens at one time in the order in which it was asked for.
	nth int
	do  func()
}

type events []event

func (q events) Len() int { return len(q) }

func (q events) Less(i, j int) bool {
	if q[i].at != q[j].at {
		return q[i].at < q[j].at
	}
	return q[i].nth < q[j].nth
}

func (q events) Swap(i, j int) { q[i], q[j] = q[j], q[i] }

// Push implements [heap.Interface].
func (q *events) Push(x any) {
	e, _ := x.(event)
	*q = append(*q, e)
}

// Pop implements [heap.Interface].
func (q *events) Pop() any {
	last := len(*q) - 1
	e := (*q)[last]
	(*q)[last] = event{}
	*q = (*q)[:last]
	return e
}

// after has something happen later.
func (e *engine) after(d time.Duration, do func()) {
	e.made++
	heap.Push(&e.events, event{e.now + d, e.made, do})
}

// run goes on until a time, or until nothing is to happen.
func (e *engine) run(until time.Duration) {
	for len(e.events) > 0 && e.events[0].at <= until {
		next, _ := heap.Pop(&e.events).(event)
		e.now = next.at
		next.do()
	}
	e.now = max(e.now, until)
}

// places are what only so many can have at once, in turns.
type places struct {
	free  int
	queue []func()
	// longest is how many have waited at once, and used how long places were worked at.
	longest int
	used    time.Duration
}

func (p *places) take(do func()) {
	if p.free > 0 {
		p.free--
		do()
		return
	}
	p.queue = append(p.queue, do)
	p.longest = max(p.longest, len(p.queue))
}

func (p *places) give() {
	if len(p.queue) == 0 {
		p.free++
		return
	}
	next := p.queue[0]
	p.queue = p.queue[1:]
	next()
}

// work has something take a place for a time.
func (p *places) work(e *engine, d time.Duration, done func()) {
	p.take(func() {
		e.after(d, func() {
			p.used += d
			p.give()
			done()
		})
	})
}
