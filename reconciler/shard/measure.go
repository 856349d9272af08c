// SPDX-License-Identifier: Apache-2.0

package shard

import (
	"math"
	"time"
)

// halfLife is how long it takes for work to count half. A roll-out of everything must not decide for an hour who has
// what, and a quiet minute must not make a busy bucket look idle.
const halfLife = 10 * time.Minute

// measure sums up the time that the runs of a bucket took, older ones counting less.
type measure struct {
	milliseconds float64
	at           time.Time
}

// add records a run that ended now. A negative duration, from a clock that was set back, counts nothing.
func (m *measure) add(now time.Time, took time.Duration) {
	m.milliseconds = m.value(now) + max(0, float64(took)/float64(time.Millisecond))
	m.at = now
}

// reset begins again with what another replica has measured.
func (m *measure) reset(now time.Time, milliseconds int64) {
	m.milliseconds, m.at = float64(milliseconds), now
}

// value returns the sum as it counts now.
func (m *measure) value(now time.Time) float64 {
	age := max(0, now.Sub(m.at))
	return m.milliseconds * math.Exp2(-float64(age)/float64(halfLife))
}

// rounded returns the value as it is published.
func (m *measure) rounded(now time.Time) int64 {
	return int64(min(m.value(now), maxWork))
}
