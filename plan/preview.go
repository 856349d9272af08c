// SPDX-License-Identifier: Apache-2.0

package plan

// Preview says what a release is to the preview of a pull request. What belongs to a preview goes with it: data and all.
type Preview string

// What a release can be.
const (
	NoPreview Preview = "" // it is no preview's
	Awake     Preview = "awake"
	Asleep    Preview = "asleep" // its workloads are scaled to nothing
)

// ReadPreview reads what was written; what is none of the constants is no preview's.
func ReadPreview(text string) Preview {
	if p := Preview(text); p == Awake || p == Asleep {
		return p
	}
	return NoPreview
}
