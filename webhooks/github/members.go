// SPDX-License-Identifier: Apache-2.0

package github

import (
	"strings"
	"sync"
	"time"
)

const (
	// memberFor is how long it is taken as known that someone is in a team, and strangerFor that they are not: who was just
	// added does not want to wait.
	memberFor   = 5 * time.Minute
	strangerFor = 30 * time.Second
	// maxMembers bounds what is known at a time.
	maxMembers = 10_000
)

// members is who is known to be in which team, or not to be. The zero value is ready for use.
type members struct {
	mu      sync.Mutex
	answers map[membership]answer
}

// membership is a question: logins and teams are the same in any case.
type membership struct{ login, team string }

type answer struct {
	member bool
	until  time.Time
}

func membershipOf(login, team string) membership {
	return membership{strings.ToLower(login), strings.ToLower(team)}
}

// known returns whether someone is in a team, if that is known.
func (m *members) known(login, team string, now time.Time) (known, member bool) {
	m.mu.Lock()
	defer m.mu.Unlock()
	a, ok := m.answers[membershipOf(login, team)]
	return ok && now.Before(a.until), a.member
}

// learn keeps an answer for a while.
func (m *members) learn(login, team string, member bool, now time.Time) {
	until := now.Add(strangerFor)
	if member {
		until = now.Add(memberFor)
	}
	m.mu.Lock()
	defer m.mu.Unlock()
	if m.answers == nil || len(m.answers) >= maxMembers {
		m.answers = map[membership]answer{}
	}
	m.answers[membershipOf(login, team)] = answer{member, until}
}
