// SPDX-License-Identifier: Apache-2.0

package post

import (
	"testing"

	"trunkline.dev/trunkline/notify/outbox"
)

// TestGivenUp: what was not told to a channel, and never will be, is said with why; what waits is not.
func TestGivenUp(t *testing.T) {
	for want, counts := range map[string][]outbox.Count{
		"": {{Channel: "team", Waiting: 3}},
		"2 to team were given up: it answered 404; 1 to oncall were given up": {{Channel: "team", Dead: 2, Why: "it answered 404"}, {Channel: "mail"}, {Channel: "oncall", Dead: 1}},
	} {
		if got := givenUp(counts); got != want {
			t.Errorf("got %q, want %q", got, want)
		}
	}
}
