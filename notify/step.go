// SPDX-License-Identifier: Apache-2.0

package notify

import (
	"cmp"
	"maps"
	"slices"
	"strconv"
	"time"
)

const (
	// GroupWait is how long the first thing waits for others that come with it.
	GroupWait = 20 * time.Second
	// Settle is how long something has to be over before that is told.
	Settle = time.Minute
	// flaps is how often something comes back within an hour before it flaps, and calm how long it has to stay as it is then.
	flaps = 3
	calm  = 30 * time.Minute
	// most bounds the items of a message, and queue the happenings that wait for a channel.
	most, queue = 25, 200
	// remember is how long the id of a happening is kept: longer than happenings are read again.
	remember = 2 * time.Hour
	// lonely is how long counts wait for a message to go with.
	lonely = time.Hour
	// DefaultPerHour is how many messages an hour a channel is sent at most.
	DefaultPerHour = 30
)

// Limit is what holds for a channel.
type Limit struct {
	// PerHour bounds the messages of any hour; 0: [DefaultPerHour].
	PerHour int
	// Each has every item told by a message of its own, as systems for incidents want it.
	Each bool
}

// Input is what a step is given.
type Input struct {
	Routes []Route
	// Channels are those that are configured: others are told nothing.
	Channels map[string]Limit
	// Observation is what is so now; nil: nobody looked.
	Observation *Observation
	// Happenings are what has happened up to Read, some of which may have been given before.
	Happenings []Happening
	Read       time.Time
}

// Step takes what is seen, and returns what is to be told. It is a function of its arguments, and changes none. What is told counts as told
// from then on: whoever calls keeps the state and the messages together.
func Step(s State, in Input, now time.Time) (State, []Message) {
	s = s.clone()
	if in.Observation != nil {
		s.observe(*in.Observation, now)
	}
	s.take(in, now)
	s.decide(in, now)
	out := s.flush(in, now)
	s.forget(in, now)
	return s, out
}

// observe takes what is so, and what is not any more.
func (s *State) observe(o Observation, now time.Time) {
	so := make(map[string]bool, len(o.Conditions))
	for _, c := range o.Conditions {
		key := c.Key()
		so[key] = true
		a := s.Alerts[key]
		switch {
		case a == nil:
			a = &Alert{Started: now, Told: map[string]*Told{}}
			if !c.Since.IsZero() && c.Since.Before(now) {
				a.Started = c.Since
			}
			s.Alerts[key] = a
		case !a.Over.IsZero():
			a.Over, a.Started = time.Time{}, now
			a.Returns = append(a.Returns, now)
			s.hide(a, now)
		}
		a.Condition = c
	}
	for key, a := range s.Alerts {
		if !so[key] && a.Over.IsZero() && !o.blind(a.Condition) {
			a.Over = now
		}
	}
}

// hide counts that something came back of which channels hear nothing, since it flaps.
func (s *State) hide(a *Alert, now time.Time) {
	for channel, t := range a.Told {
		if t.Flapping {
			s.channel(channel).suppress(a.Topic, now)
		}
	}
}

// take has happenings wait for the channels that are told of them.
func (s *State) take(in Input, now time.Time) {
	if in.Read.After(s.Read) {
		s.Read = in.Read
	}
	for _, h := range in.Happenings {
		if _, seen := s.Seen[h.ID]; seen || h.Since.Before(s.Began) {
			continue
		}
		s.Seen[h.ID] = now
		for channel := range termsOf(in.Routes, h.Condition) {
			if _, configured := in.Channels[channel]; !configured {
				continue
			}
			ch := s.channel(channel)
			ch.Waiting = append(ch.Waiting, Waiting{h.Condition, h.Key() + "-" + h.ID, now})
			if len(ch.Waiting) > queue {
				ch.suppress(ch.Waiting[0].Topic, now)
				ch.Waiting = slices.Delete(ch.Waiting, 0, 1)
			}
		}
	}
}

// decide says of each alert what each channel is to be told. What was to be told, and is not so any more before it was, is counted.
func (s *State) decide(in Input, now time.Time) {
	for _, a := range s.Alerts {
		of := termsOf(in.Routes, a.Condition)
		for channel := range of {
			if _, configured := in.Channels[channel]; configured && a.Told[channel] == nil {
				a.Told[channel] = &Told{}
			}
		}
		a.Returns = slices.DeleteFunc(a.Returns, func(at time.Time) bool { return now.Sub(at) >= time.Hour })
		for channel, told := range a.Told {
			if _, configured := in.Channels[channel]; !configured {
				delete(a.Told, channel)
				continue
			}
			terms, selected := of[channel]
			due := a.due(told, terms, selected, now)
			switch {
			case due == told.Due:
			case told.Due != "" && (selected || told.Firing):
				s.channel(channel).suppress(a.Topic, now)
				told.Due, told.DueAt = due, now
			default:
				told.Due, told.DueAt = due, now
			}
		}
	}
}

// flapping reports whether an alert comes and goes.
func (a *Alert) flapping(told *Told, now time.Time) bool {
	changed := a.Started
	if a.Over.After(changed) {
		changed = a.Over
	}
	return len(a.Returns) >= flaps || told.Flapping && now.Sub(changed) < calm
}

// due is what a channel is to be told of an alert now.
func (a *Alert) due(told *Told, t terms, selected bool, now time.Time) Standing {
	flapping := a.flapping(told, now)
	if !flapping {
		told.Flapping = false
	}
	switch {
	case flapping && told.Flapping:
		return ""
	case flapping && selected && a.Over.IsZero():
		return Firing // once, with how often it came back
	case flapping:
		return ""
	case a.Over.IsZero() && selected && (!told.Firing && now.Sub(a.Started) >= t.after || told.Firing && now.Sub(told.At) >= t.repeat):
		return Firing
	case !a.Over.IsZero() && told.Firing && now.Sub(a.Over) >= Settle:
		return Resolved
	}
	return ""
}

// ready is an item that is to be told, and what is to be noted once it is.
type ready struct {
	item  Item
	since time.Time
	told  func()
}

// flush makes the messages that may go out now.
func (s *State) flush(in Input, now time.Time) (out []Message) {
	of := s.ready(now)
	for _, name := range slices.Sorted(maps.Keys(in.Channels)) {
		limit, ch := in.Channels[name], s.channel(name)
		perHour := limit.PerHour
		if perHour <= 0 {
			perHour = DefaultPerHour
		}
		items := of[name]
		if len(items) > 0 && slices.MinFunc(items, func(a, b ready) int { return a.since.Compare(b.since) }).since.After(now.Add(-GroupWait)) {
			continue
		}
		most := most
		if limit.Each {
			most = 1
		}
		alone := len(items) == 0 && !limit.Each && len(ch.Suppressed) > 0 && now.Sub(ch.SuppressedAt) >= lonely
		for ; (len(items) > 0 || alone) && ch.sent(now) < perHour; alone = false {
			n := min(most, len(items))
			m := Message{Channel: name, At: now, Suppressed: ch.counts()}
			for _, r := range items[:n] {
				m.Items = append(m.Items, r.item)
				r.told()
			}
			items = items[n:]
			s.Number++
			m.ID = s.Origin + "-" + strconv.FormatInt(s.Number, 10)
			ch.Sent = append(ch.Sent, now)
			out = append(out, m)
		}
	}
	return out
}

// ready returns what is to be told, by channels: what matters most first, then what waits longest.
func (s *State) ready(now time.Time) map[string][]ready {
	of := map[string][]ready{}
	for key, a := range s.Alerts {
		for channel, told := range a.Told {
			if told.Due == "" {
				continue
			}
			item := Item{Condition: a.Condition, Key: key, Standing: told.Due, Again: told.Firing && told.Due == Firing, Over: a.Over}
			flapping := told.Due == Firing && a.flapping(told, now)
			if flapping {
				item.Flaps = len(a.Returns)
			}
			item.Since = a.Started
			of[channel] = append(of[channel], ready{item, told.DueAt, func() {
				*told = Told{Firing: item.Standing == Firing, At: now, Flapping: flapping}
			}})
		}
	}
	for name, ch := range s.Channels {
		for _, w := range ch.Waiting {
			of[name] = append(of[name], ready{Item{Condition: w.Condition, Key: w.Key, Standing: Happened}, w.At, func() {
				ch.Waiting = slices.DeleteFunc(ch.Waiting, func(o Waiting) bool { return o.Key == w.Key })
			}})
		}
	}
	for _, items := range of {
		slices.SortFunc(items, func(a, b ready) int {
			return cmp.Or(cmp.Compare(rank(a.item), rank(b.item)), a.since.Compare(b.since), cmp.Compare(a.item.Key, b.item.Key))
		})
	}
	return of
}

// rank orders items by how much they matter.
func rank(i Item) int {
	switch {
	case i.Standing == Resolved:
		return 3
	case i.Topic.Severity() == Critical:
		return 0
	case i.Topic.Severity() == Warning:
		return 1
	}
	return 2
}

// forget drops what nobody has to hear of any more.
func (s *State) forget(in Input, now time.Time) {
	maps.DeleteFunc(s.Seen, func(_ string, at time.Time) bool { return now.Sub(at) >= remember })
	maps.DeleteFunc(s.Channels, func(name string, _ *Channel) bool { _, configured := in.Channels[name]; return !configured })
	maps.DeleteFunc(s.Alerts, func(_ string, a *Alert) bool {
		for _, told := range a.Told {
			if told.Firing || told.Due != "" || told.Flapping {
				return false
			}
		}
		return !a.Over.IsZero() && now.Sub(a.Over) >= time.Hour
	})
}
