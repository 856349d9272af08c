// SPDX-License-Identifier: Apache-2.0

package reconciler

import (
	"sync"

	"trunkline.dev/trunkline/plan/release"
)

// mailbox holds what was said to an actor and not been dealt with. Putting something in never blocks.
type mailbox struct {
	// wake has one while there may be mail.
	wake chan struct{}

	mu   sync.Mutex
	mail []mail
}

// mail is an event, and who waits for it to be dealt with.
type mail struct {
	event   release.Event
	waiting *sync.WaitGroup
	// key is that of the brief that it is a part of; nil if it is of none.
	key *string
}

func (m mail) done() {
	if m.waiting != nil {
		m.waiting.Done()
	}
}

func newMailbox() mailbox { return mailbox{wake: make(chan struct{}, 1)} }

func (b *mailbox) put(e release.Event) { b.add(mail{event: e}) }

// putAndTell has the group told once the event was dealt with.
func (b *mailbox) putAndTell(e release.Event, waiting *sync.WaitGroup) {
	waiting.Add(1)
	b.add(mail{event: e, waiting: waiting})
}

func (b *mailbox) add(m mail) {
	b.mu.Lock()
	b.mail = append(b.mail, m)
	b.mu.Unlock()
	select {
	case b.wake <- struct{}{}:
	default:
	}
}

// take empties the mailbox.
func (b *mailbox) take() []mail {
	b.mu.Lock()
	defer b.mu.Unlock()
	all := b.mail
	b.mail = nil
	return all
}

// empty reports whether there is no mail.
func (b *mailbox) empty() bool {
	b.mu.Lock()
	defer b.mu.Unlock()
	return len(b.mail) == 0
}
