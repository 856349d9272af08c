// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"maps"
	"slices"
	"time"
)

// State is what has to be remembered of what is so and who was told. It is kept as JSON.
type State struct {
	// Origin is where messages get their ids from: another state has another.
	Origin string `json:"origin"`
	// Number is that of the newest message.
	Number int64 `json:"number"`
	// Began is when the state was made: what happened before is told nobody. Read is up to when happenings were read.
	Began time.Time `json:"began"`
	Read  time.Time `json:"read"`
	// Alerts are conditions that are so, or of which a channel has to hear that they are over, by their keys.
	Alerts   map[string]*Alert   `json:"alerts,omitempty"`
	Channels map[string]*Channel `json:"channels,omitempty"`
	// Seen are the ids of happenings that were taken, with when that was.
	Seen map[string]time.Time `json:"seen,omitempty"`
}

// Alert is a condition, and who was told of it.
type Alert struct {
	Condition
	// Started is since when it is so, without a break; Over since when it is not, zero while it is.
	Started time.Time `json:"started"`
	Over    time.Time `json:"over,omitzero"`
	// Returns are when it came back.
	Returns []time.Time      `json:"returns,omitempty"`
	Told    map[string]*Told `json:"told,omitempty"`
}

// Told is what a channel was told of an alert, and what waits to be told.
type Told struct {
	// Firing reports that the last that the channel heard is that it is so; At is when that was.
	Firing bool      `json:"firing,omitempty"`
	At     time.Time `json:"at,omitzero"`
	// Due is what is to be told, since DueAt; empty: nothing.
	Due   Standing  `json:"due,omitempty"`
	DueAt time.Time `json:"dueAt,omitzero"`
	// Flapping reports that the channel was told that it comes and goes.
	Flapping bool `json:"flapping,omitempty"`
}

// Channel is what a channel as a whole has to be told.
type Channel struct {
	// Sent are when messages went out, of the last hour.
	Sent []time.Time `json:"sent,omitempty"`
	// Waiting are happenings that wait to be told.
	Waiting []Waiting `json:"waiting,omitempty"`
	// Suppressed counts what is not told by itself, since SuppressedAt.
	Suppressed   map[Topic]int `json:"suppressed,omitempty"`
	SuppressedAt time.Time     `json:"suppressedAt,omitzero"`
}

// Waiting is a happening that waits to be told.
type Waiting struct {
	Condition
	Key string    `json:"key"`
	At  time.Time `json:"at"`
}

// New returns the state of those who were told nothing.
func New(origin string, now time.Time) State {
	return State{Origin: origin, Began: now, Read: now}
}

// clone returns a copy that shares nothing that [Step] changes.
func (s State) clone() State {
	alerts, channels := make(map[string]*Alert, len(s.Alerts)), make(map[string]*Channel, len(s.Channels))
	for key, a := range s.Alerts {
		c := *a
		c.Returns, c.Told = slices.Clone(a.Returns), make(map[string]*Told, len(a.Told))
		for channel, told := range a.Told {
			t := *told
			c.Told[channel] = &t
		}
		alerts[key] = &c
	}
	for name, ch := range s.Channels {
		c := *ch
		c.Sent, c.Waiting, c.Suppressed = slices.Clone(ch.Sent), slices.Clone(ch.Waiting), maps.Clone(ch.Suppressed)
		channels[name] = &c
	}
	s.Alerts, s.Channels, s.Seen = alerts, channels, maps.Clone(s.Seen)
	if s.Seen == nil {
		s.Seen = map[string]time.Time{}
	}
	return s
}

// channel returns what is known of a channel.
func (s *State) channel(name string) *Channel {
	ch := s.Channels[name]
	if ch == nil {
		ch = &Channel{}
		s.Channels[name] = ch
	}
	return ch
}

// suppress counts something that is not told by itself.
func (ch *Channel) suppress(t Topic, now time.Time) {
	if len(ch.Suppressed) == 0 {
		ch.Suppressed, ch.SuppressedAt = map[Topic]int{}, now
	}
	ch.Suppressed[t]++
}

// counts returns what was suppressed, in the order of topics, and begins to count again.
func (ch *Channel) counts() (out []Suppressed) {
	for _, t := range slices.Sorted(maps.Keys(ch.Suppressed)) {
		out = append(out, Suppressed{t, ch.Suppressed[t]})
	}
	ch.Suppressed, ch.SuppressedAt = nil, time.Time{}
	return out
}

// sent counts the messages of the hour before now. A clock that was ahead counts as now.
func (ch *Channel) sent(now time.Time) int {
	for i, at := range ch.Sent {
		if at.After(now) {
			ch.Sent[i] = now
		}
	}
	ch.Sent = slices.DeleteFunc(ch.Sent, func(at time.Time) bool { return now.Sub(at) >= time.Hour })
	return len(ch.Sent)
}
