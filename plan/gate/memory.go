// SPDX-License-Identifier: Apache-2.0

package gate

import (
	"encoding/json"
	"fmt"
	"time"

	"trunkline.dev/trunkline/plan"
)

// Memory is what has to be remembered of a release and is neither in Git nor on its objects. It is kept with the
// release's inventory in the cluster.
type Memory struct {
	// Suspended is set while a person has the release suspended.
	Suspended *ByHand `json:"suspended,omitempty"`
	// Failed is the state that is not to be taken again.
	Failed *Failed `json:"failed,omitempty"`
	// Healthy are the last states at which the release was healthy, the newest first.
	Healthy []Mark `json:"healthy,omitempty"`
	// Protected reports whether its environment was protected when the release was last declared.
	Protected bool `json:"protected,omitempty"`
	// Approved is the state that a person has confirmed although it was not reviewed; nil if there is none.
	Approved *Approval `json:"approved,omitempty"`
	// Finished are the objects that have ended and are not made again, such as Jobs that remove themselves.
	Finished plan.Finished `json:"finished,omitempty"`
}

// Approval is who has confirmed a state that was not reviewed.
type Approval struct {
	ByHand

	// Digest is that of the state; empty for a removal.
	Digest string `json:"digest,omitempty"`
}

// Mark is a state at which a release was healthy, and since when.
type Mark struct {
	Commit string    `json:"commit"`
	Digest string    `json:"digest"`
	Since  time.Time `json:"since"`
}

const (
	// maxMarks bounds how many healthy states are remembered: enough to go back from a bad one by hand, twice.
	maxMarks = 3
	// maxMemory bounds what is read, in bytes: a poisoned annotation must not cost more.
	maxMemory = 16 << 10
)

// ReadMemory reads what was written by [Memory.String]. What cannot be read keeps the release as it is, as if
// suspended, and says so: it might have been.
func ReadMemory(text string) Memory {
	if text == "" {
		return Memory{}
	}
	unreadable := func(why string) Memory {
		return Memory{Suspended: &ByHand{Unreadable: true, By: "trunkline", Why: fmt.Sprintf("what was remembered of the release cannot be read (%s): look at the "+
			"annotation trunkline.dev/memory of its inventory, then resume it", why)}}
	}
	if len(text) > maxMemory {
		return unreadable(fmt.Sprintf("it has %d bytes, and at most %d are read", len(text), maxMemory))
	}
	var m Memory
	if err := json.Unmarshal([]byte(text), &m); err != nil {
		return unreadable("it is no JSON of the right form")
	}
	if len(m.Healthy) > maxMarks {
		m.Healthy = m.Healthy[:maxMarks]
	}
	return m
}

// String writes the memory as JSON; empty if there is nothing to remember.
func (m Memory) String() string {
	data, err := json.Marshal(m)
	if err != nil || string(data) == "{}" {
		return "" // it holds nothing that cannot be written
	}
	return string(data)
}

// Mark remembers that the release is healthy in a state. One that it is in already keeps its time.
func (m Memory) Mark(mark Mark) Memory {
	if len(m.Healthy) > 0 && m.Healthy[0].Digest == mark.Digest {
		return m
	}
	marks := []Mark{mark}
	for _, old := range m.Healthy {
		if old.Digest != mark.Digest && len(marks) < maxMarks {
			marks = append(marks, old)
		}
	}
	m.Healthy = marks
	return m
}

// Before returns the newest healthy state that is another than the given one.
func (m Memory) Before(digest string) (Mark, bool) {
	for _, mark := range m.Healthy {
		if mark.Digest != digest && (m.Failed == nil || m.Failed.Digest != mark.Digest) {
			return mark, true
		}
	}
	return Mark{}, false
}
