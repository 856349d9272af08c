// SPDX-License-Identifier: Apache-2.0

package afar

import (
	"trunkline.dev/trunkline/flow/jobs"
)

// maxItems bounds the Jobs and templates of one cluster that are looked at: an agent may say what it likes.
const maxItems = 200_000

// mirror is what a cluster has, and what of that someone was not told yet who hears of it later, or more slowly. It grows with what there is,
// and not with what has happened. It is a value: nothing waits in it.
type mirror struct {
	// begun is set once anything is known, complete while all that there is has been seen, and away while it is not known what has changed.
	begun, complete, away bool
	why                   string
	items                 map[string]jobs.Event

	// The following were not told yet: that all is told again, how each of the items is by now, that these are all, and whether what there is
	// can be followed. The queue has the items in the order in which they are told, some of them more than once.
	begins, completes, contact bool
	dirty                      map[string][]jobs.Event
	queue                      []string
}

func newMirror() *mirror {
	return &mirror{items: map[string]jobs.Event{}, dirty: map[string][]jobs.Event{}}
}

// keyOf names what an event is about; false if it is about nothing.
func keyOf(e jobs.Event) (key string, ok bool) {
	switch {
	case e.Job != nil:
		return "job " + e.Job.Namespace + "/" + e.Job.Name, true
	case e.Template != nil:
		return templateKey(e.Template.Namespace, e.Template.Name), true
	case e.Other != nil:
		return "other " + e.Other.Namespace + "/" + e.Other.Name, true
	}
	return "", false
}

func templateKey(namespace, name string) string { return "template " + namespace + "/" + name }

// take notes what has happened in the cluster.
func (m *mirror) take(e jobs.Event) {
	switch e.Kind {
	case jobs.Begins: // all that there is follows
		m.begun, m.begins, m.complete, m.completes = true, true, false, false
		clear(m.items)
		clear(m.dirty)
		m.queue = nil
	case jobs.Complete:
		m.complete, m.completes, m.away, m.why, m.contact = true, true, false, "", false
	case jobs.Away:
		m.away, m.why, m.contact = true, e.Why, true
	case jobs.Back:
		m.away, m.why, m.contact = false, "", true
	case jobs.Has, jobs.Gone:
		m.item(e)
	}
}

// item notes how a Job or a template is now. That one is gone is told also if there is another one of its name by now.
func (m *mirror) item(e jobs.Event) {
	key, ok := keyOf(e)
	_, known := m.items[key]
	if !ok || !known && len(m.items) >= maxItems {
		return
	}
	pending := m.dirty[key]
	if e.Kind == jobs.Gone && !known && len(pending) == 0 {
		return // nobody was told that it is there
	}
	if len(pending) == 0 {
		m.queue = append(m.queue, key)
	}
	if e.Kind == jobs.Gone {
		delete(m.items, key)
		m.dirty[key] = []jobs.Event{e}
		return
	}
	m.items[key] = e
	if len(pending) > 0 && pending[0].Kind == jobs.Gone {
		m.dirty[key] = []jobs.Event{pending[0], e}
		return
	}
	m.dirty[key] = []jobs.Event{e}
}

// again has all be told again that there is.
func (m *mirror) again() {
	m.begins, m.completes, m.contact = m.begun, m.complete, m.away
	clear(m.dirty)
	m.queue = nil
	for key, e := range m.items {
		m.dirty[key] = []jobs.Event{e}
		m.queue = append(m.queue, key)
	}
}

// next are the events to tell next, about that many items at most, and whether there are more.
func (m *mirror) next(most int) (events []jobs.Event, more bool) {
	if m.begins {
		m.begins = false
		events = append(events, jobs.Event{Kind: jobs.Begins})
	}
	if m.contact && m.away {
		m.contact = false
		events = append(events, jobs.Event{Kind: jobs.Away, Why: m.why})
	}
	for n := 0; n < most && len(m.queue) > 0; n++ {
		key := m.queue[0]
		m.queue = m.queue[1:]
		events = append(events, m.dirty[key]...)
		delete(m.dirty, key)
	}
	if len(m.queue) > 0 {
		return events, true
	}
	if m.completes {
		m.completes = false
		events = append(events, jobs.Event{Kind: jobs.Complete})
		m.contact = m.away // who hears that all has been seen takes it that it can be followed
	}
	switch {
	case m.contact && m.away:
		events = append(events, jobs.Event{Kind: jobs.Away, Why: m.why})
	case m.contact:
		events = append(events, jobs.Event{Kind: jobs.Back})
	}
	m.contact = false
	return events, false
}
