// SPDX-License-Identifier: Apache-2.0

package notify_test

import (
	"encoding/json"
	"fmt"
	"testing"
	"time"

	"github.com/google/go-cmp/cmp"
	"pgregory.net/rapid"

	"trunkline.dev/trunkline/notify"
)

var noon = time.Date(2026, 12, 1, 12, 0, 0, 0, time.UTC)

// world is what a test has happen, and what channels have heard.
type world struct {
	state    notify.State
	now      time.Time
	input    notify.Input
	so       map[int]bool
	firing   map[string]bool
	sent     map[string][]time.Time
	ids      map[string]bool
	happened int
	heard    map[string]int
}

func newWorld() *world {
	return &world{
		state: notify.New("o", noon), now: noon, so: map[int]bool{}, firing: map[string]bool{}, sent: map[string][]time.Time{}, ids: map[string]bool{},
		heard: map[string]int{},
		input: notify.Input{
			Routes:   []notify.Route{{Channel: "team"}, {Channel: "pager"}, {Channel: "elsewhere"}},
			Channels: map[string]notify.Limit{"team": {PerHour: 2}, "pager": {PerHour: 3, Each: true}},
		},
	}
}

func conditionOf(i int) notify.Condition {
	topics := []notify.Topic{notify.ReleaseFailed, notify.Held, notify.ClusterUnreachable, notify.LotLate}
	return notify.Condition{Topic: topics[i%len(topics)], Subject: notify.Subject{Project: fmt.Sprint("p", i)}}
}

// step steps from the state as it would be read after a crash, and holds what is told to what may be.
func (w *world) step(t *rapid.T, o *notify.Observation, happenings ...notify.Happening) {
	before, err := json.Marshal(w.state)
	if err != nil {
		t.Fatal(err)
	}
	var read notify.State
	if err := json.Unmarshal(before, &read); err != nil {
		t.Fatal(err)
	}
	in := w.input
	in.Observation, in.Happenings = o, happenings
	next, messages := notify.Step(w.state, in, w.now)
	again, same := notify.Step(read, in, w.now) // as after a crash
	if diff := cmp.Diff(text(t, next), text(t, again)); diff != "" {
		t.Fatalf("a state that was kept is not the same\n%s", diff)
	}
	if diff := cmp.Diff(messages, same); diff != "" {
		t.Fatalf("a state that was kept tells something else\n%s", diff)
	}
	if diff := cmp.Diff(string(before), text(t, w.state)); diff != "" {
		t.Fatalf("a step changes its argument\n%s", diff)
	}
	w.state = next
	for _, m := range messages {
		w.hear(t, m)
	}
	for channel := range w.input.Channels {
		ch := w.state.Channels[channel]
		if got := w.heard[channel] + ch.Suppressed[notify.RolledBack] + len(ch.Waiting); got != w.happened {
			t.Fatalf("%d things happened, and %s heard of %d, or will", w.happened, channel, got)
		}
	}
}

func (w *world) hear(t *rapid.T, m notify.Message) {
	if w.ids[m.ID] {
		t.Fatalf("two messages have the id %s", m.ID)
	}
	w.ids[m.ID] = true
	limit, configured := w.input.Channels[m.Channel]
	if !configured {
		t.Fatalf("a channel that is not configured is told: %s", m.Channel)
	}
	w.sent[m.Channel] = append(w.sent[m.Channel], m.At)
	if sent := w.sent[m.Channel]; len(sent) > limit.PerHour && m.At.Sub(sent[len(sent)-1-limit.PerHour]) < time.Hour {
		t.Fatalf("%s is sent more than %d messages in an hour", m.Channel, limit.PerHour)
	}
	if limit.Each && len(m.Items) != 1 {
		t.Fatalf("a message of %s has %d items", m.Channel, len(m.Items))
	}
	for _, s := range m.Suppressed {
		if s.Topic == notify.RolledBack {
			w.heard[m.Channel] += s.Count
		}
	}
	for _, i := range m.Items {
		key := m.Channel + " " + i.Key
		switch i.Standing {
		case notify.Firing:
			if i.Again != w.firing[key] {
				t.Fatalf("%s is told %s again: %v, want %v", m.Channel, i.Topic, i.Again, w.firing[key])
			}
			w.firing[key] = true
		case notify.Resolved:
			if !w.firing[key] {
				t.Fatalf("%s is told that %s is over, of which it was not told", m.Channel, i.Topic)
			}
			w.firing[key] = false
		case notify.Happened:
			w.heard[m.Channel]++
		}
	}
}

func (w *world) seen() *notify.Observation {
	o := &notify.Observation{}
	for i := range 6 {
		if w.so[i] {
			o.Conditions = append(o.Conditions, conditionOf(i))
		}
	}
	return o
}

// quiet reports whether nothing waits to be told.
func (w *world) quiet() bool {
	for channel := range w.input.Channels {
		for i := range 6 {
			if w.firing[channel+" "+conditionOf(i).Key()] != w.so[i] || len(w.state.Channels[channel].Waiting) > 0 {
				return false
			}
		}
	}
	return true
}

func text(t *rapid.T, v any) string {
	data, err := json.Marshal(v)
	if err != nil {
		t.Fatal(err)
	}
	return string(data)
}

func TestNothingIsLostOrMadeUp(t *testing.T) {
	rapid.Check(t, func(t *rapid.T) {
		w := newWorld()
		for range rapid.IntRange(5, 30).Draw(t, "steps") {
			w.now = w.now.Add(time.Duration(rapid.IntRange(1, 1200).Draw(t, "seconds")) * time.Second)
			i := rapid.IntRange(0, 5).Draw(t, "condition")
			w.so[i] = rapid.Bool().Draw(t, "so")
			o := w.seen()
			switch rapid.IntRange(0, 5).Draw(t, "sight") {
			case 0:
				o.Partial, o.Conditions = true, nil
			case 1:
				o.Conditions, o.Blind = nil, []notify.Blind{{}}
			case 2:
				o = nil
			}
			var happenings []notify.Happening
			for range rapid.IntRange(0, 1).Draw(t, "happenings") {
				w.happened++
				h := notify.Happening{ID: fmt.Sprint(w.happened), Condition: notify.Condition{Topic: notify.RolledBack, Since: w.now}}
				happenings = append(happenings, h, h) // it is read twice
			}
			w.step(t, o, happenings...)
		}
		for range 200 { // then nothing changes any more
			w.now = w.now.Add(30 * time.Minute)
			w.step(t, w.seen())
			if w.quiet() {
				break
			}
		}
		for channel := range w.input.Channels {
			for i := range 6 {
				if key := channel + " " + conditionOf(i).Key(); w.firing[key] != w.so[i] {
					t.Fatalf("%s believes of %s: %v, and it is %v", channel, conditionOf(i).Topic, w.firing[key], w.so[i])
				}
			}
			if ch := w.state.Channels[channel]; len(ch.Waiting) > 0 {
				t.Fatalf("%d things wait that %s is not told", len(ch.Waiting), channel)
			}
		}
	})
}
