// SPDX-License-Identifier: Apache-2.0

package usage

import "time"

// Sample is what a pod of a run used at a moment.
type Sample struct {
	// Pod tells the pods of a run apart; it is their UID.
	Pod string    `json:"pod"`
	At  time.Time `json:"at"`
	// Cores and MiB are what was used, and the others what was requested.
	Cores          float64 `json:"cores"`
	MiB            float64 `json:"mib"`
	RequestedCores float64 `json:"requestedCores,omitempty"`
	RequestedMiB   float64 `json:"requestedMib,omitempty"`
}

// maxFine is how many samples of a pod are as close as it is measured; after as many more, half of them are kept, and so on.
const maxFine = 240

// Sampled reports whether a measurement is kept as a sample, of something that began and was sampled last at those times (zero: it was not).
// A pod of a minute has each measurement, and one of a week a thousand or so.
func Sampled(began, last, now time.Time, interval time.Duration) bool {
	if last.IsZero() {
		return true
	}
	width := max(interval, time.Second)
	for now.Sub(began)/width >= maxFine {
		width *= 2
	}
	return now.Sub(began)/width != last.Sub(began)/width
}
