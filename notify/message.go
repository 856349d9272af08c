// SPDX-License-Identifier: Apache-2.0

package notify

import "time"

// Standing is what an item says of its condition.
type Standing string

// The standings.
const (
	// Firing is so.
	Firing Standing = "firing"
	// Resolved was so, was told, and is over.
	Resolved Standing = "resolved"
	// Happened is no state that could be over.
	Happened Standing = "happened"
)

// Item is one thing that a message tells.
type Item struct {
	Condition
	// Key is that of the condition, by which a receiver knows that two items are about the same.
	Key      string   `json:"key"`
	Standing Standing `json:"standing"`
	// Again reports that it was told before and is still so.
	Again bool `json:"again,omitempty"`
	// Flaps is how often it came back within the last hour, if that is often: nothing is told of it before it stays as it is.
	Flaps int `json:"flaps,omitempty"`
	// Over is when it was over.
	Over time.Time `json:"over,omitzero"`
}

// Suppressed is how many things of a topic were not told by themselves.
type Suppressed struct {
	Topic Topic `json:"topic"`
	Count int   `json:"count"`
}

// Message is told to a channel as a whole. It may be delivered twice, with the same ID.
type Message struct {
	ID      string    `json:"id"`
	Channel string    `json:"channel"`
	At      time.Time `json:"at"`
	Items   []Item    `json:"items,omitempty"`
	// Suppressed counts what was not told since the message before: it came and went while the channel had been told enough, or flapped.
	Suppressed []Suppressed `json:"suppressed,omitempty"`
}
